"""A command from call to commit: load ten events, decide, append one; at 1, 8 and 32 callers."""

from contextlib import AsyncExitStack
from functools import partial
from typing import Final

from deploy.local.postgres import PostgresServer
from tests.bench.contestants import Contestant, Ours, Raw
from tests.bench.harness import SLOW_DISK, Pace, Run, database, interleaved, postgres
from tests.bench.package import Package
from tests.bench.report import Finding, rate

CALLERS: Final = (1, 8, 32)

type Aims = dict[tuple[str, int], float]

AIMS: Final[Aims] = {("raw", 1): 1.2, ("raw", 8): 2, ("raw", 32): 3, ("eventsourcing", 32): 25}
SLOW_AIMS: Final[Aims] = {("raw", 8): 1, ("raw", 32): 2}


async def on_a_disk(pace: Pace) -> list[Finding]:
    with postgres() as server:
        return await _measure(server, pace, "command", AIMS)


async def on_a_slow_disk(pace: Pace) -> list[Finding]:
    with postgres(SLOW_DISK) as server:
        return await _measure(server, pace, "command, 1 ms disk", SLOW_AIMS)


async def _measure(server: PostgresServer, pace: Pace, measurement: str, aims: Aims) -> list[Finding]:
    contestants: list[Contestant] = [Ours(), Raw(), Package()]
    found: list[Finding] = []
    async with database(server) as dsn, AsyncExitStack() as stack:
        for contestant in contestants:
            await contestant.open(dsn, max(CALLERS), stack)
        for number in CALLERS:
            runs: dict[str, Run] = {c.name: partial(c.work, number) for c in contestants}
            rates = await interleaved(runs, pace)
            medians = {name: rate(rates.median(name)) for name in runs}
            for peer in ("raw", "eventsourcing"):
                case = f"{number} caller{'s' if number > 1 else ''}, ours : {peer}"
                value = rates.ratio("ours", peer)
                found.append(Finding(measurement, case, medians, value, "×", aims.get((peer, number))))
        for contestant in contestants:
            await contestant.check()
    return found
