"""The three ways to carry out a command: load a stream's ten events, decide, append one.

Every caller goes round streams of its own, each of which begins with ten events. Contents, meta and the decision
are the same for all. What each does per command:

- `ours`: `Repository.transact`, which decides on the folded state in memory and appends by group commit. It also
  keeps the command's id and fingerprint, so that a repeated command changes nothing; the others do not.
- `raw`: a connection a caller, prepared statements, autocommit. Selects the ten newest events, validates them with
  pydantic by their type, folds, decides, inserts a row; the key (stream, version) is the optimistic lock.
- `eventsourcing` (see `package.py`).
"""

from abc import ABC, abstractmethod
from contextlib import AsyncExitStack
from typing import Final, cast
from uuid import UUID

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from shared.eventsourcing.repository import Occasion, Repository, Session
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.writer import Commit, NewEvent, Write
from shared.schemas.ids import new_id
from tests.bench.harness import callers, require
from tests.bench.line import CODEC, SEEDED, LineEvent, decide, history, lines, meta_of, next_command

STREAMS_OF_A_CALLER: Final = 16


class Contestant(ABC):
    """Counts what it appended, to be held against what its table holds."""

    name: str

    def __init__(self) -> None:
        self.appended = 0
        self.keys: list[list[UUID]] = []

    def give_streams(self, most_callers: int) -> None:
        self.keys = [[new_id() for _ in range(STREAMS_OF_A_CALLER)] for _ in range(most_callers)]

    @abstractmethod
    async def open(self, dsn: str, most_callers: int, stack: AsyncExitStack) -> None:
        """Make its tables and seed every caller's streams."""

    @abstractmethod
    async def work(self, number: int, seconds: float) -> float:
        """So many callers for so many seconds; commands a second."""

    @abstractmethod
    async def stored(self) -> int:
        """Events in its table."""

    async def check(self) -> None:
        seeded = sum(map(len, self.keys)) * SEEDED
        stored = await self.stored()
        require(stored == seeded + self.appended, f"{self.name}: {stored} stored, {seeded} + {self.appended} appended")


def as_rows(events: list[LineEvent], meta: str) -> list[NewEvent]:
    return [NewEvent(new_id(), type(event).__name__, 1, CODEC.encode(event), meta) for event in events]


class Ours(Contestant):
    name = "ours"

    async def open(self, dsn: str, most_callers: int, stack: AsyncExitStack) -> None:
        self.give_streams(most_callers)
        self.store = await stack.enter_async_context(EventStore(dsn, "ours", CODEC))
        self.repository = Repository(self.store)
        self.member = new_id()
        meta = meta_of(new_id()).model_dump_json()
        for key in (key for keys in self.keys for key in keys):
            write = Write(lines.stream(key), 0, as_rows(history(key, self.member), meta))
            await self.store.append(Commit(new_id(), new_id(), [write]))

    async def work(self, number: int, seconds: float) -> float:
        async def call(caller: int, turn: int) -> None:
            await self.carry_out(self.keys[caller][turn % STREAMS_OF_A_CALLER], turn // STREAMS_OF_A_CALLER)

        return await callers(number, seconds, call)

    async def carry_out(self, key: UUID, turn: int) -> None:
        async def work(session: Session) -> None:
            state = await session.load(lines, key)
            session.append(lines, key, decide(next_command(key, turn), state, self.member))

        command = new_id()
        await self.repository.transact(Occasion(command, command, meta_of(command)), work)
        self.appended += 1

    async def stored(self) -> int:
        count: int = await self.store.pool.fetchval("select count(*) from ours.events")
        head = await self.store.head()
        require(head == count, f"ours: {count} events, the last at position {head}")
        return count


class Raw(Contestant):
    name = "raw"

    TABLE: Final = """
        create schema raw;
        create table raw.events (
            position    bigint      generated always as identity primary key,
            stream      text        not null,
            version     integer     not null,
            id          uuid        not null,
            type        text        not null,
            data        jsonb       not null,
            meta        jsonb       not null,
            recorded_at timestamptz not null default clock_timestamp(),
            unique (stream, version)
        )"""
    LOAD: Final = "select version, type, data from raw.events where stream = $1 order by version desc limit 10"
    INSERT: Final = """
        insert into raw.events (stream, version, id, type, data, meta) values ($1, $2, $3, $4, $5, $6)
        returning position"""

    async def open(self, dsn: str, most_callers: int, stack: AsyncExitStack) -> None:
        self.give_streams(most_callers)
        self.member = new_id()
        self.statements: list[tuple[PreparedStatement, PreparedStatement]] = []
        for number in range(most_callers):
            connection = await asyncpg.connect(dsn, server_settings={"jit": "off"})
            stack.push_async_callback(connection.close)
            if number == 0:
                await connection.execute(self.TABLE)
                await self._seed(connection)
            self.statements.append((await connection.prepare(self.LOAD), await connection.prepare(self.INSERT)))
        self.connection = connection

    async def _seed(self, connection: asyncpg.Connection) -> None:
        meta = meta_of(new_id()).model_dump_json()
        rows = [
            (lines.stream(key), version, new_id(), type(event).__name__, CODEC.encode(event), meta)
            for keys in self.keys
            for key in keys
            for version, event in enumerate(history(key, self.member), 1)
        ]
        await connection.executemany(self.INSERT, rows)

    async def work(self, number: int, seconds: float) -> float:
        async def call(caller: int, turn: int) -> None:
            await self.carry_out(caller, self.keys[caller][turn % STREAMS_OF_A_CALLER], turn // STREAMS_OF_A_CALLER)

        return await callers(number, seconds, call)

    async def carry_out(self, caller: int, key: UUID, turn: int) -> None:
        load, insert = self.statements[caller]
        stream = lines.stream(key)
        rows = await load.fetch(stream)
        state = lines.fold(cast("LineEvent", CODEC.decode(kind, 1, data)) for _, kind, data in reversed(rows))
        meta = meta_of(new_id())
        for version, event in enumerate(decide(next_command(key, turn), state, self.member), rows[0]["version"] + 1):
            encoded = CODEC.encode(event)
            await insert.fetchval(stream, version, new_id(), type(event).__name__, encoded, meta.model_dump_json())
        self.appended += 1

    async def stored(self) -> int:
        count: int = await self.connection.fetchval("select count(*) from raw.events")
        return count
