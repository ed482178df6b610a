"""When callers who come back together are written together, and when in halves."""

from shared.eventsourcing.rhythm import Rhythm

DECIDING = 0.000_04
"""Seconds that one caller's decision takes."""
COMMITTING = 0.000_02
"""Seconds that PostgreSQL has to do for a commit, beside the flush."""


class Callers:
    """A number of them, each coming back as soon as it was answered, on a disk that takes `flush` seconds."""

    def __init__(self, number: int, flush: float) -> None:
        self.flush, self.time = flush, 100.0
        self.waiting, self.deciding = number, 0
        self.rhythm = Rhythm(lambda: self.time)

    def batches(self, turns: int = 20) -> list[int]:
        """The sizes of the next batches."""
        return [self._turn() for _ in range(turns)]

    def _turn(self) -> int:
        taken = self.rhythm.share(self.waiting)
        self.rhythm.begin()
        self.time += self.flush + COMMITTING * taken
        self.waiting += self.deciding - taken
        together = self.rhythm.end(taken, self.waiting)
        if together or not self.waiting:
            self.time += DECIDING * taken
            self.waiting, self.deciding = self.waiting + taken, 0
        else:
            self.deciding = taken  # while the others are written
        return taken


def test_on_a_fast_disk_many_callers_are_written_in_halves() -> None:
    first, *then = Callers(32, flush=0.0003).batches()
    assert (first, set(then)) == (32, {16})


def test_on_a_slow_disk_few_callers_are_written_together() -> None:
    assert set(Callers(8, flush=0.0015).batches()) == {8}


def test_where_deciding_takes_hardly_longer_than_the_flush_they_stay_together() -> None:
    assert set(Callers(8, flush=0.0003).batches()) == {8}


def test_callers_parted_by_chance_meet_again_where_the_flush_is_dear() -> None:
    callers = Callers(8, flush=0.0015)
    callers.batches(3)
    callers.waiting = callers.deciding = 4
    assert callers.batches()[-10:] == [8] * 10


def test_a_single_caller_is_written_alone() -> None:
    assert set(Callers(1, flush=0.0003).batches()) == {1}


def test_a_crowd_that_comes_after_a_rest_is_written_at_once() -> None:
    callers = Callers(2, flush=0.0003)
    callers.batches()
    callers.time += 1
    assert callers.rhythm.share(100) == 100
