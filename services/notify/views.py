"""Where each notification stands. No content, no address."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.view import View, on
from shared.schemas.notify import (
    DeliveryStatus,
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

__all__ = ["NotificationRow", "Notifications"]


@dataclass(slots=True)
class NotificationRow:
    notification_id: UUID
    federation: str
    requested_at: datetime
    programme: str
    cause: UUID
    cause_type: str
    rule: str
    channel: str
    recipient_kind: str
    recipient_id: str
    message_class: str
    urgent: bool
    template: str
    template_version: int
    due_at: datetime | None
    """When the sender should look at it; None where there is nothing more to send."""
    expires_at: datetime | None
    """When it is not worth sending any more; once it is sent, until when a receipt is waited for."""
    content_of: UUID | None = None
    bound: str | None = None
    """The only provider that may have it."""
    status: str = DeliveryStatus.REQUESTED.value
    provider: str | None = None
    provider_message_id: str | None = None
    attempts: int = 0
    started_at: datetime | None = None
    """Of the last attempt."""
    segments: int = 0
    """Of the last attempt's text message, as its provider counts them."""
    reason: str | None = None
    """Of the deferral, suppression, or last failure."""
    sent_at: datetime | None = None
    delivered_at: datetime | None = None


class Notifications(View[NotificationRow]):
    """Every notification, for the boards, a person's history, and the sender's work."""

    name, version, key = "notifications", 4, ("notification_id",)
    indexes = (
        ("channel", "urgent", "due_at"),
        ("channel", "status"),
        ("recipient_id", "requested_at"),
        ("federation", "requested_at"),
        ("provider", "provider_message_id"),
        ("expires_at",),
        ("sent_at",),
    )

    @on(NotificationRequested)
    def requested(self, rows: Rows[NotificationRow], event: NotificationRequested, at: Recorded) -> None:
        rows.put(
            NotificationRow(
                notification_id=event.notification_id,
                federation=at.meta.federation,
                requested_at=event.at,
                programme=event.programme,
                cause=event.cause,
                cause_type=event.cause_type,
                rule=event.rule,
                channel=event.channel.value,
                recipient_kind=event.recipient.kind.value,
                recipient_id=event.recipient.id,
                message_class=event.message_class.value,
                urgent=event.message_class.urgent,
                template=event.template.id,
                template_version=event.template.version,
                due_at=event.at,
                expires_at=event.expires_at,
                content_of=event.content_of,
            )
        )

    @on(NotificationDeferred)
    def deferred(self, rows: Rows[NotificationRow], event: NotificationDeferred, at: Recorded) -> None:
        row = rows.get(event.notification_id)
        row.status, row.reason, row.due_at = DeliveryStatus.DEFERRED.value, event.why.value, event.until

    @on(NotificationExpired)
    def expired(self, rows: Rows[NotificationRow], event: NotificationExpired, at: Recorded) -> None:
        row = rows.get(event.notification_id)
        row.status, row.reason = DeliveryStatus.EXPIRED.value, event.reason
        row.due_at = row.expires_at = None

    @on(NotificationSuppressed)
    def suppressed(self, rows: Rows[NotificationRow], event: NotificationSuppressed, at: Recorded) -> None:
        row = rows.get(event.notification_id)
        row.status, row.reason, row.due_at = DeliveryStatus.SUPPRESSED.value, event.reason.value, None
        row.expires_at = None

    @on(SendingStarted)
    def started(self, rows: Rows[NotificationRow], event: SendingStarted, at: Recorded) -> None:
        row = rows.get(event.notification_id)
        row.status, row.provider, row.attempts = DeliveryStatus.SENDING.value, event.provider, event.attempt
        row.started_at, row.due_at, row.segments = at.meta.time, None, event.segments or 0

    @on(SettlingBegan)
    def in_doubt(self, rows: Rows[NotificationRow], event: SettlingBegan, at: Recorded) -> None:
        row = rows.get(event.notification_id)
        row.bound = row.provider

    @on(SendingFailed)
    def failed_once(self, rows: Rows[NotificationRow], event: SendingFailed, at: Recorded) -> None:
        row = rows.get(event.notification_id)
        row.status, row.reason, row.due_at = DeliveryStatus.WAITING.value, event.reason, event.retry_at

    @on(NotificationSent)
    def sent(self, rows: Rows[NotificationRow], event: NotificationSent, at: Recorded) -> None:
        row = rows.get(event.notification_id)
        row.status, row.sent_at, row.reason = DeliveryStatus.SENT.value, event.at, None
        row.provider_message_id, row.expires_at = event.provider_message_id, event.receipt_by

    @on(NotificationFailed)
    def failed(self, rows: Rows[NotificationRow], event: NotificationFailed, at: Recorded) -> None:
        row = rows.get(event.notification_id)
        row.status, row.reason, row.expires_at = DeliveryStatus.FAILED.value, event.reason, None

    @on(NotificationUnconfirmed)
    def unconfirmed(self, rows: Rows[NotificationRow], event: NotificationUnconfirmed, at: Recorded) -> None:
        row = rows.get(event.notification_id)
        row.status, row.reason, row.expires_at = DeliveryStatus.UNCONFIRMED.value, event.reason, None

    @on(NotificationDelivered)
    def delivered(self, rows: Rows[NotificationRow], event: NotificationDelivered, at: Recorded) -> None:
        row = rows.get(event.notification_id)
        row.status, row.delivered_at, row.reason = DeliveryStatus.DELIVERED.value, event.at, None
        row.expires_at = None
