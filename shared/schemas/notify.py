"""The language of notify: one message to one recipient by one channel, from its request to its delivery.

A notification is a stream `notification-<id>`. Its id follows from (event, rule, channel, recipient), so that what
calls for it may be read any number of times: see `notification_id`.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar, NewType
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, NonNegativeInt, PositiveInt, StringConstraints

from shared.schemas.ids import MemberId, derived_id
from shared.schemas.messages import Command, Event, Federation, Instant, Query, Role, Text
from shared.schemas.personal import Personal

NotificationId = NewType("NotificationId", UUID)

type Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
"""Of a rule, a template, a programme or a provider."""

type Because = Annotated[str, StringConstraints(max_length=100)]
"""Why an attempt failed: a reply's code and the like, never its words, which may repeat an address."""

type Values = dict[str, JsonValue]
"""A template's variables, as JSON has them: amounts "1234.50", days "2026-11-24"."""


class Channel(StrEnum):
    SMS = "sms"
    EMAIL = "email"


class MessageClass(StrEnum):
    """What a message is about: whether it may wait, and whether its recipient may refuse such."""

    PAYMENT = "payment"  # 款项
    DEADLINE = "deadline"  # 期限
    PROGRESS = "progress"  # 办理进度
    SERVICE = "service"  # 服务信息

    @property
    def urgent(self) -> bool:
        """Goes at any hour."""
        return self in {MessageClass.PAYMENT, MessageClass.DEADLINE}


class RecipientKind(StrEnum):
    MEMBER = "member"  # 职工, by member id
    CADRE = "cadre"  # 工会干部, by member id
    OFFICER = "officer"  # 总工会工作人员, by member id
    BANK = "bank"  # a bank's desk, by the bank's code


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Recipient(_Part):
    """Whom a message is for. As text `kind:id`, such as `bank:nxbank`."""

    kind: RecipientKind
    id: Name

    @classmethod
    def parse(cls, text: str) -> "Recipient":
        kind, _, name = text.partition(":")
        return cls(kind=RecipientKind(kind), id=name)

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


class TemplateRef(_Part):
    """A template, pinned: a later version changes no message requested before it."""

    id: Name
    version: PositiveInt

    def __str__(self) -> str:
        return f"{self.id}@{self.version}"


def notification_id(event: UUID, rule: str, channel: Channel, recipient: Recipient) -> NotificationId:
    """One message for one (event, rule, channel, recipient), however often it is asked for.

    >>> cause = UUID("01985b5e-3f00-7000-8000-000000000001")
    >>> bank = Recipient.parse("bank:nxbank")
    >>> notification_id(cause, "loan-endorsed", Channel.EMAIL, bank)
    UUID('613dfffd-2cfb-5be2-8a51-a50e63b98c54')
    """
    return NotificationId(derived_id(event, f"{rule}/{channel}/{recipient}"))


class Suppression(StrEnum):
    """Why a message was never sent."""

    NO_CONTACT = "no_contact"  # 无联系方式
    ERASED = "erased"  # 个人信息已删除
    OPTED_OUT = "opted_out"  # 已退订
    NOT_APPROVED = "not_approved"  # 短信模板未经审核


class FailureKind(StrEnum):
    TEMPORARY = "temporary"  # the recipient cannot be reached now: mailbox full, telephone off
    PERMANENT = "permanent"  # the recipient cannot be reached: no such number or mailbox, refused
    TECHNICAL = "technical"  # the way to the recipient failed: provider unreachable, account refused, bad content


class ReceiptStatus(StrEnum):
    DELIVERED = "delivered"
    TEMPORARY = "temporary"
    PERMANENT = "permanent"


