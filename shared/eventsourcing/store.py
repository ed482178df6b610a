"""The event store of one service: one insert-only table in a schema of its own, which is its outbox too."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

import asyncpg

from shared.eventsourcing.codec import Codec
from shared.eventsourcing.connections import Connection, OwnConnection, Pool
from shared.eventsourcing.installing import install_on
from shared.eventsourcing.reader import pages
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.wakeup import Wakeup
from shared.eventsourcing.writer import PLANS, CommandIdReused, Commit, Receipt, Writer

__all__ = ["COLUMNS", "UNKNOWN", "EventStore"]

UNKNOWN: Final = UUID(int=0)
"""The fingerprint of a commit that was taken back from the stream (`shared.eventsourcing.recovery`)."""
COLUMNS: Final = "position, stream, version, id, type, schema, data, meta, recorded_at"


class EventStore:
    """Append and read. `async with EventStore(dsn, "loan", codec) as store: …`"""

    def __init__(self, dsn: str, schema: str, codec: Codec) -> None:
        if not schema.isidentifier():
            raise ValueError(f"a schema's name is an identifier, not {schema!r}")
        self.dsn, self.schema, self.codec = dsn, schema, codec
        self.wakeup = Wakeup(schema)
        self._appending = OwnConnection(dsn, PLANS, prepare=self.wakeup.listen)
        self._writer = Writer(self._appending, schema, self.wakeup.rouse)
        self._pool: Pool | None = None

    async def __aenter__(self) -> "EventStore":
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Install what is missing, and start."""
        self._pool = await asyncpg.create_pool(
            self.dsn, min_size=1, max_size=4, server_settings={"jit": "off"}, timeout=10, reset=_as_it_was
        )
        try:
            await self.install("tables", "append")
        except BaseException:
            self._pool.terminate()
            raise
        self._writer.start()
        self.wakeup.start(self._appending)

    async def close(self) -> None:
        await self.wakeup.stop()
        await self._writer.stop()
        if self._pool is not None:
            await self._pool.close()

    async def install(self, *names: str, package: str = "shared.eventsourcing") -> None:
        """Have what `sql/<name>.sql` of a package makes in the schema. Raises NotInstalled."""
        async with self.pool.acquire() as connection:
            await install_on(connection, self.schema, *names, package=package)

    @property
    def pool(self) -> Pool:
        """For reading: the log, and the tables of the service's read models."""
        if self._pool is None:
            raise RuntimeError("the store is not open")
        return self._pool

    async def append(self, commit: Commit) -> Receipt:
        """Raises Conflict, CommandIdReused; asyncpg.DataError where PostgreSQL can't hold the content."""
        return await self._writer.append(commit)

    async def find(self, command_id: UUID, fingerprint: UUID) -> Receipt | None:
        """What became of a command, None if it was not carried out. Raises CommandIdReused."""
        row = await self.pool.fetchrow(
            f"select fingerprint, stream, version, position from {self.schema}.commits where id = $1",
            command_id,
        )
        if row is None:
            return None
        if row["fingerprint"] not in (fingerprint, UNKNOWN):
            raise CommandIdReused
        return Receipt(row["stream"], row["version"], row["position"], duplicate=True)

    async def stream(self, stream: str, after: int = 0) -> list[Recorded]:
        """A stream's events beyond a version, in order."""
        rows = await self.pool.fetch(
            f"select {COLUMNS} from {self.schema}.events where stream = $1 and version > $2 order by version",
            stream,
            after,
        )
        return [Recorded(self.codec, *row) for row in rows]

    async def streams(self, after: Mapping[str, int]) -> dict[str, list[Recorded]]:
        """Several streams' events, each beyond a version, in order; without those that have none."""
        columns = ", ".join(f"e.{column}" for column in COLUMNS.split(", "))
        rows = await self.pool.fetch(
            f"select {columns} from unnest($1::text[], $2::integer[]) as w (stream, version) cross join lateral"
            f" (select * from {self.schema}.events e where e.stream = w.stream and e.version > w.version"
            " order by e.version) as e",
            list(after.keys()),
            list(after.values()),
        )
        found: dict[str, list[Recorded]] = {}
        for row in rows:
            found.setdefault(row[1], []).append(Recorded(self.codec, *row))
        return found

    async def versions(self, streams: Iterable[str]) -> dict[str, int]:
        """The version that each of these streams is at, 0 for one that isn't there."""
        rows = await self.pool.fetch(
            f"select s, coalesce((select max(version) from {self.schema}.events where stream = s), 0)"
            " from unnest($1::text[]) s",
            list(streams),
        )
        return {row[0]: row[1] for row in rows}

    async def head(self) -> int:
        """The position of the last event, 0 in an empty log."""
        position: int = await self.pool.fetchval(f"select coalesce(max(position), 0) from {self.schema}.events")
        return position

    def all(self, after: int = 0, page: int = 1000, follow: bool = False) -> AsyncGenerator[Sequence[Recorded]]:
        """The log beyond a position, in pages and without gaps; with `follow` it goes on for ever."""
        return pages(self.dsn, self.schema, self.codec, self.wakeup, after, page, follow)


async def _as_it_was(_connection: Connection) -> None:
    """Nothing done on the pool outlives its statement or transaction: a connection that is given back needs no reset,
    which would be a second call for each query."""
