"""Members (会员): who they are, where they work, their trade, household, honours, contacts and bank account.

Every event here tells of one person, `member_id`. What other services need of a member stands in clear: ids, trade,
titles and dates; what names or reaches the person is `Personal[...]`. A date that a command leaves out is today's,
in China; none may be later.
"""

from datetime import date
from typing import ClassVar

from pydantic import Field

from shared.schemas.ids import EmployerId, HouseholdId, MemberId, UnionId, new_id
from shared.schemas.messages import Command, Event, Role, Text
from shared.schemas.personal import Personal
from shared.schemas.registry.values import (
    MEMBER_AND_STAFF,
    UNION_STAFF,
    AccountText,
    EmailText,
    EndOfMembership,
    HonourId,
    HonourLevel,
    NumberText,
    OrganisationName,
    PersonName,
    SkillLevel,
)

__all__ = [
    "BankAccountRecorded",
    "BankAccountRemoved",
    "ChangeContacts",
    "ContactsChanged",
    "CorrectIdentity",
    "EndMembership",
    "GrantHonour",
    "HonourGranted",
    "HonourRevoked",
    "HouseholdJoined",
    "HouseholdLeft",
    "IdentityCorrected",
    "JoinHousehold",
    "LeaveHousehold",
    "MemberMoved",
    "MemberRegistered",
    "MembershipEnded",
    "MoveMember",
    "RecordBankAccount",
    "RecordTrade",
    "RegisterMember",
    "RemoveBankAccount",
    "RevokeHonour",
    "TradeRecorded",
]


class MemberEvent(Event):
    """What has happened to one member. Their personal fields are sealed with their own key."""

    subject: ClassVar[str | None] = "member_id"

    member_id: MemberId


# Registration and membership


class RegisterMember(Command):
    """Enter a member of a union, with what the union's roster knows. A member begins in a household of their own."""

    roles: ClassVar[frozenset[Role]] = UNION_STAFF

    member_id: MemberId = Field(default_factory=lambda: MemberId(new_id()))
    household_id: HouseholdId = Field(default_factory=lambda: HouseholdId(new_id()))
    union_id: UnionId
    employer_id: EmployerId
    name: Personal[PersonName]
    id_number: Personal[NumberText]
    """GB 11643."""
    phone: Personal[NumberText] | None = None
    """A mainland mobile number."""
    email: Personal[EmailText] | None = None
    post: Text | None = None
    """岗位."""
    trade: Text | None = None
    """工种."""
    skill_level: SkillLevel | None = None
    skilled: bool = False
    """Whether the member works in a skilled trade or as technical staff."""
    joined_on: date | None = None
    """入会时间."""


class MemberRegistered(MemberEvent):
    """`household_id` is a household that begins with this member. A skilled trade follows as TradeRecorded."""

    household_id: HouseholdId
    union_id: UnionId
    employer_id: EmployerId
    name: Personal[str]
    id_number: Personal[str]
    phone: Personal[str] | None
    email: Personal[str] | None
    post: str | None
    joined_on: date


class CorrectIdentity(Command):
    """Put a member's name or identity number right."""

    roles: ClassVar[frozenset[Role]] = UNION_STAFF

    member_id: MemberId
    name: Personal[PersonName]
    id_number: Personal[NumberText]


class IdentityCorrected(MemberEvent):
    name: Personal[str]
    id_number: Personal[str]


class MoveMember(Command):
    """Take a member to another union, employer or post (转会), or take one in again whose membership had ended."""

    roles: ClassVar[frozenset[Role]] = UNION_STAFF

    member_id: MemberId
    union_id: UnionId
    employer_id: EmployerId
    post: Text | None = None
    on: date | None = None


class MemberMoved(MemberEvent):
    """The member now belongs to `union_id` and works for `employer_id`; a membership that had ended lives again."""

    union_id: UnionId
    employer_id: EmployerId
    post: str | None
    from_union_id: UnionId
    from_employer_id: EmployerId
    on: date


