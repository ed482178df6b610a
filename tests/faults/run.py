"""One run: work goes on while faults befall the system; then all is healed, becomes quiet, and is checked."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

import asyncpg
import nats
from nats.aio.client import Client as Connection

from deploy.local.demo.district import JIANGBEI
from deploy.local.demo.dongyang import DONGYANG
from deploy.local.demo.messages import quiet
from deploy.local.demo.people import FEDERATION, Person
from deploy.local.home import Home
from shared.eventsourcing.tasks import end
from shared.eventsourcing.wire import stream_name
from shared.runtime.client import Client
from shared.runtime.settings import ClockKind
from tests.faults import checks
from tests.faults.borrowing import Borrowing
from tests.faults.breaking import Breaking
from tests.faults.days import Days
from tests.faults.messages import sent_once
from tests.faults.recording import PATIENCE, Answers, RecordingStage
from tests.faults.scanning import Scanning
from tests.faults.schedule import PROGRAMMES, Profile, schedule
from tests.faults.system import LinkedSystem
from tests.faults.treating import Treating
from tests.faults.witness import Witness
from tests.waiting import until

__all__ = ["Outcome", "run"]

READY_LIMIT: Final = 180.0
QUIET_LIMIT: Final = 300.0
END_LIMIT: Final = 120.0
"""Seconds until consumers, read models and timers have come to the end, once people are told."""
BORROWERS: Final = 2

type Say = Callable[[str], None]


@dataclass(slots=True)
class Outcome:
    """`wrong` is empty where all held."""

    seed: int
    seconds: float
    done: Counter[str] = field(default_factory=Counter)
    """Faults by kind; work by what it was; events by programme."""
    messages: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    restarts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        for name, counts in (
            ("done", self.done),
            ("messages", self.messages),
            ("refused", self.refused),
            ("starts", self.restarts),
        ):
            yield f"{name}: " + ", ".join(f"{number} {what}" for what, number in sorted(counts.items()))
        yield from (f"✗ {wrong}" for wrong in self.wrong)
        yield f"SEED={self.seed} SECONDS={self.seconds:g}: " + (f"{len(self.wrong)} wrong" if self.wrong else "✓")


async def run(home: Path, seed: int, profile: Profile, say: Say) -> Outcome:
    """Of a system in `home`, which NIANGJIA_HOME has to name. `say` is told what happens, in lines."""
    outcome = Outcome(seed, profile.seconds)
    system = LinkedSystem(
        Home(home),
        profile.seconds,
        clock=ClockKind.SETTABLE,
        durable=False,
        ready_limit=READY_LIMIT,
        say=lambda line: say(f"  {line}"),
    )
    async with system, _operator(system) as connection:
        town = _Town(system, connection, seed, profile)
        await town.open()
        say("all is set up")
        try:
            await town.work(outcome, say)
            say("all is healed")
            await _checked(town, system, home, outcome, say)
        except Exception as error:
            outcome.wrong += [f"the run ended before its time: {one!r}" for one in _single(error)]
    outcome.restarts += system.supervisor.restarts
    return outcome


class _Town:
    """Everybody who has dealings with the system."""

    def __init__(self, system: LinkedSystem, connection: Connection, seed: int, profile: Profile) -> None:
        self._system, self._profile, self._faults = system, profile, schedule(seed, profile)
        self.js, self.answers = connection.jetstream(), Answers()
        client = Client(connection, timeout=3, patience=PATIENCE)
        nanxun, dongyang, jiangbei = (
            RecordingStage(client, federation, self.answers) for federation in (FEDERATION, DONGYANG, JIANGBEI)
        )
        self.stages, self.witness = (nanxun, dongyang, jiangbei), Witness(connection)
        self.days = Days(jiangbei, self.js, profile.seconds)
        self.treating = Treating(dongyang, self.js, Random(f"treating {seed}"))
        self.scanning = Scanning(jiangbei, self.days, Random(f"scanning {seed}"))
        self.borrowing = Borrowing(nanxun)

    @property
    def people(self) -> list[Person]:
        return [*self.borrowing.people, *self.treating.people, *self.scanning.people]

    async def open(self) -> None:
        await self.treating.open()
        await self.days.begin()
        await asyncio.gather(self.borrowing.open(), self.scanning.open())

    async def work(self, outcome: Outcome, say: Say) -> None:
        """Until every fault is healed, and everybody has finished what they were at."""
        over, breaking = asyncio.Event(), Breaking(self._system, self.js, say)
        async with _beside(self.witness.listen()) as listening:
            try:
                async with asyncio.TaskGroup() as group:
                    for work in self._works(over):
                        group.create_task(work)
                    await breaking.follow(self._faults)
                    over.set()
            finally:
                self._count(outcome, breaking)
            await self._system.ready()
            await self.days.step()
            for stage in self.stages:
                await quiet(stage, self.js, QUIET_LIMIT)
            await self._all_heard(listening)

    def _works(self, over: asyncio.Event) -> list[Coroutine[Any, Any, None]]:
        return [
            *(self.borrowing.work_until(over) for _ in range(BORROWERS)),
            self.treating.settle_until(over),
            self.treating.claim_until(over),
            self.scanning.work_until(over),
            self.days.pass_until(over),
        ]

    def _count(self, outcome: Outcome, breaking: Breaking) -> None:
        outcome.done += Counter({str(how): times for how, times in breaking.done.items()})
        outcome.done["times really full"] = breaking.filled
        outcome.done["loans"] = self.borrowing.lent
        outcome.done["patients"] = self.treating.treated
        outcome.done["helmets borrowed"] = self.scanning.borrowed
        outcome.done["helmets met"] = self.scanning.met
        outcome.done["half days"] = self.days.steps
        outcome.done["queries"] = self.answers.queries
        outcome.done["commands"] = len(self.answers.accepted)
        outcome.done["commands answered anew"] = sum(one.accepted.duplicate for one in self.answers.accepted)
        outcome.refused += Counter(one.code for one in self.answers.refused)

    async def _all_heard(self, listening: asyncio.Task[None]) -> None:
        """The witness has heard all, unless it met something that it must not."""
        heads = {one: (await self.js.stream_info(stream_name(one))).state.last_seq for one in PROGRAMMES}

        def heard() -> bool:
            return listening.done() or all(len(self.witness.heard[one]) >= heads[one] for one in PROGRAMMES)

        await until(heard, END_LIMIT)


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    """Its errors are raised at the end."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        await end(task)
    if not task.cancelled():
        task.result()


