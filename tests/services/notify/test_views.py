"""What the read model shows of a notification."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.notify.views import NotificationRow, Notifications
from shared.eventsourcing.codec import Codec
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.view_specification import Happened, ViewSpecification, happened
from shared.schemas import notify
from shared.schemas.messages import Event
from shared.schemas.notify import MessageClass, ReceiptStatus, Suppression
from tests.services.notify.test_domain import (
    A_WEEK,
    CAUSE,
    GATEWAY,
    LI,
    NOON,
    OWN,
    delivered,
    failed,
    failed_once,
    received,
    requested,
    sent,
    started,
    suppressed,
    unconfirmed,
)

A_MINUTE_LATER = NOON + timedelta(minutes=1)

view = ViewSpecification(Notifications(), stream=f"notification-{OWN}", at=NOON)
given = view.given

WAITING = NotificationRow(
    notification_id=OWN,
    federation="330503",
    requested_at=NOON,
    programme="loan",
    cause=CAUSE,
    cause_type="RepaymentReceived",
    rule="repayment-received",
    channel="sms",
    recipient_kind="member",
    recipient_id=str(LI),
    message_class="payment",
    urgent=True,
    template="repayment-received",
    template_version=1,
    due_at=NOON,
    expires_at=NOON + A_WEEK,
)


def row(**changes: Any) -> NotificationRow:
    return replace(WAITING, **changes)


SENDING = {"status": "sending", "provider": GATEWAY, "attempts": 1, "started_at": A_MINUTE_LATER, "due_at": None}
BEGUN = (requested(), happened(started(), at=A_MINUTE_LATER))
SENT = SENDING | {"status": "sent", "sent_at": NOON, "provider_message_id": "m-1", "expires_at": None}
DONE = {"due_at": None, "expires_at": None}


def test_what_was_asked_for_is_due_at_once() -> None:
    given(requested()).shows(WAITING)


@pytest.mark.parametrize("message_class", MessageClass)
def test_payments_and_deadlines_go_before_the_rest(message_class: MessageClass) -> None:
    event = requested().model_copy(update={"message_class": message_class})
    urgent = message_class in {MessageClass.PAYMENT, MessageClass.DEADLINE}
    given(event).shows(row(message_class=message_class.value, urgent=urgent))


def test_an_attempt_under_way_is_not_due_and_tells_when_it_began() -> None:
    given(*BEGUN).shows(row(**SENDING))


def test_after_a_failure_it_is_due_when_it_is_tried_again() -> None:
    retry = NOON + timedelta(seconds=5)
    again = SENDING | {"status": "waiting", "reason": "http 503", "due_at": retry}
    given(*BEGUN, failed_once(1, 5)).shows(row(**again))
    second = SENDING | {"attempts": 2, "reason": "http 503"}
    given(*BEGUN, failed_once(1, 5), happened(started(2), at=A_MINUTE_LATER)).shows(row(**second))


def test_what_was_sent_has_no_failure_to_tell_of() -> None:
    given(*BEGUN, sent()).shows(row(**SENT))
    twice: list[Event | Happened] = [*BEGUN, failed_once(1, 5), happened(started(2), at=A_MINUTE_LATER), sent(2)]
    given(*twice).shows(row(**SENT | {"attempts": 2}))


ENDS: list[tuple[list[Event | Happened], dict[str, Any]]] = [
    ([requested(), suppressed(Suppression.ERASED)], DONE | {"status": "suppressed", "reason": "erased"}),
    ([*BEGUN, unconfirmed()], SENDING | DONE | {"status": "unconfirmed", "reason": "cannot be asked"}),
    ([*BEGUN, failed()], SENDING | DONE | {"status": "failed", "reason": "http 422"}),
    ([*BEGUN, sent(), delivered()], SENT | {"status": "delivered", "delivered_at": NOON}),
    ([*BEGUN, unconfirmed(), delivered()], SENDING | DONE | {"status": "delivered", "delivered_at": NOON}),
    ([*BEGUN, sent(), failed()], SENT | {"status": "failed", "reason": "http 422"}),
]


@pytest.mark.parametrize(("history", "changes"), ENDS, ids=[changes["status"] for _, changes in ENDS])
def test_what_has_ended_is_due_no_more(history: list[Event | Happened], changes: dict[str, Any]) -> None:
    assert changes["due_at"] is None
    given(*history).shows(row(**changes))


def test_a_receipt_alone_changes_nothing() -> None:
    given(*BEGUN, sent(), received(ReceiptStatus.TEMPORARY)).shows(row(**SENT))


async def test_the_same_in_postgresql(database_url: str) -> None:
    async with EventStore(database_url, "notify", Codec.of(notify)) as store:
        await given(*BEGUN, sent(), delivered()).shows_in(
            store, row(**SENT | {"status": "delivered", "delivered_at": NOON})
        )
