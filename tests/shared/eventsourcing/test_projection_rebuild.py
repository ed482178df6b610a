"""Read models filled anew beside the ones that serve, which they then replace."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from shared.eventsourcing import rebuild
from shared.eventsourcing.codec import Codec
from shared.eventsourcing.folding import CannotFold
from shared.eventsourcing.projection import OwnLog
from shared.eventsourcing.projector import Projector
from shared.eventsourcing.reader import LogBroken
from shared.eventsourcing.rebuild import BeingBuilt
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.table import Table
from shared.eventsourcing.view import View, on
from shared.eventsourcing.view_specification import MemoryLog
from shared.schemas.messages import Event
from shared.schemas.money import fen
from tests.shared.eventsourcing.test_projection import LIMIT, another_process, assert_shows, running
from tests.shared.eventsourcing.toolshed import (
    CODEC,
    Bought,
    Lendings,
    Scrapped,
    ToolRow,
    Tools,
    busy_shed,
    history,
    record,
)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[EventStore]:
    async with EventStore(database_url, "shed", CODEC) as store:
        yield store


@dataclass(slots=True)
class PricedRow:
    tool: str
    yuan: int


class PricedTools(View[PricedRow]):
    """The second version of the tools: other columns under the same name."""

    name, version, key = "tools", 2, ("tool",)

    @on(Bought)
    def bought(self, rows: Rows[PricedRow], event: Bought, at: Recorded) -> None:
        rows.put(PricedRow(str(event.tool), event.price // 100))


async def leftovers(store: EventStore) -> list[str]:
    rows = await store.pool.fetch("select tablename from pg_tables where schemaname = 'shed' and tablename ~ '__next'")
    return [row["tablename"] for row in rows]


async def test_a_new_version_is_filled_while_the_old_serves_and_takes_its_place(store: EventStore) -> None:
    shed = busy_shed(tools=300, lendings=2000)
    receipt = await record(store, shed.events[:4000])
    async with running(Projector(store, [Tools()])) as projector:
        await projector.reached(receipt.position)
    async with running(Projector(store, [PricedTools()])) as projector:
        appending = asyncio.create_task(record(store, shed.events[4000:], at_once=3))
        answers = 0
        while not await _is_at_version(store, 2):
            assert await store.pool.fetchval("select count(*) from shed.tools") == 300
            answers += 1
        receipt = await appending
        await projector.reached(receipt.position, timeout=LIMIT)
        prices = {row.tool: row.yuan for row in await projector.some(PricedTools, "true")}
    assert answers > 0
    assert prices == {str(row.tool): row.price // 100 for row in shed.tools.values()}
    assert await leftovers(store) == []


async def _is_at_version(store: EventStore, version: int) -> bool:
    found: int = await store.pool.fetchval("select version from shed.read_models where name = 'tools'")
    return found == version


async def test_a_rebuild_beside_a_live_projection_loses_and_doubles_nothing(store: EventStore) -> None:
    shed = busy_shed(tools=100, lendings=3000)
    await record(store, shed.events[:2000])
    async with (
        running(Projector(store, [Tools(), Lendings()], OwnLog(store, page=20))) as live,
        Projector(store, [Tools(), Lendings()]) as operator,
    ):
        await live.reached(2000, timeout=LIMIT)
        await store.pool.execute("update shed.tools set times_lent = 77")
        appending = asyncio.create_task(record(store, shed.events[2000:], at_once=5))
        rebuilds = 0
        while not appending.done():
            await operator.rebuild(Tools)
            await operator.rebuild(Lendings)
            rebuilds += 1
        receipt = await appending
        await live.reached(receipt.position, timeout=LIMIT)
        await assert_shows(live, shed)
        assert live.failures == {}
    assert rebuilds > 0


async def test_what_was_readable_before_a_swap_is_readable_after_it(store: EventStore) -> None:
    await record(store, busy_shed(tools=100, lendings=1000).events)
    seen = [0]

    async def watch() -> None:
        while True:
            seen.append(await store.pool.fetchval("select position from shed.read_models where name = 'tools'"))

    async with (
        running(Projector(store, [Tools()], OwnLog(store, page=20))) as live,
        Projector(store, [Tools()]) as operator,
    ):
        await live.reached(2100, timeout=LIMIT)
        watching = asyncio.create_task(watch())
        appending = asyncio.create_task(record(store, busy_shed(tools=100, lendings=3000).events, at_once=5))
        while not appending.done():
            await operator.rebuild(Tools)
        watching.cancel()
    assert seen == sorted(seen)
    assert seen[-1] > 2100


async def test_a_live_projection_forgets_what_it_held_of_the_table_that_was_replaced(store: EventStore) -> None:
    shed = busy_shed(tools=5, lendings=10)
    receipt = await record(store, shed.events[:-10])
    async with running(Projector(store, [Tools(), Lendings()])) as projector:
        await projector.reached(receipt.position)
    await store.pool.execute("update shed.tools set times_lent = 77")
    async with running(Projector(store, [Tools(), Lendings()])) as projector:
        receipt = await record(store, shed.events[-10:-5])  # these load rows that are wrong
        await projector.reached(receipt.position)
        assert await projector.rebuild(Tools) == receipt.position
        receipt = await record(store, shed.events[-5:])
        await projector.reached(receipt.position)
        await assert_shows(projector, shed)


async def test_the_progress_of_a_rebuild_is_told(store: EventStore) -> None:
    await record(store, busy_shed(tools=50, lendings=200).events)
    told: list[tuple[int, int]] = []
    async with Projector(store, [Tools()], OwnLog(store, page=100)) as projector:
        position = await projector.rebuild(Tools, lambda done, total: told.append((done, total)))
    assert position == 450
    assert told == [(100, 450), (200, 450), (300, 450), (400, 450), (450, 450)]


async def test_an_empty_log_is_rebuilt_to_an_empty_table(store: EventStore) -> None:
    async with Projector(store, [Tools()]) as projector:
        assert await projector.rebuild(Tools) == 0
        assert await projector.some(Tools, "true") == []


async def test_of_two_rebuilds_of_one_view_the_second_is_refused(store: EventStore) -> None:
    class Endless:
        async def head(self) -> int:
            return 10**9

        def pages(self, after: int) -> AsyncGenerator[Sequence[Recorded]]:
            return MemoryLog(history(busy_shed(tools=5, lendings=0).events)).pages(after)

    async with Projector(store, [Tools()], Endless()) as one, Projector(store, [Tools(), Lendings()]) as other:
        begun = asyncio.Event()
        first = asyncio.create_task(one.rebuild(Tools, lambda _done, _total: begun.set()))
        await asyncio.wait_for(begun.wait(), LIMIT)
        with pytest.raises(BeingBuilt):
            await other.rebuild(Tools)
        await other.rebuild(Lendings)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await other.rebuild(Tools)
    assert await leftovers(store) == []


async def test_a_rebuild_that_fails_leaves_the_old_table_serving(store: EventStore) -> None:
    shed = busy_shed(tools=50, lendings=100)
    receipt = await record(store, shed.events)

    class Failing(Tools):
        @on(Bought)
        def bought(self, rows: Rows[ToolRow], event: Bought, at: Recorded) -> None:
            raise ValueError

    async with running(Projector(store, [Tools(), Lendings()])) as live, Projector(store, [Failing()]) as operator:
        await live.reached(receipt.position)
        with pytest.raises(CannotFold):
            await operator.rebuild(Failing)
        await assert_shows(live, shed)
    assert await leftovers(store) == []


async def test_what_a_killed_build_leaves_is_discarded_by_the_next(store: EventStore) -> None:
    shed = busy_shed(tools=200, lendings=6000)
    receipt = await record(store, shed.events)
    async with Projector(store, [Tools(), Lendings()]) as projector:
        async with another_process(store.dsn) as process:
            async with asyncio.timeout(LIMIT):
                while not await leftovers(store):
                    pass
            process.kill()
        async with another_process(store.dsn):
            await projector.reached(receipt.position, timeout=LIMIT)
        await assert_shows(projector, shed)
    assert await leftovers(store) == []


async def test_what_a_killed_operator_leaves_is_discarded_by_the_leader(store: EventStore) -> None:
    connection = await asyncpg.connect(store.dsn)
    async with Projector(store, [Tools()]):
        await rebuild.make_missing(connection, Table(store.schema, Tools(), rebuild.NEXT))
    await connection.close()
    assert await leftovers(store) == ["tools__next"]
    receipt = await record(store, busy_shed(tools=2, lendings=2).events)
    async with running(Projector(store, [Tools()])) as projector:
        await projector.reached(receipt.position)
    assert await leftovers(store) == []


@asynccontextmanager
async def long_reading(store: EventStore) -> AsyncIterator[None]:
    reader = await asyncpg.connect(store.dsn)
    try:
        async with reader.transaction():
            await reader.fetch("select * from shed.tools")
            yield
    finally:
        await reader.close()


async def test_a_swap_steps_back_from_a_long_reading_and_comes_again(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "SWAP_WAIT", "50ms")
    shed = busy_shed(tools=20, lendings=100)
    half = len(shed.events) // 2
    receipt = await record(store, shed.events[:half])
    async with running(Projector(store, [Tools(), Lendings()])) as projector:
        await projector.reached(receipt.position)
        async with long_reading(store):
            with pytest.raises(asyncpg.LockNotAvailableError):
                await projector.rebuild(Tools)
        monkeypatch.setattr(rebuild, "SWAP_ATTEMPTS", 1000)
        async with long_reading(store):
            rebuilding = asyncio.create_task(projector.rebuild(Tools))
            receipt = await record(store, shed.events[half:], at_once=1)
            await projector.reached(receipt.position, timeout=LIMIT)
            assert not rebuilding.done()
        await rebuilding
        await assert_shows(projector, shed)


async def test_statements_prepared_before_a_swap_read_the_new_table(store: EventStore) -> None:
    shed = busy_shed(tools=20, lendings=0)
    shed.happens(Scrapped(tool=next(iter(shed.tools))))
    receipt = await record(store, shed.events)
    async with running(Projector(store, [Tools(), Lendings()])) as projector:
        await projector.reached(receipt.position)
        await assert_shows(projector, shed)
        await store.pool.execute("delete from shed.tools")
        await projector.rebuild(Tools)
        await assert_shows(projector, shed)


@dataclass(slots=True)
class WorthRow:
    depot: str
    tools: int
    fen: int


class Worth(View[WorthRow]):
    """What was ever spent on each depot's tools; `folded` counts the events that went through Python."""

    name, version, key = "worth", 1, ("depot",)
    in_sql = """
        select data ->> 'depot', count(*), sum({schema}.fen(data ->> 'price'))
        from {events} where type = 'Bought' group by data ->> 'depot'"""
    folded = 0

    @on(Bought)
    def bought(self, rows: Rows[WorthRow], event: Bought, at: Recorded) -> None:
        self.folded += 1
        row = rows.find(event.depot) or WorthRow(event.depot, 0, 0)
        rows.put(WorthRow(event.depot, row.tools + 1, row.fen + event.price))


