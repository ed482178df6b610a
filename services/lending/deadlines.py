"""When what must have happened: a loan's reminder, overdue and escalation follow from its borrowing alone, a union's
digest from what was escalated. Each is a timer of its own: none waits for another."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from shared.eventsourcing.decider import SHANGHAI
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.timers import Cancel, Schedule
from shared.schemas.ids import UnionId
from shared.schemas.lending import (
    EscalateOverdue,
    HelmetBorrowed,
    HelmetReturned,
    LoanExtended,
    LoanId,
    Lost,
    MarkOverdue,
    OverdueDigested,
    OverdueEscalated,
    RemindOfReturn,
    SendDigest,
)

__all__ = ["deadlines"]

JUST_LATE: Final = timedelta(milliseconds=1)
"""At the due instant a return is on time."""


def deadlines(recorded: Recorded) -> Iterable[Schedule | Cancel]:
    """What an event schedules and cancels."""
    match recorded.event:
        case HelmetBorrowed() | LoanExtended() as event:
            of = {"code": event.code, "loan_id": event.loan_id}
            reminder, overdue, escalation = _keys(event.loan_id)
            yield Schedule(reminder, event.remind_at, RemindOfReturn.model_validate(of))
            yield Schedule(overdue, event.due_at + JUST_LATE, MarkOverdue.model_validate(of))
            yield Schedule(escalation, event.escalate_at + JUST_LATE, EscalateOverdue.model_validate(of))
        case HelmetReturned(loan_id=loan_id):
            yield from _over(loan_id)
        case Lost(loan_id=loan_id) if loan_id is not None:
            yield from _over(loan_id)
        case OverdueEscalated(union_id=union_id, digest_at=at) | OverdueDigested(union_id=union_id, next_at=at):
            yield _digest(union_id, at)


def _keys(loan_id: LoanId) -> tuple[str, str, str]:
    return f"loan {loan_id} reminder", f"loan {loan_id} overdue", f"loan {loan_id} escalation"


def _over(loan_id: LoanId) -> Iterator[Cancel]:
    return map(Cancel, _keys(loan_id))


def _digest(union_id: UnionId, at: datetime) -> Schedule:
    on = at.astimezone(SHANGHAI).date()
    return Schedule(f"digest {union_id} {on}", at, SendDigest(union_id=union_id, on=on))
