"""Much of one kind as one command: a commit costs about the same whether it is of one notification or of sixty."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import batched, groupby
from typing import Final

from shared.schemas.messages import Accepted, Refused

__all__ = ["Outcome", "as_one"]

MOST: Final = 128
"""Notifications in one commit: where one of them has moved on meanwhile, all are decided anew."""

type Outcome = Accepted | BaseException


async def as_one[T](
    asked: Iterable[T],
    federation: Callable[[T], str],
    one: Callable[[str, Sequence[T]], Awaitable[Accepted]],
    each: Callable[[T], Awaitable[Accepted]],
) -> list[tuple[T, Outcome]]:
    """What becomes of each: those of a federation are carried out as one or, where that is refused, each for itself."""
    outcomes: list[tuple[T, Outcome]] = []
    for code, of_it in groupby(sorted(asked, key=federation), key=federation):
        for some in batched(of_it, MOST):
            outcomes += zip(some, await _carried_out(code, some, one, each), strict=True)
    return outcomes


async def _carried_out[T](
    code: str,
    some: Sequence[T],
    one: Callable[[str, Sequence[T]], Awaitable[Accepted]],
    each: Callable[[T], Awaitable[Accepted]],
) -> Sequence[Outcome]:
    if len(some) > 1:
        try:
            return [await one(code, some)] * len(some)
        except Refused:
            pass
    return await asyncio.gather(*(each(thing) for thing in some), return_exceptions=True)