async def worth(projector: Projector) -> dict[str, tuple[int, int]]:
    return {row.depot: (row.tools, row.fen) for row in await projector.some(Worth, "true")}


async def test_a_view_that_says_itself_in_sql_is_filled_by_the_server_and_goes_on_by_folding(store: EventStore) -> None:
    shed = busy_shed(tools=300, lendings=100)
    view = Worth()
    async with running(Projector(store, [view])) as projector:
        receipt = await record(store, shed.events)
        await projector.reached(receipt.position, timeout=LIMIT)
        live, folded = await worth(projector), view.folded
        assert folded == 300
        told: list[tuple[int, int]] = []
        assert await projector.rebuild(Worth, lambda done, total: told.append((done, total))) == receipt.position
        assert (view.folded, told) == (folded, [(receipt.position, receipt.position)])
        assert await worth(projector) == live
        more = await record(store, busy_shed(tools=3, lendings=0).events)
        await projector.reached(more.position, timeout=LIMIT)
        assert sum(tools for tools, _ in (await worth(projector)).values()) == 303


async def test_a_hole_in_the_log_stops_the_server_as_it_stops_a_fold(store: EventStore) -> None:
    receipt = await record(store, busy_shed(tools=20, lendings=0).events)
    async with running(Projector(store, [Worth()])) as projector:
        await projector.reached(receipt.position, timeout=LIMIT)
        live = await worth(projector)
        await store.pool.execute("delete from shed.events where position = 7")
        with pytest.raises(LogBroken):
            await projector.rebuild(Worth)
        assert await worth(projector) == live
    assert await leftovers(store) == []


