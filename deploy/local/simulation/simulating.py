"""`niangjia simulate`: a half-year of mutual aid from a seed, and the fund's statement at its end."""

import asyncio
import shutil
import time
from contextlib import AsyncExitStack
from enum import StrEnum
from typing import Annotated, Final

import nats
import typer
from rich.text import Text

from deploy.local.bars import bars
from deploy.local.home import Home, default_home
from deploy.local.simulation.figures import DONGYANG_2019H1
from deploy.local.system import LocalSystem, Programme
from deploy.local.terminal import WRONG, err, out
from shared.runtime.client import NoAnswer
from shared.runtime.settings import ClockKind
from shared.schemas.messages import Refused

__all__ = ["simulate"]

PROGRAMMES: Final = ("registry", "aid")
SMALLEST: Final = 100


class Story(StrEnum):
    DONGYANG_2019H1 = "dongyang-2019h1"


def simulate(
    story: Annotated[Story, typer.Argument(help="which county and half-year")],
    seed: Annotated[int, typer.Option(help="the same seed plays the same half-year")] = 2019,
    scale: Annotated[int, typer.Option(min=1, max=SMALLEST, help="one in so many of everything")] = 1,
) -> None:
    """Play a half-year of mutual aid through public commands. Exit code 0 only if all its sums hold."""
    home = Home(default_home().path / "simulation")
    shutil.rmtree(home.path, ignore_errors=True)
    raise typer.Exit(asyncio.run(_simulate(home, story, seed, scale)))


async def _simulate(home: Home, story: Story, seed: int, scale: int) -> int:
    from deploy.local.simulation.half_year import play  # the services' own libraries take half a second to load

    began = time.monotonic()
    size = f", one in {scale}" if scale > 1 else ""
    out.print(Text(f"娘家 · 职工医疗互助 · {story.value}{size}, seed {seed}", "bold"))
    async with AsyncExitStack() as stack:
        programmes = [Programme.of(name) for name in PROGRAMMES]
        system = LocalSystem(home, programmes=programmes, clock=ClockKind.SETTABLE)
        await stack.enter_async_context(system)
        connection = await nats.connect(system.run.nats_url, name="simulation")
        stack.push_async_callback(connection.close)
        try:
            with bars() as stages:
                played = await play(connection, DONGYANG_2019H1.scaled(scale), seed, stages.steps)
        except (NoAnswer, Refused, TimeoutError, ExceptionGroup) as error:
            err.print(Text(f"✗ it did not end as it must: {_first(error)}", "red"))
            return WRONG
    out.print(played.statement)
    out.print(Text(played.summary, "dim"))
    if not played.statement.holds:
        err.print(Text("✗ the sums do not hold", "red"))
        return WRONG
    out.print(Text(f"✓ every sum holds, in {time.monotonic() - began:.0f} s", "bold green"))
    return 0


def _first(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"
