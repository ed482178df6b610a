"""One view at work: pages of a log folded in memory and written in one statement with the view's new position."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import UUID

from shared.eventsourcing.connections import Connection, OwnConnection, persistently
from shared.eventsourcing.folding import Opener, fold
from shared.eventsourcing.positions import Positions
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rounds import Rounds
from shared.eventsourcing.rows import Lookup, Rows
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.table import Table

__all__ = [
    "IN_ORDER",
    "SETTINGS",
    "Fenced",
    "Lane",
    "Log",
    "OwnLog",
    "Projection",
    "Replaced",
    "Standing",
    "standing_of",
]

SETTINGS: Final = {
    "application_name": "projection",
    # The position commits with the rows: what a crash takes back is folded again.
    "synchronous_commit": "off",
    # Statements are planned once, perhaps while the table is empty: they must walk the index from the first.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}

IN_ORDER: Final = {
    "application_name": "queues",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_sort": "off",
}
"""Where an index has the order that is asked for, it is walked."""


class Fenced(Exception):
    """Another writer moved the read model: this one has lost the lead and must not go on."""


class Replaced(Exception):
    """What is in memory is of another table: a new one was swapped in, or a power failure took back the last pages."""


class Log(Protocol):
    """Where events come from, in order and without gaps."""

    async def head(self) -> int:
        """The last position there is."""
        ...

    def pages(self, after: int) -> AsyncGenerator[Sequence[Recorded]]:
        """What follows a position, for ever."""
        ...


@dataclass(frozen=True, slots=True)
class OwnLog:
    """The log of the service's own store."""

    store: EventStore
    page: int = 1000
    """Events at most that are folded and written at once."""

    async def head(self) -> int:
        return await self.store.head()

    def pages(self, after: int) -> AsyncGenerator[Sequence[Recorded]]:
        return self.store.all(after, self.page, follow=True)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the database says of a read model."""

    version: int
    shape: str
    build: UUID
    position: int


@dataclass(frozen=True, slots=True)
class _Step:
    """A read model goes on from a position to another, in a build."""

    name: str
    build: UUID
    was: int
    position: int


class Lane:
    """One connection, used in turn: that on which a projector's views write, or that on which queues are read."""

    def __init__(self, dsn: str, schema: str, settings: Mapping[str, str] = SETTINGS) -> None:
        self._own = OwnConnection(dsn, settings)
        self._turn = asyncio.Lock()
        self._steps: Rounds[list[_Step], set[str]] = Rounds(list, self._go_on)
        self._going_on = f"""
            with moved as (
                update {schema}.read_models r set position = s.position
                from unnest($1::text[], $2::uuid[], $3::bigint[], $4::bigint[]) as s (name, build, was, position)
                where r.name = s.name and r.build = s.build and r.position = s.was
                returning r.name, r.position
            )
            select name, pg_notify('{schema}_views', name || ' ' || position) from moved
        """

    async def run[T](self, call: Callable[[Connection], Awaitable[T]]) -> T:
        async with self._turn:
            return await call(await self._own.open())

    async def go_on(self, name: str, build: UUID, was: int, position: int) -> bool:
        """Move a read model past what changes none of its rows: one statement for all that do so now. False where it is
        not where it `was`."""
        return name in await self._steps.ask(lambda steps: steps.append(_Step(name, build, was, position)))

    async def _go_on(self, steps: Sequence[_Step]) -> set[str]:
        columns = zip(*((step.name, step.build, step.was, step.position) for step in steps), strict=True)
        rows = await self.run(lambda c: c.fetch(self._going_on, *map(list, columns)))
        return {row[0] for row in rows}

    async def close(self) -> None:
        await self._own.close()


class Projection[R]:
    """One view at work. Rows lately touched stay in memory: there is no other writer, or this one is fenced."""

    def __init__(self, table: Table[R], lane: Lane, positions: Positions, opener: Opener | None) -> None:
        self.table, self.view = table, table.view
        self._lane, self._positions, self._opener = lane, positions, opener
        self._build = UUID(int=0)
        self._rows: Rows[R] = Rows(self.view.key, self.view.lookups)
        self.position = 0

    async def settle(self) -> Standing:
        """Start from what the database holds, and from nothing else."""
        standing = await persistently(lambda: self._lane.run(lambda c: standing_of(c, self.table)))
        self._build, self.position = standing.build, standing.position
        self._rows = Rows(self.view.key, self.view.lookups)
        self._positions.moved(self.table.name, self.position)
        return standing

    async def take(self, page: Sequence[Recorded]) -> None:
        """Fold and write what of a page lies beyond the position. After an error, `settle` anew.

        Raises Fenced, Replaced, CannotFold, LogBroken, and what asyncpg raises.
        """
        if page[0].position <= self.position:
            page = page[self.position + 1 - page[0].position :]
        if not page:
            return
        end = await fold(self.view, self._rows, page, self.position, self, self._opener)
        written, removed = self._rows.take()
        build, was = self._build, self.position
        if not await self._write(was, end, written, removed):
            found = await self._lane.run(lambda c: standing_of(c, self.table))
            if found.build == build and found.position > was:
                raise Fenced(f"{self.view.name} is at {found.position}, not {was}")
            raise Replaced
        self.position = end
        self._positions.moved(self.table.name, end)

    async def _write(self, was: int, end: int, written: Sequence[R], removed: Sequence[Any]) -> bool:
        build = self._build
        if not (written or removed):
            return await self._lane.go_on(self.table.name, build, was, end)
        return await self._lane.run(lambda c: self.table.write(c, build, was, end, written, removed))

    async def load(self, keys: Sequence[Any]) -> list[R]:
        return await self._lane.run(lambda c: self.table.load(c, keys))

    async def look_up(self, lookup: Lookup, values: Sequence[Any]) -> list[R]:
        return await self._lane.run(lambda c: self.table.look_up(c, lookup, values))


async def standing_of(connection: Connection, table: Table[Any]) -> Standing:
    row = await connection.fetchrow(
        f"select version, shape, build, position from {table.schema}.read_models where name = $1", table.name
    )
    if row is None:
        raise LookupError(f"there is no read model {table.qualified}")
    return Standing(*row)
