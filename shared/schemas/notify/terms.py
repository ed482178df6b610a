"""The words of notify's language: channels, classes, recipients, and where a message may stand."""

from enum import StrEnum
from typing import Annotated, NewType
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PositiveInt,
    StringConstraints,
)

from shared.schemas.ids import derived_id
from shared.schemas.messages import Text, in_ascii

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
    SUBSCRIBER = "subscriber"  # who is on a list, by member id


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Recipient(Part):
    """Whom a message is for. As text `kind:id`, such as `bank:nxbank`."""

    kind: RecipientKind
    id: Name

    @classmethod
    def parse(cls, text: str) -> "Recipient":
        kind, _, name = text.partition(":")
        return cls(kind=RecipientKind(kind), id=name)

    @property
    def member(self) -> str | None:
        """A member's id; None of a bank."""
        return None if self.kind is RecipientKind.BANK else self.id

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


class TemplateRef(Part):
    """A template, pinned: a later version changes no message requested before it."""

    id: Name
    version: PositiveInt

    def __str__(self) -> str:
        return f"{self.id}@{self.version}"


def _ref(text: object) -> object:
    if not isinstance(text, str):
        return text
    name, _, version = text.partition("@")
    return {"id": name, "version": version}


type Template = Annotated[TemplateRef, BeforeValidator(_ref, json_schema_input_type=str)]
"""Also as people write it: `loan-accepted@1`."""

type Month = Annotated[
    str, StringConstraints(pattern=r"^\d{4}-(0[1-9]|1[0-2])$"), AfterValidator(in_ascii), Field(examples=["2026-11"])
]
"""In China: 2026-11."""


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
    CANCELLED = "cancelled"  # 已取消


class Deferral(StrEnum):
    """Why a message waits until a later time."""

    QUIET_HOURS = "quiet_hours"  # 免打扰时段
    BUDGET = "budget"  # 发送次数已达上限
    APPROVAL = "approval"  # 短信模板审核中


class FailureKind(StrEnum):
    TEMPORARY = "temporary"  # the recipient cannot be reached now: mailbox full, telephone off
    PERMANENT = "permanent"  # the recipient cannot be reached: no such number or mailbox, refused
    TECHNICAL = "technical"  # the way to the recipient failed: provider unreachable, account refused, bad content


class ReceiptStatus(StrEnum):
    DELIVERED = "delivered"
    TEMPORARY = "temporary"
    PERMANENT = "permanent"
    TECHNICAL = "technical"


class DeliveryStatus(StrEnum):
    """Where a notification stands. Of the last six nothing leads away, but from sent and unconfirmed a receipt, or the
    end of waiting for one."""

    REQUESTED = "requested"  # 待发送
    DEFERRED = "deferred"  # 延后发送
    SENDING = "sending"  # 发送中
    WAITING = "waiting"  # 待重试
    SENT = "sent"  # 已发送
    DELIVERED = "delivered"  # 已送达
    UNCONFIRMED = "unconfirmed"  # 结果不明
    FAILED = "failed"  # 发送失败
    EXPIRED = "expired"  # 已过期
    SUPPRESSED = "suppressed"  # 不发送


class Approval(StrEnum):
    """Whether a vendor of text messages takes a template's words."""

    DRAFT = "draft"  # 未报审
    SUBMITTED = "submitted"  # 审核中
    APPROVED = "approved"  # 已通过
    REFUSED = "refused"  # 未通过


class Preference(StrEnum):
    """What a reply asks for."""

    OPT_OUT = "opt_out"  # 退订
    OPT_IN = "opt_in"  # 恢复接收


class Shift(StrEnum):
    """Why a provider gets more or less of the messages than before."""

    ERRORS = "errors"
    SLOWNESS = "slowness"
    DRIFT = "drift"  # back, after a while without either


class Source(StrEnum):
    """How somebody said what they want to be told."""

    REPLY = "reply"  # by text message
    ONESELF = "oneself"
    OFFICE = "office"  # to the federation, which recorded it


class Written(Part):
    """What somebody wrote back, and from where."""

    number: Text
    text: Annotated[str, StringConstraints(max_length=1000)]
