"""The group-commit writer: everything that waits goes into the next transaction.

Throughput comes from many commits per fsync, and from deciding while the last are written; never from waiting to
fill a batch. A batch that meets a server that is away is sent again: a commit's id makes that safe.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from shared.eventsourcing import arguments
from shared.eventsourcing.connections import OwnConnection, persistently
from shared.eventsourcing.rhythm import Rhythm

__all__ = ["PLANS", "CommandIdReused", "Commit", "Conflict", "NewEvent", "Receipt", "Write", "Writer"]

LARGEST_BATCH: Final = 256
"""Commits in one transaction."""

PLANS: Final = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
"""`append` is planned once, perhaps while the tables are empty: it must walk the indexes from the first."""


class NewEvent(NamedTuple):
    """An event ready for its row. `data` and `meta` are JSON."""

    id: UUID
    type: str
    schema: int
    data: str
    meta: str


class Write(NamedTuple):
    """What a commit appends to one stream: `expected` is its version so far, 0 for none yet, None for any.

    One without events only verifies the version; a commit has at least one with some.
    """

    stream: str
    expected: int | None
    events: Sequence[NewEvent]


class Commit(NamedTuple):
    """Writes that happen together or not at all. `id` is the command's; `fingerprint` tells commands apart."""

    id: UUID
    fingerprint: UUID
    writes: Sequence[Write]


class Receipt(NamedTuple):
    """Where a commit stands: the first write's stream and version, and the position of the last event."""

    stream: str
    version: int
    position: int
    duplicate: bool = False
    changed: bool = True


class Conflict(Exception):
    """A stream is not at the version that the commit expected; nothing was written."""


class CommandIdReused(Exception):
    """The command's id was used before, by another command; nothing was written."""


@dataclass(slots=True)
class _Waiting:
    commit: Commit
    outcome: asyncio.Future[Receipt]


class Writer:
    """The one task of a process that appends to a service's log; `committed` is called after each batch.

    The connection has the settings PLANS.
    """

    def __init__(self, connection: OwnConnection, schema: str, committed: Callable[[], None]) -> None:
        self._connection = connection
        self._append_one = f"select {schema}.append_one({_places(9)})"
        self._append_all = f"select {schema}.append_all({_places(14)})"
        self._append = f"select * from {schema}.append({_places(13)})"
        self._committed = committed
        self._waiting: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._rhythm = Rhythm()
        self._task: asyncio.Task[None] | None = None
        self._leaving = False

    def start(self) -> None:
        self._leaving = False
        self._task = asyncio.create_task(self._run(), name="event store writer")

    async def stop(self) -> None:
        """Finish what was asked for, then leave. Cancelled, it leaves at once: what was under way is unknown."""
        self._leaving = True
        self._wake.set()
        try:
            if self._task is not None:
                await self._task
        finally:
            await self._connection.close()

    async def append(self, commit: Commit) -> Receipt:
        """Commit, together with whatever else waits. Raises Conflict, CommandIdReused, asyncpg.PostgresError."""
        if self._task is None or self._task.done() or self._leaving:
            raise RuntimeError("the writer is not running")
        if not any(write.events for write in commit.writes):
            raise ValueError("a commit without events")
        waiting = _Waiting(commit, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._wake.set()
        return await waiting.outcome

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            batch = self._take(self._rhythm.share(len(self._waiting)))
            if not batch:
                if self._leaving:
                    return
                self._wake.clear()
                continue
            self._rhythm.begin()
            try:
                await self._write_out(batch)
                if self._rhythm.end(len(batch), len(self._waiting)):
                    await asyncio.sleep(0)  # those just answered come along
            except BaseException as error:
                _fail(batch, error)
                if not isinstance(error, Exception):
                    _fail(list(self._waiting), error)
                    raise

    def _take(self, largest: int) -> list[_Waiting]:
        """The next batch, in order of arrival; what touches a stream that it writes, or shares an id, comes after."""
        batch: list[_Waiting] = []
        deferred: list[_Waiting] = []
        ids: set[UUID] = set()
        written: set[str] = set()
        read: set[str] = set()
        while self._waiting and len(batch) < min(largest, LARGEST_BATCH):
            waiting = self._waiting.popleft()
            commit = waiting.commit
            apart = commit.id not in ids
            for write in commit.writes:
                if write.stream in written or (write.events and write.stream in read):
                    apart = False
            ids.add(commit.id)
            for write in commit.writes:
                (written if write.events else read).add(write.stream)
            (batch if apart else deferred).append(waiting)
        self._waiting.extendleft(reversed(deferred))
        return batch

    async def _write_out(self, batch: list[_Waiting]) -> None:
        try:
            await self._write(batch)
        except asyncpg.PostgresError:
            if len(batch) == 1:
                raise
            for one in batch:  # a row that PostgreSQL refuses must not take its neighbours with it
                await self._write_alone(one)

    async def _write(self, batch: list[_Waiting]) -> None:
        outcomes = await persistently(lambda: self._call([waiting.commit for waiting in batch]))
        self._committed()
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if not waiting.outcome.done():
                if isinstance(outcome, Receipt):
                    waiting.outcome.set_result(outcome)
                else:
                    waiting.outcome.set_exception(outcome)

    async def _write_alone(self, waiting: _Waiting) -> None:
        try:
            await self._write([waiting])
        except asyncpg.PostgresError as error:
            _fail([waiting], error)

    async def _call(self, commits: list[Commit]) -> list[Receipt | Conflict | CommandIdReused]:
        """What becomes of each. They are sorted out one by one where not all of them are as they expect."""
        connection = await self._connection.open()
        head: int | None = None
        if len(commits) == 1 and (one := arguments.of_one(commits[0])) is not None:
            head = await connection.fetchval(self._append_one, *one)
        elif (columns := arguments.of_all(commits)) is not None:
            head = await connection.fetchval(self._append_all, *columns)
        if head is None:
            return [_outcome(*row) for row in await connection.fetch(self._append, *arguments.of_each(commits))]
        return _receipts(commits, head)


def _places(number: int) -> str:
    return ", ".join(f"${n}" for n in range(1, number + 1))


def _receipts(commits: Sequence[Commit], head: int) -> list[Receipt | Conflict | CommandIdReused]:
    """Of commits that are all appended, the last of them up to the log's head."""
    receipts: list[Receipt | Conflict | CommandIdReused] = []
    for commit in reversed(commits):
        position = head
        for write in reversed(commit.writes):
            if write.events:
                head -= len(write.events)
                first = write
        assert first.expected is not None
        receipts.append(Receipt(first.stream, first.expected + len(first.events), position))
    receipts.reverse()
    return receipts


def _outcome(outcome: str, stream: str, version: int, position: int) -> Receipt | Conflict | CommandIdReused:
    match outcome:
        case "appended":
            return Receipt(stream, version, position)
        case "duplicate":
            return Receipt(stream, version, position, duplicate=True)
        case "reused":
            return CommandIdReused()
        case _:
            return Conflict()


def _fail(batch: list[_Waiting], error: BaseException) -> None:
    for waiting in batch:
        if not waiting.outcome.done():
            if isinstance(error, asyncio.CancelledError):
                waiting.outcome.cancel()
            else:
                waiting.outcome.set_exception(error)
