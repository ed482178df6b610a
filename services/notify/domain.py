"""A notification, from the request to its end. Terminal states absorb: what comes late changes nothing."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from services.notify.refusals import NO_SUCH_NOTIFICATION, NOT_WAITING
from shared.eventsourcing.decider import Aggregate, Facts
from shared.schemas.messages import Command, Event
from shared.schemas.notify import (
    DeliveryReceiptReceived,
    DeliveryStatus,
    FailureKind,
    NotificationDelivered,
    NotificationFailed,
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
    StartSending,
    SuppressNotification,
)
from shared.schemas.personal import Personal

__all__ = ["NotifyFacts", "Retries", "Standing", "decide", "notification"]

WAITING: Final = (DeliveryStatus.REQUESTED, DeliveryStatus.WAITING)
WITH_A_PROVIDER: Final = (DeliveryStatus.SENDING, DeliveryStatus.SENT, DeliveryStatus.UNCONFIRMED)
"""A provider has the message, or may have it."""


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a message that was certainly not sent is tried, and how long after: doubled each time."""

    attempts: int
    first_pause: timedelta
    longest_pause: timedelta

    def after(self, attempt: int, now: datetime) -> datetime:
        doubled: timedelta = self.first_pause * 2 ** min(attempt - 1, 32)
        return now + min(doubled, self.longest_pause)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyFacts(Facts):
    retries: Retries


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a notification stands; the first has no stream yet."""

    status: DeliveryStatus | None = None
    attempt: int = 0
    provider: str = ""


def decide(command: Command, state: Standing, facts: NotifyFacts) -> list[Event]:
    match command, state:
        case RequestNotification(), Standing(status=None):
            return [_requested(command, facts)]
        case RequestNotification(), _:
            return []
        case _, Standing(status=None):
            raise NO_SUCH_NOTIFICATION()
        case SuppressNotification(notification_id=own, reason=reason), Standing(status=status) if status in WAITING:
            return [NotificationSuppressed(notification_id=own, reason=reason)]
        case StartSending(attempt=attempt), Standing(status=status) if status in WAITING and attempt == _next(state):
            return [SendingStarted(notification_id=command.notification_id, attempt=attempt, provider=command.provider)]
        case StartSending(), _:
            raise NOT_WAITING(status=str(state.status), attempts=state.attempt)
        case RecordReceipt(), _:
            return _receipt(command, state)
        case (
            RecordSent(attempt=attempt) | RecordFailure(attempt=attempt) | RecordUnconfirmed(attempt=attempt),
            Standing(status=DeliveryStatus.SENDING),
        ) if attempt == state.attempt:
            return _outcome(command, state, facts)
        case SuppressNotification() | RecordSent() | RecordFailure() | RecordUnconfirmed(), _:
            return []
        case _:
            raise TypeError(type(command).__name__)


def _next(state: Standing) -> int:
    return state.attempt + 1


def _requested(command: RequestNotification, facts: NotifyFacts) -> NotificationRequested:
    own = command.notification_id
    return NotificationRequested(
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
        values=Personal(command.values),
        at=facts.now,
    )


def _outcome(
    command: RecordSent | RecordFailure | RecordUnconfirmed, state: Standing, facts: NotifyFacts
) -> list[Event]:
    own, attempt, provider = command.notification_id, state.attempt, state.provider
    match command:
        case RecordSent(provider_message_id=theirs):
            return [
                NotificationSent(
                    notification_id=own, attempt=attempt, provider=provider, provider_message_id=theirs, at=facts.now
                )
            ]
        case RecordUnconfirmed(reason=reason):
            return [NotificationUnconfirmed(notification_id=own, attempt=attempt, provider=provider, reason=reason)]
        case RecordFailure(failure=failure, reason=reason):
            if failure is FailureKind.PERMANENT or attempt >= facts.retries.attempts:
                return [NotificationFailed(notification_id=own, failure=failure, reason=reason)]
            return [
                SendingFailed(
                    notification_id=own,
                    attempt=attempt,
                    provider=provider,
                    failure=failure,
                    reason=reason,
                    retry_at=facts.retries.after(attempt, facts.now),
                )
            ]


def _receipt(command: RecordReceipt, state: Standing) -> list[Event]:
    """Every receipt is kept. Only the first conclusive one changes anything, from the provider that has the message."""
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
    match command.status:
        case ReceiptStatus.DELIVERED:
            return [received, NotificationDelivered(notification_id=own, at=command.reported_at)]
        case ReceiptStatus.PERMANENT:
            failed = NotificationFailed(notification_id=own, failure=FailureKind.PERMANENT, reason=command.reason)
            return [received, failed]
        case ReceiptStatus.TEMPORARY:
            return [received]


def evolve(state: Standing, event: Event) -> Standing:
    match event:
        case NotificationRequested():
            return replace(state, status=DeliveryStatus.REQUESTED)
        case NotificationSuppressed():
            return replace(state, status=DeliveryStatus.SUPPRESSED)
        case SendingStarted(attempt=attempt, provider=provider):
            return Standing(DeliveryStatus.SENDING, attempt, provider)
        case SendingFailed():
            return replace(state, status=DeliveryStatus.WAITING)
        case NotificationSent():
            return replace(state, status=DeliveryStatus.SENT)
        case NotificationFailed():
            return replace(state, status=DeliveryStatus.FAILED)
        case NotificationUnconfirmed():
            return replace(state, status=DeliveryStatus.UNCONFIRMED)
        case NotificationDelivered():
            return replace(state, status=DeliveryStatus.DELIVERED)
        case _:
            return state


notification: Aggregate[Standing, Event] = Aggregate("notification", Standing(), evolve)
