"""Chasing: a reminder, overdue, escalation. Each follows from the loan alone, none from another that came before it.

A timer of a loan that has ended, or whose time was moved on, changes nothing.
"""

from services.lending.domain.desk import Desk
from services.lending.domain.facts import LendingFacts
from services.lending.domain.item import WITH_BORROWER
from shared.schemas.lending import (
    EscalateOverdue,
    HelmetOverdue,
    LoanTimer,
    MarkOverdue,
    OverdueEscalated,
    RemindOfReturn,
    ReturnReminderDue,
)
from shared.schemas.messages import Event

__all__ = ["chase"]


def chase(command: LoanTimer, desk: Desk, facts: LendingFacts) -> list[Event]:
    item, loan, now = desk.item, desk.item.loan, facts.now
    if item.status not in WITH_BORROWER or loan is None or loan.loan_id != command.loan_id:
        return []
    match command:
        case RemindOfReturn() if not loan.reminded and loan.remind_at <= now <= loan.due_at:
            return [ReturnReminderDue(**item.of(loan), due_at=loan.due_at)]
        case MarkOverdue() if not loan.overdue and now > loan.due_at:
            return [HelmetOverdue(**item.of(loan), due_at=loan.due_at)]
        case EscalateOverdue() if not loan.escalated and now >= loan.escalate_at:
            digest_at = facts.policy.next_digest(now)
            return [OverdueEscalated(**item.of(loan), due_at=loan.due_at, digest_at=digest_at)]
        case _:
            return []
