"""Reading the whole log in order: the next page is fetched while the present one is worked on."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial

import asyncpg

from shared.eventsourcing.codec import Codec
from shared.eventsourcing.connections import Connection, OwnConnection, persistently
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.tasks import end
from shared.eventsourcing.wakeup import Wakeup

__all__ = ["LogBroken", "pages", "rows"]


class LogBroken(Exception):
    """A position is missing from the log: it was altered, or a restore went wrong. Nothing may read past it."""


async def pages(
    dsn: str, schema: str, codec: Codec, wakeup: Wakeup, after: int, page: int, follow: bool
) -> AsyncGenerator[Sequence[Recorded]]:
    """Pages of at most `page` events beyond `after`. Raises LogBroken where positions are not contiguous."""
    async with aclosing(rows(dsn, schema, wakeup, after, page, follow)) as found:
        async for one_page in found:
            yield [Recorded(codec, *row) for row in one_page]


async def rows(
    dsn: str, schema: str, wakeup: Wakeup, after: int, page: int, follow: bool
) -> AsyncGenerator[Sequence[asyncpg.Record]]:
    """The same, as the table's rows. Raises LogBroken."""
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
            prefetched = ahead is not None  # and then older than the ticket
            found = await (ahead or persistently(partial(fetch, after)))
            ahead = None
            if found:
                if found[0][0] != after + 1 or found[-1][0] != after + len(found):
                    raise LogBroken(f"after {after}: {found[0][0]} to {found[-1][0]} in {len(found)} rows")
                after = found[-1][0]
                if len(found) == page:
                    ahead = asyncio.ensure_future(persistently(partial(fetch, after)))
                yield found
            elif follow and not prefetched:
                await wakeup.wait(ticket)
            if not follow and len(found) < page:
                return
    finally:
        if ahead is not None:
            await end(ahead)
        await own.close()
