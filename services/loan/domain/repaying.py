"""Decisions on money that comes back: repayments, reversals, refunds, and what falls due or overdue.

Each event that moves money is followed by what it changes: entries of the account that pay other things now
(`RepaymentReallocated`), and instalments that are overdue, or no longer.
"""

from collections.abc import Sequence
from datetime import date

from services.loan import refusals
from services.loan.domain.facts import LoanFacts
from services.loan.domain.ledger import CreditUse, Due, Entry, Ledger, Refund, Repayment, differing, replay
from services.loan.domain.line import LINE, Line
from shared.schemas.ids import derived_id
from shared.schemas.loan import (
    CreditApplied,
    CreditRefunded,
    DrawId,
    InstalmentCured,
    InstalmentFellDue,
    InstalmentOverdue,
    LineEvent,
    RecordRepayment,
    RefundCredit,
    RepaymentReallocated,
    RepaymentReceived,
    RepaymentReversed,
    ReverseRepayment,
)
from shared.schemas.money import cny

__all__ = ["after", "not_after_today", "receive", "refund", "reverse", "review", "settled"]


def not_after_today(on: date, facts: LoanFacts) -> None:
    """Refused (`after_today`)."""
    if on > facts.today:
        raise refusals.AFTER_TODAY(on=on.isoformat(), today=facts.today.isoformat())


def receive(command: RecordRepayment, line: Line, facts: LoanFacts) -> list[LineEvent]:
    facts.must_be_bank(line.bank)
    on = command.on or facts.today
    not_after_today(on, facts)
    if on < line.opened_on:
        raise refusals.BEFORE_OPENING(on=on.isoformat(), opened_on=line.opened_on.isoformat())
    if command.repayment_id in line.used_ids:
        raise refusals.REPAYMENT_ID_USED()
    if command.toward is not None and command.toward not in line.draws:
        raise refusals.UNKNOWN_DRAW()
    entry = Repayment(command.repayment_id, on, command.amount, command.toward)
    ledger = _with(line, entry, facts.today)
    posting = ledger.postings[entry.entry_id]
    received = RepaymentReceived(
        line_id=line.line_id,
        member_id=line.member_id,
        repayment_id=command.repayment_id,
        amount=command.amount,
        on=on,
        toward=command.toward,
        allocations=posting.allocations,
        credit=posting.credit,
        principal=ledger.principal,
    )
    return settled(line, [received], ledger, facts)


def reverse(command: ReverseRepayment, line: Line, facts: LoanFacts) -> list[LineEvent]:
    """What is owed is then what it would be had the repayment never come, though that be above the limit."""
    facts.must_be_bank(line.bank)
    if command.repayment_id in line.reversed:
        raise refusals.ALREADY_REVERSED()
    repayments = {entry.entry_id: entry for entry in line.entries if isinstance(entry, Repayment)}
    if (repayment := repayments.get(command.repayment_id)) is None:
        raise refusals.UNKNOWN_REPAYMENT()
    rest = [entry for entry in line.entries if entry is not repayment]
    ledger = replay(rest, line.allocation, facts.today)
    reversed_ = RepaymentReversed(
        line_id=line.line_id,
        member_id=line.member_id,
        repayment_id=command.repayment_id,
        amount=repayment.amount,
        paid_on=repayment.on,
        ground=command.ground,
        principal=ledger.principal,
    )
    return settled(line, [reversed_], ledger, facts)


def refund(command: RefundCredit, line: Line, facts: LoanFacts) -> list[LineEvent]:
    facts.must_be_bank(line.bank)
    on = command.on or facts.today
    not_after_today(on, facts)
    if command.refund_id in line.used_ids:
        raise refusals.REPAYMENT_ID_USED()
    there = min(line.credit, line.ledger(on).credit)
    if command.amount > there:
        raise refusals.ABOVE_CREDIT(credit=cny(there), amount=cny(command.amount))
    refunded = CreditRefunded(
        line_id=line.line_id,
        member_id=line.member_id,
        entry_id=command.refund_id,
        amount=command.amount,
        on=on,
    )
    entry = Refund(command.refund_id, on, command.amount)
    return settled(line, [refunded], _with(line, entry, facts.today), facts)


