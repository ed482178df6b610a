"""Whoever reads the log sees every event, once and in order, whoever writes meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from functools import partial
from uuid import UUID

import asyncpg
import pytest

from shared.eventsourcing import reader, wakeup
from shared.eventsourcing.connections import persistently
from shared.eventsourcing.reader import LogBroken
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.tasks import end
from shared.eventsourcing.writer import Conflict
from shared.schemas.ids import new_id
from tests.shared.eventsourcing.savings import CODEC, FACTS, NOON, Deposited, commit, deposits
from tests.waiting import until

LI = f"passbook-{new_id()}"

WRITERS = 32
COMMITS = 60
"""Of each writer."""


@pytest.fixture
async def admin(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def grown(store: EventStore, events: int) -> None:
    await store.append(commit((LI, None, deposits(*range(1, events + 1)))))


def sizes(pages: Sequence[Sequence[Recorded]]) -> list[int]:
    return [len(page) for page in pages]


async def test_a_reader_that_tails_under_32_writers_misses_nothing(
    store: EventStore, database_url: str, admin: asyncpg.Connection
) -> None:
    async with EventStore(database_url, "savings", CODEC) as other:
        appended: dict[int, UUID] = {}

        async def write(number: int) -> None:
            writer = (store, other)[number % 2]
            for n in range(COMMITS):
                stream = f"passbook-{(number + n) % 20}"
                expected = None if n % 3 else len(await writer.stream(stream))
                one = commit((stream, expected, deposits(*range(1, n % 3 + 2))))
                try:
                    receipt = await writer.append(one)
                except (Conflict, asyncpg.RaiseError):
                    continue
                events = one.writes[0].events
                for back, event in enumerate(reversed(events)):
                    appended[receipt.position - back] = event.id

        async def stall() -> None:
            """Stop whoever is about to commit, until others wait behind them; time and again."""
            while not writing.done():
                await admin.execute("select pg_advisory_lock(42)")
                await until(
                    lambda: writing.done() or admin.fetchval("select exists (select from pg_locks where not granted)")
                )
                await admin.execute("select pg_advisory_unlock(42)")

        await admin.execute(DISTURBANCE)
        writing = asyncio.gather(*(write(number) for number in range(WRITERS)))
        readers = [asyncio.create_task(tail(one, page)) for one in (store, other) for page in (1000, 10)]
        stalling = asyncio.create_task(stall())
        await writing
        await stalling
        await admin.execute("alter table savings.commits disable trigger disturbance")
        await store.append(commit(("passbook-end", None, deposits(1))))
        for seen in await asyncio.gather(*readers):
            assert [recorded.position for recorded in seen] == list(range(1, len(appended) + 2))
            assert {recorded.position: recorded.id for recorded in seen[:-1]} == appended
            assert versions_in_order(seen)


DISTURBANCE = """
create function savings.disturb() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock_shared(42);
    if get_byte(uuid_send(new.id), 15) % 16 = 0 then
        raise 'rolled back when all was done';
    end if;
    return null;
end $$;
create constraint trigger disturbance after insert on savings.commits
    deferrable initially deferred for each row execute function savings.disturb()
"""


async def tail(store: EventStore, page: int) -> list[Recorded]:
    """Everything up to the event in the stream `passbook-end`."""
    seen: list[Recorded] = []
    async with aclosing(store.all(page=page, follow=True)) as pages:
        async for found in pages:
            seen += found
            if seen[-1].stream == "passbook-end":
                return seen
    raise AssertionError("a reader that follows never ends")


def versions_in_order(seen: Sequence[Recorded]) -> bool:
    versions: dict[str, int] = {}
    for recorded in seen:
        if recorded.version != versions.get(recorded.stream, 0) + 1:
            return False
        versions[recorded.stream] = recorded.version
    return True


@pytest.mark.parametrize(
    ("events", "after", "pages"),
    [
        (0, 0, []),
        (1, 0, [1]),
        (9, 0, [9]),
        (10, 0, [10]),
        (25, 0, [10, 10, 5]),
        (30, 0, [10, 10, 10]),
        (30, 7, [10, 10, 3]),
        (30, 30, []),
    ],
)
async def test_the_log_comes_in_pages(store: EventStore, events: int, after: int, pages: list[int]) -> None:
    if events:
        await grown(store, events)
    found = [page async for page in store.all(after=after, page=10)]
    assert sizes(found) == pages
    assert [recorded.position for page in found for recorded in page] == list(range(after + 1, events + 1))


async def test_an_event_comes_back_as_it_was_recorded(store: EventStore) -> None:
    one = commit((LI, 0, deposits(7)))
    receipt = await store.append(one)
    ((recorded,),) = [page async for page in store.all()]
    assert recorded.event == Deposited(amount=7)
    assert (recorded.stream, recorded.version, recorded.position) == (LI, 1, receipt.position)
    assert (recorded.id, recorded.type, recorded.schema) == (one.writes[0].events[0].id, "Deposited", 1)
    assert recorded.meta.causation == one.id
    assert (recorded.meta.federation, recorded.meta.time) == (FACTS.federation, NOON)


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The pages that readers have fetched so far."""
    pages: list[object] = []

    async def watched[T](fetch: Callable[[], Awaitable[T]]) -> T:
        pages.append(page := await persistently(fetch))
        return page

    monkeypatch.setattr(reader, "persistently", watched)
    return pages


