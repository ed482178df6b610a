"""Why a benefit is what it is, in words for the worker and for the audit committee: each step with its clause."""

from collections.abc import Iterator
from decimal import Decimal

from services.aid.refusals import BENEFIT, REJECTIONS
from shared.schemas.aid import Assessment, BandShare, RejectionGround
from shared.schemas.money import cny

__all__ = ["explained", "turned_down"]


def explained(assessment: Assessment) -> Iterator[str]:
    """From what the worker paid to what is granted, so that the steps can be added up with pencil and paper."""
    yield f"医保结算后自付{cny(assessment.self_paid)}元"
    if assessment.excluded:
        yield f"其中{cny(assessment.excluded)}元不计入，计入{cny(assessment.counted)}元"
    if assessment.deductible:
        yield f"起付线{cny(assessment.deductible)}元以内不付（{BENEFIT}）"
    yield from (_band(share) for share in assessment.shares)
    yield f"合计{cny(assessment.benefit)}元（四舍六入五成双到分，{BENEFIT}）"
    yield from (f"{finding.words}（{finding.clause}）" for finding in assessment.reductions)
    if assessment.amount != assessment.benefit:
        yield f"实付待遇{cny(assessment.amount)}元"


def _band(share: BandShare) -> str:
    reach = f"超过{cny(share.above)}元" if share.up_to is None else f"{cny(share.above)}元至{cny(share.up_to)}元"
    return f"{reach}部分{cny(share.amount)}元，按{_plain(share.percent)}%付{_yuan(share.share)}元（{BENEFIT}）"


def _plain(percent: Decimal) -> str:
    """Without zeros at the end: 40, 12.5."""
    return f"{percent.normalize():f}"


def _yuan(fen: Decimal) -> str:
    """Exact, at least to the fen: 8121.132."""
    exact = fen.scaleb(-2).normalize()
    places = max(2, -int(exact.as_tuple().exponent))
    return f"{exact:.{places}f}"


def turned_down(ground: RejectionGround) -> str:
    clause, words = REJECTIONS[ground]
    return f"{words}（{clause}）"
