"""The door of a service: how many calls are under way at once, and that all are answered."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import nats
import pytest

from shared.runtime.client import Client
from shared.runtime.commands import Context
from shared.runtime.envelope import Envelope
from shared.runtime.queries import Asked
from shared.runtime.rpc import AT_ONCE
from shared.runtime.settings import Settings
from shared.schemas.ids import new_id
from shared.schemas.messages import Actor, Role
from tests.shared.runtime.tills import TILLS, PutMoney, ShowTill, TillAnswer
from tests.waiting import until


@pytest.fixture
def settings(database_url: str, nats_url: str) -> Settings:
    return Settings.model_validate({"database_url": database_url, "nats_url": nats_url})


@pytest.fixture
async def client(nats_url: str) -> AsyncIterator[Client]:
    connection = await nats.connect(nats_url)
    yield Client(connection, timeout=30, patience=30)
    await connection.close()


def envelope() -> Envelope:
    return Envelope.fresh(Actor(role=Role.OFFICER, id="zhou"), "330503")


async def test_calls_beyond_those_under_way_wait_and_are_answered_too(settings: Settings, client: Client) -> None:
    most = under_way = 0
    may_end = asyncio.Event()

    async def slowly(command: PutMoney, context: Context) -> None:
        nonlocal most, under_way
        under_way += 1
        most = max(most, under_way)
        await may_end.wait()
        under_way -= 1
        await TILLS.commands[PutMoney](command, context)

    async with replace(TILLS, commands={**TILLS.commands, PutMoney: slowly}).running(settings):
        commands = [PutMoney(till_id=new_id(), amount=1) for _ in range(AT_ONCE + 50)]
        sending = [asyncio.create_task(client.send("till", command, envelope())) for command in commands]
        await until(lambda: most == AT_ONCE)
        may_end.set()
        accepted = await asyncio.gather(*sending)
    assert most == AT_ONCE
    assert sorted(one.position for one in accepted) == list(range(1, len(commands) + 1))


async def test_queries_that_take_long_hold_up_no_command(settings: Settings, client: Client) -> None:
    may_end = asyncio.Event()

    async def slowly(query: ShowTill, asked: Asked) -> TillAnswer:
        await may_end.wait()
        return TillAnswer(balance=0, checked=0)

    async with replace(TILLS, queries={ShowTill: slowly}).running(settings):
        asking = [
            asyncio.create_task(client.ask("till", ShowTill(till_id=new_id()), envelope())) for _ in range(AT_ONCE + 10)
        ]
        accepted = await client.send("till", PutMoney(till_id=new_id(), amount=1), envelope())
        assert accepted.position == 1
        may_end.set()
        assert len(await asyncio.gather(*asking)) == AT_ONCE + 10


async def test_an_outside_party_is_who_the_broker_says_whatever_it_says_itself(
    settings: Settings, nats_url: str
) -> None:
    seen: list[str] = []

    async def note(command: PutMoney, context: Context) -> None:
        seen.append(str(context.envelope.actor))
        await TILLS.commands[PutMoney](command, context)

    connection = await nats.connect(nats_url)
    async with replace(TILLS, commands={**TILLS.commands, PutMoney: note}).running(settings):
        body = PutMoney(till_id=new_id(), amount=1).model_dump_json().encode()
        headers = {"command-id": str(new_id()), "actor": "officer:zhou"}
        subject = "from.bank.nxbank.cmd.330503.till.PutMoney"
        reply = await connection.request(subject, body, timeout=10, headers=headers)
    assert reply.headers is not None
    await connection.close()
    assert (reply.headers["status"], seen) == ("accepted", ["bank:nxbank"])


async def test_a_role_that_there_is_not_is_refused(settings: Settings, nats_url: str) -> None:
    connection = await nats.connect(nats_url)
    async with TILLS.running(settings):
        body = PutMoney(till_id=new_id(), amount=1).model_dump_json().encode()
        reply = await connection.request("from.owner.zhou.cmd.330503.till.PutMoney", body, timeout=10)
    await connection.close()
    assert (reply.headers or {})["status"] == "refused"
