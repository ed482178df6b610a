"""`niangjia sizes`: what the logs, read models and streams take, in all and for each event."""

import asyncio
import json
from dataclasses import asdict, dataclass
from typing import Final

import asyncpg
from nats.aio.client import Client as Connection
from nats.js.errors import NotFoundError
from rich.table import Table

from deploy.local.reach import connection, database, schemas_with
from deploy.local.terminal import Output, out
from shared.eventsourcing.wire import stream_name

__all__ = ["Size", "sizes"]

LOG: Final = ("events", "commits", "seals")


@dataclass(frozen=True, slots=True)
class Size:
    """Of one service, in bytes, indexes included."""

    service: str
    events: int
    log: int
    others: int
    """Read models, timers, letters, keys."""
    stream: int

    @property
    def per_event(self) -> int:
        """Of log and stream, which stay for good."""
        return (self.log + self.stream) // self.events if self.events else 0


def sizes(output: Output = "text") -> None:
    """What each service's log, read models and stream take, in bytes."""
    found = asyncio.run(_sizes())
    if output == "json":
        out.print_json(json.dumps([asdict(size) | {"per_event": size.per_event} for size in found]))
        return
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for heading in ("service", "events", "log MB", "read models etc. MB", "stream MB", "bytes an event"):
        table.add_column(heading, justify="left" if heading == "service" else "right")
    for size in found:
        megabytes = (f"{value / 1e6:,.1f}" for value in (size.log, size.others, size.stream))
        table.add_row(size.service, f"{size.events:,}", *megabytes, f"{size.per_event:,}")
    out.print(table)


async def _sizes() -> list[Size]:
    async with database() as pool, connection() as broker:
        return [await _size(pool, broker, service) for service in await schemas_with(pool, "events")]


async def _size(pool: asyncpg.Pool, broker: Connection, service: str) -> Size:
    sums = "coalesce(sum(pg_total_relation_size(c.oid)) filter (where {} c.relname = any ($2)), 0)::bigint"
    [(log, others)] = await pool.fetch(
        f"select {sums.format('')}, {sums.format('not')} from pg_class c"
        " where c.relnamespace = $1::text::regnamespace and c.relkind = 'r'",
        *(service, LOG),
    )
    events: int = await pool.fetchval(f"select coalesce(max(position), 0) from {service}.events")
    try:
        stream = (await broker.jetstream().stream_info(stream_name(service))).state.bytes
    except NotFoundError:
        stream = 0
    return Size(service, events, log, others, stream)
