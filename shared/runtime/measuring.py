"""How far each follower is behind, read at each scrape: in events, and in seconds that the first of them has waited.

What a database or broker that is away can't tell is left out rather than repeated: an old figure would look well.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from nats.js import JetStreamContext

from shared.eventsourcing.store import EventStore
from shared.eventsourcing.timers import Timers
from shared.eventsourcing.wire import stream_name
from shared.runtime.letters import Letters
from shared.runtime.logs import log
from shared.runtime.metrics import (
    FAILING,
    LAG_EVENTS,
    LAG_SECONDS,
    LETTERS,
    LETTERS_AGE,
    POSITION,
    READY,
    STREAM_BYTES,
    TIMERS_LAG,
    TIMERS_LATE,
)
from shared.runtime.reactions import Reactions
from shared.runtime.read_models import ReadModels

__all__ = ["Measuring"]

LIMIT: Final = 2.0
"""Seconds that each server has to answer."""
REMEMBERED: Final = 1000
"""Scrapes."""

_log = log(__name__)


@dataclass(slots=True)
class _Past:
    """Where a stream stood, scrape by scrape."""

    seen: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def waited(self, position: int, last: int) -> float:
        """Seconds since the stream went beyond a position, as far as was seen."""
        now = time.monotonic()
        self.seen.append((now, last))
        return now - next((at for at, stood in self.seen if stood > position), now)


class Measuring:
    """The gauges of one service."""

    def __init__(
        self,
        store: EventStore,
        js: JetStreamContext,
        read_models: ReadModels,
        reactions: Reactions,
        letters: Letters,
        timers: Timers | None,
    ) -> None:
        self._store, self._js, self._read_models = store, js, read_models
        self._reactions, self._letters, self._timers = reactions, letters, timers
        self._programme = store.schema
        self._past: dict[str, _Past] = {}

    async def measure(self, missing: Mapping[str, str]) -> None:
        """Bring the gauges up to date; `missing` is what keeps the service from being ready."""
        for gauge in (FAILING, LAG_EVENTS, LAG_SECONDS, LETTERS, LETTERS_AGE, POSITION, STREAM_BYTES):
            gauge.clear()
        READY.labels(self._programme).set(not missing)
        for part in missing:
            FAILING.labels(self._programme, part).set(1)
        for name, work in (("database", self._own), ("streams", self._others)):
            try:
                async with asyncio.timeout(LIMIT):
                    await work()
            except Exception as error:
                _log.warning("not measured", what=name, error=type(error).__name__)

    async def _own(self) -> None:
        """Those who follow the service's own log, letters and timers."""
        schema, pool = self._store.schema, self._store.pool
        head = await self._store.head()
        POSITION.labels(self._programme, "log").set(head)
        followers = [("view", name, at) for name, at in self._read_models.own.positions().items()]
        sealed = await pool.fetchval(f"select coalesce(max(position), 0) from {schema}.seals")
        followers.append(("seal", "seal", sealed))
        if self._timers is not None:
            at = await pool.fetchval(f"select position from {schema}.checkpoints where consumer = 'timers'")
            followers.append(("timers", "timers", at))
            late, seconds = await self._timers.overdue()
            TIMERS_LATE.labels(self._programme).set(late)
            TIMERS_LAG.labels(self._programme).set(seconds)
        await self._behind(head, followers)
        for which, count in (await self._letters.counts()).items():
            LETTERS.labels(self._programme, *which).set(count)
        for which, age in (await self._letters.ages()).items():
            LETTERS_AGE.labels(self._programme, *which).set(age)

    async def _others(self) -> None:
        """The relay, and those who follow other services' streams."""
        state = (await self._js.stream_info(stream_name(self._programme))).state
        STREAM_BYTES.labels(self._programme).set(state.bytes)
        await self._behind(await self._store.head(), [("relay", "relay", state.last_seq)])
        for programme, projector in self._read_models.others.items():
            last = (await self._js.stream_info(stream_name(programme))).state.last_seq
            past = self._past.setdefault(programme, _Past())
            for view, at in projector.positions().items():
                POSITION.labels(self._programme, view).set(at)
                self._lag("view", view, last - at, past.waited(at, last))
        for name, programme in self._reactions.consumers.items():
            info = await self._js.consumer_info(stream_name(programme), name)
            waiting = (info.num_pending or 0) + (info.num_ack_pending or 0)
            heard = self._reactions.heard.get(name) or info.created
            self._lag("consumer", name, waiting, (datetime.now(UTC) - heard).total_seconds() if heard else 0)

    async def _behind(self, head: int, followers: Iterable[tuple[str, str, int]]) -> None:
        waits = {at + 1 for _, _, at in followers if at < head}
        ages: dict[int, float] = {}
        if waits:
            rows = await self._store.pool.fetch(
                "select position, extract(epoch from clock_timestamp() - recorded_at)::float8"
                f" from {self._store.schema}.events where position = any ($1)",
                list(waits),
            )
            ages = {row[0]: row[1] for row in rows}
        for kind, name, at in followers:
            POSITION.labels(self._programme, name).set(at)
            self._lag(kind, name, head - at, ages.get(at + 1, 0))

    def _lag(self, kind: str, follower: str, events: int, seconds: float) -> None:
        LAG_EVENTS.labels(self._programme, kind, follower).set(max(events, 0))
        LAG_SECONDS.labels(self._programme, kind, follower).set(max(seconds, 0) if events > 0 else 0)
