"""Repayment schedules: what falls due when, of a draw.

A period's interest is its days by the draw's day count: actual days under act/360 and act/365; under 30/360 every
whole month is 30 days, a twelfth of the annual rate. It is rounded half to even, to the fen; the last instalment
takes what rounding leaves. Due dates are the day of disbursement of each following month (对月对日), clamped to a
short month's last day and back again: 31 January, 28 February, 31 March.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

from services.loan.interest import Accrual, DayCount, RateStep, add_months, months_until, rounded
from shared.schemas.loan import RepaymentForm
from shared.schemas.money import AnnualPercent, Fen

__all__ = ["EarlyRepayment", "Instalment", "NotDue", "RepaymentForm", "Schedule", "build_schedule"]


@dataclass(frozen=True, slots=True)
class Instalment:
    """What falls due on `due`, with interest over [starts, due)."""

    number: int
    """From 1; a schedule that is recalculated counts on."""
    starts: date
    due: date
    principal: Fen
    interest: Fen
    """Without what was `prepaid` of it."""
    prepaid: Fen = 0
    """Interest of this instalment that an early repayment has paid."""

    @property
    def amount(self) -> Fen:
        return self.principal + self.interest


class NotDue(NamedTuple):
    """What is owed beyond the instalments that have fallen due: with those, the pay-off to the day."""

    principal: Fen
    interest: Fen

    @property
    def amount(self) -> Fen:
        return self.principal + self.interest


class EarlyRepayment(NamedTuple):
    """Where money went that was paid before it was due."""

    interest: Fen
    principal: Fen
    left: Fen
    """Beyond all that is owed: the borrower's credit."""
    schedule: "Schedule"


@dataclass(frozen=True, slots=True)
class Schedule:
    """All instalments of a draw, those past too; principal repaid early is in none of them."""

    form: RepaymentForm
    accrual: Accrual
    rates: tuple[RateStep, ...]
    instalments: tuple[Instalment, ...]

    @property
    def principal(self) -> Fen:
        return sum(instalment.principal for instalment in self.instalments)

    def due_by(self, on: date) -> tuple[Instalment, ...]:
        """Instalments due on that day or before."""
        return tuple(instalment for instalment in self.instalments if instalment.due <= on)

    def after(self, on: date) -> tuple[Instalment, ...]:
        """Instalments due after that day."""
        return tuple(instalment for instalment in self.instalments if instalment.due > on)

    def not_due(self, on: date) -> NotDue:
        """Principal that falls due after `on`, and the interest on it up to `on`, one charge. Raises ValueError
        before the day to which interest has been paid already."""
        rest = self.after(on)
        if not rest:
            return NotDue(0, 0)
        running, principal = rest[0], sum(instalment.principal for instalment in rest)
        weight = self.accrual.weight(self.rates, running.starts, on)
        interest = rounded(principal * weight, self.accrual.whole) - running.prepaid
        if interest < 0:
            raise ValueError(f"interest beyond {on} has been paid already")
        return NotDue(principal, interest)

    def repaid_early(self, on: date, amount: Fen) -> EarlyRepayment:
        """`amount` paid on `on` beyond what has fallen due: it pays the interest up to that day, then principal, and
        the rest of the schedule keeps its due dates with lower instalments (期限不变，减少月供).

        An amount that the interest takes up wholly lowers the next instalment's interest by so much.
        """
        if amount <= 0:
            raise ValueError("a repayment is more than nothing")
        owed, rest = self.not_due(on), self.after(on)
        if not rest:
            return EarlyRepayment(0, 0, amount, self)
        interest = min(amount, owed.interest)
        principal = min(amount - interest, owed.principal)
        left = amount - interest - principal
        if principal:
            following = self._planned(owed.principal - principal, on, rest, self.rates)
        else:
            running = rest[0]
            paid = replace(running, interest=running.interest - interest, prepaid=running.prepaid + interest)
            following = (paid, *rest[1:])
        return EarlyRepayment(interest, principal, left, replace(self, instalments=(*self.due_by(on), *following)))

    def repriced(self, on: date, annual_percent: AnnualPercent) -> "Schedule":
        """The schedule with another rate from `on`: the running period is split by days, due dates stay, instalments
        not yet due are recalculated."""
        rates = (*(step for step in self.rates if step.since < on), RateStep(on, annual_percent))
        rest = self.after(on)
        if not rest:
            return self
        following = self._planned(self.not_due(on).principal, rest[0].starts, rest, rates, rest[0].prepaid)
        return replace(self, rates=rates, instalments=(*self.due_by(on), *following))

    def _planned(
        self, principal: Fen, starts: date, rest: tuple[Instalment, ...], rates: tuple[RateStep, ...], prepaid: Fen = 0
    ) -> tuple[Instalment, ...]:
        if not principal:
            return ()
        dues = [instalment.due for instalment in rest]
        first, *others = _plan(self.form, self.accrual, rates, principal, starts, dues, rest[0].number)
        return (replace(first, interest=first.interest - prepaid, prepaid=prepaid), *others)


