"""Pulling from a durable consumer: what is there at once, and then each message as it comes.

nats-py's own `fetch` of several waits until it has them all, or its time is over; of one, it asks the broker for each.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import nats.errors
from nats.aio.client import Client as Connection
from nats.aio.msg import Msg

from shared.eventsourcing.tasks import end

__all__ = ["pull"]

EXPIRES: Final = 5.0
"""Seconds after which a request for messages is made anew: it may have been lost with a connection."""
OVER: Final = "408"
"""The status with which a request ends that has had its time."""
BACK_OFF: Final = 1.0
"""Seconds before the next request after one that was not served."""
FINISH: Final = 5.0
"""Seconds that handlers have to end when the pulling does."""


async def pull(
    connection: Connection, stream: str, durable: str, at_once: int, handle: Callable[[Msg], Awaitable[None]]
) -> None:
    """Hand over messages for ever, so many at a time, begun in the stream's order, and acknowledge each whose handler
    returns. Cancelled, it asks for no more, and lets those in hand end."""
    loop, wake = asyncio.get_running_loop(), asyncio.Event()
    in_hand: set[asyncio.Task[None]] = set()
    asked, until, served = 0, 0.0, True

    async def see_to(message: Msg) -> None:
        await handle(message)
        await message.ack()

    def over(task: asyncio.Task[None]) -> None:
        in_hand.discard(task)
        wake.set()

    async def arrived(message: Msg) -> None:
        nonlocal asked, served
        if message.reply:
            asked = max(0, asked - 1)
            task = asyncio.create_task(see_to(message), name=f"{durable} hears")
            in_hand.add(task)
            task.add_done_callback(over)
        else:  # the broker's word that a request is over
            asked, served = 0, (message.headers or {}).get("Status") == OVER
            wake.set()

    inbox = connection.new_inbox()
    subscription = await connection.subscribe(inbox, cb=arrived)
    try:
        while True:
            if not served:
                await asyncio.sleep(BACK_OFF)
                served = True
            room = at_once - len(in_hand)
            if asked and loop.time() >= until:
                asked = 0
            if room > 0 and not asked:
                wake.clear()
                asked, until = room, loop.time() + EXPIRES + 1
                request = b'{"batch":%d,"expires":%d}' % (room, int(EXPIRES * 1e9))
                with suppress(nats.errors.Error):  # away: asked again when the time is over
                    await connection.publish(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}", request, reply=inbox)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.1, until - loop.time()) if asked else 1.0):
                    await wake.wait()
            wake.clear()
    finally:
        with suppress(nats.errors.Error):
            await subscription.unsubscribe()
        if in_hand:
            _, late = await asyncio.wait(in_hand, timeout=FINISH)
            await end(*late)
