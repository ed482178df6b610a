"""Two walls: what a role may not do, and what another federation does not know. Every command and query is tried."""

from typing import Any

import pytest

from shared.schemas.messages import Actor, Command, Query, Role
from shared.schemas.registry import (
    AppointFederationContact,
    EstablishUnion,
    FindEmployer,
    FindMember,
    FindMembers,
    FindPatient,
    RegisterEmployer,
    RegisterFederation,
    RelieveFederationContact,
    ShowContacts,
    ShowFederation,
    ShowHousehold,
    ShowIdentity,
)
from shared.schemas.registry.values import FederationLevel
from tests.services.registry.desk import BANK, DONGYANG, HUZHOU, OFFICER, OPERATOR, SYSTEM, Desk
from tests.services.registry.examples import NUMBER, Holding, every_command, every_query, holding


@pytest.fixture
async def held(desk: Desk) -> Holding:
    return await holding(desk)


async def test_in_no_capacity_more_is_done_than_the_language_allows(desk: Desk, held: Holding) -> None:
    head = await desk.registry.store.head()
    tried = 0
    messages: list[Command | Query[Any]] = [*every_command(held), *every_query(held)]
    for message in messages:
        for role in set(Role) - message.roles:
            refusal = await desk.refusal(message, Actor(role=role, id=str(held.member_id)))
            assert refusal.code == "not_allowed", f"{role} {type(message).__name__}"
            tried += 1
    assert tried > 100
    assert await desk.registry.store.head() == head


async def test_what_one_federation_holds_another_does_not_know(desk: Desk, held: Holding) -> None:
    dongyang = desk.elsewhere(DONGYANG)
    await dongyang.opens()
    unknown = {"no_such_union", "no_such_employer", "no_such_member"}
    for command in every_command(held):
        match command:
            case RegisterFederation() | RegisterEmployer():
                continue  # the first is of no federation, the second enters its own: see below
            case AppointFederationContact() | RelieveFederationContact():
                expected = {"not_yours"}
            case EstablishUnion():
                expected = {"no_such_employer"}
            case _:
                expected = unknown
        for actor in (OFFICER, OPERATOR, SYSTEM):
            if actor.role in command.roles:
                assert await dongyang.refused(command, actor) in expected, type(command).__name__
    for query in every_query(held):
        actor = next(actor for actor in (OFFICER, SYSTEM, BANK) if actor.role in query.roles)
        match query:
            case FindMember() | FindEmployer() | FindPatient():
                assert await dongyang.ask(query, actor) is None
            case FindMembers():
                assert await dongyang.ask(query) == (None,), query
            case ShowContacts():
                assert await dongyang.ask(query, actor) == ()
            case ShowHousehold():
                assert (await dongyang.ask(query, actor)).member_ids == ()
            case ShowFederation():
                assert await dongyang.refused(query, actor) == "no_such_federation"
            case ShowIdentity():
                assert await dongyang.refused(query, BANK) == "no_such_member"
            case _:
                assert await dongyang.refused(query, actor) in unknown, type(query).__name__


async def test_the_same_person_and_the_same_firm_may_be_in_two_federations_and_neither_learns_of_it(
    desk: Desk, held: Holding
) -> None:
    dongyang = desk.elsewhere(DONGYANG)
    await dongyang.opens()
    employer_id = await dongyang.employer(held.code)
    union_id = await dongyang.union(employer_id)
    member_id = await dongyang.member(union_id, employer_id, id_number=NUMBER)
    assert (
        await dongyang.ask(FindMember(id_number=(await dongyang.shown(member_id)).id_number))
    ).member_id == member_id
    assert (await desk.ask(FindEmployer(credit_code=held.code))).employer_id == held.employer_id
    for stranger in (dongyang.somebody, dongyang.row):
        command = stranger(union_id, employer_id, household_id=held.household_id)
        assert await dongyang.refused(command) == "household_exists"


async def test_nobody_is_moved_or_joined_across_the_border(desk: Desk, held: Holding) -> None:
    dongyang = desk.elsewhere(DONGYANG)
    await dongyang.opens()
    union_id, employer_id = await dongyang.small_union()
    member_id = await dongyang.member(union_id, employer_id)
    here = {"member_id": held.member_id, "union_id": union_id, "employer_id": employer_id}
    commands = {type(command).__name__: command for command in every_command(held)}
    assert await dongyang.refused(commands["MoveMember"].model_copy(update=here)) == "no_such_member"
    joins = commands["JoinHousehold"].model_copy(update={"member_id": member_id})
    assert await dongyang.refused(joins) == "no_such_household"
    admits = commands["AdmitEmployer"].model_copy(update={"union_id": union_id})
    assert await dongyang.refused(admits) == "no_such_employer"
    for name in ("AppointUnionContact", "AppointEmployerContact", "AppointFederationContact"):
        ours = {"union_id": union_id, "employer_id": employer_id, "code": DONGYANG}
        appoints = commands[name]
        appoints = appoints.model_copy(update={k: v for k, v in ours.items() if k in type(appoints).model_fields})
        assert await dongyang.refused(appoints) == "no_such_member", name


async def test_a_city_sees_the_numbers_of_its_counties_and_none_of_their_people(desk: Desk) -> None:
    city = desk.elsewhere(HUZHOU)
    await city.opens(FederationLevel.CITY)
    county = desk.elsewhere("330502")
    await county.opens(parent=HUZHOU)
    held = await holding(county)
    assert (await city.ask(ShowFederation(code="330502"))).members == 1
    assert await city.refused(every_query(held)[0]) == "no_such_member"
