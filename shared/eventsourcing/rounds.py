"""Calls of many as one: who asks while a call is under way shares the next one."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

__all__ = ["Rounds"]


class Rounds[W, R]:
    """One call at a time, for what all have wanted meanwhile. Alone, nobody waits for anything.

    `new` makes what collects wishes, such as `set`; `call` gets it and answers all who added to it. An error is raised
    to each of them.
    """

    def __init__(self, new: Callable[[], W], call: Callable[[W], Awaitable[R]]) -> None:
        self._new, self._call = new, call
        self._next: tuple[W, list[asyncio.Future[R]]] | None = None
        self._under_way: asyncio.Task[None] | None = None

    async def ask(self, add: Callable[[W], object]) -> R:
        """What the call answers to which this adds its wishes."""
        if self._next is None:
            self._next = self._new(), []
        wanted, askers = self._next
        add(wanted)
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        askers.append(answer)
        if self._under_way is None:
            self._under_way = asyncio.create_task(self._go_round())
        return await answer

    async def _go_round(self) -> None:
        try:
            while self._next is not None:
                (wanted, askers), self._next = self._next, None
                try:
                    answer = await self._call(wanted)
                except Exception as error:
                    for asker in _left(askers):
                        asker.set_exception(error)
                except BaseException:
                    for asker in _left(askers):
                        asker.cancel()
                    raise
                else:
                    for asker in _left(askers):
                        asker.set_result(answer)
        finally:
            self._under_way = None


def _left[R](askers: Iterable[asyncio.Future[R]]) -> Iterable[asyncio.Future[R]]:
    """Those who have not gone away meanwhile."""
    return (asker for asker in askers if not asker.done())
