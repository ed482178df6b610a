"""The registry's language: every event can be folded by others without opening what names a person."""

from datetime import date

import pytest
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

import shared.schemas.registry as language
from shared.schemas.ids import EmployerId, HouseholdId, MemberId, UnionId, new_id
from shared.schemas.language import commands_of, events_of, queries_of
from shared.schemas.messages import Command, Event, Query, Role
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    ContactsChanged,
    FederationRegistered,
    FindMember,
    FindPatient,
    GiveConsent,
    HonourRevoked,
    MemberRegistered,
    RegisterMember,
    RevokeHonour,
    ShowBankAccount,
    ShowContacts,
    ShowMember,
)
from shared.schemas.registry.members import MemberEvent

CLEAR = {"clear": True}

EVENTS = events_of(language)
COMMANDS = commands_of(language)
QUERIES = queries_of(language)

NAMING_WORDS = {"id_number", "phone", "email", "account", "bank"}


def li() -> MemberRegistered:
    return MemberRegistered(
        member_id=MemberId(new_id()),
        household_id=HouseholdId(new_id()),
        union_id=UnionId(new_id()),
        employer_id=EmployerId(new_id()),
        name=Personal("李建国"),
        id_number=Personal("330503199001011232"),
        phone=Personal("13800000000"),
        email=None,
        post="电缆工",
        joined_on=date(2015, 5, 1),
    )


def test_the_language_holds_what_the_loan_and_the_messages_fold() -> None:
    assert {
        "MemberRegistered",
        "MemberMoved",
        "MembershipEnded",
        "TradeRecorded",
        "HonourGranted",
        "HonourRevoked",
        "HouseholdJoined",
        "HouseholdLeft",
        "ContactsChanged",
        "ConsentGiven",
        "ConsentWithdrawn",
        "MemberErased",
    } <= set(EVENTS)


def test_what_messages_build_on_is_no_message_itself() -> None:
    assert not {"MemberEvent", "Event", "Command", "Query"} & (set(EVENTS) | set(COMMANDS) | set(QUERIES))


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_an_event_with_personal_data_says_whose_it_is(event: type[Event]) -> None:
    assert not event.personal_fields or issubclass(event, MemberEvent)
    if issubclass(event, MemberEvent):
        assert event.subject == "member_id"
        assert event.model_fields["member_id"].annotation is MemberId


@pytest.mark.parametrize("message", [*EVENTS.values(), *COMMANDS.values(), *QUERIES.values()], ids=lambda m: m.__name__)
def test_what_names_or_reaches_a_person_is_personal(message: type[Event] | type[Command] | type[Query[object]]) -> None:
    for name, field in message.model_fields.items():
        if name in NAMING_WORDS or (name == "name" and "member_id" in message.model_fields):
            assert "Personal" in str(field.annotation), f"{message.__name__}.{name}"


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_command_says_in_what_capacity_it_may_be_given(command: type[Command]) -> None:
    assert "roles" in vars(command)
    assert command.roles
    assert command.__doc__


def test_neither_a_bank_nor_a_hospital_changes_the_registry() -> None:
    assert [name for name, command in COMMANDS.items() if command.roles & {Role.BANK, Role.HOSPITAL}] == []


def test_every_query_says_what_answers_it() -> None:
    for query in QUERIES.values():
        query.answers().json_schema()
    assert ShowMember.answer_type() is language.MemberAnswer
    assert ShowMember.answers() is ShowMember.answers()


def test_the_contacts_of_members_are_for_the_systems_own_reactions_alone() -> None:
    assert ShowContacts.roles == {Role.SYSTEM}


def test_an_account_to_pay_to_and_a_patients_id_are_for_other_services_alone() -> None:
    assert ShowBankAccount.roles == FindPatient.roles == {Role.SYSTEM}


def test_personal_data_never_leaves_in_clear_unasked() -> None:
    with pytest.raises(PydanticSerializationError, match="in clear"):
        li().model_dump_json()
    assert "李建国" not in repr(li())


def test_others_read_a_member_without_opening_personal_data() -> None:
    registered = li()
    sealed = registered.model_copy(
        update={name: Personal.from_sealed(f"{name} sealed") for name in ("name", "id_number", "phone")}
    )
    read = MemberRegistered.model_validate_json(sealed.model_dump_json())
    assert (read.member_id, read.union_id, read.employer_id, read.household_id) == (
        registered.member_id,
        registered.union_id,
        registered.employer_id,
        registered.household_id,
    )
    assert not read.name.is_clear


def test_a_field_of_later_code_does_not_stop_an_earlier_reader() -> None:
    assert (
        FederationRegistered.model_validate_json(
            '{"code": "330503", "name": "南浔区总工会", "level": "county", "parent": "330500", "founded": "2003"}'
        ).parent
        == "330500"
    )


def test_a_command_from_the_wire_gets_the_ids_that_its_caller_did_not_choose() -> None:
    union, employer = new_id(), new_id()
    text = (
        f'{{"union_id": "{union}", "employer_id": "{employer}", "name": " 李建国 ", "id_number": "330503199001011232"}}'
    )
    first, second = RegisterMember.model_validate_json(text), RegisterMember.model_validate_json(text)
    assert first.member_id != second.member_id
    assert first.household_id != second.household_id
    assert first.name.clear == "李建国"
    assert RegisterMember.model_validate_json(first.model_dump_json(context=CLEAR)) == first


@pytest.mark.parametrize(
    ("command", "content"),
    [
        (GiveConsent, {"purpose": "share_with_bank", "to": "南浔银行", "evidence": "档案 2019-0132"}),
        (GiveConsent, {"purpose": "share_with_anyone", "to": "nxbank", "evidence": "档案 2019-0132"}),
        (GiveConsent, {"purpose": "share_with_bank", "to": "nxbank", "evidence": "  "}),
        (RevokeHonour, {"honour_id": str(new_id()), "ground": ""}),
    ],
)
def test_a_malformed_command_is_refused(command: type[Command], content: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        command.model_validate({"member_id": str(new_id()), **content})


def test_an_error_does_not_show_what_was_written() -> None:
    with pytest.raises(ValidationError) as refused:
        FindMember.model_validate({"id_number": "330503199001011232" * 3})
    assert "330503199001011232" not in str(refused.value)


def test_the_ground_of_a_revocation_is_personal() -> None:
    assert set(HonourRevoked.personal_fields) == {"ground"}
    assert set(ContactsChanged.personal_fields) == {"phone", "email"}
