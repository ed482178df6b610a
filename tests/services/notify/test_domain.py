"""What may become of a notification."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.notify.domain import NotifyFacts, Patience, Quiet, Retries, Standing, content_key, decide, notification
from shared.eventsourcing.specification import Specification
from shared.schemas.messages import Actor, Command, Event, Role
from shared.schemas.notify import (
    Channel,
    DeliveryReceiptReceived,
    FailureKind,
    MessageClass,
    NotificationDelivered,
    NotificationFailed,
    NotificationId,
    NotificationRequested,
    NotificationSent,
    NotificationSuppressed,
    NotificationUnconfirmed,
    ReceiptStatus,
    Recipient,
    RecordFailure,
    RecordReceipt,
    RecordSent,
    RecordUnconfirmed,
    RequestNotification,
    SendingFailed,
    SendingStarted,
    StartSending,
    Suppression,
    SuppressNotification,
    TemplateRef,
)
from shared.schemas.personal import Personal

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
RETRIES = Retries(attempts=4, first_pause=timedelta(seconds=5), longest_pause=timedelta(seconds=12))
QUIET = Quiet(time(22), time(8), frozenset({Channel.SMS}))
A_WEEK = timedelta(days=7)
PATIENCE = Patience(dict.fromkeys(MessageClass, A_WEEK), receipts=timedelta(hours=72))
FACTS = NotifyFacts(
    now=NOON,
    actor=Actor(role=Role.SYSTEM, id="notify"),
    federation="330503",
    retries=RETRIES,
    quiet=QUIET,
    patience=PATIENCE,
)
CAUSE = UUID("01985b5e-3f00-7000-8000-000000000001")
LI = UUID("01985b5e-3f00-7000-8000-000000000002")
GATEWAY, OTHER = "sms-gateway", "another-gateway"
TEMPORARY, PERMANENT, TECHNICAL = FailureKind

specification: Specification[Command, Standing, Event, NotifyFacts] = Specification(notification.fold, decide, FACTS)
given = specification.given


def request(**changes: Any) -> RequestNotification:
    content: dict[str, Any] = {
        "cause": CAUSE,
        "cause_type": "RepaymentReceived",
        "programme": "loan",
        "rule": "repayment-received",
        "rules_version": "1",
        "channel": Channel.SMS,
        "recipient": Recipient.parse(f"member:{LI}"),
        "message_class": MessageClass.PAYMENT,
        "template": TemplateRef(id="repayment-received", version=1),
        "concerns": LI,
        "values": {"amount": "17421.13"},
    }
    return RequestNotification(**(content | changes))


OWN: NotificationId = request().notification_id


def requested(concerns: UUID = LI) -> NotificationRequested:
    return NotificationRequested(
        notification_id=OWN,
        cause=CAUSE,
        cause_type="RepaymentReceived",
        programme="loan",
        rule="repayment-received",
        rules_version="1",
        channel=Channel.SMS,
        recipient=Recipient.parse(f"member:{LI}"),
        message_class=MessageClass.PAYMENT,
        template=TemplateRef(id="repayment-received", version=1),
        concerns=concerns,
        content_key=content_key(concerns, NOON.date()),
        values=Personal({"amount": "17421.13"}),
        at=NOON,
        expires_at=NOON + A_WEEK,
    )


def started(attempt: int = 1) -> SendingStarted:
    return SendingStarted(notification_id=OWN, attempt=attempt, provider=GATEWAY)


def failed_once(attempt: int, seconds: int, failure: FailureKind = TECHNICAL) -> SendingFailed:
    return SendingFailed(
        notification_id=OWN,
        attempt=attempt,
        provider=GATEWAY,
        failure=failure,
        reason="http 503",
        retry_at=NOON + timedelta(seconds=seconds),
        at=NOON,
    )


def sent(attempt: int = 1) -> NotificationSent:
    return NotificationSent(notification_id=OWN, attempt=attempt, provider=GATEWAY, provider_message_id="m-1", at=NOON)


def unconfirmed(attempt: int = 1) -> NotificationUnconfirmed:
    return NotificationUnconfirmed(
        notification_id=OWN, attempt=attempt, provider=GATEWAY, reason="cannot be asked", at=NOON
    )


def failed(failure: FailureKind = PERMANENT, reason: str = "http 422") -> NotificationFailed:
    return NotificationFailed(notification_id=OWN, failure=failure, reason=reason, provider=GATEWAY, at=NOON)


def undelivered(failure: FailureKind = PERMANENT) -> NotificationFailed:
    """As a receipt says."""
    return NotificationFailed(notification_id=OWN, failure=failure, reason="DELIVRD")


def suppressed(reason: Suppression = Suppression.NO_CONTACT) -> NotificationSuppressed:
    return NotificationSuppressed(notification_id=OWN, reason=reason)


def received(status: ReceiptStatus, provider: str = GATEWAY) -> DeliveryReceiptReceived:
    return DeliveryReceiptReceived(
        notification_id=OWN,
        provider=provider,
        provider_message_id="m-1",
        status=status,
        reason="DELIVRD",
        reported_at=NOON,
    )


def delivered() -> NotificationDelivered:
    return NotificationDelivered(notification_id=OWN, at=NOON)


def start(attempt: int = 1) -> StartSending:
    return StartSending(notification_id=OWN, attempt=attempt, provider=GATEWAY)


def record_sent(attempt: int = 1) -> RecordSent:
    return RecordSent(notification_id=OWN, attempt=attempt, provider_message_id="m-1")


def record_failure(attempt: int = 1, failure: FailureKind = TECHNICAL, reason: str = "http 503") -> RecordFailure:
    return RecordFailure(notification_id=OWN, attempt=attempt, failure=failure, reason=reason)


def record_unconfirmed(attempt: int = 1) -> RecordUnconfirmed:
    return RecordUnconfirmed(notification_id=OWN, attempt=attempt, reason="cannot be asked")


def receipt(status: ReceiptStatus, provider: str = GATEWAY) -> RecordReceipt:
    return RecordReceipt(
        notification_id=OWN,
        provider=provider,
        provider_message_id="m-1",
        status=status,
        reason="DELIVRD",
        reported_at=NOON,
    )


def suppress() -> SuppressNotification:
    return SuppressNotification(notification_id=OWN, reason=Suppression.NO_CONTACT)


WAITING: dict[str, list[Event]] = {
    "requested": [requested()],
    "to be tried again": [requested(), started(), failed_once(1, 5)],
}
SENDING: list[Event] = [requested(), started()]
ENDED: dict[str, list[Event]] = {
    "suppressed": [requested(), suppressed()],
    "sent": [*SENDING, sent()],
    "delivered": [*SENDING, sent(), received(ReceiptStatus.DELIVERED), delivered()],
    "unconfirmed": [*SENDING, unconfirmed()],
    "failed": [*SENDING, failed()],
}


def histories(of: dict[str, list[Event]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("history", of.values(), ids=of.keys())


# The request


def test_a_message_is_asked_for_and_its_values_are_the_persons_whom_they_concern() -> None:
    given().when(request()).then(requested())


def test_asked_for_again_it_is_requested_once_wherever_it_stands() -> None:
    for history in (*WAITING.values(), SENDING, *ENDED.values()):
        given(*history).when(request()).nothing()


def test_values_that_are_nobodys_concern_the_notification_itself() -> None:
    given().when(request(concerns=None)).then(requested(concerns=OWN))


@pytest.mark.parametrize(
    "command",
    [suppress(), start(), record_sent(), record_failure(), record_unconfirmed(), receipt(ReceiptStatus.DELIVERED)],
    ids=lambda command: type(command).__name__,
)
def test_of_a_message_that_nobody_asked_for_nothing_can_be_said(command: Command) -> None:
    given().when(command).refused("no_such_notification", "通知 第1条")


# Attempts


def test_an_attempt_is_recorded_before_the_provider_is_spoken_to() -> None:
    given(requested()).when(start()).then(started())


def test_the_next_attempt_follows_the_one_that_failed() -> None:
    given(requested(), started(), failed_once(1, 5)).when(start(2)).then(started(2))


def test_of_two_senders_who_begin_the_same_attempt_the_second_is_refused() -> None:
    given(*SENDING).when(start()).refused("not_waiting", "通知 第2条")
    given(*SENDING, failed_once(1, 5)).when(start()).refused("not_waiting")


def test_an_attempt_cannot_be_passed_over() -> None:
    given(requested()).when(start(2)).refused("not_waiting")


def test_an_attempt_of_unknown_outcome_is_never_followed_by_another() -> None:
    given(*SENDING).when(start(2)).refused("not_waiting")
    given(*SENDING, unconfirmed()).when(start(2)).refused("not_waiting")


@histories(ENDED)
def test_what_has_ended_is_never_sent_again(history: list[Event]) -> None:
    given(*history).when(start(2)).refused("not_waiting")


# Outcomes


def test_a_provider_took_it() -> None:
    given(*SENDING).when(record_sent()).then(sent())


def test_what_certainly_was_not_sent_is_tried_again_after_pauses_that_double_up_to_the_longest() -> None:
    history: list[Event] = [requested()]
    for attempt, seconds in ((1, 5), (2, 10), (3, 12)):
        history.append(started(attempt))
        given(*history).when(record_failure(attempt)).then(failed_once(attempt, seconds))
        history.append(failed_once(attempt, seconds))


def test_after_the_last_attempt_it_has_failed() -> None:
    history = [event for n in (1, 2, 3) for event in (started(n), failed_once(n, 5))]
    given(requested(), *history, started(4)).when(record_failure(4)).then(failed(TECHNICAL, "http 503"))


def test_what_a_recipient_cannot_take_now_is_tried_again() -> None:
    given(*SENDING).when(record_failure(failure=TEMPORARY)).then(failed_once(1, 5, TEMPORARY))


def test_what_will_never_be_taken_has_failed_at_once() -> None:
    given(*SENDING).when(record_failure(failure=PERMANENT, reason="http 422")).then(failed())


def test_an_outcome_that_cannot_be_found_out_ends_it() -> None:
    given(*SENDING).when(record_unconfirmed()).then(unconfirmed())


@pytest.mark.parametrize(
    "record", [record_sent, record_failure, record_unconfirmed], ids=lambda record: record.__name__
)
def test_the_outcome_of_another_attempt_changes_nothing(record: Any) -> None:
    given(*SENDING, failed_once(1, 5), started(2)).when(record(1)).nothing()
    given(*SENDING).when(record(2)).nothing()


@pytest.mark.parametrize(
    "command",
    [suppress(), record_sent(), record_failure(), record_unconfirmed()],
    ids=lambda command: type(command).__name__,
)
@histories(ENDED)
def test_what_comes_late_changes_nothing(history: list[Event], command: Command) -> None:
    given(*history).when(command).nothing()


@histories(WAITING)
def test_there_is_no_outcome_without_an_attempt_under_way(history: list[Event]) -> None:
    for command in (record_sent(), record_failure(), record_unconfirmed()):
        given(*history).when(command).nothing()


# Not sending it


@histories(WAITING)
def test_what_waits_can_be_suppressed(history: list[Event]) -> None:
    given(*history).when(suppress()).then(suppressed())


def test_what_may_have_been_sent_cannot_be_suppressed_any_more() -> None:
    given(*SENDING).when(suppress()).nothing()


# Receipts

POSSESSION: dict[str, list[Event]] = {
    "may have it": SENDING,
    "has it": ENDED["sent"],
    "cannot say": ENDED["unconfirmed"],
}


@histories(POSSESSION)
def test_a_receipt_says_that_it_arrived(history: list[Event]) -> None:
    arrived = (received(ReceiptStatus.DELIVERED), delivered())
    given(*history).when(receipt(ReceiptStatus.DELIVERED)).then(*arrived)


@histories(POSSESSION)
def test_a_receipt_says_that_it_will_never_arrive(history: list[Event]) -> None:
    given(*history).when(receipt(ReceiptStatus.PERMANENT)).then(received(ReceiptStatus.PERMANENT), undelivered())


@histories(POSSESSION)
@pytest.mark.parametrize("status", [ReceiptStatus.TEMPORARY, ReceiptStatus.TECHNICAL])
def test_a_receipt_says_that_it_could_not_be_delivered_in_time_or_for_technical_reasons(
    history: list[Event], status: ReceiptStatus
) -> None:
    failure = FailureKind[status.name]
    given(*history).when(receipt(status)).then(received(status), undelivered(failure))


def test_after_a_receipt_the_providers_own_answer_comes_too_late() -> None:
    for conclusive in (delivered(), failed()):
        given(*SENDING, conclusive).when(record_sent()).nothing()
        given(*SENDING, conclusive).when(record_failure()).nothing()


@pytest.mark.parametrize("status", ReceiptStatus)
@histories({name: ENDED[name] for name in ("delivered", "failed", "suppressed")} | WAITING)
def test_receipts_that_are_late_repeated_or_contradict_are_kept_and_change_nothing(
    history: list[Event], status: ReceiptStatus
) -> None:
    given(*history).when(receipt(status)).then(received(status))


@histories(POSSESSION)
def test_a_receipt_of_a_provider_that_was_not_spoken_to_is_kept_and_changes_nothing(history: list[Event]) -> None:
    given(*history).when(receipt(ReceiptStatus.DELIVERED, OTHER)).then(received(ReceiptStatus.DELIVERED, OTHER))
