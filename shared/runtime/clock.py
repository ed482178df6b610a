"""The one clock. Instants are UTC; rules see the date in China (`Facts.today`).

A settable clock runs ahead of the system's by an offset that all services share: it stands in a key-value bucket
of the broker, so that a service which starts later has it too.
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

import nats.errors
from nats.js import JetStreamContext
from nats.js.errors import KeyNotFoundError
from nats.js.kv import KeyValue

__all__ = ["Clock", "follow", "set_offset"]

BUCKET: Final = "clock"
KEY: Final = "offset-seconds"
POLL: Final = 1.0
"""Seconds after which the shared offset is looked at, whatever was told."""
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
    """Keep a clock at the shared offset, for ever: at once when told, and by a look each second behind that.

    After the broker was away, what tells us begins anew only when nats-py has missed two heartbeats and two more.
    """
    bucket = await js.create_key_value(bucket=BUCKET, history=1)
    watcher, revision = await bucket.watch(KEY), 0
    while True:
        entry: KeyValue.Entry | None = None
        try:
            async with asyncio.timeout(POLL):
                entry = await anext(watcher)
        except TimeoutError:
            with suppress(nats.errors.Error, OSError):  # the broker is away, or there is none: the next look finds it
                entry = await bucket.get(KEY)
        if entry is not None and entry.value and (entry.revision or 0) > revision:
            revision = entry.revision or 0
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
