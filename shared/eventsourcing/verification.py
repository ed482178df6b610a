"""Proof that a log is whole: nothing altered, missing, added or moved, in itself and against what was published."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from shared.eventsourcing.connections import Connection, connected
from shared.eventsourcing.seal_chain import INTERVAL, Seal, beginning, extended
from shared.eventsourcing.store import EventStore

__all__ = ["Broken", "Progress", "Verified", "verify"]

PAGE: Final = 2000

type Progress = Callable[[int, int], None]
"""Called with the events done and those there are."""


@dataclass(frozen=True, slots=True)
class Verified:
    """The log is whole up to `head`. Events beyond `sealed` are in order, but no seal vouches for them yet."""

    head: Seal
    sealed: int
    published: int | None
    """The last sequence of the JetStream stream, all of which agrees with the log; None where it was not compared."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place where the log is not what it was."""

    position: int
    why: str


async def verify(
    store: EventStore,
    progress: Progress = lambda done, total: None,
    *,
    anchors: Iterable[Seal] = (),
    published: AsyncIterator[tuple[int, UUID]] | None = None,
) -> Verified | Broken:
    """Recompute the seal chain from the first event, and check what the store promises.

    Positions are gapless; versions are contiguous in each stream; each event belongs to one commit, which says the
    same of it; every seal, and every anchor that was written down elsewhere, is what the log gives; `published`, the
    (sequence, event id) of the service's JetStream stream, is the log's beginning. The log may grow meanwhile.
    """
    async with connected(store.dsn, {"cursor_tuple_fraction": "1"}) as connection:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            seals = await _seals(connection, store.schema)
            if (missing := _missing(seals)) is not None:
                return Broken(missing, "the seal of this position is missing")
            walk = _Walk(beginning(store.schema), seals, anchors)
            stream = _Published(published) if published is not None else None
            total = await connection.fetchval(f"select count(*) from {store.schema}.events")
            async with aclosing(_pages(connection, store.schema)) as pages:
                async for page in pages:
                    if broken := walk.over(page) or (await stream.against(page) if stream else None):
                        return broken
                    progress(walk.position, total)
            broken = walk.ended() or await _commit_without_events(connection, store.schema)
        if broken or (stream and (broken := await stream.ended(store))):
            return broken
        head = Seal(walk.position, walk.digest)
        return Verified(head, max(seals, default=0), stream.sequence if stream else None)


async def _pages(connection: Connection, schema: str) -> AsyncGenerator[Sequence[asyncpg.Record]]:
    """All events in order, each with the commit that ends with it; the next page comes while one is checked."""
    cursor = await connection.cursor(
        "select e.position, e.stream, e.version, e.id, e.type, e.schema, e.data, e.meta, e.recorded_at, "
        f"c.id, c.stream, c.version, c.recorded_at from {schema}.events e "
        f"left join {schema}.commits c on c.position = e.position order by e.position"
    )
    page = await cursor.fetch(PAGE)
    while page:
        ahead = asyncio.ensure_future(cursor.fetch(PAGE))
        await asyncio.sleep(0)
        try:
            yield page
        finally:
            page = await ahead


async def _seals(connection: Connection, schema: str) -> dict[int, bytes]:
    return dict(await connection.fetch(f"select position, digest from {schema}.seals"))


def _missing(seals: Mapping[int, bytes]) -> int | None:
    last = max(seals, default=0)
    return next((position for position in range(INTERVAL, last, INTERVAL) if position not in seals), None)


async def _commit_without_events(connection: Connection, schema: str) -> Broken | None:
    row = await connection.fetchrow(
        f"select c.position, c.id from {schema}.commits c left join {schema}.events e on e.position = c.position "
        "where e.position is null order by c.position limit 1"
    )
    return Broken(row["position"], f"commit {row['id']} ends with an event that is not there") if row else None


class _Walk:
    """The checks that need the log alone."""

    def __init__(self, beginning: Seal, seals: Mapping[int, bytes], anchors: Iterable[Seal]) -> None:
        self.position, self.digest = beginning.position, beginning.digest
        self._seals = seals
        self._anchors = {anchor.position: anchor.digest for anchor in anchors}
        self._vouched = 0
        self._versions: dict[str, int] = {}
        self._commit: list[asyncpg.Record] = []
        """Events whose commit's end was not met yet."""

    def over(self, page: Sequence[asyncpg.Record]) -> Broken | None:
        versions = self._versions
        for row in page:
            position, stream, version = row[0], row[1], row[2]
            if position != self.position + 1:
                return Broken(self.position + 1, f"position {position} comes after {self.position}")
            self.position = position
            if version != (have := versions.get(stream, 0)) + 1:
                return Broken(position, f"{stream} goes from version {have} to {version}")
            versions[stream] = version
            self.digest = extended(self.digest, row)
            if position in self._seals or position in self._anchors:
                if self._differs(position):
                    return Broken(self._vouched + 1, f"events {self._vouched + 1} to {position} are not those sealed")
                self._vouched = position
            self._commit.append(row)
            if row[9] is not None:
                if (why := self._commit_differs(*row[9:])) is not None:
                    return Broken(position, why)
                self._commit.clear()
        return None

    def ended(self) -> Broken | None:
        if self._commit:
            return Broken(self._commit[0][0], "events at the end belong to no commit")
        if (last := max((*self._seals, *self._anchors), default=0)) > self.position:
            return Broken(self.position + 1, f"the log ends at {self.position}, and was sealed up to {last}")
        return None

    def _differs(self, position: int) -> bool:
        return any(kept.get(position, self.digest) != self.digest for kept in (self._seals, self._anchors))

    def _commit_differs(self, id: UUID, stream: str, version: int, recorded_at: object) -> str | None:  # noqa: A002
        cause = f'"causation": "{id}"'
        if self._commit[0][1] != stream or self._versions[stream] != version:
            return f"commit {id} is said to begin in {stream} and to leave it at version {version}"
        if any(row[8] != recorded_at or cause not in row[7] for row in self._commit):
            return f"commit {id} is not of its events"
        return None


class _Published:
    """The check against the JetStream stream, in step with the walk; the stream may lag behind the log."""

    def __init__(self, messages: AsyncIterator[tuple[int, UUID]]) -> None:
        self._messages, self._ended = messages, False
        self.sequence = 0

    async def against(self, page: Sequence[asyncpg.Record]) -> Broken | None:
        for row in page:
            message = None if self._ended else await anext(self._messages, None)
            if message is None:
                self._ended = True
                return None
            if message != (row[0], row[3]):
                return Broken(row[0], f"JetStream holds {message[1]} at {message[0]}, the log {row[3]} at {row[0]}")
            self.sequence = message[0]
        return None

    async def ended(self, store: EventStore) -> Broken | None:
        """What the stream holds beyond the log that was walked must have been appended meanwhile."""
        message = None if self._ended else await anext(self._messages, None)
        if message is not None and message[0] > (head := await store.head()):
            return Broken(head + 1, f"JetStream goes on to {message[0]}, the log ends at {head}")
        return None
