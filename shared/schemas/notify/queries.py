"""What somebody wants to know of notify."""

from datetime import date
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field, NonNegativeInt

from shared.schemas.ids import MemberId
from shared.schemas.messages import Federation, Instant, Query, Role, Text
from shared.schemas.money import Fen
from shared.schemas.notify.terms import (
    Approval,
    Channel,
    DeliveryStatus,
    MessageClass,
    Month,
    Name,
    NotificationId,
    Part,
    Preference,
    Recipient,
    Shift,
    Source,
    Template,
    TemplateRef,
    Values,
)


class Notification(Part):
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
    """Of one that is tried again, or deferred."""
    expires_at: Instant | None = None


class ShowNotification(Query[Notification]):
    notification_id: NotificationId


class History(Part):
    """Newest first."""

    notifications: list[Notification]


class ShowHistory(Query[History]):
    """What was sent to a member."""

    member_id: MemberId
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class BoardRow(Part):
    programme: Name
    template: TemplateRef
    channel: Channel
    provider: Name | None
    """None of those that no provider was spoken to about yet."""
    status: DeliveryStatus
    count: NonNegativeInt


class DeliveryBoard(Part):
    rows: list[BoardRow]


class ShowDeliveryBoard(Query[DeliveryBoard]):
    """Counts of the notifications requested from one day to another, both included, in China."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.OFFICER, Role.OPERATOR})

    federation: Federation | None = None
    since: date | None = None
    until: date | None = None


class Preview(Part):
    """A template's words, with values of one's own or the longest likely ones."""

    sms: str | None
    characters: NonNegativeInt | None
    segments: NonNegativeInt | None
    """As mainland vendors count them."""
    subject: str | None
    text: str | None
    html: str | None


class PreviewTemplate(Query[Preview]):
    roles: ClassVar[frozenset[Role]] = frozenset({Role.OFFICER, Role.OPERATOR})

    template: Template
    name: Text = "王小明"
    values: Values = Field(default_factory=dict)
    """As JSON has them; an example stands in for what is missing."""


class ApprovalRow(Part):
    provider: Name
    template: TemplateRef
    approval: Approval
    code: str | None
    reason: str | None
    changed_at: Instant | None


class Approvals(Part):
    rows: list[ApprovalRow]


class ShowApprovals(Query[Approvals]):
    """Of every template that goes by text message, at every vendor that approves templates."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.OFFICER, Role.OPERATOR})


class BudgetRow(Part):
    provider: Name
    per: Name
    """provider, template, number, template_number"""
    limit: NonNegativeInt
    window: Name
    spent: NonNegativeInt
    """Of what is nearest to its limit."""
    exhausted: NonNegativeInt
    """How many templates or numbers have reached it, or whether the provider has."""
    until: Instant | None
    """When the first of these may be sent to again."""


class Budgets(Part):
    rows: list[BudgetRow]


class ShowBudgets(Query[Budgets]):
    roles: ClassVar[frozenset[Role]] = frozenset({Role.OFFICER, Role.OPERATOR})


class ProviderHealth(Part):
    provider: Name
    shares: NonNegativeInt
    """Of 100 that it has in good health."""
    shifted: Shift | None
    shifted_at: Instant | None
    sent: NonNegativeInt
    """Attempts within the time asked for, by what became of them."""
    temporary: NonNegativeInt
    permanent: NonNegativeInt
    technical: NonNegativeInt
    unconfirmed: NonNegativeInt
    average_ms: NonNegativeInt | None


class Health(Part):
    providers: list[ProviderHealth]


class ShowProviderHealth(Query[Health]):
    roles: ClassVar[frozenset[Role]] = frozenset({Role.OFFICER, Role.OPERATOR})

    minutes: Annotated[int, Field(ge=1, le=1440)] = 60


class Reply(Part):
    reply_id: UUID
    at: Instant
    provider: Name
    member_id: MemberId | None
    number: str | None
    """Masked: 138****0001. None where the person is erased."""
    text: str | None
    asks_for: Preference | None


class Replies(Part):
    """Newest first."""

    replies: list[Reply]


class ShowReplies(Query[Replies]):
    roles: ClassVar[frozenset[Role]] = frozenset({Role.OFFICER, Role.OPERATOR})

    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class PreferenceChange(Part):
    at: Instant
    change: Preference
    classes: tuple[MessageClass, ...]
    source: Source
    number: str | None
    """Masked."""
    text: str | None


class Preferences(Part):
    member_id: MemberId
    opted_out: tuple[MessageClass, ...]
    changes: list[PreferenceChange]
    """The first first: the evidence."""


class ShowPreferences(Query[Preferences]):
    """What a member wants to be told, and how they said so."""

    member_id: MemberId


class CostRow(Part):
    programme: Name
    channel: Channel
    provider: Name
    messages: NonNegativeInt
    segments: NonNegativeInt
    cost: Fen | None
    """None where the provider has no price."""


class Costs(Part):
    month: Month
    rows: list[CostRow]
    total: Fen


class ShowCosts(Query[Costs]):
    """What was sent in a month, in China, at the prices of the day on which it was sent."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.OFFICER, Role.OPERATOR})

    month: Month
    federation: Federation | None = None


class Subscribers(Part):
    members: list[MemberId]


class ShowSubscribers(Query[Subscribers]):
    roles: ClassVar[frozenset[Role]] = frozenset({Role.CADRE, Role.OFFICER, Role.OPERATOR})

    list: Name
