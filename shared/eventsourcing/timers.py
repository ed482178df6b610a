"""Timers: a deadline is a row derived from events, due at an instant; when it is due a command is issued.

    def deadlines(recorded: Recorded) -> Iterable[Schedule | Cancel]:
        match recorded.event:
            case LoanRequested(loan=loan, answer_by=instant):
                yield Schedule(f"answer-{loan}", instant, LapseRequest(loan=loan))
            case LoanAnswered(loan=loan):
                yield Cancel(f"answer-{loan}")

The command's id derives from the scheduling event's and the key, so that a restart, a replay or a second worker never
acts twice. Nothing fires before the log is folded to its end: what was cancelled while this was down stays cancelled.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol
from uuid import UUID

import structlog

from shared.eventsourcing.connections import is_transient, persistently
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.timer_table import Fenced, Scheduled, TimerRow, TimerTable
from shared.schemas.messages import Command, Meta, Refused

__all__ = ["Cancel", "Clock", "Deadlines", "Dispatch", "Schedule", "TimerRow", "Timers"]

PAGE: Final = 512
AT_ONCE: Final = 64
"""Commands under way at a time."""
DISPATCH_LIMIT: Final = 30.0
POLL: Final = 1.0
"""Seconds after which timers are looked at again, whatever the clock says."""
NEVER: Final = datetime.max.replace(tzinfo=UTC)
PASSING: Final = frozenset({"busy"})
"""Codes of refusals that ask to come again."""

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Issue `command` at `due` (aware), at once where that is past; it takes the place of an earlier one of its key."""

    key: str
    due: datetime
    command: Command


@dataclass(frozen=True, slots=True)
class Cancel:
    """Let the key's timer be, if it has not fired."""

    key: str


class Clock(Protocol):
    def now(self) -> datetime:
        """UTC."""
        ...

    async def reached(self, instant: datetime) -> None:
        """Until it is that instant, also where the clock is set forward to it."""
        ...


type Deadlines = Callable[[Recorded], Iterable[Schedule | Cancel]]
"""What an event means for timers. Pure: the same event gives the same, for ever."""

type Dispatch = Callable[[UUID, str, Command, Meta], Awaitable[object]]
"""Carries out a command under the id `derived_id(event id, key)`. It is given the scheduling event's id, the timer's
key, the command, and that event's meta. Refused ends the matter; whatever else it raises is tried again."""


