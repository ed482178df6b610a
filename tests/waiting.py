"""Waiting for a condition, with a limit: tests never sleep and hope."""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any, overload

__all__ = ["until"]


@overload
async def until[T](condition: Callable[[], Awaitable[T]], seconds: float = ...) -> T: ...
@overload
async def until[T](condition: Callable[[], T], seconds: float = ...) -> T: ...
async def until[T](condition: Callable[[], T | Awaitable[T]], seconds: float = 40) -> T:
    """The first true answer of `condition`, plain or awaitable. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            answer: Any = condition()
            if isawaitable(answer):
                answer = await answer
            if answer:
                result: T = answer
                return result
            await asyncio.sleep(0.01)
