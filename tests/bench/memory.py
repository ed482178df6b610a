"""Memory that each service holds once the whole system is up."""

from pathlib import Path
from typing import Final

from deploy.local.home import Home
from deploy.local.system import PROGRAMMES, LocalSystem
from tests.bench.harness import Pace, folder
from tests.bench.report import Finding

AIM: Final = 150.0


async def measure(_: Pace) -> list[Finding]:
    with folder() as home:
        async with LocalSystem(Home(home / "home")) as system:
            pids = {place.name: place.pid for place in system.run.places}
            held = {one.name: resident(pids[one.name] or 0) for one in PROGRAMMES}
    return [
        Finding("resident memory", f"of {name}, once ready", {}, megabytes, " MB", AIM, "less")
        for name, megabytes in held.items()
    ]


def resident(pid: int) -> float:
    """Megabytes that a process has in memory (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024
