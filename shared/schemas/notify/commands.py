"""What somebody wants done in notify."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field, NonNegativeInt, PositiveInt

from shared.schemas.ids import MemberId
from shared.schemas.messages import Command, Instant, Role, Text
from shared.schemas.notify.terms import (
    Because,
    Channel,
    Deferral,
    FailureKind,
    MessageClass,
    Month,
    Name,
    NotificationId,
    Part,
    ReceiptStatus,
    Recipient,
    Shift,
    Suppression,
    Template,
    TemplateRef,
    Values,
    Written,
    notification_id,
)
from shared.schemas.personal import Personal


class _NotifyCommand(Command):
    roles: ClassVar[frozenset[Role]] = frozenset({Role.SYSTEM, Role.OPERATOR})


class _ByHand(Command):
    roles: ClassVar[frozenset[Role]] = frozenset({Role.OFFICER, Role.OPERATOR})


class RequestNotification(_NotifyCommand):
    """Asked for twice, it is requested once: the stream follows from the content."""

    cause: UUID
    cause_type: Name
    programme: Name
    rule: Name
    rules_version: Name
    channel: Channel
    recipient: Recipient
    message_class: MessageClass
    template: TemplateRef
    concerns: UUID | None
    """None where the values are no person's data."""
    values: Values

    @property
    def notification_id(self) -> NotificationId:
        return notification_id(self.cause, self.rule, self.channel, self.recipient)


class Asked(Part):
    """A request, and the story that it belongs to; `trace` is a W3C traceparent."""

    request: RequestNotification
    correlation: UUID
    trace: str | None = None


class RequestTogether(_NotifyCommand):
    """What many events call for, as one: all of it, or nothing where one request is refused."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.SYSTEM})

    requests: Annotated[tuple[Asked, ...], Field(min_length=1, max_length=500)]


class SuppressNotification(_NotifyCommand):
    notification_id: NotificationId
    reason: Suppression


class DeferNotification(_NotifyCommand):
    notification_id: NotificationId
    until: Instant
    why: Deferral


class ExpireNotification(_NotifyCommand):
    """Changes nothing before its time."""

    notification_id: NotificationId


class StartSending(_NotifyCommand):
    """`attempt` is one more than were made: of two senders that would begin the same one, the second is refused."""

    notification_id: NotificationId
    attempt: PositiveInt
    provider: Name
    segments: PositiveInt | None = None


class BeginSettling(_NotifyCommand):
    """Refused where the attempt's outcome is known."""

    notification_id: NotificationId
    attempt: PositiveInt


class RecordSent(_NotifyCommand):
    notification_id: NotificationId
    attempt: PositiveInt
    provider_message_id: Text
    took_ms: NonNegativeInt | None = None
    reports: bool = False
    """Whether the provider says later what became of it."""


class RecordFailure(_NotifyCommand):
    """An attempt that certainly sent nothing: another one follows, or none."""

    notification_id: NotificationId
    attempt: PositiveInt
    failure: FailureKind
    reason: Because
    not_before: Instant | None = None
    """The next attempt, at the soonest."""


class RecordUnconfirmed(_NotifyCommand):
    notification_id: NotificationId
    attempt: PositiveInt
    reason: Because


class RecordReceipt(_NotifyCommand):
    notification_id: NotificationId
    provider: Name
    provider_message_id: Text
    status: ReceiptStatus
    reason: Because
    reported_at: Instant


class RecordTogether(_NotifyCommand):
    """What happens to many notifications at a time, as one: all of it, or nothing where one is refused. What
    follows belongs to the story of each."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.SYSTEM})

    parts: Annotated[
        tuple[StartSending | RecordSent | RecordFailure | RecordReceipt, ...], Field(min_length=1, max_length=500)
    ]


class CancelNotification(_ByHand):
    """What was not sent yet is not sent."""

    notification_id: NotificationId


class ResendNotification(_ByHand):
    """Send the same words again, of what has ended: a notification of its own, with `resend_id` for its cause."""

    resend_id: UUID
    notification_id: NotificationId


# What people want to be told.


class OptOut(Command):
    """By a member for themselves, or as the federation was told. Without classes: all that can be refused."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.MEMBER, Role.OFFICER, Role.OPERATOR})

    member_id: MemberId
    classes: tuple[MessageClass, ...] = ()


class OptIn(Command):
    roles: ClassVar[frozenset[Role]] = frozenset({Role.MEMBER, Role.OFFICER, Role.OPERATOR})

    member_id: MemberId
    classes: tuple[MessageClass, ...] = ()


class RecordReply(_NotifyCommand):
    """What somebody wrote back; where it asks for no more messages, or for messages again, that is done."""

    reply_id: UUID
    provider: Name
    member_id: MemberId | None
    written: Personal[Written]
    at: Instant


class ForgetRecipient(_NotifyCommand):
    member_id: MemberId


class RecordStrayReceipt(_NotifyCommand):
    receipt_id: UUID
    provider: Name
    provider_message_id: Text
    status: ReceiptStatus
    reason: Because
    reported_at: Instant


class Subscribe(Command):
    """Put a member on a list of the federation."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.MEMBER, Role.CADRE, Role.OFFICER, Role.OPERATOR})

    list: Name
    member_id: MemberId


class Unsubscribe(Command):
    roles: ClassVar[frozenset[Role]] = frozenset({Role.MEMBER, Role.CADRE, Role.OFFICER, Role.OPERATOR})

    list: Name
    member_id: MemberId


# Templates at vendors.


class SubmitTemplate(_ByHand):
    """A template was handed to a vendor for approval."""

    provider: Name
    template: Template


class RecordApproval(_ByHand):
    """The vendor takes it, under this code."""

    provider: Name
    template: Template
    code: Text


class RecordRefusal(_ByHand):
    provider: Name
    template: Template
    reason: Text


# Digests and upkeep.


class AddToDigest(_NotifyCommand):
    """Added twice, it counts once."""

    digest_id: UUID
    programme: Name
    rule: Name
    rules_version: Name
    channel: Channel
    recipient: Recipient
    message_class: MessageClass
    template: TemplateRef
    cause: UUID
    cause_type: Name
    due_at: Instant


class CloseDigest(_NotifyCommand):
    """Request the one message that tells of all that was added."""

    digest_id: UUID


class ShiftProvider(_NotifyCommand):
    provider: Name
    shares: Annotated[int, Field(ge=0, le=100)]
    why: Shift


class RecordContentsDropped(_NotifyCommand):
    month: Month
