"""The benefit formula: bands over what the worker paid, and why each fen is paid or not."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.aid.benefit import assess, benefit, shares
from services.aid.rules import shipped
from shared.schemas.aid import Exclusion, ExclusionGround
from shared.schemas.money import Fen, fen
from tests.services.aid.cases import PERIOD

SCHEME = shipped().at("330783", PERIOD)
TABLE = SCHEME.benefit
CEILING = fen(30_000)

amounts = st.integers(0, fen(1_000_000))


@pytest.mark.parametrize(
    ("self_paid", "paid"),
    [
        ("0", "0"),
        ("500", "0"),
        ("500.01", "0"),
        ("500.02", "0.01"),
        ("5000", "1800"),
        ("5000.02", "1800.01"),
        ("20000", "9300"),
        ("33535.22", "17421.13"),
        ("54500", "30000"),
    ],
)
def test_the_default_table(self_paid: str, paid: str) -> None:
    assert benefit(TABLE, fen(self_paid)) == fen(paid)


def test_the_known_case_can_be_explained_fen_by_fen() -> None:
    assert [(share.amount, share.percent, share.share) for share in shares(TABLE, fen("33535.22"))] == [
        (fen(4_500), Decimal(40), Decimal(fen(1_800))),
        (fen(15_000), Decimal(50), Decimal(fen(7_500))),
        (fen("13535.22"), Decimal(60), Decimal("812113.2")),
    ]


@given(amounts, amounts)
def test_who_paid_more_receives_no_less_and_never_more_than_they_paid(one: Fen, other: Fen) -> None:
    less, more = sorted((one, other))
    assert benefit(TABLE, less) <= benefit(TABLE, more) <= max(0, more - TABLE.deductible)


@given(amounts)
def test_bands_share_out_all_beyond_the_deductible(counted: Fen) -> None:
    assert sum(share.amount for share in shares(TABLE, counted)) == max(0, counted - TABLE.deductible)


@given(amounts, st.integers(0, CEILING))
def test_the_benefit_is_what_the_table_gives_or_what_the_ceiling_has_left(self_paid: Fen, room: Fen) -> None:
    assessment = assess(SCHEME, self_paid, (), room)
    reduced = sum(finding.amount for finding in assessment.reductions)
    assert assessment.amount == min(assessment.benefit, room) == assessment.benefit - reduced


def test_a_reduction_cites_its_clause() -> None:
    (finding,) = assess(SCHEME, fen("33535.22"), (), fen(10_000)).reductions
    assert finding.clause == "职工医疗互助保障 第5条"
    assert finding.amount == fen("7421.13")
    assert finding.words == (
        "年度限额30000.00元，本期尚余10000.00元，待遇17421.13元减为10000.00元；限额恢复后须经重新审核补付"
    )


def test_what_does_not_count_is_taken_off_first_and_cites_its_clause() -> None:
    exclusion = Exclusion(amount=fen("3535.22"), ground=ExclusionGround.OTHER_COMPENSATION)
    assessment = assess(SCHEME, fen("33535.22"), (exclusion,), CEILING)
    assert (assessment.counted, assessment.benefit) == (fen(30_000), fen(15_300))
    assert [(finding.clause, finding.words) for finding in assessment.reductions] == [
        ("职工医疗互助保障 第4条", "第三方已赔付的费用3535.22元不计入")
    ]


def test_no_more_is_excluded_than_was_paid() -> None:
    exclusion = Exclusion(amount=fen(1_000), ground=ExclusionGround.UNPROVED)
    assessment = assess(SCHEME, fen(900), (exclusion,), CEILING)
    assert (assessment.excluded, assessment.counted, assessment.amount) == (fen(900), 0, 0)
