"""`make bench`: every measurement, its aim, and whether it was met.

`python -m tests.bench commands batches` runs only those. Ends with 0 whether or not aims are met, with an error where
something was lost or miscounted.
"""

import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import uvloop
from rich.console import Console

from tests.bench import (
    aid_claims,
    aid_covers,
    aid_fund,
    aid_settling,
    batches,
    commands,
    lending_scans,
    lending_timers,
    memory,
    notify_burst,
    projecting,
    relaying,
    report,
    roundtrip,
    size,
    tailing,
)
from tests.bench.harness import Pace
from tests.bench.report import Finding

MEASUREMENTS: Final[Mapping[str, Callable[[Pace], Awaitable[list[Finding]]]]] = {
    "commands": commands.on_a_disk,
    "slow-disk": commands.on_a_slow_disk,
    "batches": batches.measure,
    "projecting": projecting.measure,
    "relaying": relaying.measure,
    "roundtrip": roundtrip.measure,
    "memory": memory.measure,
    "size": size.measure,
    "tailing": tailing.measure,
    "lending-scans": lending_scans.measure,
    "lending-timers": lending_timers.measure,
    "notify-burst": notify_burst.measure,
    "aid-settling": aid_settling.measure,
    "aid-claims": aid_claims.measure,
    "aid-fund": aid_fund.measure,
    "aid-covers": aid_covers.measure,
}


async def measure(names: list[str]) -> None:
    pace, load, console = Pace(), os.getloadavg()[0], Console(stderr=True)
    findings: list[Finding] = []
    for name in names:
        started = time.monotonic()
        console.print(f"{name} …", end=" ")
        findings += await MEASUREMENTS[name](pace)
        console.print(f"{time.monotonic() - started:.0f} s")
    machine = report.machine(load)
    report.print_table(findings, machine)
    console.print(f"kept in {report.write_json(findings, machine, pace)}")


if __name__ == "__main__":
    asked = sys.argv[1:] or list(MEASUREMENTS)
    if unknown := set(asked) - set(MEASUREMENTS):
        raise SystemExit(f"no measurement {', '.join(sorted(unknown))}: there are {', '.join(MEASUREMENTS)}")
    uvloop.run(measure(asked))
