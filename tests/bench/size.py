"""What an append costs when the log has a million events, against ten thousand.

Both logs are seeded by SQL, ten events a stream, with valid positions, versions and commits; then 32 callers carry
out commands on a thousand streams spread over the whole log.
"""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Final
from uuid import UUID

import asyncpg

from shared.eventsourcing.repository import Repository
from shared.eventsourcing.store import EventStore
from shared.schemas.ids import new_id
from tests.bench.contestants import Ours
from tests.bench.harness import Pace, callers, database, interleaved, postgres, require
from tests.bench.line import CODEC, SEEDED, history, meta_of
from tests.bench.report import Finding, rate

SIZES: Final = {"ten thousand": 10_000, "a million": 1_000_000}
CALLERS: Final = 32
TOUCHED: Final = 1_000

FIRST_KEY: Final = UUID("00000000-0000-7000-8000-000000000000")
"""Streams are numbered from it in the order of their making, as UUIDv7 are."""

KEY: Final = f"overlay('{FIRST_KEY}' placing lpad(to_hex(n), 12, '0') from 25)"
EVENTS: Final = f"""
    insert into {{schema}}.events
    select (n - 1) * {SEEDED} + step, 'line-' || {KEY}, step, gen_random_uuid(), kind, 1, data, $3::jsonb, now()
    from generate_series(1, $4::integer) n, unnest($1::text[], $2::jsonb[]) with ordinality as e (kind, data, step)"""
COMMITS: Final = f"""
    insert into {{schema}}.commits
    select {KEY}::uuid, gen_random_uuid(), stream, version, position, recorded_at
    from (select *, position as n from {{schema}}.events) e"""


class Log(Ours):
    """Ours, on a log that was seeded by SQL."""

    async def open_seeded(self, dsn: str, schema: str, events: int, stack: AsyncExitStack) -> None:
        self.store = await stack.enter_async_context(EventStore(dsn, schema, CODEC))
        self.repository = Repository(self.store)
        self.member = new_id()
        self.seeded = events
        connection = await asyncpg.connect(dsn, server_settings={"jit": "off"})
        made = history(new_id(), self.member)
        types, datas = [type(event).__name__ for event in made], [CODEC.encode(event) for event in made]
        meta, streams = meta_of(new_id()).model_dump_json(), events // SEEDED
        await connection.execute(EVENTS.format(schema=schema), types, datas, meta, streams)
        await connection.execute(COMMITS.format(schema=schema))
        await connection.execute(f"vacuum (analyze) {schema}.events")
        await connection.execute(f"vacuum (analyze) {schema}.commits")
        await connection.execute("checkpoint")
        await connection.close()
        step = streams // TOUCHED
        keys = [UUID(int=FIRST_KEY.int + n * step + 1) for n in range(TOUCHED)]
        self.keys = [keys[caller::CALLERS] for caller in range(CALLERS)]

    async def once_round(self) -> None:
        """Touch every stream, so that none is met for the first time while it is measured."""
        for keys in self.keys:
            for key in keys:
                await self.carry_out(key, 0)

    async def work(self, number: int, seconds: float) -> float:
        async def call(caller: int, turn: int) -> None:
            keys = self.keys[caller]
            await self.carry_out(keys[turn % len(keys)], turn // len(keys) + 1)

        return await callers(number, seconds, call)

    async def check(self) -> None:
        head = await self.store.head()
        require(head == self.seeded + self.appended, f"{head} stored, {self.seeded} + {self.appended} appended")


async def measure(pace: Pace) -> list[Finding]:
    with postgres() as server:
        async with database(server) as dsn, AsyncExitStack() as stack:
            logs = {name: Log() for name in SIZES}
            for n, (name, log) in enumerate(logs.items()):
                await log.open_seeded(dsn, f"log_{n}", SIZES[name], stack)
                await log.once_round()
            runs: dict[str, Callable[[float], Awaitable[float]]] = {
                name: partial(log.work, CALLERS) for name, log in logs.items()
            }
            rates = await interleaved(runs, pace)
            for log in logs.values():
                await log.check()
    medians = {name: rate(rates.median(name)) for name in SIZES}
    cost = rates.ratio("ten thousand", "a million")
    return [Finding("size of the log", f"cost of an append, {CALLERS} callers", medians, cost, "×", 1.2, better="less")]
