"""What a bill pays: from what the worker paid, by the table of the scheme, within what the ceiling has left.

Everything that makes it less is a finding with its clause, so that each fen can be explained.
"""

from collections.abc import Sequence
from decimal import Decimal

from services.aid.refusals import CEILING, EXCLUSIONS
from shared.schemas.aid import Assessment, BandShare, BenefitTable, Exclusion, Finding, SchemeTerms
from shared.schemas.money import Fen, cny, round_fen

__all__ = ["assess", "benefit", "shares"]

HUNDRED = Decimal(100)


def shares(table: BenefitTable, counted: Fen) -> tuple[BandShare, ...]:
    """What lies within each band that the amount reaches, and the exact share of it."""
    return tuple(
        BandShare(above=above, up_to=up_to, amount=within, percent=percent, share=within * percent / HUNDRED)
        for above, up_to, percent in table.ranges()
        if (within := (counted if up_to is None else min(counted, up_to)) - above) > 0
    )


def benefit(table: BenefitTable, counted: Fen) -> Fen:
    """By the table alone, rounded half to even to the fen once.

    >>> from services.aid.rules import shipped
    >>> cny(benefit(shipped().tables["default"], 33_535_22))
    '17421.13'
    """
    return round_fen(sum((band.share for band in shares(table, counted)), Decimal(0)))


def assess(scheme: SchemeTerms, self_paid: Fen, exclusions: Sequence[Exclusion], room: Fen) -> Assessment:
    """`room` is what the ceiling has left for this claim. Exclusions beyond what was paid leave nothing."""
    excluded = min(self_paid, sum(exclusion.amount for exclusion in exclusions))
    counted = self_paid - excluded
    by_table = benefit(scheme.benefit, counted)
    amount = min(by_table, room)
    return Assessment(
        pool=scheme.pool,
        scheme=scheme.version,
        self_paid=self_paid,
        excluded=excluded,
        counted=counted,
        deductible=scheme.benefit.deductible,
        shares=shares(scheme.benefit, counted),
        benefit=by_table,
        ceiling=scheme.ceiling,
        room=room,
        amount=amount,
        reductions=(*_excluded(exclusions), *_above_ceiling(scheme, by_table, room)),
    )


def _excluded(exclusions: Sequence[Exclusion]) -> list[Finding]:
    return [
        Finding(
            clause=EXCLUSIONS[exclusion.ground][0],
            words=f"{EXCLUSIONS[exclusion.ground][1]}{cny(exclusion.amount)}元不计入",
            amount=exclusion.amount,
        )
        for exclusion in exclusions
    ]


def _above_ceiling(scheme: SchemeTerms, by_table: Fen, room: Fen) -> list[Finding]:
    if by_table <= room:
        return []
    words = (
        f"年度限额{cny(scheme.ceiling)}元，本期尚余{cny(room)}元，待遇{cny(by_table)}元减为{cny(room)}元；"
        "限额恢复后须经重新审核补付"
    )
    return [Finding(clause=CEILING, words=words, amount=by_table - room)]
