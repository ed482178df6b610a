"""What operations ask of a service over HTTP: is it alive, is it ready and if not why, and how is it doing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.ports import free_port
from shared.runtime.envelope import Envelope
from shared.runtime.http import serving
from shared.runtime.service import Running
from shared.runtime.settings import Settings
from shared.schemas.ids import new_id
from shared.schemas.messages import Actor, Query, Refused, Role
from tests.shared.runtime.tills import TILLS, Clapper, PutMoney, TakeMoney, bells
from tests.waiting import until


class ShowWeather(Query[str]):
    """Nobody answers it."""


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


async def test_metrics_tell_how_far_each_follower_is_behind(settings: Settings) -> None:
    async with TILLS.running(settings) as running, asking(running) as http:
        till = new_id()
        envelope = Envelope.fresh(OFFICER, "330503")
        await running.commands.carry_out(PutMoney(till_id=till, amount=5), envelope)

        async def lags() -> dict[str, float]:
            return told((await http.get("/metrics")).text, "niangjia_lag_events", "till", "follower")

        expected = {"tills": 0.0, "relay": 0.0, "seal": 0.0}

        async def none_is_behind() -> bool:
            return expected.items() <= (await lags()).items()

        await until(none_is_behind)
        seconds = told((await http.get("/metrics")).text, "niangjia_lag_seconds", "till", "follower")
        assert expected.items() <= seconds.items()
        assert told((await http.get("/metrics")).text, "niangjia_ready", "till", "programme") == {"till": 1.0}


async def test_metrics_tell_of_a_consumer_that_does_not_keep_up(settings: Settings) -> None:
    async with TILLS.running(settings) as tills, bells(Clapper()).running(settings) as bell, asking(bell) as http:
        await until(bell.reacting.is_set)
        js, till = tills.connection.jetstream(), new_id()
        await js.pause_consumer("TILL", "bell-on-till", (datetime.now(UTC) + timedelta(hours=1)).isoformat())
        for command in (PutMoney(till_id=till, amount=5), TakeMoney(till_id=till, amount=1)):
            await tills.commands.carry_out(command, Envelope.fresh(OFFICER, "330503"))

        async def waiting() -> float:
            text = (await http.get("/metrics")).text
            events = told(text, "niangjia_lag_events", "bell", "follower")["bell-on-till"]
            assert (told(text, "niangjia_lag_seconds", "bell", "follower")["bell-on-till"] > 0) == (events > 0)
            return events

        async def one_waits() -> bool:
            return await waiting() == 1

        await until(one_waits)
        await js.resume_consumer("TILL", "bell-on-till")

        async def none_waits() -> bool:
            return await waiting() == 0

        await until(none_waits)
        text = (await http.get("/metrics")).text
        done = told(text, "niangjia_reaction_seconds_count", "bell", "consumer")
        assert done["bell-on-till"] >= 1
        assert str(till) not in text


async def test_of_a_broker_that_is_away_nothing_old_is_told(settings: Settings) -> None:
    async with TILLS.running(settings) as running, asking(running) as http:
        await running.connection.close()
        text = (await http.get("/metrics")).text
        assert told(text, "niangjia_part_failing", "till", "part")["nats"] == 1.0
        assert "relay" not in told(text, "niangjia_lag_events", "till", "follower")
        assert "tills" in told(text, "niangjia_lag_events", "till", "follower")


async def test_queries_are_counted_by_what_became_of_them(settings: Settings) -> None:
    async with TILLS.running(settings) as running, asking(running) as http:

        async def counted() -> float:
            outcomes = told((await http.get("/metrics")).text, "niangjia_queries_total", "till", "outcome")
            return outcomes.get("unknown_message", 0)

        before = await counted()
        with pytest.raises(Refused):
            await running.queries.answer(ShowWeather(), Envelope.fresh(OFFICER, "330503"))
        assert await counted() == before + 1


def told(text: str, name: str, programme: str, label: str) -> dict[str, float]:
    """The samples of a programme, by a label."""
    return {
        sample.labels[label]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and sample.labels["programme"] == programme
    }


async def test_what_is_not_there_is_not_found(settings: Settings) -> None:
    async with TILLS.running(settings) as running, asking(running) as http:
        assert (await http.get("/members")).status_code == 404
