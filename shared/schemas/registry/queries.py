"""What the registry answers. An answer's personal fields are `Personal[...]`, clear to the one who may ask."""

from datetime import date
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from shared.schemas.ids import EmployerId, HouseholdId, MemberId, UnionId
from shared.schemas.messages import Federation, Instant, Query, Role
from shared.schemas.personal import Personal
from shared.schemas.registry.values import (
    MEMBER_AND_STAFF,
    UNION_STAFF,
    ConsentId,
    ConsentPurpose,
    FederationLevel,
    HonourId,
    HonourLevel,
    NumberText,
    Party,
    PersonName,
    SkillLevel,
    UnionKind,
    UnionPost,
)

__all__ = [
    "BankAccountAnswer",
    "ConsentAnswer",
    "ContactAnswer",
    "EmployerAnswer",
    "FederationAnswer",
    "FindEmployer",
    "FindMember",
    "FindMembers",
    "FindPatient",
    "FoundMember",
    "HonourAnswer",
    "HouseholdAnswer",
    "IdentityAnswer",
    "MemberAnswer",
    "PatientAnswer",
    "RosterAnswer",
    "RosterEntry",
    "ShowBankAccount",
    "ShowContacts",
    "ShowEmployer",
    "ShowFederation",
    "ShowHousehold",
    "ShowIdentity",
    "ShowMember",
    "ShowRoster",
    "ShowUnion",
    "SoughtMember",
    "UnionAnswer",
    "UnionContact",
]


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class HonourAnswer(Answer):
    honour_id: HonourId
    title: str
    level: HonourLevel
    on: date
    until: date | None


class ConsentAnswer(Answer):
    consent_id: ConsentId
    purpose: ConsentPurpose
    to: Party
    on: date
    until: date | None


class MemberAnswer(Answer):
    """A member as the registry knows them; of one erased, ids alone.

    `masked` says that name, numbers, email and account show no more than lets a person recognise their own.
    Honours and consents are those in force.
    """

    member_id: MemberId
    household_id: HouseholdId
    union_id: UnionId
    employer_id: EmployerId
    masked: bool
    name: Personal[str]
    id_number: Personal[str]
    phone: Personal[str] | None
    email: Personal[str] | None
    account: Personal[str] | None
    bank: Personal[str] | None
    post: str | None
    trade: str | None
    skill_level: SkillLevel | None
    skilled: bool
    joined_on: date
    ended_on: date | None
    honours: tuple[HonourAnswer, ...]
    consents: tuple[ConsentAnswer, ...]
    erased: bool


class ShowMember(Query[MemberAnswer]):
    """A member by id: masked, unless a member asks for themselves, or a cadre of their union or an officer of their
    federation asks `in_clear`."""

    roles: ClassVar[frozenset[Role]] = MEMBER_AND_STAFF | {Role.SYSTEM}

    member_id: MemberId
    in_clear: bool = False


class FindMember(Query[MemberAnswer | None]):
    """A member by identity number, masked; None where nobody has it."""

    roles: ClassVar[frozenset[Role]] = UNION_STAFF | {Role.SYSTEM}

    id_number: Personal[NumberText]


class SoughtMember(BaseModel):
    """Somebody as a roster lists them."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Personal[PersonName]
    id_number: Personal[NumberText]


class FoundMember(Answer):
    """Whose the number is; of the name no more than whether it is the same."""

    member_id: MemberId
    employer_id: EmployerId
    same_name: bool
    active: bool
    """Whether they are a member now."""


class FindMembers(Query[tuple[FoundMember | None, ...]]):
    """The lines of a roster: in the order asked, None where nobody has the number."""

    roles: ClassVar[frozenset[Role]] = UNION_STAFF | {Role.SYSTEM}

    sought: Annotated[tuple[SoughtMember, ...], Field(min_length=1, max_length=500)]


class ContactAnswer(Answer):
    """How to reach a member, in clear. One who is erased has no contacts."""

    member_id: MemberId
    name: Personal[str] | None
    phone: Personal[str] | None
    email: Personal[str] | None


class ShowContacts(Query[tuple[ContactAnswer, ...]]):
    """How to reach members, for messages to them: in the order asked, without those nobody knows."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.SYSTEM})

    member_ids: Annotated[tuple[MemberId, ...], Field(min_length=1, max_length=500)]