def review(line: Line, facts: LoanFacts, ledger: Ledger | None = None) -> list[LineEvent]:
    """Note what has fallen due; credit pays it, as of its due date. Then note what is overdue. `ledger` is today's
    account, where it is at hand."""
    ledger = ledger or line.ledger(facts.today)
    events: list[LineEvent] = []
    for day in sorted({due.due for due in _to_note(line, ledger)}):
        noted = _fallen_due(line, day, facts)
        events += noted
        line = after(line, noted)
    return [*events, *_arrears(line, line.ledger(facts.today) if events else ledger)]


def settled(line: Line, events: Sequence[LineEvent], ledger: Ledger, facts: LoanFacts) -> list[LineEvent]:
    """`events`, and what they change of other entries, of what is due and of arrears; `ledger` is today's account after
    them. Refused (`credit_spent`) where more credit would then have been refunded than there was."""
    changed = [*events, *_reallocated(after(line, events), ledger)]
    return [*changed, *review(after(line, changed), facts, ledger)]


def after(line: Line, events: Sequence[LineEvent]) -> Line:
    state = LINE.fold(events, line)
    assert isinstance(state, Line)
    return state


def _with(line: Line, entry: Entry, on: date) -> Ledger:
    return replay((*line.entries, entry), line.allocation, on)


def _reallocated(line: Line, ledger: Ledger) -> list[LineEvent]:
    if ledger.overspent:
        raise refusals.CREDIT_SPENT()
    return [
        RepaymentReallocated(
            line_id=line.line_id,
            member_id=line.member_id,
            entry_id=entry_id,
            allocations=posting.allocations,
            credit=posting.credit,
        )
        for entry_id, posting in differing(line.postings, ledger.postings).items()
    ]


def _to_note(line: Line, ledger: Ledger) -> list[Due]:
    return [due for due in ledger.due() if (due.draw_id, due.number) not in line.noted_due]


def _fallen_due(line: Line, day: date, facts: LoanFacts) -> list[LineEvent]:
    ledger = line.ledger(day)
    falling = [due for due in _to_note(line, ledger) if due.due == day]
    events: list[LineEvent] = [
        InstalmentFellDue(
            line_id=line.line_id,
            member_id=line.member_id,
            draw_id=due.draw_id,
            number=due.number,
            due=due.due,
            principal=due.principal,
            interest=due.interest,
        )
        for due in falling
    ]
    if not falling or ledger.credit <= 0:
        return events
    entry = CreditUse(derived_id(falling[0].draw_id, f"credit {falling[0].number}"), day)
    used = _with(line, entry, facts.today)
    if used.overspent:  # credit of that day was refunded since
        entry = CreditUse(entry.entry_id, facts.today)
        used = _with(line, entry, facts.today)
    posting = used.postings[entry.entry_id]
    if not posting.credit:
        return events
    applied = CreditApplied(
        line_id=line.line_id,
        member_id=line.member_id,
        entry_id=entry.entry_id,
        on=entry.on,
        allocations=posting.allocations,
    )
    return [*events, applied, *_reallocated(after(line, [applied]), used)]


def _arrears(line: Line, ledger: Ledger) -> list[LineEvent]:
    overdue = ledger.overdue()
    cured = sorted(line.overdue - overdue.keys(), key=lambda key: (str(key[0]), key[1]))
    return [
        *(_cured(line, draw, number, len(overdue)) for draw, number in cured),
        *(_overdue(line, due) for key, due in overdue.items() if key not in line.overdue),
    ]


def _cured(line: Line, draw_id: DrawId, number: int, left: int) -> LineEvent:
    return InstalmentCured(
        line_id=line.line_id, member_id=line.member_id, draw_id=draw_id, number=number, overdue_left=left
    )


def _overdue(line: Line, due: Due) -> LineEvent:
    return InstalmentOverdue(
        line_id=line.line_id,
        member_id=line.member_id,
        draw_id=due.draw_id,
        number=due.number,
        due=due.due,
        principal=due.principal,
        interest=due.interest,
    )
