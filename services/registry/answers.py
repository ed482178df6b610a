"""What the registry answers, and to whom in clear."""

from typing import Any, Final

from services.registry.identity import (
    mask_account,
    mask_email,
    mask_id_number,
    mask_mobile,
    mask_name,
    read_credit_code,
    read_id_number,
    read_name,
)
from services.registry.refusals import (
    NO_CONSENT,
    NO_SUCH_EMPLOYER,
    NO_SUCH_FEDERATION,
    NO_SUCH_MEMBER,
    NO_SUCH_UNION,
    NOT_YOURS,
    ROLE_WORDS,
)
from services.registry.views import (
    LIVING,
    EmployerRow,
    Employers,
    Federations,
    MemberRow,
    Members,
    UnionRow,
    Unions,
)
from shared.runtime.envelope import BUSY
from shared.runtime.queries import Answers, Asked
from shared.schemas.ids import MemberId
from shared.schemas.messages import Federation, Query, Role
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    BankAccountAnswer,
    ConsentAnswer,
    ContactAnswer,
    EmployerAnswer,
    FederationAnswer,
    FindEmployer,
    FindMember,
    FindMembers,
    FindPatient,
    FoundMember,
    HonourAnswer,
    HouseholdAnswer,
    IdentityAnswer,
    MemberAnswer,
    PatientAnswer,
    RosterAnswer,
    RosterEntry,
    ShowBankAccount,
    ShowContacts,
    ShowEmployer,
    ShowFederation,
    ShowHousehold,
    ShowIdentity,
    ShowMember,
    ShowRoster,
    ShowUnion,
    UnionAnswer,
)
from shared.schemas.registry.values import ConsentPurpose

__all__ = ["ANSWERS"]

SHARED_WITH = {Role.BANK: ConsentPurpose.SHARE_WITH_BANK, Role.HOSPITAL: ConsentPurpose.SHARE_WITH_HOSPITAL}


async def show_member(query: ShowMember, asked: Asked) -> MemberAnswer:
    row = await _member(query.member_id, asked)
    own = asked.actor.role is Role.MEMBER
    if own and asked.actor.id != str(row.member_id):
        raise NOT_YOURS(role=ROLE_WORDS[asked.actor.role])
    in_clear = own or (query.in_clear and await _in_charge(row, asked))
    return _answer(row, asked, masked=not in_clear)


async def find_member(query: FindMember, asked: Asked) -> MemberAnswer | None:
    number = read_id_number(query.id_number.clear, asked.today).number
    rows = await asked.read_models.some(Members, "id_number = $1 and federation = $2", number, asked.federation)
    return _answer(rows[0], asked, masked=True) if rows else None


SETTLED: Final = 5.0
"""Seconds that a question waits for the members' read model to have what the log has."""


async def find_members(query: FindMembers, asked: Asked) -> tuple[FoundMember | None, ...]:
    """Refused where any of the numbers does not keep its standard, or any name is none. Whoever was registered before
    the question is found: of somebody who isn't, a roster would leave the line out."""
    if not await asked.read_models.caught_up(SETTLED):
        raise BUSY()
    sought = [
        (read_name(one.name.clear), read_id_number(one.id_number.clear, asked.today).number) for one in query.sought
    ]
    here, numbers = "id_number = any($1) and federation = $2", [number for _, number in sought]
    by_number = {row.id_number: row for row in await asked.read_models.some(Members, here, numbers, asked.federation)}
    return tuple(
        FoundMember(
            member_id=row.member_id,
            employer_id=row.employer_id,
            same_name=row.name == name,
            active=row.ended_on is None,
        )
        if (row := by_number.get(number)) is not None
        else None
        for name, number in sought
    )


async def show_contacts(query: ShowContacts, asked: Asked) -> tuple[ContactAnswer, ...]:
    here = "member_id = any($1) and federation = $2"
    rows = await asked.read_models.some(Members, here, list(query.member_ids), asked.federation)
    by_id = {row.member_id: row for row in rows}
    return tuple(
        ContactAnswer(
            member_id=row.member_id,
            name=_personal(row.name or None),
            phone=_personal(row.phone),
            email=_personal(row.email),
        )
        for member_id in query.member_ids
        if (row := by_id.get(member_id)) is not None
    )


async def show_bank_account(query: ShowBankAccount, asked: Asked) -> BankAccountAnswer | None:
    row = await _member(query.member_id, asked)
    if row.account is None or row.account_at is None:
        return None
    return BankAccountAnswer(
        member_id=row.member_id,
        holder=Personal(row.name),
        account=Personal(row.account),
        bank=_personal(row.bank),
        recorded_at=row.account_at,
    )


