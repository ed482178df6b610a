"""Repayment schedules. Amounts in fen; hand calculations stand beside each worked example."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.loan.interest import DayCount, add_months
from services.loan.schedule import Instalment, RepaymentForm, Schedule, build_schedule

JANUARY_31 = date(2019, 1, 31)

forms = st.sampled_from(RepaymentForm)
first_days = st.dates(date(2016, 1, 1), date(2026, 12, 31))
draws = st.builds(
    build_schedule,
    st.integers(1, 30_000_000),
    st.decimals(0, 24, places=4),
    forms,
    st.sampled_from(DayCount),
    first_days,
    months=st.integers(1, 36),
)


def twelve_percent(form: RepaymentForm, months: int = 2, principal: int = 120_000) -> Schedule:
    """At 1 % a month from 31 January, under 30/360."""
    return build_schedule(principal, Decimal(12), form, DayCount.THIRTY_360, JANUARY_31, months=months)


def test_equal_instalments_differ_only_in_the_last() -> None:
    # 120 000 × 0.01 × 1.01² / (1.01² − 1) = 60 901.49…; interest 1 200, then 1 % of 60 299 = 602.99
    assert twelve_percent(RepaymentForm.EQUAL_INSTALMENTS).instalments == (
        Instalment(1, JANUARY_31, date(2019, 2, 28), principal=59_701, interest=1_200),
        Instalment(2, date(2019, 2, 28), date(2019, 3, 31), principal=60_299, interest=603),
    )


def test_equal_principal_bears_interest_on_what_is_left() -> None:
    # 100 000 / 3 = 33 333, the last takes 33 334; interest 1 % of 100 000, 66 667 (666.67), 33 334 (333.34)
    schedule = twelve_percent(RepaymentForm.EQUAL_PRINCIPAL, months=3, principal=100_000)
    assert [(each.principal, each.interest) for each in schedule.instalments] == [
        (33_333, 1_000),
        (33_333, 667),
        (33_334, 333),
    ]


def test_interest_first_leaves_the_principal_to_the_end() -> None:
    schedule = twelve_percent(RepaymentForm.INTEREST_FIRST)
    assert [(each.principal, each.interest) for each in schedule.instalments] == [(0, 1_200), (120_000, 1_200)]


def test_on_demand_asks_for_nothing_before_the_due_date() -> None:
    assert twelve_percent(RepaymentForm.ON_DEMAND).instalments == (
        Instalment(1, JANUARY_31, date(2019, 3, 31), principal=120_000, interest=2_400),
    )


def test_the_cable_factory_workers_renovation_over_a_year() -> None:
    # 100 000 CNY at 6.2205 % act/360 from 1 July 2019. First period 31 days: 10 000 000 × 6.2205 % × 31/360 = 53 565.4
    schedule = build_schedule(
        10_000_000,
        Decimal("6.2205"),
        RepaymentForm.EQUAL_INSTALMENTS,
        DayCount.ACT_360,
        date(2019, 7, 1),
        months=12,
    )
    first, *_, last = schedule.instalments
    assert (first.interest, last.due) == (53_565, date(2020, 7, 1))
    # what the instalments are worth on the first day, each period discounted by its own days, is what was lent,
    # but for half a fen of rounding in each period's interest
    worth, discount = Fraction(0), Fraction(1)
    for each in schedule.instalments:
        discount /= 1 + Fraction("0.062205") * (each.due - each.starts).days / 360
        worth += each.amount * discount
    assert abs(worth - 10_000_000) < 6


def test_due_dates_clamp_to_a_short_month_and_come_back() -> None:
    schedule = twelve_percent(RepaymentForm.INTEREST_FIRST, months=4)
    assert [each.due for each in schedule.instalments] == [
        date(2019, 2, 28),
        date(2019, 3, 31),
        date(2019, 4, 30),
        date(2019, 5, 31),
    ]


def test_a_due_date_between_months_makes_a_short_last_period() -> None:
    schedule = build_schedule(
        100_000,
        Decimal("3.6"),
        RepaymentForm.INTEREST_FIRST,
        DayCount.ACT_360,
        date(2019, 3, 1),
        due=date(2019, 4, 11),
    )
    # 31 and 10 days at 0.01 % a day
    assert [(each.due, each.interest) for each in schedule.instalments] == [
        (date(2019, 4, 1), 310),
        (date(2019, 4, 11), 100),
    ]


@given(form=forms, first_day=first_days, months=st.integers(1, 36))
def test_a_due_date_after_whole_months_is_the_same_as_the_months(
    form: RepaymentForm, first_day: date, months: int
) -> None:
    by_months = build_schedule(1_000_000, Decimal(5), form, DayCount.ACT_365, first_day, months=months)
    due = add_months(first_day, months)
    assert build_schedule(1_000_000, Decimal(5), form, DayCount.ACT_365, first_day, due=due) == by_months


@pytest.mark.parametrize(
    "terms", [{}, {"months": 0}, {"months": 1, "due": date(2019, 3, 1)}, {"due": JANUARY_31}], ids=str
)
def test_a_draw_has_either_months_or_a_due_date(terms: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="either a number of months"):
        build_schedule(100, Decimal(5), RepaymentForm.ON_DEMAND, DayCount.ACT_360, JANUARY_31, **terms)  # type: ignore[arg-type]


def test_a_draw_of_nothing_has_no_schedule() -> None:
    with pytest.raises(ValueError, match="more than nothing"):
        twelve_percent(RepaymentForm.ON_DEMAND, principal=0)


@given(schedule=draws, principal=st.integers(1, 10**8))
def test_principals_sum_to_the_draw_and_nothing_is_negative(schedule: Schedule, principal: int) -> None:
    again = build_schedule(
        principal,
        schedule.rates[0].annual_percent,
        schedule.form,
        schedule.accrual.day_count,
        schedule.accrual.first_day,
        months=12,
    )
    assert again.principal == principal
    for each in (*schedule.instalments, *again.instalments):
        assert each.principal >= 0
        assert each.interest >= 0
        assert each.starts < each.due


@given(
    principal=st.integers(100_000, 30_000_000),
    rate=st.decimals(0, 24, places=6),
    count=st.sampled_from(DayCount),
    first_day=first_days,
    months=st.integers(1, 36),
)
def test_equal_instalments_are_equal_but_for_the_last(
    principal: int, rate: Decimal, count: DayCount, first_day: date, months: int
) -> None:
    schedule = build_schedule(principal, rate, RepaymentForm.EQUAL_INSTALMENTS, count, first_day, months=months)
    *level, last = [each.amount for each in schedule.instalments]
    assert len(set(level)) <= 1
    if level:
        # each rounding is at most half a fen, and grows with interest until the end
        assert abs(last - level[0]) <= 2 * months


@pytest.mark.parametrize("form", [RepaymentForm.EQUAL_INSTALMENTS, RepaymentForm.EQUAL_PRINCIPAL])
@pytest.mark.parametrize("principal", [1, 10, 20, 35, 37, 55])
def test_a_few_fen_over_three_years_are_repaid_once(form: RepaymentForm, principal: int) -> None:
    schedule = twelve_percent(form, months=36, principal=principal)
    assert schedule.principal == principal
    assert all(each.principal >= 0 for each in schedule.instalments)


def test_a_month_whose_interest_exceeds_the_level_instalment_asks_for_interest_alone() -> None:
    # 40 years at 60 %: the level instalment is about the mean month's interest, which a month of 31 days exceeds
    schedule = build_schedule(
        10_000_000, Decimal(60), RepaymentForm.EQUAL_INSTALMENTS, DayCount.ACT_360, JANUARY_31, months=480
    )
    assert min(each.principal for each in schedule.instalments) == 0
    assert schedule.principal == 10_000_000


@given(schedule=draws)
def test_periods_follow_each_other_from_the_day_of_disbursement(schedule: Schedule) -> None:
    assert schedule.instalments[0].starts == schedule.accrual.first_day
    for earlier, later in pairwise(schedule.instalments):
        assert earlier.due == later.starts
        assert earlier.number + 1 == later.number


def test_paying_off_to_the_day_costs_the_interest_up_to_the_day_before() -> None:
    schedule = twelve_percent(RepaymentForm.EQUAL_INSTALMENTS)
    # on 10 March: 59 701 and 1 200 have fallen due. On 60 299, clamped 28 February counts as the 30th: 10 days
    # 60 299 × 12 % × 10 / 360 = 200.99…
    assert schedule.not_due(date(2019, 3, 10)) == (60_299, 201)
    # on the due date itself: all of the second instalment has fallen due
    assert schedule.not_due(date(2019, 3, 31)) == (0, 0)


def test_paying_off_on_the_day_of_disbursement_costs_nothing() -> None:
    assert twelve_percent(RepaymentForm.ON_DEMAND).not_due(JANUARY_31) == (120_000, 0)


def test_there_is_no_paying_off_before_the_disbursement() -> None:
    with pytest.raises(ValueError, match="runs forward"):
        twelve_percent(RepaymentForm.ON_DEMAND).not_due(date(2019, 1, 30))


@given(schedule=draws, days=st.integers(0, 1200))
def test_what_has_fallen_due_and_what_has_not_are_the_whole_draw(schedule: Schedule, days: int) -> None:
    on = schedule.accrual.first_day + timedelta(days=days)
    rest = schedule.not_due(on)
    assert sum(each.principal for each in schedule.due_by(on)) + rest.principal == schedule.principal
    if running := schedule.after(on):
        assert 0 <= rest.interest <= running[0].interest
    else:
        assert rest == (0, 0)


@given(schedule=draws)
def test_each_days_pay_off_leads_up_to_the_instalment_of_the_due_date(schedule: Schedule) -> None:
    running = schedule.instalments[0]
    eve = running.due - timedelta(days=1)
    last_day = schedule.accrual.weight(schedule.rates, eve, running.due)
    one_day = round(Fraction(schedule.principal * last_day, schedule.accrual.whole))
    assert abs(schedule.not_due(eve).interest + one_day - running.interest) <= 1


def test_an_early_repayment_keeps_the_term_and_lowers_the_instalments() -> None:
    schedule = twelve_percent(RepaymentForm.EQUAL_PRINCIPAL, months=3, principal=90_000)
    # on 15 March, 15 days into the second month: 60 000 × 12 % × 15 / 360 = 300. Of 20 300, 20 000 go to principal.
    # 40 000 are left over two due dates: 20 000 each, with 15 days (200) and a month (200) of interest
    early = schedule.repaid_early(date(2019, 3, 15), 20_300)
    assert (early.interest, early.principal, early.left) == (300, 20_000, 0)
    assert early.schedule.instalments == (
        Instalment(1, JANUARY_31, date(2019, 2, 28), principal=30_000, interest=900),
        Instalment(2, date(2019, 3, 15), date(2019, 3, 31), principal=20_000, interest=200),
        Instalment(3, date(2019, 3, 31), date(2019, 4, 30), principal=20_000, interest=200),
    )


def test_an_early_repayment_that_interest_takes_up_lowers_the_next_instalment() -> None:
    schedule = twelve_percent(RepaymentForm.INTEREST_FIRST)
    early = schedule.repaid_early(date(2019, 2, 15), 100)
    assert (early.interest, early.principal, early.left) == (100, 0, 0)
    assert [each.interest for each in early.schedule.instalments] == [1_100, 1_200]
    # five days on, 20 days have run: 120 000 × 12 % × 20 / 360 = 800, of which 100 are paid
    assert early.schedule.not_due(date(2019, 2, 20)) == (120_000, 700)


def test_interest_can_be_paid_ahead_more_than_once() -> None:
    schedule = twelve_percent(RepaymentForm.INTEREST_FIRST)
    for day, amount in ((15, 100), (20, 50)):
        schedule = schedule.repaid_early(date(2019, 2, day), amount).schedule
    assert schedule.instalments[0] == Instalment(1, JANUARY_31, date(2019, 2, 28), 0, interest=1_050, prepaid=150)


def test_interest_that_was_paid_ahead_is_not_owed_back() -> None:
    schedule = twelve_percent(RepaymentForm.INTEREST_FIRST).repaid_early(date(2019, 2, 15), 600).schedule
    with pytest.raises(ValueError, match="paid already"):
        schedule.not_due(date(2019, 2, 10))


def test_paying_off_early_leaves_no_instalment_and_gives_the_rest_back() -> None:
    schedule = twelve_percent(RepaymentForm.EQUAL_INSTALMENTS)
    early = schedule.repaid_early(date(2019, 3, 10), 70_000)
    assert (early.interest, early.principal, early.left) == (201, 60_299, 70_000 - 60_500)
    assert early.schedule.after(date(2019, 3, 10)) == ()


def test_after_the_last_due_date_nothing_is_early() -> None:
    schedule = twelve_percent(RepaymentForm.EQUAL_INSTALMENTS)
    assert schedule.repaid_early(date(2019, 3, 31), 500) == (0, 0, 500, schedule)


def test_a_repayment_of_nothing_is_none() -> None:
    with pytest.raises(ValueError, match="more than nothing"):
        twelve_percent(RepaymentForm.ON_DEMAND).repaid_early(date(2019, 2, 1), 0)


@given(
    schedule=draws,
    repayments=st.lists(st.tuples(st.integers(0, 90), st.integers(1, 10_000_000)), max_size=6),
)
def test_no_fen_of_principal_is_lost_by_early_repayments(schedule: Schedule, repayments: list[tuple[int, int]]) -> None:
    drawn, early, on = schedule.principal, 0, schedule.accrual.first_day
    dues = {each.due for each in schedule.instalments}
    for wait, amount in repayments:
        on += timedelta(days=wait)
        repayment = schedule.repaid_early(on, amount)
        assert repayment.interest + repayment.principal + repayment.left == amount
        assert min(repayment.interest, repayment.principal, repayment.left) >= 0
        early, schedule = early + repayment.principal, repayment.schedule
    assert schedule.principal + early == drawn
    assert {each.due for each in schedule.instalments} <= dues
    assert all(min(each.principal, each.interest) >= 0 for each in schedule.instalments)


def test_a_change_of_rate_splits_the_running_period_by_days() -> None:
    schedule = twelve_percent(RepaymentForm.INTEREST_FIRST).repriced(date(2019, 3, 10), Decimal(6))
    # the second month: 10 days at 12 % (400) and 20 at 6 % (400); the first stays
    assert [each.interest for each in schedule.instalments] == [1_200, 800]


def test_a_change_of_rate_leaves_what_has_fallen_due() -> None:
    schedule = twelve_percent(RepaymentForm.EQUAL_INSTALMENTS)
    assert schedule.repriced(date(2019, 3, 31), Decimal(6)) == schedule


def test_interest_paid_ahead_still_counts_after_a_change_of_rate() -> None:
    paid_ahead = twelve_percent(RepaymentForm.INTEREST_FIRST).repaid_early(date(2019, 2, 15), 100).schedule
    # the first month: 15 days at 12 % (600) and 15 at 6 % (300), less 100
    assert [each.interest for each in paid_ahead.repriced(date(2019, 2, 15), Decimal(6)).instalments] == [800, 600]


@given(schedule=draws, days=st.integers(0, 1000))
def test_the_same_rate_again_changes_nothing(schedule: Schedule, days: int) -> None:
    on = schedule.accrual.first_day + timedelta(days=days)
    again = schedule.repriced(on, schedule.rates[0].annual_percent)
    assert [each.due for each in again.instalments] == [each.due for each in schedule.instalments]
    assert again.principal == schedule.principal
    if schedule.form in {RepaymentForm.INTEREST_FIRST, RepaymentForm.ON_DEMAND}:
        assert again.instalments == schedule.instalments


def test_every_form_has_its_term() -> None:
    assert [form.term for form in RepaymentForm] == ["等额本息", "等额本金", "先息后本", "随借随还"]
