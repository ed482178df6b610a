"""What the registry answers: to whom, and in clear to whom."""

import pytest

from shared.schemas.ids import HouseholdId, MemberId, UnionId, new_id
from shared.schemas.messages import Actor, Role
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    BankAccountAnswer,
    ConsentPurpose,
    ContactAnswer,
    EndMembership,
    EndOfMembership,
    FindMember,
    FindMembers,
    FindPatient,
    GiveConsent,
    GrantHonour,
    HonourLevel,
    IdentityAnswer,
    MemberAnswer,
    PatientAnswer,
    RecordBankAccount,
    RemoveBankAccount,
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
    WithdrawConsent,
)
from tests.services.registry.desk import (
    BANK,
    DONGYANG,
    HOSPITAL,
    NANXUN,
    OFFICER,
    OPERATOR,
    SYSTEM,
    Desk,
    number,
    oneself,
)

MASKED = ("李**", "3305**********" + number(900)[-4:], "138****0000", "l***@example.com", "**********1111")
CLEAR = ("李建国", number(900), "13800000000", "li@example.com", "62220200001111")


@pytest.fixture
async def li(desk: Desk) -> MemberId:
    """In a union of one's own, with everything that can be known of somebody."""
    union_id, employer_id = await desk.small_union()
    member_id = await desk.member(
        union_id, employer_id, id_number=number(900), phone="13800000000", email="li@example.com", post="电缆工"
    )
    account = RecordBankAccount(
        member_id=member_id, account=Personal("62220200001111"), bank=Personal("南浔银行练市支行")
    )
    await desk.send(account)
    return member_id


def personal(answer: MemberAnswer) -> tuple[str | None, ...]:
    fields = (answer.name, answer.id_number, answer.phone, answer.email, answer.account)
    return tuple(None if field is None else field.clear for field in fields)


async def test_members_see_themselves_in_clear_and_nobody_else(desk: Desk, li: MemberId) -> None:
    answer = await desk.ask(ShowMember(member_id=li), oneself(li))
    assert (personal(answer), answer.masked) == (CLEAR, False)
    other = oneself(MemberId(new_id()))
    assert await desk.refused(ShowMember(member_id=li), other) == "not_yours"
    assert await desk.refused(ShowMember(member_id=li, in_clear=True), other) == "not_yours"


@pytest.mark.parametrize("actor", [OFFICER, OPERATOR, SYSTEM], ids=lambda actor: actor.role.value)
async def test_staff_see_a_member_masked_unless_they_say_that_they_must_see(
    desk: Desk, li: MemberId, actor: Actor
) -> None:
    masked = await desk.ask(ShowMember(member_id=li), actor)
    assert (personal(masked), masked.masked) == (MASKED, True)
    assert (masked.bank.clear, masked.post) == ("南浔银行练市支行", "电缆工")
    seen = await desk.ask(ShowMember(member_id=li, in_clear=True), actor)
    assert personal(seen) == (CLEAR if actor is OFFICER else MASKED)


async def test_a_cadre_sees_members_of_their_own_union_in_clear(desk: Desk, li: MemberId) -> None:
    shown = await desk.shown(li)
    own = await desk.cadre(shown.union_id, shown.employer_id)
    other = await desk.cadre(*await desk.small_union())
    assert personal(await desk.shown(li, own)) == CLEAR
    assert personal(await desk.shown(li, other)) == MASKED


async def test_whoever_is_found_by_number_is_masked(desk: Desk, li: MemberId) -> None:
    for actor in (OFFICER, OPERATOR, SYSTEM):
        found = await desk.ask(FindMember(id_number=Personal(f"{number(900)} ")), actor)
        assert (found.member_id, personal(found)) == (li, MASKED)
    assert await desk.ask(FindMember(id_number=Personal(number(901)))) is None
    assert await desk.refused(FindMember(id_number=Personal(number(900))), oneself(li)) == "not_allowed"


