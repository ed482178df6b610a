"""Interest by the day, exact until a charge is made, which is rounded once.

Interest runs from the day of disbursement to the day before repayment (算头不算尾): over dates [start, end) a
principal bears `days(start, end)` days of interest, and money lent and repaid on one day bears none.
Sums are kept in whole numbers; a charge is rounded half to even, to the fen, once.
"""

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from shared.schemas.loan import DayCount
from shared.schemas.money import AnnualPercent, Fen

__all__ = [
    "Accrual",
    "Change",
    "DayCount",
    "RateStep",
    "add_months",
    "exact_interest",
    "interest",
    "late_interest",
    "months_until",
    "rounded",
]

MILLIONTHS = 10**6
"""A rate has six places at most: it is counted in millionths of a percent."""


@dataclass(frozen=True, slots=True)
class Accrual:
    """How one draw counts its days.

    act/360 and act/365 count calendar days. 30/360 is 30E/360 (Eurobond basis: a 31st counts as a 30th, at either
    end alike), and not the bond basis, whose count of the end depends on the start and so does not add up over
    splits. One thing is added: a due date clamped to a short month's last day stands for its nominal day. So every
    month between two due dates of a draw has 30 days, its interest is a twelfth of the annual rate, and days
    still add up over any split.
    """

    day_count: DayCount
    first_day: date
    """The day of disbursement; its day of the month is that of every due date."""

    def days(self, start: date, end: date) -> int:
        """Days of interest over [start, end). Raises ValueError when they are reversed."""
        if end < start:
            raise ValueError(f"interest runs forward, not from {start} to {end}")
        if self.day_count is not DayCount.THIRTY_360:
            return (end - start).days
        return self._thirty_day_position(end) - self._thirty_day_position(start)

    def weight(self, rates: Sequence["RateStep"], start: date, end: date) -> int:
        """Σ rate × days over [start, end), in millionths of a percent of a day; over `whole`, the period's interest
        on a principal of one. Raises ValueError where no rate is in force."""
        if len(rates) == 1 and rates[0].since <= start:
            return rates[0].millionths * self.days(start, end)
        if end > start and (not rates or rates[0].since > start):
            raise ValueError(f"no rate is in force on {start}")
        total = 0
        for step, following in pairwise([*rates, None]):
            assert step is not None
            since = max(start, step.since)
            until = end if following is None else min(end, following.since)
            if since < until:
                total += step.millionths * self.days(since, until)
        return total

    @property
    def whole(self) -> int:
        """The weight that makes interest equal to principal: 100 percent over a year."""
        return 100 * MILLIONTHS * self.day_count.year

    def _thirty_day_position(self, day: date) -> int:
        due_day, of_month = self.first_day.day, day.day
        if of_month < due_day and of_month == monthrange(day.year, day.month)[1]:
            of_month = due_day
        return 360 * day.year + 30 * day.month + min(of_month, 30)


class RateStep(NamedTuple):
    """From a date on, an annual percentage. Steps stand in order of date; of two on one date the later counts."""

    since: date
    annual_percent: AnnualPercent

    @property
    def millionths(self) -> int:
        """Raises ValueError for a negative rate and beyond six places."""
        numerator, denominator = self.annual_percent.as_integer_ratio()
        whole, rest = divmod(numerator * MILLIONTHS, denominator)
        if rest or whole < 0:
            raise ValueError(f"a rate is an annual percentage with at most six places, not {self.annual_percent}")
        return whole


class Change(NamedTuple):
    """A change of what is owed: fen, positive when it is lent or falls due, negative when it is repaid."""

    on: date
    amount: Fen


def exact_interest(
    accrual: Accrual, changes: Iterable[Change], rates: Sequence[RateStep], until: date, since: date | None = None
) -> Fraction:
    """Interest in fen over [since, until) on the balance that `changes`, in any order, make; unrounded.

    `since` defaults to the first change; changes before it make the opening balance, changes from `until` on bear
    nothing. Raises ValueError when a day's changes leave less than nothing owed.
    """
    by_day: defaultdict[date, Fen] = defaultdict(int)
    for change in changes:
        by_day[change.on] += change.amount
    days = sorted(day for day in by_day if day < until)
    balance = weighted = 0
    for day, following in pairwise([*days, until]):
        balance += by_day[day]
        if balance < 0:
            raise ValueError(f"more was repaid than owed on {day}")
        start = day if since is None else max(day, since)
        if balance and start < following:
            weighted += balance * accrual.weight(rates, start, following)
    return Fraction(weighted, accrual.whole)


def interest(
    accrual: Accrual, changes: Iterable[Change], rates: Sequence[RateStep], until: date, since: date | None = None
) -> Fen:
    """One charge of interest in fen: `exact_interest`, rounded half to even."""
    return round(exact_interest(accrual, changes, rates, until, since))


def late_interest(
    accrual: Accrual,
    overdue: Iterable[Change],
    rates: Sequence[RateStep],
    factor: Decimal,
    until: date,
    since: date | None = None,
) -> Fen:
    """One charge of penalty interest (罚息) in fen on overdue amounts, at the contract's rate times `factor`.

    An amount enters `overdue` on its due date, day 0, and leaves it on the day it is paid: paid on the due date it
    bears nothing. The penalty rate takes the place of the contract's rate on that amount; it does not come on top.
    """
    return round(exact_interest(accrual, overdue, rates, until, since) * Fraction(factor))


def rounded(numerator: int, denominator: int) -> int:
    """numerator / denominator, neither negative, half to even."""
    whole, rest = divmod(numerator, denominator)
    twice = 2 * rest
    return whole + (twice > denominator or (twice == denominator and whole % 2 == 1))


def add_months(day: date, months: int) -> date:
    """The same day of the month that many months on, or that month's last day: counted from the first day each
    time, a 31st comes back after February."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def months_until(first_day: date, due: date) -> int:
    """The fewest whole months that reach `due`: the term by which a draw's rate is found."""
    months = (due.year - first_day.year) * 12 + due.month - first_day.month
    return months if add_months(first_day, months) >= due else months + 1
