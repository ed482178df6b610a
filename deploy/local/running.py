"""`niangjia up`: the system of this checkout, from a terminal."""

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from deploy.local.home import AlreadyUp, Place, Run, default_home
from deploy.local.ports import PortBusy
from deploy.local.server import ServerFailed
from deploy.local.supervisor import NotReady
from deploy.local.system import LocalSystem
from deploy.local.terminal import err, out, wrong
from shared.runtime.settings import ClockKind

__all__ = ["places", "until_told", "up"]


def up(
    clock: Annotated[
        ClockKind, typer.Option(help="settable: niangjia clock can move it, for tests")
    ] = ClockKind.SYSTEM,
) -> None:
    """Run the whole system here, until Ctrl-C. The data stay."""
    system = LocalSystem(default_home(), clock=clock, say=_say)
    try:
        raise typer.Exit(asyncio.run(until_told(system)))
    except AlreadyUp as error:
        wrong(f"{error}: niangjia status shows it")
    except (ServerFailed, PortBusy) as error:
        wrong(str(error))


async def until_told(system: LocalSystem) -> int:
    """Run until the first signal; a second one while it stops ends everything at once."""
    told, loop = asyncio.Event(), asyncio.get_running_loop()

    def on_signal() -> None:
        if told.is_set():
            _say("everything is ended at once")
            system.kill()
        told.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, on_signal)
    began = time.monotonic()
    starting, waiting = asyncio.create_task(_start(system, began)), asyncio.create_task(told.wait())
    try:
        await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            await starting
        await waiting
        return 0
    finally:
        starting.cancel()
        waiting.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await starting
        await system.stop()


async def _start(system: LocalSystem, began: float) -> None:
    await system.start()
    try:
        await system.ready()
    except NotReady as late:
        err.print(Text(str(late)))
        _say("not everything is ready; what is stays up: niangjia status")
        return
    out.print(places(system.run))
    out.print()
    out.print(Text(f"ready in {time.monotonic() - began:.1f} s; Ctrl-C stops it, the data stay", "bold green"))
    out.print(_next())


def _next() -> RenderableType:
    table = Table.grid(padding=(0, 3, 0, 2))
    for command, what in (
        ("niangjia send registry", "the commands of a programme; with a name and --help its fields"),
        ("niangjia ask loan", "the queries of a programme"),
        ("niangjia status", "what runs, and whether it is well"),
        ("niangjia logs loan -f", "what a part has to say"),
    ):
        table.add_row(Text(command, "cyan"), Text(what, "dim"))
    return table


def places(run: Run, health: dict[str, str] | None = None) -> Table:
    """What is where. `health` says by name what a part lacks, empty when it is well."""
    table = Table(box=None, header_style="dim", padding=(0, 3, 0, 0))
    columns: list[tuple[str, Callable[[Place], Text]]] = [
        ("part", lambda place: Text(place.name, "bold")),
        ("pid", lambda place: Text(str(place.pid or "—"))),
        ("where", lambda place: Text(place.where, "cyan")),
    ]
    if health is None:
        columns.append(("", lambda place: Text(place.note, "dim")))
    else:
        columns.insert(2, ("health", lambda place: _health(health.get(place.name, ""))))
    if any(place.restarts for place in run.places):
        columns.insert(2, ("restarts", lambda place: Text(str(place.restarts or ""), "yellow", justify="right")))
    for heading, _ in columns:
        table.add_column(heading, no_wrap=heading not in ("health", ""))
    for place in run.places:
        table.add_row(*(show(place) for _, show in columns))
    return table


def _health(missing: str) -> Text:
    return Text("ready", "green") if not missing else Text(missing, "red")


def _say(line: str) -> None:
    err.print(Text.assemble((f"{datetime.now():%H:%M:%S} ", "dim"), line))  # noqa: DTZ005 - the terminal's own time
