"""The one clock. Instants are UTC; rules see the date in China (`Facts.today`).

A settable clock runs ahead of the system's by an offset that all services share: it stands in a key-value bucket
of the broker, so that a service which starts later has it too.
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from nats.js import JetStreamContext
from nats.js.errors import KeyNotFoundError

__all__ = ["Clock", "follow", "set_offset"]

BUCKET: Final = "clock"
KEY: Final = "offset-seconds"
LONGEST_WAIT: Final = 60.0
"""Seconds after which a waiting task looks at the time again, in case the system's clock was moved."""


class Clock:
    """The system's time plus an offset."""

    def __init__(self, offset: timedelta = timedelta()) -> None:
        self._offset = offset
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset

    @property
    def offset(self) -> timedelta:
        return self._offset

    def move(self, offset: timedelta) -> None:
        """Set the offset, and wake whoever waits."""
        self._offset = offset
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def set(self, instant: datetime) -> None:
        """Make it this instant now."""
        self.move(instant - datetime.now(UTC))

    async def reached(self, instant: datetime) -> None:
        """Until it is that instant, at once when it is past."""
        while (left := (instant - self.now()).total_seconds()) > 0:
            moved = self._moved
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, LONGEST_WAIT)):
                    await moved.wait()


async def follow(clock: Clock, js: JetStreamContext) -> None:
    """Keep a clock at the shared offset, for ever."""
    bucket = await js.create_key_value(bucket=BUCKET, history=1)
    watcher = await bucket.watch(KEY)
    async for entry in watcher:
        if entry is not None and entry.value:
            clock.move(timedelta(seconds=float(entry.value)))


async def shared_offset(js: JetStreamContext) -> timedelta:
    """The offset that services follow now, zero where none was set."""
    bucket = await js.create_key_value(bucket=BUCKET, history=1)
    try:
        entry = await bucket.get(KEY)
    except KeyNotFoundError:
        return timedelta()
    return timedelta(seconds=float(entry.value or 0))


async def set_offset(js: JetStreamContext, offset: timedelta) -> None:
    """Set the clock of every service whose clock is settable."""
    bucket = await js.create_key_value(bucket=BUCKET, history=1)
    await bucket.put(KEY, str(offset.total_seconds()).encode())
