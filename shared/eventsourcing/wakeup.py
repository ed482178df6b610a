"""How readers learn that the log has grown: at once in this process, by NOTIFY from others, by a poll behind both."""

import asyncio
from contextlib import suppress
from typing import Final

from shared.eventsourcing.connections import Connection, OwnConnection, is_transient
from shared.eventsourcing.tasks import end

__all__ = ["Wakeup"]

POLL: Final = 1.0
"""Seconds after which a reader looks again, whatever it was told."""


class Wakeup:
    """Any number of readers wait on it. The connection that appends listens too.

    A session of its own for listening would be roused by the server at every commit of this process, which has told
    its readers by then.
    """

    def __init__(self, schema: str) -> None:
        self._channel = schema
        self._grown = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, connection: OwnConnection) -> None:
        """Keep the connection open, which `listen` prepares."""
        self._task = asyncio.create_task(self._keep_listening(connection), name="event store wake-up")

    async def stop(self) -> None:
        if self._task is not None:
            await end(self._task)

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

    async def listen(self, connection: Connection) -> None:
        """Have a connection rouse the readers whenever another session has appended."""

        def notified(_connection: object, session: int, _channel: str, _payload: object) -> None:
            if session != own:
                self.rouse()

        own = connection.get_server_pid()
        await connection.add_listener(self._channel, notified)

    @staticmethod
    async def _keep_listening(connection: OwnConnection) -> None:
        while True:
            try:
                await connection.open()
            except Exception as error:
                if not is_transient(error):
                    raise
            await asyncio.sleep(POLL)
