"""A small county whose workers are covered, for what is measured of mutual aid.

Registry and mutual aid run as their own processes on durable servers, and are called over NATS.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time
from random import Random
from typing import Final

import nats

from deploy.local.home import Home
from deploy.local.simulation.entering import OFFICER, enrol, enter, found
from deploy.local.simulation.figures import DONGYANG_2019H1, Figures
from deploy.local.simulation.people import Enterprise, Worker, enterprises
from deploy.local.simulation.plan import Plan
from deploy.local.simulation.wire import Wire
from deploy.local.system import LocalSystem, Programme
from services.aid.rules import shipped
from shared.eventsourcing.decider import SHANGHAI
from shared.runtime.client import Client
from shared.runtime.clock import set_offset
from shared.runtime.settings import ClockKind
from shared.schemas.aid import Bill, FundAnswer, ShowFund
from shared.schemas.ids import new_id
from shared.schemas.money import Fen
from tests.bench.harness import folder

__all__ = ["PERIOD", "STAY", "County", "covered_county"]

PERIOD: Final = DONGYANG_2019H1.period
STAY: Final = (date(2019, 1, 2), date(2019, 1, 8))
DISCHARGED: Final = date(2019, 1, 10)
COVERED: Final = date(2018, 6, 12)


class County:
    """Everybody is covered, and it is the winter after."""

    def __init__(self, wire: Wire, here: tuple[Enterprise, ...]) -> None:
        self.wire, self.enterprises = wire, here
        self.workers: list[Worker] = [worker for enterprise in here for worker in enterprise.workers]
        self._invoices = 0

    def bill(self, self_paid: Fen) -> Bill:
        self._invoices += 1
        invoice = f"3307{self._invoices:012d}"
        return Bill(invoices=(invoice,), total=3 * self_paid, insurance_paid=2 * self_paid)


@asynccontextmanager
async def covered_county(workers: int) -> AsyncIterator[County]:
    programmes = [Programme.of("registry"), Programme.of("aid")]
    with folder() as home:
        async with (
            LocalSystem(Home(home / "home"), programmes=programmes, clock=ClockKind.SETTABLE) as system,
            AsyncExitStack() as stack,
        ):
            connection = await nats.connect(system.run.nats_url)
            stack.push_async_callback(connection.close)
            plan = _plan(workers)
            wire = Wire(Client(connection, timeout=30, patience=60), plan.figures.federation, new_id())

            async def on(day: date) -> None:
                instant = datetime.combine(day, time(9, 0, tzinfo=SHANGHAI))
                await set_offset(connection.jetstream(), instant - datetime.now(UTC))

                async def it_is() -> bool | None:
                    fund: FundAnswer = await wire.ask(OFFICER, ShowFund(period=PERIOD))
                    return True if fund.on == day else None

                await wire.until(it_is)

            await on(COVERED)
            await found(wire, plan, lambda: None)
            await enter(wire, plan, lambda: None)
            await enrol(wire, plan, COVERED, lambda: None)
            await on(DISCHARGED)
            yield County(wire, plan.enterprises)


def _plan(workers: int) -> Plan:
    """One enterprise that pays at once, and nobody is ill yet."""
    figures: Figures = replace(DONGYANG_2019H1, employers=1, insured=workers, claims=0, paid=0)
    scheme, root = shipped().at(figures.federation, PERIOD), new_id()
    (works,) = enterprises(figures, scheme.fee, scheme.employer_part, root, Random(1))
    paid = replace(works, enrolled_on=COVERED, employer_paid_on=COVERED, worker_paid_on=COVERED)
    return Plan(figures, root, (paid,), (), scheme.fee, {})
