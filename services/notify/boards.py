"""Read models beside the notifications themselves: providers, approvals, replies, subscribers, digests, contents."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.notify.numbers import masked
from shared.eventsourcing.decider import SHANGHAI
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.view import View, on
from shared.schemas.notify import (
    Approval,
    ContentsDropped,
    DigestClosed,
    DigestItemAdded,
    FailureKind,
    NotificationFailed,
    NotificationRequested,
    NotificationSent,
    NotificationUnconfirmed,
    ProviderShifted,
    RecipientForgotten,
    ReplyReceived,
    SendingFailed,
    Subscribed,
    TemplateApproved,
    TemplateRefused,
    TemplateSubmitted,
    Unsubscribed,
)

__all__ = [
    "ApprovalRow",
    "Approvals",
    "ContentRow",
    "Contents",
    "DigestRow",
    "Digests",
    "MinuteRow",
    "Minutes",
    "ProviderRow",
    "Providers",
    "Replies",
    "ReplyRow",
    "SubscriberRow",
    "Subscribers",
]


@dataclass(slots=True)
class MinuteRow:
    provider: str
    minute: datetime
    sent: int = 0
    temporary: int = 0
    permanent: int = 0
    technical: int = 0
    unconfirmed: int = 0
    took_ms: int = 0
    """Of those that were sent, in all."""


type Attempted = NotificationSent | SendingFailed | NotificationFailed | NotificationUnconfirmed


def _minute(event: Attempted) -> Iterable[tuple[str, datetime]]:
    if event.provider is not None and event.at is not None:
        yield event.provider, event.at.replace(second=0, microsecond=0)


class Minutes(View[MinuteRow]):
    """What became of attempts, by provider and minute."""

    name, version, key = "minutes", 1, ("provider", "minute")
    indexes = (("minute",),)
    by = staticmethod(_minute)

    @on(NotificationSent)
    def sent(self, rows: Rows[MinuteRow], event: NotificationSent, at: Recorded) -> None:
        for row in _rows(rows, event):
            row.sent += 1
            row.took_ms += event.took_ms or 0

    @on(SendingFailed, NotificationFailed)
    def failed(self, rows: Rows[MinuteRow], event: SendingFailed | NotificationFailed, at: Recorded) -> None:
        for row in _rows(rows, event):
            match event.failure:
                case FailureKind.TEMPORARY:
                    row.temporary += 1
                case FailureKind.PERMANENT:
                    row.permanent += 1
                case FailureKind.TECHNICAL:
                    row.technical += 1

    @on(NotificationUnconfirmed)
    def unconfirmed(self, rows: Rows[MinuteRow], event: NotificationUnconfirmed, at: Recorded) -> None:
        for row in _rows(rows, event):
            row.unconfirmed += 1


def _rows(rows: Rows[MinuteRow], event: Attempted) -> Iterable[MinuteRow]:
    """None of an event that was recorded before such events said when."""
    for provider, minute in _minute(event):
        row = rows.find(provider, minute)
        if row is None:
            row = MinuteRow(provider, minute)
            rows.put(row)
        yield row


@dataclass(slots=True)
class ProviderRow:
    provider: str
    shares: int
    why: str
    changed_at: datetime


class Providers(View[ProviderRow]):
    """The shares that providers have now."""

    name, version, key = "providers", 1, ("provider",)

    @on(ProviderShifted)
    def shifted(self, rows: Rows[ProviderRow], event: ProviderShifted, at: Recorded) -> None:
        rows.put(ProviderRow(event.provider, event.shares, event.why.value, at.meta.time))


@dataclass(slots=True)
class ApprovalRow:
    provider: str
    template: str
    """`loan-accepted@1`."""
    approval: str
    changed_at: datetime
    code: str | None = None
    reason: str | None = None


class Approvals(View[ApprovalRow]):
    """What vendors think of templates."""

    name, version, key = "approvals", 1, ("provider", "template")
    by = ()

    @on(TemplateSubmitted)
    def submitted(self, rows: Rows[ApprovalRow], event: TemplateSubmitted, at: Recorded) -> None:
        rows.put(ApprovalRow(event.provider, str(event.template), Approval.SUBMITTED.value, event.at))

    @on(TemplateApproved)
    def approved(self, rows: Rows[ApprovalRow], event: TemplateApproved, at: Recorded) -> None:
        row = ApprovalRow(event.provider, str(event.template), Approval.APPROVED.value, event.at, event.code)
        rows.put(row)

    @on(TemplateRefused)
    def refused(self, rows: Rows[ApprovalRow], event: TemplateRefused, at: Recorded) -> None:
        reason = event.reason
        rows.put(ApprovalRow(event.provider, str(event.template), Approval.REFUSED.value, event.at, None, reason))


@dataclass(slots=True)
class ReplyRow:
    reply_id: UUID
    federation: str
    at: datetime
    provider: str
    member_id: UUID | None
    number: str | None
    """Masked."""
    text: str | None
    asks_for: str | None


class Replies(View[ReplyRow]):
    """What people wrote back."""

    name, version, key, personal = "replies", 1, ("reply_id",), True
    indexes = (("federation", "at"),)

    @on(ReplyReceived)
    def received(self, rows: Rows[ReplyRow], event: ReplyReceived, at: Recorded) -> None:
        written = event.written.clear if event.written.is_clear else None
        rows.put(
            ReplyRow(
                reply_id=event.reply_id,
                federation=at.meta.federation,
                at=event.at,
                provider=event.provider,
                member_id=event.member_id,
                number=None if written is None else masked(written.number),
                text=None if written is None else written.text,
                asks_for=None if event.asks_for is None else event.asks_for.value,
            )
        )

    @on(RecipientForgotten, where={"member_id": "member_id"})
    def forgotten(self, rows: Rows[ReplyRow], event: RecipientForgotten, at: Recorded) -> None:
        for row in rows.where(member_id=event.member_id):
            row.number = row.text = None


@dataclass(slots=True)
class SubscriberRow:
    federation: str
    list: str
    member_id: UUID


class Subscribers(View[SubscriberRow]):
    """Who is on which list."""

    name, version, key = "subscribers", 1, ("federation", "list", "member_id")

    @on(Subscribed, by=())
    def subscribed(self, rows: Rows[SubscriberRow], event: Subscribed, at: Recorded) -> None:
        rows.put(SubscriberRow(at.meta.federation, event.list, event.member_id))

    @on(Unsubscribed, by=())
    def unsubscribed(self, rows: Rows[SubscriberRow], event: Unsubscribed, at: Recorded) -> None:
        rows.remove(at.meta.federation, event.list, event.member_id)

    @on(RecipientForgotten, where={"member_id": "member_id"})
    def forgotten(self, rows: Rows[SubscriberRow], event: RecipientForgotten, at: Recorded) -> None:
        for row in rows.where(member_id=event.member_id):
            rows.remove(row.federation, row.list, row.member_id)


@dataclass(slots=True)
class DigestRow:
    digest_id: UUID
    federation: str
    due_at: datetime
    items: int = 0


class Digests(View[DigestRow]):
    """Digests that wait for their time."""

    name, version, key = "digests", 1, ("digest_id",)
    indexes = (("due_at",),)

    @on(DigestItemAdded)
    def added(self, rows: Rows[DigestRow], event: DigestItemAdded, at: Recorded) -> None:
        row = rows.find(event.digest_id)
        if row is None:
            rows.put(DigestRow(event.digest_id, at.meta.federation, event.due_at, 1))
        else:
            row.items += 1

    @on(DigestClosed)
    def closed(self, rows: Rows[DigestRow], event: DigestClosed, at: Recorded) -> None:
        rows.remove(event.digest_id)


@dataclass(slots=True)
class ContentRow:
    content_key: UUID
    concerns: UUID
    month: str


class Contents(View[ContentRow]):
    """The keys with which content is sealed, until it is dropped."""

    name, version, key = "contents", 1, ("content_key",)
    by = ()

    @on(NotificationRequested)
    def requested(self, rows: Rows[ContentRow], event: NotificationRequested, at: Recorded) -> None:
        rows.put(ContentRow(event.content_key, event.concerns, f"{event.at.astimezone(SHANGHAI):%Y-%m}"))

    @on(RecipientForgotten, where={"concerns": "member_id"})
    def forgotten(self, rows: Rows[ContentRow], event: RecipientForgotten, at: Recorded) -> None:
        for row in rows.where(concerns=event.member_id):
            rows.remove(row.content_key)

    @on(ContentsDropped, where={"month": "month"})
    def dropped(self, rows: Rows[ContentRow], event: ContentsDropped, at: Recorded) -> None:
        for row in rows.where(month=event.month):
            rows.remove(row.content_key)