class DeliveryStatus(StrEnum):
    """Where a notification stands. Of the last five nothing leads away, but a receipt from sent and unconfirmed."""

    REQUESTED = "requested"  # 待发送
    SENDING = "sending"  # 发送中
    WAITING = "waiting"  # 待重试
    SENT = "sent"  # 已发送
    DELIVERED = "delivered"  # 已送达
    UNCONFIRMED = "unconfirmed"  # 结果不明
    FAILED = "failed"  # 发送失败
    SUPPRESSED = "suppressed"  # 不发送


# What has happened.


class NotificationRequested(Event):
    """`values` are facts of the event; the recipient's name and address are asked for when it is sent."""

    subject: ClassVar[str | None] = "concerns"

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
    values: Personal[Values]
    at: Instant


class NotificationSuppressed(Event):
    notification_id: NotificationId
    reason: Suppression


class SendingStarted(Event):
    """Recorded before a provider is spoken to: without an outcome after it, the message may have been sent."""

    notification_id: NotificationId
    attempt: PositiveInt
    provider: Name


class NotificationSent(Event):
    """A provider took it."""

    notification_id: NotificationId
    attempt: PositiveInt
    provider: Name
    provider_message_id: Text
    at: Instant


class SendingFailed(Event):
    """An attempt certainly sent nothing. Another follows at `retry_at`."""

    notification_id: NotificationId
    attempt: PositiveInt
    provider: Name
    failure: FailureKind
    reason: Because
    retry_at: Instant


class NotificationFailed(Event):
    """It was not sent, or not delivered, and no further attempt follows."""

    notification_id: NotificationId
    failure: FailureKind
    reason: Because


class NotificationUnconfirmed(Event):
    """Whether the provider took it cannot be found out. It is not sent again: it might arrive twice."""

    notification_id: NotificationId
    attempt: PositiveInt
    provider: Name
    reason: Because


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


# What somebody wants done.


class _NotifyCommand(Command):
    roles: ClassVar[frozenset[Role]] = frozenset({Role.SYSTEM, Role.OPERATOR})


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


class SuppressNotification(_NotifyCommand):
    notification_id: NotificationId
    reason: Suppression


class StartSending(_NotifyCommand):
    """`attempt` is one more than were made: of two senders that would begin the same one, the second is refused."""

    notification_id: NotificationId
    attempt: PositiveInt
    provider: Name


class RecordSent(_NotifyCommand):
    notification_id: NotificationId
    attempt: PositiveInt
    provider_message_id: Text


class RecordFailure(_NotifyCommand):
    """An attempt that certainly sent nothing: another one follows, or none."""

    notification_id: NotificationId
    attempt: PositiveInt
    failure: FailureKind
    reason: Because


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


# What somebody wants to know.


class Notification(_Part):
    """A notification as it stands."""

    notification_id: NotificationId
    requested_at: Instant
    programme: Name
    cause: UUID
    cause_type: Name
    rule: Name
    channel: Channel
    recipient: Recipient
    message_class: MessageClass
    template: TemplateRef
    status: DeliveryStatus
    provider: Name | None = None
    provider_message_id: str | None = None
    attempts: NonNegativeInt = 0
    reason: str | None = None
    """Of the suppression or the last failure."""
    sent_at: Instant | None = None
    delivered_at: Instant | None = None
    retry_at: Instant | None = None


class ShowNotification(Query[Notification]):
    notification_id: NotificationId


class History(_Part):
    """Newest first."""

    notifications: list[Notification]


class ShowHistory(Query[History]):
    """What was sent to a member."""

    member_id: MemberId
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class BoardRow(_Part):
    programme: Name
    template: TemplateRef
    channel: Channel
    provider: Name | None
    """None of those that no provider was spoken to about yet."""
    status: DeliveryStatus
    count: NonNegativeInt


class DeliveryBoard(_Part):
    rows: list[BoardRow]


class ShowDeliveryBoard(Query[DeliveryBoard]):
    """Counts of the notifications requested from one day to another, both included, in China."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.OFFICER, Role.OPERATOR})

    federation: Federation | None = None
    since: date | None = None
    until: date | None = None
