"""Calls of many as one: who asks while a call is under way shares the next one."""

import asyncio
from collections.abc import Awaitable, Callable

__all__ = ["Rounds"]


class Rounds[W, R]:
    """One call at a time, for what all have wanted meanwhile. Alone, nobody waits for anything.

    `new` makes what collects wishes, such as `set`; `call` gets it and answers all who added to it. An error is raised
    to each of them.
    """

    def __init__(self, new: Callable[[], W], call: Callable[[W], Awaitable[R]]) -> None:
        self._new, self._call = new, call
        self._next: tuple[W, asyncio.Future[R]] | None = None
        self._under_way: asyncio.Task[None] | None = None

    async def ask(self, add: Callable[[W], object]) -> R:
        """What the call answers to which this adds its wishes."""
        if self._next is None:
            self._next = self._new(), asyncio.get_running_loop().create_future()
        wanted, answer = self._next
        add(wanted)
        if self._under_way is None:
            self._under_way = asyncio.create_task(self._go_round())
        return await asyncio.shield(answer)  # the answer is of others too: who is cancelled leaves alone

    async def _go_round(self) -> None:
        try:
            while self._next is not None:
                (wanted, answer), self._next = self._next, None
                try:
                    answer.set_result(await self._call(wanted))
                except Exception as error:
                    answer.set_exception(error)
                    answer.exception()  # it is told to whoever still waits, and is nobody's business else
                except BaseException:
                    answer.cancel()
                    raise
        finally:
            self._under_way = None
