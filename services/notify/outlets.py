"""Providers as the sender sees them: whether one is worth speaking to, how much of the messages it gets, how fast."""

import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import Any, Final

from services.notify.channels import CalledBack, Listening, Provider
from services.notify.delivering import Health
from services.notify.door import Door
from services.notify.limits import Limits
from shared.schemas.notify import Channel, Shift

__all__ = ["ALL", "Outlet", "Pace", "Shares", "choose"]

ALL: Final = 100
ENOUGH: Final = 20
"""Answers of which an average says anything."""
BURST: Final = 0.05
"""Seconds' worth of messages that may go at once."""
NOT_SERVED_FOR: Final = 60.0
"""Seconds for which a provider is not asked again to take a template that it does not take."""


class Shares:
    """How many of a provider's 100 shares it has: fewer after many errors or while it is slow, and step by step more
    again. `now` gives seconds."""

    def __init__(self, rules: Health, now: Callable[[], float], shares: int = ALL) -> None:
        self._rules, self._now = rules, now
        self.shares = shares
        self._changed = now()
        self._errors: deque[float] = deque()
        self._answers: deque[tuple[float, float]] = deque()

    def answered(self, seconds: float) -> None:
        self._answers.append((self._now(), seconds))

    def erred(self) -> None:
        self._errors.append(self._now())

    def shift(self) -> Shift | None:
        """Why the shares are others from now on; None where they are not."""
        now, rules = self._now(), self._rules
        begin = now - rules.window_seconds
        while self._errors and self._errors[0] <= begin:
            self._errors.popleft()
        while self._answers and self._answers[0][0] <= begin:
            self._answers.popleft()
        if len(self._errors) >= rules.errors:
            return self._less(Shift.ERRORS)
        slowness = sum(seconds for _, seconds in self._answers) / len(self._answers) if self._answers else 0.0
        if len(self._answers) >= ENOUGH and slowness * 1000 > rules.slow_ms:
            return self._less(Shift.SLOWNESS)
        if self.shares < ALL and now - self._changed >= rules.drift_seconds:
            self.shares, self._changed = min(ALL, self.shares + rules.step), now
            return Shift.DRIFT
        return None

    def _less(self, why: Shift) -> Shift | None:
        """What has moved the shares once does not count again."""
        self._errors.clear()
        self._answers.clear()
        self._changed = self._now()
        if self.shares == 0:
            return None
        self.shares = max(0, self.shares - self._rules.step)
        return why


class Pace:
    """So many a second, evenly; without a rate, as fast as one can."""

    def __init__(self, per_second: float | None, now: Callable[[], float]) -> None:
        self._gap, self._now = 0.0 if per_second is None else 1 / per_second, now
        self._next = float("-inf")

    def wait(self) -> float:
        """Seconds until another may go."""
        return max(0.0, self._next - self._now())

    def go(self) -> None:
        self._next = max(self._next, self._now() - BURST) + self._gap


@dataclass(slots=True)
class Outlet:
    """One provider."""

    provider: Provider[Any]
    limits: Limits
    shares: Shares
    door: Door
    pace: Pace
    now: Callable[[], float]
    under_way: int = 0
    spent_until: datetime | None = None
    """Its budget for all messages is exhausted till then."""
    unserved: dict[str, float] = field(default_factory=dict)
    """Templates that it does not take, and until when it is not asked again."""
    reports: bool = field(init=False)
    """Whether it says of each message what became of it: a mail server mostly says so of failures alone."""

    def __post_init__(self) -> None:
        provider = self.provider
        called = isinstance(provider, CalledBack) and provider.callback_key is not None
        self.reports = provider.channel is Channel.SMS and (called or isinstance(provider, Listening))

    @property
    def name(self) -> str:
        return self.provider.name

    def is_open(self, instant: datetime) -> bool:
        return not self.door.is_shut and (self.spent_until is None or instant >= self.spent_until)

    def wait(self) -> float:
        """Seconds until it can be given another message; infinite where one that is under way must end first."""
        room = self.provider.at_once if self.door.is_wide else 1
        return self.pace.wait() if self.under_way < room else inf

    def takes(self, template: str) -> bool:
        return self.unserved.get(template, 0.0) <= self.now()

    def does_not_take(self, template: str) -> None:
        self.unserved[template] = self.now() + NOT_SERVED_FOR


def choose(outlets: Iterable[Outlet], weights: Mapping[str, int]) -> Outlet:
    """One of these by weight and shares; by weight alone where none has any shares."""
    known = list(outlets)
    chances = [weights[outlet.name] * outlet.shares.shares for outlet in known]
    if not any(chances):
        chances = [weights[outlet.name] for outlet in known]
    return random.choices(known, chances)[0]  # noqa: S311 - a share, not a secret
