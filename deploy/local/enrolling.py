"""Rosters being enrolled, as a terminal shows it."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from rich.table import Table
from rich.text import Text

from deploy.local.bars import bars
from deploy.local.clock import now
from deploy.local.reach import carried_out, connection
from deploy.local.rosters import RESULT, Book, books, give_back, write_premiums
from deploy.local.terminal import REFUSED, out, wrong
from services.aid.enrolment import Entry, Outcome, Premiums, enrol
from services.registry.identity import read_credit_code
from shared.runtime.calling import Caller
from shared.runtime.client import Client
from shared.schemas.messages import Actor
from shared.schemas.money import Fen, cny

__all__ = ["Order", "carry_out"]

LONGEST: Final = 30.0
"""Seconds for thousands of workers in one call, on a machine that has much else to do."""
PATIENCE: Final = 60.0
"""Seconds for which a service may be away, such as while it is started anew."""


@dataclass(frozen=True, slots=True)
class Order:
    rosters: tuple[Path, ...]
    period: date
    employer: str | None
    """Credit code."""
    employer_part: Fen | None
    results: Path | None
    actor: Actor
    federation: str


def carry_out(order: Order) -> int:
    """Enrol, and show what came of it; the exit code."""
    outcomes, premiums, written = carried_out(_enrol(order), "Who is enrolled stays; enrol again")
    _show(outcomes, premiums, written)
    return REFUSED if outcomes[Outcome.LEFT_OUT] else 0


async def _enrol(order: Order) -> tuple[Counter[Outcome], list[Premiums], list[Path]]:
    async with connection() as broker:
        begun = await now(broker)
        employer = read_credit_code(order.employer).code if order.employer else None
        found = books(order.rosters, begun.date(), employer)
        _must_be_apart(found, order)
        client = Client(broker, timeout=LONGEST, patience=PATIENCE)
        registry, aid = (
            Caller(client=client, programme=name, actor=order.actor, federation=order.federation)
            for name in ("registry", "aid")
        )
        lines = [line for book in found for line in book.lines.values()]
        with bars() as stages:
            done = await enrol(lines, order.period, registry, aid, order.employer_part, stages)
    entries = iter(done.entries)
    by_book = [(book, {index: next(entries) for index in book.lines}) for book in found]
    written = [_give_back(book, of, order.results) for book, of in by_book]
    if done.premiums:
        written.append((order.results or found[0].path.parent) / f"{RESULT}-应缴-{begun:%Y%m%d-%H%M%S}.xlsx")
        write_premiums(done.premiums, written[-1])
    return sum((_outcomes(book, of) for book, of in by_book), Counter()), done.premiums, written


def _must_be_apart(found: list[Book], order: Order) -> None:
    if not found:
        wrong("there is no roster, .xlsx, in " + ", ".join(map(str, order.rosters)))
    paths = Counter(_result_path(book, order.results) for book in found)
    if alike := [path.name for path, count in paths.items() if count > 1]:
        wrong(f"more than one roster would be given back as {alike[0]}: give no --results")


def _result_path(book: Book, results: Path | None) -> Path:
    return (results or book.path.parent) / f"{book.path.stem}-{RESULT}.xlsx"


def _give_back(book: Book, entries: dict[int, Entry], results: Path | None) -> Path:
    path = _result_path(book, results)
    give_back(book, entries, path)
    return path


def _outcomes(book: Book, entries: dict[int, Entry]) -> Counter[Outcome]:
    unread = len(book.rows) - len(entries)
    return Counter(entry.outcome for entry in entries.values()) + Counter({Outcome.LEFT_OUT: unread})


def _show(outcomes: Counter[Outcome], premiums: list[Premiums], written: list[Path]) -> None:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(justify="right")
    for outcome in Outcome:
        bad = outcome is Outcome.LEFT_OUT and outcomes[outcome]
        table.add_row(outcome.value, Text(f"{outcomes[outcome]:,}", "bold red" if bad else "bold"))
    table.add_row("单位", f"{len({due.employer for due in premiums}):,}")
    table.add_row("单位应缴", cny(sum(due.employer_due for due in premiums)))
    table.add_row("个人应缴", cny(sum(due.worker_due for due in premiums)))
    out.print(table)
    shown = written if len(written) <= 3 else [written[-1].parent]
    out.print(Text.assemble(("row by row: ", "dim"), ", ".join(map(str, shown))), soft_wrap=True)