async def find_patient(query: FindPatient, asked: Asked) -> PatientAnswer | None:
    number = read_id_number(query.id_number.clear, asked.today).number
    here = "id_number = $1 and federation = $2 and not erased"
    rows = await asked.read_models.some(Members, here, number, asked.federation)
    if not rows or not _shares(rows[0], ConsentPurpose.SHARE_WITH_HOSPITAL, query.hospital, asked):
        return None
    return PatientAnswer(member_id=rows[0].member_id)


async def show_identity(query: ShowIdentity, asked: Asked) -> IdentityAnswer:
    row = await _member(query.member_id, asked)
    if row.erased or not _shares(row, SHARED_WITH[asked.actor.role], asked.actor.id, asked):
        raise NO_CONSENT()
    return IdentityAnswer(
        member_id=row.member_id,
        name=Personal(row.name),
        id_number=Personal(row.id_number),
        phone=_personal(row.phone),
        account=_personal(row.account),
        bank=_personal(row.bank),
    )


async def show_household(query: ShowHousehold, asked: Asked) -> HouseholdAnswer:
    rows = await asked.read_models.some(
        Members,
        "household_id = $1 and federation = $2 and not erased order by member_id",
        query.household_id,
        asked.federation,
    )
    if asked.actor.role is Role.MEMBER and asked.actor.id not in {str(row.member_id) for row in rows}:
        raise NOT_YOURS(role=ROLE_WORDS[asked.actor.role])
    return HouseholdAnswer(household_id=query.household_id, member_ids=tuple(row.member_id for row in rows))


async def show_roster(query: ShowRoster, asked: Asked) -> RosterAnswer:
    union = await _union(query.union_id, asked)
    if asked.actor.role is Role.CADRE and asked.actor.id not in {c["member_id"] for c in union.contacts}:
        raise NOT_YOURS(role=ROLE_WORDS[asked.actor.role])
    living = f"union_id = $1 and {LIVING}"
    total = await asked.read_models.count(Members, living, query.union_id)
    rows = await asked.read_models.some(
        Members,
        f"{living} and ($2::uuid is null or member_id > $2) order by member_id limit $3",
        query.union_id,
        query.beyond,
        query.limit + 1,
    )
    page = rows[: query.limit]
    return RosterAnswer(
        union_id=query.union_id,
        total=total,
        members=tuple(_entry(row, asked) for row in page),
        next=page[-1].member_id if len(rows) > query.limit else None,
    )


async def show_employer(query: ShowEmployer, asked: Asked) -> EmployerAnswer:
    row = await asked.read_models.one(Employers, query.employer_id)
    if row is None or row.federation != asked.federation:
        raise NO_SUCH_EMPLOYER()
    return _employer(row)


async def find_employer(query: FindEmployer, asked: Asked) -> EmployerAnswer | None:
    code = read_credit_code(query.credit_code).code
    rows = await asked.read_models.some(Employers, "credit_code = $1 and federation = $2", code, asked.federation)
    return _employer(rows[0]) if rows else None


async def show_union(query: ShowUnion, asked: Asked) -> UnionAnswer:
    row = await _union(query.union_id, asked)
    employers = await asked.read_models.some(Employers, "union_id = $1 order by employer_id", query.union_id)
    return UnionAnswer.model_validate(
        {
            "union_id": row.union_id,
            "federation": row.federation,
            "name": row.name,
            "kind": row.kind,
            "credit_code": row.credit_code,
            "employer_ids": tuple(employer.employer_id for employer in employers),
            "contacts": row.contacts,
            "members": await asked.read_models.count(Members, f"union_id = $1 and {LIVING}", query.union_id),
            "dissolved_on": row.dissolved_on,
        }
    )


async def show_federation(query: ShowFederation, asked: Asked) -> FederationAnswer:
    row = await asked.read_models.one(Federations, query.code)
    if row is None or not await _is_related(query.code, asked):
        raise NO_SUCH_FEDERATION(code=query.code)
    children = await asked.read_models.some(Federations, "parent = $1 order by code", query.code)
    return FederationAnswer.model_validate(
        {
            "code": row.code,
            "name": row.name,
            "level": row.level,
            "parent": row.parent,
            "children": tuple(child.code for child in children),
            "contacts": row.contacts,
            "unions": await asked.read_models.count(Unions, "federation = $1 and dissolved_on is null", query.code),
            "members": await asked.read_models.count(Members, f"federation = $1 and {LIVING}", query.code),
        }
    )