async def test_contents_of_an_older_schema_are_folded_for_sql_would_misread_them(database_url: str) -> None:
    class Bought(Event):
        schema_version = 2
        tool: UUID
        depot: str
        fen: int

    class Spent(View[WorthRow]):
        """The same of a newer log."""

        name, version, key = "worth", 1, ("depot",)
        in_sql = """
            select data ->> 'depot', count(*), sum((data ->> 'fen')::bigint)
            from {events} where type = 'Bought' group by data ->> 'depot'"""

        @on(Bought)
        def bought(self, rows: Rows[WorthRow], event: Bought, at: Recorded) -> None:
            row = rows.find(event.depot) or WorthRow(event.depot, 0, 0)
            rows.put(WorthRow(event.depot, row.tools + 1, row.fen + event.fen))

    def lifted(old: dict[str, Any]) -> dict[str, Any]:
        return {"tool": old["tool"], "depot": old["depot"], "fen": fen(old["price"])}

    async with EventStore(database_url, "shed", CODEC) as store:
        receipt = await record(store, busy_shed(tools=20, lendings=0).events)
    newer = Codec([Bought], {("Bought", 1): lifted})
    async with EventStore(database_url, "shed", newer) as store, running(Projector(store, [Spent()])) as projector:
        await projector.reached(receipt.position, timeout=LIMIT)
        live = {row.depot: row.fen for row in await projector.some(Spent, "true")}
        assert await projector.rebuild(Spent) == receipt.position
        assert {row.depot: row.fen for row in await projector.some(Spent, "true")} == live
