"""Projections: a service's read models, kept up with a log.

    projector = Projector(store, [Lines(), Exposure()], opener=keyring.open)
    async with projector:                                  # in every process: makes what is missing, reads, waits
        ...
        await projector.run()                              # in the one that leads: for ever
        ...
        await projector.reached(receipt.position, Lines)   # read your own write, up to a time limit
        row = await projector.one(Lines, line_id)
        rows = await projector.some(Lines, "union_id = $1 and status = $2 order by opened_on", union, "open")

The log is the service's own, or another service's stream when `log=` gives one: its positions are then the stream's
sequences. Views of different logs are run by different projectors.

A page of events is folded in memory and written in one statement with the view's new position, which moves only from
where this writer left it: whatever breaks in between, nothing is lost or counted twice. Queries read the table
`<schema>.<name>` in plain SQL. A view whose `version` was raised is filled anew from the first event while the old
table serves, and then takes its place (`shared.eventsourcing.rebuild`).

A view that fails on an event stops there, says so in the log and in `failures`, and tries again, ever more seldom;
the others go on.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from traceback import extract_tb
from types import TracebackType
from typing import Any, Final, Self

import structlog

from shared.eventsourcing.connections import is_transient, persistently
from shared.eventsourcing.folding import CannotFold, Opener
from shared.eventsourcing.positions import Positions
from shared.eventsourcing.projection import IN_ORDER, Fenced, Lane, Log, OwnLog, Projection, Replaced
from shared.eventsourcing.rebuild import NewerCode, Progress, build, discard, make_missing
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.table import Table
from shared.eventsourcing.view import View

__all__ = ["Projector", "ShapeChanged"]

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 60.0
"""Seconds before a view that failed tries again: doubled with each failure in a row."""

WORTH_BUILDING: Final = 10_000
"""Events that an empty view is filled with by a build, rather than page by page."""

_logger = structlog.get_logger(__name__)


class ShapeChanged(Exception):
    """The row, the key or the indexes of a view were changed without raising its version."""


@dataclass(slots=True)
class _Company:
    """A view going along with the others, until an error ends it."""

    ended: asyncio.Event = field(default_factory=asyncio.Event)
    error: Exception | None = None


class Projector:
    """The views of a service that fold one log, sharing one reading of it."""

    def __init__(
        self,
        store: EventStore,
        views: Iterable[View[Any]],
        log: Log | None = None,
        opener: Opener | None = None,
    ) -> None:
        views = tuple(views)
        if opener is None and (sealed := [view.name for view in views if view.personal]):
            raise ValueError(f"views of personal data need a keyring: {', '.join(sealed)}")
        self._store, self._opener = store, opener
        self._log = log or OwnLog(store)
        self._lane = Lane(store.dsn, store.schema)
        self._queues = Lane(store.dsn, store.schema, IN_ORDER)
        self._positions = Positions(store.dsn, store.schema)
        self._tables: dict[type[View[Any]], Table[Any]] = {type(view): Table(store.schema, view) for view in views}
        self._together: dict[Projection[Any], _Company] = {}
        self._first = asyncio.Event()
        self._taken = 0
        """The last position of the page that those who go together have, or work on."""
        self.failures: dict[str, str] = {}
        """Views that cannot go on, by name, and the error's kind."""

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Make what is missing in the database, and listen."""
        await self._store.install("read_models")
        async with self._store.pool.acquire() as connection:
            for table in self._tables.values():
                await make_missing(connection, table)
        self._positions.start()

    async def close(self) -> None:
        await self._positions.stop()
        await self._lane.close()
        await self._queues.close()

    async def one[R](self, view: type[View[R]], *key: Any) -> R | None:
        """The row with this key."""
        table = self._table(view)
        condition = " and ".join(f'"{column}" = ${n}' for n, column in enumerate(view.key, 1))
        rows = await table.select(self._store.pool, condition, *key)
        return rows[0] if rows else None

    async def some[R](self, view: type[View[R]], condition: str, *arguments: Any) -> list[R]:
        """The rows that meet a condition in SQL, which may go on with `order by` and `limit`."""
        return await self._table(view).select(self._store.pool, condition, *arguments)

    async def first[R](self, view: type[View[R]], condition: str, *arguments: Any) -> list[R]:
        """The same of a queue, in the order of an index. It is walked whatever PostgreSQL knows of the table: where a
        hundred thousand rows came in since it last counted them, it would sort them all each time."""
        table = self._table(view)
        return await persistently(lambda: self._queues.run(lambda c: table.select(c, condition, *arguments)))

    async def reached(self, position: int, *views: type[View[Any]], timeout: float = 5.0) -> None:  # noqa: ASYNC109
        """Until these views, or all, have folded a position. Raises TimeoutError after `timeout` seconds."""
        async with asyncio.timeout(timeout):
            for table in [self._table(view) for view in views] or self._tables.values():
                await self._positions.reached(table.name, position)

    def positions(self) -> dict[str, int]:
        """How far each view has come, as this process knows it."""
        return {table.name: self._positions.of(table.name) for table in self._tables.values()}

    async def rebuild(self, view: type[View[Any]], progress: Progress | None = None) -> int:
        """Fill a view anew while the present table serves, then swap; the position it stands at.

        It may run in any process, beside the leader. Raises BeingBuilt where another does the same, NewerCode where
        the table is of a newer version than this code's.
        """
        return await build(self._store.dsn, self._table(view), self._log, self._opener, progress)

    async def run(self) -> None:
        """Keep the views up with the log, for ever. Raises Fenced where another writer does the same."""
        self._together, self._first = {}, asyncio.Event()
        try:
            async with asyncio.TaskGroup() as tasks:
                for table in self._tables.values():
                    projection = Projection(table, self._lane, self._positions, self._opener)
                    tasks.create_task(self._keep_up(projection), name=f"view {table.name}")
                tasks.create_task(self._read_together(), name="views")
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _keep_up(self, projection: Projection[Any]) -> None:
        """One view's life: catch up alone, go on with the others; after a failure, the same again."""
        pause = FIRST_PAUSE
        await persistently(lambda: discard(self._store.dsn, projection.table))
        while True:
            position = projection.position
            try:
                await self._follow(projection)
            except Fenced:
                raise
            except Replaced:
                continue
            except Exception as error:
                self._say(projection, error)
            if projection.position > position:
                pause = FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _follow(self, projection: Projection[Any]) -> None:
        """Until something ends the view's work, which is raised."""
        await self._settle(projection)
        try:
            if not self._join(projection):
                async with aclosing(self._log.pages(projection.position)) as pages:
                    async for page in pages:
                        await self._take(projection, page)
                        if self._join(projection):
                            break
            company = self._together[projection]
            await company.ended.wait()
            assert company.error is not None
            raise company.error
        finally:
            self._together.pop(projection, None)

    async def _settle(self, projection: Projection[Any]) -> None:
        """Have the table be of this version of the view."""
        view, table = projection.view, projection.table
        standing = await projection.settle()
        if standing.version > view.version:
            raise NewerCode(f"{table.qualified} is at version {standing.version}, this code at {view.version}")
        if standing.version == view.version and standing.shape != table.shape:
            raise ShapeChanged(f"{table.qualified}: raise the view's version from {view.version}")
        if standing.version < view.version or (standing.position == 0 and await self._log.head() > WORTH_BUILDING):
            _logger.info("filling a read model", view=view.name, version=view.version)
            position = await build(self._store.dsn, table, self._log, self._opener)
            _logger.info("filled a read model", view=view.name, version=view.version, position=position)
            await projection.settle()
        if view.name in self.failures and await self._log.head() <= projection.position:
            del self.failures[view.name]

    def _join(self, projection: Projection[Any]) -> bool:
        """Go along, if the next page that the others take follows or is known already. The first sets the place."""
        if not self._first.is_set():
            self._taken = projection.position
            self._first.set()
        if projection.position < self._taken:
            return False
        self._together[projection] = _Company()
        return True

    async def _read_together(self) -> None:
        """Give each page to every view that goes along."""
        await self._first.wait()
        while True:
            try:
                async with aclosing(self._log.pages(self._taken)) as pages:
                    async for page in pages:
                        self._taken = page[-1].position
                        along = [p for p, company in self._together.items() if company.error is None]
                        await asyncio.gather(*(self._take_or_end(p, page) for p in along))
            except Exception as error:
                for projection in self._together:
                    self._end(projection, error)
                await asyncio.sleep(FIRST_PAUSE)

    async def _take_or_end(self, projection: Projection[Any], page: Sequence[Recorded]) -> None:
        try:
            await self._take(projection, page)
        except Exception as error:
            self._end(projection, error)

    async def _take(self, projection: Projection[Any], page: Sequence[Recorded]) -> None:
        await projection.take(page)
        self.failures.pop(projection.view.name, None)

    def _end(self, projection: Projection[Any], error: Exception) -> None:
        if (company := self._together.get(projection)) is not None and company.error is None:
            company.error = error
            company.ended.set()

    def _say(self, projection: Projection[Any], error: Exception) -> None:
        """Never an error's text, which may hold a row: its kind, and the lines of code it came through."""
        name, position = projection.view.name, projection.position
        if is_transient(error):
            _logger.warning("view interrupted", view=name, position=position, error=type(error).__name__)
            return
        kind = None
        if isinstance(error, CannotFold):
            position, kind, error = error.position, error.type, error.error
        failure = self.failures[name] = type(error).__name__
        _logger.error("view stopped", view=name, position=position, type=kind, error=failure, lines=_lines(error))

    def _table[R](self, view: type[View[R]]) -> Table[R]:
        try:
            return self._tables[view]
        except KeyError:
            raise LookupError(f"{view.__name__} is not among this projector's views") from None


def _lines(error: BaseException) -> list[str]:
    """The lines of code that an error came through, the innermost first."""
    return [f"{frame.filename}:{frame.lineno}" for frame in reversed(extract_tb(error.__traceback__)[-3:])]
