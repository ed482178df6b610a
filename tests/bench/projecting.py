"""A read model kept up and rebuilt, against the `eventsourcing` package's ProjectionRunner.

The model has a row a line of credit: how much is used, how often it moved. Fifty thousand events, ten a line, of five
hundred lines side by side.

- `live`: a projector at work while fifty thousand events come in; until the last of them can be read.
- `rebuild`: the model filled anew from the first event, and swapped in.
- `eventsourcing`: a ProjectionRunner on the same events from the first on, an upsert and its tracking in one
  transaction an event, which is its only way. It is stopped after the round's time: all of them would take too long.
"""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final, Self
from uuid import UUID

from shared.eventsourcing.projector import Projector
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.view import View, on
from tests.bench.harness import Pace, database, interleaved, postgres, require
from tests.bench.line import CODEC, Drawn, Repaid
from tests.bench.report import Finding, rate
from tests.bench.runner import Runner
from tests.bench.seeding import seed, settle

EVENTS: Final = 50_000
FIRST: Final = 5_000
"""Events that the live projector has seen before."""
LIMIT: Final = 60.0
"""Seconds that a projector may take for them."""


@dataclass(slots=True)
class LineRow:
    line: UUID
    member: UUID
    used: int = 0
    credit: int = 0
    movements: int = 0


class Lines(View[LineRow]):
    """Every line of credit, as it stands."""

    name, version, key = "lines", 1, ("line",)
    in_sql = """
        select (data ->> 'line')::uuid, min(data ->> 'member')::uuid,
               sum(case type when 'Drawn' then {schema}.fen(data ->> 'amount')
                             else -{schema}.fen(data ->> 'principal') end),
               coalesce({schema}.fen((array_agg(data ->> 'credit' order by position desc)
                                      filter (where type = 'Repaid'))[1]), 0),
               count(*)
        from {events} where type in ('Drawn', 'Repaid') group by data ->> 'line'"""

    @on(Drawn)
    def drawn(self, rows: Rows[LineRow], event: Drawn, _: Recorded) -> None:
        row = rows.find(event.line)
        if row is None:
            rows.put(LineRow(event.line, event.member, event.amount, 0, 1))
        else:
            row.used += event.amount
            row.movements += 1

    @on(Repaid)
    def repaid(self, rows: Rows[LineRow], event: Repaid, _: Recorded) -> None:
        row = rows.get(event.line)
        row.used -= event.principal
        row.credit = event.credit
        row.movements += 1


async def measure(pace: Pace) -> list[Finding]:
    with postgres() as server:
        async with database(server) as dsn, AsyncExitStack() as stack:
            live = await Live.open(dsn, "live", stack)
            await live.start(stack)
            rebuilt = await Rebuilt.open(dsn, "rebuilt", stack)
            await rebuilt.start()
            package = await asyncio.to_thread(Runner, dsn, EVENTS)
            await settle(dsn, "rebuilt.events", "lending_events")
            rates = await interleaved({"live": live.run, "rebuild": rebuilt.run, "eventsourcing": package.run}, pace)
            await live.check()
            await rebuilt.check()
    found = []
    for name, case, aim in (("live", "kept up live", 40), ("rebuild", f"rebuild of {EVENTS:,} events", 100)):
        medians = {one: rate(rates.median(one)) for one in (name, "eventsourcing")}
        value = rates.ratio(name, "eventsourcing")
        found.append(Finding("read model, events", f"{case}, ours : eventsourcing", medians, value, "×", aim))
    return found


class Ours:
    """A log, and a projector of its read model."""

    def __init__(self, store: EventStore, projector: Projector) -> None:
        self.store, self.projector = store, projector

    @classmethod
    async def open(cls, dsn: str, schema: str, stack: AsyncExitStack) -> Self:
        store = await stack.enter_async_context(EventStore(dsn, schema, CODEC))
        return cls(store, await stack.enter_async_context(Projector(store, [Lines()])))

    async def check(self) -> None:
        head = await self.store.head()
        folded = await self.store.pool.fetchval(f"select sum(movements) from {self.store.schema}.lines")
        require(folded == head, f"{self.store.schema}: {folded} events folded of {head}")


class Live(Ours):
    async def start(self, stack: AsyncExitStack) -> None:
        running = asyncio.create_task(self.projector.run())
        stack.callback(running.cancel)
        await seed(self.store.dsn, self.store.schema, FIRST)
        await self.projector.reached(FIRST, timeout=LIMIT)

    async def run(self, _: float) -> float:
        began = await seed(self.store.dsn, self.store.schema, EVENTS)
        await self.projector.reached(await self.store.head(), timeout=LIMIT)
        return EVENTS / (time.perf_counter() - began)


class Rebuilt(Ours):
    async def start(self) -> None:
        await seed(self.store.dsn, self.store.schema, EVENTS)

    async def run(self, _: float) -> float:
        began = time.perf_counter()
        position = await self.projector.rebuild(Lines)
        require(position == EVENTS, f"rebuilt to {position}")
        return EVENTS / (time.perf_counter() - began)
