"""The money arithmetic of a line: what each entry pays, what is owed, due and overdue on any day.

Nothing accrues in the log. A line's entries (disbursements, repayments, uses of credit, refunds) are replayed in
order of their days, those of one day in the order of the log; interest follows from the draws' terms. So the account
on any day is a function of the events alone, an entry that arrives late falls into its place, and one that is reversed
leaves no trace. What each entry pays is recorded in events too, and again where a replay changes it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from uuid import UUID

from services.loan.interest import Change, late_interest
from services.loan.schedule import Instalment, Schedule, build_schedule
from shared.schemas.loan import Allocation, Component, DrawId, DrawTerms
from shared.schemas.money import Fen

__all__ = [
    "CreditUse",
    "Disbursement",
    "Due",
    "Entry",
    "Ledger",
    "Posting",
    "Refund",
    "Repayment",
    "replay",
    "scheduled",
]


@dataclass(frozen=True, slots=True)
class Disbursement:
    """A draw as the bank paid it out. `last_due` is that of its last instalment."""

    entry_id: DrawId
    on: date
    amount: Fen
    terms: DrawTerms
    last_due: date


@dataclass(frozen=True, slots=True)
class Repayment:
    """Money received. It pays what is due; the rest repays draws early, `toward` first, then the oldest; what is then
    left is credit."""

    entry_id: UUID
    on: date
    amount: Fen
    toward: DrawId | None = None


@dataclass(frozen=True, slots=True)
class CreditUse:
    """The credit there is pays what is due on a day."""

    entry_id: UUID
    on: date


@dataclass(frozen=True, slots=True)
class Refund:
    """Credit paid back to the member."""

    entry_id: UUID
    on: date
    amount: Fen


type Entry = Disbursement | Repayment | CreditUse | Refund


@dataclass(frozen=True, slots=True)
class Posting:
    """What an entry pays, by draw, and what it leaves as credit: negative for what it takes of it."""

    allocations: tuple[Allocation, ...] = ()
    credit: Fen = 0

    @property
    def principal(self) -> Fen:
        return sum(allocation.principal for allocation in self.allocations)


@dataclass(slots=True)
class Due:
    """What is unpaid of an instalment that has fallen due."""

    draw_id: DrawId
    number: int
    due: date
    principal: Fen
    interest: Fen


@dataclass(slots=True)
class Account:
    """One draw during a replay, which moves it forward and never back."""

    draw_id: DrawId
    terms: DrawTerms
    schedule: Schedule
    due: list[Due] = field(default_factory=list)
    bearing: list[Change] = field(default_factory=list)
    """What bears penalty interest, from its due date until it is paid."""
    reached: int = 0
    """The number of the last instalment that has fallen due."""
    penalty_paid: Fen = 0

    def advance(self, on: date) -> None:
        """Let fall due what is due by a day."""
        for instalment in self.schedule.due_by(on):
            if instalment.number > self.reached:
                self.reached = instalment.number
                self._fall_due(instalment)

    def _fall_due(self, instalment: Instalment) -> None:
        if not instalment.amount:
            return
        self.due.append(Due(self.draw_id, instalment.number, instalment.due, instalment.principal, instalment.interest))
        if Component.PRINCIPAL in self.terms.late_on:
            self.bearing.append(Change(instalment.due, instalment.principal))
        if Component.INTEREST in self.terms.late_on:
            self.bearing.append(Change(instalment.due, instalment.interest))

    @property
    def principal(self) -> Fen:
        """Owed, due or not."""
        not_due = sum(instalment.principal for instalment in self.schedule.instalments[self._fallen :])
        return not_due + sum(due.principal for due in self.due)

    @property
    def _fallen(self) -> int:
        return sum(instalment.number <= self.reached for instalment in self.schedule.instalments)

    def interest(self, on: date) -> Fen:
        """Owed to a day, due or not; without penalty interest."""
        return self.schedule.not_due(on).interest + sum(due.interest for due in self.due)

    def penalty(self, on: date) -> Fen:
        """Penalty interest owed to a day."""
        accrual, rates = self.schedule.accrual, self.schedule.rates
        return late_interest(accrual, self.bearing, rates, self.terms.late_factor, on) - self.penalty_paid

    def pay(self, component: Component, amount: Fen, on: date) -> Fen:
        """Pay what is due of one component, oldest first. Returns how much that took."""
        match component:
            case Component.PENALTY:
                paid = min(amount, self.penalty(on)) if self.bearing else 0
                self.penalty_paid += paid
                return paid
            case Component.INTEREST:
                parts = _shared_out(amount, (due.interest for due in self.due))
                for due, part in zip(self.due, parts, strict=True):
                    due.interest -= part
            case Component.PRINCIPAL:
                parts = _shared_out(amount, (due.principal for due in self.due))
                for due, part in zip(self.due, parts, strict=True):
                    due.principal -= part
        self.due = [due for due in self.due if due.principal or due.interest]
        paid = sum(parts)
        if paid and component in self.terms.late_on:
            self.bearing.append(Change(on, -paid))
        return paid

    def repay_early(self, amount: Fen, on: date) -> tuple[Fen, Fen]:
        """Pay interest up to a day, then principal, that are not due. Returns what each took."""
        early = self.schedule.repaid_early(on, amount)
        self.schedule = early.schedule
        return early.interest, early.principal


def _shared_out(amount: Fen, owed: Iterable[Fen]) -> list[Fen]:
    parts = []
    for each in owed:
        part = min(amount, each)
        parts.append(part)
        amount -= part
    return parts


@dataclass(slots=True)
class Ledger:
    """A line's account at the end of a day, draws in order of disbursement."""

    on: date
    allocation: tuple[Component, ...]
    """The order in which money pays what is due."""
    accounts: dict[DrawId, Account] = field(default_factory=dict)
    credit: Fen = 0
    overspent: bool = False
    """More credit was refunded than there was."""
    postings: dict[UUID, Posting] = field(default_factory=dict)

    @property
    def principal(self) -> Fen:
        return sum(account.principal for account in self.accounts.values())

    @property
    def interest(self) -> Fen:
        """Owed to this day, due or not; without penalty interest."""
        return sum(account.interest(self.on) for account in self.accounts.values())

    @property
    def penalty(self) -> Fen:
        return sum(account.penalty(self.on) for account in self.accounts.values())

    @property
    def owed(self) -> Fen:
        """What pays off the line on this day."""
        return self.principal + self.interest + self.penalty

    def due(self) -> Iterator[Due]:
        """What has fallen due and is unpaid, draw by draw, oldest first."""
        for account in self.accounts.values():
            yield from account.due

    def overdue(self) -> dict[tuple[DrawId, int], Due]:
        """What is unpaid of instalments due before this day, by draw and number. The due date itself is day 0."""
        return {(due.draw_id, due.number): due for due in self.due() if due.due < self.on}

    def _enter(self, entry: Entry) -> None:
        match entry:
            case Disbursement():
                self.accounts[entry.entry_id] = Account(entry.entry_id, entry.terms, scheduled(entry))
                posting = Posting()
            case Repayment():
                posting = self._repay(entry)
            case CreditUse():
                allocations = _Allocations()
                used = self._pay_due(max(0, self.credit), entry.on, allocations)
                posting = Posting(allocations.made(), -used)
            case Refund():
                posting = Posting(credit=-entry.amount)
        self.credit += posting.credit
        self.overspent = self.overspent or self.credit < 0
        self.postings[entry.entry_id] = posting

    def _repay(self, repayment: Repayment) -> Posting:
        allocations = _Allocations()
        left = repayment.amount - self._pay_due(repayment.amount, repayment.on, allocations)
        for account in sorted(self.accounts.values(), key=lambda account: account.draw_id != repayment.toward):
            if left:
                interest, principal = account.repay_early(left, repayment.on)
                allocations.add(account.draw_id, Component.INTEREST, interest)
                allocations.add(account.draw_id, Component.PRINCIPAL, principal)
                left -= interest + principal
        return Posting(allocations.made(), left)

    def _pay_due(self, amount: Fen, on: date, allocations: "_Allocations") -> Fen:
        left = amount
        for component in self.allocation:
            for account in self.accounts.values():
                paid = account.pay(component, left, on)
                allocations.add(account.draw_id, component, paid)
                left -= paid
        return amount - left


