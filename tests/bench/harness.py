"""How things are measured: servers of their own with fsync on, contestants in turn, rounds, medians and ratios.

Contestants of one measurement run in this process on the same server, one after the other in rounds; the order
rotates, so that whatever else the machine does falls on all of them alike. The ratio of two is the median of the
rounds' ratios.
"""

import asyncio
import gc
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

import asyncpg

from deploy.local.nats import NatsServer
from deploy.local.ports import free_port
from deploy.local.postgres import PostgresServer

OUTPUT: Final = Path(__file__).resolve().parents[2] / ".niangjia" / "bench"

SLOW_DISK: Final[Mapping[str, str]] = {"commit_delay": "1000", "commit_siblings": "0"}
"""Every flush waits 1 ms first, as a disk would that takes that long."""

type Run = Callable[[float], Awaitable[float]]
"""Works for about so many seconds; gives how much a second it did."""

_names = count()


@dataclass(frozen=True)
class Pace:
    """`ROUNDS` and `SECONDS` (of each contestant in each round) in the environment shorten or lengthen a run."""

    rounds: int = field(default_factory=lambda: int(os.environ.get("ROUNDS", "5")))
    seconds: float = field(default_factory=lambda: float(os.environ.get("SECONDS", "1.5")))


class Wrong(Exception):
    """A contestant lost something or counted wrongly: its speed means nothing."""


def require(holds: bool, what: str) -> None:
    if not holds:
        raise Wrong(what)


@dataclass(frozen=True)
class Rates:
    """What each contestant did a second, round by round."""

    by_round: Mapping[str, list[float]]

    def median(self, name: str) -> float:
        return median(self.by_round[name])

    def ratio(self, name: str, peer: str) -> float:
        return median(a / b for a, b in zip(self.by_round[name], self.by_round[peer], strict=True))


async def interleaved(contestants: Mapping[str, Run], pace: Pace) -> Rates:
    """Each contestant once a round, after a warm-up; another one goes first in each round."""
    for run in contestants.values():
        await run(pace.seconds / 3)
    gc.collect()
    gc.freeze()  # for all alike, as a service does once it is ready
    names = list(contestants)
    rates: dict[str, list[float]] = {name: [] for name in names}
    for number in range(pace.rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            rates[name].append(await contestants[name](pace.seconds))
    return Rates(rates)


async def callers(number: int, seconds: float, call: Callable[[int, int], Awaitable[None]]) -> float:
    """So many callers, each making its next call when the last is done: `call(caller, turn)`. Calls a second."""
    started = time.perf_counter()
    deadline = started + seconds

    async def caller(n: int) -> int:
        turn = 0
        while time.perf_counter() < deadline:
            await call(n, turn)
            turn += 1
        return turn

    made = await asyncio.gather(*(caller(n) for n in range(number)))
    return sum(made) / (time.perf_counter() - started)


@contextmanager
def folder() -> Iterator[Path]:
    """For the servers' data: on a disk, as production's is."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="servers-", dir=OUTPUT, ignore_cleanup_errors=True) as made:
        yield Path(made)


@contextmanager
def postgres(settings: Mapping[str, str] | None = None) -> Iterator[PostgresServer]:
    with folder() as made, PostgresServer(made / "postgres", free_port(), settings) as server:
        yield server


@contextmanager
def nats() -> Iterator[NatsServer]:
    with folder() as made, NatsServer(made / "nats", free_port()) as server:
        yield server


@asynccontextmanager
async def database(server: PostgresServer) -> AsyncIterator[str]:
    """The URL of an empty database, dropped afterwards."""
    name = f"bench_{next(_names)}"
    admin = await asyncpg.connect(server.url())
    try:
        await admin.execute(f"create database {name}")
        yield server.url(name)
        await admin.execute(f"drop database {name} with (force)")
    finally:
        await admin.close()
