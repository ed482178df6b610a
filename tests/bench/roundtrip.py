"""From a command sent over NATS to its event being readable in the view, and to a consumer having it.

The service runs as its own process, under the local system, on durable servers. First its peak is found: 32 callers,
each sending a command and then asking for the line as of that command's position. Then commands come at half that
rate, whether or not earlier ones are answered; a time is counted from when its command was due.
"""

import asyncio
import sys
import time
from contextlib import AsyncExitStack
from itertools import count
from statistics import median, quantiles
from typing import Final
from uuid import UUID

import nats
from nats.aio.msg import Msg

from deploy.local.home import Home
from deploy.local.system import LocalSystem, Programme
from shared.runtime.client import Client
from shared.runtime.envelope import Envelope
from shared.schemas.ids import new_id
from shared.schemas.messages import Actor
from tests.bench.harness import Pace, callers, folder, require
from tests.bench.line import ACTOR, FEDERATION, next_command
from tests.bench.line_service import PROGRAMME, ShowLine
from tests.bench.memory import AIM as MEMORY_AIM
from tests.bench.memory import resident
from tests.bench.report import Finding, rate
from tests.waiting import until

LINES: Final = 512
CALLERS: Final = 32
AIM: Final = 25.0
"""Milliseconds, of the slowest in a hundred."""

type Times = dict[str, list[float]]


async def measure(pace: Pace) -> list[Finding]:
    lines = Programme(PROGRAMME, (sys.executable, "-m", "tests.bench.line_service"))
    with folder() as home:
        async with LocalSystem(Home(home / "home"), programmes=[lines]) as system, AsyncExitStack() as stack:
            connection = await nats.connect(system.run.nats_url)
            stack.push_async_callback(connection.close)
            world = World(Client(connection))
            await connection.jetstream().subscribe(f"evt.*.{PROGRAMME}.>", cb=world.heard, ordered_consumer=True)
            await world.peak(pace.seconds)
            peak = median([await world.peak(pace.seconds) for _ in range(pace.rounds)])
            rounds = [await world.at_rate(peak / 2, pace.seconds) for _ in range(pace.rounds)]
            await world.check()
            held = resident(next(place.pid for place in system.run.places if place.name == PROGRAMME) or 0)
    found = [Finding("resident memory", "of the measured service, after its load", {}, held, " MB", MEMORY_AIM, "less")]
    for case in ("view", "consumer"):
        p50, p99 = (median(_percentile(times[case], n) for times in rounds) for n in (50, 99))
        figures = {"p50": f"{p50:.1f} ms", "at": rate(peak / 2), "peak": rate(peak)}
        found.insert(-1, Finding("command over NATS", f"p99 until its {case} has it", figures, p99, " ms", AIM, "less"))
    return found


def _percentile(times: list[float], n: int) -> float:
    return quantiles(times, n=100, method="inclusive")[n - 1] * 1000


class World:
    """Everybody outside of the service."""

    def __init__(self, client: Client) -> None:
        self._client, self._actor = client, Actor.parse(ACTOR)
        self._lines = [new_id() for _ in range(LINES)]
        self._turns = count()
        self._moved = dict.fromkeys(self._lines, 0)
        self._heard: dict[UUID, float] = {}
        self._sent = 0

    async def heard(self, message: Msg) -> None:
        assert message.headers is not None
        self._heard[UUID(message.headers["ce-causation"])] = time.perf_counter()

    async def peak(self, seconds: float) -> float:
        async def call(_caller: int, _turn: int) -> None:
            await self._command_and_query()

        return await callers(CALLERS, seconds, call)

    async def at_rate(self, rate: float, seconds: float) -> Times:
        """Seconds from when each command was due."""
        due: dict[UUID, float] = {}
        seen: dict[UUID, float] = {}

        async def one(at: float) -> None:
            command = await self._command_and_query()
            due[command], seen[command] = at, time.perf_counter()

        async with asyncio.TaskGroup() as tasks:
            began = time.perf_counter()
            for number in range(int(rate * seconds)):
                at = began + number / rate
                if (wait := at - time.perf_counter()) > 0:
                    await asyncio.sleep(wait)
                tasks.create_task(one(at))
        await until(lambda: due.keys() <= self._heard.keys())
        return {
            "view": [seen[command] - at for command, at in due.items()],
            "consumer": [self._heard[command] - at for command, at in due.items()],
        }

    async def _command_and_query(self) -> UUID:
        """Send a command, and read what it did in the view."""
        turn = next(self._turns)
        line = self._lines[turn % LINES]
        envelope = Envelope.fresh(self._actor, FEDERATION)
        accepted = await self._client.send(PROGRAMME, next_command(line, turn // LINES), envelope)
        self._sent += 1
        self._moved[line] += 1
        shown = await self._client.ask(PROGRAMME, ShowLine(line=line), envelope, after=accepted.position)
        require(shown is not None and shown.movements >= accepted.version, f"the view of {line} lags behind its answer")
        return envelope.id

    async def check(self) -> None:
        """Every command had its effect once, and was heard."""
        await until(lambda: len(self._heard) == self._sent)
        for line, moved in self._moved.items():
            shown = await self._client.ask(PROGRAMME, ShowLine(line=line), Envelope.fresh(self._actor, FEDERATION))
            movements = shown.movements if shown is not None else 0
            require(movements == moved, f"{line} moved {movements} times by {moved} commands")
