"""Carrying out a decision: load what it rests on, decide, append; on a conflict, decide again.

The folded state of streams stays in memory. A decision is made on it at once and the append verifies the version,
so a stale state can do no harm: on a conflict only the tail of the stream is read.
"""

import asyncio
import random
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from shared.eventsourcing.decider import Aggregate
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.tails import Tails
from shared.eventsourcing.writer import Commit, Conflict, NewEvent, Receipt, Write
from shared.schemas.ids import new_id
from shared.schemas.messages import Event, Meta, Refused

__all__ = ["LARGEST_EVENT", "Busy", "Occasion", "Repository", "Seal", "Session", "TooLarge"]

ATTEMPTS: Final = 12
"""Decisions on one command before it is given up as Busy."""

CACHED_STREAMS: Final = 20_000
LARGEST_EVENT: Final = 640 * 1024
"""Bytes of an event's JSON. PostgreSQL gives it back with a space behind each comma and colon, half as much again at
most; with its headers it must go into a message of 1 MiB, or the relay could never pass it."""


class Busy(Exception):
    """Other writers got in between too often. Nothing was written; the command may be sent again."""


class TooLarge(Exception):
    """An event is larger than LARGEST_EVENT. Nothing was written."""


class Seal(Protocol):
    """Seals the personal fields of events: `(event ids, events) -> the same events, sealed`."""

    async def __call__(self, ids: Sequence[UUID], events: Sequence[Event]) -> Sequence[Event]: ...


class Occasion(NamedTuple):
    """What is known of a command beside its content."""

    command_id: UUID
    fingerprint: UUID
    """Of the caller, the kind and the body: a second command under the same id is found out."""
    meta: Meta


@dataclass(slots=True)
class _Folded:
    """A stream's state as of a version; `position` is that of its last event, 0 where it was not seen."""

    state: Any
    version: int
    position: int


@dataclass(slots=True)
class _Pending:
    aggregate: Aggregate[Any, Any]
    events: list[Event]
    meta: Meta | None


@dataclass(slots=True)
class _Turn:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    wanted: int = 0


class Session:
    """One attempt at a decision: what was loaded, and what is to be appended."""

    def __init__(self, load: Callable[[Aggregate[Any, Any], Sequence[str]], Awaitable[Sequence[_Folded]]]) -> None:
        self._load = load
        self.wanted: set[str] = set()
        self.loaded: dict[str, _Folded] = {}
        self.pending: dict[str, _Pending] = {}
        self.subject: str | None = None
        """The first stream named to `append`."""

    async def load[S, E: Event](self, aggregate: Aggregate[S, E], key: UUID | str, *, in_turn: bool = True) -> S:
        """A stream's state, the aggregate's initial one where there is no such stream yet.

        A stream that most decisions rest on and few change, such as one of rules, is loaded with `in_turn=False`: it
        must be where it was like any other, but decisions that are made afresh do not wait for each other over it.
        """
        stream = aggregate.stream(key)
        folded = self.loaded.get(stream)
        if folded is None:  # as in `load_all`, with less ado: nearly every command comes by here
            if in_turn:
                self.wanted.add(stream)
            (folded,) = await self._load(aggregate, (stream,))
            self.loaded[stream] = folded
        state: S = folded.state
        return state

    async def load_all[S, E: Event](
        self, aggregate: Aggregate[S, E], keys: Iterable[UUID | str], *, in_turn: bool = True
    ) -> list[S]:
        """The same of several streams: what is not in memory is read with one query."""
        streams = [aggregate.stream(key) for key in keys]
        if missing := [stream for stream in dict.fromkeys(streams) if stream not in self.loaded]:
            if in_turn:
                self.wanted.update(missing)
            self.loaded.update(zip(missing, await self._load(aggregate, missing), strict=True))
        return [self.loaded[stream].state for stream in streams]

    def position[S, E: Event](self, aggregate: Aggregate[S, E], key: UUID | str) -> int:
        """Of the last event of a stream that was loaded, 0 where it has none."""
        return self.loaded[aggregate.stream(key)].position

    def append[S, E: Event](
        self, aggregate: Aggregate[S, E], key: UUID | str, events: Sequence[E], meta: Meta | None = None
    ) -> None:
        """Append to a stream, at the version that was loaded; to one that was not loaded, at any version.

        `meta` is the events' own, where the command is about several stories.

        Streams that were loaded and are not appended to must be where they were as well. Where nothing is appended
        at all, the receipt tells of the first stream that was named here.
        """
        stream = aggregate.stream(key)
        self.subject = self.subject or stream
        if events:
            pending = self.pending.setdefault(stream, _Pending(aggregate, [], meta))
            pending.events.extend(events)


