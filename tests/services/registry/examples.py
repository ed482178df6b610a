"""One example of every command and query, about what one federation holds."""

from dataclasses import dataclass
from typing import Any

from shared.schemas import registry
from shared.schemas.ids import EmployerId, HouseholdId, MemberId, UnionId
from shared.schemas.language import commands_of, queries_of
from shared.schemas.messages import Command, Query
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    AdmitEmployer,
    AppointEmployerContact,
    AppointFederationContact,
    AppointUnionContact,
    ChangeContacts,
    ConsentPurpose,
    CorrectIdentity,
    DissolveUnion,
    EndMembership,
    EndOfMembership,
    EraseMember,
    ErasureGround,
    EstablishUnion,
    FederationLevel,
    FindEmployer,
    FindMember,
    FindMembers,
    FindPatient,
    GiveConsent,
    GrantHonour,
    HonourLevel,
    JoinHousehold,
    LeaveHousehold,
    MoveMember,
    RecordBankAccount,
    RecordTrade,
    RegisterEmployer,
    RegisterFederation,
    ReleaseEmployer,
    RelieveEmployerContact,
    RelieveFederationContact,
    RelieveUnionContact,
    RemoveBankAccount,
    RenameEmployer,
    RenameUnion,
    RevokeHonour,
    ShowBankAccount,
    ShowContacts,
    ShowEmployer,
    ShowFederation,
    ShowHousehold,
    ShowIdentity,
    ShowMember,
    ShowRoster,
    ShowUnion,
    SoughtMember,
    UnionKind,
    UnionPost,
    WithdrawConsent,
)
from shared.schemas.registry.values import ConsentId, HonourId
from tests.services.registry.desk import Desk, number

NUMBER, PHONE, NAME = number(900), "13812345678", "欧阳建国"


@dataclass(frozen=True)
class Holding:
    """What a federation holds: a joint union of two employers, and somebody of whom everything is known."""

    desk: Desk
    union_id: UnionId
    employer_id: EmployerId
    free_employer_id: EmployerId
    code: str
    member_id: MemberId
    household_id: HouseholdId
    honour_id: HonourId
    consent_id: ConsentId


async def holding(desk: Desk) -> Holding:
    union_id, employer_id = await desk.small_union()
    free = await desk.employer()
    member_id = await desk.member(union_id, employer_id, name=NAME, id_number=NUMBER, phone=PHONE)
    grant = GrantHonour(member_id=member_id, title="南浔工匠", level=HonourLevel.DISTRICT)
    consent = GiveConsent(
        member_id=member_id, purpose=ConsentPurpose.SHARE_WITH_BANK, to="nxbank", evidence="档案 2019-0132"
    )
    account = RecordBankAccount(member_id=member_id, account=Personal("62220200001111"))
    for command in (grant, consent, account):
        await desk.send(command)
    home = await desk.household_of(member_id)
    code = (await desk.ask(ShowEmployer(employer_id=employer_id))).credit_code
    return Holding(desk, union_id, employer_id, free, code, member_id, home, grant.honour_id, consent.consent_id)


def every_command(held: Holding) -> list[Command]:
    union, employer, free, member = held.union_id, held.employer_id, held.free_employer_id, held.member_id
    federation = held.desk.federation
    told = held.desk.somebody(union, employer)
    commands: list[Command] = [
        RegisterFederation(code="330799", name="总工会", level=FederationLevel.COUNTY, parent="330700"),
        AppointFederationContact(code=federation, member_id=member),
        RelieveFederationContact(code=federation, member_id=member),
        RegisterEmployer(name="电缆厂", credit_code=held.code),
        RenameEmployer(employer_id=employer, name="电缆厂"),
        AppointEmployerContact(employer_id=employer, member_id=member),
        RelieveEmployerContact(employer_id=employer, member_id=member),
        EstablishUnion(name="工会", kind=UnionKind.SINGLE, employer_ids=(free,)),
        RenameUnion(union_id=union, name="工会"),
        AdmitEmployer(union_id=union, employer_id=free),
        ReleaseEmployer(union_id=union, employer_id=employer),
        AppointUnionContact(union_id=union, member_id=member, post=UnionPost.CHAIR),
        RelieveUnionContact(union_id=union, member_id=member),
        DissolveUnion(union_id=union),
        told,
        held.desk.row(union, employer, id_number=NUMBER),
        CorrectIdentity(member_id=member, name=told.name, id_number=told.id_number),
        MoveMember(member_id=member, union_id=union, employer_id=employer),
        EndMembership(member_id=member, ground=EndOfMembership.RESIGNED),
        RecordTrade(member_id=member, skilled=True),
        JoinHousehold(member_id=member, household_id=held.household_id),
        LeaveHousehold(member_id=member),
        GrantHonour(member_id=member, title="劳动模范", level=HonourLevel.CITY),
        RevokeHonour(member_id=member, honour_id=held.honour_id, ground=Personal("材料不实")),
        ChangeContacts(member_id=member, phone=Personal("13900000000")),
        RecordBankAccount(member_id=member, account=Personal("62220200002222")),
        RemoveBankAccount(member_id=member),
        GiveConsent(member_id=member, purpose=ConsentPurpose.ACT_ON_BEHALF, to="zhou", evidence="档案"),
        WithdrawConsent(member_id=member, consent_id=held.consent_id),
        EraseMember(member_id=member, ground=ErasureGround.UNLAWFUL),
    ]
    assert {type(command) for command in commands} == set(commands_of(registry).values())
    return commands


def every_query(held: Holding) -> list[Query[Any]]:
    queries: list[Query[Any]] = [
        ShowMember(member_id=held.member_id, in_clear=True),
        FindMember(id_number=Personal(NUMBER)),
        FindMembers(sought=(SoughtMember(name=Personal("李建国"), id_number=Personal(NUMBER)),)),
        ShowContacts(member_ids=(held.member_id,)),
        ShowBankAccount(member_id=held.member_id),
        FindPatient(id_number=Personal(NUMBER), hospital="dyrmyy"),
        ShowIdentity(member_id=held.member_id),
        ShowHousehold(household_id=held.household_id),
        ShowRoster(union_id=held.union_id),
        ShowEmployer(employer_id=held.employer_id),
        FindEmployer(credit_code=held.code),
        ShowUnion(union_id=held.union_id),
        ShowFederation(code=held.desk.federation),
    ]
    assert {type(query) for query in queries} == set(queries_of(registry).values())
    return queries
