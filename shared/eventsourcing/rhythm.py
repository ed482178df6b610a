"""In how many turns the same callers are best written: together, or one half while the other decides."""

import time
from collections.abc import Callable
from typing import Final

__all__ = ["Rhythm"]

SAME_CALLERS: Final = 4
"""Times that the last batch took: what comes later is no answer to it."""

CLEARLY: Final = 1.25
"""By how much deciding takes longer than what two turns cost, before there are two: each was measured once."""

WRITING_TO_DECIDING: Final = 0.6
"""What PostgreSQL has to do for a commit, measured in what this process has to do for one."""


class Rhythm:
    """Callers that are answered together come back together.

    Where all of them are one batch, PostgreSQL rests while they decide, and they while it writes. Where they are two,
    each half decides while the other is written, and a batch's fixed cost, the flush above all, is paid twice. So two
    are better where deciding takes longer than that: on a fast disk, with many callers.
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self._began = self._ended = now()
        self._answered = self._behind = 0
        """Of the last batch, and how many waited meanwhile."""
        self._deciding = 0.0
        """Seconds that one commit's decision takes."""

    def begin(self) -> None:
        self._began = self._now()

    def end(self, answered: int, behind: int) -> bool:
        """A batch is written. Whether those behind it had better be written together with those just answered."""
        self._ended, self._answered, self._behind = self._now(), answered, behind
        return behind > 0 and CLEARLY * self._fixed() > self._deciding * (behind + answered)

    def share(self, waiting: int) -> int:
        """How many of those who wait to take."""
        idle, writing = self._now() - self._ended, self._ended - self._began
        if not waiting or self._behind or idle > SAME_CALLERS * writing:
            return waiting
        self._deciding = idle / waiting
        return (waiting + 1) // 2 if CLEARLY * self._fixed() < idle else waiting

    def _fixed(self) -> float:
        """Seconds that a batch takes whatever is in it, by the last one."""
        return self._ended - self._began - WRITING_TO_DECIDING * self._deciding * self._answered
