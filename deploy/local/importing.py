"""An import of a roster, as a terminal shows it."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import uvloop
from rich.table import Table
from rich.text import Text

from deploy.local.bars import bars
from deploy.local.clock import is_settable
from deploy.local.reach import connection
from deploy.local.terminal import NO_ANSWER, REFUSED, out, wrong
from services.registry.roster import Outcome, Roster, import_roster, open_roster
from shared.eventsourcing.decider import SHANGHAI
from shared.runtime.calling import Caller
from shared.runtime.client import Client, NoAnswer
from shared.runtime.clock import shared_offset
from shared.schemas.ids import UnionId
from shared.schemas.messages import Actor, Refused

__all__ = ["carry_out"]

PATIENCE: Final = 60.0
"""Seconds for which the registry may be away, such as while it is started anew."""


def carry_out(file: Path, union: UUID, result: Path, actor: Actor, federation: str) -> int:
    """Import, and show what came of it; the exit code."""
    try:
        outcomes = uvloop.run(_import(open_roster(file), union, result, actor, federation))
    except OSError as error:
        wrong(f"cannot read or write {error.filename}: {error.strerror}")
    except Refused as refused:
        wrong(f"{refused.refusal.message} ({refused.refusal.code})", REFUSED)
    except NoAnswer:
        wrong("the registry does not answer: niangjia status. What is in stays; import the file again", NO_ANSWER)
    _show(outcomes, result)
    return REFUSED if outcomes[Outcome.REFUSED] else 0


async def _import(roster: Roster, union: UUID, result: Path, actor: Actor, federation: str) -> Counter[Outcome]:
    async with connection() as broker:
        offset = await shared_offset(broker.jetstream()) if is_settable() else timedelta()
        today = (datetime.now(UTC) + offset).astimezone(SHANGHAI).date()
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