class _Allocations:
    def __init__(self) -> None:
        self._of: dict[DrawId, dict[Component, Fen]] = defaultdict(lambda: dict.fromkeys(Component, 0))

    def add(self, draw_id: DrawId, component: Component, amount: Fen) -> None:
        if amount:
            self._of[draw_id][component] += amount

    def made(self) -> tuple[Allocation, ...]:
        return tuple(
            Allocation(
                draw_id=draw_id,
                penalty=of[Component.PENALTY],
                interest=of[Component.INTEREST],
                principal=of[Component.PRINCIPAL],
            )
            for draw_id, of in self._of.items()
        )


def replay(entries: Iterable[Entry], allocation: tuple[Component, ...], on: date) -> Ledger:
    """The account at the end of a day: entries of later days are left out."""
    ledger = Ledger(on, allocation)
    for entry in sorted(entries, key=lambda entry: entry.on):
        if entry.on > on:
            break
        for account in ledger.accounts.values():
            account.advance(entry.on)
        ledger._enter(entry)
    for account in ledger.accounts.values():
        account.advance(on)
    return ledger


@lru_cache(maxsize=1024)
def scheduled(draw: Disbursement) -> Schedule:
    """What falls due when, of a draw as it was paid out."""
    terms = draw.terms
    return build_schedule(
        draw.amount, terms.rate.annual_percent, terms.form, terms.day_count, draw.on, due=draw.last_due
    )


def differing(before: Mapping[UUID, Posting], after: Mapping[UUID, Posting]) -> dict[UUID, Posting]:
    """Postings of entries in both that a replay made other than they were."""
    return {entry: posting for entry, posting in after.items() if entry in before and before[entry] != posting}
