"""Members entered and changed through the service, by those who may."""

from datetime import timedelta
from typing import Any

import pytest

from shared.schemas.ids import EmployerId, HouseholdId, MemberId, UnionId, new_id
from shared.schemas.messages import Actor, Command
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    ChangeContacts,
    ConsentId,
    ConsentPurpose,
    CorrectIdentity,
    EndMembership,
    EndOfMembership,
    EnterRosterRow,
    FindMember,
    GiveConsent,
    GrantHonour,
    HonourId,
    HonourLevel,
    JoinHousehold,
    LeaveHousehold,
    MoveMember,
    RecordBankAccount,
    RecordTrade,
    RegisterMember,
    RemoveBankAccount,
    RevokeHonour,
    ShowHousehold,
    ShowRoster,
    WithdrawConsent,
)
from tests.services.registry.desk import OFFICER, OPERATOR, SYSTEM, Desk, kinds, number, oneself

# Registration, and the number that is one member's


async def test_a_member_is_registered_and_found_by_number(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    command = desk.somebody(union_id, employer_id, name="李 建国", phone="+86 138 0000 0000", post="电缆工")
    accepted = await desk.send(command)
    assert accepted.stream == f"member-{command.member_id}"
    found = await desk.ask(FindMember(id_number=command.id_number))
    assert (found.member_id, found.household_id) == (command.member_id, command.household_id)
    shown = await desk.shown(command.member_id)
    assert (shown.name.clear, shown.phone and shown.phone.clear, shown.post) == ("李建国", "13800000000", "电缆工")


async def test_a_number_is_one_members(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    await desk.member(union_id, employer_id, id_number=number(900))
    again = desk.somebody(union_id, employer_id, id_number=f" {number(900)} ")
    assert await desk.refused(again) == "identity_taken"


async def test_a_number_put_right_leaves_the_old_one_free(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    li = await desk.member(union_id, employer_id, id_number=number(900))
    wang = await desk.member(union_id, employer_id, id_number=number(901))

    def corrected(member_id: MemberId, to: str) -> CorrectIdentity:
        return CorrectIdentity(member_id=member_id, name=Personal("李建"), id_number=Personal(to))

    assert await desk.refused(corrected(li, number(901))) == "identity_taken"
    accepted = await desk.send(corrected(li, number(902)))
    assert accepted.stream == f"member-{li}"
    assert (await desk.shown(li)).id_number.clear == number(902)
    assert (await desk.ask(FindMember(id_number=Personal(number(900))))) is None
    await desk.send(corrected(wang, number(900)))
    await desk.member(union_id, employer_id, id_number=number(901))
    await desk.send(corrected(li, number(902)))  # the name alone
    assert (await desk.shown(li)).name.clear == "李建"


async def test_a_member_belongs_where_their_employer_does(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    other, others_employer = await desk.small_union()
    member_id = await desk.member(union_id, employer_id)
    for command in (
        desk.somebody(union_id, others_employer),
        desk.row(union_id, EmployerId(new_id())),
        MoveMember(member_id=member_id, union_id=other, employer_id=employer_id),
    ):
        assert await desk.refused(command) == "employer_not_covered"
    assert await desk.refused(desk.somebody(UnionId(new_id()), employer_id)) == "no_such_union"
    known = desk.somebody(union_id, employer_id, member_id=member_id)
    assert await desk.refused(known) == "member_exists"


async def test_a_wrong_number_is_refused_by_its_standard_and_never_repeated(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    wrong = number(900)[:-1] + ("1" if number(900)[-1] != "1" else "2")
    for command in (
        desk.somebody(union_id, employer_id, id_number=wrong),
        desk.row(union_id, employer_id, id_number=wrong),
        FindMember(id_number=Personal(wrong)),
    ):
        refusal = await desk.refusal(command)
        assert (refusal.code, refusal.clause) == ("id_number_check", "GB 11643")
        assert wrong not in refusal.model_dump_json()


# Moving, leaving, coming back


async def test_the_union_that_takes_a_member_in_asks_for_it(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    other, others_employer = await desk.small_union()
    own, others = await desk.cadre(union_id, employer_id), await desk.cadre(other, others_employer)
    member_id = await desk.member(union_id, employer_id)
    move = MoveMember(member_id=member_id, union_id=other, employer_id=others_employer, post="焊工")
    assert await desk.refused(move, own) == "not_yours"
    assert await desk.refused(move, oneself(member_id)) == "not_allowed"
    assert (await desk.send(move, others)).changed
    assert not (await desk.send(move, others)).changed
    shown = await desk.shown(member_id, others)
    assert (shown.union_id, shown.employer_id, shown.post, shown.masked) == (other, others_employer, "焊工", False)
    assert (await desk.shown(member_id, own)).masked


async def test_whoever_left_is_not_on_the_roster_until_they_are_taken_in_again(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    member_id = await desk.member(union_id, employer_id)
    await desk.send(EndMembership(member_id=member_id, ground=EndOfMembership.RESIGNED))
    assert (await desk.ask(ShowRoster(union_id=union_id))).total == 0
    assert (await desk.shown(member_id)).ended_on is not None
    grant = GrantHonour(member_id=member_id, title="南浔工匠", level=HonourLevel.DISTRICT)
    assert await desk.refused(grant) == "membership_ended"
    await desk.send(MoveMember(member_id=member_id, union_id=union_id, employer_id=employer_id))
    assert (await desk.ask(ShowRoster(union_id=union_id))).total == 1
    await desk.send(grant)


# Households


async def test_a_household_is_joined_and_left(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    li, wang = await desk.member(union_id, employer_id), await desk.member(union_id, employer_id)
    home, wangs = await desk.household_of(li), await desk.household_of(wang)
    assert home != wangs
    assert (await desk.send(JoinHousehold(member_id=wang, household_id=home))).changed
    assert not (await desk.send(JoinHousehold(member_id=wang, household_id=home))).changed
    together = await desk.ask(ShowHousehold(household_id=home), oneself(wang))
    assert together.member_ids == tuple(sorted((li, wang)))
    assert (await desk.ask(ShowHousehold(household_id=wangs))).member_ids == ()
    leaves = LeaveHousehold(member_id=wang)
    await desk.send(leaves)
    assert await desk.household_of(wang) == leaves.household_id
    assert (await desk.ask(ShowHousehold(household_id=home))).member_ids == (li,)
    assert await desk.refused(ShowHousehold(household_id=home), oneself(wang)) == "not_yours"


async def test_a_household_is_joined_right_after_it_began(desk: Desk) -> None:
    """The command does not wait for the read model that its sender did not ask."""
    union_id, employer_id = await desk.small_union()
    li, wang = (desk.somebody(union_id, employer_id) for _ in range(2))
    await desk.send(wang)
    await desk.send(li)
    assert (await desk.send(JoinHousehold(member_id=wang.member_id, household_id=li.household_id))).changed


async def test_nobody_lives_with_others_but_by_joining_them(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    li, wang = await desk.member(union_id, employer_id), await desk.member(union_id, employer_id)
    home = await desk.household_of(li)
    for command in (
        desk.somebody(union_id, employer_id, household_id=home),
        LeaveHousehold(member_id=wang, household_id=home),
    ):
        assert await desk.refused(command) == "household_exists"
    nowhere = JoinHousehold(member_id=wang, household_id=HouseholdId(new_id()))
    assert await desk.refused(nowhere) == "no_such_household"


async def test_somebody_new_on_a_roster_joins_a_household_that_is_there(desk: Desk) -> None:
    """Right after it began, too."""
    union_id, employer_id = await desk.small_union()
    li = desk.row(union_id, employer_id)
    await desk.send(li)
    wang = desk.row(union_id, employer_id, household_id=li.household_id)
    await desk.send(wang)
    assert await desk.kinds(f"member-{wang.member_id}") == ["MemberRegistered", "HouseholdJoined"]
    together = await desk.ask(ShowHousehold(household_id=li.household_id))
    assert together.member_ids == tuple(sorted((li.member_id, wang.member_id)))


# Who may


def on_a_member(member_id: MemberId) -> list[Command]:
    return [
        CorrectIdentity(member_id=member_id, name=Personal("李建"), id_number=Personal(number(950))),
        RecordTrade(member_id=member_id, trade="电工", skilled=True),
        LeaveHousehold(member_id=member_id),
        ChangeContacts(member_id=member_id, phone=Personal("13900000000")),
        RecordBankAccount(member_id=member_id, account=Personal("62220200001111")),
        GiveConsent(
            member_id=member_id,
            consent_id=ConsentId(member_id),
            purpose=ConsentPurpose.SHARE_WITH_BANK,
            to="nxbank",
            evidence="档案",
        ),
        RemoveBankAccount(member_id=member_id),
        WithdrawConsent(member_id=member_id, consent_id=ConsentId(member_id)),
        EndMembership(member_id=member_id, ground=EndOfMembership.RESIGNED),
    ]


BY_MEMBERS = (ChangeContacts, RecordBankAccount, RemoveBankAccount, GiveConsent, WithdrawConsent)
NOT_BY_OPERATORS = (GiveConsent, WithdrawConsent)


async def test_a_cadre_acts_for_members_of_their_own_union(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    other, others_employer = await desk.small_union()
    own, others = await desk.cadre(union_id, employer_id), await desk.cadre(other, others_employer)
    member_id = await desk.member(union_id, employer_id)
    for command in on_a_member(member_id):
        assert await desk.refused(command, others) == "not_yours", type(command).__name__
    for command in on_a_member(member_id):
        assert (await desk.send(command, own)).stream == f"member-{member_id}"


async def test_members_act_for_themselves_in_what_is_theirs(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    li, wang = await desk.member(union_id, employer_id), await desk.member(union_id, employer_id)
    for command in on_a_member(li):
        if isinstance(command, BY_MEMBERS):
            assert await desk.refused(command, oneself(wang)) == "not_yours"
            assert (await desk.send(command, oneself(li))).changed
        else:
            assert await desk.refused(command, oneself(li)) == "not_allowed"


@pytest.mark.parametrize("actor", [OFFICER, OPERATOR], ids=lambda actor: actor.role.value)
async def test_officers_and_the_operator_act_for_anybody_here(desk: Desk, actor: Actor) -> None:
    union_id, employer_id = await desk.small_union()
    member_id = await desk.member(union_id, employer_id)
    if actor is OPERATOR:
        for command in on_a_member(member_id):
            if isinstance(command, NOT_BY_OPERATORS):
                assert await desk.refused(command, actor) == "not_allowed"
    for command in on_a_member(member_id):
        if actor is OFFICER or not isinstance(command, NOT_BY_OPERATORS):
            assert (await desk.send(command, actor)).changed


async def test_titles_are_the_federations_to_grant_and_take_back(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    own, member_id = await desk.cadre(union_id, employer_id), await desk.member(union_id, employer_id)
    honour_id = HonourId(new_id())
    grant = GrantHonour(member_id=member_id, honour_id=honour_id, title="南浔工匠", level=HonourLevel.DISTRICT)
    revoke = RevokeHonour(member_id=member_id, honour_id=honour_id, ground=Personal("材料不实"))
    for command in (grant, revoke):
        for actor in (own, oneself(member_id)):
            assert await desk.refused(command, actor) == "not_allowed"
    await desk.send(grant, SYSTEM)
    assert [honour.title for honour in (await desk.shown(member_id)).honours] == ["南浔工匠"]
    await desk.send(revoke, SYSTEM)
    assert (await desk.shown(member_id)).honours == ()


async def test_titles_and_consents_are_shown_to_their_last_day(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    member_id = await desk.member(union_id, employer_id)
    today = (desk.registry.clock.now() + timedelta(hours=8)).date()
    until = today + timedelta(days=30)
    await desk.send(GrantHonour(member_id=member_id, title="南浔工匠", level=HonourLevel.DISTRICT, until=until))
    await desk.send(
        GiveConsent(
            member_id=member_id,
            purpose=ConsentPurpose.SHARE_WITH_BANK,
            to="nxbank",
            evidence="档案",
            until=until,
        )
    )
    desk.registry.clock.move(timedelta(days=30))
    shown = await desk.shown(member_id)
    assert (len(shown.honours), len(shown.consents)) == (1, 1)
    desk.registry.clock.move(timedelta(days=31))
    shown = await desk.shown(member_id)
    assert (shown.honours, shown.consents) == ((), ())


# Rosters


async def test_a_row_of_a_roster_enters_somebody_new_and_then_changes_nothing(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    own = await desk.cadre(union_id, employer_id)
    told: dict[str, Any] = {
        "id_number": number(900),
        "phone": "138 0000 0000",
        "trade": "电工",
        "skilled": True,
        "account": "62220200001111",
        "bank": "湖州银行",
    }
    first = desk.row(union_id, employer_id, **told)
    accepted = await desk.send(first, own)
    assert (accepted.stream, accepted.changed) == (f"member-{first.member_id}", True)
    stream = f"member-{first.member_id}"
    assert await desk.kinds(stream) == ["MemberRegistered", "TradeRecorded", "BankAccountRecorded"]
    head = await desk.registry.store.head()
    again = await desk.send(desk.row(union_id, employer_id, **told), own)
    assert (again.stream, again.changed, again.version) == (stream, False, 3)
    assert await desk.registry.store.head() == head


async def test_a_row_changes_what_differs(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    first = desk.row(union_id, employer_id, id_number=number(900), phone="13800000000", email="li@example.com")
    await desk.send(first)
    changed = await desk.send(desk.row(union_id, employer_id, id_number=number(900), name="李建", phone="13900000000"))
    assert (changed.stream, changed.changed) == (f"member-{first.member_id}", True)
    shown = await desk.shown(first.member_id)
    assert (shown.name.clear, shown.phone and shown.phone.clear) == ("李建", "13900000000")
    assert (shown.email and shown.email.clear) == "li@example.com"


async def test_a_row_sent_again_at_once_sees_what_the_one_before_it_did(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    for phone in ("13900000001", "13900000002", "13900000003", "13900000003"):
        last = await desk.send(desk.row(union_id, employer_id, id_number=number(900), phone=phone))
    assert (last.version, last.changed) == (3, False)


async def test_another_unions_roster_takes_the_member_there_under_the_same_name_alone(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    other, others_employer = await desk.small_union()
    own, others = await desk.cadre(union_id, employer_id), await desk.cadre(other, others_employer)
    member_id = await desk.member(union_id, employer_id, id_number=number(900))

    def row(name: str) -> EnterRosterRow:
        return desk.row(other, others_employer, id_number=number(900), name=name)

    assert await desk.refused(row("李建国"), own) == "not_yours"
    assert await desk.refused(row("张三丰"), others) == "name_differs"
    assert (await desk.send(row("李建国"), others)).stream == f"member-{member_id}"
    assert (await desk.shown(member_id)).union_id == other


@pytest.mark.parametrize("of", ["member", "officer"])
async def test_a_command_of_the_same_id_is_carried_out_once(desk: Desk, of: str) -> None:
    union_id, employer_id = await desk.small_union()
    member_id = await desk.member(union_id, employer_id)
    actor = oneself(member_id) if of == "member" else Actor.parse("officer:zhou")
    same, command = new_id(), ChangeContacts(member_id=member_id, phone=Personal("13900000000"))
    first = await desk.send(command, actor, same)
    again = await desk.send(command, actor, same)
    assert (first.duplicate, again.duplicate, again.version) == (False, True, first.version)
    assert kinds(await desk.opened(member_id)) == ["MemberRegistered", "ContactsChanged"]


async def test_a_registration_says_whose_household_begins(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    command = desk.somebody(union_id, employer_id)
    assert isinstance(command, RegisterMember)
    await desk.send(command)
    assert await desk.household_of(command.member_id) == command.household_id
