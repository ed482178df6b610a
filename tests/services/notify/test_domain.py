"""What may become of a notification."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import hypothesis
import pytest
from hypothesis import strategies as st

from services.notify.domain import content_key, decide, repeated
from services.notify.policy import NotifyFacts, Patience, Quiet, Retries
from services.notify.standing import Standing, notification
from shared.eventsourcing.decider import SHANGHAI
from shared.eventsourcing.specification import Specification
from shared.schemas.messages import Actor, Command, Event, Refused, Role
from shared.schemas.notify import (
    BeginSettling,
    CancelNotification,
    Channel,
    DeferNotification,
    Deferral,
    DeliveryReceiptReceived,
    ExpireNotification,
    FailureKind,
    MessageClass,
    NotificationDeferred,
    NotificationDelivered,
    NotificationExpired,
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
    SettlingBegan,
    StartSending,
    Suppression,
    SuppressNotification,
    TemplateRef,
    notification_id,
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

given_hours = hypothesis.given(
    instant=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    begins=st.times().map(lambda at: at.replace(microsecond=0)),
    ends=st.times().map(lambda at: at.replace(microsecond=0)),
)
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


LATER = NOON + timedelta(hours=5)


def deferred(why: Deferral = Deferral.BUDGET, until: datetime = LATER) -> NotificationDeferred:
    return NotificationDeferred(notification_id=OWN, until=until, why=why)


def expired(reason: str = "too old") -> NotificationExpired:
    return NotificationExpired(notification_id=OWN, reason=reason)


WAITING: dict[str, list[Event]] = {
    "requested": [requested()],
    "deferred": [requested(), deferred()],
    "to be tried again": [requested(), started(), failed_once(1, 5)],
}
SENDING: list[Event] = [requested(), started()]
ENDED: dict[str, list[Event]] = {
    "suppressed": [requested(), suppressed()],
    "sent": [*SENDING, sent()],
    "delivered": [*SENDING, sent(), received(ReceiptStatus.DELIVERED), delivered()],
    "unconfirmed": [*SENDING, unconfirmed()],
    "failed": [*SENDING, failed()],
    "expired": [requested(), expired()],
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
@histories({name: ENDED[name] for name in ("delivered", "failed", "expired", "suppressed")} | WAITING)
def test_receipts_that_are_late_repeated_or_contradict_are_kept_and_change_nothing(
    history: list[Event], status: ReceiptStatus
) -> None:
    given(*history).when(receipt(status)).then(received(status))


@histories(POSSESSION)
def test_a_receipt_of_a_provider_that_was_not_spoken_to_is_kept_and_changes_nothing(history: list[Event]) -> None:
    given(*history).when(receipt(ReceiptStatus.DELIVERED, OTHER)).then(received(ReceiptStatus.DELIVERED, OTHER))


# Later, or not any more

EVENING, MORNING = (datetime(2026, 11, day, hour, tzinfo=UTC) for day, hour in ((24, 14), (25, 0)))
"""22:00 and 08:00 in China."""
NIGHT = EVENING + timedelta(hours=3)
SERVICE = MessageClass.SERVICE


def of_class(message_class: MessageClass, at: datetime = NOON) -> NotificationRequested:
    return requested().model_copy(
        update={
            "message_class": message_class,
            "at": at,
            "expires_at": at + A_WEEK,
            "content_key": content_key(LI, at.astimezone(SHANGHAI).date()),
        }
    )


def defer(until: datetime = LATER) -> DeferNotification:
    return DeferNotification(notification_id=OWN, until=until, why=Deferral.BUDGET)


@histories(WAITING)
def test_what_waits_can_be_deferred(history: list[Event]) -> None:
    until = LATER + timedelta(hours=1)
    given(*history).when(defer(until)).then(deferred(until=until))


def test_a_deferral_to_the_same_time_or_to_the_past_is_none() -> None:
    given(requested(), deferred()).when(defer()).nothing()
    given(requested()).when(defer(NOON)).nothing()


@pytest.mark.parametrize("message_class", [MessageClass.PROGRESS, SERVICE])
@pytest.mark.parametrize("now", [EVENING, NIGHT, MORNING - timedelta(seconds=1)])
def test_what_is_not_urgent_waits_at_night_until_eight(message_class: MessageClass, now: datetime) -> None:
    quiet = deferred(Deferral.QUIET_HOURS, MORNING)
    given().when(request(message_class=message_class), now=now).then(of_class(message_class, now), quiet)
    history = (of_class(message_class), deferred())
    given(*history).when(start(), now=now).refused("quiet_now", "通知 第4条")


@pytest.mark.parametrize("now", [EVENING - timedelta(seconds=1), MORNING])
def test_by_day_nothing_waits(now: datetime) -> None:
    given().when(request(message_class=SERVICE), now=now).then(of_class(SERVICE, now))
    given(of_class(SERVICE)).when(start(), now=now).then(started())


@pytest.mark.parametrize("message_class", [MessageClass.PAYMENT, MessageClass.DEADLINE])
def test_payments_and_deadlines_go_at_once_at_any_hour(message_class: MessageClass) -> None:
    given().when(request(message_class=message_class), now=NIGHT).then(of_class(message_class, NIGHT))
    given(of_class(message_class)).when(start(), now=NIGHT).then(started())


def test_a_mail_disturbs_nobody_at_night() -> None:
    given(of_class(SERVICE).model_copy(update={"channel": Channel.EMAIL})).when(start(), now=NIGHT).then(started())


@given_hours
def test_the_end_of_quiet_hours_is_not_quiet_and_within_a_day(instant: datetime, begins: time, ends: time) -> None:
    quiet = Quiet(begins, ends, frozenset({Channel.SMS}))
    over = quiet.over_at(instant, Channel.SMS, SERVICE)
    if over is not None:
        assert instant < over <= instant + timedelta(days=1)
        assert quiet.over_at(over, Channel.SMS, SERVICE) is None
        assert quiet.over_at(instant, Channel.SMS, MessageClass.PAYMENT) is None


@histories(WAITING)
def test_what_is_too_old_expires_and_is_not_begun_any_more(history: list[Event]) -> None:
    command = ExpireNotification(notification_id=OWN)
    attempt = len([event for event in history if isinstance(event, SendingStarted)]) + 1
    given(*history).when(command, now=NOON + A_WEEK).then(expired())
    given(*history).when(start(attempt), now=NOON + A_WEEK).refused("too_old", "通知 第5条")
    given(*history).when(command, now=NOON + A_WEEK - timedelta(seconds=1)).nothing()


def test_a_receipt_is_waited_for_from_who_reports_and_then_it_has_expired() -> None:
    awaited = sent().model_copy(update={"receipt_by": NOON + timedelta(hours=72), "took_ms": 20})
    command = RecordSent(notification_id=OWN, attempt=1, provider_message_id="m-1", took_ms=20, reports=True)
    given(*SENDING).when(command).then(awaited)
    late = NOON + timedelta(hours=72)
    expire = ExpireNotification(notification_id=OWN)
    given(*SENDING, awaited).when(expire, now=late).then(expired("no receipt"))
    given(*SENDING, awaited).when(expire, now=late - timedelta(seconds=1)).nothing()
    given(*SENDING, sent()).when(expire, now=late).nothing()
    history = (*SENDING, awaited, expired("no receipt"))
    given(*history).when(receipt(ReceiptStatus.DELIVERED)).then(received(ReceiptStatus.DELIVERED))


def test_what_may_have_been_sent_does_not_expire() -> None:
    for history in (SENDING, ENDED["delivered"], ENDED["unconfirmed"], ENDED["failed"]):
        given(*history).when(ExpireNotification(notification_id=OWN), now=NOON + A_WEEK).nothing()


def test_whoever_does_not_want_to_be_told_is_not() -> None:
    unwanted = suppressed(Suppression.OPTED_OUT)
    given().when(request(message_class=SERVICE), unwanted=frozenset({SERVICE})).then(of_class(SERVICE), unwanted)
    given(of_class(SERVICE)).when(start(), unwanted=frozenset({SERVICE})).refused("not_wanted", "通知 第6条")
    given(requested()).when(start(), unwanted=frozenset({SERVICE})).then(started())


def test_of_who_was_erased_nothing_is_asked_for() -> None:
    given().when(request(), forgotten=True).nothing()


@histories(WAITING)
def test_an_operator_cancels_what_waits(history: list[Event]) -> None:
    command = CancelNotification(notification_id=OWN)
    given(*history).when(command).then(suppressed(Suppression.CANCELLED))


def test_what_may_have_been_sent_or_has_ended_is_not_cancelled() -> None:
    for history in (SENDING, *ENDED.values()):
        given(*history).when(CancelNotification(notification_id=OWN)).refused("not_waiting")


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_what_failed_together_does_not_come_back_together(chance: float) -> None:
    retry = Retries(4, timedelta(seconds=10), timedelta(seconds=60), jitter=0.2).after(1, NOON, chance)
    assert retry - NOON == timedelta(seconds=10 + 2 * chance)


def test_a_provider_may_say_when_it_takes_more() -> None:
    command = record_failure().model_copy(update={"not_before": LATER})
    later = failed_once(1, 5).model_copy(update={"retry_at": LATER})
    given(*SENDING).when(command).then(later)


# Again

AGAIN = UUID("01985b5e-3f00-7000-8000-00000000000a")


def test_what_has_ended_is_said_again_in_a_notification_of_its_own() -> None:
    for history in ENDED.values():
        (first, *_) = repeated(requested(), notification.fold(history), AGAIN, FACTS)
        assert isinstance(first, NotificationRequested)
        assert (first.content_of, first.cause, first.template) == (OWN, AGAIN, requested().template)
        assert first.notification_id == notification_id(AGAIN, first.rule, first.channel, first.recipient)


def test_what_has_not_ended_is_not_said_again() -> None:
    for history in (SENDING, *WAITING.values()):
        with pytest.raises(Refused, match="not_ended"):
            repeated(requested(), notification.fold(history), AGAIN, FACTS)


# In doubt


def settle(attempt: int = 1) -> BeginSettling:
    return BeginSettling(notification_id=OWN, attempt=attempt)


DOUBT = SettlingBegan(notification_id=OWN, attempt=1)


def test_once_an_attempt_is_in_doubt_no_other_provider_gets_the_message() -> None:
    given(*SENDING).when(settle()).then(DOUBT)
    given(*SENDING, DOUBT).when(settle()).nothing()
    history = (*SENDING, DOUBT, failed_once(1, 5))
    given(*history).when(start(2)).then(started(2))
    elsewhere = start(2).model_copy(update={"provider": OTHER})
    given(*history).when(elsewhere).refused("bound", "通知 第16条")
    given(*SENDING, failed_once(1, 5)).when(elsewhere).then(started(2).model_copy(update={"provider": OTHER}))


def test_an_attempt_whose_outcome_is_known_is_not_in_doubt() -> None:
    for history in (*WAITING.values(), *ENDED.values()):
        given(*history).when(settle()).refused("not_in_doubt", "通知 第15条")
    given(*SENDING).when(settle(2)).refused("not_in_doubt")
