"""Connections of one's own to PostgreSQL, opened anew when they are lost."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

__all__ = ["Connection", "OwnConnection", "Pool", "connected", "is_transient", "open_connection", "persistently"]

type Connection = asyncpg.Connection[Any] | PoolConnectionProxy[Any]
"""One of its own, or one that a pool has lent."""
type Pool = asyncpg.Pool[Any]

FIRST_DELAY: Final = 0.05
LONGEST_DELAY: Final = 2.0
"""Seconds between attempts to reach a server that is away: doubled each time, with jitter."""
CLOSE_LIMIT: Final = 5.0
"""Seconds for a server to say that it has heard a good-bye."""


def is_transient(error: BaseException) -> bool:
    """Whether the server was away, starting or stopping: the same call may succeed later."""
    return isinstance(
        error,
        OSError
        | asyncpg.PostgresConnectionError
        | asyncpg.OperatorInterventionError
        | asyncpg.TooManyConnectionsError
        | asyncpg.DeadlockDetectedError
        | asyncpg.InternalClientError,  # of a call on a connection whose end was said and not yet noticed
    ) or (isinstance(error, asyncpg.InterfaceError) and "clos" in str(error))


async def open_connection(dsn: str, settings: Mapping[str, str] | None = None) -> Connection:
    """A connection for one purpose, with its own settings. Raises what asyncpg raises."""
    return await asyncpg.connect(
        dsn, server_settings={"jit": "off", **(settings or {})}, statement_cache_size=256, timeout=10
    )


@asynccontextmanager
async def connected(dsn: str, settings: Mapping[str, str] | None = None) -> AsyncIterator[Connection]:
    """The same for as long as the context lasts."""
    connection = await open_connection(dsn, settings)
    try:
        yield connection
    finally:
        await connection.close()


async def persistently[T](call: Callable[[], Awaitable[T]]) -> T:
    """The result of `call`, tried until the server answers. The call must be one that may be repeated."""
    delay = FIRST_DELAY
    while True:
        try:
            return await call()
        except Exception as error:
            if not is_transient(error):
                raise
        await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
        delay = min(delay * 2, LONGEST_DELAY)


class OwnConnection:
    """One connection, used by one task: `await own.open()` gives it, opened anew when it was lost."""

    def __init__(
        self,
        dsn: str,
        settings: Mapping[str, str] | None = None,
        prepare: Callable[[Connection], Awaitable[None]] | None = None,
    ) -> None:
        self._dsn, self._settings, self._prepare = dsn, settings, prepare
        self._connection: Connection | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> Connection:
        async with self._opening:
            if self._connection is None or self._connection.is_closed():
                connection = await open_connection(self._dsn, self._settings)
                if self._prepare is not None:
                    await self._prepare(connection)
                self._connection = connection
            return self._connection

    async def close(self) -> None:
        """In good order where the server answers; else it is given up. No error: whoever closes may be told to stop,
        and an error would hide that."""
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            try:
                await connection.close(timeout=CLOSE_LIMIT)
            except Exception as error:
                if not is_transient(error):
                    raise
