"""From an empty system to the fund's statement: the clock, the county, its cover, the days, and how fast all went."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from typing import Final

from nats.aio.client import Client as Connection

from deploy.local.simulation.days import HalfYear
from deploy.local.simulation.entering import OFFICER, enrol, enter, found
from deploy.local.simulation.figures import Figures
from deploy.local.simulation.plan import Plan, drawn
from deploy.local.simulation.statement import Statement, stated
from deploy.local.simulation.wire import Wire
from services.aid.rules import shipped
from shared.eventsourcing.decider import SHANGHAI
from shared.runtime.client import Client
from shared.runtime.clock import set_offset
from shared.schemas.aid import FundAnswer, ShowFund

__all__ = ["Played", "Report", "play"]

MORNING: Final = time_of_day(9, 0, tzinfo=SHANGHAI)
PATIENCE: Final = 120.0

type Report = Callable[[str, int], Callable[[], None]]
"""Of a stretch of the play, with how many steps it has: what is to be told of each of them."""


@dataclass(frozen=True, slots=True)
class Played:
    plan: Plan
    statement: Statement
    commands: int
    entering: float
    """Seconds until everybody was in the registry, enrolled and covered."""
    days: float
    """Seconds of the half-year's days."""

    @property
    def claims_a_second(self) -> float:
        """Of all claims, from a bill to its payment, those that come to nothing too."""
        return len(self.plan.cases) / self.days

    @property
    def summary(self) -> str:
        return (
            f"plan {self.plan.digest}: {self.commands:,} commands; the county entered and covered in"
            f" {self.entering:.0f} s, {len(self.plan.cases):,} claims in {self.days:.0f} s,"
            f" {self.claims_a_second:.0f} a second from bill to payment"
        )


async def play(connection: Connection, figures: Figures, seed: int, report: Report) -> Played:
    """On a system that has nothing yet and whose clock is settable. Raises Refused, NoAnswer, TimeoutError."""
    rulebook = shipped()
    plan = drawn(figures, seed, rulebook)
    js = connection.jetstream()
    wire = Wire(Client(connection, timeout=30, patience=PATIENCE), figures.federation, plan.root)

    async def morning(day: date) -> None:
        """Of this day, as mutual aid has it."""
        await set_offset(js, datetime.combine(day, MORNING) - datetime.now(UTC))

        async def it_is() -> bool | None:
            fund: FundAnswer = await wire.ask(OFFICER, ShowFund(period=figures.period))
            return True if fund.on == day else None

        await wire.until(it_is)

    began = time.monotonic()
    paid_up = sorted({day for one in plan.enterprises for day in (one.enrolled_on, one.worker_paid_on)})
    await morning(paid_up[0])
    await found(wire, plan, report("enterprises and their unions", figures.employers))
    await enter(wire, plan, report("workers in the registry", figures.insured))
    covering = report("rosters in, premiums paid", 2 * figures.employers)
    for day in paid_up:
        await morning(day)
        await enrol(wire, plan, day, covering)
    entered = time.monotonic()
    half_year = HalfYear(wire, plan, rulebook, report("claims", len(plan.cases)))
    for day in plan.days:
        if half_year.has_work(day):
            await morning(day)
            await half_year.day(day)
    await morning(figures.last)
    ended = time.monotonic()
    statement = await stated(wire, plan, report("claims checked", len(plan.cases)))
    return Played(plan, statement, wire.sent, entered - began, ended - entered)
