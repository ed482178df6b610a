"""A chain of hashes over the log, so that nobody can alter, remove, insert or reorder an event unnoticed.

Each event's digest is SHA-256 of the digest before it and of the event's row as it is stored (personal data as
ciphertext, so an erasure breaks nothing). Every 1,000th digest and the last are kept as seals. Whoever owns the
database could make the whole chain anew: a seal that was written down elsewhere finds that too.
"""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Final

import asyncpg

from shared.eventsourcing.connections import persistently
from shared.eventsourcing.reader import rows
from shared.eventsourcing.store import EventStore

__all__ = ["INTERVAL", "Seal", "SealChain", "beginning", "extended"]

INTERVAL: Final = 1000
"""Positions between seals that stay."""

GATHERED: Final = 1.0
"""Seconds that a seal waits for more events, so that a busy log does not pay a commit for each."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Seal:
    """The digest of the log up to a position."""

    position: int
    digest: bytes

    def __str__(self) -> str:
        return f"{self.position}:{self.digest.hex()}"


class SealChain:
    """Seals what is appended to a store's log. `run` is work for a leader; two at once do no harm."""

    def __init__(self, store: EventStore, gathered: float = GATHERED) -> None:
        self._store, self._gathered = store, gathered

    async def install(self) -> None:
        """Make what is missing in the database."""
        await self._store.install("seals")

    async def head(self) -> Seal:
        """The last seal, to be written down elsewhere; at position 0 where nothing is sealed yet."""
        row = await self._store.pool.fetchrow(
            f"select position, digest from {self._store.schema}.seals order by position desc limit 1"
        )
        return Seal(row["position"], row["digest"]) if row else beginning(self._store.schema)

    async def run(self) -> None:
        """For ever. Raises LogBroken."""
        while True:
            await self._seal_on(await persistently(self.head), follow=True)

    async def catch_up(self) -> Seal:
        """Seal the whole log as it is now. Raises LogBroken."""
        while not await self._seal_on(await self.head(), follow=False):
            pass
        return await self.head()

    async def _seal_on(self, last: Seal, *, follow: bool) -> bool:
        """Go on from the last seal, until the end or (False) until another has gone on from it."""
        store = self._store
        after = last.position
        async with aclosing(rows(store.dsn, store.schema, store.wakeup, after, INTERVAL, follow)) as pages:
            async for page in pages:
                seals = _seals(last, page)
                if not await persistently(partial(self._keep, last, seals)):
                    return False
                last = seals[-1]
                if follow and len(page) < INTERVAL:
                    await asyncio.sleep(self._gathered)
        return True

    async def _keep(self, last: Seal, seals: Sequence[Seal]) -> bool:
        kept: bool = await self._store.pool.fetchval(
            f"select {self._store.schema}.seal($1, $2, $3, $4)",
            *(last.position, last.digest, [s.position for s in seals], [s.digest for s in seals]),
        )
        return kept


def beginning(schema: str) -> Seal:
    """What the chain of a service's log starts from."""
    return Seal(0, sha256(f"niangjia {schema} 1".encode()).digest())


def extended(digest: bytes, row: asyncpg.Record) -> bytes:
    """The digest up to an event, from the one before it; the row begins with the columns of `COLUMNS`.

    The fields are parted by NUL, which PostgreSQL's text can't hold; `recorded_at` counts in microseconds from 1970.
    """
    position, stream, version, id, kind, schema, data, meta, recorded_at = row[:9]  # noqa: A001
    micros = (recorded_at - EPOCH) // MICROSECOND
    content = f"{position}\0{stream}\0{version}\0{id}\0{kind}\0{schema}\0{data}\0{meta}\0{micros}"
    return sha256(digest + content.encode()).digest()


def _seals(last: Seal, page: Sequence[asyncpg.Record]) -> list[Seal]:
    """Of a page that follows the last seal: at each full interval, and at its end."""
    seals, digest = [], last.digest
    for row in page:
        digest = extended(digest, row)
        if row[0] % INTERVAL == 0 or row is page[-1]:
            seals.append(Seal(row[0], digest))
    return seals
