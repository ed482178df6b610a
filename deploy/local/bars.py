"""Progress of something long: a bar for each of its stages in a terminal, and now and then a line elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from deploy.local.terminal import err

__all__ = ["Stages", "bars"]

BEAT: Final = 0.1
"""Seconds between moves of a bar."""
LINE: Final = 10.0
"""Seconds between lines."""


class Stages:
    """How far each stage has come, shown now and then: not for each of seventy thousand rows."""

    def __init__(self, show: Callable[[str, int, int], None], beat: float) -> None:
        self._show, self._beat = show, beat
        self._due = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        if (now := time.monotonic()) < self._due and done < total:
            return
        self._due = now + self._beat
        self._show(stage, done, total)

    def stage(self, name: str) -> Callable[[int, int], None]:
        """What is to be told how far one stage has come."""
        return lambda done, total: self(name, done, total)

    def steps(self, name: str, total: int) -> Callable[[], None]:
        """What is to be told of each step of one stage."""
        done = 0

        def step() -> None:
            nonlocal done
            done += 1
            self(name, done, total)

        return step


@contextmanager
def bars() -> Iterator[Stages]:
    if not err.is_terminal:
        yield Stages(_line, LINE)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err) as bar:
        yield Stages(_bar_in(bar), BEAT)


def _bar_in(progress: Progress) -> Callable[[str, int, int], None]:
    tasks: dict[str, TaskID] = {}

    def show(stage: str, done: int, total: int) -> None:
        if stage not in tasks:
            tasks[stage] = progress.add_task(stage)
        progress.update(tasks[stage], completed=done, total=total)

    return show


def _line(stage: str, done: int, total: int) -> None:
    err.print(f"{stage}: {done:,} of {total:,}")
