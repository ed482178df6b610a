"""`niangjia clock`: what time it is for the services, and setting it forward where they run on a settable clock."""

import asyncio
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer
from nats.aio.client import Client as Connection
from rich.text import Text

from deploy.local.home import default_home
from deploy.local.reach import connection
from deploy.local.terminal import out, shanghai, wrong
from shared.eventsourcing.decider import SHANGHAI
from shared.runtime.clock import set_offset, shared_offset
from shared.runtime.settings import ClockKind

__all__ = ["app", "is_settable", "now"]

UNITS: Final = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1), "s": timedelta(seconds=1)}
SPAN: Final = re.compile(r"(?:\d+[dhms])+")

app = typer.Typer(help="The services' clock, where it is settable.", no_args_is_help=True)


@app.command()
def show() -> None:
    """What time it is for the services."""
    if not is_settable():
        out.print(f"{shanghai(datetime.now(UTC))} [dim]in China: the system's own clock[/]")
        return
    _print(asyncio.run(_offset()))


@app.command("set")
def set_to(
    instant: Annotated[str, typer.Argument(help="2027-03-01 or 2027-03-01T09:00, in China; or with a zone")],
) -> None:
    """Make it this instant now; never an earlier one than it is."""
    try:
        given = datetime.fromisoformat(instant)
    except ValueError:
        wrong(f"{instant!r} is no instant such as 2027-03-01T09:00")
    aware = given if given.tzinfo is not None else given.replace(tzinfo=SHANGHAI)
    _move(lambda _offset: aware - datetime.now(UTC))


@app.command()
def advance(span: Annotated[str, typer.Argument(help="such as 30d, 2h30m or 90s")]) -> None:
    """Set it forward."""
    if not SPAN.fullmatch(span):
        wrong(f"{span!r} is no span such as 30d, 2h30m or 90s")
    length = sum((int(part[:-1]) * UNITS[part[-1]] for part in re.findall(r"\d+[dhms]", span)), timedelta())
    _move(lambda offset: offset + length)


def _move(moved: Callable[[timedelta], timedelta]) -> None:
    if not is_settable():
        wrong("the services run on the system's own clock: start them with niangjia up --clock settable")
    _print(asyncio.run(_moved(moved)))


async def _moved(moved: Callable[[timedelta], timedelta]) -> timedelta:
    async with connection() as broker:
        js = broker.jetstream()
        was = await shared_offset(js)
        offset = moved(was)
        if offset < was:
            wrong(f"it is {shanghai(datetime.now(UTC) + was)} already, and the clock goes forward only")
        await set_offset(js, offset)
        return offset


async def _offset() -> timedelta:
    async with connection() as broker:
        return await shared_offset(broker.jetstream())


def is_settable() -> bool:
    """Of a system elsewhere, named by NATS_URL, it isn't known: it is taken at its word."""
    run = default_home().run()
    return "NATS_URL" in os.environ if run is None else run.clock == ClockKind.SETTABLE


async def now(broker: Connection) -> datetime:
    """What time it is for the services, in China."""
    offset = await shared_offset(broker.jetstream()) if is_settable() else timedelta()
    return (datetime.now(UTC) + offset).astimezone(SHANGHAI)


def _print(offset: timedelta) -> None:
    now = datetime.now(UTC) + offset
    ahead = (
        f"{offset.days} d {offset.seconds // 3600} h ahead of the system's" if offset else "the same as the system's"
    )
    out.print(Text.assemble((shanghai(now), "bold"), (f" in China, {ahead}", "dim")))