class EndMembership(Command):
    """Record that somebody is no longer a member (会籍终止)."""

    roles: ClassVar[frozenset[Role]] = UNION_STAFF

    member_id: MemberId
    ground: EndOfMembership
    on: date | None = None


class MembershipEnded(MemberEvent):
    union_id: UnionId
    employer_id: EmployerId
    ground: EndOfMembership
    on: date


class RecordTrade(Command):
    """State a member's trade (工种) and skill level, and whether it counts as skilled work."""

    roles: ClassVar[frozenset[Role]] = UNION_STAFF

    member_id: MemberId
    trade: Text | None = None
    skill_level: SkillLevel | None = None
    skilled: bool


class TradeRecorded(MemberEvent):
    """A member without this event is in no skilled trade; the last one stands."""

    trade: str | None
    skill_level: SkillLevel | None
    skilled: bool


# Households: a member is in exactly one at any time


class JoinHousehold(Command):
    """Take a member into the household (户) of others, out of the one they are in."""

    roles: ClassVar[frozenset[Role]] = UNION_STAFF

    member_id: MemberId
    household_id: HouseholdId
    on: date | None = None


class HouseholdJoined(MemberEvent):
    """The member is now in `household_id`."""

    household_id: HouseholdId
    from_household_id: HouseholdId
    on: date


class LeaveHousehold(Command):
    """Take a member out of a household shared with others (分户), into one of their own."""

    roles: ClassVar[frozenset[Role]] = UNION_STAFF

    member_id: MemberId
    household_id: HouseholdId = Field(default_factory=lambda: HouseholdId(new_id()))
    """The new household."""
    on: date | None = None


class HouseholdLeft(MemberEvent):
    """The member is now in `household_id`, alone."""

    household_id: HouseholdId
    from_household_id: HouseholdId
    on: date


# Honours


class GrantHonour(Command):
    """Record a title granted to a member, by the name it is awarded under, such as 南浔工匠 or 浙江省劳动模范."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.OFFICER, Role.OPERATOR, Role.SYSTEM})

    member_id: MemberId
    honour_id: HonourId = Field(default_factory=lambda: HonourId(new_id()))
    title: OrganisationName
    level: HonourLevel
    awarded_by: OrganisationName | None = None
    on: date | None = None
    until: date | None = None
    """The last day of a title that is granted for a time."""


class HonourGranted(MemberEvent):
    honour_id: HonourId
    title: str
    level: HonourLevel
    awarded_by: str | None
    on: date
    until: date | None


class RevokeHonour(Command):
    """Record that a title was taken back, and why."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.OFFICER, Role.SYSTEM})

    member_id: MemberId
    honour_id: HonourId
    ground: Personal[Text]
    on: date | None = None


class HonourRevoked(MemberEvent):
    honour_id: HonourId
    title: str
    level: HonourLevel
    ground: Personal[str]
    on: date


# Contacts and bank account


class ChangeContacts(Command):
    """State how a member can be reached from now on; what is left out is no longer known."""

    roles: ClassVar[frozenset[Role]] = MEMBER_AND_STAFF

    member_id: MemberId
    phone: Personal[NumberText] | None = None
    email: Personal[EmailText] | None = None


class ContactsChanged(MemberEvent):
    phone: Personal[str] | None
    email: Personal[str] | None


class RecordBankAccount(Command):
    """State the account, in the member's own name, that benefits and loans are paid to."""

    roles: ClassVar[frozenset[Role]] = MEMBER_AND_STAFF

    member_id: MemberId
    account: Personal[AccountText]
    bank: Personal[OrganisationName] | None = None
    """开户行."""


class BankAccountRecorded(MemberEvent):
    account: Personal[str]
    bank: Personal[str] | None


class RemoveBankAccount(Command):
    """Take a member's bank account off the registry."""

    roles: ClassVar[frozenset[Role]] = MEMBER_AND_STAFF

    member_id: MemberId


class BankAccountRemoved(MemberEvent):
    """There is no account to pay to now."""
