"""Ending tasks."""

import asyncio
from typing import Any

__all__ = ["end"]


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait for their ends, whatever these are.

    Awaiting a cancelled task and suppressing CancelledError would swallow one's own cancellation as well.
    """
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # seen: it was being given up
