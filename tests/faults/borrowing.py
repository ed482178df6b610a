"""The craftsman loan at work: new members enter, borrow, draw and repay, one after the other."""

import asyncio
from dataclasses import replace
from itertools import count

from deploy.local.demo.cases import borrower, drawn, endorsed, opened
from deploy.local.demo.people import BANK, Person, cast
from deploy.local.demo.stage import enter, set_up
from shared.schemas.ids import HouseholdId, MemberId, new_id
from shared.schemas.loan import RecordRepayment, RepaymentForm
from tests.faults.recording import RecordingStage

__all__ = ["Borrowing"]

YUAN = 100
LIMIT, DRAW, REPAID = 50_000, 20_000, 5_000
"""In CNY."""


class Borrowing:
    def __init__(self, stage: RecordingStage) -> None:
        self._stage, self._cast, self._numbers = stage, cast(), count(100)
        self.people = list(self._cast.people)
        self.lent = 0

    async def open(self) -> None:
        await set_up(self._stage, self._cast)

    async def work_until(self, over: asyncio.Event) -> None:
        while not over.is_set():
            await self._borrow(self._somebody())
            self.lent += 1

    async def _borrow(self, person: Person) -> None:
        await enter(self._stage, self._cast, person)
        approved = await endorsed(self._stage, self._cast, person, LIMIT, borrower("renovation", LIMIT))
        line_id = await opened(self._stage, approved, approved.amount)
        line = await drawn(self._stage, person, line_id, DRAW, 12, RepaymentForm.EQUAL_INSTALMENTS)
        assert line.used == DRAW * YUAN, f"of a draw of {DRAW} {line.used} fen are used"
        await self._stage.act("loan", BANK, RecordRepayment(line_id=line_id, amount=REPAID * YUAN))

    def _somebody(self) -> Person:
        years, number = divmod(next(self._numbers), 1000)
        somebody = replace(
            self._cast.cable_worker,
            number=number,
            born=f"{1970 + years}0101",
            member_id=MemberId(new_id()),
            household_id=HouseholdId(new_id()),
        )
        self.people.append(somebody)
        return somebody
