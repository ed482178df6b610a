"""Whether a provider is worth speaking to."""

from collections.abc import Callable
from typing import Final

__all__ = ["ENOUGH", "Door"]

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
"""Seconds for which it is shut: doubled with each trouble in a row."""
ENOUGH: Final = 3
"""Troubles, with nothing that got through between them, that shut it. Where a few in a hundred fail, that is seldom."""


class Door:
    """Of one provider. Trouble shuts it for a while; then one message at a time tries it, until one gets through.

    Trouble is what says nothing of the recipient: nobody there, not let in, no answer. `now` gives seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._troubles = self._shuts = 0
        self._shut_at = self._opens_at = float("-inf")

    @property
    def is_shut(self) -> bool:
        return self._now() < self._opens_at

    @property
    def is_wide(self) -> bool:
        """Whether messages go through side by side."""
        return self._shuts == 0

    def passed(self, began: float) -> None:
        """What began then was answered. What began before the door was shut says nothing any more."""
        if began >= self._shut_at:
            self._troubles, self._shuts, self._opens_at = 0, 0, float("-inf")

    def trouble(self, began: float) -> None:
        """What began then met trouble. Those that were under way when it was shut do not count again."""
        if began < self._shut_at:
            return
        self._troubles += 1
        if self._shuts or self._troubles >= ENOUGH:
            self._shut_at = self._now()
            self._opens_at = self._shut_at + min(FIRST_PAUSE * 2.0 ** min(self._shuts, 32), LONGEST_PAUSE)
            self._shuts += 1
