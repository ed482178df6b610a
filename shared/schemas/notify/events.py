"""What has happened in notify."""

from typing import Annotated, Any, ClassVar, Final
from uuid import UUID

from pydantic import Field, NonNegativeInt, PositiveInt

from shared.schemas.ids import MemberId
from shared.schemas.messages import Event, Instant, Text
from shared.schemas.notify.terms import (
    Because,
    Channel,
    Deferral,
    FailureKind,
    MessageClass,
    Month,
    Name,
    NotificationId,
    Preference,
    ReceiptStatus,
    Recipient,
    Shift,
    Source,
    Suppression,
    TemplateRef,
    Values,
    Written,
)
from shared.schemas.personal import Personal


class NotificationRequested(Event):
    """`values` are facts of the event; the recipient's name and address are asked for when it is sent.

    They are sealed with a key of the person and the month, so that they can be dropped when they are kept for long
    enough, and at once when the person is erased.
    """

    schema_version: ClassVar[int] = 2
    subject: ClassVar[str | None] = "content_key"

    notification_id: NotificationId
    cause: UUID
    """The id of the event that calls for it."""
    cause_type: Name
    programme: Name
    rule: Name
    rules_version: Name
    channel: Channel
    recipient: Recipient
    message_class: MessageClass
    template: TemplateRef
    concerns: UUID
    """The person whose data the values are: a member's id; where they are nobody's, the notification's own id."""
    content_key: UUID
    values: Personal[Values]
    content_of: NotificationId | None = None
    """The notification that this one repeats: its values are that one's."""
    at: Instant
    expires_at: Instant | None = None
    """When it is not worth sending any more."""


class NotificationDeferred(Event):
    notification_id: NotificationId
    until: Instant
    why: Deferral


class NotificationExpired(Event):
    """Too old to be sent; or sent, and no receipt came in time."""

    notification_id: NotificationId
    reason: Because


class NotificationSuppressed(Event):
    notification_id: NotificationId
    reason: Suppression


class SendingStarted(Event):
    """Recorded before a provider is spoken to: without an outcome after it, the message may have been sent."""

    notification_id: NotificationId
    attempt: PositiveInt
    provider: Name
    segments: PositiveInt | None = None
    """Parts of a text message, as the provider counts what it charges for."""


class SettlingBegan(Event):
    """The provider is about to be asked what became of an attempt, which may send the message. From now on no other
    provider gets it, whatever is found out: who began the attempt may still come to speak."""

    notification_id: NotificationId
    attempt: PositiveInt


class NotificationSent(Event):
    """A provider took it."""

    notification_id: NotificationId
    attempt: PositiveInt
    provider: Name
    provider_message_id: Text
    at: Instant
    took_ms: NonNegativeInt | None = None
    """From the attempt's begin until the provider's answer."""
    receipt_by: Instant | None = None
    """Until when the provider is expected to say what became of it; None where it never does."""


class SendingFailed(Event):
    """An attempt certainly sent nothing. Another follows at `retry_at`."""

    notification_id: NotificationId
    attempt: PositiveInt
    provider: Name
    failure: FailureKind
    reason: Because
    retry_at: Instant
    at: Instant | None = None


class NotificationFailed(Event):
    """It was not sent, or not delivered, and no further attempt follows."""

    notification_id: NotificationId
    failure: FailureKind
    reason: Because
    provider: Name | None = None
    """That was spoken to; None where a receipt says that it did not arrive."""
    at: Instant | None = None


class NotificationUnconfirmed(Event):
    """Whether the provider took it cannot be found out. It is not sent again: it might arrive twice."""

    notification_id: NotificationId
    attempt: PositiveInt
    provider: Name
    reason: Because
    at: Instant | None = None


class DeliveryReceiptReceived(Event):
    """What the provider says became of it. Late, repeated and contradictory ones are kept, and change nothing."""

    notification_id: NotificationId
    provider: Name
    provider_message_id: Text
    status: ReceiptStatus
    reason: Because
    reported_at: Instant


class NotificationDelivered(Event):
    """It reached the recipient's telephone or mailbox, as the provider says."""

    notification_id: NotificationId
    at: Instant


# What a recipient wants to be told: a stream `preferences-<member>`.


class OptedOut(Event):
    """Messages of these classes are not sent any more. What they wrote is kept as evidence."""

    subject: ClassVar[str | None] = "member_id"

    member_id: MemberId
    classes: tuple[MessageClass, ...]
    source: Source
    evidence: Personal[Written] | None
    at: Instant


class OptedIn(Event):
    subject: ClassVar[str | None] = "member_id"

    member_id: MemberId
    classes: tuple[MessageClass, ...]
    source: Source
    evidence: Personal[Written] | None
    at: Instant


class RecipientForgotten(Event):
    """Their personal data is erased: nothing is asked for that concerns them or is for them."""

    member_id: MemberId


# What people write back: a stream `reply-<id>`.


class ReplyReceived(Event):
    subject: ClassVar[str | None] = "concerns"

    reply_id: UUID
    provider: Name
    member_id: MemberId | None
    """Whose number it is, as far as a message was sent to it lately."""
    concerns: UUID
    """The member; where the number is not known, the reply itself."""
    written: Personal[Written]
    asks_for: Preference | None
    at: Instant


class StrayReceiptReceived(Event):
    """A provider reports on a message of which nothing is known here. A stream `receipt-<id>`."""

    receipt_id: UUID
    provider: Name
    provider_message_id: Text
    status: ReceiptStatus
    reason: Because
    reported_at: Instant


# Lists to subscribe to: a stream `list-<federation>.<name>`.


class Subscribed(Event):
    list: Name
    member_id: MemberId


class Unsubscribed(Event):
    list: Name
    member_id: MemberId


# What vendors think of templates: a stream `approval-<provider>.<template>@<version>`.


class TemplateSubmitted(Event):
    provider: Name
    template: TemplateRef
    at: Instant


class TemplateApproved(Event):
    provider: Name
    template: TemplateRef
    code: Text
    """The vendor's name for it."""
    at: Instant


class TemplateRefused(Event):
    provider: Name
    template: TemplateRef
    reason: Text
    at: Instant


# Digests: a stream `digest-<id>`.


class DigestItemAdded(Event):
    """An event that is told of together with others, at `due_at`."""

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


class DigestClosed(Event):
    digest_id: UUID
    count: PositiveInt


# The service itself.


class ProviderShifted(Event):
    """A stream `provider-<name>`. Of 100 shares that a provider has to begin with."""

    provider: Name
    shares: Annotated[int, Field(ge=0, le=100)]
    why: Shift


class ContentsDropped(Event):
    """The values of all messages requested in a month can be read no more. A stream `contents-<month>`."""

    month: Month


def _with_its_persons_key(requested: dict[str, Any]) -> dict[str, Any]:
    """The first schema sealed values with the key of the person alone."""
    return requested | {"content_key": requested["concerns"]}


UPCASTERS: Final = {("NotificationRequested", 1): _with_its_persons_key}
