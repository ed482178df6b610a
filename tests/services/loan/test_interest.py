"""Interest by the day. Amounts in fen; hand calculations stand beside each worked example."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.loan.interest import (
    Accrual,
    Change,
    DayCount,
    RateStep,
    add_months,
    exact_interest,
    interest,
    late_interest,
    months_until,
    rounded,
)

MARCH = date(2019, 3, 1)
ACT_360 = Accrual(DayCount.ACT_360, MARCH)
THREE_SIX = (RateStep(MARCH, Decimal("3.6")),)  # 0.01 % a day over 360 days

day = st.dates(date(2016, 1, 1), date(2026, 12, 31))
accrual = st.builds(Accrual, st.sampled_from(DayCount), day)
percent = st.decimals(0, 36, places=6)


def test_a_month_at_the_member_rate_and_a_tie_goes_to_the_even_fen() -> None:
    # 10 000 000 fen × 6.2205 % × 30 / 360 = 51 837.5 fen, exactly half: 51 838 is the even one
    rates = (RateStep(MARCH, Decimal("6.2205")),)
    assert interest(ACT_360, [Change(MARCH, 10_000_000)], rates, date(2019, 3, 31)) == 51_838


def test_over_a_year_of_365_days_the_same_month_costs_less() -> None:
    # 10 000 000 × 6.2205 % × 30 / 365 = 51 127.39…
    rates = (RateStep(MARCH, Decimal("6.2205")),)
    by_365 = Accrual(DayCount.ACT_365, MARCH)
    assert interest(by_365, [Change(MARCH, 10_000_000)], rates, date(2019, 3, 31)) == 51_127


def test_the_day_of_disbursement_bears_interest_and_the_day_of_repayment_does_not() -> None:
    lent = [Change(MARCH, 10_000_000)]
    assert interest(ACT_360, lent, THREE_SIX, MARCH) == 0
    # 10 000 000 × 0.01 % = 1 000 fen for the one day
    assert interest(ACT_360, lent, THREE_SIX, MARCH + timedelta(days=1)) == 1_000


def test_money_lent_and_repaid_on_one_day_bears_nothing() -> None:
    changes = [Change(MARCH, 10_000_000), Change(MARCH, -10_000_000)]
    assert interest(ACT_360, changes, THREE_SIX, date(2019, 12, 31)) == 0


def test_a_repayment_splits_the_period() -> None:
    # 10 days on 10 000 000 at 0.01 % = 10 000; 20 days on 6 000 000 = 12 000
    changes = [Change(MARCH, 10_000_000), Change(date(2019, 3, 11), -4_000_000)]
    assert interest(ACT_360, changes, THREE_SIX, date(2019, 3, 31)) == 22_000
    assert interest(ACT_360, reversed(changes), THREE_SIX, date(2019, 3, 31)) == 22_000


def test_a_change_of_rate_splits_the_period() -> None:
    # 10 days at 0.01 % = 10 000; 20 days at 0.02 % = 40 000
    rates = (*THREE_SIX, RateStep(date(2019, 3, 11), Decimal("7.2")))
    assert interest(ACT_360, [Change(MARCH, 10_000_000)], rates, date(2019, 3, 31)) == 50_000


def test_of_two_rates_from_one_day_the_later_one_counts() -> None:
    rates = (*THREE_SIX, RateStep(MARCH, Decimal("7.2")))
    assert interest(ACT_360, [Change(MARCH, 10_000_000)], rates, date(2019, 3, 11)) == 20_000


def test_a_charge_is_rounded_once_and_not_by_its_parts() -> None:
    # 5 000 fen bear half a fen a day: each day alone would round to 0, three days together are 1.5, which rounds to 2
    daily = tuple(RateStep(MARCH + timedelta(days=n), Decimal("3.6")) for n in range(3))
    assert interest(ACT_360, [Change(MARCH, 5_000)], daily, date(2019, 3, 4)) == 2


def test_a_charge_since_a_day_counts_what_was_owed_before_it_as_the_opening_balance() -> None:
    # 20 days on 6 000 000 at 0.01 %
    changes = [Change(MARCH, 10_000_000), Change(date(2019, 3, 11), -4_000_000)]
    assert interest(ACT_360, changes, THREE_SIX, date(2019, 3, 31), since=date(2019, 3, 11)) == 12_000


def test_no_more_can_be_repaid_than_is_owed() -> None:
    with pytest.raises(ValueError, match="more was repaid than owed on 2019-03-11"):
        interest(ACT_360, [Change(MARCH, 1), Change(date(2019, 3, 11), -2)], THREE_SIX, date(2019, 4, 1))


def test_a_day_without_a_rate_is_an_error() -> None:
    with pytest.raises(ValueError, match="no rate is in force on 2019-02-28"):
        interest(ACT_360, [Change(date(2019, 2, 28), 100)], THREE_SIX, date(2019, 3, 31))


@pytest.mark.parametrize("wrong", ["4.3500001", "-1"])
def test_a_rate_has_six_places_and_is_not_negative(wrong: str) -> None:
    with pytest.raises(ValueError, match="at most six places"):
        interest(ACT_360, [Change(MARCH, 100)], (RateStep(MARCH, Decimal(wrong)),), date(2019, 3, 31))


def test_overdue_principal_bears_the_contracts_rate_and_half_as_much_from_day_0() -> None:
    # due on 1 March, paid on the 11th: 10 days × 100 000 fen × 0.01 % × 1.5 = 150
    overdue = [Change(MARCH, 100_000), Change(date(2019, 3, 11), -100_000)]
    assert late_interest(ACT_360, overdue, THREE_SIX, Decimal("1.50"), date(2019, 4, 1)) == 150


def test_paid_on_the_due_date_nothing_is_overdue() -> None:
    overdue = [Change(MARCH, 100_000), Change(MARCH, -100_000)]
    assert late_interest(ACT_360, overdue, THREE_SIX, Decimal("1.50"), date(2019, 4, 1)) == 0


@pytest.mark.parametrize(
    ("count", "start", "end", "days"),
    [
        (DayCount.ACT_360, date(2020, 2, 1), date(2020, 3, 1), 29),
        (DayCount.ACT_365, date(2020, 1, 1), date(2021, 1, 1), 366),
        (DayCount.THIRTY_360, date(2020, 1, 1), date(2021, 1, 1), 360),
        (DayCount.THIRTY_360, date(2019, 1, 15), date(2019, 1, 31), 15),  # 31 counts as 30; the bond basis says 16
        (DayCount.THIRTY_360, date(2019, 2, 28), date(2019, 3, 1), 3),
    ],
)
def test_days_by_each_count(count: DayCount, start: date, end: date, days: int) -> None:
    assert Accrual(count, date(2019, 1, 1)).days(start, end) == days


def test_interest_does_not_run_backwards() -> None:
    with pytest.raises(ValueError, match="runs forward"):
        ACT_360.days(date(2019, 3, 2), MARCH)


@given(first_day=day, n=st.integers(0, 60))
def test_under_30_360_every_month_of_a_draw_has_30_days(first_day: date, n: int) -> None:
    thirty = Accrual(DayCount.THIRTY_360, first_day)
    assert thirty.days(add_months(first_day, n), add_months(first_day, n + 1)) == 30


@given(accrual=accrual, days=st.lists(day, min_size=3, max_size=3))
def test_days_add_up_over_any_split(accrual: Accrual, days: list[date]) -> None:
    start, middle, end = sorted(days)
    assert accrual.days(start, middle) + accrual.days(middle, end) == accrual.days(start, end)
    assert accrual.days(start, middle) >= 0


@given(accrual=accrual, principal=st.integers(1, 10**9), rate=percent, days=st.lists(day, min_size=3, max_size=3))
def test_interest_adds_up_over_any_split_within_one_fen(
    accrual: Accrual, principal: int, rate: Decimal, days: list[date]
) -> None:
    start, middle, end = sorted(days)
    lent, rates = [Change(start, principal)], (RateStep(start, rate),)
    before = exact_interest(accrual, lent, rates, middle)
    after = exact_interest(accrual, lent, rates, end, since=middle)
    assert before + after == exact_interest(accrual, lent, rates, end)
    assert abs(round(before) + round(after) - interest(accrual, lent, rates, end)) <= 1


@given(
    accrual=accrual,
    lent=st.lists(st.tuples(day, st.integers(1, 10**8)), min_size=1, max_size=6),
    steps=st.lists(st.tuples(day, percent), max_size=4),
    until=day,
)
def test_a_sum_over_segments_is_the_sum_over_days(
    accrual: Accrual, lent: list[tuple[date, int]], steps: list[tuple[date, Decimal]], until: date
) -> None:
    rates = [RateStep(date.min, Decimal(4)), *(RateStep(*step) for step in sorted(steps))]
    until = min(until, min(lent)[0] + timedelta(days=400))
    expected, today = Fraction(0), min(lent)[0]
    while today < until:
        balance = sum(amount for on, amount in lent if on <= today)
        rate = [step for step in rates if step.since <= today][-1].annual_percent
        counted = accrual.days(today, today + timedelta(days=1))
        expected += Fraction(balance) * Fraction(rate) * counted / 100 / accrual.day_count.year
        today += timedelta(days=1)
    assert exact_interest(accrual, [Change(*change) for change in lent], rates, until) == expected


@example(numerator=1, denominator=2)
@example(numerator=3, denominator=2)
@given(numerator=st.integers(0, 10**15), denominator=st.integers(1, 10**12))
def test_half_goes_to_even(numerator: int, denominator: int) -> None:
    assert rounded(numerator, denominator) == round(Fraction(numerator, denominator))


def test_a_month_end_clamps_and_comes_back() -> None:
    end_of_january = date(2019, 1, 31)
    assert [add_months(end_of_january, n) for n in (1, 2, 3, 13)] == [
        date(2019, 2, 28),
        date(2019, 3, 31),
        date(2019, 4, 30),
        date(2020, 2, 29),
    ]


@given(first_day=day, n=st.integers(1, 60))
def test_months_until_are_the_months_begun(first_day: date, n: int) -> None:
    due = add_months(first_day, n)
    assert months_until(first_day, due) == n
    assert months_until(first_day, due + timedelta(days=1)) == n + 1