async def test_the_next_page_is_fetched_while_one_is_worked_on(
    store: EventStore, admin: asyncpg.Connection, fetched: list[object]
) -> None:
    await grown(store, 30)
    async with aclosing(store.all(page=10)) as pages:
        await anext(pages)
        await until(lambda: len(fetched) == 2)
        await admin.execute("delete from savings.events where position between 11 and 20")
        assert [recorded.position for recorded in await anext(pages)] == list(range(11, 21))


async def test_a_reader_that_leaves_early_leaves_no_connection(store: EventStore, admin: asyncpg.Connection) -> None:
    await grown(store, 30)
    connections = "select count(*) from pg_stat_activity where datname = current_database()"
    before = await admin.fetchval(connections)
    for _ in range(5):
        async with aclosing(store.all(page=10)) as pages:
            await anext(pages)
    await until(lambda: admin.fetchval(f"select ({connections}) = {before}"))


@pytest.mark.parametrize("hole", [1, 5, 10, 11, 15, 21])
async def test_nobody_reads_past_a_hole(store: EventStore, admin: asyncpg.Connection, hole: int) -> None:
    await grown(store, 25)
    await admin.execute("delete from savings.events where position = $1", hole)
    seen: list[int] = []

    async def read() -> None:
        async for page in store.all(page=10):
            seen.extend(recorded.position for recorded in page)

    with pytest.raises(LogBroken):
        await read()
    assert seen == list(range(1, (hole - 1) // 10 * 10 + 1))


async def test_a_reader_is_woken_by_its_own_process_and_by_others(
    store: EventStore, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wakeup, "POLL", 600.0)
    async with EventStore(database_url, "savings", CODEC) as other, aclosing(store.all(follow=True)) as pages:
        await until(lambda: listening(store))
        for n, writer in enumerate((store, other, store, other), 1):
            page = asyncio.ensure_future(anext(pages))
            await writer.append(commit((LI, None, deposits(n))))
            async with asyncio.timeout(15):
                assert [recorded.position for recorded in await page] == [n]


async def listening(store: EventStore) -> bool:
    found: bool = await store.pool.fetchval(
        "select exists (select from pg_stat_activity where query ilike 'listen%' and datname = current_database())"
    )
    return found


async def test_a_reader_finds_what_nobody_told_it_of(store: EventStore, admin: asyncpg.Connection) -> None:
    async with aclosing(store.all(follow=True)) as pages:
        page = asyncio.ensure_future(anext(pages))
        await admin.execute(
            "insert into savings.events values (1, 'passbook-1', 1, uuidv7(), 'Deposited', 1, '{}', '{}', now())"
        )
        async with asyncio.timeout(15):
            assert len(await page) == 1


async def test_what_is_appended_while_the_last_full_page_is_worked_on_is_not_waited_for(
    store: EventStore, fetched: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wakeup, "POLL", 600.0)
    await grown(store, 10)
    async with aclosing(store.all(page=10, follow=True)) as pages:
        await anext(pages)
        await until(lambda: len(fetched) == 2)
        await grown(store, 1)
        async with asyncio.timeout(15):
            assert sizes([await anext(pages)]) == [1]


async def test_a_reader_that_has_read_all_looks_again_only_when_there_is_more(
    store: EventStore, fetched: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wakeup, "POLL", 600.0)
    seen: list[int] = []

    async def read() -> None:
        async for page in store.all(follow=True):
            seen.extend(recorded.position for recorded in page)

    def has_seen(number: int) -> bool:
        return len(seen) == number

    reading = asyncio.create_task(read())
    await until(lambda: len(fetched) == 1)
    for number in range(1, 11):
        await grown(store, 1)
        await until(partial(has_seen, number))
    await end(reading)
    assert len(fetched) == 1 + 10


async def test_a_reader_outlives_its_connection(store: EventStore, admin: asyncpg.Connection) -> None:
    seen: list[int] = []

    async def read() -> None:
        async for page in store.all(page=10, follow=True):
            seen.extend(recorded.position for recorded in page)

    def reached(position: int) -> bool:
        return position in seen

    reading = asyncio.create_task(read())
    for n in range(10):
        await store.append(commit((LI, None, deposits(n + 1))))
        await until(partial(reached, n + 1))
        await admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )
    reading.cancel()
    assert seen == list(range(1, 11))
