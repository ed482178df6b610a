"""An import of a roster, as a terminal shows it."""

from collections import Counter
from pathlib import Path
from typing import Final
from uuid import UUID

from rich.table import Table
from rich.text import Text

from deploy.local.bars import bars
from deploy.local.clock import now
from deploy.local.reach import carried_out, connection
from deploy.local.terminal import REFUSED, out
from services.registry.roster import Outcome, import_roster, open_roster
from shared.runtime.calling import Caller
from shared.runtime.client import Client
from shared.schemas.ids import UnionId
from shared.schemas.messages import Actor

__all__ = ["carry_out"]

PATIENCE: Final = 60.0
"""Seconds for which the registry may be away, such as while it is started anew."""


def carry_out(file: Path, union: UUID, result: Path, actor: Actor, federation: str) -> int:
    """Import, and show what came of it; the exit code."""
    outcomes = carried_out(_import(file, union, result, actor, federation), "What is in stays; import the file again")
    _show(outcomes, result)
    return REFUSED if outcomes[Outcome.REFUSED] else 0


async def _import(file: Path, union: UUID, result: Path, actor: Actor, federation: str) -> Counter[Outcome]:
    roster = open_roster(file)
    async with connection() as broker:
        today = (await now(broker)).date()
        client = Client(broker, patience=PATIENCE)
        caller = Caller(client=client, programme="registry", actor=actor, federation=federation)
        with bars() as stages:
            return await import_roster(roster, today, caller, UnionId(union), result, stages)


def _show(outcomes: Counter[Outcome], result: Path) -> None:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(justify="right")
    for outcome in Outcome:
        bad = outcome is Outcome.REFUSED and outcomes[outcome]
        table.add_row(outcome.value, Text(f"{outcomes[outcome]:,}", "bold red" if bad else "bold"))
    out.print(table)
    out.print(Text.assemble(("row by row: ", "dim"), str(result)), soft_wrap=True)
