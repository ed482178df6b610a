"""Claims a second, end to end: filed by the worker, assessed and approved at the desk, instructed, paid by the bank.

Callers each carry a claim from its filing to its approval; then all are paid in batches. Six commands a claim, one of
which mutual aid gives itself.
"""

import time
from itertools import batched, count
from statistics import median
from typing import Final

from deploy.local.simulation.days import HEAD
from deploy.local.simulation.entering import OFFICER
from deploy.local.simulation.wire import all_of
from services.aid.rules import shipped
from shared.schemas.aid import (
    ApproveClaim,
    AssessClaim,
    BatchId,
    Care,
    ClaimAnswer,
    ClaimId,
    ClaimStatus,
    DrawUpBatch,
    FileClaim,
    OperationsAnswer,
    PaymentId,
    RecordPaymentSent,
    ShowClaim,
    ShowOperations,
    payment_id,
)
from shared.schemas.ids import new_id
from shared.schemas.money import Fen
from shared.schemas.personal import Personal
from tests.bench.aid_county import PERIOD, STAY, County, covered_county
from tests.bench.harness import Pace, callers, require
from tests.bench.report import Finding, rate

__all__ = ["Desk", "measure"]

WORKERS: Final = 200
CALLERS: Final = 32
LIGHT: Final[Fen] = 600_00
A_FILE: Final = 2000
"""Payments in one batch, at most."""


async def measure(pace: Pace) -> list[Finding]:
    async with covered_county(WORKERS) as county:
        desk = Desk(county)
        await desk.claims(pace.seconds / 3)
        rates = [await desk.claims(pace.seconds) for _ in range(pace.rounds)]
        await desk.check()
    figures = {"callers": str(CALLERS), "claims": f"{len(desk.paid):,}", "fastest round": rate(max(rates))}
    return [Finding("mutual aid", "claims from filing to payment", figures, median(rates), "/s")]


class Desk:
    def __init__(self, county: County) -> None:
        self._county, self._numbers = county, count(1)
        self._documents = tuple(sorted(shipped().at("330783", PERIOD).required(Care.INPATIENT)))
        self._granted: list[ClaimId] = []
        self.paid: list[ClaimId] = []

    async def claims(self, seconds: float) -> float:
        """A second, of claims begun within so many seconds."""
        began = time.perf_counter()
        await callers(CALLERS, seconds, self._grant)
        granted, self._granted = self._granted, []
        for some in batched(granted, A_FILE):
            await self._pay(some)
        self.paid += granted
        return len(granted) / (time.perf_counter() - began)

    async def _grant(self, _caller: int, _turn: int) -> None:
        number, claim_id = next(self._numbers), ClaimId(new_id())
        worker = self._county.workers[number % WORKERS]
        filed = FileClaim(
            claim_id=claim_id,
            member_id=worker.member_id,
            care=Care.INPATIENT,
            admitted_on=STAY[0],
            discharged_on=STAY[1],
            bill=self._county.bill(LIGHT),
            diagnosis=Personal("肺炎"),
            hospital=Personal("义乌市中心医院"),
            documents=self._documents,
        )
        await self._county.wire.send("aid", worker.acting(), filed, str(number))
        await self._county.wire.send("aid", OFFICER, AssessClaim(claim_id=claim_id), str(number))
        await self._county.wire.send("aid", HEAD, ApproveClaim(claim_id=claim_id), str(number))
        self._granted.append(claim_id)

    async def _pay(self, claims: tuple[ClaimId, ...]) -> None:
        payments = tuple(payment_id(claim_id, 1) for claim_id in claims)

        async def instructed() -> bool | None:
            answer: OperationsAnswer = await self._county.wire.ask(HEAD, ShowOperations())
            return True if {*payments} <= {waiting.payment_id for waiting in answer.to_batch} else None

        await self._county.wire.until(instructed)
        batch = BatchId(new_id())
        await self._county.wire.send("aid", HEAD, DrawUpBatch(batch_id=batch, payments=payments), str(batch))
        await all_of(self._sent(payment) for payment in payments)

    async def _sent(self, payment: PaymentId) -> None:
        sent = RecordPaymentSent(payment_id=payment, reference=f"HD{payment}")
        await self._county.wire.send("aid", OFFICER, sent, str(payment))

    async def check(self) -> None:
        every = await all_of(self._claim(claim_id) for claim_id in self.paid)
        unpaid = sum(claim.status is not ClaimStatus.SETTLED or claim.paid != claim.granted for claim in every)
        require(unpaid == 0, f"{unpaid} of {len(every)} claims are not paid")

    async def _claim(self, claim_id: ClaimId) -> ClaimAnswer:
        answer: ClaimAnswer = await self._county.wire.ask(OFFICER, ShowClaim(claim_id=claim_id), self._county.wire.seen)
        return answer