class BankAccountAnswer(Answer):
    member_id: MemberId
    holder: Personal[str]
    account: Personal[str]
    bank: Personal[str] | None
    recorded_at: Instant


class ShowBankAccount(Query[BankAccountAnswer | None]):
    """The account that a member is paid to, in clear, for the service that pays; None where there is none."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.SYSTEM})

    member_id: MemberId


class PatientAnswer(Answer):
    member_id: MemberId


class FindPatient(Query[PatientAnswer | None]):
    """The member with an identity number who consents that this hospital is told of them, for a service that settles
    with it; None for anybody else, so that nobody learns who is a member."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.SYSTEM})

    id_number: Personal[NumberText]
    hospital: Party


class IdentityAnswer(Answer):
    member_id: MemberId
    name: Personal[str]
    id_number: Personal[str]
    phone: Personal[str] | None
    account: Personal[str] | None
    bank: Personal[str] | None


class ShowIdentity(Query[IdentityAnswer]):
    """Who a member is, in clear, for a bank or hospital to which the member's consent is in force."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.BANK, Role.HOSPITAL})

    member_id: MemberId


class HouseholdAnswer(Answer):
    household_id: HouseholdId
    member_ids: tuple[MemberId, ...]


class ShowHousehold(Query[HouseholdAnswer]):
    """The members of a household; none where there is no such household."""

    roles: ClassVar[frozenset[Role]] = MEMBER_AND_STAFF | {Role.SYSTEM}

    household_id: HouseholdId


class RosterEntry(Answer):
    """Name, identity number and phone are masked."""

    member_id: MemberId
    employer_id: EmployerId
    name: Personal[str]
    id_number: Personal[str]
    phone: Personal[str] | None
    post: str | None
    skilled: bool
    titles: tuple[str, ...]
    joined_on: date


class RosterAnswer(Answer):
    union_id: UnionId
    total: int
    members: tuple[RosterEntry, ...]
    next: MemberId | None
    """Pass it as `beyond` for the next page; None on the last."""


class ShowRoster(Query[RosterAnswer]):
    """The members of a union, by id, a page at a time; without those whose membership has ended."""

    roles: ClassVar[frozenset[Role]] = UNION_STAFF | {Role.SYSTEM}

    union_id: UnionId
    beyond: MemberId | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class EmployerAnswer(Answer):
    employer_id: EmployerId
    name: str
    credit_code: str
    union_id: UnionId | None
    contacts: tuple[MemberId, ...]


class ShowEmployer(Query[EmployerAnswer]):
    employer_id: EmployerId


class FindEmployer(Query[EmployerAnswer | None]):
    """An employer by unified social credit code (GB 32100); None where it isn't registered."""

    credit_code: NumberText


class UnionContact(Answer):
    member_id: MemberId
    post: UnionPost


class UnionAnswer(Answer):
    union_id: UnionId
    federation: Federation
    name: str
    kind: UnionKind
    credit_code: str | None
    employer_ids: tuple[EmployerId, ...]
    contacts: tuple[UnionContact, ...]
    members: int
    dissolved_on: date | None


class ShowUnion(Query[UnionAnswer]):
    union_id: UnionId


class FederationAnswer(Answer):
    code: Federation
    name: str
    level: FederationLevel
    parent: Federation | None
    children: tuple[Federation, ...]
    contacts: tuple[MemberId, ...]
    unions: int
    members: int


class ShowFederation(Query[FederationAnswer]):
    code: Federation
