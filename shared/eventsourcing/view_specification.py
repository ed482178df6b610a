"""Specifications of read models that read as sentences: given these events, the view shows these rows.

    lines = ViewSpecification(Lines())
    lines.given(opened(LINE), disbursed(LINE, 900)).shows(LineRow(LINE, used=900))
    lines.given(happened(opened(LINE), at=JUNE), happened(closed(), stream=f"line-{LINE}")).shows()
    await lines.given(opened(LINE)).shows_in(store, LineRow(LINE))     # the same, through PostgreSQL

Each history is folded event by event with nothing in memory but what the view declares that it touches, every page
twice from the same place as after a crash, and once more in one go as a rebuild does: all must show the same rows.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from shared.eventsourcing.codec import Codec
from shared.eventsourcing.connections import Connection
from shared.eventsourcing.folding import fold
from shared.eventsourcing.positions import Positions
from shared.eventsourcing.projection import Lane, Projection
from shared.eventsourcing.rebuild import build, drop, make_missing
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Lookup, Rows
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.table import Table
from shared.eventsourcing.view import View
from shared.schemas.ids import new_id
from shared.schemas.messages import Event, Meta

__all__ = ["Happened", "MemoryLog", "ViewSpecification", "happened"]

NOON: Final = datetime(2025, 6, 3, 4, 0, tzinfo=UTC)
SOMETHING: Final = UUID(int=7 << 76 | 2 << 62)


@dataclass(frozen=True, slots=True)
class Happened:
    """An event, and what a view may know of it beside its content; None for what the specification says."""

    event: Event
    stream: str | None = None
    at: datetime | None = None
    actor: str | None = None


def happened(event: Event, stream: str | None = None, at: datetime | None = None, actor: str | None = None) -> Happened:
    """An event of a history whose stream, time or actor matters."""
    return Happened(event, stream, at, actor)


@dataclass(frozen=True)
class ViewSpecification[R]:
    """Of a view: `stream`, `at`, `actor` and `federation` are those of events for which a test says no other."""

    view: View[R]
    stream: str = f"something-{SOMETHING}"
    at: datetime = NOON
    actor: str = "system:specification"
    federation: str = "330503"

    def given(self, *history: Event | Happened) -> "Shown[R]":
        """Events in order. Personal fields stand in clear, or erased."""
        told = [one if isinstance(one, Happened) else Happened(one) for one in history]
        codec = Codec(())  # nothing is decoded: events stand as they were told
        versions: dict[str, int] = {}
        recorded = []
        for position, one in enumerate(told, 1):
            stream = one.stream or self.stream
            versions[stream] = versions.get(stream, 0) + 1
            recorded.append(self._recorded(codec, position, stream, versions[stream], one))
        return Shown(self.view, recorded)

    def _recorded(self, codec: Codec, position: int, stream: str, version: int, one: Happened) -> Recorded:
        time = one.at or self.at
        meta = Meta(
            federation=self.federation,
            actor=one.actor or self.actor,
            time=time,
            correlation=SOMETHING,
            causation=SOMETHING,
        )
        kind = type(one.event)
        recorded = Recorded(
            codec, position, stream, version, new_id(), kind.__name__, kind.schema_version, "", meta, time
        )
        vars(recorded)["event"] = one.event  # as it was told: opened, not sealed
        return recorded


@dataclass(frozen=True)
class Shown[R]:
    view: View[R]
    history: list[Recorded]

    @property
    def rows(self) -> list[R]:
        """What the view shows, by key."""
        return self._checked()

    def shows(self, *expected: R) -> None:
        """These rows, in any order, and no others."""
        self._compare(self._checked(), expected)

    async def shows_in(self, store: EventStore, *expected: R) -> None:
        """The same in PostgreSQL, in the store's schema; its log stays as it is. A table of the view is made anew."""
        table = Table(store.schema, self.view)
        log = MemoryLog(self.history)
        await store.install("read_models")
        lane = Lane(store.dsn, store.schema)
        try:
            await lane.run(lambda c: drop(c, table))
            await lane.run(lambda c: make_missing(c, table))
            await self._live(lane, table, store)
            self._compare(await table.select(store.pool, "true"), expected)
            await build(store.dsn, table, log)
            self._compare(await table.select(store.pool, "true"), expected)
            if self.view.in_sql:
                self._compare(await lane.run(lambda c: self._selected(c, table)), expected)
        finally:
            await lane.close()

    async def _selected(self, connection: Connection, table: Table[R]) -> list[R]:
        """The rows as the view says itself in SQL, of a log that holds this history."""
        async with connection.transaction():
            await connection.execute(
                f"create temp table told on commit drop as table {table.schema}.events with no data"
            )
            columns = ("position", "stream", "version", "type", "data", "meta")
            records = [
                (one.position, one.stream, one.version, one.type, Codec.encode(one.event), one.meta_json)
                for one in self.history
                if one.type in self.view.plans
            ]
            await connection.copy_records_to_table("told", columns=columns, records=records)
            await connection.execute(f"truncate {table.qualified}")
            rows = self.view.in_sql.format(events="told", schema=table.schema)
            await connection.execute(f"insert into {table.qualified} {rows}")
            return await table.select(connection, "true")

    async def _live(self, lane: Lane, table: Table[R], store: EventStore) -> None:
        projection = Projection(table, lane, Positions(store.dsn, store.schema), None)
        for recorded in self.history:
            await projection.settle()
            await lane.run(lambda c: c.execute("begin"))
            await projection.take([recorded])
            await lane.run(lambda c: c.execute("rollback"))
            await projection.settle()
            await projection.take([recorded])

    def _checked(self) -> list[R]:
        one_by_one = _Memory(self.view)
        for recorded in self.history:
            before = deepcopy(one_by_one.rows)
            one_by_one.fold([recorded])
            once, one_by_one.rows = one_by_one.rows, before
            one_by_one.fold([recorded])
            assert one_by_one.rows == once, (
                f"{recorded} folded twice from the same place: {once}, then {one_by_one.rows}"
            )
        in_one_go = _Memory(self.view, complete=True)
        in_one_go.fold(self.history)
        rows, rebuilt = self._sorted(one_by_one.rows.values()), self._sorted(in_one_go.rows.values())
        assert rows == rebuilt, f"event by event {rows}\n     in one go {rebuilt}"
        return rows

    def _compare(self, shown: Iterable[R], expected: Sequence[R]) -> None:
        rows, wanted = self._sorted(shown), self._sorted(expected)
        assert rows == wanted, f"\nexpected {wanted}\n   shown {rows}"

    def _sorted(self, rows: Iterable[R]) -> list[R]:
        key: Callable[[R], Any] = attrgetter(*self.view.key)
        return sorted(rows, key=key)


