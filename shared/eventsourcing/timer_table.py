"""The table of timers: what the log says is folded into it, what fired is recorded in it.

A row carries the position of the event that scheduled it, and only a later event changes it: the log can be folded
again from any position over what stands there. Commits need not reach the disk before they are answered: what a
crash takes back is folded or fired again, to the same end.
"""

from collections.abc import Collection, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from shared.eventsourcing.connections import OwnConnection
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.store import EventStore
from shared.schemas.messages import Command

__all__ = ["Fenced", "Scheduled", "TimerRow", "TimerTable"]

CONSUMER: Final = "timers"
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 300.0
"""Seconds before a timer that failed is tried again: doubled each time."""


class Fenced(Exception):
    """Another worker has moved the checkpoint, or an operator has set it back."""


@dataclass(frozen=True, slots=True)
class TimerRow:
    """A timer that has not fired. `position` and `event` are of the event that scheduled it, `meta` is its; `content`
    is the command's JSON; `error` is the kind of the last failure."""

    key: str
    position: int
    event: UUID
    due: datetime
    command: str
    content: str
    meta: str
    attempts: int
    error: str | None


class Scheduled(NamedTuple):
    by: Recorded
    key: str
    due: datetime
    command: Command


class TimerTable:
    """The timers of one service. It has connections of its own: one to fold on, one to fire on."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        settings = {"synchronous_commit": "off"}
        self._folding, self._firing = OwnConnection(store.dsn, settings), OwnConnection(store.dsn, settings)
        self._table, self._checkpoints = f"{store.schema}.timers", f"{store.schema}.checkpoints"

    async def install(self) -> None:
        await self._store.install("timers")

    async def close(self) -> None:
        await self._folding.close()
        await self._firing.close()

    async def checkpoint(self) -> int:
        connection = await self._firing.open()
        position: int = await connection.fetchval(
            f"select position from {self._checkpoints} where consumer = $1", CONSUMER
        )
        return position

    async def fold(self, was: int, now: int, cancelled: Collection[str], scheduled: Collection[Scheduled]) -> None:
        """Move the checkpoint and change the rows together. Raises Fenced where the checkpoint is not at `was`."""
        connection = await self._folding.open()
        move = f"update {self._checkpoints} set position = $1 where consumer = $2 and position = $3"
        async with connection.transaction() if cancelled or scheduled else nullcontext():
            if await connection.execute(move, now, CONSUMER, was) != "UPDATE 1":
                raise Fenced(f"the checkpoint of {self._table} is not at {was}")
            if cancelled:
                await connection.execute(
                    f"delete from {self._table} where key = any($1::text[]) and fired_at is null", list(cancelled)
                )
            if scheduled:
                await connection.execute(
                    f"insert into {self._table} as t (position, event, key, due, command, content, meta)"
                    " select * from unnest($1::bigint[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[],"
                    " $6::jsonb[], $7::jsonb[])"
                    " on conflict (key) do update set position = excluded.position, event = excluded.event,"
                    " due = excluded.due, command = excluded.command, content = excluded.content,"
                    " meta = excluded.meta, attempts = 0, retry_at = '-infinity', error = null, fired_at = null,"
                    " outcome = null where t.position < excluded.position",
                    *zip(*map(_row, scheduled), strict=True),
                )

    async def due(self, now: datetime, limit: int, again: int) -> list[TimerRow]:
        """At most `limit` that are due and untried, the longest due first; then at most `again` to be tried again."""
        connection = await self._firing.open()
        columns = ", ".join(TimerRow.__slots__)
        rows = await connection.fetch(
            f"(select {columns} from {self._table} where fired_at is null and attempts = 0 and due <= $1"
            " order by due, key limit $2) union all"
            f" (select {columns} from {self._table} where fired_at is null and attempts > 0 and retry_at <= now()"
            " order by retry_at limit $3)",
            now,
            limit,
            again,
        )
        return [TimerRow(*row) for row in rows]

    async def next_due(self) -> datetime | None:
        """When the next of those falls due that were not tried yet."""
        connection = await self._firing.open()
        instant: datetime | None = await connection.fetchval(
            f"select due from {self._table} where fired_at is null and attempts = 0 order by due, key limit 1"
        )
        return instant

    async def fired(self, outcomes: Iterable[tuple[TimerRow, str]], now: datetime) -> None:
        """Keep what became of timers, also where their own effect has cancelled them; not where they are set anew."""
        rows = [
            (t.position, t.event, t.key, t.due, t.command, t.content, t.meta, t.attempts + 1, outcome)
            for t, outcome in outcomes
        ]
        connection = await self._firing.open()
        await connection.execute(
            f"insert into {self._table} as t"
            " (position, event, key, due, command, content, meta, attempts, outcome, fired_at)"
            " select *, $10::timestamptz from unnest($1::bigint[], $2::uuid[], $3::text[], $4::timestamptz[],"
            " $5::text[], $6::jsonb[], $7::jsonb[], $8::integer[], $9::text[])"
            " on conflict (key) do update set attempts = excluded.attempts, outcome = excluded.outcome,"
            " fired_at = excluded.fired_at, error = null where t.event = excluded.event",
            *zip(*rows, strict=True),
            now,
        )

    async def failed(self, failures: Iterable[tuple[TimerRow, str]]) -> None:
        """Have timers tried again later; `failures` name the kind of error."""
        rows = [(timer.key, timer.event, error) for timer, error in failures]
        connection = await self._firing.open()
        await connection.execute(
            f"update {self._table} t set error = f.error, attempts = t.attempts + 1,"
            " retry_at = now() + least($4 * 2 ^ least(t.attempts, 20), $5) * interval '1 second'"
            " from unnest($1::text[], $2::uuid[], $3::text[]) f (key, event, error)"
            " where t.key = f.key and t.event = f.event",
            *zip(*rows, strict=True),
            FIRST_PAUSE,
            LONGEST_PAUSE,
        )

    async def forget(self) -> None:
        """Drop what has not fired and set the checkpoint back; what has fired stays, so that it does not again."""
        async with self._store.pool.acquire() as connection, connection.transaction():
            await connection.execute(f"update {self._checkpoints} set position = 0 where consumer = $1", CONSUMER)
            await connection.execute(f"delete from {self._table} where fired_at is null")

    async def pending(self, limit: int) -> list[TimerRow]:
        rows = await self._store.pool.fetch(
            f"select {', '.join(TimerRow.__slots__)} from {self._table} where fired_at is null"
            " order by due, key limit $1",
            limit,
        )
        return [TimerRow(*row) for row in rows]

    async def overdue(self, now: datetime) -> tuple[int, float]:
        [(count, seconds)] = await self._store.pool.fetch(
            f"select count(*), coalesce(extract(epoch from $1 - min(due)), 0)::float8 from {self._table}"
            " where fired_at is null and due <= $1",
            now,
        )
        return count, seconds


def _row(scheduled: Scheduled) -> tuple[object, ...]:
    by, key, due, command = scheduled
    meta = by.meta_json
    return (
        *(by.position, by.id, key, due, type(command).__name__, command.model_dump_json()),
        meta if isinstance(meta, str) else meta.decode(),
    )
