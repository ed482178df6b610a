"""Where a notification stands, as its events say."""

from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from shared.eventsourcing.decider import Aggregate
from shared.schemas.messages import Event
from shared.schemas.notify import (
    Channel,
    DeliveryStatus,
    MessageClass,
    NotificationDeferred,
    NotificationDelivered,
    NotificationExpired,
    NotificationFailed,
    NotificationRequested,
    NotificationSent,
    NotificationSuppressed,
    NotificationUnconfirmed,
    SendingFailed,
    SendingStarted,
    SettlingBegan,
)

__all__ = ["ENDED", "WAITING", "WITH_A_PROVIDER", "Standing", "notification"]

WAITING: Final = (DeliveryStatus.REQUESTED, DeliveryStatus.DEFERRED, DeliveryStatus.WAITING)
WITH_A_PROVIDER: Final = (DeliveryStatus.SENDING, DeliveryStatus.SENT, DeliveryStatus.UNCONFIRMED)
"""A provider has the message, or may have it."""
ENDED: Final = (
    DeliveryStatus.SENT,
    DeliveryStatus.DELIVERED,
    DeliveryStatus.UNCONFIRMED,
    DeliveryStatus.FAILED,
    DeliveryStatus.EXPIRED,
    DeliveryStatus.SUPPRESSED,
)


class Standing(NamedTuple):
    """Where a notification stands; the first has no stream yet. A tuple: each of its events makes another one, at a
    tenth of what a dataclass takes."""

    status: DeliveryStatus | None = None
    attempt: int = 0
    provider: str = ""
    channel: Channel = Channel.SMS
    message_class: MessageClass = MessageClass.PAYMENT
    recipient: str = ""
    """A member's id; empty for a bank."""
    expires_at: datetime | None = None
    until: datetime | None = None
    """Of a deferral."""
    receipt_by: datetime | None = None
    cause: UUID | None = None
    """The event that called for it."""
    bound: str = ""
    """The only provider that may have it, once an attempt there was in doubt."""


def evolve(state: Standing, event: Event) -> Standing:
    match event:
        case NotificationRequested(recipient=recipient):
            return Standing(
                DeliveryStatus.REQUESTED,
                channel=event.channel,
                message_class=event.message_class,
                recipient=recipient.member or "",
                expires_at=event.expires_at,
                cause=event.cause,
            )
        case NotificationDeferred(until=until):
            return state._replace(status=DeliveryStatus.DEFERRED, until=until)
        case NotificationSuppressed():
            return state._replace(status=DeliveryStatus.SUPPRESSED)
        case NotificationExpired():
            return state._replace(status=DeliveryStatus.EXPIRED)
        case SendingStarted(attempt=attempt, provider=provider):
            return state._replace(status=DeliveryStatus.SENDING, attempt=attempt, provider=provider, until=None)
        case SettlingBegan():
            return state._replace(bound=state.provider)
        case SendingFailed():
            return state._replace(status=DeliveryStatus.WAITING)
        case NotificationSent(receipt_by=receipt_by):
            return state._replace(status=DeliveryStatus.SENT, receipt_by=receipt_by)
        case NotificationFailed():
            return state._replace(status=DeliveryStatus.FAILED)
        case NotificationUnconfirmed():
            return state._replace(status=DeliveryStatus.UNCONFIRMED)
        case NotificationDelivered():
            return state._replace(status=DeliveryStatus.DELIVERED)
        case _:
            return state


notification: Final[Aggregate[Standing, Event]] = Aggregate("notification", Standing(), evolve)
