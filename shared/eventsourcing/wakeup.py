"""How readers learn that the log has grown: at once in this process, by NOTIFY from others, by a poll behind both."""

import asyncio
from contextlib import suppress
from typing import Final

from shared.eventsourcing.connections import Connection, OwnConnection, is_transient

__all__ = ["Wakeup"]

POLL: Final = 1.0
"""Seconds after which a reader looks again, whatever it was told."""


class Wakeup:
    """One LISTEN connection a process; any number of readers wait on it."""

    def __init__(self, dsn: str, schema: str) -> None:
        self._channel = schema
        self._connection = OwnConnection(dsn, prepare=self._listen)
        self._grown = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep_listening(), name="event store wake-up")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._connection.close()

    def rouse(self) -> None:
        """Wake every reader that waits now."""
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    def ticket(self) -> asyncio.Event:
        """Take it before looking at the log: it is set by whatever is appended after."""
        return self._grown

    @staticmethod
    async def wait(ticket: asyncio.Event) -> None:
        """Until the ticket is set, or the poll is due."""
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL):
                await ticket.wait()

    async def _listen(self, connection: Connection) -> None:
        await connection.add_listener(self._channel, lambda *_: self.rouse())

    async def _keep_listening(self) -> None:
        while True:
            try:
                await self._connection.open()
            except Exception as error:
                if not is_transient(error):
                    raise
            await asyncio.sleep(POLL)
