"""A revolving line, from the bank's acceptance to its close.

Available is the limit (or the ceiling, where a title or the household's cap allows less) without the principal owed
and without draws that the bank has not paid out yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final
from uuid import UUID

from services.loan.domain.ledger import CreditUse, Disbursement, Entry, Ledger, Posting, Refund, Repayment, replay
from shared.eventsourcing.decider import Aggregate
from shared.schemas.ids import HouseholdId, MemberId
from shared.schemas.loan import (
    ApplicationId,
    BankCode,
    Component,
    CreditApplied,
    CreditRefunded,
    DrawDisbursed,
    DrawdownCancelled,
    DrawdownExpired,
    DrawdownRefused,
    DrawdownRequested,
    DrawId,
    DrawTerms,
    InstalmentCured,
    InstalmentFellDue,
    InstalmentOverdue,
    LimitChanged,
    LineClosed,
    LineEvent,
    LineExpired,
    LineFrozen,
    LineId,
    LineMoved,
    LineOpened,
    LineRetiered,
    LineUnfrozen,
    RepaymentReallocated,
    RepaymentReceived,
    RepaymentReversed,
    Tier,
)
from shared.schemas.messages import Role
from shared.schemas.money import AnnualPercent, Fen

__all__ = ["LINE", "Closed", "Line", "LineState", "NoLine", "Pending", "evolve"]


@dataclass(frozen=True, slots=True)
class NoLine:
    pass


@dataclass(frozen=True, slots=True)
class Pending:
    """A draw that the bank has not paid out yet."""

    amount: Fen
    terms: DrawTerms
    requested_on: date
    disburse_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    line_id: LineId
    application_id: ApplicationId
    member_id: MemberId
    household_id: HouseholdId
    bank: BankCode
    granted_tier: Tier
    granted_percent: AnnualPercent
    tier: Tier | None
    limit: Fen
    ceiling: Fen
    allocation: tuple[Component, ...]
    opened_on: date
    expires_on: date
    expired: bool = False
    frozen_by: frozenset[Role] = frozenset()
    pending: Mapping[DrawId, Pending] = field(default_factory=dict)
    entries: tuple[Entry, ...] = ()
    """Of the account, in order of the log; reversed ones left out."""
    postings: Mapping[UUID, Posting] = field(default_factory=dict)
    """What each entry pays, as last recorded."""
    used_ids: frozenset[UUID] = frozenset()
    """Of all draws, repayments and refunds that ever were: none is used twice."""
    reversed: frozenset[UUID] = frozenset()
    noted_due: frozenset[tuple[DrawId, int]] = frozenset()
    overdue: frozenset[tuple[DrawId, int]] = frozenset()

    @property
    def used(self) -> Fen:
        """Principal owed."""
        drawn = sum(entry.amount for entry in self.entries if isinstance(entry, Disbursement))
        return drawn - sum(posting.principal for posting in self.postings.values())

    @property
    def held(self) -> Fen:
        """By draws that are not paid out yet."""
        return sum(pending.amount for pending in self.pending.values())

    @property
    def available(self) -> Fen:
        """What a draw may take now, as far as limit and ceiling go."""
        return max(0, min(self.limit, self.ceiling) - self.used - self.held)

    @property
    def credit(self) -> Fen:
        return sum(posting.credit for posting in self.postings.values())

    @property
    def draws(self) -> dict[DrawId, Disbursement]:
        return {entry.entry_id: entry for entry in self.entries if isinstance(entry, Disbursement)}

    def ledger(self, on: date) -> Ledger:
        """The account replayed to the end of a day."""
        return replay(self.entries, self.allocation, on)


@dataclass(frozen=True, slots=True)
class Closed:
    line: Line
    """As it stood at the end."""


type LineState = NoLine | Line | Closed


def evolve(state: LineState, event: LineEvent) -> LineState:
    match event, state:
        case LineOpened(), _:
            return _opened(event)
        case LineClosed(), Line():
            return Closed(state)
        case _, Line():
            return _moved_on(state, event)
        case _:
            return state


def _opened(event: LineOpened) -> Line:
    return Line(
        line_id=event.line_id,
        application_id=event.application_id,
        member_id=event.member_id,
        household_id=event.household_id,
        bank=event.bank,
        granted_tier=event.tier,
        granted_percent=event.annual_percent,
        tier=event.tier,
        limit=event.limit,
        ceiling=event.limit,
        allocation=event.allocation,
        opened_on=event.opened_on,
        expires_on=event.expires_on,
    )


def _moved_on(line: Line, event: LineEvent) -> Line:
    match event:
        case LineRetiered(tier=tier, ceiling=ceiling):
            return replace(line, tier=tier, ceiling=ceiling)
        case LineMoved(household_id=household):
            return replace(line, household_id=household)
        case LimitChanged(limit=limit, ceiling=ceiling):
            return replace(line, limit=limit, ceiling=ceiling)
        case LineFrozen(by=by):
            return replace(line, frozen_by=line.frozen_by | {by})
        case LineUnfrozen(by=by):
            return replace(line, frozen_by=line.frozen_by - {by})
        case LineExpired():
            return replace(line, expired=True)
        case InstalmentFellDue(draw_id=draw, number=number):
            return replace(line, noted_due=line.noted_due | {(draw, number)})
        case InstalmentOverdue(draw_id=draw, number=number):
            return replace(line, overdue=line.overdue | {(draw, number)})
        case InstalmentCured(draw_id=draw, number=number):
            return replace(line, overdue=line.overdue - {(draw, number)})
        case _:
            return _money_moved(_drawn(line, event), event)


def _drawn(line: Line, event: LineEvent) -> Line:
    match event:
        case DrawdownRequested(draw_id=draw):
            pending = Pending(event.amount, event.terms, event.on, event.disburse_by)
            return replace(line, pending={**line.pending, draw: pending}, used_ids=line.used_ids | {draw})
        case DrawDisbursed(draw_id=draw) | DrawdownRefused(draw_id=draw):
            return _no_longer_pending(line, draw)
        case DrawdownCancelled(draw_id=draw) | DrawdownExpired(draw_id=draw):
            return _no_longer_pending(line, draw)
        case _:
            return line


def _no_longer_pending(line: Line, draw: DrawId) -> Line:
    return replace(line, pending={each: pending for each, pending in line.pending.items() if each != draw})


def _money_moved(line: Line, event: LineEvent) -> Line:
    match event:
        case DrawDisbursed(draw_id=draw):
            entry = Disbursement(draw, event.on, event.amount, event.terms, event.due_dates[-1])
            return _entered(line, entry, Posting())
        case RepaymentReceived(repayment_id=repayment):
            received = Repayment(repayment, event.on, event.amount, event.toward)
            return _entered(line, received, Posting(event.allocations, event.credit))
        case CreditApplied(entry_id=use, allocations=allocations):
            spent = sum(allocation.amount for allocation in allocations)
            return _entered(line, CreditUse(use, event.on), Posting(allocations, -spent))
        case CreditRefunded(entry_id=refund):
            return _entered(line, Refund(refund, event.on, event.amount), Posting(credit=-event.amount))
        case RepaymentReallocated(entry_id=entry_id, allocations=allocations, credit=credit):
            return replace(line, postings={**line.postings, entry_id: Posting(allocations, credit)})
        case RepaymentReversed(repayment_id=repayment):
            return replace(
                line,
                entries=tuple(entry for entry in line.entries if entry.entry_id != repayment),
                postings={each: posting for each, posting in line.postings.items() if each != repayment},
                reversed=line.reversed | {repayment},
            )
        case _:
            return line


def _entered(line: Line, entry: Entry, posting: Posting) -> Line:
    return replace(
        line,
        entries=(*line.entries, entry),
        postings={**line.postings, entry.entry_id: posting},
        used_ids=line.used_ids | {entry.entry_id},
    )


LINE: Final[Aggregate[LineState, LineEvent]] = Aggregate("line", NoLine(), evolve)
