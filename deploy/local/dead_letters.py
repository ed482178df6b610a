"""`niangjia dead-letters`: events that a service could not react to, and those that wait behind them."""

import asyncio
import json
from datetime import datetime
from typing import Annotated, Final

import asyncpg
import typer
from rich.table import Table
from rich.text import Text

from deploy.local.reach import database, schemas_with
from deploy.local.terminal import Output, out, shanghai, wrong
from shared.runtime.letters import Letter, Letters

__all__ = ["app"]

TABLE: Final = "letters"
STYLES: Final = {"dead": "red", "retrying": "yellow", "parked": "dim", "skipped": "dim"}

app = typer.Typer(help="Events that a service could not react to.", no_args_is_help=True)

Programme = Annotated[str, typer.Argument(help="the service that could not react", show_default=False)]
Consumer = Annotated[str, typer.Argument(show_default=False)]
Sequence = Annotated[int, typer.Argument(help="of the event in the stream it came from", show_default=False)]


@app.command("list")
def list_all(
    programme: Annotated[str, typer.Argument(help="one alone", show_default=False)] = "",
    skipped: Annotated[bool, typer.Option(help="those that an operator gave up, too")] = False,
    output: Output = "text",
) -> None:
    """List them, the oldest first: dead, to be tried again, or parked behind an earlier one of the same stream."""
    found = [
        (name, letter)
        for name, letters in asyncio.run(_all(programme)).items()
        for letter in letters
        if skipped or letter.state != "skipped"
    ]
    if output == "json":
        out.print_json(json.dumps([_json(name, letter) for name, letter in found], ensure_ascii=False))
    elif not found:
        out.print("[green]none[/]: every event was reacted to, or will be")
    else:
        out.print(_table(found))
        out.print()
        out.print(Text("niangjia dead-letters show|retry|skip <programme> <consumer> <sequence>", "dim"))


@app.command()
def show(programme: Programme, consumer: Consumer, sequence: Sequence) -> None:
    """One letter with its event, personal data sealed as it came, and what waits behind it."""
    letters = asyncio.run(_all(programme))[programme]
    one = next((letter for letter in letters if (letter.consumer, letter.sequence) == (consumer, sequence)), None)
    if one is None:
        wrong(f"{consumer} has no letter {sequence}")
    behind = [letter for letter in letters if (letter.consumer, letter.stream) == (consumer, one.stream)]
    out.print(_table([(programme, letter) for letter in behind if letter.sequence >= sequence]))
    out.print()
    for name, value in one.headers.items():
        out.print(Text.assemble((f"{name} ", "dim"), value))
    out.print()
    out.print_json(one.body.decode())


@app.command()
def retry(
    programme: Programme,
    consumer: Consumer = "",
    sequence: Sequence = 0,
    all_dead: Annotated[bool, typer.Option("--all", help="every dead letter of the programme")] = False,
) -> None:
    """Have a dead letter tried again; what is parked behind it follows."""
    chosen = asyncio.run(_chosen(programme, consumer, sequence, all_dead))
    done = asyncio.run(_retry(programme, chosen))
    if not done and not all_dead:
        wrong(f"{consumer} has no dead letter {sequence}")
    out.print(f"{done} to be tried again")


@app.command()
def skip(
    programme: Programme,
    consumer: Consumer,
    sequence: Sequence,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="without asking")] = False,
) -> None:
    """Give a letter up for good; what is parked behind it goes on without it."""
    if not yes:
        typer.confirm(f"{consumer} will never react to event {sequence}. Skip it?", abort=True)
    if not asyncio.run(_skip(programme, consumer, sequence)):
        wrong(f"{consumer} has no letter {sequence} that could be skipped")
    out.print("skipped")


async def _all(programme: str) -> dict[str, list[Letter]]:
    async with database() as pool:
        names = await schemas_with(pool, TABLE, programme)
        return {name: await Letters(pool, name).all() for name in names}


async def _chosen(programme: str, consumer: str, sequence: int, all_dead: bool) -> list[tuple[str, int]]:
    if not all_dead:
        if not consumer or not sequence:
            wrong("name a consumer and a sequence, or --all")
        return [(consumer, sequence)]
    letters = (await _all(programme))[programme]
    return [(letter.consumer, letter.sequence) for letter in letters if letter.state == "dead"]


async def _retry(programme: str, chosen: list[tuple[str, int]]) -> int:
    async with database() as pool:
        letters = await _letters(pool, programme)
        return sum([await letters.retry(consumer, sequence) for consumer, sequence in chosen])


async def _skip(programme: str, consumer: str, sequence: int) -> bool:
    async with database() as pool:
        return await (await _letters(pool, programme)).skip(consumer, sequence)


async def _letters(pool: asyncpg.Pool, programme: str) -> Letters:
    (name,) = await schemas_with(pool, TABLE, programme)
    return Letters(pool, name)


def _table(found: list[tuple[str, Letter]]) -> Table:
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for heading in ("programme", "consumer", "sequence", "state", "tried", "event", "error", "since"):
        table.add_column(heading, justify="right" if heading in ("sequence", "tried") else "left", overflow="fold")
    for name, letter in found:
        table.add_row(
            name,
            letter.consumer,
            str(letter.sequence),
            Text(letter.state, STYLES.get(letter.state, "")),
            str(letter.attempts),
            Text.assemble(letter.headers.get("ce-type", letter.subject), "\n", (letter.stream, "dim")),
            letter.error or "",
            shanghai(letter.arrived_at),
        )
    return table


def _json(programme: str, letter: Letter) -> dict[str, object]:
    arrived: datetime = letter.arrived_at
    return {
        "programme": programme,
        "consumer": letter.consumer,
        "sequence": letter.sequence,
        "state": letter.state,
        "attempts": letter.attempts,
        "event": letter.headers.get("ce-type"),
        "stream": letter.stream,
        "error": letter.error,
        "arrived_at": arrived.isoformat(),
    }
