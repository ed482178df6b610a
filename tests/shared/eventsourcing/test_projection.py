"""Read models at work: kept up with the log, alone, beside others, and after whatever breaks."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from structlog.testing import capture_logs

from deploy.local.ports import free_port
from deploy.local.postgres import FAST, PostgresServer
from shared.eventsourcing import positions
from shared.eventsourcing import projector as projector_module
from shared.eventsourcing.folding import fold
from shared.eventsourcing.projection import Fenced, OwnLog
from shared.eventsourcing.projector import Projector, ShapeChanged
from shared.eventsourcing.reader import LogBroken
from shared.eventsourcing.rebuild import NewerCode
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.tasks import end
from shared.eventsourcing.view import View, on
from shared.schemas.ids import new_id
from tests.shared.eventsourcing.toolshed import (
    CODEC,
    Bought,
    Kind,
    LendingRow,
    Lendings,
    Scrapped,
    Shed,
    ToolRow,
    Tools,
    busy_shed,
    history,
    record,
)

LIMIT = 30


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[EventStore]:
    async with EventStore(database_url, "shed", CODEC) as store:
        yield store


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projector_module, "FIRST_PAUSE", 0.01)


@asynccontextmanager
async def running(projector: Projector) -> AsyncIterator[Projector]:
    async with projector:
        work = asyncio.create_task(projector.run())
        try:
            yield projector
        finally:
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work


@asynccontextmanager
async def another_process(url: str, page: int = 1000) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.shared.eventsourcing.toolshed_projector", url, str(page)
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def assert_shows(projector: Projector, shed: Shed) -> None:
    tools = await projector.some(Tools, "true")
    lendings = await projector.some(Lendings, "true")
    assert {row.tool: row for row in tools} == shed.tools
    assert {(row.tool, row.number): row for row in lendings} == shed.lendings


async def test_a_writer_reads_their_own_write(store: EventStore) -> None:
    shed = busy_shed(tools=3, lendings=6)
    async with running(Projector(store, [Tools(), Lendings()])) as projector:
        for event in shed.events:
            receipt = await record(store, [event])
            await projector.reached(receipt.position)
        await assert_shows(projector, shed)


async def test_a_writer_reads_their_own_write_where_another_process_leads(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(positions, "POLL", LIMIT)
    shed = Shed()
    async with Projector(store, [Tools(), Lendings()]) as projector, another_process(store.dsn):
        for event in busy_shed(tools=5, lendings=20).events:
            shed.happens(event)
            receipt = await record(store, [event])
            await projector.reached(receipt.position, timeout=LIMIT)
            await assert_shows(projector, shed)


async def test_waiting_for_a_position_ends_at_the_limit(store: EventStore) -> None:
    async with Projector(store, [Tools()]) as projector:
        with pytest.raises(TimeoutError):
            await projector.reached(1, Tools, timeout=0.01)


async def test_a_row_is_found_by_its_key(store: EventStore) -> None:
    shed = busy_shed(tools=2, lendings=2)
    receipt = await record(store, shed.events)
    async with running(Projector(store, [Tools(), Lendings()])) as projector:
        await projector.reached(receipt.position)
        for (tool, number), lending in shed.lendings.items():
            assert await projector.one(Lendings, tool, number) == lending
            assert await projector.one(Lendings, tool, number + 1) is None


async def test_a_projecting_process_that_is_killed_again_and_again_loses_and_doubles_nothing(store: EventStore) -> None:
    shed = busy_shed(tools=50, lendings=4000)
    receipt = await record(store, shed.events)
    async with Projector(store, [Tools(), Lendings()]) as projector:
        for share in (0.1, 0.3, 0.6):
            async with another_process(store.dsn, page=25) as process:
                await projector.reached(int(receipt.position * share), timeout=LIMIT)
                process.kill()
            assert min(projector.positions().values()) < receipt.position, "killed after the end"
        async with another_process(store.dsn):
            await projector.reached(receipt.position, timeout=LIMIT)
        await assert_shows(projector, shed)


async def test_a_broken_connection_is_opened_anew(store: EventStore) -> None:
    shed = busy_shed(tools=10, lendings=500)
    async with running(Projector(store, [Tools(), Lendings()], OwnLog(store, page=10))) as projector:
        for start in range(0, len(shed.events), 100):
            receipt = await record(store, shed.events[start : start + 100])
            await store.pool.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'projection'"
            )
        await projector.reached(receipt.position, timeout=LIMIT)
        await assert_shows(projector, shed)
        assert projector.failures == {}


async def test_of_two_writers_one_is_fenced(store: EventStore) -> None:
    shed = busy_shed(tools=10, lendings=1000)
    async with (
        Projector(store, [Tools()], OwnLog(store, page=5)) as one,
        Projector(store, [Tools()], OwnLog(store, page=7)) as other,
    ):
        writers = [asyncio.create_task(projector.run()) for projector in (one, other)]
        receipt = await record(store, shed.events)
        done, pending = await asyncio.wait(writers, timeout=LIMIT, return_when=asyncio.FIRST_COMPLETED)
        assert [type(writer.exception()) for writer in done] == [Fenced]
        await one.reached(receipt.position, timeout=LIMIT)
        assert {row.tool: row for row in await one.some(Tools, "true")} == shed.tools
        for writer in pending:
            writer.cancel()
        await asyncio.wait(pending)


class Fragile(View[ToolRow]):
    """Fails on ladders until it is mended."""

    name, version, key = "fragile", 1, ("tool",)
    mended = False

    @on(Bought)
    def bought(self, rows: Rows[ToolRow], event: Bought, at: Recorded) -> None:
        if event.kind is Kind.LADDER and not self.mended:
            raise ValueError(f"the price was {event.price}")
        rows.put(ToolRow(event.tool, event.kind, event.depot, event.price))


async def test_a_view_that_fails_stops_says_so_and_skips_nothing_while_the_others_go_on(store: EventStore) -> None:
    shed = busy_shed(tools=30, lendings=0)
    shed.happens(Bought(tool=new_id(), kind=Kind.LADDER, depot="north", price=4711))
    for event in busy_shed(tools=30, lendings=0).events:
        shed.happens(event)
    fragile = Fragile()
    with capture_logs() as logs:
        async with running(Projector(store, [fragile, Tools()], OwnLog(store, page=10))) as projector:
            receipt = await record(store, shed.events)
            await projector.reached(receipt.position, Tools)
            await until(lambda: "fragile" in projector.failures)
            assert projector.failures == {"fragile": "ValueError"}
            assert len(await projector.some(Fragile, "true")) == 30
            assert projector.positions()["fragile"] == 30
            fragile.mended = True
            await projector.reached(receipt.position, timeout=LIMIT)
            assert projector.failures == {}
            assert {row.tool: row for row in await projector.some(Fragile, "true")} == shed.tools
    [first, *_] = [entry for entry in logs if entry["log_level"] == "error"]
    assert (first["view"], first["position"], first["type"]) == ("fragile", 31, "Bought")
    assert "4711" not in str(logs), "what an event holds must not be logged"


async def test_a_view_that_comes_later_catches_up_and_goes_along(store: EventStore) -> None:
    shed = busy_shed(tools=10, lendings=1000)
    half = len(shed.events) // 2
    receipt = await record(store, shed.events[:half])
    async with running(Projector(store, [Tools()])) as projector:
        await projector.reached(receipt.position)
    with capture_logs() as logs:
        async with running(Projector(store, [Tools(), Lendings()], OwnLog(store, page=20))) as projector:
            receipt = await record(store, shed.events[half:], at_once=1)
            await projector.reached(receipt.position, timeout=LIMIT)
            await assert_shows(projector, shed)
    assert logs == []


async def test_what_a_crash_of_the_database_took_back_is_folded_again() -> None:
    """Pages are committed without waiting for the disk: a crash may lose the last ones, with their position."""
    shed = busy_shed(tools=10, lendings=1000)
    with (
        TemporaryDirectory(prefix="niangjia-tests-", ignore_cleanup_errors=True) as folder,
        PostgresServer(Path(folder) / "postgres", free_port(), FAST) as server,
    ):
        async with (
            EventStore(server.url(), "shed", CODEC) as store,
            running(Projector(store, [Tools(), Lendings()], OwnLog(store, page=10))) as projector,
        ):
            quarter = len(shed.events) // 4
            for start in (0, quarter, 2 * quarter):
                receipt = await record(store, shed.events[start : start + quarter], at_once=5)
                await projector.reached(receipt.position - 20, timeout=LIMIT)
                server.kill()
                server.start()
            receipt = await record(store, shed.events[3 * quarter :])
            await projector.reached(receipt.position, timeout=LIMIT)
            await assert_shows(projector, shed)
            assert projector.failures == {}


async def test_nobody_is_told_that_a_read_model_has_what_a_crash_took_back() -> None:
    shed = busy_shed(tools=10, lendings=10)
    with (
        TemporaryDirectory(prefix="niangjia-tests-", ignore_cleanup_errors=True) as folder,
        PostgresServer(Path(folder) / "postgres", free_port(), FAST) as server,
    ):
        async with (
            EventStore(server.url(), "shed", CODEC) as store,
            Projector(store, [Tools(), Lendings()]) as projector,
        ):
            receipt = await record(store, shed.events)
            working = asyncio.create_task(projector.run())
            await projector.reached(receipt.position, timeout=LIMIT)
            await end(working)
            await store.pool.execute("truncate shed.tools, shed.lendings")
            await store.pool.execute("update shed.read_models set position = 0")
            server.kill()
            await asyncio.to_thread(server.start)
            with pytest.raises(TimeoutError):
                await projector.reached(receipt.position, timeout=2)
            working = asyncio.create_task(projector.run())
            await projector.reached(receipt.position, timeout=LIMIT)
            await assert_shows(projector, shed)
            await end(working)


async def test_pages_that_were_taken_back_are_folded_again(store: EventStore) -> None:
    shed = busy_shed(tools=10, lendings=200)
    half = len(shed.events) // 2
    receipt = await record(store, shed.events[:half])
    async with running(Projector(store, [Tools(), Lendings()])) as projector:
        await projector.reached(receipt.position)
        await store.pool.execute("create table shed.kept as table shed.tools")
        receipt = await record(store, shed.events[half:-1])
        await projector.reached(receipt.position)
        await store.pool.execute(
            f"""
            truncate shed.tools;
            insert into shed.tools table shed.kept;
            update shed.read_models set position = {half} where name = 'tools';
            """
        )
        receipt = await record(store, shed.events[-1:])
        await projector.reached(receipt.position, timeout=LIMIT)
        await assert_shows(projector, shed)
        assert projector.failures == {}


async def test_events_of_other_types_are_passed_over_undecoded(store: EventStore) -> None:
    receipt = await record(store, busy_shed(tools=3, lendings=3).events)
    await store.pool.execute("update shed.events set schema = 99 where type in ('Lent', 'Returned')")

    class Purchases(View[LendingRow]):
        name, version, key = "purchases", 1, ("tool",)

        @on(Scrapped)
        def scrapped(self, rows: Rows[LendingRow], event: Scrapped, at: Recorded) -> None:
            rows.remove(event.tool)

    async with running(Projector(store, [Purchases()])) as projector:
        await projector.reached(receipt.position)
        assert projector.failures == {}


async def test_a_missing_position_is_never_read_past() -> None:
    log = history(busy_shed(tools=5, lendings=0).events)
    view = Tools()
    with pytest.raises(LogBroken):
        await fold(view, Rows(view.key, view.lookups, complete=True), [log[0], log[2]], 0)


@dataclass(slots=True)
class HeavyToolRow(ToolRow):
    kilograms: int | None = None


async def test_a_row_that_changed_without_a_new_version_is_refused(store: EventStore) -> None:
    class Changed(View[HeavyToolRow]):
        name, version, key = "tools", 1, ("tool",)

    async with Projector(store, [Tools()]):
        pass
    await assert_stops(store, Changed(), ShapeChanged)


async def test_older_code_leaves_a_newer_table_alone(store: EventStore) -> None:
    class Newer(View[ToolRow]):
        name, version, key = "tools", 2, ("tool",)

    async with Projector(store, [Newer()]):
        pass
    await assert_stops(store, Tools(), NewerCode)
    async with Projector(store, [Tools()]) as operator:
        with pytest.raises(NewerCode):
            await operator.rebuild(Tools)


async def assert_stops(store: EventStore, view: View[ToolRow], why: type[Exception]) -> None:
    async with running(Projector(store, [view])) as projector:
        await until(lambda: projector.failures == {"tools": why.__name__})


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT):
        while not holds():  # noqa: ASYNC110 - conditions of another's, which sets no event
            await asyncio.sleep(0.005)
