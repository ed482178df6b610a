"""The Decider pattern: `decide(command, state, facts) -> events` may refuse; `evolve(state, event) -> state` never.

Time, ids and whatever is known from elsewhere come in with `facts`: a decision reads no clock and no table.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from shared.schemas.messages import Actor, Event

__all__ = ["SHANGHAI", "Aggregate", "Decide", "Facts"]

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")

type Decide[C, S, E: Event, F] = Callable[[C, S, F], Sequence[E]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a decision knows beside the command and the state. A programme adds its own to these."""

    now: datetime
    """UTC."""
    actor: Actor
    federation: str

    @property
    def today(self) -> date:
        """The date in China."""
        return self.now.astimezone(SHANGHAI).date()


@dataclass(frozen=True, slots=True)
class Aggregate[S, E: Event]:
    """A kind of stream, and how its events fold into the state that decisions rest on."""

    category: str
    initial: S
    evolve: Callable[[S, E], S]

    def stream(self, key: UUID | str) -> str:
        return f"{self.category}-{key}"

    def fold(self, events: Iterable[E], state: S | None = None) -> S:
        state = self.initial if state is None else state
        for event in events:
            state = self.evolve(state, event)
        return state
