"""One clock, which tests and demonstrations can set."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nats
from nats.js import JetStreamContext

from deploy.local.nats import FAST, NatsServer
from deploy.local.ports import free_port
from shared.eventsourcing.decider import Facts
from shared.eventsourcing.tasks import end
from shared.runtime.clock import Clock, follow, set_offset, shared_offset
from shared.schemas.messages import Actor, Role
from tests.waiting import until

NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


async def test_a_wait_ends_when_the_clock_is_set_past_its_instant() -> None:
    clock = Clock()
    waiting = asyncio.create_task(clock.reached(NEW_YEAR + timedelta(days=1)))
    await asyncio.sleep(0)
    clock.set(NEW_YEAR)
    await asyncio.sleep(0)
    assert not waiting.done()
    clock.set(NEW_YEAR + timedelta(days=1))
    async with asyncio.timeout(1):
        await waiting


async def test_an_instant_that_is_past_is_not_waited_for() -> None:
    async with asyncio.timeout(1):
        await Clock().reached(datetime(2020, 1, 1, tzinfo=UTC))


async def test_the_clock_of_every_service_is_set_at_once_and_a_later_one_has_it_too(nats_url: str) -> None:
    connection = await nats.connect(nats_url)
    js: JetStreamContext = connection.jetstream()
    clock = Clock()
    following = asyncio.create_task(follow(clock, js))
    tomorrow = clock.now() + timedelta(days=1)
    waiting = asyncio.create_task(clock.reached(tomorrow))
    await set_offset(js, timedelta(days=2))
    async with asyncio.timeout(5):
        await waiting
    assert clock.offset == await shared_offset(js) == timedelta(days=2)
    await end(following)
    await connection.close()


async def test_the_clock_is_followed_again_soon_after_the_broker_was_killed(tmp_path: Path) -> None:
    with NatsServer(tmp_path / "nats", free_port(), sync_interval=FAST) as server:
        connection = await nats.connect(server.url(), max_reconnect_attempts=-1, reconnect_time_wait=0)
        js, clock = connection.jetstream(), Clock()
        following = asyncio.create_task(follow(clock, js))
        await set_offset(js, timedelta(days=1))
        await until(lambda: clock.offset == timedelta(days=1))
        server.kill()
        await asyncio.to_thread(server.start)
        await until(lambda: connection.is_connected)
        await set_offset(js, timedelta(days=2))
        await until(lambda: clock.offset == timedelta(days=2), seconds=10)
        await end(following)
        await connection.close()


def test_the_day_begins_at_midnight_in_china() -> None:
    def on(instant: datetime) -> Facts:
        return Facts(now=instant, actor=Actor(role=Role.SYSTEM, id="test"), federation="330503")

    assert on(datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC)).today.isoformat() == "2026-12-31"
    assert on(datetime(2026, 12, 31, 16, 0, 0, tzinfo=UTC)).today.isoformat() == "2027-01-01"
