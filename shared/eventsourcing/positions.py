"""How far each read model of a service has come, as this process knows it; and waiting for it to come so far."""

import asyncio
from typing import Final

from shared.eventsourcing.connections import Connection, OwnConnection, persistently
from shared.eventsourcing.tasks import end

__all__ = ["Positions"]

POLL: Final = 1.0
"""Seconds between looks at the table while somebody waits, whatever was notified."""


class Positions:
    """One LISTEN connection a process; any number of queries wait on it.

    When it is lost nothing is known until it is there again: a crash of the database takes back the last pages of read
    models, and they are no longer where they were.
    """

    def __init__(self, dsn: str, schema: str) -> None:
        self._schema = schema
        self._own = OwnConnection(dsn, prepare=self._listen)
        self._known: dict[str, int] = {}
        self._moved = asyncio.Event()
        self._waiting = 0
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep_looking(), name="positions of read models")

    async def stop(self) -> None:
        if self._task is not None:
            await end(self._task)
        await self._own.close()

    def of(self, name: str) -> int:
        """The last position known to be folded into a read model, 0 where none is."""
        return self._known.get(name, 0)

    def moved(self, name: str, position: int) -> None:
        if position > self._known.get(name, -1):
            self._known[name] = position
            moved, self._moved = self._moved, asyncio.Event()
            moved.set()

    async def reached(self, name: str, position: int) -> None:
        """Until a read model has folded a position."""
        if self.of(name) >= position:
            return
        self._waiting += 1
        self._wanted.set()
        try:
            while self.of(name) < position:
                await self._moved.wait()
        finally:
            self._waiting -= 1

    async def _listen(self, connection: Connection) -> None:
        connection.add_termination_listener(self._lost)
        await connection.add_listener(f"{self._schema}_views", self._notified)

    def _notified(self, _connection: object, _process: int, _channel: str, payload: object) -> None:
        name, _, position = str(payload).partition(" ")
        self.moved(name, int(position))

    def _lost(self, _connection: object) -> None:
        self._known.clear()
        self._wanted.set()

    async def _keep_looking(self) -> None:
        while True:
            await persistently(self._look)
            await asyncio.sleep(POLL)
            if not self._waiting:
                await self._wanted.wait()
            self._wanted.clear()

    async def _look(self) -> None:
        connection = await self._own.open()
        for name, position in await connection.fetch(f"select name, position from {self._schema}.read_models"):
            self.moved(name, position)
