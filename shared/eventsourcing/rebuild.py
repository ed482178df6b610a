"""Filling a read model anew, in a table beside the one that serves, which it then replaces.

Rows are folded in memory and copied into the bare table at the end; where they are too many to hold, they are
written out in between. A view that says itself in SQL is filled by the server. Readers of the old table wait for no
more than the swap. A live projection that goes on meanwhile finds the build changed at its next page, and continues on
the new table.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, Final

import asyncpg

from shared.eventsourcing.connections import Connection, connected
from shared.eventsourcing.folding import Opener, fold
from shared.eventsourcing.projection import SETTINGS, Log, OwnLog, standing_of
from shared.eventsourcing.reader import LogBroken
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Lookup, Rows
from shared.eventsourcing.table import Table
from shared.schemas.ids import new_id

__all__ = ["BeingBuilt", "NewerCode", "Progress", "build", "discard", "drop", "make_missing"]

type Progress = Callable[[int, int], None]
"""Called with how many events are folded, of how many."""

BUILD_LOCK: Final = 7013

IN_MEMORY: Final = 50_000
"""Rows that a build holds in memory."""

FLUSHED_AT_ONCE: Final = 5_000
"""Changed rows that a build writes at once, when it can't hold all."""

SORTED_IN_MEMORY: Final = "256MB"
"""What PostgreSQL may use for a model that it fills by itself."""

SWAP_ATTEMPTS: Final = 5
SWAP_WAIT: Final = "3s"
"""How long a swap waits for readers, and makes new ones wait, before it steps back."""

NEXT: Final = "__next"


class BeingBuilt(Exception):
    """The read model is being filled by somebody else just now."""


class NewerCode(Exception):
    """The table was filled by a newer version of the view than this code has."""


async def make_missing(connection: Connection, table: Table[Any]) -> None:
    """Make a read model's table if there is none: empty, at position 0."""
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", BUILD_LOCK)
        if not await connection.fetchval(f"select true from {table.schema}.read_models where name = $1", table.name):
            await _make(connection, table)
            await connection.execute(table.constrain())


async def discard(dsn: str, table: Table[Any]) -> None:
    """Drop what a build that was killed has left, unless one is at work."""
    async with connected(dsn) as connection, connection.transaction():
        if await connection.fetchval("select pg_try_advisory_xact_lock($1, hashtext($2))", BUILD_LOCK, table.qualified):
            await drop(connection, Table(table.schema, table.view, NEXT))


async def build(
    dsn: str,
    table: Table[Any],
    log: Log,
    opener: Opener | None = None,
    progress: Progress | None = None,
    in_memory: int = IN_MEMORY,
) -> int:
    """Fill a read model anew and swap it in; the position it stands at.

    Raises BeingBuilt, NewerCode, CannotFold, LogBroken, and what asyncpg raises: the old table then serves as before.
    """
    async with connected(dsn, {**SETTINGS, "application_name": "build of a read model"}) as connection:
        if not await connection.fetchval("select pg_try_advisory_lock($1, hashtext($2))", BUILD_LOCK, table.qualified):
            raise BeingBuilt(table.qualified)
        if (version := (await standing_of(connection, table)).version) > table.view.version:
            raise NewerCode(f"{table.qualified} is at version {version}, this code at {table.view.version}")
        building = _Build(connection, table, log, opener, progress or (lambda _done, _total: None), in_memory)
        try:
            await building.fill()
            return await building.replace()
        except BaseException:
            with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await drop(connection, building.next)
            raise


