"""What an append costs when the log has a million events, against ten thousand.

Both logs are seeded by SQL, ten events a stream, with valid positions, versions and commits; then 32 callers carry
out commands on a thousand streams spread over the whole log.
"""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

from shared.eventsourcing.repository import Repository
from shared.eventsourcing.store import EventStore
from shared.schemas.ids import new_id
from tests.bench.contestants import Ours
from tests.bench.harness import Pace, callers, database, interleaved, postgres, require
from tests.bench.line import CODEC, SEEDED
from tests.bench.report import Finding, rate
from tests.bench.seeding import key_of, seed, settle

SIZES: Final = {"ten thousand": 10_000, "a million": 1_000_000}
CALLERS: Final = 32
TOUCHED: Final = 1_000


class Log(Ours):
    """Ours, on a log that was seeded by SQL."""

    async def open_seeded(self, dsn: str, schema: str, events: int, stack: AsyncExitStack) -> None:
        self.store = await stack.enter_async_context(EventStore(dsn, schema, CODEC))
        self.repository = Repository(self.store)
        self.member = new_id()
        self.seeded = events
        await seed(dsn, schema, events)
        await settle(dsn, f"{schema}.events", f"{schema}.commits")
        step = events // SEEDED // TOUCHED
        keys = [key_of(n * step + 1) for n in range(TOUCHED)]
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
