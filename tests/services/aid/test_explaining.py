"""Each step from the bill to the benefit can be followed with pencil and paper."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.aid.benefit import assess
from services.aid.explaining import explained, turned_down
from services.aid.refusals import REJECTIONS
from services.aid.rules import shipped
from shared.schemas.aid import BenefitBand, BenefitTable, RejectionGround
from shared.schemas.money import cny, fen
from tests.services.aid.cases import DONGYANG, PERIOD

SCHEME = shipped().at(DONGYANG, PERIOD)


def test_a_bill_below_the_deductible_is_explained_too() -> None:
    assert list(explained(assess(SCHEME, fen(400), (), fen(30_000)))) == [
        "医保结算后自付400.00元",
        "起付线500.00元以内不付（职工医疗互助保障 第4条）",
        "合计0.00元（四舍六入五成双到分，职工医疗互助保障 第4条）",
    ]


def test_percentages_are_said_as_they_are_written_and_a_table_without_deductible_has_none() -> None:
    bands = (BenefitBand(up_to=fen(1_000), percent=Decimal("12.50")), BenefitBand(percent=Decimal(100)))
    scheme = SCHEME.model_copy(update={"benefit": BenefitTable(deductible=0, bands=bands)})
    assert list(explained(assess(scheme, fen("1000.10"), (), fen(30_000)))) == [
        "医保结算后自付1000.10元",
        "0.00元至1000.00元部分1000.00元，按12.5%付125.00元（职工医疗互助保障 第4条）",
        "超过1000.00元部分0.10元，按100%付0.10元（职工医疗互助保障 第4条）",
        "合计125.10元（四舍六入五成双到分，职工医疗互助保障 第4条）",
    ]


def test_every_ground_on_which_a_claim_is_turned_down_has_words_and_a_clause() -> None:
    for ground in RejectionGround:
        clause, words = REJECTIONS[ground]
        assert turned_down(ground) == f"{words}（{clause}）"
        assert "第" in clause


@given(st.integers(0, fen(200_000)), st.integers(0, fen(30_000)))
def test_the_last_amount_said_is_the_benefit(self_paid: int, room: int) -> None:
    assessment = assess(SCHEME, self_paid, (), room)
    steps = list(explained(assessment))
    assert steps[0] == f"医保结算后自付{cny(self_paid)}元"
    last = steps[-1]
    assert last.startswith((f"合计{cny(assessment.amount)}元", f"实付待遇{cny(assessment.amount)}元"))
    assert len(steps) >= 3 + len(assessment.shares)