class _Build[R]:
    def __init__(
        self,
        connection: Connection,
        table: Table[R],
        log: Log,
        opener: Opener | None,
        progress: Progress,
        in_memory: int,
    ) -> None:
        self.table, self.view = table, table.view
        self.next = Table(table.schema, table.view, NEXT)
        self._connection, self._log, self._opener = connection, log, opener
        self._progress, self._in_memory = progress, in_memory
        self._rows: Rows[R] = Rows(self.view.key, self.view.lookups, complete=True)
        self._position = self._written = 0

    def load(self, keys: Sequence[Any]) -> Awaitable[list[R]]:
        return self.next.load(self._connection, keys)

    def look_up(self, lookup: Lookup, values: Sequence[Any]) -> Awaitable[list[R]]:
        return self.next.look_up(self._connection, lookup, values)

    async def fill(self) -> None:
        """Fold the log as it stands, then what was appended meanwhile."""
        async with self._connection.transaction():
            await drop(self._connection, self.next)
            self._build = await _make(self._connection, self.next)
        if self._is_plain_sql():
            await self._select(await self._log.head())
        else:
            await self._fold_to(await self._log.head(), self._progress)
            await self._write_out()
        await self._fold_to(await self._log.head())
        await self._write_out()

    async def replace(self) -> int:
        """Take the place of the table that serves."""
        for attempt in range(1, SWAP_ATTEMPTS + 1):
            try:
                async with self._connection.transaction():
                    await self._swap()
                break
            except asyncpg.LockNotAvailableError:  # somebody reads for long
                if attempt == SWAP_ATTEMPTS:
                    raise
                self._rows = Rows(self.view.key, self.view.lookups)
                self._position = self._written = (await standing_of(self._connection, self.next)).position
                await self._fold_to(await self._log.head())
                await self._write_out()
        return self._position

    async def _fold_to(self, head: int, report: Progress | None = None) -> None:
        if self._position >= head:
            return
        async with aclosing(self._log.pages(self._position)) as pages:
            async for page in pages:
                await self._take(page)
                if report:
                    report(min(self._position, head), head)
                if self._position >= head:
                    return

    async def _take(self, page: Sequence[Recorded]) -> None:
        self._position = await fold(self.view, self._rows, page, self._position, self, self._opener)
        if self._rows.complete:
            too_many = len(self._rows.held) > self._in_memory
        else:
            too_many = len(self._rows.changed) > FLUSHED_AT_ONCE
        if too_many:
            await self._write_out()

    async def _write_out(self) -> None:
        """Have the table hold everything up to the position."""
        written, removed = self._rows.take()
        if self._rows.complete:
            await self._copy(written)
        elif self._position > self._written and not await self.next.write(
            self._connection, self._build, self._written, self._position, written, removed
        ):
            raise BeingBuilt(self.table.qualified)
        self._written = self._position

    def _is_plain_sql(self) -> bool:
        """Whether PostgreSQL can fill the table by itself: the log is its own, with contents of one schema each."""
        if not (self.view.in_sql and isinstance(self._log, OwnLog)):
            return False
        events = self._log.store.codec.events
        return all(events[kind].schema_version == 1 for kind in self.view.plans)

    async def _select(self, head: int) -> None:
        """Fill the bare table from the log, without an event leaving the server."""
        schema = self.table.schema
        rows = self.view.in_sql.format(
            events=f"(select * from {schema}.events where position <= {head}) as events", schema=schema
        )
        async with self._filling():
            await self._connection.execute(f"set local enable_seqscan = on; set local work_mem = '{SORTED_IN_MEMORY}'")
            count = await self._connection.fetchval(f"select count(*) from {schema}.events where position <= {head}")
            if count != head:
                raise LogBroken(f"{count} events up to {head}")
            await self._connection.execute(f"insert into {self.next.qualified} {rows}")
            self._position = self._written = head
        self._progress(head, head)

    async def _copy(self, rows: Sequence[R]) -> None:
        """Fill the bare table from memory."""
        async with self._filling():
            await self.next.copy(self._connection, rows)

    @asynccontextmanager
    async def _filling(self) -> AsyncIterator[None]:
        """The bare table gets its rows. From here on it is read from, and not everything is in memory."""
        async with self._connection.transaction():
            yield
            await self._connection.execute(self.next.constrain())
            await self._connection.execute(
                f"update {self.next.schema}.read_models set position = $1 where name = $2",
                *(self._position, self.next.name),
            )
        await self._connection.execute(f"analyze {self.next.qualified}")
        self._rows = Rows(self.view.key, self.view.lookups)

    async def _swap(self) -> None:
        table, execute = self.table, self._connection.execute
        await execute(f"set local lock_timeout = '{SWAP_WAIT}'")
        # Before the writer's own first lock, so that neither waits for the other in a ring; readers go on.
        await execute(f"lock table {table.qualified} in exclusive mode")
        serving = await standing_of(self._connection, table)
        await self._fold_to(serving.position)
        await self._write_out()
        await execute(f"drop table {table.qualified}")
        await execute(f'alter table {self.next.qualified} rename to "{table.name}"')
        await execute(f"delete from {table.schema}.read_models where name = $1", table.name)
        await execute(f"update {table.schema}.read_models set name = $1 where name = $2", table.name, self.next.name)
        await execute("select pg_notify($1, $2)", f"{table.schema}_views", f"{table.name} {self._position}")


async def _make(connection: Connection, table: Table[Any]) -> Any:
    """An empty table without its indexes; the id of the build."""
    build = new_id()
    await connection.execute(table.create())
    await connection.execute(
        f"insert into {table.schema}.read_models values ($1, $2, $3, $4, 0)",
        *(table.name, table.view.version, table.shape, build),
    )
    return build


async def drop(connection: Connection, table: Table[Any]) -> None:
    """Have no such table, whatever became of it before."""
    await connection.execute(f"drop table if exists {table.qualified}")
    await connection.execute(f"delete from {table.schema}.read_models where name = $1", table.name)
