"""Borrow and return scans a second: registry and lending as their own processes on durable servers, over NATS.

Each caller has an umbrella of their own, borrows it and gives it back, over and over: two commands of two streams each.
"""

from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final

import nats

from deploy.local.demo.district import JIANGBEI, District, district, enter_district
from deploy.local.demo.stage import Stage
from deploy.local.home import Home
from deploy.local.system import LocalSystem, Programme
from shared.eventsourcing.decider import SHANGHAI
from shared.runtime.client import Client
from shared.schemas.lending import BorrowItem, LaunchCampaign, ReturnItem, ShowTable, ShowUsage, code_of
from shared.schemas.messages import Role
from tests.bench.harness import Pace, callers, folder, require
from tests.bench.report import Finding, rate

__all__ = ["measure"]

CALLERS: Final = 32
BATCH: Final = "UM"
AIM: Final = 170.0
"""Ten thousand scans in a minute: the shift change of a whole county."""


async def measure(pace: Pace) -> list[Finding]:
    programmes = [Programme.of("registry"), Programme.of("lending")]
    with folder() as home:
        async with LocalSystem(Home(home / "home"), programmes=programmes) as system, AsyncExitStack() as stack:
            connection = await nats.connect(system.run.nats_url)
            stack.push_async_callback(connection.close)
            shift = Shift(Stage(Client(connection), _stay, JIANGBEI), district([CALLERS]))
            await shift.gather()
            await shift.scans(pace.seconds)
            rates = [await shift.scans(pace.seconds) for _ in range(pace.rounds)]
            await shift.check()
    figures = {"callers": str(CALLERS), "fastest round": rate(max(rates))}
    return [Finding("lending", "borrow and return scans over NATS", figures, median(rates), "/s", AIM)]


async def _stay(_span: timedelta) -> None:
    raise AssertionError("no time passes")


class Shift:
    """The workers of one enterprise."""

    def __init__(self, stage: Stage, here: District) -> None:
        self._stage, self._here = stage, here
        self._works = here.works[0]
        self._pairs = 0

    async def gather(self) -> None:
        """Everybody is known, and there is an umbrella for each."""
        officer = self._here.officer.acting(Role.OFFICER)
        await enter_district(self._stage, self._here)
        launch = LaunchCampaign(
            batch=BATCH, name="雨伞", kind="umbrella", each=CALLERS, point_ids=(self._works.point_id,)
        )
        await self._stage.act("lending", officer, launch)

        async def placed() -> Any:
            table = await self._stage.ask("lending", officer, ShowTable(kind="umbrella"))
            return table if table.total.on_hand == CALLERS else None

        await self._stage.until(placed)
        await callers(CALLERS, 0.01, self._borrow_and_return)

    async def scans(self, seconds: float) -> float:
        """A second."""
        return 2 * await callers(CALLERS, seconds, self._borrow_and_return)

    async def _borrow_and_return(self, caller: int, _turn: int) -> None:
        worker, code = self._works.workers[caller], code_of(BATCH, caller + 1)
        borrow = BorrowItem(code=code, member_id=worker.member_id)
        await self._stage.once_known("lending", worker.acting(), borrow, "not_a_member")
        await self._stage.act("lending", worker.acting(), ReturnItem(code=code, point_id=self._works.point_id))
        self._pairs += 1

    async def check(self) -> None:
        officer, today = self._here.officer.acting(Role.OFFICER), datetime.now(SHANGHAI).date()
        usage = ShowUsage(kind="umbrella", since=today - timedelta(days=1), until=today)

        async def counted() -> Any:
            days = await self._stage.ask("lending", officer, usage)
            return days if sum(day.returned for day in days) >= self._pairs else None

        days = await self._stage.until(counted)
        borrowed, returned = sum(day.borrowed for day in days), sum(day.returned for day in days)
        require(borrowed == returned == self._pairs, f"{self._pairs} pairs, {borrowed} borrowed, {returned} returned")
