"""A small programme for the tests of timers: books are lent, and whoever is late is reminded.

As a process (`python -m … <database url> <how>`) it fires timers at a time long after all of them, to be killed:
`hanging` it stands still once it has acted, `going` it goes on.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

import uvloop

from shared.eventsourcing.codec import Codec
from shared.eventsourcing.decider import Aggregate
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.repository import Occasion, Repository, Session
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.timers import Cancel, Schedule, Timers
from shared.eventsourcing.writer import Commit, NewEvent, Write
from shared.schemas.ids import derived_id, new_id
from shared.schemas.messages import Command, Event, Instant, Meta, Reason

NOON = datetime(2025, 6, 1, 4, 0, tzinfo=UTC)
NOT_LENT = Reason("not_lent", "借阅 第3条", "这本书没有借出")


class Lent(Event):
    book: UUID
    until: Instant


class Returned(Event):
    book: UUID


class Reminded(Event):
    book: UUID


class Remind(Command):
    book: UUID


CODEC = Codec([Lent, Returned, Reminded])
COMMANDS = {"Remind": Remind}


def evolve(lent: bool, event: Event) -> bool:
    match event:
        case Lent():
            return True
        case Returned():
            return False
        case _:
            return lent


books: Aggregate[bool, Event] = Aggregate("book", False, evolve)


def deadlines(recorded: Recorded) -> Iterable[Schedule | Cancel]:
    match recorded.event:
        case Lent(book=book, until=until):
            yield Schedule(f"remind-{book}", until, Remind(book=book))
        case Returned(book=book):
            yield Cancel(f"remind-{book}")


class StandingClock:
    """Stands still until it is set."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now
        self._set = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    def set(self, now: datetime) -> None:
        self._now = now
        was, self._set = self._set, asyncio.Event()
        was.set()

    async def reached(self, instant: datetime) -> None:
        while self._now < instant:
            await self._set.wait()


class Desk:
    """Carries out commands on books, and remembers which timers asked for them."""

    def __init__(self, store: EventStore) -> None:
        self._repository = Repository(store)
        self.asked: list[tuple[UUID, str]] = []
        self.trouble: list[Exception] = []
        """What the next attempts fail with."""

    async def fire(self, event: UUID, key: str, command: Command, meta: Meta) -> None:
        self.asked.append((event, key))
        if self.trouble:
            raise self.trouble.pop(0)
        assert isinstance(command, Remind)
        own = derived_id(event, key)
        await self.carry_out(own, command.book, Reminded(book=command.book), meta)

    async def record(self, book: UUID, *events: Event) -> None:
        for event in events:
            own = new_id()
            await self.carry_out(own, book, event, _meta(own))

    async def carry_out(self, command: UUID, book: UUID, event: Event, meta: Meta) -> None:
        async def work(session: Session) -> None:
            if not await session.load(books, book) and not isinstance(event, Lent):
                raise NOT_LENT()
            session.append(books, book, [event])

        await self._repository.transact(Occasion(command, command, meta), work)


def _meta(command: UUID) -> Meta:
    return Meta(federation="330503", actor="cadre:li", time=NOON, correlation=command, causation=command)


def lending(lent: Iterable[UUID], until: datetime) -> Commit:
    """A commit by which all these books are lent."""
    own = new_id()
    meta = _meta(own).model_dump_json()
    return Commit(
        own,
        own,
        [
            Write(
                books.stream(book),
                0,
                [NewEvent(new_id(), "Lent", 1, Lent(book=book, until=until).model_dump_json(), meta)],
            )
            for book in lent
        ],
    )


@asynccontextmanager
async def at_work(timers: Timers) -> AsyncIterator[Timers]:
    work = asyncio.create_task(timers.run())
    try:
        yield timers
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


async def _fire(database_url: str, how: str) -> None:
    async with EventStore(database_url, "lending", CODEC) as store:
        desk = Desk(store)

        async def fire(event: UUID, key: str, command: Command, meta: Meta) -> None:
            await desk.fire(event, key, command, meta)
            if how == "hanging":
                print("acted", flush=True)
                await asyncio.Event().wait()

        timers = Timers(store, deadlines, COMMANDS, fire, StandingClock(NOON + timedelta(days=365)))
        await timers.install()
        await timers.run()


if __name__ == "__main__":
    uvloop.run(_fire(*sys.argv[1:]))
