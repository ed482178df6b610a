"""Chasing: when a loan's timers do something, and when not; and what an event schedules and cancels."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.lending.deadlines import deadlines
from services.lending.domain.digest import digest
from services.lending.rules import policy_at
from shared.eventsourcing.codec import Codec
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.timers import Cancel, Schedule
from shared.schemas.lending import (
    EscalateOverdue,
    HelmetOverdue,
    LoanExtended,
    LoanId,
    Lost,
    MarkOverdue,
    OverdueDigested,
    OverdueEscalated,
    RemindOfReturn,
    ReturnReminderDue,
    SendDigest,
)
from shared.schemas.messages import Event, Meta
from tests.services.lending.cases import (
    CODE,
    DUE,
    ESCALATED,
    FACTS,
    FIRST,
    GATE,
    HELMET,
    HOUR,
    JIANGBEI,
    LI,
    MS,
    NEXT_NINE,
    NOON,
    OUT,
    OVERDUE,
    PLACED,
    SECOND,
    TIMER,
    WORKS,
    borrowed,
    freed,
    lending,
    loan,
    named,
    returned,
)

REMIND, OVERDUE_NOW, ESCALATE = (
    kind(code=CODE, loan_id=FIRST) for kind in (RemindOfReturn, MarkOverdue, EscalateOverdue)
)
REMINDED = ReturnReminderDue(**loan(), due_at=DUE)
EXTENDED = LoanExtended(**loan(), due_at=DUE + 48 * HOUR, remind_at=DUE + 42 * HOUR, escalate_at=DUE + 72 * HOUR)
GONE = Lost(**HELMET, point_id=GATE, loan_id=FIRST, member_id=LI, lost_at=DUE + HOUR)


def test_a_borrower_is_reminded_once_between_the_reminder_s_time_and_due() -> None:
    lending.given(*OUT).when(REMIND, actor=TIMER, now=DUE - 6 * HOUR).then(REMINDED)
    lending.given(*OUT, REMINDED).when(REMIND, actor=TIMER, now=DUE - 6 * HOUR).nothing()
    lending.given(*OUT).when(REMIND, actor=TIMER, now=DUE + MS).nothing()


def test_overdue_is_a_millisecond_after_due_and_once() -> None:
    lending.given(*OUT).when(OVERDUE_NOW, actor=TIMER, now=DUE).nothing()
    overdue = HelmetOverdue(**loan(), due_at=DUE)
    lending.given(*OUT).when(OVERDUE_NOW, actor=TIMER, now=DUE + MS).then(overdue)
    lending.given(*OVERDUE).when(OVERDUE_NOW, actor=TIMER, now=DUE + HOUR).nothing()


def test_escalation_follows_a_day_later_whether_or_not_overdue_was_said() -> None:
    later = DUE + 24 * HOUR
    escalated = OverdueEscalated(**loan(), due_at=DUE, digest_at=NEXT_NINE)
    lending.given(*OVERDUE).when(ESCALATE, actor=TIMER, now=later).then(escalated)
    lending.given(*OUT).when(ESCALATE, actor=TIMER, now=later).then(escalated)
    lending.given(*ESCALATED).when(ESCALATE, actor=TIMER, now=later).nothing()
    lending.given(*OVERDUE).when(ESCALATE, actor=TIMER, now=later - MS).nothing()


@pytest.mark.parametrize("timer", [REMIND, OVERDUE_NOW, ESCALATE])
@pytest.mark.parametrize(
    "history",
    [
        (),
        (PLACED,),
        (*OUT, returned(NOON + HOUR), freed()),
        (*OUT, GONE, freed()),
        (*OUT, returned(NOON + HOUR), freed(), borrowed(SECOND, at=NOON + HOUR)),
        (*OUT, EXTENDED),
    ],
)
def test_nothing_is_said_of_a_loan_that_is_over_or_was_extended(history: tuple[Event, ...], timer: Any) -> None:
    for now in (DUE - 6 * HOUR, DUE + MS, DUE + 24 * HOUR):
        lending.given(*history).when(timer, actor=TIMER, now=now).nothing()


# What is scheduled


def of(event: Event) -> list[Schedule | Cancel]:
    meta = Meta(federation=JIANGBEI, actor="system:x", time=NOON, correlation=UUID(int=1), causation=UUID(int=1))
    recorded = Recorded(Codec(()), 1, "item-x", 1, named("事件"), type(event).__name__, 1, "", meta, NOON)
    vars(recorded)["event"] = event
    return list(deadlines(recorded))


def scheduled(due: datetime) -> list[Schedule]:
    of_it = {"code": CODE, "loan_id": FIRST}
    return [
        Schedule(f"loan {FIRST} reminder", due - 6 * HOUR, RemindOfReturn.model_validate(of_it)),
        Schedule(f"loan {FIRST} overdue", due + MS, MarkOverdue.model_validate(of_it)),
        Schedule(f"loan {FIRST} escalation", due + 24 * HOUR + MS, EscalateOverdue.model_validate(of_it)),
    ]


def cancelled(loan_id: LoanId) -> list[Cancel]:
    return [Cancel(f"loan {loan_id} {timer}") for timer in ("reminder", "overdue", "escalation")]


def test_all_three_timers_follow_from_the_borrowing_alone_and_move_with_an_extension() -> None:
    assert of(borrowed()) == scheduled(DUE)
    assert of(EXTENDED) == scheduled(DUE + 48 * HOUR)
    assert of(REMINDED) == []
    assert of(HelmetOverdue(**loan(), due_at=DUE)) == []


def test_a_return_and_a_loss_cancel_them() -> None:
    assert of(returned(NOON)) == cancelled(FIRST)
    assert of(GONE) == cancelled(FIRST)
    assert of(GONE.model_copy(update={"loan_id": None})) == []


def test_whatever_is_escalated_before_nine_goes_into_one_digest() -> None:
    digests = [of(OverdueEscalated(**loan(loan_id), due_at=DUE, digest_at=NEXT_NINE)) for loan_id in (FIRST, SECOND)]
    on = date(2020, 6, 5)
    expected = Schedule(f"digest {WORKS} {on}", NEXT_NINE, SendDigest(union_id=WORKS, on=on))
    assert digests == [[expected], [expected]]


def test_digests_are_sent_at_nine_in_china() -> None:
    policy = policy_at(JIANGBEI, NOON.date())
    assert policy.next_digest(NEXT_NINE - MS) == NEXT_NINE
    assert policy.next_digest(NEXT_NINE) == NEXT_NINE + timedelta(days=1)


def test_a_digest_tells_of_all_that_is_overdue_once_and_is_looked_at_again_the_next_day() -> None:
    command = SendDigest(union_id=WORKS, on=date(2020, 6, 5))
    overdue = [(DUE + HOUR, "JB-0002"), (DUE, CODE)]
    (told,) = digest(command, False, overdue, FACTS)
    assert isinstance(told, OverdueDigested)
    assert (told.count, told.longest_due_at, told.codes) == (2, DUE, (CODE, "JB-0002"))
    (again,) = of(told)
    assert isinstance(again, Schedule)
    assert again.due == told.next_at
    assert digest(command, True, overdue, FACTS) == []
    assert digest(command, False, [], FACTS) == []
