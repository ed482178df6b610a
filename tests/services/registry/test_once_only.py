"""One member a number, one organisation a code, however many ask at once, at however many instances."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import nats
from nats.aio.client import Client as Connection

from services.registry.service import service
from shared.runtime.client import Client
from shared.runtime.settings import Settings
from shared.schemas.ids import MemberId, new_id
from shared.schemas.messages import Accepted, Command, Refused
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    AppointUnionContact,
    CorrectIdentity,
    EstablishUnion,
    FindMember,
    RegisterEmployer,
    ShowRoster,
    UnionKind,
    UnionPost,
)
from tests.services.registry.desk import Desk, company, number
from tests.services.registry.rosters import credit_code

AT_ONCE = 50


async def outcomes(*calls: Awaitable[Accepted]) -> list[str]:
    """What became of calls made at once: `accepted`, or a refusal's code."""
    answers: list[Any] = await asyncio.gather(*calls, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, Exception) and not isinstance(answer, Refused):
            raise answer
    return sorted(a.refusal.code if isinstance(a, Refused) else "accepted" for a in answers)


async def test_of_fifty_who_register_one_number_at_once_one_does(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    rivals = [desk.somebody(union_id, employer_id, id_number=number(900)) for _ in range(AT_ONCE)]
    assert await outcomes(*map(desk.send, rivals)) == ["accepted", *["identity_taken"] * (AT_ONCE - 1)]
    assert (await desk.ask(ShowRoster(union_id=union_id))).total == 1
    assert await desk.ask(FindMember(id_number=Personal(number(900)))) is not None


async def test_at_two_instances_it_is_no_different(settings: Settings, connection: Connection, nats_url: str) -> None:
    async with service.running(settings) as first, service.running(settings):
        desk = Desk(Client(connection), first)
        await desk.opens()
        union_id, employer_id = await desk.small_union()
        other = await nats.connect(nats_url)
        try:
            beside = Desk(Client(other), first)
            rivals = [desk.somebody(union_id, employer_id, id_number=number(900)) for _ in range(AT_ONCE)]
            sent = [(desk if n % 2 else beside).send(rival) for n, rival in enumerate(rivals)]
            assert await outcomes(*sent) == ["accepted", *["identity_taken"] * (AT_ONCE - 1)]
        finally:
            await other.close()


async def test_rows_and_registrations_of_one_person_meet_in_one_member(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    rows: list[Command] = [
        desk.row(union_id, employer_id, id_number=number(900), phone=f"1380000{n:04d}") for n in range(10)
    ]
    rows += [desk.somebody(union_id, employer_id, id_number=number(900)) for _ in range(10)]
    came = await outcomes(*map(desk.send, rows))
    assert set(came) == {"accepted", "identity_taken"}
    assert came.count("accepted") in (10, 11)  # every row, and one registration where it came first
    assert (await desk.ask(ShowRoster(union_id=union_id))).total == 1


async def test_of_fifty_who_enter_one_code_at_once_one_does(desk: Desk) -> None:
    rivals = [RegisterEmployer(name=f"电缆{n}厂", credit_code=company(700)) for n in range(AT_ONCE)]
    assert await outcomes(*map(desk.send, rivals)) == ["accepted", *["credit_code_taken"] * (AT_ONCE - 1)]


async def test_a_unions_own_code_is_taken_once_too(desk: Desk) -> None:
    employers = [await desk.employer() for _ in range(10)]
    code = credit_code("81330503MA3000009")
    rivals = [
        EstablishUnion(name="工会", kind=UnionKind.SINGLE, employer_ids=(one,), credit_code=code) for one in employers
    ]
    assert await outcomes(*map(desk.send, rivals)) == ["accepted", *["credit_code_taken"] * 9]


async def test_one_union_covers_an_employer_whoever_else_wants_to(desk: Desk) -> None:
    employer_id = await desk.employer()
    rivals = [EstablishUnion(name=f"第{n}工会", kind=UnionKind.SINGLE, employer_ids=(employer_id,)) for n in range(10)]
    assert await outcomes(*map(desk.send, rivals)) == ["accepted", *["employer_covered"] * 9]


async def test_a_union_has_one_chair_whoever_is_appointed_at_once(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    people = [await desk.member(union_id, employer_id) for _ in range(10)]
    rivals = [AppointUnionContact(union_id=union_id, member_id=who, post=UnionPost.CHAIR) for who in people]
    assert await outcomes(*map(desk.send, rivals)) == ["accepted", *["chair_in_office"] * 9]


async def test_members_who_swap_numbers_at_once_never_share_one(desk: Desk) -> None:
    union_id, employer_id = await desk.small_union()
    people = [await desk.member(union_id, employer_id, id_number=number(900 + n)) for n in range(6)]

    def corrected(who: MemberId, to: int) -> CorrectIdentity:
        return CorrectIdentity(member_id=who, name=Personal("李建国"), id_number=Personal(number(900 + to)))

    swaps = [corrected(who, to) for n, who in enumerate(people) for to in ((n + 1) % 6, 6 + n, 6 + (n + 1) % 6)]
    assert set(await outcomes(*map(desk.send, swaps))) <= {"accepted", "identity_taken"}
    numbers = [(await desk.shown(who)).id_number.clear for who in people]
    assert len(set(numbers)) == len(people)
    for n in range(12):
        taken = number(900 + n) in numbers
        probe = desk.somebody(union_id, employer_id, member_id=new_id(), id_number=number(900 + n))
        came = await outcomes(desk.send(probe))
        assert came == (["identity_taken"] if taken else ["accepted"])
