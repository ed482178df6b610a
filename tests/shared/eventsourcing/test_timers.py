"""Timers: each deadline acts once, at its time or as soon after as there is anybody to act."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from shared.eventsourcing import timer_table, timers
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.timers import Cancel, Schedule, Timers
from shared.runtime.envelope import BUSY
from shared.schemas.ids import new_id
from shared.schemas.messages import Command, Meta
from tests.shared.eventsourcing.breakable import breakable_postgres
from tests.shared.eventsourcing.lending import (
    CODEC,
    COMMANDS,
    NOON,
    Desk,
    Lent,
    Remind,
    Reminded,
    Returned,
    StandingClock,
    at_work,
    deadlines,
    lending,
)
from tests.waiting import until

DAY = timedelta(days=1)
BOOK = new_id()


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


async def settle(worker: Timers, store: EventStore, seconds: float = 15) -> None:
    """Wait until the worker has folded the whole log and nothing that is due is left."""

    async def settled() -> bool:
        return worker.folded >= await store.head() and await worker.overdue() == (0, 0.0)

    await until(settled, seconds)


async def reminders(store: EventStore, book: UUID = BOOK) -> int:
    return sum(isinstance(recorded.event, Reminded) for recorded in await store.stream(f"book-{book}"))


async def all_reminders(store: EventStore) -> tuple[int, int]:
    """How many reminders there are, and of how many books."""
    row = await store.pool.fetchrow(
        "select count(*), count(distinct stream) from lending.events where type = 'Reminded'"
    )
    assert row is not None
    return row[0], row[1]


async def row(store: EventStore, book: UUID = BOOK) -> tuple[datetime | None, str | None, int]:
    found = await store.pool.fetchrow(
        "select fired_at, outcome, attempts from lending.timers where key = $1", f"remind-{book}"
    )
    assert found is not None
    return found["fired_at"], found["outcome"], found["attempts"]


async def lend(store: EventStore, many: int, due: datetime) -> list[UUID]:
    """Lend so many books, a hundred in a commit."""
    lent = [new_id() for _ in range(many)]
    await asyncio.gather(*(store.append(lending(lent[first : first + 100], due)) for first in range(0, many, 100)))
    return lent


async def test_a_deadline_acts_when_it_is_due_and_not_before(
    store: EventStore, desk: Desk, worker: Timers, clock: StandingClock
) -> None:
    await desk.record(BOOK, Lent(book=BOOK, until=NOON + DAY))
    async with at_work(worker):
        clock.set(NOON + DAY - timedelta(microseconds=1))
        await settle(worker, store)
        assert await reminders(store) == 0
        clock.set(NOON + DAY)
        await until(lambda: reminders(store))
        await settle(worker, store)
    assert await reminders(store) == 1
    assert await row(store) == (NOON + DAY, "done", 1)


async def test_a_deadline_that_is_past_when_it_is_set_acts_at_once(
    store: EventStore, desk: Desk, worker: Timers
) -> None:
    async with at_work(worker):
        await desk.record(BOOK, Lent(book=BOOK, until=NOON - DAY))
        await until(lambda: reminders(store))
    assert await reminders(store) == 1


async def test_a_cancelled_deadline_does_not_act(
    store: EventStore, desk: Desk, worker: Timers, clock: StandingClock
) -> None:
    async with at_work(worker):
        await desk.record(BOOK, Lent(book=BOOK, until=NOON + DAY), Returned(book=BOOK))
        await settle(worker, store)
        clock.set(NOON + 2 * DAY)
        await settle(worker, store)
    assert desk.asked == []


async def test_a_later_deadline_takes_the_place_of_an_earlier_one(
    store: EventStore, desk: Desk, worker: Timers, clock: StandingClock
) -> None:
    async with at_work(worker):
        for days in (1, 3):
            await desk.record(BOOK, Lent(book=BOOK, until=NOON + days * DAY))
            await settle(worker, store)
        clock.set(NOON + 2 * DAY)
        await settle(worker, store)
        assert await reminders(store) == 0
        clock.set(NOON + 3 * DAY)
        await until(lambda: reminders(store))


async def test_a_deadline_that_has_acted_may_be_set_again_under_its_key(
    store: EventStore, desk: Desk, worker: Timers, clock: StandingClock
) -> None:
    async with at_work(worker):
        for days in (1, 3):
            await desk.record(BOOK, Lent(book=BOOK, until=NOON + days * DAY))
            clock.set(NOON + days * DAY)
            await until(lambda days=days: reminders(store))  # type: ignore[misc]
            await settle(worker, store)
            await desk.record(BOOK, Returned(book=BOOK))
    assert await reminders(store) == 2


@pytest.mark.parametrize("fails", [False, True], ids=["acts", "fails"])
async def test_a_deadline_set_again_while_it_acts_stays_to_act_at_its_new_time(
    store: EventStore, desk: Desk, clock: StandingClock, fails: bool
) -> None:
    async def fire(event: UUID, key: str, command: Command, meta: Meta) -> None:
        if not desk.asked:
            await desk.record(BOOK, Lent(book=BOOK, until=NOON + 3 * DAY))
            await until(lambda: _due(store, NOON + 3 * DAY))
            desk.trouble = [RuntimeError()] if fails else []
        await desk.fire(event, key, command, meta)

    worker = Timers(store, deadlines, COMMANDS, fire, clock)
    await worker.install()
    await desk.record(BOOK, Lent(book=BOOK, until=NOON))
    async with at_work(worker):
        await until(lambda: desk.asked)
        await settle(worker, store)
        clock.set(NOON + 2 * DAY)
        await settle(worker, store)
        assert await row(store) == (None, None, 0)
        assert len(desk.asked) == 1
        clock.set(NOON + 3 * DAY)
        await settle(worker, store)
    assert await reminders(store) == (1 if fails else 2)
    assert await row(store) == (NOON + 3 * DAY, "done", 1)


async def _due(store: EventStore, instant: datetime) -> bool:
    due: datetime = await store.pool.fetchval("select due from lending.timers where key = $1", f"remind-{BOOK}")
    return due == instant


async def test_the_record_that_a_deadline_acted_outlives_what_follows(
    store: EventStore, desk: Desk, worker: Timers
) -> None:
    await desk.record(BOOK, Lent(book=BOOK, until=NOON))
    async with at_work(worker):
        await until(lambda: reminders(store))
        await desk.record(BOOK, Returned(book=BOOK))
        await settle(worker, store)
        await until(lambda: store.pool.fetchval("select count(*) = 1 from lending.timers where outcome = 'done'"))
    assert await row(store) == (NOON, "done", 1)


async def test_what_fell_due_while_nobody_worked_acts_on_the_start(
    store: EventStore, desk: Desk, worker: Timers, clock: StandingClock
) -> None:
    async with at_work(worker):
        await desk.record(BOOK, Lent(book=BOOK, until=NOON + DAY))
        await settle(worker, store)
    clock.set(NOON + 2 * DAY)
    async with at_work(worker):
        await until(lambda: reminders(store))


async def test_what_was_cancelled_while_nobody_worked_does_not_act_on_the_start(
    store: EventStore, desk: Desk, worker: Timers, clock: StandingClock
) -> None:
    async with at_work(worker):
        await desk.record(BOOK, Lent(book=BOOK, until=NOON + DAY))
        await settle(worker, store)
    clock.set(NOON + 2 * DAY)
    await lend(store, 2_000, NOON + 9 * DAY)
    await desk.record(BOOK, Returned(book=BOOK))
    async with at_work(worker):
        await settle(worker, store)
    assert desk.asked == []


async def test_a_refusal_is_recorded_and_ends_the_matter(store: EventStore, desk: Desk, clock: StandingClock) -> None:
    def never_cancelled(recorded: Recorded) -> Iterable[Schedule | Cancel]:
        return (step for step in deadlines(recorded) if isinstance(step, Schedule))

    worker = Timers(store, never_cancelled, COMMANDS, desk.fire, clock)
    await worker.install()
    await desk.record(BOOK, Lent(book=BOOK, until=NOON + DAY), Returned(book=BOOK))
    clock.set(NOON + DAY)
    async with at_work(worker):
        await settle(worker, store)
    assert await row(store) == (NOON + DAY, "refused not_lent", 1)
    assert len(desk.asked) == 1


@pytest.mark.parametrize("trouble", [OSError("the disk is full"), BUSY()], ids=["error", "busy"])
async def test_a_passing_failure_is_tried_again(
    store: EventStore, desk: Desk, worker: Timers, trouble: Exception
) -> None:
    desk.trouble = [trouble] * 3
    await desk.record(BOOK, Lent(book=BOOK, until=NOON))
    with capture_logs() as logs:
        async with at_work(worker):
            await until(lambda: reminders(store))
            await settle(worker, store)
    assert await row(store) == (NOON, "done", 4)
    assert [entry["event"] for entry in logs].count("timer failed") == 3


async def test_a_deadline_that_fails_keeps_no_other_from_acting(
    store: EventStore, desk: Desk, clock: StandingClock
) -> None:
    others = await lend(store, 600, NOON)

    async def fire(event: UUID, key: str, command: Command, meta: Meta) -> None:
        if command != Remind(book=others[-1]):
            raise RuntimeError
        await desk.fire(event, key, command, meta)

    worker = Timers(store, deadlines, COMMANDS, fire, clock)
    await worker.install()
    with capture_logs():
        async with at_work(worker):
            await until(lambda: reminders(store, others[-1]))
            await until(lambda: _pending(worker, 599))
            assert {timer.error for timer in await worker.pending()} == {"RuntimeError"}


async def test_a_command_that_this_code_does_not_know_waits_for_newer_code(
    store: EventStore, desk: Desk, worker: Timers, clock: StandingClock
) -> None:
    await desk.record(BOOK, Lent(book=BOOK, until=NOON))
    older = Timers(store, deadlines, {}, desk.fire, clock)

    async def tried() -> bool:
        return [timer.error for timer in await older.pending()] == ["KeyError"]

    async with at_work(older):
        await until(tried)
    async with at_work(worker):
        await until(lambda: reminders(store))


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
    assert (await row(store))[0] is None

    clock.set(NOON + DAY)
    async with at_work(worker):
        await settle(worker, store)
    assert len(desk.asked) == 1
    assert await reminders(store) == 1
    assert await row(store) == (NOON + DAY, "done", 1)


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


async def test_very_many_deadlines_at_once_act_quickly_and_not_all_together(
    store: EventStore, desk: Desk, clock: StandingClock
) -> None:
    under_way, most = 0, 0

    async def fire(event: UUID, key: str, command: Command, meta: Meta) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        desk.asked.append((event, key))
        under_way -= 1

    await lend(store, 20_000, NOON)
    worker = Timers(store, deadlines, COMMANDS, fire, clock)
    await worker.install()
    async with at_work(worker):
        await settle(worker, store, 10)
    assert len(desk.asked) == len(set(desk.asked)) == 20_000
    assert most == 64


async def test_what_is_pending_is_shown_the_first_due_first(
    store: EventStore, desk: Desk, worker: Timers, clock: StandingClock
) -> None:
    lent = [(await lend(store, 1, NOON + days * DAY))[0] for days in (3, 1, 2)]
    async with at_work(worker):
        await settle(worker, store)
    assert [(timer.key, timer.due, timer.command) for timer in await worker.pending(2)] == [
        (f"remind-{lent[1]}", NOON + DAY, "Remind"),
        (f"remind-{lent[2]}", NOON + 2 * DAY, "Remind"),
    ]
    clock.set(NOON + 2 * DAY)
    assert await worker.overdue() == (2, DAY.total_seconds())


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
            await until(lambda: _pending(worker, 1))
    if meanwhile == "away":
        await worker.rebuild()
    async with at_work(worker):
        await settle(worker, store)
        await until(lambda: _pending(worker, 1))
    assert len(desk.asked) == len(past) == 50
    clock.set(NOON + 3 * DAY)
    async with at_work(worker):
        await until(lambda: reminders(store))


async def _pending(worker: Timers, count: int) -> bool:
    return len(await worker.pending(1_000)) == count


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
