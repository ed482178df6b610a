"""Whatever happened, and however its folding was cut up and broken off, a read model shows the same."""

from collections.abc import AsyncIterator
from operator import attrgetter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.eventsourcing import rebuild, rows
from shared.eventsourcing.positions import Positions
from shared.eventsourcing.projection import Lane, Projection
from shared.eventsourcing.rebuild import build, drop, make_missing
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.table import Table
from shared.eventsourcing.view import View
from shared.eventsourcing.view_specification import MemoryLog, ViewSpecification
from tests.shared.eventsourcing.toolshed import CODEC, Lendings, Shed, Tools, history, sheds

on_postgres = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
VIEWS: list[View[Any]] = [Tools(), Lendings()]


def truth(shed: Shed, view: View[Any]) -> list[Any]:
    true = shed.tools if isinstance(view, Tools) else shed.lendings
    return sorted(true.values(), key=attrgetter(*view.key))


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[EventStore]:
    async with EventStore(database_url, "shed", CODEC) as store:
        await store.install("read_models")
        yield store


@pytest.fixture
async def lane(store: EventStore) -> AsyncIterator[Lane]:
    lane = Lane(store.dsn, store.schema)
    yield lane
    await lane.close()


async def shown(table: Table[Any], store: EventStore) -> list[Any]:
    return sorted(await table.select(store.pool, "true"), key=attrgetter(*table.view.key))


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
@given(shed=sheds())
def test_folding_event_by_event_and_in_one_go_tells_the_truth(view: View[Any], shed: Shed) -> None:
    ViewSpecification(view).given(*shed.events).shows(*truth(shed, view))


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
@on_postgres
@given(shed=sheds(), data=st.data())
async def test_pages_of_any_size_with_crashes_between_them_tell_the_truth(
    store: EventStore, lane: Lane, view: View[Any], shed: Shed, data: st.DataObject
) -> None:
    table = Table(store.schema, view)
    await lane.run(lambda c: drop(c, table))
    await lane.run(lambda c: make_missing(c, table))
    projection = Projection(table, lane, Positions(store.dsn, store.schema), None)
    await projection.settle()
    log = history(shed.events)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "HELD", data.draw(st.integers(0, 10), "rows held between pages"))
        while rest := log[projection.position :]:
            page = rest[: data.draw(st.integers(1, 12), "events in the page")]
            match data.draw(st.sampled_from(["goes well", "goes well", "is rolled back", "is given again"])):
                case "is rolled back":
                    await _rolled_back(lane, projection, page)
                case "is given again":
                    await projection.take(page)
                    await projection.settle()
                    await projection.take(page)
                case _:
                    await projection.take(page)
    assert await shown(table, store) == truth(shed, view)


async def _rolled_back(lane: Lane, projection: Projection[Any], page: list[Recorded]) -> None:
    await lane.run(lambda c: c.execute("begin"))
    await projection.take(page)
    await lane.run(lambda c: c.execute("rollback"))
    await projection.settle()


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
@on_postgres
@given(shed=sheds(most=80), in_memory=st.integers(0, 10), flushed=st.integers(0, 20), size=st.integers(1, 7))
async def test_a_build_tells_the_truth_however_little_fits_in_memory(
    store: EventStore, lane: Lane, view: View[Any], shed: Shed, in_memory: int, flushed: int, size: int
) -> None:
    table = Table(store.schema, view)
    await lane.run(lambda c: drop(c, table))
    await lane.run(lambda c: make_missing(c, table))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rebuild, "FLUSHED_AT_ONCE", flushed)
        position = await build(store.dsn, table, MemoryLog(history(shed.events), size), in_memory=in_memory)
    assert position == len(shed.events)
    assert await shown(table, store) == truth(shed, view)
