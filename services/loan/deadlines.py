"""When what must have happened: timers that follow from events.

A step's deadline is the end of its last day in China. An instalment is noted at the beginning of its due date, and
looked at again when that day is over: each on its own, so that no reminder that fails can hold up what is overdue.
Timers of what was settled meanwhile fire and change nothing.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from services.loan.domain.facts import end_of
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.timers import Cancel, Schedule
from shared.schemas.loan import (
    ApplicationFiled,
    ApplicationId,
    ApplicationLapsed,
    ApplicationRecommended,
    ApplicationRejected,
    ApplicationWithdrawn,
    DrawDisbursed,
    DrawdownCancelled,
    DrawdownExpired,
    DrawdownRefused,
    DrawdownRequested,
    ExpireDrawdown,
    ExpireLine,
    LapseApplication,
    LineClosed,
    LineOpened,
    LoanAccepted,
    LoanDeclined,
    LoanEndorsed,
    ReviewLine,
    Stage,
)
from shared.schemas.messages import Instant

__all__ = ["deadlines"]


def deadlines(recorded: Recorded) -> Iterable[Schedule | Cancel]:
    """What an event schedules and cancels."""
    match recorded.event:
        case ApplicationFiled(application_id=application, recommend_by=by):
            yield _lapse(application, Stage.RECOMMENDATION, by)
        case ApplicationRecommended(application_id=application, endorse_by=by):
            yield Cancel(_step(application, Stage.RECOMMENDATION))
            yield _lapse(application, Stage.ENDORSEMENT, by)
        case LoanEndorsed(application_id=application, answer_by=by):
            yield Cancel(_step(application, Stage.ENDORSEMENT))
            yield _lapse(application, Stage.BANK_ANSWER, by)
        case LoanAccepted(application_id=application) | LoanDeclined(application_id=application):
            yield Cancel(_step(application, Stage.BANK_ANSWER))
        case ApplicationRejected() | ApplicationWithdrawn() | ApplicationLapsed() as ended:
            yield Cancel(_step(ended.application_id, ended.stage))
        case LineOpened(line_id=line, expires_on=day):
            yield Schedule(f"line {line} expiry", end_of(day), ExpireLine(line_id=line))
        case LineClosed(line_id=line):
            yield Cancel(f"line {line} expiry")
        case event:
            yield from _of_draws(event)


def _of_draws(event: object) -> Iterator[Schedule | Cancel]:
    match event:
        case DrawdownRequested(line_id=line, draw_id=draw, disburse_by=by):
            yield Schedule(f"draw {draw} expiry", by, ExpireDrawdown(line_id=line, draw_id=draw))
        case DrawdownRefused(draw_id=draw) | DrawdownCancelled(draw_id=draw) | DrawdownExpired(draw_id=draw):
            yield Cancel(f"draw {draw} expiry")
        case DrawDisbursed(line_id=line, draw_id=draw, due_dates=due_dates):
            yield Cancel(f"draw {draw} expiry")
            for number, due in enumerate(due_dates, start=1):
                review = ReviewLine(line_id=line)
                yield Schedule(f"draw {draw} instalment {number} due", end_of(due - timedelta(days=1)), review)
                yield Schedule(f"draw {draw} instalment {number} overdue", end_of(due), review)


def _step(application: ApplicationId, stage: Stage) -> str:
    return f"application {application} {stage}"


def _lapse(application: ApplicationId, stage: Stage, by: Instant) -> Schedule:
    return Schedule(_step(application, stage), by, LapseApplication(application_id=application, stage=stage))
