"""Mutual aid at work: patients are settled at the hospital and claim at the desk, are paid, and some are undone."""

import asyncio
from collections import Counter
from datetime import date
from random import Random

from nats.js import JetStreamContext

from deploy.local.demo.aid_cover import cover
from deploy.local.demo.aid_desk import PERIOD, Desk, bill
from deploy.local.demo.dongyang import CLERK, HOSPITAL, county, enter_county
from deploy.local.demo.people import Person
from shared.schemas.aid import (
    CancelSettlement,
    ClaimId,
    ClaimStatus,
    CoverAnswer,
    FundAnswer,
    LedgerAccount,
    RecoverOverpayment,
    ReturnGround,
    SettlementNumber,
    ShowCover,
    ShowFund,
)
from shared.schemas.ids import MemberId
from shared.schemas.messages import Refused
from tests.faults.recording import RecordingStage

__all__ = ["Treating"]

ENROLLED = date(2018, 6, 12)
STAY = date(2019, 6, 3), date(2019, 6, 11)
SELF_PAID, BENEFIT = "510.00", 4_00
QUOTE_LAPSED = "quote_lapsed"


class Treating:
    def __init__(self, stage: RecordingStage, js: JetStreamContext, chance: Random) -> None:
        self._stage, self._chance = stage, chance
        self._here = county()
        self.people = self._here.people
        self._desk = Desk(stage, js)
        self._granted: Counter[MemberId] = Counter()
        self.treated = 0

    async def open(self) -> None:
        """Everybody is covered for the year in which they fall ill. It moves the clock."""
        await self._desk.on(ENROLLED)
        await enter_county(self._stage, self._here)
        await cover(self._desk, self._here, PERIOD)
        await self._desk.told()

    async def settle_until(self, over: asyncio.Event) -> None:
        """At the hospital; one in four is cancelled after the fund has paid, and the hospital gives the money back."""
        number = 0
        while not over.is_set():
            person, of = self._patient(), f"JS{(number := number + 1):06d}"
            claim_id = await self._settle(person, of)
            await self._pay(claim_id)
            if self._chance.random() < 0.25:
                await self._desk.act(HOSPITAL, CancelSettlement(hospital=HOSPITAL.id, settlement_number=of))
                owed = (await self._desk.claim(claim_id)).owed_back
                assert owed == BENEFIT, f"the hospital owes {owed} fen of {BENEFIT}"
                await self._desk.act(CLERK, RecoverOverpayment(claim_id=claim_id, amount=owed, reference=f"退款{of}"))
            else:
                self._granted[person.member_id] += BENEFIT
            self.treated += 1

    async def claim_until(self, over: asyncio.Event) -> None:
        """At the desk; one payment in four comes back from the bank, and is made again."""
        while not over.is_set():
            person = self._patient()
            claim_id = await self._desk.file(person.acting(), person, STAY, bill(SELF_PAID), "肺炎")
            await self._desk.decide(claim_id)
            if self._chance.random() < 0.25:
                await self._desk.come_back(claim_id, ReturnGround.TECHNICAL)
                await self._pay(claim_id, 2)
            else:
                await self._pay(claim_id)
            self._granted[person.member_id] += BENEFIT
            self.treated += 1

    async def wrong(self) -> list[str]:
        """Accounts of patients and the pool's ledger, against what was done, to the fen."""
        wrong: list[str] = []
        for person in self.people:
            show, must = ShowCover(member_id=person.member_id, period=PERIOD), self._granted[person.member_id]
            cover: CoverAnswer = await self._desk.ask(person.acting(), show)
            if (cover.settled, cover.reserved) != (must, 0):
                wrong.append(f"{person.name} was granted {must} fen, not {cover.settled}; {cover.reserved} are held")
        fund: FundAnswer = await self._desk.ask(CLERK, ShowFund(period=PERIOD))
        if sum(fund.balances.values()):
            wrong.append(f"the ledger is out by {sum(fund.balances.values())} fen: {fund.balances}")
        granted = self._granted.total()
        must_be = {LedgerAccount.BENEFITS: granted, LedgerAccount.PAYABLE: 0, LedgerAccount.RECEIVABLE: 0}
        for account, must in must_be.items():
            if (balance := fund.balances.get(account, 0)) != must:
                wrong.append(f"the ledger has {balance} fen of {account}, not {must}")
        return wrong

    def _patient(self) -> Person:
        return self._chance.choice(self.people)

    async def _settle(self, person: Person, number: SettlementNumber) -> ClaimId:
        """Half a day may pass between quote and confirmation: a quote that has lapsed is asked for again."""
        while True:
            try:
                return await self._desk.settle(person, STAY, bill(SELF_PAID), number)
            except Refused as refused:
                if refused.refusal.code != QUOTE_LAPSED:
                    raise

    async def _pay(self, claim_id: ClaimId, number: int = 1) -> None:
        paid = await self._desk.pay(claim_id, number)
        came = (paid.status, paid.granted, paid.paid)
        assert came == (ClaimStatus.SETTLED, BENEFIT, BENEFIT), f"claim {claim_id} is {came}"
