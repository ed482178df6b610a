"""What commands about one member lead to, and on what grounds they are refused."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.domain.deciding import decide
from services.registry.domain.member import identity, member
from shared.eventsourcing.specification import Specification
from shared.schemas.ids import MemberId
from shared.schemas.messages import Command, Event
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    BankAccountRemoved,
    ChangeContacts,
    ConsentPurpose,
    ConsentWithdrawn,
    ContactsChanged,
    CorrectIdentity,
    EndMembership,
    EndOfMembership,
    EraseMember,
    ErasureGround,
    GiveConsent,
    GrantHonour,
    HonourLevel,
    HonourRevoked,
    HouseholdJoined,
    HouseholdLeft,
    IdentityCorrected,
    IdentityReleased,
    IdentityTaken,
    JoinHousehold,
    LeaveHousehold,
    MemberMoved,
    MoveMember,
    RecordBankAccount,
    RecordTrade,
    RegisterMember,
    RemoveBankAccount,
    RevokeHonour,
    SkillLevel,
    WithdrawConsent,
)
from tests.services.registry.desk import number
from tests.services.registry.histories import (
    CABLE,
    CONSENT,
    FACTS,
    HOME,
    HONOUR,
    LI,
    MILL,
    NUMBER,
    OTHER_HOME,
    SHOP,
    TODAY,
    TOMORROW,
    WANG,
    WORKS,
    YESTERDAY,
    banked,
    consented,
    ended,
    erased,
    honoured,
    registered,
    traded,
)

li = Specification(member.fold, decide, FACTS)


def register(**said: Any) -> RegisterMember:
    personal = {"name", "id_number", "phone", "email"}
    told = {"name": "李建国", "id_number": NUMBER, "phone": "13800000000", "post": "电缆工", **said}
    return RegisterMember(
        member_id=LI,
        household_id=HOME,
        union_id=CABLE,
        employer_id=WORKS,
        **{k: Personal(v) if k in personal and v is not None else v for k, v in told.items()},
    )


def grant(until: date | None = None, on: date | None = YESTERDAY) -> GrantHonour:
    return GrantHonour(
        member_id=LI,
        honour_id=HONOUR,
        title="南浔工匠",
        level=HonourLevel.DISTRICT,
        awarded_by="南浔区总工会",
        on=on,
        until=until,
    )


def consent(until: date | None = None, on: date | None = YESTERDAY) -> GiveConsent:
    return GiveConsent(
        member_id=LI,
        consent_id=CONSENT,
        purpose=ConsentPurpose.SHARE_WITH_BANK,
        to="nxbank",
        evidence="档案 2019-0132",
        on=on,
        until=until,
    )


def end(on: date | None = YESTERDAY) -> EndMembership:
    return EndMembership(member_id=LI, ground=EndOfMembership.RESIGNED, on=on)


def move(**said: Any) -> MoveMember:
    return MoveMember(**{"member_id": LI, "union_id": MILL, "employer_id": SHOP, "post": "织布工"} | said)


def revoke() -> RevokeHonour:
    return RevokeHonour(member_id=LI, honour_id=HONOUR, ground=Personal("材料不实"), on=TODAY)


def withdraw() -> WithdrawConsent:
    return WithdrawConsent(member_id=LI, consent_id=CONSENT)


def erase() -> EraseMember:
    return EraseMember(member_id=LI, ground=ErasureGround.CONSENT_WITHDRAWN)


def contacts() -> ChangeContacts:
    return ChangeContacts(member_id=LI, phone=Personal("+86 139-0000-0000"))


def correct() -> CorrectIdentity:
    return CorrectIdentity(member_id=LI, name=Personal("李建"), id_number=Personal(number(9)))


def trade() -> RecordTrade:
    return RecordTrade(member_id=LI, trade="电工", skill_level=SkillLevel.SENIOR, skilled=True)


def account() -> RecordBankAccount:
    return RecordBankAccount(member_id=LI, account=Personal("6222 0200 0011 11"), bank=Personal("南浔银行练市支行"))


# Registration


def test_somebody_is_registered_with_today_as_the_day_where_none_is_said() -> None:
    li.given().when(register()).then(registered())


def test_names_and_numbers_are_kept_in_their_normal_form() -> None:
    written = register(name="李 建国", id_number=f" {NUMBER} ".replace("1", "１"), phone="+86 138-0000-0000")
    li.given().when(written).then(registered())


def test_a_skilled_trade_follows_the_registration() -> None:
    skilled = register(trade="电工", skill_level=SkillLevel.SENIOR, skilled=True)
    li.given().when(skilled).then(registered(), traded())


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"name": "李"}, "name_malformed"),
        ({"id_number": NUMBER[:-1]}, "id_number_length"),
        ({"id_number": NUMBER[:-1] + ("0" if NUMBER[-1] != "0" else "1")}, "id_number_check"),
        ({"phone": "0572-3912345"}, "mobile_landline"),
        ({"email": "li at example.com"}, "email_malformed"),
        ({"joined_on": TOMORROW}, "in_the_future"),
    ],
)
def test_what_cannot_be_is_refused(said: dict[str, Any], code: str) -> None:
    refusal = li.given().when(register(**said)).refused(code)
    assert NUMBER not in str(refusal)


def test_an_id_belongs_to_one_member_for_ever() -> None:
    li.given(registered()).when(register()).refused("member_exists")
    li.given(registered(), erased()).when(register()).refused("member_exists")


# Identity, work and trade


def test_name_and_number_are_put_right_together() -> None:
    corrected = IdentityCorrected(member_id=LI, name=Personal("李建"), id_number=Personal(number(9)))
    li.given(registered()).when(correct()).then(corrected)


def moved() -> MemberMoved:
    return MemberMoved(
        member_id=LI,
        union_id=MILL,
        employer_id=SHOP,
        post="织布工",
        from_union_id=CABLE,
        from_employer_id=WORKS,
        on=TODAY,
    )


def test_a_member_moves_to_another_union() -> None:
    li.given(registered()).when(move()).then(moved())


def test_a_move_to_where_the_member_is_changes_nothing() -> None:
    li.given(registered(), moved()).when(move()).nothing()


def test_a_move_takes_in_again_whoever_had_left() -> None:
    back = MoveMember(member_id=LI, union_id=CABLE, employer_id=WORKS, post="电缆工")
    again = MemberMoved(
        member_id=LI,
        union_id=CABLE,
        employer_id=WORKS,
        post="电缆工",
        from_union_id=CABLE,
        from_employer_id=WORKS,
        on=TODAY,
    )
    li.given(registered(), ended()).when(back).then(again)
    li.given(registered(), ended(), again).when(trade()).then(traded())


def test_membership_ends_once() -> None:
    li.given(registered()).when(end()).then(ended())
    li.given(registered(), ended()).when(end()).refused("membership_ended", "会员登记 第2条")


def test_a_trade_is_recorded_where_it_differs() -> None:
    li.given(registered()).when(trade()).then(traded())
    li.given(registered(), traded()).when(trade()).nothing()


# Households


def test_a_member_joins_the_household_of_others_and_leaves_it() -> None:
    joins = JoinHousehold(member_id=LI, household_id=OTHER_HOME)
    joined = HouseholdJoined(member_id=LI, household_id=OTHER_HOME, from_household_id=HOME, on=TODAY)
    li.given(registered()).when(joins).then(joined)
    li.given(registered(), joined).when(joins).nothing()
    leaves = LeaveHousehold(member_id=LI, household_id=HOME, on=TODAY)
    left = HouseholdLeft(member_id=LI, household_id=HOME, from_household_id=OTHER_HOME, on=TODAY)
    li.given(registered(), joined).when(leaves).then(left)
    li.given(registered(), joined, left).when(leaves).nothing()


# Honours


def test_a_title_is_granted_and_taken_back_by_its_id() -> None:
    li.given(registered()).when(grant()).then(honoured())
    li.given(registered(), honoured()).when(grant()).refused("honour_exists")
    revoked = HonourRevoked(
        member_id=LI,
        honour_id=HONOUR,
        title="南浔工匠",
        level=HonourLevel.DISTRICT,
        ground=Personal("材料不实"),
        on=TODAY,
    )
    li.given(registered(), honoured()).when(revoke()).then(revoked)
    li.given(registered(), honoured(), revoked).when(revoke()).refused("no_such_honour")


def test_a_title_does_not_end_before_it_begins() -> None:
    li.given(registered()).when(grant(until=YESTERDAY)).then(honoured(until=YESTERDAY))
    li.given(registered()).when(grant(until=YESTERDAY, on=TODAY)).refused("honour_ends_before")


# Contacts and bank account


def test_contacts_are_those_that_were_stated_last() -> None:
    changed = ContactsChanged(member_id=LI, phone=Personal("13900000000"), email=None)
    li.given(registered()).when(contacts()).then(changed)


def test_an_account_is_recorded_and_taken_off_again() -> None:
    li.given(registered()).when(account()).then(banked())
    remove, removed = RemoveBankAccount(member_id=LI), BankAccountRemoved(member_id=LI)
    li.given(registered(), banked()).when(remove).then(removed)
    li.given(registered(), banked(), removed).when(remove).refused("no_account")
    li.given(registered()).when(remove).refused("no_account")


def test_an_account_that_is_none_is_refused_without_repeating_it() -> None:
    wrong = RecordBankAccount(member_id=LI, account=Personal("6222-abc"))
    assert "6222" not in str(li.given(registered()).when(wrong).refused("account_malformed"))


# Consents and erasure


def test_a_consent_is_given_and_withdrawn_by_its_id() -> None:
    li.given(registered()).when(consent()).then(consented())
    li.given(registered(), consented()).when(consent()).refused("consent_exists")
    withdrawn = ConsentWithdrawn(
        member_id=LI,
        consent_id=CONSENT,
        purpose=ConsentPurpose.SHARE_WITH_BANK,
        to="nxbank",
        evidence=None,
        on=TODAY,
    )
    li.given(registered(), consented()).when(withdraw()).then(withdrawn)
    li.given(registered(), consented(), withdrawn).when(withdraw()).refused("no_such_consent")


def test_a_consent_does_not_end_before_it_begins() -> None:
    li.given(registered()).when(consent(until=YESTERDAY, on=TODAY)).refused("consent_ends_before")


def test_an_erasure_is_for_good() -> None:
    li.given(registered()).when(erase()).then(erased())
    li.given(registered(), ended()).when(erase()).then(erased())
    li.given(registered(), erased()).when(erase()).refused("member_erased", "个人信息保护法 第47条")


# Of everything that is asked of a member

EVERYTHING: list[Callable[[], Command]] = [
    *(correct, move, end, trade, grant, revoke, contacts, account, consent, withdraw, erase),
    lambda: RemoveBankAccount(member_id=LI),
    lambda: JoinHousehold(member_id=LI, household_id=OTHER_HOME),
    lambda: LeaveHousehold(member_id=LI),
]


@pytest.mark.parametrize("command", EVERYTHING, ids=lambda make: type(make()).__name__)
def test_of_nobody_nothing_can_be_changed(command: Callable[[], Command]) -> None:
    li.given().when(command()).refused("no_such_member")


@pytest.mark.parametrize("command", EVERYTHING, ids=lambda make: type(make()).__name__)
def test_of_an_erased_person_nothing_can_be_changed(command: Callable[[], Command]) -> None:
    li.given(registered(), erased()).when(command()).refused("member_erased")


@pytest.mark.parametrize("command", EVERYTHING, ids=lambda make: type(make()).__name__)
def test_who_is_no_longer_a_member_keeps_the_rights_over_their_data(command: Callable[[], Command]) -> None:
    former = li.given(registered(), banked(), honoured(), consented(on=TODAY), ended())
    outcome = former.when(command())
    if type(command()) in (EndMembership, RecordTrade, GrantHonour):
        outcome.refused("membership_ended")
    elif type(command()) is GiveConsent:
        outcome.refused("consent_exists")
    else:
        assert len(outcome.events) == 1


@pytest.mark.parametrize(
    "command",
    [
        end(on=TOMORROW),
        move(on=TOMORROW),
        grant(on=TOMORROW),
        consent(on=TOMORROW),
        JoinHousehold(member_id=LI, household_id=OTHER_HOME, on=TOMORROW),
        LeaveHousehold(member_id=LI, on=TOMORROW),
        revoke().model_copy(update={"on": TOMORROW}),
        withdraw().model_copy(update={"on": TOMORROW}),
    ],
    ids=lambda command: type(command).__name__,
)
def test_nothing_has_happened_tomorrow(command: Command) -> None:
    known = li.given(registered())
    if isinstance(command, RevokeHonour | WithdrawConsent):
        known = li.given(registered(), honoured(), consented())
    refusal = known.when(command).refused("in_the_future")
    assert refusal.details["on"] == TOMORROW


def test_a_command_about_something_else_is_no_decision_of_a_members() -> None:
    with pytest.raises(TypeError, match="Command is not about a member"):
        decide(Command(), li.given(registered()).state, FACTS)


# Identity numbers


@given(st.lists(st.sampled_from([LI, WANG])))
def test_a_number_is_of_whoever_took_it_last_and_of_nobody_once_it_is_released(takers: list[MemberId]) -> None:
    history: list[Event] = []
    for taker in takers:
        history.append(IdentityTaken(member_id=taker))
        assert identity.fold(history) == taker
        history.append(IdentityReleased(member_id=taker))
        assert identity.fold(history) is None


@given(st.lists(st.sampled_from(EVERYTHING), max_size=25))
def test_whatever_is_asked_in_whatever_order_a_member_stays_one_and_nothing_follows_an_erasure(
    asked: list[Callable[[], Command]],
) -> None:
    history: list[Event] = [registered()]
    for make in asked:
        outcome = li.given(*history).when(make())
        history += outcome.events
    state = member.fold(history)
    assert state is not None
    assert state.member_id == LI
    erasures = [n for n, event in enumerate(history) if type(event).__name__ == "MemberErased"]
    assert erasures in ([], [len(history) - 1])
    assert state.erased == bool(erasures)
    assert len(state.honours) <= 1
    assert len(state.consents) <= 1
