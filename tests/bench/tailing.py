"""Events that a reader passes over while it tails the log under sixteen writers.

Eight writers are in this process, eight in another. Some of them append to the same streams and conflict; some
transactions append and are rolled back; and one takes its time between appending and committing. Beside it the same
on a plain table whose positions come from a sequence: its reader must lose some, or the measurement proves nothing.
"""

import asyncio
import contextlib
import os
import random
import sys
import time
from collections.abc import AsyncIterator
from typing import Final

import asyncpg
import uvloop

from shared.eventsourcing.store import EventStore
from shared.eventsourcing.writer import Commit, Conflict, Write
from shared.schemas.ids import new_id
from tests.bench.contestants import as_rows
from tests.bench.harness import Pace, Wrong, database, postgres, require
from tests.bench.line import CODEC, history, lines, meta_of
from tests.bench.report import Finding
from tests.waiting import until

WRITERS: Final = 8
"""In each of the two processes."""

CONTESTED: Final = [f"line-contested-{n}" for n in range(4)]
STALL: Final = 0.05
"""Seconds between appending and committing, of the writer that takes its time."""
LIMIT: Final = 60.0
"""Seconds that the reader may take to come to the end."""

COLUMNS: Final = 13
CONTROL_TABLE: Final = """
    create schema control;
    create table control.events (
        position bigint generated always as identity primary key,
        stream   text    not null,
        version  integer not null,
        data     jsonb   not null,
        unique (stream, version)
    )"""
CONTROL_INSERT: Final = "insert into control.events (stream, version, data) values ($1, $2, $3)"


async def measure(pace: Pace) -> list[Finding]:
    seconds = 3 * pace.seconds
    with postgres() as server:
        async with database(server) as dsn:
            passed_over, events = await _ours(dsn, seconds)
        async with database(server) as dsn:
            lost, inserted = await _control(dsn, seconds)
    require(passed_over == 0, f"the tailing reader passed over {passed_over} of {events} events")
    require(lost > 0, f"the control lost none of {inserted} events: the writers were too tame to prove anything")
    figures = {"ours": f"0 of {events:,}", "plain sequence": f"{lost:,} of {inserted:,}"}
    return [Finding("tailing reader", "events passed over, 16 writers", figures, passed_over, "", 0, better="less")]


async def _ours(dsn: str, seconds: float) -> tuple[int, int]:
    """How many events were passed over, of how many."""
    async with EventStore(dsn, "ours", CODEC) as store:
        seen: list[int] = []

        async def read() -> None:
            async for page in store.all(follow=True):
                seen.extend(recorded.position for recorded in page)

        reading = asyncio.create_task(read())
        async with _second_process("ours", dsn, seconds):
            await asyncio.gather(_append(store, seconds), _stall_and_roll_back(dsn, seconds))
        head = await store.head()
        await _until_reached(seen, head, reading)
        stored = [row[0] for row in await store.pool.fetch("select position from ours.events order by position")]
    require(stored == list(range(1, head + 1)), "the log has gaps")
    require(len(seen) == len(set(seen)), "the reader saw an event twice")
    return len(set(stored) - set(seen)), len(stored)


async def _until_reached(seen: list[int], head: int, reading: asyncio.Task[None]) -> None:
    """Until the reader has come to the end; it may have passed over anything before."""
    with contextlib.suppress(TimeoutError):
        await until(lambda: reading.done() or (bool(seen) and seen[-1] >= head), LIMIT)
    if reading.done():
        await reading
    reading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reading


async def _append(store: EventStore, seconds: float) -> None:
    """Eight writers: six on streams of their own, two that get in each other's way."""
    deadline = time.monotonic() + seconds
    meta = meta_of(new_id()).model_dump_json()

    async def undisturbed() -> None:
        stream, version = lines.stream(new_id()), 0
        while time.monotonic() < deadline:
            rows = as_rows(history(new_id(), new_id(), random.choice((1, 1, 1, 5))), meta)
            version = (await store.append(Commit(new_id(), new_id(), [Write(stream, version, rows)]))).version

    async def contesting() -> None:
        versions = dict.fromkeys(CONTESTED, 0)
        while time.monotonic() < deadline:
            stream = random.choice(CONTESTED)
            write = Write(stream, versions[stream], as_rows(history(new_id(), new_id(), 1), meta))
            try:
                versions[stream] = (await store.append(Commit(new_id(), new_id(), [write]))).version
            except Conflict:
                tail = await store.stream(stream, versions[stream])
                versions[stream] = tail[-1].version if tail else versions[stream]

    await asyncio.gather(*(undisturbed() for _ in range(WRITERS - 2)), contesting(), contesting())