class Repository:
    """Decisions on the streams of one store."""

    def __init__(self, store: EventStore, seal: Seal | None = None, cached: int = CACHED_STREAMS) -> None:
        self._store, self._seal, self._cached = store, seal, cached
        self._tails = Tails(store)
        self._cache: OrderedDict[str, _Folded] = OrderedDict()
        self._turns: dict[str, _Turn] = {}

    async def state[S, E: Event](self, aggregate: Aggregate[S, E], key: UUID | str) -> S:
        """A stream's state as the log has it now."""
        (folded,) = await self._refreshed(aggregate, [aggregate.stream(key)])
        state: S = folded.state
        return state

    async def recorded[S, E: Event](self, aggregate: Aggregate[S, E], key: UUID | str) -> list[Recorded]:
        """A stream's events, in order, as the log has them: sealed."""
        return await self._store.stream(aggregate.stream(key))

    async def recorded_of_each[S, E: Event](
        self, aggregate: Aggregate[S, E], keys: Sequence[UUID | str]
    ) -> list[list[Recorded]]:
        """The same of several streams, in the order of their keys: one query."""
        streams = [aggregate.stream(key) for key in keys]
        found = await self._store.streams(dict.fromkeys(streams, 0))
        return [found.get(stream, []) for stream in streams]

    def remember[S, E: Event](self, aggregate: Aggregate[S, E], streams: Mapping[str, Sequence[Recorded]]) -> None:
        """What was read of whole streams, about which something is about to be decided."""
        for stream, recorded in streams.items():
            if stream not in self._cache:
                self._grown(aggregate, stream, _Folded(aggregate.initial, 0, 0), recorded)

    async def transact(self, occasion: Occasion, work: Callable[[Session], Awaitable[None]]) -> Receipt:
        """Run `work` and append what it decided, once for the command's id.

        Raises Refused from `work`; CommandIdReused; Busy; TooLarge. A command that was carried out before gets its
        first receipt, whatever `work` would say of it now.
        """
        session = Session(self._remembered)
        try:
            await work(session)
            if session.pending:
                return await self._commit(occasion, session)
            if await self._is_current(session):
                return await self._nothing_new(occasion, session)
        except (Conflict, Refused):
            pass  # what was remembered may have been stale: only a fresh state refuses
        return await self._afresh(occasion, work, session)

    async def _afresh(
        self, occasion: Occasion, work: Callable[[Session], Awaitable[None]], session: Session
    ) -> Receipt:
        """Decide on fresh states, one at a time with the others of this process that want the same streams."""
        for attempt in range(1, ATTEMPTS):
            async with self._in_turn(session.wanted):
                session = Session(self._refreshed)
                try:
                    await work(session)
                    if not session.pending:
                        return await self._nothing_new(occasion, session)
                    return await self._commit(occasion, session)
                except Conflict:
                    pass
                except Refused:
                    receipt = await self._store.find(occasion.command_id, occasion.fingerprint)
                    if receipt is None:
                        raise
                    return receipt
            await asyncio.sleep(random.uniform(0, 0.001 * 2**attempt))  # noqa: S311 - jitter, not a secret
        raise Busy

    async def _commit(self, occasion: Occasion, session: Session) -> Receipt:
        common = _meta(occasion.meta)
        events = [event for pending in session.pending.values() for event in pending.events]
        ids = [new_id() for _ in events]
        sealed = events if self._seal is None else await self._seal(ids, events)
        writes, sealed_by_stream, taken = [], {}, 0
        for stream, pending in session.pending.items():
            meta = common if pending.meta is None else _meta(pending.meta)
            own = slice(taken, taken := taken + len(pending.events))
            sealed_by_stream[stream] = sealed[own]
            loaded = session.loaded.get(stream)
            rows = [_row(event_id, event, meta) for event_id, event in zip(ids[own], sealed[own], strict=True)]
            writes.append(Write(stream, loaded.version if loaded else None, rows))
        for stream, folded in session.loaded.items():
            if stream not in session.pending:
                writes.append(Write(stream, folded.version, ()))
        try:
            receipt = await self._store.append(Commit(occasion.command_id, occasion.fingerprint, writes))
        except Conflict:
            for stream, folded in session.loaded.items():
                if stream not in self._cache:
                    self._keep(stream, folded)
            raise
        if not receipt.duplicate:
            for stream, pending in session.pending.items():
                if (loaded := session.loaded.get(stream)) is not None:
                    self._advance(stream, loaded, pending.aggregate, sealed_by_stream[stream], receipt.position)
        return receipt

    async def _nothing_new(self, occasion: Occasion, session: Session) -> Receipt:
        """Of a command that changes nothing: where the stream that it is about stands."""
        if (receipt := await self._store.find(occasion.command_id, occasion.fingerprint)) is not None:
            return receipt
        stream = session.subject or next(iter(session.loaded), "")
        folded = session.loaded.get(stream) or _Folded(None, 0, 0)
        return Receipt(stream, folded.version, folded.position, changed=False)

    async def _is_current(self, session: Session) -> bool:
        """Whether the log has what was loaded, and no more."""
        versions = await self._store.versions(session.loaded)
        return all(versions[stream] == folded.version for stream, folded in session.loaded.items())

    def _advance(
        self, stream: str, was: _Folded, aggregate: Aggregate[Any, Any], events: Sequence[Event], position: int
    ) -> None:
        version = was.version + len(events)
        held = self._cache.get(stream)
        if held is None or held.version < version:
            self._keep(stream, _Folded(aggregate.fold(events, was.state), version, position))

    def _keep(self, stream: str, folded: _Folded) -> None:
        self._cache[stream] = folded
        self._cache.move_to_end(stream)
        if len(self._cache) > self._cached:
            self._cache.popitem(last=False)

    async def _remembered(self, aggregate: Aggregate[Any, Any], streams: Sequence[str]) -> list[_Folded]:
        if not self._turns.keys().isdisjoint(streams):
            raise Conflict  # others are at it one by one: take a turn behind them
        known = {stream: folded for stream in streams if (folded := self._cache.get(stream)) is not None}
        for stream in known:
            self._cache.move_to_end(stream)
        if missing := [stream for stream in streams if stream not in known]:
            known.update(zip(missing, await self._refreshed(aggregate, missing), strict=True))
        return [known[stream] for stream in streams]

    async def _refreshed(self, aggregate: Aggregate[Any, Any], streams: Sequence[str]) -> list[_Folded]:
        held = {stream: self._cache.get(stream) or _Folded(aggregate.initial, 0, 0) for stream in streams}
        tails = await self._tails.of({stream: folded.version for stream, folded in held.items()})
        return [self._grown(aggregate, stream, held[stream], tails[stream]) for stream in streams]

    def _grown(self, aggregate: Aggregate[Any, Any], stream: str, held: _Folded, tail: Sequence[Recorded]) -> _Folded:
        if tail:
            state = aggregate.fold((recorded.event for recorded in tail), held.state)
            held = _Folded(state, tail[-1].version, tail[-1].position)
        if tail or not held.version:  # that there is no such stream yet is worth knowing too
            self._keep(stream, held)
        return held

    @asynccontextmanager
    async def _in_turn(self, streams: set[str]) -> AsyncIterator[None]:
        """Hold the turn on all these streams; taken in sorted order, so that none can wait in a ring."""
        async with AsyncExitStack() as held:
            for stream in sorted(streams):
                turn = self._turns.setdefault(stream, _Turn())
                turn.wanted += 1
                held.callback(self._leave, stream, turn)
                await held.enter_async_context(turn.lock)
            yield

    def _leave(self, stream: str, turn: _Turn) -> None:
        turn.wanted -= 1
        if turn.wanted == 0:
            del self._turns[stream]


def _row(event_id: UUID, event: Event, meta: str) -> NewEvent:
    return NewEvent(event_id, type(event).__name__, event.schema_version, _json(event), meta)


def _meta(meta: Meta) -> str:
    return meta.__pydantic_serializer__.to_json(meta).decode()


def _json(event: Event) -> str:
    content = event.__pydantic_serializer__.to_json(event)
    if len(content) > LARGEST_EVENT:
        raise TooLarge(f"{type(event).__name__}: {len(content)} bytes")
    return content.decode()