class Timers:
    """The timers of one service. `commands` are those that deadlines issue, by class name."""

    def __init__(
        self,
        store: EventStore,
        deadlines: Deadlines,
        commands: Mapping[str, type[Command]],
        dispatch: Dispatch,
        clock: Clock,
    ) -> None:
        self._store, self._deadlines, self._commands = store, deadlines, commands
        self._dispatch, self._clock = dispatch, clock
        self._table = TimerTable(store)
        self._folded = 0
        self._awaited = NEVER
        self._progress, self._sooner = asyncio.Event(), asyncio.Event()

    @property
    def folded(self) -> int:
        """The position up to which the log is folded here."""
        return self._folded

    async def install(self) -> None:
        await self._table.install()

    async def rebuild(self) -> None:
        """Have the worker, wherever it runs, derive all pending timers from the log anew."""
        await self._table.forget()

    async def pending(self, limit: int = 100) -> Sequence[TimerRow]:
        """What has not fired, the first due first."""
        return await self._table.pending(limit)

    async def overdue(self) -> tuple[int, float]:
        """How many are due and have not fired, and for how many seconds the oldest of them."""
        return await self._table.overdue(self._clock.now())

    async def run(self) -> None:
        """For ever. Raises what `deadlines` raises, UnknownEvent, LogBroken."""
        try:
            while True:
                try:
                    self._folded = await persistently(self._table.checkpoint)
                    async with asyncio.TaskGroup() as tasks:
                        tasks.create_task(self._fold())
                        tasks.create_task(self._fire())
                except ExceptionGroup as failures:
                    error = failures.exceptions[0]
                    if not (isinstance(error, Fenced) or is_transient(error)):
                        raise error from None
                    _log.warning("timers interrupted", schema=self._store.schema, error=repr(error))
                await asyncio.sleep(POLL / 10)
        finally:
            await self._table.close()

    async def _fold(self) -> None:
        async with aclosing(self._store.all(self._folded, follow=True)) as pages:
            async for page in pages:
                position = page[-1].position
                cancelled, scheduled = self._net(page)
                await self._table.fold(self._folded, position, cancelled, scheduled)
                self._folded = position
                self._progress.set()
                if scheduled and min(timer.due for timer in scheduled) < self._awaited:
                    self._sooner.set()

    def _net(self, page: Sequence[Recorded]) -> tuple[set[str], list[Scheduled]]:
        """What a page leaves of each key: keys to be cancelled first, and then what is scheduled."""
        cancelled: set[str] = set()
        scheduled: dict[str, Scheduled] = {}
        for recorded in page:
            for step in self._deadlines(recorded):
                match step:
                    case Schedule(key, due, command):
                        scheduled[key] = Scheduled(recorded, key, due, command)
                    case Cancel(key):
                        scheduled.pop(key, None)
                        cancelled.add(key)
        return cancelled, list(scheduled.values())

    async def _fire(self) -> None:
        while True:
            self._sooner.clear()
            self._awaited = NEVER
            if await persistently(lambda: self._table.due(self._clock.now(), 1, 1)):
                await self._catch_up()
                await self._fire_all(await persistently(lambda: self._table.due(self._clock.now(), PAGE, AT_ONCE)))
            else:
                next_due = await persistently(self._table.next_due)
                self._awaited = next_due or NEVER
                await self._wait()
                await self._check()

    async def _catch_up(self) -> None:
        """Until all that the log holds now is folded: what is due may be cancelled there."""
        head = await persistently(self._store.head)
        while self._folded < head:
            self._progress.clear()
            await self._progress.wait()

    async def _check(self) -> None:
        """Raises Fenced where the checkpoint was set back."""
        folded = self._folded
        if await persistently(self._table.checkpoint) < folded:
            raise Fenced("the checkpoint was set back")

    async def _wait(self) -> None:
        """Until a timer is due, or one may be due sooner, or the poll is due."""
        waits: list[asyncio.Task[object]] = [asyncio.create_task(self._sooner.wait())]
        if self._awaited is not NEVER:
            waits.append(asyncio.create_task(self._clock.reached(self._awaited)))
        try:
            done, _ = await asyncio.wait(waits, timeout=POLL, return_when=asyncio.FIRST_COMPLETED)
            for wait in done:
                wait.result()
        finally:
            for wait in waits:
                wait.cancel()

    async def _fire_all(self, timers: Sequence[TimerRow]) -> None:
        fired: list[tuple[TimerRow, str]] = []
        failed: list[tuple[TimerRow, str]] = []
        left = iter(timers)

        async def work() -> None:
            for timer in left:
                try:
                    fired.append((timer, await self._attempt(timer)))
                except Exception as error:
                    failed.append((timer, _kind(error)))

        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(AT_ONCE, len(timers))):
                tasks.create_task(work())
        now = self._clock.now()
        if fired:
            await persistently(lambda: self._table.fired(fired, now))
        if failed:
            await persistently(lambda: self._table.failed(failed))
            for timer, error in failed:
                _log.error("timer failed", timer=timer.key, command=timer.command, error=error)

    async def _attempt(self, timer: TimerRow) -> str:
        """The outcome. Raises whatever asks for another attempt."""
        command = self._commands[timer.command].model_validate_json(timer.content)
        try:
            async with asyncio.timeout(DISPATCH_LIMIT):
                await self._dispatch(timer.event, timer.key, command, Meta.model_validate_json(timer.meta))
        except Refused as refused:
            if refused.refusal.code in PASSING:
                raise
            return f"refused {refused.refusal.code}"
        return "done"


def _kind(error: Exception) -> str:
    """What to keep of an error: its kind, and of a refusal its code. Texts may name people."""
    return error.refusal.code if isinstance(error, Refused) else type(error).__name__
