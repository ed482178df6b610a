"""`niangjia city`: what a city's operators type beside their broker, and a county's beside theirs (docs/city.md)."""

import asyncio
import json
import re
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Final

import typer
from nats.aio.client import Client as Connection
from nats.js.errors import NotFoundError
from rich.table import Table
from rich.text import Text

from deploy.local import county
from deploy.local.county import READER, Database, Reader, reading
from deploy.local.provision import Replicas
from deploy.local.reach import connection
from deploy.local.terminal import WRONG, Output, out, wrong
from deploy.nats.city import DOMAIN, counties_of, county_in, domain_of, provide_city, provide_county
from deploy.nats.credentials import OFFLINE, Folder, Nodes, make_city, require_known, tell
from deploy.nats.nodes import LEAVES
from deploy.nats.standing import Line, Standing, of_county, seen_by_the_city

__all__ = ["app"]

LINES: Final = {Line.UP: "green", Line.AWAY: "red", Line.NO_STREAMS: "yellow"}

app = typer.Typer(help="A city over its counties.", no_args_is_help=True)


def _code(text: str) -> str:
    if re.fullmatch(r"[0-9]{6}", text) is None:
        raise typer.BadParameter(f"{text!r} is no division code such as 330783")
    return text


@app.command()
def credentials(
    folder: Folder,
    county: Annotated[
        list[str], typer.Option(parser=_code, metavar="CODE", help="each that takes part", show_default=False)
    ],
    host: Annotated[list[str], typer.Option(help="by which counties reach the city", show_default=False)],
    renew: Annotated[list[str] | None, typer.Option(help="a county whose key is replaced: county-330783")] = None,
    node: Nodes = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="on which counties come in")] = LEAVES,
    reader: Reader = READER,
) -> None:
    """Make what niangjia credentials makes, for the city's broker and its counties. May be repeated."""
    require_known(renew, [domain_of(code) for code in county])
    made = make_city(
        *(folder.resolve(), county, host, port, datetime.now(UTC)),
        renew=renew or [],
        nodes=node or [],
        reader=reading(reader),
    )
    tell(made)
    for code in county:
        out.print(f"{code}       {made.county(code)}", soft_wrap=True)
    out.print(OFFLINE, style="bold")


@app.command()
def secrets(folder: county.Folder, database: Database = "127.0.0.1:5432", reader: Reader = READER) -> None:
    """Make the passwords of the city's service, for niangjia install. May be repeated: what is there stays."""
    county.keep_urls(folder, [DOMAIN], database, reader)
    county.show(folder)


@app.command()
def provision(
    counties: Annotated[
        list[str] | None, typer.Argument(parser=_code, metavar="[CODE]...", help="at the city: who joins")
    ] = None,
    replicas: Replicas = 1,
) -> None:
    """Make the streams between a city and its counties: at the city for those that are named, at a county its own.

    Which of them it is the broker says. May be repeated; what is there stays.
    """
    asyncio.run(_provision(counties or [], replicas))


async def _provision(named: list[str], replicas: int) -> None:
    async with connection() as broker:
        own, js = await _own_county(broker), broker.jetstream()
        if own is None:
            counties = sorted({*named, *await counties_of(js)})
            if not counties:
                wrong("no county is named, and none has joined yet")
            await provide_city(js, counties, replicas)
            out.print(f"city takes AID of {', '.join(counties)} and holds CITY for them", soft_wrap=True)
        elif set(named) - {own}:
            wrong(f"this is the broker of county {own}: its own streams alone are made here")
        else:
            await provide_county(js, own, replicas)
            out.print(f"county {own} takes CITY and holds AID for the city", soft_wrap=True)


@app.command()
def status(output: Output = "text") -> None:
    """How far each county's events have come into the city, and the city's into each county; at a county, its own.

    Exit code 1 where a county is away.
    """
    standings = asyncio.run(_standings())
    if output == "json":
        out.print_json(json.dumps([asdict(one) | {"behind": one.behind} for one in standings]))
    else:
        _tell(standings)
    raise typer.Exit(0 if all(one.line is Line.UP for one in standings) else WRONG)


async def _standings() -> list[Standing]:
    async with connection() as broker:
        own = await _own_county(broker)
        try:
            return await seen_by_the_city(broker) if own is None else [await of_county(broker, own)]
        except NotFoundError:
            wrong("the streams are not there: niangjia city provision makes them")


async def _own_county(broker: Connection) -> str | None:
    """The county whose broker this is; None at the city. Ends the command at any other."""
    domain = (await broker.jetstream().account_info()).domain
    if domain != DOMAIN and county_in(domain) is None:
        wrong("this broker belongs to no city: docs/city.md")
    return county_in(domain)


def _tell(standings: list[Standing]) -> None:
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("county")
    table.add_column("line")
    for heading in ("its log", "in the city", "behind", "for it, on the way"):
        table.add_column(heading, justify="right")
    for one in standings:
        figures = (one.log, one.in_the_city, one.behind, one.on_the_way)
        table.add_row(
            one.county,
            Text(one.line, LINES[one.line]),
            *("?" if figure is None else f"{figure:,}" for figure in figures),
        )
    out.print(table)