async def _stall_and_roll_back(dsn: str, seconds: float) -> None:
    """Call `append` as nobody should: inside a transaction that lingers, or is rolled back."""
    deadline = time.monotonic() + seconds
    connection = await asyncpg.connect(dsn)
    meta = meta_of(new_id()).model_dump_json()
    placeholders = ", ".join(f"${n}" for n in range(1, COLUMNS + 1))
    while time.monotonic() < deadline:
        (row,) = as_rows(history(new_id(), new_id(), 1), meta)
        commit = ([new_id()], [new_id()], [1], [lines.stream(new_id())], [0], [1])
        event = ([1], [1], [row.id], [row.type], [row.schema], [row.data], [row.meta])
        transaction = connection.transaction()
        await transaction.start()
        await connection.fetch(f"select * from ours.append({placeholders})", *commit, *event)
        if random.random() < 0.5:
            await asyncio.sleep(STALL)
            await transaction.commit()
        else:
            await transaction.rollback()
        await asyncio.sleep(STALL)
    await connection.close()


async def _control(dsn: str, seconds: float) -> tuple[int, int]:
    """How many events the plain sequence's reader lost, of how many."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(CONTROL_TABLE)
    seen: list[int] = []

    async def read() -> None:
        while True:
            after = seen[-1] if seen else 0
            rows = await connection.fetch(
                "select position from control.events where position > $1 order by position limit 1000", after
            )
            seen.extend(row[0] for row in rows)

    reading = asyncio.create_task(read())
    async with _second_process("control", dsn, seconds):
        await _insert(dsn, seconds)
    other = await asyncpg.connect(dsn)
    stored = {row[0] for row in await other.fetch("select position from control.events")}
    await other.close()
    await _until_reached(seen, max(stored), reading)
    await connection.close()
    return len(stored - set(seen)), len(stored)


async def _insert(dsn: str, seconds: float) -> None:
    """The same writers on the plain table: a connection each, one of them slow to commit or rolling back."""
    deadline = time.monotonic() + seconds

    async def writer(n: int) -> None:
        connection = await asyncpg.connect(dsn)
        stream, version = f"line-{new_id()}", 0
        while time.monotonic() < deadline:
            (event,) = history(new_id(), new_id(), 1)
            if n < 2:
                stream, version = random.choice(CONTESTED), random.randrange(100_000)
            transaction = connection.transaction()
            await transaction.start()
            try:
                await connection.execute(CONTROL_INSERT, stream, version + 1, CODEC.encode(event))
            except asyncpg.UniqueViolationError:
                await transaction.rollback()
                continue
            if n == 2:
                await asyncio.sleep(STALL)
            if n == 2 and random.random() < 0.5:
                await transaction.rollback()
            else:
                await transaction.commit()
                version += 1
        await connection.close()

    await asyncio.gather(*(writer(n) for n in range(WRITERS)))


@contextlib.asynccontextmanager
async def _second_process(which: str, dsn: str, seconds: float) -> AsyncIterator[None]:
    """As many writers again, in another process; waits for its end. Raises Wrong where it failed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.tailing", which, str(seconds)), env=os.environ | {"DATABASE_URL": dsn}
    )
    try:
        yield
    finally:
        code = await process.wait()
    if code != 0:
        raise Wrong(f"the second process ended with {code}")


async def _main(which: str, dsn: str, seconds: float) -> None:
    match which:
        case "ours":
            async with EventStore(dsn, "ours", CODEC) as store:
                await _append(store, seconds)
        case "control":
            await _insert(dsn, seconds)


if __name__ == "__main__":
    uvloop.run(_main(sys.argv[1], os.environ["DATABASE_URL"], float(sys.argv[2])))