async def _checked(town: _Town, system: LinkedSystem, home: Path, outcome: Outcome, say: Say) -> None:
    connection = await asyncpg.connect(system.run.database_url)

    async def messages() -> list[str]:
        wrong, outcome.messages = await sent_once(connection, home)
        return wrong

    async def unnamed() -> list[str]:
        return checks.unnamed(home / "logs", town.people)

    async def come_to_the_end() -> bool:
        return not [*await checks.consumers(connection, town.js), *await checks.letters(connection)]

    every: dict[str, Callable[[], Awaitable[list[str]]]] = {
        "every acknowledged command is in the log once": lambda: checks.in_the_log_once(connection, town.answers),
        "positions are contiguous in the tables": lambda: checks.positions(connection),
        "consumers are at the end of what they follow": lambda: checks.consumers(connection, town.js),
        "nothing waits for an operator": lambda: checks.letters(connection),
        "what was published is what the log holds": lambda: checks.witnessed(connection, town.witness.heard),
        "the seal chains verify, and streams hold the logs": checks.sealed,
        "no timer fired twice, none is late": lambda: checks.fired_once(connection, town.days.now),
        "no message was sent twice": messages,
        "accounts and ledger are right to the fen": town.treating.wrong,
        "every helmet is there": town.scanning.wrong,
        "no log names anybody": unnamed,
        "read models filled anew say the same": lambda: checks.rebuilt(connection),
    }
    try:
        with suppress(TimeoutError):  # what is left is told by the checks
            await until(come_to_the_end, END_LIMIT)
        for what, check in every.items():
            wrong = await check()
            outcome.wrong += [f"{what}: {one}" for one in wrong]
            say(f"{'✗' if wrong else '✓'} {what}")
        for programme in PROGRAMMES:
            outcome.done[f"events of {programme}"] = await connection.fetchval(
                f"select count(*) from {programme}.events"
            )
    finally:
        await connection.close()


@asynccontextmanager
async def _operator(system: LinkedSystem) -> AsyncIterator[Connection]:
    async def passed_over(_error: Exception) -> None:
        """The broker is broken on purpose; the client goes on by itself."""

    connection = await nats.connect(
        system.run.nats_url, name="faults", max_reconnect_attempts=-1, reconnect_time_wait=0.5, error_cb=passed_over
    )
    try:
        yield connection
    finally:
        await connection.close()


def _single(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _single(one)
    else:
        yield error
