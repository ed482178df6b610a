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

    def begun(beyond: int) -> tuple[asyncio.Event, asyncio.Task[list[asyncpg.Record]]]:
        """A page under way, and what is set once there may be more than it will find."""
        return wakeup.ticket(), asyncio.ensure_future(persistently(partial(fetch, beyond)))

    grown, page_ahead = begun(after)
    try:
        while True:
            found = await page_ahead
            if found:
                if found[0][0] != after + 1 or found[-1][0] != after + len(found):
                    raise LogBroken(f"after {after}: {found[0][0]} to {found[-1][0]} in {len(found)} rows")
                after = found[-1][0]
            is_last = len(found) < page
            if not is_last:
                grown, page_ahead = begun(after)
            if found:
                yield found
            if is_last:
                if not follow:
                    return
                await wakeup.wait(grown)
                grown, page_ahead = begun(after)
    finally:
        await end(page_ahead)
        await own.close()
