"""What operations ask of a service over HTTP: is it alive, is it ready and if not why, and how is it doing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from deploy.local.ports import free_port
from shared.runtime.envelope import Envelope
from shared.runtime.http import serving
from shared.runtime.service import Running
from shared.runtime.settings import Settings
from shared.schemas.ids import new_id
from shared.schemas.messages import Actor, Role
from tests.shared.runtime.tills import TILLS, PutMoney
from tests.waiting import until

OFFICER = Actor(role=Role.OFFICER, id="zhou")


@asynccontextmanager
async def asking(running: Running) -> AsyncIterator[httpx.AsyncClient]:
    port = free_port()
    async with (
        serving("127.0.0.1", port, running.missing, running.measure),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http,
    ):

        async def listening() -> bool:
            try:
                return (await http.get("/health/live")).status_code == 200
            except httpx.ConnectError:
                return False

        await until(listening)
        yield http


@pytest.fixture
def settings(database_url: str, nats_url: str) -> Settings:
    return Settings.model_validate({"database_url": database_url, "nats_url": nats_url})


async def test_a_service_is_ready_once_all_its_parts_are(settings: Settings) -> None:
    async with TILLS.running(settings) as running, asking(running) as http:

        async def ready() -> bool:
            reply = await http.get("/health/ready")
            return reply.status_code == 200 and reply.json() == {}

        await until(ready)


async def test_a_service_that_lost_its_broker_says_so(settings: Settings) -> None:
    async with TILLS.running(settings) as running, asking(running) as http:
        await running.connection.close()
        reply = await http.get("/health/ready")
        assert reply.status_code == 503
        assert reply.json()["nats"] == "not connected"
        assert (await http.get("/health/live")).status_code == 200


async def test_metrics_tell_what_became_of_commands_and_how_far_the_followers_are(settings: Settings) -> None:
    async with TILLS.running(settings) as running, asking(running) as http:
        till = new_id()
        for _ in range(3):
            envelope = Envelope.fresh(OFFICER, "330503")
            accepted = await running.commands.carry_out(PutMoney(till_id=till, amount=5), envelope)
        assert await running.read_models.reached(accepted.position, 5)
        text = (await http.get("/metrics")).text
        assert 'niangjia_position{follower="log",programme="till"} 3.0' in text
        assert 'niangjia_position{follower="tills",programme="till"} 3.0' in text
        assert 'command="PutMoney",outcome="accepted",programme="till"}' in text
        assert str(till) not in text


async def test_what_is_not_there_is_not_found(settings: Settings) -> None:
    async with TILLS.running(settings) as running, asking(running) as http:
        assert (await http.get("/members")).status_code == 404
