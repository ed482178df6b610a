"""Timers under whatever befalls them: each deadline acts once, however often its worker or the database is killed."""

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from shared.eventsourcing import timer_table, timers
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.timers import Timers
from tests.shared.eventsourcing.breakable import breakable_postgres
from tests.shared.eventsourcing.lending import (
    CODEC,
    COMMANDS,
    NOON,
    Desk,
    Lent,
    StandingClock,
    at_work,
    deadlines,
)
from tests.shared.eventsourcing.watching import BOOK, all_reminders, lend, pending, record_of, reminders, settle
from tests.waiting import until

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers, "POLL", 0.02)
    monkeypatch.setattr(timer_table, "FIRST_PAUSE", 0.02)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[EventStore]:
    async with EventStore(database_url, "lending", CODEC) as store:
        yield store


@pytest.fixture
def desk(store: EventStore) -> Desk:
    return Desk(store)


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
async def worker(store: EventStore, desk: Desk, clock: StandingClock) -> Timers:
    worker = Timers(store, deadlines, COMMANDS, desk.fire, clock)
    await worker.install()
    return worker


async def test_two_workers_at_once_act_once(
    store: EventStore, desk: Desk, worker: Timers, clock: StandingClock, database_url: str
) -> None:
    async with EventStore(database_url, "lending", CODEC) as second_store:
        second_desk = Desk(second_store)
        second = Timers(second_store, deadlines, COMMANDS, second_desk.fire, clock)
        async with at_work(worker), at_work(second):
            for day in range(1, 4):
                await lend(store, 100, NOON + day * DAY)
                clock.set(NOON + day * DAY)
            await settle(worker, store)
            await settle(second, store)
    assert await all_reminders(store) == (300, 300)
    assert desk.asked
    assert second_desk.asked


async def test_a_worker_killed_when_it_had_acted_but_not_said_so_has_acted_once(
    store: EventStore, desk: Desk, worker: Timers, clock: StandingClock, database_url: str
) -> None:
    await desk.record(BOOK, Lent(book=BOOK, until=NOON + DAY))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.shared.eventsourcing.lending", database_url, "hanging"),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 15) == b"acted\n"
    finally:
        process.kill()
        await process.wait()
    assert await reminders(store) == 1
    assert (await record_of(store))[0] is None

    clock.set(NOON + DAY)
    async with at_work(worker):
        await settle(worker, store)
    assert len(desk.asked) == 1
    assert await reminders(store) == 1
    assert await record_of(store) == (NOON + DAY, "done", 1)


async def test_workers_killed_again_and_again_act_once_on_each_deadline(
    store: EventStore, desk: Desk, worker: Timers, database_url: str
) -> None:
    await lend(store, 5_000, NOON)

    async def reminded(cut: int) -> bool:
        return (await all_reminders(store))[0] >= cut

    for cut in (1, 2_000, 4_000):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.shared.eventsourcing.lending", database_url, "going")
        )
        try:
            await until(lambda cut=cut: reminded(cut))  # type: ignore[misc]
        finally:
            process.kill()
            await process.wait()
    async with at_work(worker):
        await settle(worker, store)
    assert await all_reminders(store) == (5_000, 5_000)


async def test_postgresql_killed_while_deadlines_act_loses_and_doubles_none() -> None:
    with breakable_postgres() as server:
        async with EventStore(server.url(), "lending", CODEC) as store:
            desk = Desk(store)
            worker = Timers(store, deadlines, COMMANDS, desk.fire, StandingClock())
            await worker.install()
            await lend(store, 3_000, NOON)
            async with at_work(worker):
                for cut in (1, 1_000):
                    await until(lambda cut=cut: len(desk.asked) >= cut)  # type: ignore[misc]
                    server.kill()
                    server.start()
                await until(lambda: _answers(store))
                await settle(worker, store)
            assert await all_reminders(store) == (3_000, 3_000)


async def _answers(store: EventStore) -> bool:
    try:
        return await store.head() > 0
    except Exception:  # the pool still holds connections to the server that was killed
        return False


@pytest.mark.parametrize("meanwhile", ["at work", "away"])
async def test_timers_derived_anew_from_the_log_fire_nothing_that_has_fired(
    store: EventStore, desk: Desk, worker: Timers, clock: StandingClock, meanwhile: str
) -> None:
    past = await lend(store, 50, NOON + DAY)
    await desk.record(BOOK, Lent(book=BOOK, until=NOON + 3 * DAY))
    clock.set(NOON + 2 * DAY)
    async with at_work(worker):
        await settle(worker, store)
        if meanwhile == "at work":
            await worker.rebuild()
            await until(lambda: store.pool.fetchval("select position = 0 or position > 100 from lending.checkpoints"))
            await until(lambda: pending(worker, 1))
    if meanwhile == "away":
        await worker.rebuild()
    async with at_work(worker):
        await settle(worker, store)
        await until(lambda: pending(worker, 1))
    assert len(desk.asked) == len(past) == 50
    clock.set(NOON + 3 * DAY)
    async with at_work(worker):
        await until(lambda: reminders(store))


async def test_a_table_of_timers_that_was_lost_comes_back_and_nothing_takes_effect_twice(
    store: EventStore, desk: Desk, worker: Timers
) -> None:
    await lend(store, 50, NOON)
    async with at_work(worker):
        await settle(worker, store)
    await store.pool.execute("truncate lending.timers; update lending.checkpoints set position = 0")
    async with at_work(worker):
        await until(lambda: len(desk.asked) == 100)
        await settle(worker, store)
    assert await all_reminders(store) == (50, 50)
