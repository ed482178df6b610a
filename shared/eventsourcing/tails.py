"""Reading the ends of streams for decisions: who asks while a query runs shares the next one."""

import asyncio
from dataclasses import dataclass, field

from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.store import EventStore

__all__ = ["Tails"]


@dataclass(slots=True)
class _Asked:
    """Streams whose ends are wanted by several callers, and what the one query for them found."""

    after: dict[str, int] = field(default_factory=dict)
    found: dict[str, list[Recorded]] | None = None


class Tails:
    """At most one query runs at a time: alone, a caller waits for nothing; many at once share a call."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._asked = _Asked()
        self._asking = asyncio.Lock()

    async def of(self, stream: str, after: int) -> list[Recorded]:
        """A stream's events beyond a version, in order, as of a moment after the call."""
        asked = self._asked
        asked.after[stream] = min(after, asked.after.get(stream, after))
        async with self._asking:
            if asked.found is None:
                if self._asked is asked:
                    self._asked = _Asked()
                asked.found = await self._store.streams(asked.after)
        return [recorded for recorded in asked.found.get(stream, ()) if recorded.version > after]
