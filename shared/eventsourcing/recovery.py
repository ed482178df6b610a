"""Taking back from the stream what the log has lost.

A database that was restored from a backup, or a standby that took over too early, lacks the last events, which were
published and acted on by then. The stream holds them whole, each at its position, so the log goes on where it was;
what others did on them stays right. Of a command only its id comes back: it answers to any repeat under that id.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.eventsourcing.connections import Connection, connected
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.store import COLUMNS, UNKNOWN, EventStore

__all__ = ["Diverged", "take_back"]

type Row = tuple[Any, ...]


class Diverged(Exception):
    """The log and the stream do not share their history: nothing was changed."""


async def take_back(store: EventStore, published: AsyncIterator[Sequence[Recorded]]) -> int:
    """Append what `published`, the stream from the log's last event on, holds beyond the log: all of it or nothing.

    How many events. The service may not run meanwhile. Raises Diverged.
    """
    async with connected(store.dsn) as connection, connection.transaction():
        await connection.execute(
            "select pg_advisory_xact_lock(7011, $1::regclass::oid::integer)", f"{store.schema}.events"
        )
        taking = _Taking(connection, store.schema, *await _end(connection, store.schema))
        async for page in published:
            await taking.take(page)
        return await taking.ended()


async def _end(connection: Connection, schema: str) -> tuple[int, UUID | None]:
    """The log's last event: its position and its id."""
    row = await connection.fetchrow(f"select position, id from {schema}.events order by position desc limit 1")
    return (row["position"], row["id"]) if row else (0, None)


class _Taking:
    """Events of one command make one commit; the last one is known to be whole when another follows."""

    def __init__(self, connection: Connection, schema: str, head: int, last: UUID | None) -> None:
        self._connection, self._schema = connection, schema
        self._head, self._last = head, last
        self._position = head
        self._commit: list[Recorded] = []

    async def take(self, page: Sequence[Recorded]) -> None:
        whole: list[list[Recorded]] = []
        for recorded in page:
            if recorded.position == self._head and recorded.id == self._last:
                continue
            if recorded.position != self._position + 1:
                raise Diverged(f"the stream holds another event at {recorded.position} than the log expects")
            self._position += 1
            if self._commit and recorded.meta.causation != self._commit[0].meta.causation:
                whole.append(self._commit)
                self._commit = []
            self._commit.append(recorded)
        await self._put(whole)

    async def ended(self) -> int:
        await self._put([self._commit] if self._commit else [])
        return self._position - self._head

    async def _put(self, commits: Sequence[Sequence[Recorded]]) -> None:
        events = [_event_row(recorded) for commit in commits for recorded in commit]
        rows = [_commit_row(commit) for commit in commits]
        for table, columns, records in (
            ("events", COLUMNS.split(", "), events),
            ("commits", ["id", "fingerprint", "stream", "version", "position", "recorded_at"], rows),
        ):
            await self._connection.copy_records_to_table(
                table, schema_name=self._schema, columns=columns, records=records
            )


def _event_row(recorded: Recorded) -> Row:
    data, meta = (text if isinstance(text, str) else text.decode() for text in (recorded.data, recorded.meta_json))
    place = (recorded.position, recorded.stream, recorded.version)
    return (*place, recorded.id, recorded.type, recorded.schema, data, meta, _instant(recorded))


def _commit_row(commit: Sequence[Recorded]) -> Row:
    first, last = commit[0], commit[-1]
    version = max(recorded.version for recorded in commit if recorded.stream == first.stream)
    return first.meta.causation, UNKNOWN, first.stream, version, last.position, _instant(first)


def _instant(recorded: Recorded) -> datetime:
    return recorded.recorded_at or recorded.meta.time
