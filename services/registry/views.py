"""Read models of the registry. `members` holds people in clear: it is purged when somebody is erased."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.view import View, on
from shared.schemas.ids import EmployerId, HouseholdId, MemberId, UnionId
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    BankAccountRecorded,
    BankAccountRemoved,
    ConsentGiven,
    ConsentWithdrawn,
    ContactsChanged,
    EmployerAdmitted,
    EmployerContactAppointed,
    EmployerContactRelieved,
    EmployerRegistered,
    EmployerReleased,
    EmployerRenamed,
    FederationContactAppointed,
    FederationContactRelieved,
    FederationRegistered,
    HonourGranted,
    HonourRevoked,
    HouseholdJoined,
    HouseholdLeft,
    IdentityCorrected,
    MemberErased,
    MemberMoved,
    MemberRegistered,
    MembershipEnded,
    TradeRecorded,
    UnionContactAppointed,
    UnionContactRelieved,
    UnionDissolved,
    UnionEstablished,
    UnionRenamed,
)

__all__ = [
    "LIVING",
    "EmployerRow",
    "Employers",
    "FederationRow",
    "Federations",
    "MemberRow",
    "Members",
    "UnionRow",
    "Unions",
]

LIVING = "ended_on is null and not erased"
"""In SQL: whoever is a member now."""


@dataclass(slots=True)
class MemberRow:
    member_id: MemberId
    federation: str
    household_id: HouseholdId
    union_id: UnionId
    employer_id: EmployerId
    name: str
    id_number: str
    phone: str | None
    email: str | None
    post: str | None
    joined_on: date
    account: str | None = None
    account_at: datetime | None = None
    """When it was recorded."""
    bank: str | None = None
    trade: str | None = None
    skill_level: str | None = None
    skilled: bool = False
    ended_on: date | None = None
    honours: list[dict[str, Any]] = field(default_factory=list)
    consents: list[dict[str, Any]] = field(default_factory=list)
    erased: bool = False


def clear(personal: Personal[str] | None) -> str | None:
    """What a field says; None where it is empty or erased."""
    return personal.clear if personal is not None and personal.is_clear else None


class Members(View[MemberRow]):
    """Every member, in clear."""

    name, version, key = "members", 2, ("member_id",)
    indexes = (("id_number",), ("household_id",), ("union_id", "member_id"))
    personal = True

    @on(MemberRegistered)
    def registered(self, rows: Rows[MemberRow], event: MemberRegistered, at: Recorded) -> None:
        rows.put(
            MemberRow(
                member_id=event.member_id,
                federation=at.meta.federation,
                household_id=event.household_id,
                union_id=event.union_id,
                employer_id=event.employer_id,
                name=clear(event.name) or "",
                id_number=clear(event.id_number) or "",
                phone=clear(event.phone),
                email=clear(event.email),
                post=event.post,
                joined_on=event.joined_on,
            )
        )

    @on(IdentityCorrected)
    def corrected(self, rows: Rows[MemberRow], event: IdentityCorrected, at: Recorded) -> None:
        row = rows.get(event.member_id)
        row.name, row.id_number = clear(event.name) or "", clear(event.id_number) or ""

    @on(MemberMoved)
    def moved(self, rows: Rows[MemberRow], event: MemberMoved, at: Recorded) -> None:
        row = rows.get(event.member_id)
        row.union_id, row.employer_id, row.post, row.ended_on = event.union_id, event.employer_id, event.post, None

    @on(MembershipEnded)
    def ended(self, rows: Rows[MemberRow], event: MembershipEnded, at: Recorded) -> None:
        rows.get(event.member_id).ended_on = event.on

    @on(TradeRecorded)
    def traded(self, rows: Rows[MemberRow], event: TradeRecorded, at: Recorded) -> None:
        row = rows.get(event.member_id)
        row.trade, row.skill_level, row.skilled = event.trade, event.skill_level, event.skilled

    @on(HouseholdJoined, HouseholdLeft)
    def housed(self, rows: Rows[MemberRow], event: HouseholdJoined | HouseholdLeft, at: Recorded) -> None:
        rows.get(event.member_id).household_id = event.household_id

    @on(HonourGranted)
    def honoured(self, rows: Rows[MemberRow], event: HonourGranted, at: Recorded) -> None:
        granted = event.model_dump(mode="json", include={"honour_id", "title", "level", "on", "until"})
        row = rows.get(event.member_id)
        row.honours = [*row.honours, granted]

    @on(HonourRevoked)
    def dishonoured(self, rows: Rows[MemberRow], event: HonourRevoked, at: Recorded) -> None:
        row = rows.get(event.member_id)
        row.honours = [honour for honour in row.honours if honour["honour_id"] != str(event.honour_id)]

    @on(ContactsChanged)
    def contacted(self, rows: Rows[MemberRow], event: ContactsChanged, at: Recorded) -> None:
        row = rows.get(event.member_id)
        row.phone, row.email = clear(event.phone), clear(event.email)

    @on(BankAccountRecorded)
    def banked(self, rows: Rows[MemberRow], event: BankAccountRecorded, at: Recorded) -> None:
        row = rows.get(event.member_id)
        row.account, row.account_at, row.bank = clear(event.account), at.meta.time, clear(event.bank)

    @on(BankAccountRemoved)
    def unbanked(self, rows: Rows[MemberRow], event: BankAccountRemoved, at: Recorded) -> None:
        row = rows.get(event.member_id)
        row.account = row.account_at = row.bank = None

    @on(ConsentGiven)
    def consented(self, rows: Rows[MemberRow], event: ConsentGiven, at: Recorded) -> None:
        given = event.model_dump(mode="json", include={"consent_id", "purpose", "to", "on", "until"})
        row = rows.get(event.member_id)
        row.consents = [*row.consents, given]

    @on(ConsentWithdrawn)
    def withdrawn(self, rows: Rows[MemberRow], event: ConsentWithdrawn, at: Recorded) -> None:
        row = rows.get(event.member_id)
        row.consents = [consent for consent in row.consents if consent["consent_id"] != str(event.consent_id)]

    @on(MemberErased)
    def erased(self, rows: Rows[MemberRow], event: MemberErased, at: Recorded) -> None:
        row = rows.get(event.member_id)
        row.name = row.id_number = ""
        row.account_at = row.phone = row.email = row.account = row.bank = row.post = row.trade = row.skill_level = None
        row.skilled, row.honours, row.consents, row.erased = False, [], [], True


@dataclass(slots=True)
class EmployerRow:
    employer_id: EmployerId
    federation: str
    name: str
    credit_code: str
    union_id: UnionId | None = None
    contacts: list[str] = field(default_factory=list)


class Employers(View[EmployerRow]):
    name, version, key = "employers", 1, ("employer_id",)
    indexes = (("credit_code",), ("union_id",))

    @on(EmployerRegistered)
    def registered(self, rows: Rows[EmployerRow], event: EmployerRegistered, at: Recorded) -> None:
        rows.put(EmployerRow(event.employer_id, event.federation, event.name, event.credit_code))

    @on(EmployerRenamed)
    def renamed(self, rows: Rows[EmployerRow], event: EmployerRenamed, at: Recorded) -> None:
        rows.get(event.employer_id).name = event.name

    @on(EmployerAdmitted)
    def admitted(self, rows: Rows[EmployerRow], event: EmployerAdmitted, at: Recorded) -> None:
        rows.get(event.employer_id).union_id = event.union_id

    @on(EmployerReleased)
    def released(self, rows: Rows[EmployerRow], event: EmployerReleased, at: Recorded) -> None:
        rows.get(event.employer_id).union_id = None

    @on(EmployerContactAppointed)
    def appointed(self, rows: Rows[EmployerRow], event: EmployerContactAppointed, at: Recorded) -> None:
        row = rows.get(event.employer_id)
        row.contacts = [*row.contacts, str(event.member_id)]

    @on(EmployerContactRelieved)
    def relieved(self, rows: Rows[EmployerRow], event: EmployerContactRelieved, at: Recorded) -> None:
        row = rows.get(event.employer_id)
        row.contacts = [who for who in row.contacts if who != str(event.member_id)]


@dataclass(slots=True)
class UnionRow:
    union_id: UnionId
    federation: str
    name: str
    kind: str
    credit_code: str | None
    contacts: list[dict[str, str]] = field(default_factory=list)
    dissolved_on: date | None = None


class Unions(View[UnionRow]):
    name, version, key = "unions", 1, ("union_id",)
    indexes = (("federation",),)

    @on(UnionEstablished)
    def established(self, rows: Rows[UnionRow], event: UnionEstablished, at: Recorded) -> None:
        rows.put(UnionRow(event.union_id, event.federation, event.name, event.kind.value, event.credit_code))

    @on(UnionRenamed)
    def renamed(self, rows: Rows[UnionRow], event: UnionRenamed, at: Recorded) -> None:
        rows.get(event.union_id).name = event.name

    @on(UnionContactAppointed)
    def appointed(self, rows: Rows[UnionRow], event: UnionContactAppointed, at: Recorded) -> None:
        row, who = rows.get(event.union_id), str(event.member_id)
        others = [contact for contact in row.contacts if contact["member_id"] != who]
        row.contacts = [*others, {"member_id": who, "post": event.post.value}]

    @on(UnionContactRelieved)
    def relieved(self, rows: Rows[UnionRow], event: UnionContactRelieved, at: Recorded) -> None:
        row, who = rows.get(event.union_id), str(event.member_id)
        row.contacts = [contact for contact in row.contacts if contact["member_id"] != who]

    @on(UnionDissolved)
    def dissolved(self, rows: Rows[UnionRow], event: UnionDissolved, at: Recorded) -> None:
        rows.get(event.union_id).dissolved_on = event.on


@dataclass(slots=True)
class FederationRow:
    code: str
    name: str
    level: str
    parent: str | None
    contacts: list[str] = field(default_factory=list)


class Federations(View[FederationRow]):
    name, version, key = "federations", 1, ("code",)
    indexes = (("parent",),)

    @on(FederationRegistered)
    def registered(self, rows: Rows[FederationRow], event: FederationRegistered, at: Recorded) -> None:
        rows.put(FederationRow(event.code, event.name, event.level.value, event.parent))

    @on(FederationContactAppointed)
    def appointed(self, rows: Rows[FederationRow], event: FederationContactAppointed, at: Recorded) -> None:
        row = rows.get(event.code)
        row.contacts = [*row.contacts, str(event.member_id)]

    @on(FederationContactRelieved)
    def relieved(self, rows: Rows[FederationRow], event: FederationContactRelieved, at: Recorded) -> None:
        row = rows.get(event.code)
        row.contacts = [who for who in row.contacts if who != str(event.member_id)]