async def test_the_lines_of_a_roster_are_found_without_showing_anybody(desk: Desk, li: MemberId) -> None:
    def sought(name: str, sequence: int) -> SoughtMember:
        return SoughtMember(name=Personal(name), id_number=Personal(number(sequence)))

    union_id, employer_id = await desk.small_union()
    gone = await desk.member(union_id, employer_id, name="王芳", id_number=number(902))
    await desk.send(EndMembership(member_id=gone, ground=EndOfMembership.RETIRED))
    listed = FindMembers(sought=(sought("王芳", 902), sought("陈生", 903), sought("李 建国", 900), sought("李建", 900)))
    for actor in (OFFICER, OPERATOR, SYSTEM):
        left, nobody, same, another = await desk.ask(listed, actor)
        assert (left.member_id, left.employer_id, left.active) == (gone, employer_id, False)
        assert nobody is None
        assert (same.member_id, same.same_name, same.active) == (li, True, True)
        assert (another.member_id, another.same_name) == (li, False)
    assert await desk.refused(listed, oneself(li)) == "not_allowed"
    assert await desk.elsewhere(DONGYANG).ask(listed) == (None,) * 4


async def test_contacts_are_for_the_systems_own_messages_in_the_order_asked(desk: Desk, li: MemberId) -> None:
    union_id, employer_id = await desk.small_union()
    wang = await desk.member(union_id, employer_id, name="王芳")
    asked = ShowContacts(member_ids=(wang, MemberId(new_id()), li))
    assert await desk.ask(asked, SYSTEM) == (
        ContactAnswer(member_id=wang, name=Personal("王芳"), phone=None, email=None),
        ContactAnswer(
            member_id=li,
            name=Personal("李建国"),
            phone=Personal("13800000000"),
            email=Personal("li@example.com"),
        ),
    )
    for actor in (OFFICER, OPERATOR, oneself(li)):
        assert await desk.refused(asked, actor) == "not_allowed"


async def test_the_account_to_pay_to_is_for_the_service_that_pays_with_the_instant_it_was_recorded(
    desk: Desk, li: MemberId
) -> None:
    asked = ShowBankAccount(member_id=li)
    answer: BankAccountAnswer = await desk.ask(asked, SYSTEM)
    assert answer == BankAccountAnswer(
        member_id=li,
        holder=Personal("李建国"),
        account=Personal("62220200001111"),
        bank=Personal("南浔银行练市支行"),
        recorded_at=answer.recorded_at,
    )
    await desk.send(RecordBankAccount(member_id=li, account=Personal("62220200002222")))
    later: BankAccountAnswer = await desk.ask(asked, SYSTEM)
    assert (later.account, later.bank, later.recorded_at > answer.recorded_at) == (
        Personal("62220200002222"),
        None,
        True,
    )
    await desk.send(RemoveBankAccount(member_id=li))
    assert await desk.ask(asked, SYSTEM) is None
    for actor in (OFFICER, BANK, oneself(li)):
        assert await desk.refused(asked, actor) == "not_allowed"


async def test_a_hospitals_patient_is_found_as_long_as_they_consent_to_that_hospital(desk: Desk, li: MemberId) -> None:
    asked = FindPatient(id_number=Personal(number(900)), hospital=HOSPITAL.id)
    assert await desk.ask(asked, SYSTEM) is None
    consent = GiveConsent(member_id=li, purpose=ConsentPurpose.SHARE_WITH_HOSPITAL, to=HOSPITAL.id, evidence="授权书")
    await desk.send(consent, oneself(li))
    assert await desk.ask(asked, SYSTEM) == PatientAnswer(member_id=li)
    assert await desk.ask(asked.model_copy(update={"hospital": "another"}), SYSTEM) is None
    assert await desk.ask(asked.model_copy(update={"id_number": Personal(number(901))}), SYSTEM) is None
    for actor in (OFFICER, HOSPITAL, oneself(li)):
        assert await desk.refused(asked, actor) == "not_allowed"
    await desk.send(WithdrawConsent(member_id=li, consent_id=consent.consent_id), oneself(li))
    assert await desk.ask(asked, SYSTEM) is None


