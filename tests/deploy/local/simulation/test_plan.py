"""A half-year drawn from a seed: its sums are the programme's, by the benefit table alone, and it is the same again."""

from collections import defaultdict
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric, uscc

from deploy.local.simulation.amounts import Draw, amounts, least_self_paid
from deploy.local.simulation.claims import Act, Case, End
from deploy.local.simulation.figures import DONGYANG_2019H1
from deploy.local.simulation.plan import Plan, drawn
from services.aid.benefit import benefit
from services.aid.rules import shipped
from shared.schemas.aid import Channel
from shared.schemas.money import Fen, fen

SCHEME = shipped().at("330783", DONGYANG_2019H1.period)
HOLDING = {Act.QUOTE, Act.DECIDE}
"""From these on a claim's amount is held against the ceiling."""


@pytest.fixture(scope="module")
def whole() -> Plan:
    return drawn(DONGYANG_2019H1, 2019, shipped())


def test_72_388_workers_of_903_enterprises_are_paid_6_391_000_cny_for_6_854_claims(whole: Plan) -> None:
    paid = whole.of(End.PAID)
    assert (len(whole.enterprises), sum(len(one.workers) for one in whole.enterprises)) == (903, 72_388)
    assert (len(paid), sum(case.granted for case in paid)) == (6_854, fen("6391000.00"))


def test_each_benefit_is_what_the_table_gives_for_the_bill_and_the_ceiling_leaves_of_it(whole: Plan) -> None:
    used: dict[int, Fen] = defaultdict(int)
    for case in sorted(whole.of(End.PAID), key=_held_on):
        counted = case.bill.self_paid - (case.exclusion.amount if case.exclusion else 0)
        assert case.benefit == benefit(SCHEME.benefit, counted)
        assert 0 < case.granted == min(case.benefit, SCHEME.ceiling - used[case.patient.number])
        used[case.patient.number] += case.granted
    assert max(used.values()) == SCHEME.ceiling


def test_all_that_happens_at_a_desk_happens(whole: Plan) -> None:
    assert set(whole.ends) == {*End}
    assert {case.channel for case in whole.of(End.PAID)} == {*Channel}
    assert sum(case.reduced for case in whole.cases) >= 10
    assert sum(case.missing is not None for case in whole.of(End.PAID)) >= 100
    assert sum(case.returned is not None for case in whole.cases) == 103
    assert any(case.exclusion is not None for case in whole.cases)


def test_nobody_files_before_they_have_left_and_all_is_done_within_the_half_year(whole: Plan) -> None:
    for case in whole.cases:
        days = [day for day, _ in case.acts]
        assert date(2018, 12, 1) <= case.admitted_on <= case.discharged_on <= days[0]
        assert days == sorted(days)
        assert DONGYANG_2019H1.first <= days[0]
        assert days[-1] <= date(2019, 6, 27)  # the last Friday but a day, on which it is paid


def test_a_patient_s_claim_is_dealt_with_before_the_next_one_comes(whole: Plan) -> None:
    by_patient = defaultdict(list)
    for case in whole.cases:
        by_patient[case.patient.number].append(case)
    assert max(map(len, by_patient.values())) == 5
    for cases in by_patient.values():
        for earlier, later in pairwise(sorted(cases, key=_held_on)):
            assert earlier.acts[-1][0] < later.acts[0][0]
            assert earlier.end is later.end is End.PAID


def test_everybody_has_a_number_of_their_own_with_its_check_digit(whole: Plan) -> None:
    numbers = [worker.id_number for worker in whole.workers]
    assert len({*numbers}) == len(numbers)
    assert all(ric.calc_check_digit(number) == number[-1] for number in numbers[::500])
    assert all(uscc.is_valid(enterprise.credit_code) for enterprise in whole.enterprises)


def test_the_same_seed_gives_the_same_plan_and_another_another() -> None:
    few = DONGYANG_2019H1.scaled(100)
    one, again, other = (drawn(few, seed, shipped()) for seed in (7, 7, 8))
    assert (one, one.digest) == (again, again.digest)
    assert one.digest != other.digest


@pytest.mark.parametrize("scale", [20, 100])
def test_a_smaller_county_s_sum_is_exact_too(scale: int) -> None:
    plan = drawn(DONGYANG_2019H1.scaled(scale), 1, shipped())
    assert sum(case.granted for case in plan.of(End.PAID)) == fen("6391000.00") // scale
    assert set(plan.ends) == {*End}
    assert any(case.returned for case in plan.cases)
    assert any(case.reduced for case in plan.cases)


@given(
    st.lists(st.tuples(st.integers(0, 20), st.floats(0.001, 0.1)), min_size=30, max_size=60),
    st.integers(fen(1000), fen(20_000)),
)
def test_any_sum_is_met_to_the_fen_and_no_claim_comes_to_nothing(weights: list[tuple[int, float]], total: Fen) -> None:
    draws = [Draw(patient, weight) for patient, weight in weights]
    paid = amounts(draws, SCHEME.benefit, SCHEME.ceiling, total)
    assert sum(one.granted for one in paid) == total
    assert all(0 < one.granted <= one.benefit == benefit(SCHEME.benefit, one.counted) for one in paid)


def test_a_sum_that_is_too_small_for_its_claims_is_refused() -> None:
    with pytest.raises(ValueError, match="more than the sum"):
        amounts([Draw(0, fixed=fen(60_000)), Draw(1, 0.01)], SCHEME.benefit, SCHEME.ceiling, fen(30_000))


@given(st.integers(1, fen(40_000)))
def test_every_benefit_is_some_bill_s_and_a_fen_less_to_pay_gives_less(wanted: Fen) -> None:
    least = least_self_paid(SCHEME.benefit, wanted)
    assert benefit(SCHEME.benefit, least) == wanted > benefit(SCHEME.benefit, least - 1)


def _held_on(case: Case) -> date:
    return next(day for day, act in case.acts if act in HOLDING) if case.end is End.PAID else case.acts[0][0]
