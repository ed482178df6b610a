"""A notification, from the request to its end. Terminal states absorb: what comes late changes nothing."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from services.notify.policy import NotifyFacts
from services.notify.refusals import (
    BOUND,
    NO_SUCH_NOTIFICATION,
    NOT_ENDED,
    NOT_IN_DOUBT,
    NOT_WAITING,
    NOT_WANTED,
    QUIET_NOW,
    TOO_OLD,
)
from services.notify.standing import ENDED, WAITING, WITH_A_PROVIDER, Standing
from shared.schemas.ids import derived_id
from shared.schemas.messages import Command, Event
from shared.schemas.notify import (
    BeginSettling,
    CancelNotification,
    DeferNotification,
    Deferral,
    DeliveryReceiptReceived,
    DeliveryStatus,
    ExpireNotification,
    FailureKind,
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
    notification_id,
)
from shared.schemas.personal import Personal

__all__ = ["content_key", "decide", "repeated"]

FAILURE_OF: Final = {
    ReceiptStatus.TEMPORARY: FailureKind.TEMPORARY,
    ReceiptStatus.PERMANENT: FailureKind.PERMANENT,
    ReceiptStatus.TECHNICAL: FailureKind.TECHNICAL,
}


def decide(command: Command, state: Standing, facts: NotifyFacts) -> list[Event]:
    match command, state:
        case RequestNotification(), Standing(status=None):
            return _requested(command, facts)
        case RequestNotification(), _:
            return []
        case _, Standing(status=None):
            raise NO_SUCH_NOTIFICATION()
        case SuppressNotification(notification_id=own, reason=reason), Standing(status=status) if status in WAITING:
            return [NotificationSuppressed(notification_id=own, reason=reason)]
        case CancelNotification(notification_id=own), Standing(status=status) if status in WAITING:
            return [NotificationSuppressed(notification_id=own, reason=Suppression.CANCELLED)]
        case DeferNotification(), Standing(status=status) if status in WAITING:
            return _deferred(command, state, facts)
        case ExpireNotification(notification_id=own), _:
            return _expired(own, state, facts.now)
        case StartSending(attempt=attempt), Standing(status=status) if status in WAITING and attempt == _next(state):
            return _started(command, state, facts)
        case StartSending() | CancelNotification(), _:
            raise NOT_WAITING(status=str(state.status), attempts=state.attempt)
        case BeginSettling(), _:
            return _in_doubt(command, state)
        case RecordReceipt(), _:
            return _receipt(command, state)
        case (
            RecordSent(attempt=attempt) | RecordFailure(attempt=attempt) | RecordUnconfirmed(attempt=attempt),
            Standing(status=DeliveryStatus.SENDING),
        ) if attempt == state.attempt:
            return _outcome(command, state, facts)
        case (
            SuppressNotification() | DeferNotification() | RecordSent() | RecordFailure() | RecordUnconfirmed(),
            _,
        ):
            return []
        case _:
            raise TypeError(type(command).__name__)


def _next(state: Standing) -> int:
    return state.attempt + 1


def _requested(command: RequestNotification, facts: NotifyFacts) -> list[Event]:
    """Of who was erased nothing is asked for."""
    if facts.forgotten:
        return []
    own = command.notification_id
    requested = NotificationRequested(
        notification_id=own,
        cause=command.cause,
        cause_type=command.cause_type,
        programme=command.programme,
        rule=command.rule,
        rules_version=command.rules_version,
        channel=command.channel,
        recipient=command.recipient,
        message_class=command.message_class,
        template=command.template,
        concerns=command.concerns or own,
        content_key=content_key(command.concerns or own, facts.today),
        values=Personal(command.values),
        at=facts.now,
        expires_at=facts.now + facts.patience.lifetimes[command.message_class],
    )
    return [requested, *_first_hindrance(requested, facts)]


def repeated(original: NotificationRequested, state: Standing, resend_id: UUID, facts: NotifyFacts) -> list[Event]:
    """The request of a notification that says what another one said, which has ended. Raises Refused."""
    if state.status not in ENDED:
        raise NOT_ENDED(status=str(state.status))
    own = notification_id(resend_id, original.rule, original.channel, original.recipient)
    requested = original.model_copy(
        update={
            "notification_id": own,
            "cause": resend_id,
            "cause_type": "ResendNotification",
            "content_key": content_key(original.concerns, facts.today),
            "values": Personal({}),
            "content_of": original.content_of or original.notification_id,
            "at": facts.now,
            "expires_at": facts.now + facts.patience.lifetimes[original.message_class],
        }
    )
    return [requested, *_first_hindrance(requested, facts)]


def _first_hindrance(requested: NotificationRequested, facts: NotifyFacts) -> list[Event]:
    own = requested.notification_id
    if requested.message_class in facts.unwanted:
        return [NotificationSuppressed(notification_id=own, reason=Suppression.OPTED_OUT)]
    until = facts.quiet.over_at(facts.now, requested.channel, requested.message_class)
    return [] if until is None else [NotificationDeferred(notification_id=own, until=until, why=Deferral.QUIET_HOURS)]


def content_key(concerns: UUID, day: date) -> UUID:
    """What a person's values of this day's month are sealed with."""
    return derived_id(concerns, f"content/{day:%Y-%m}")


def _deferred(command: DeferNotification, state: Standing, facts: NotifyFacts) -> list[Event]:
    if command.until <= facts.now or command.until == state.until:
        return []
    return [NotificationDeferred(notification_id=command.notification_id, until=command.until, why=command.why)]


def _expired(own: NotificationId, state: Standing, now: datetime) -> list[Event]:
    match state:
        case Standing(status=status, expires_at=until) if status in WAITING and until is not None and now >= until:
            return [NotificationExpired(notification_id=own, reason="too old")]
        case Standing(status=DeliveryStatus.SENT, receipt_by=until) if until is not None and now >= until:
            return [NotificationExpired(notification_id=own, reason="no receipt")]
        case _:
            return []


def _started(command: StartSending, state: Standing, facts: NotifyFacts) -> list[Event]:
    if state.bound and command.provider != state.bound:
        raise BOUND(provider=state.bound)
    if state.expires_at is not None and facts.now >= state.expires_at:
        raise TOO_OLD()
    if state.message_class in facts.unwanted:
        raise NOT_WANTED()
    if facts.quiet.over_at(facts.now, state.channel, state.message_class) is not None:
        raise QUIET_NOW()
    return [
        SendingStarted(
            notification_id=command.notification_id,
            attempt=command.attempt,
            provider=command.provider,
            segments=command.segments,
        )
    ]


def _in_doubt(command: BeginSettling, state: Standing) -> list[Event]:
    """Nothing where it was in doubt before: it may be asked about again."""
    if (state.status, state.attempt) != (DeliveryStatus.SENDING, command.attempt):
        raise NOT_IN_DOUBT(status=str(state.status))
    return [] if state.bound else [SettlingBegan(notification_id=command.notification_id, attempt=command.attempt)]


def _outcome(
    command: RecordSent | RecordFailure | RecordUnconfirmed, state: Standing, facts: NotifyFacts
) -> list[Event]:
    own, attempt, provider = command.notification_id, state.attempt, state.provider
    match command:
        case RecordSent(provider_message_id=theirs):
            return [
                NotificationSent(
                    notification_id=own,
                    attempt=attempt,
                    provider=provider,
                    provider_message_id=theirs,
                    at=facts.now,
                    took_ms=command.took_ms,
                    receipt_by=facts.now + facts.patience.receipts if command.reports else None,
                )
            ]
        case RecordUnconfirmed(reason=reason):
            return [
                NotificationUnconfirmed(
                    notification_id=own, attempt=attempt, provider=provider, reason=reason, at=facts.now
                )
            ]
        case RecordFailure(failure=failure, reason=reason):
            if failure is FailureKind.PERMANENT or attempt >= facts.retries.attempts:
                return [
                    NotificationFailed(
                        notification_id=own, failure=failure, reason=reason, provider=provider, at=facts.now
                    )
                ]
            retry_at = facts.retries.after(attempt, facts.now, facts.chance)
            return [
                SendingFailed(
                    notification_id=own,
                    attempt=attempt,
                    provider=provider,
                    failure=failure,
                    reason=reason,
                    retry_at=retry_at if command.not_before is None else max(retry_at, command.not_before),
                    at=facts.now,
                )
            ]


def _receipt(command: RecordReceipt, state: Standing) -> list[Event]:
    """Every receipt is kept. Only the first changes anything, from the provider that has the message."""
    own = command.notification_id
    received = DeliveryReceiptReceived(
        notification_id=own,
        provider=command.provider,
        provider_message_id=command.provider_message_id,
        status=command.status,
        reason=command.reason,
        reported_at=command.reported_at,
    )
    if state.status not in WITH_A_PROVIDER or command.provider != state.provider:
        return [received]
    if command.status is ReceiptStatus.DELIVERED:
        return [received, NotificationDelivered(notification_id=own, at=command.reported_at)]
    failure = FAILURE_OF[command.status]
    return [received, NotificationFailed(notification_id=own, failure=failure, reason=command.reason)]
