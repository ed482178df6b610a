"""Timers: each deadline acts once, at its time or as soon after as there is anybody to act."""

import asyncio
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
from shared.schemas.messages import Command, Meta
from tests.shared.eventsourcing.lending import (
    CODEC,
    COMMANDS,
    NOON,
    Desk,
    Lent,
    Remind,
    Returned,
    StandingClock,
    at_work,
    deadlines,
)
from tests.shared.eventsourcing.watching import BOOK, lend, pending, record_of, reminders, settle
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
    assert await record_of(store) == (NOON + DAY, "done", 1)


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
        assert await record_of(store) == (None, None, 0)
        assert len(desk.asked) == 1
        clock.set(NOON + 3 * DAY)
        await settle(worker, store)
    assert await reminders(store) == (1 if fails else 2)
    assert await record_of(store) == (NOON + 3 * DAY, "done", 1)


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
    assert await record_of(store) == (NOON, "done", 1)


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
    assert await record_of(store) == (NOON + DAY, "refused not_lent", 1)
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
    assert await record_of(store) == (NOON, "done", 4)
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
            await until(lambda: pending(worker, 599))
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
        await settle(worker, store, 60)
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
