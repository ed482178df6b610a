"""The fortnight: 1,000 helmets at 50 enterprises, borrowed and returned on time, late, offline or not at all.

Each enterprise has four workers, the first one twelve. In a round everybody borrows; then worker

- 0 returns the next evening,
- 1 returns an hour before due, at the next enterprise's point,
- 2 is late: an hour, or at every fifth enterprise a day and more, so that the cadre is told,
- 3 returns at the due instant, on a device that is offline: the scan arrives later, and the overdue is withdrawn,
- and the others of the first enterprise are late like its worker 2.

In the first round three helmets of workers 2 are lost; later one is found again, one written off.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from deploy.local.demo.district import District, Works, all_of
from deploy.local.demo.people import Person
from deploy.local.demo.stage import Stage
from shared.schemas.lending import (
    BorrowItem,
    CareStep,
    Code,
    DeclareFound,
    DeclareLost,
    LaunchCampaign,
    RecordCare,
    ReturnItem,
    ShowTable,
    ShowTimerLag,
    TableAnswer,
    Tally,
    TimerLag,
    WriteOff,
    code_of,
)
from shared.schemas.messages import Role

__all__ = ["BATCH", "EACH", "Fortnight"]

BATCH: Final = "JBTK"
EACH: Final = 20
SECOND_ROUND: Final = 144
LAST_ROUND: Final = 312
END: Final = 336
"""Hours after the beginning, which is at eight in the morning."""
LOST_AT: Final = (3, 17, 41)
FOUND_AT, WRITTEN_OFF_AT = 17, 41


@dataclass(frozen=True, slots=True)
class Borrowing:
    works: Works
    worker: Person
    code: Code
    place: int
    """Of the worker among those of the enterprise."""

    @property
    def very_late(self) -> bool:
        return self.place >= 2 and (self.works.number % 5 == 0) and (self.place != 3 or self.works.number == 0)


@dataclass
class Fortnight:
    """`must` is what must have come of it: where each helmet is, and how many messages of each template were sent."""

    stage: Stage
    here: District
    begin: datetime
    move_clock: Callable[[datetime], Awaitable[None]]
    must: dict[Code, str] = field(default_factory=dict)
    messages: Counter[str] = field(default_factory=Counter)
    digesting: set[int] = field(default_factory=set)
    """Enterprises whose cadres are told of what is overdue, the next morning."""
    hours: float = 0

    @property
    def now(self) -> datetime:
        return self.begin + timedelta(hours=self.hours)

    async def play(self, say: Callable[[str], None]) -> TableAnswer:
        """Raises TimeoutError where the table does not come to what must be."""
        await self.launch()
        say("1,000 helmets at 50 enterprises")
        await self.round(0, {works.number: works for works in self.here.works if works.number in LOST_AT})
        say("first round: on time, late, offline, three lost")
        await self.to(120)
        await self.find_and_write_off()
        await self.round(SECOND_ROUND, {})
        say("second round: some are still not back")
        for morning in range(SECOND_ROUND + 97, LAST_ROUND, 24):
            await self.to(morning + 0.5)
        await self.to(LAST_ROUND)
        await self.borrow([self.borrowing(works, 0, 1) for works in self.here.works])
        await self.to(END - 22.5)
        await self.to(END)
        table = await self.table()
        say("a fortnight has passed")
        return table

    # The clock

    async def to(self, hours: float) -> None:
        """Later on, once every timer that has come due has fired."""
        digests = self.hours % 24 < 1 or int(self.hours / 24) < int(hours / 24)
        self.hours = hours
        await self.move_clock(self.now)

        async def fired() -> TimerLag | None:
            lag: TimerLag = await self.stage.ask("lending", self.here.officer.acting(Role.OFFICER), ShowTimerLag())
            return lag if lag.at >= self.now and not lag.late else None

        await self.stage.until(fired)
        if digests and hours % 24 >= 1:
            self.messages["overdue-digest"] += len(self.digesting)

    # What is done

    async def launch(self) -> None:
        points = tuple(works.point_id for works in self.here.works)
        campaign = LaunchCampaign(batch=BATCH, name="共享头盔首批", kind="helmet", each=EACH, point_ids=points)
        await self.stage.act("lending", self.here.officer.acting(Role.OFFICER), campaign)
        self.must = {code_of(BATCH, number): "on_hand" for number in range(1, EACH * len(points) + 1)}
        await self.table()

    def borrowing(self, works: Works, place: int, number: int) -> Borrowing:
        """The `number`th helmet of an enterprise."""
        return Borrowing(works, works.workers[place], code_of(BATCH, works.number * EACH + number), place)

    async def round(self, start: int, lost: dict[int, Works]) -> None:
        """Helmets from one end of the shelf in the first round, from the other in the second."""
        await self.to(start)
        every = [
            self.borrowing(works, place, place + 1 if start == 0 else EACH - place)
            for works in self.here.works
            for place in range(len(works.workers))
        ]
        await self.borrow(every)
        await self.to(start + 34)
        await self.give_back([one for one in every if one.place == 0])
        await self.to(start + 47)
        self.messages["return-reminder"] += sum(one.place > 0 for one in every)
        await self.give_back([one for one in every if one.place == 1], beside=True)
        late = [one for one in every if one.place >= 2]
        await self.to(start + 49)
        await self.comes(late, "overdue")
        self.messages["item-overdue"] += len(late)
        offline = [one for one in late if one.place == 3 and not one.very_late]
        await self.give_back(offline, scanned_at=self.begin + timedelta(hours=start + 48))
        self.messages["overdue-withdrawn"] += len(offline)
        gone = [one for one in late if one.place == 2 and one.works.number in lost]
        tardy = [one for one in late if one.very_late]
        await self.give_back([one for one in late if one not in offline and one not in gone and one not in tardy])
        await self.to(start + 72.5)
        self.digesting |= {one.works.number for one in (*gone, *tardy)}
        await self.to(start + 73.5)
        await self.lose(gone)
        kept = [one for one in tardy if start and one.works.number % 10 == 0]
        await self.give_back([one for one in tardy if one not in kept])
        self.digesting = {one.works.number for one in kept}
        uncared = [one for one in every if start and one.works.number % 10 == 5]
        await self.care([one for one in every if one not in (*gone, *kept, *uncared)])

    async def borrow(self, borrowings: Iterable[Borrowing]) -> None:
        at, every = self.now, list(borrowings)
        await all_of(
            self.stage.once_known(
                "lending",
                one.worker.acting(),
                BorrowItem(code=one.code, member_id=one.worker.member_id, scanned_at=at),
                "not_a_member",
            )
            for one in every
        )
        await self.comes(every, "out")

    async def give_back(
        self, borrowings: Iterable[Borrowing], scanned_at: datetime | None = None, beside: bool = False
    ) -> None:
        """At their own enterprise's point, or the one beside it."""
        every = list(borrowings)
        works = self.here.works
        await all_of(
            self.stage.act(
                "lending",
                one.worker.acting(),
                ReturnItem(
                    code=one.code,
                    point_id=works[(one.works.number + beside) % len(works)].point_id,
                    scanned_at=scanned_at or self.now,
                ),
            )
            for one in every
        )
        await self.comes(every, "in_care")

    async def care(self, borrowings: Iterable[Borrowing]) -> None:
        every = list(borrowings)

        async def both(one: Borrowing) -> None:
            for step in CareStep:
                await self.stage.act(
                    "lending", self.here.officer.acting(Role.OFFICER), RecordCare(code=one.code, step=step)
                )

        await all_of(both(one) for one in every)
        await self.comes(every, "on_hand")

    async def lose(self, borrowings: Iterable[Borrowing]) -> None:
        every = list(borrowings)
        for one in every:
            await self.stage.act("lending", one.works.chair.acting(Role.CADRE), DeclareLost(code=one.code))
        await self.comes(every, "lost")

    async def find_and_write_off(self) -> None:
        found, off = (self.borrowing(self.here.works[at], 2, 3) for at in (FOUND_AT, WRITTEN_OFF_AT))
        find = DeclareFound(code=found.code, point_id=found.works.point_id)
        await self.stage.act("lending", found.works.chair.acting(Role.CADRE), find)
        await self.care([found])
        write_off = WriteOff(code=off.code, note="遗失未找回")
        await self.stage.act("lending", self.here.officer.acting(Role.OFFICER), write_off)
        await self.comes([off], "written_off")

    # What must have come of it

    async def comes(self, borrowings: Iterable[Borrowing], column: str) -> None:
        self.must |= {one.code: column for one in borrowings}
        await self.table()

    async def table(self) -> TableAnswer:
        """The federation's table, once it shows what must be. Raises TimeoutError."""
        must = Tally(**Counter(self.must.values()))

        async def settled() -> TableAnswer | None:
            table: TableAnswer = await self.stage.ask(
                "lending", self.here.officer.acting(Role.OFFICER), ShowTable(kind="helmet")
            )
            return table if table.total == must else None

        table = await self.stage.until(settled)
        if not table.allocated == table.total.total == len(self.must):
            raise AssertionError(f"{table.allocated} allocated, {table.total.total} accounted for")
        for row in table.points:
            if row.tally.total != row.allocated + row.carried_in:
                raise AssertionError(f"{row.name}: {row.tally.total} of {row.allocated} and {row.carried_in}")
        return table
