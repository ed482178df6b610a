"""Many calls in flight, each command under an id that follows from the plan."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final
from uuid import UUID

from shared.runtime.client import Client
from shared.runtime.envelope import Envelope
from shared.schemas.ids import derived_id
from shared.schemas.messages import Accepted, Actor, Command, Federation, Query, Refused

__all__ = ["Wire"]

AT_ONCE: Final = 64
PATIENCE: Final = 60.0
"""Seconds that a service may take to hear of what another has recorded, or of the time."""


class Wire:
    """Commands and queries of one federation."""

    def __init__(self, client: Client, federation: Federation, root: UUID) -> None:
        self._client, self._federation, self._root = client, federation, root
        self.sent = 0
        """Commands that were carried out."""
        self.seen = 0
        """The last position of mutual aid's log that one of them was written to."""

    async def send(self, programme: str, actor: Actor, command: Command, which: str, *not_yet: str) -> Accepted:
        """`which` tells a command from others of its kind; `not_yet` are refusals that end by themselves. Raises
        Refused, NoAnswer."""
        envelope = Envelope.fresh(actor, self._federation, derived_id(self._root, f"{type(command).__name__} {which}"))
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                accepted = await self._client.send(programme, command, envelope)
            except Refused as refused:
                if refused.refusal.code not in not_yet or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.05)
            else:
                self.sent += 1
                if programme == "aid":
                    self.seen = max(self.seen, accepted.position)
                return accepted

    async def ask(self, actor: Actor, query: Query[Any], after: int = 0) -> Any:
        """Of mutual aid, with `after` as it stood at that position or later. Raises Refused, NoAnswer."""
        return await self._client.ask("aid", query, Envelope.fresh(actor, self._federation), after)

    async def until[T](self, condition: Callable[[], Awaitable[T | None]]) -> T:
        """The condition's first answer. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE):
            while True:
                answer = await condition()
                if answer is not None:
                    return answer
                await asyncio.sleep(0.05)


async def all_of[T](calls: Iterable[Awaitable[T]], done: Callable[[], None] = lambda: None) -> list[T]:
    """Side by side, some at a time, in their order. The first that fails ends all."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(call: Awaitable[T]) -> T:
        async with room:
            result = await call
            done()
            return result

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(call)) for call in calls]
    return [task.result() for task in tasks]