@pytest.mark.parametrize(
    ("party", "purpose"),
    [(BANK, ConsentPurpose.SHARE_WITH_BANK), (HOSPITAL, ConsentPurpose.SHARE_WITH_HOSPITAL)],
    ids=["bank", "hospital"],
)
async def test_a_bank_or_hospital_sees_whoever_consented_as_long_as_they_do(
    desk: Desk, li: MemberId, party: Actor, purpose: ConsentPurpose
) -> None:
    asked = ShowIdentity(member_id=li)
    assert await desk.refused(asked, party) == "no_consent"
    for wrong_purpose, to in (
        (ConsentPurpose.ACT_ON_BEHALF, party.id),
        (purpose, "another"),
        (
            ConsentPurpose.SHARE_WITH_BANK if party is HOSPITAL else ConsentPurpose.SHARE_WITH_HOSPITAL,
            party.id,
        ),
    ):
        await desk.send(GiveConsent(member_id=li, purpose=wrong_purpose, to=to, evidence="档案"))
        assert await desk.refused(asked, party) == "no_consent"
    consent = GiveConsent(member_id=li, purpose=purpose, to=party.id, evidence="档案")
    await desk.send(consent, oneself(li))
    assert await desk.ask(asked, party) == IdentityAnswer(
        member_id=li,
        name=Personal("李建国"),
        id_number=Personal(number(900)),
        phone=Personal("13800000000"),
        account=Personal("62220200001111"),
        bank=Personal("南浔银行练市支行"),
    )
    assert await desk.refused(ShowIdentity(member_id=MemberId(new_id())), party) == "no_such_member"
    assert await desk.refused(asked, OFFICER) == "not_allowed"
    await desk.send(WithdrawConsent(member_id=li, consent_id=consent.consent_id), oneself(li))
    assert await desk.refused(asked, party) == "no_consent"


async def test_a_roster_goes_page_by_page_and_is_masked(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    ids = [await desk.member(union_id, employer_id, phone="13800000000") for _ in range(5)]
    left = ids.pop()
    await desk.send(EndMembership(member_id=left, ground=EndOfMembership.RESIGNED))
    await desk.send(GrantHonour(member_id=ids[0], title="南浔工匠", level=HonourLevel.DISTRICT))
    pages, beyond = [], None
    while True:
        page = await desk.ask(ShowRoster(union_id=union_id, beyond=beyond, limit=3))
        pages.append(page.members)
        beyond = page.next
        assert page.total == 4
        if beyond is None:
            break
    assert [len(page) for page in pages] == [3, 1]
    entries = [entry for page in pages for entry in page]
    assert [entry.member_id for entry in entries] == sorted(ids)
    assert {(e.name.clear, e.phone.clear) for e in entries} == {("李**", "138****0000")}
    assert {entry.member_id: entry.titles for entry in entries}[ids[0]] == ("南浔工匠",)


async def test_a_roster_is_for_the_unions_own_cadres_and_the_federation(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    own = await desk.cadre(union_id, employer_id)
    other = await desk.cadre(*await desk.small_union())
    asked = ShowRoster(union_id=union_id)
    for actor in (own, OFFICER, OPERATOR, SYSTEM):
        assert (await desk.ask(asked, actor)).total == 1
    assert await desk.refused(asked, other) == "not_yours"
    assert await desk.refused(asked, Actor(role=Role.MEMBER, id=own.id)) == "not_allowed"


async def test_organisations_are_open_to_all_who_ask_here(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    await desk.member(union_id, employer_id)
    for actor in (BANK, HOSPITAL, oneself(MemberId(new_id())), SYSTEM):
        assert (await desk.ask(ShowUnion(union_id=union_id), actor)).members == 1
        assert (await desk.ask(ShowEmployer(employer_id=employer_id), actor)).union_id == union_id
        federation = await desk.ask(ShowFederation(code=NANXUN), actor)
        assert (federation.unions, federation.members) == (1, 1)


async def test_what_is_not_there_is_refused_by_kind(desk: Desk, li: MemberId) -> None:
    nowhere = new_id()
    for query, code in (
        (ShowMember(member_id=MemberId(nowhere)), "no_such_member"),
        (ShowUnion(union_id=UnionId(nowhere)), "no_such_union"),
        (ShowRoster(union_id=UnionId(nowhere)), "no_such_union"),
        (ShowFederation(code="330799"), "no_such_federation"),
    ):
        assert await desk.refused(query) == code
    empty = await desk.ask(ShowHousehold(household_id=HouseholdId(nowhere)))
    assert empty.member_ids == ()