class MemoryLog:
    """A log that holds a history, and to which nothing is added."""

    def __init__(self, history: Sequence[Recorded], page: int = 1000) -> None:
        self._history, self._page = history, page

    async def head(self) -> int:
        return len(self._history)

    async def pages(self, after: int) -> AsyncGenerator[Sequence[Recorded]]:
        for start in range(after, len(self._history), self._page):
            yield self._history[start : start + self._page]
        await asyncio.Event().wait()


class _Memory[R]:
    """A table in memory, from which only what is asked for is loaded."""

    def __init__(self, view: View[R], *, complete: bool = False) -> None:
        self.rows: dict[Any, R] = {}
        self._view, self._complete = view, complete
        self._key: Callable[[R], Any] = attrgetter(*view.key)

    def fold(self, page: Sequence[Recorded]) -> None:
        rows = Rows[R](self._view.key, self._view.lookups, complete=self._complete)
        if page:
            _at_once(fold(self._view, rows, page, page[0].position - 1, self))
        written, removed = rows.take()
        for at in removed:
            self.rows.pop(at, None)
        self.rows.update((self._key(row), row) for row in written)

    async def load(self, keys: Sequence[Any]) -> list[R]:
        return [deepcopy(self.rows[at]) for at in keys if at in self.rows]

    async def look_up(self, lookup: Lookup, values: Sequence[Any]) -> list[R]:
        of = attrgetter(*lookup)
        return [deepcopy(row) for row in self.rows.values() if of(row) in values]


def _at_once(work: Coroutine[Any, Any, Any]) -> None:
    """Run what never waits, in or outside of an event loop."""
    try:
        work.send(None)
    except StopIteration:
        return
    raise RuntimeError("a fold in memory waited for something")