async def _is_related(code: Federation, asked: Asked) -> bool:
    """Whether a federation is the asker's own, one above or one below; the operator, who enters them, sees all."""
    if asked.actor.role is Role.OPERATOR:
        return True
    return asked.federation in await _upwards(code, asked) or code in await _upwards(asked.federation, asked)


async def _upwards(code: Federation | None, asked: Asked) -> list[Federation]:
    """A federation and those above it."""
    line = []
    while code is not None and (row := await asked.read_models.one(Federations, code)) is not None:
        line.append(row.code)
        code = row.parent
    return line


async def _member(member_id: MemberId, asked: Asked) -> MemberRow:
    """A member of the federation that is asked."""
    row = await asked.read_models.one(Members, member_id)
    if row is None or row.federation != asked.federation:
        raise NO_SUCH_MEMBER()
    return row


async def _union(union_id: Any, asked: Asked) -> UnionRow:
    row = await asked.read_models.one(Unions, union_id)
    if row is None or row.federation != asked.federation:
        raise NO_SUCH_UNION()
    return row


async def _in_charge(row: MemberRow, asked: Asked) -> bool:
    """Whether the asker is an officer of the member's federation, or a cadre of their union."""
    if asked.actor.role is Role.OFFICER:
        return True
    if asked.actor.role is not Role.CADRE:
        return False
    union = await _union(row.union_id, asked)
    return asked.actor.id in {contact["member_id"] for contact in union.contacts}


def _answer(row: MemberRow, asked: Asked, *, masked: bool) -> MemberAnswer:
    def shown(value: str | None, mask: Any) -> Personal[str] | None:
        return None if value is None else Personal(mask(value) if masked and value else value)

    return MemberAnswer.model_validate(
        {
            "member_id": row.member_id,
            "household_id": row.household_id,
            "union_id": row.union_id,
            "employer_id": row.employer_id,
            "masked": masked,
            "name": Personal.erased() if row.erased else shown(row.name, mask_name),
            "id_number": Personal.erased() if row.erased else shown(row.id_number, mask_id_number),
            "phone": shown(row.phone, mask_mobile),
            "email": shown(row.email, mask_email),
            "account": shown(row.account, mask_account),
            "bank": _personal(row.bank),
            "post": row.post,
            "trade": row.trade,
            "skill_level": row.skill_level,
            "skilled": row.skilled,
            "joined_on": row.joined_on,
            "ended_on": row.ended_on,
            "honours": _honours_in_force(row, asked),
            "consents": _consents_in_force(row, asked),
            "erased": row.erased,
        }
    )


def _entry(row: MemberRow, asked: Asked) -> RosterEntry:
    return RosterEntry(
        member_id=row.member_id,
        employer_id=row.employer_id,
        name=Personal(mask_name(row.name)),
        id_number=Personal(mask_id_number(row.id_number)),
        phone=None if row.phone is None else Personal(mask_mobile(row.phone)),
        post=row.post,
        skilled=row.skilled,
        titles=tuple(honour.title for honour in _honours_in_force(row, asked)),
        joined_on=row.joined_on,
    )


def _honours_in_force(row: MemberRow, asked: Asked) -> tuple[HonourAnswer, ...]:
    honours = (HonourAnswer.model_validate(honour) for honour in row.honours)
    return tuple(honour for honour in honours if honour.until is None or honour.until >= asked.today)


def _consents_in_force(row: MemberRow, asked: Asked) -> tuple[ConsentAnswer, ...]:
    consents = (ConsentAnswer.model_validate(consent) for consent in row.consents)
    return tuple(consent for consent in consents if consent.until is None or consent.until >= asked.today)


def _shares(row: MemberRow, purpose: ConsentPurpose, party: str, asked: Asked) -> bool:
    return any(consent.purpose is purpose and consent.to == party for consent in _consents_in_force(row, asked))


def _employer(row: EmployerRow) -> EmployerAnswer:
    return EmployerAnswer.model_validate(
        {
            "employer_id": row.employer_id,
            "name": row.name,
            "credit_code": row.credit_code,
            "union_id": row.union_id,
            "contacts": row.contacts,
        }
    )


def _personal(value: str | None) -> Personal[str] | None:
    return None if value is None else Personal(value)


ANSWERS: dict[type[Query[Any]], Answers] = {
    ShowMember: show_member,
    FindMember: find_member,
    FindMembers: find_members,
    ShowContacts: show_contacts,
    ShowBankAccount: show_bank_account,
    FindPatient: find_patient,
    ShowIdentity: show_identity,
    ShowHousehold: show_household,
    ShowRoster: show_roster,
    ShowEmployer: show_employer,
    FindEmployer: find_employer,
    ShowUnion: show_union,
    ShowFederation: show_federation,
}
