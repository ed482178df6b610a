"""Progress of something long, as a terminal shows it: a bar for each of its stages."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
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


class Stages:
    """A bar for each stage, moved now and then: not for each of seventy thousand rows."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._tasks: dict[StrEnum, TaskID] = {}
        self._due = 0.0

    def __call__(self, stage: StrEnum, done: int, total: int) -> None:
        if (now := time.monotonic()) < self._due and done < total:
            return
        self._due = now + BEAT
        if stage not in self._tasks:
            self._tasks[stage] = self._bar.add_task(stage.value)
        self._bar.update(self._tasks[stage], completed=done, total=total)


@contextmanager
def bars() -> Iterator[Stages]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err) as bar:
        yield Stages(bar)
