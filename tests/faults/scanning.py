"""Shared helmets at work: workers of two enterprises take them and bring them back, in time, late and very late."""

import asyncio
from random import Random

from deploy.local.demo.district import Works, district, enter_district
from deploy.local.demo.people import Person
from shared.schemas.lending import (
    BorrowItem,
    CareStep,
    Code,
    LaunchCampaign,
    RecordCare,
    ReturnItem,
    ShowTable,
    TableAnswer,
    Tally,
    code_of,
)
from shared.schemas.messages import Refused, Role
from tests.faults.days import Days
from tests.faults.recording import RecordingStage

__all__ = ["Scanning"]

BATCH = "GZTK"
EACH = 2
WORKERS = 3
"""At an enterprise: one more than it has helmets, so that they come in each other's way."""
TAKEN = frozenset({"item_out", "not_ready", "scan_out_of_order"})
"""The last where the scan was long on its way, and somebody else has borrowed and returned meanwhile."""
LONGEST = 9
"""Half days for which a helmet is kept, at most: it is due after four, and told to the cadres after six."""


class Scanning:
    def __init__(self, stage: RecordingStage, days: Days, chance: Random) -> None:
        self._stage, self._days, self._chance = stage, days, chance
        self._here = district([WORKERS, WORKERS])
        self.people = [one for works in self._here.works for one in (works.chair, *works.workers)]
        self._officer = self._here.officer.acting(Role.OFFICER)
        self.borrowed = self.met = 0
        """`met`: how often somebody else had the helmet."""

    async def open(self) -> None:
        await enter_district(self._stage, self._here)
        points = tuple(works.point_id for works in self._here.works)
        campaign = LaunchCampaign(batch=BATCH, name="共享头盔", kind="helmet", each=EACH, point_ids=points)
        await self._stage.act("lending", self._officer, campaign)
        await self._stage.until(self._all_there)

    async def work_until(self, over: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            for works in self._here.works:
                for worker in works.workers:
                    group.create_task(self._scan_until(over, works, worker))

    async def _scan_until(self, over: asyncio.Event, works: Works, worker: Person) -> None:
        while not over.is_set():
            code = code_of(BATCH, works.number * EACH + self._chance.randint(1, EACH))
            if await self._takes(worker, code):
                await self._keep(over)
                await self._brings_back(works, worker, code)
            else:
                await asyncio.sleep(0.3)

    async def _takes(self, worker: Person, code: Code) -> bool:
        borrow = BorrowItem(code=code, member_id=worker.member_id, scanned_at=self._days.now)
        try:
            await self._stage.once_known("lending", worker.acting(), borrow, "not_a_member")
        except Refused as refused:
            if refused.refusal.code not in TAKEN:
                raise
            self.met += 1
            return False
        self.borrowed += 1
        return True

    async def _keep(self, over: asyncio.Event) -> None:
        """For some half days, or until all is over."""
        waits = [
            asyncio.create_task(self._days.passed(self._chance.randint(0, LONGEST))),
            asyncio.create_task(over.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _brings_back(self, works: Works, worker: Person, code: Code) -> None:
        bring = ReturnItem(code=code, point_id=works.point_id, scanned_at=self._days.now)
        await self._stage.act("lending", worker.acting(), bring)
        for step in CareStep:
            await self._stage.act("lending", self._officer, RecordCare(code=code, step=step))

    async def _all_there(self) -> TableAnswer | None:
        table: TableAnswer = await self._stage.ask("lending", self._officer, ShowTable(kind="helmet"))
        return table if table.total == Tally(on_hand=EACH * len(self._here.works)) else None

    async def wrong(self) -> list[str]:
        """Every helmet has come back."""
        try:
            await self._stage.until(self._all_there)
        except TimeoutError:
            table: TableAnswer = await self._stage.ask("lending", self._officer, ShowTable(kind="helmet"))
            return [f"{EACH * len(self._here.works)} helmets are on hand, not {table.total}"]
        return []