def build_schedule(
    principal: Fen,
    annual_percent: AnnualPercent,
    form: RepaymentForm,
    day_count: DayCount,
    first_day: date,
    *,
    months: int | None = None,
    due: date | None = None,
) -> Schedule:
    """The schedule of a draw disbursed on `first_day`, over a number of months or until a last due date.

    A last due date that no whole number of months reaches makes a short last period.
    Raises ValueError for terms that make no schedule.
    """
    if principal <= 0:
        raise ValueError("a draw is more than nothing")
    accrual, rates = Accrual(day_count, first_day), (RateStep(first_day, annual_percent),)
    dues = _due_dates(first_day, months, due)
    if form is RepaymentForm.ON_DEMAND:
        dues = dues[-1:]
    return Schedule(form, accrual, rates, _plan(form, accrual, rates, principal, first_day, dues))


def _due_dates(first_day: date, months: int | None, due: date | None) -> list[date]:
    match months, due:
        case int(), None if months > 0:
            return [add_months(first_day, n) for n in range(1, months + 1)]
        case None, date() if due > first_day:
            whole = [add_months(first_day, n) for n in range(1, months_until(first_day, due))]
            return [*whole, due]
        case _:
            raise ValueError("a draw has either a number of months, one at least, or a due date after its first day")


def _plan(
    form: RepaymentForm,
    accrual: Accrual,
    rates: Sequence[RateStep],
    principal: Fen,
    starts: date,
    dues: Sequence[date],
    number: int = 1,
) -> tuple[Instalment, ...]:
    """`principal` from `starts` on, repaid on `dues`; the instalments sum to it and none is negative.

    Where a few fen are spread over many months, some instalments may be zero. 等额本息 at a rate so high that
    a long month's interest exceeds the instalment, that month asks for the interest alone.
    """
    beginnings = [starts, *dues[:-1]]
    weights = [accrual.weight(rates, start, due) for start, due in zip(beginnings, dues, strict=True)]
    level = 0
    if form is RepaymentForm.EQUAL_INSTALMENTS:
        level = _equal_instalment(principal, weights, accrual.whole)
    elif form is RepaymentForm.EQUAL_PRINCIPAL:
        level = principal // len(dues)
    instalments, owed = [], principal
    for n, (start, due, weight) in enumerate(zip(beginnings, dues, weights, strict=True)):
        charge = rounded(owed * weight, accrual.whole)
        if n == len(dues) - 1:
            part = owed
        elif form is RepaymentForm.EQUAL_INSTALMENTS:
            part = max(0, min(owed, level - charge))
        else:
            part = level
        instalments.append(Instalment(number + n, start, due, part, charge))
        owed -= part
    return tuple(instalments)


def _equal_instalment(principal: Fen, weights: Sequence[int], whole: int) -> Fen:
    """P·Π(1+rᵢ)/f, where f is 1 for the first period and then 1 + f·(1+rₙ) for each further one; rᵢ = weight / whole.

    Worked in whole numbers: `growth` is Π(1+rᵢ)·wholeⁿ and `scaled` is f·wholeⁿ⁻¹, so the quotient is exact.
    """
    growth, scaled, power = whole + weights[0], 1, 1
    for weight in weights[1:]:
        power *= whole
        growth *= whole + weight
        scaled = power + scaled * (whole + weight)
    return rounded(principal * growth, whole * scaled)
