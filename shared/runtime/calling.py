"""How an import calls a service: every command under an id that follows from the import's, each called until it can be
answered."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from shared.runtime.client import Client
from shared.runtime.envelope import BUSY, TOO_LATE, Envelope
from shared.schemas.ids import derived_id, new_id
from shared.schemas.messages import Accepted, Actor, Command, Query, Refused

__all__ = ["Caller", "side_by_side"]

SIDE_BY_SIDE: Final = 64
"""Calls under way at once, where each is a small one. Of large ones fewer: what waits behind others is called again
once its time is up, and is worked on twice."""
PATIENCE: Final = 60.0
"""Seconds that a service may say that it is busy or that its read models are behind."""
PAUSE: Final = 0.2


@dataclass(kw_only=True)
class Caller:
    """One import, by one actor. An import that was broken off is done again as another one: what is in already
    changes nothing."""

    client: Client
    programme: str
    actor: Actor
    federation: str
    id: UUID = field(default_factory=new_id)
    position: int = 0
    """Of the last event that the import caused: what is asked afterwards has seen it."""

    async def send(self, command: Command, name: str) -> Accepted:
        """`name` tells the import's commands apart. Raises Refused, NoAnswer."""
        envelope = self._envelope(derived_id(self.id, f"{type(command).__name__} {name}"))
        accepted: Accepted = await _patiently(lambda: self.client.send(self.programme, command, envelope))
        self.position = max(self.position, accepted.position)
        return accepted

    async def ask(self, query: Query[Any]) -> Any:
        """Raises Refused, NoAnswer."""
        return await _patiently(
            lambda: self.client.ask(self.programme, query, self._envelope(new_id()), after=self.position)
        )

    def _envelope(self, own: UUID) -> Envelope:
        return Envelope(id=own, actor=self.actor, federation=self.federation, correlation=self.id)


async def _patiently(call: Callable[[], Awaitable[Any]]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return await call()
        except Refused as refused:
            if refused.refusal.code not in (BUSY.code, TOO_LATE.code) or time.monotonic() > deadline:
                raise
        await asyncio.sleep(PAUSE)


async def side_by_side[T](
    things: Iterable[T], work: Callable[[T], Awaitable[None]], at_once: int = SIDE_BY_SIDE
) -> None:
    """Work on all things, so many at once, begun in their order. An error ends it all."""
    left = iter(things)

    async def one_after_another() -> None:
        for thing in left:
            await work(thing)

    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(at_once):
                tasks.create_task(one_after_another())
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
