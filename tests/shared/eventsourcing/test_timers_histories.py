"""Whatever is lent, returned and waited for, and whoever works or not: who is late is reminded once, nobody else is."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import count

import pytest
import uvloop
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from shared.eventsourcing import timers
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.timers import Timers
from shared.schemas.ids import new_id
from tests.shared.eventsourcing.lending import (
    CODEC,
    COMMANDS,
    NOON,
    Desk,
    Lent,
    Reminded,
    Returned,
    StandingClock,
    at_work,
    deadlines,
)
from tests.waiting import until

SCHEMAS = count()
HOUR = timedelta(hours=1)
books = st.integers(0, 2)
hours = st.integers(-2, 5)


class Library(RuleBasedStateMachine):
    """Three books in a library whose worker comes and goes. `reminders` is what the rules say must have happened."""

    database_url: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.shelf = [new_id() for _ in range(3)]
        self.until: dict[int, int] = {}
        self.reminders = [0, 0, 0]
        self.now = 0
        self.open = self.works = False

    @initialize()
    def opens(self) -> None:
        async def opening() -> None:
            self.resources = AsyncExitStack()
            store = EventStore(self.database_url, f"library_{next(SCHEMAS)}", CODEC)
            self.store = await self.resources.enter_async_context(store)
            self.clock = StandingClock()
            self.desk = Desk(self.store)
            self.timers = Timers(self.store, deadlines, COMMANDS, self.desk.fire, self.clock)
            await self.timers.install()
            self.work = AsyncExitStack()

        self.runner.run(opening())
        self.open = True

    def teardown(self) -> None:
        async def closing() -> None:
            await self.work.aclose()
            await self.resources.aclose()

        if self.open:
            self.runner.run(closing())
        self.runner.close()

    @rule(book=books, within=hours)
    def lends(self, book: int, within: int) -> None:
        due = self.now + within
        self._do(lambda: self._record(book, Lent(book=self.shelf[book], until=NOON + due * HOUR)))
        self.until[book] = due
        self._remind()

    @precondition(lambda self: self.until)
    @rule(data=st.data())
    def takes_back(self, data: st.DataObject) -> None:
        book = data.draw(st.sampled_from(sorted(self.until)))
        self._do(lambda: self._record(book, Returned(book=self.shelf[book])))
        del self.until[book]

    @rule(by=st.integers(1, 4))
    def waits(self, by: int) -> None:
        self.now += by
        self._do(self._tell_the_time)
        self._remind()

    @precondition(lambda self: not self.works)
    @rule()
    def worker_comes(self) -> None:
        async def come() -> None:
            await self.work.enter_async_context(at_work(self.timers))

        self.works = True
        self._do(come)
        self._remind()

    @precondition(lambda self: self.works)
    @rule()
    def worker_goes(self) -> None:
        self.works = False
        self._do(self.work.aclose)

    @rule()
    def timers_are_derived_anew(self) -> None:
        self._do(self.timers.rebuild)

    @rule()
    def timers_are_lost(self) -> None:
        async def lose() -> None:
            schema = self.store.schema
            await self.store.pool.execute(f"truncate {schema}.timers; update {schema}.checkpoints set position = 0")

        self._do(lose)

    @precondition(lambda self: self.open)
    @invariant()
    def who_is_late_was_reminded_once(self) -> None:
        async def counted() -> list[int]:
            logs = [await self.store.stream(f"book-{book}") for book in self.shelf]
            return [sum(isinstance(recorded.event, Reminded) for recorded in log) for log in logs]

        assert self.runner.run(counted()) == self.reminders

    def _remind(self) -> None:
        """A book that is out too long is the cause of one reminder for each time that it was lent."""
        if self.works:
            for book in [book for book, due in self.until.items() if due <= self.now]:
                self.reminders[book] += 1
                self.until[book] = 10_000

    def _do(self, step: Callable[[], Awaitable[None]]) -> None:
        async def doing() -> None:
            await step()
            if self.works:
                await until(self._settled)

        self.runner.run(doing())

    async def _settled(self) -> bool:
        checkpoint = await self.store.pool.fetchval(f"select position from {self.store.schema}.checkpoints")
        at_head = self.timers.folded == checkpoint == await self.store.head()
        return bool(at_head) and await self.timers.overdue() == (0, 0.0)

    async def _record(self, book: int, event: Lent | Returned) -> None:
        await self.desk.record(self.shelf[book], event)

    async def _tell_the_time(self) -> None:
        self.clock.set(NOON + self.now * HOUR)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers, "POLL", 0.02)


def test_who_is_late_is_reminded_once_and_nobody_else_is(database_url: str) -> None:
    class Here(Library):
        pass

    Here.database_url = database_url
    run_state_machine_as_test(Here, settings=settings(max_examples=30, stateful_step_count=20, deadline=None))
