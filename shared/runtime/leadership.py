"""One leader for each role of a service, by advisory lock; the others stand by.

A leader that loses its connection to PostgreSQL has lost its lock: its work is cancelled at once. Work under a
lead is fenced or idempotent besides, since for a moment two may believe that they lead.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from shared.eventsourcing.connections import Connection, OwnConnection, is_transient
from shared.eventsourcing.tasks import end
from shared.runtime.logs import log
from shared.runtime.metrics import LEADING

__all__ = ["Leadership"]

CLASS: Final = 7012
BEAT: Final = 1.0
"""Seconds between attempts to take a free role, and between proofs that the lock is still held."""
LONGEST_PAUSE: Final = 30.0
"""Seconds before work that failed is begun again: doubled from one beat with each failure in a row."""

_log = log(__name__)

type Work = Callable[[], Awaitable[None]]


class Leadership:
    """Runs each role's work for ever, wherever this instance leads."""

    def __init__(self, dsn: str, programme: str, roles: dict[str, Work]) -> None:
        self._own = OwnConnection(dsn, {"tcp_keepalives_idle": "5"})
        self._programme, self._roles = programme, roles
        self._running: dict[str, asyncio.Task[None]] = {}
        self.failing: dict[str, str] = {}
        """Roles whose work ended with an error, and the error's kind."""

    async def run(self) -> None:
        """For ever. Cancelling it ends the work and gives up every role."""
        try:
            while True:
                try:
                    connection = await self._own.open()
                    while True:
                        async with asyncio.timeout(5 * BEAT):
                            await self._take_up(connection)
                        await asyncio.sleep(BEAT)
                except Exception as error:
                    await self._lay_down()
                    await self._own.close()
                    if not (is_transient(error) or isinstance(error, TimeoutError)):
                        raise
                await asyncio.sleep(BEAT)
        finally:
            await self._lay_down()
            await self._own.close()

    @property
    def leads(self) -> frozenset[str]:
        return frozenset(self._running)

    async def _take_up(self, connection: Connection) -> None:
        await connection.execute("select 1")
        for role, work in self._roles.items():
            if role not in self._running and await connection.fetchval(
                "select pg_try_advisory_lock($1, hashtext($2))", CLASS, f"{self._programme}.{role}"
            ):
                self._running[role] = asyncio.create_task(self._persist(role, work), name=f"{role} lead")
                LEADING.labels(self._programme, role).set(1)

    async def _lay_down(self) -> None:
        for role in self._running:
            LEADING.labels(self._programme, role).set(0)
        await end(*self._running.values())
        self._running.clear()
        self.failing.clear()

    async def _persist(self, role: str, work: Work) -> None:
        pause = BEAT
        while True:
            started = asyncio.get_running_loop().time()
            try:
                await work()
                return
            except Exception as error:
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    raise asyncio.CancelledError from error  # the lead is laid down, and ending it went wrong
                self.failing[role] = type(error).__name__
                _log.error("work failed", role=role, error=repr(error), exc_info=True)
            if asyncio.get_running_loop().time() - started > LONGEST_PAUSE:
                pause = BEAT
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
            self.failing.pop(role, None)
