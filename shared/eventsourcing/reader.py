"""Reading the whole log in order: the next page is fetched while the present one is worked on."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from functools import partial

import asyncpg

from shared.eventsourcing.codec import Codec
from shared.eventsourcing.connections import Connection, OwnConnection, persistently
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.wakeup import Wakeup

__all__ = ["LogBroken", "pages"]


class LogBroken(Exception):
    """A position is missing from the log: it was altered, or a restore went wrong. Nothing may read past it."""


async def pages(
    dsn: str, schema: str, codec: Codec, wakeup: Wakeup, after: int, page: int, follow: bool
) -> AsyncIterator[Sequence[Recorded]]:
    """Pages of at most `page` events beyond `after`. Raises LogBroken where positions are not contiguous."""
    own = OwnConnection(dsn)
    query = (
        "select position, stream, version, id, type, schema, data, meta, recorded_at "
        f"from {schema}.events where position > $1 order by position limit $2"
    )

    async def fetch(beyond: int) -> list[asyncpg.Record]:
        connection: Connection = await own.open()
        return await connection.fetch(query, beyond, page)

    ahead: asyncio.Task[list[asyncpg.Record]] | None = None
    try:
        while True:
            ticket = wakeup.ticket()
            rows = await (ahead or persistently(partial(fetch, after)))
            ahead = None
            if rows:
                if rows[0][0] != after + 1 or rows[-1][0] != after + len(rows):
                    raise LogBroken(f"after {after}: {rows[0][0]} to {rows[-1][0]} in {len(rows)} rows")
                after = rows[-1][0]
                if len(rows) == page:
                    ahead = asyncio.ensure_future(persistently(partial(fetch, after)))
                yield [Recorded(codec, *row) for row in rows]
            elif follow:
                await wakeup.wait(ticket)
            if not follow and len(rows) < page:
                return
    finally:
        if ahead is not None:
            ahead.cancel()
            with suppress(asyncio.CancelledError, asyncpg.PostgresError, OSError):
                await ahead
        await own.close()
