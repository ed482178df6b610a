"""A service that is told to stop finishes what is under way, answers and acknowledges it, and leaves."""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from typing import Any

import nats
import pytest

from deploy.local.ports import free_port
from shared.runtime.client import Client, NoAnswer
from shared.runtime.commands import Context
from shared.runtime.envelope import Envelope
from shared.runtime.settings import Settings
from shared.schemas.ids import new_id
from shared.schemas.messages import Actor, Role
from tests.shared.runtime.tills import TILLS, Clapper, PutMoney, TakeMoney, bells
from tests.waiting import until

OFFICER = Actor(role=Role.OFFICER, id="zhou")


@pytest.fixture
def settings(database_url: str, nats_url: str) -> Settings:
    return Settings.model_validate({"database_url": database_url, "nats_url": nats_url})


def envelope() -> Envelope:
    return Envelope.fresh(OFFICER, "330503")


async def test_a_command_under_way_is_carried_out_and_answered_and_no_new_one_is_taken(
    settings: Settings, nats_url: str
) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slowly(command: PutMoney, context: Context) -> None:
        begun.set()
        await may_end.wait()
        await TILLS.commands[PutMoney](command, context)

    slow = replace(TILLS, commands={**TILLS.commands, PutMoney: slowly})
    connection = await nats.connect(nats_url)
    client = Client(connection, timeout=10, patience=10)
    till = new_id()
    async with slow.running(settings) as running:
        sending = asyncio.create_task(client.send("till", PutMoney(till_id=till, amount=5), envelope()))
        await begun.wait()
        asyncio.get_running_loop().call_later(0.2, may_end.set)
    accepted = await sending
    assert accepted.version == 1
    assert running.commands is not None
    impatient = Client(connection, timeout=0.2, patience=0.2)
    with pytest.raises(NoAnswer):
        await impatient.send("till", PutMoney(till_id=till, amount=5), envelope())
    await connection.close()


async def test_a_reaction_under_way_is_finished_and_acknowledged(settings: Settings, nats_url: str) -> None:
    connection = await nats.connect(nats_url)
    client, till, clapper = Client(connection), new_id(), Clapper()
    clapper.slow = asyncio.Event()
    async with TILLS.running(settings):
        await client.send("till", PutMoney(till_id=till, amount=500), envelope())
        async with bells(clapper).running(settings) as bell:
            await client.send("till", TakeMoney(till_id=till, amount=7), envelope())
            await until(lambda: clapper.struck == [7])
            asyncio.get_running_loop().call_later(0.2, clapper.slow.set)
            await bell.reacting.wait()
        info = await connection.jetstream().consumer_info("TILL", "bell-on-till")
        assert (info.num_pending, info.num_ack_pending) == (0, 0)
        async with bells(clapper).running(settings) as bell:
            assert await bell.store.head() == 1
    assert clapper.struck == [7]
    await connection.close()


async def test_a_service_ends_well_on_sigterm(settings: Settings, nats_url: str) -> None:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from tests.shared.runtime.tills import TILLS; TILLS.main()"),
        env=os.environ
        | {"DATABASE_URL": settings.dsn, "NATS_URL": nats_url, "HTTP_PORT": str(port), "PYTHONPATH": os.getcwd()},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    said: list[str] = []

    async def ready() -> bool:
        line = await process.stdout.readline() if process.stdout else b""
        said.append(line.decode())
        return '"event": "ready"' in said[-1]

    await until(ready)
    process.send_signal(signal.SIGTERM)
    rest: Any = await process.stdout.read()
    assert await process.wait() == 0, "".join(said) + rest.decode()
    assert '"leaving"' in rest.decode()
