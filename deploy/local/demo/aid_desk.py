"""What the cases of mutual aid are made of: bills, claims through the desk, settlements at the hospital, payments."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any, Final

from nats.js import JetStreamContext

from deploy.local.demo.dongyang import CLERK, HEAD, HOSPITAL, REVIEWER
from deploy.local.demo.messages import quiet
from deploy.local.demo.people import Person
from deploy.local.demo.stage import Stage
from shared.eventsourcing.decider import SHANGHAI
from shared.eventsourcing.wire import stream_name
from shared.runtime.clock import set_offset
from shared.schemas.aid import (
    ApproveClaim,
    AssessClaim,
    BatchId,
    Bill,
    Care,
    ClaimAnswer,
    ClaimId,
    ConfirmSettlement,
    CoverAnswer,
    Document,
    DrawUpBatch,
    FileClaim,
    FundAnswer,
    OperationsAnswer,
    PaymentId,
    QuoteSettlement,
    RecordPaymentReturned,
    RecordPaymentSent,
    ReturnGround,
    ReviewClaim,
    SettlementAnswer,
    SettlementNumber,
    ShowClaim,
    ShowCover,
    ShowFund,
    ShowOperations,
    ShowSettlement,
    payment_id,
    settlement_claim,
)
from shared.schemas.ids import new_id
from shared.schemas.messages import Accepted, Actor, Command, Query
from shared.schemas.money import Fen, fen
from shared.schemas.notify import DeliveryBoard
from shared.schemas.personal import Personal

__all__ = ["ALL", "PERIOD", "Desk", "bill", "file_claim"]

MORNING: Final = time(9, 0, tzinfo=SHANGHAI)
TOLD_LIMIT: Final = 120.0
"""Seconds until everybody is told."""
PERIOD: Final = date(2018, 7, 1)
"""That most cases lie in."""

ALL: Final = (Document.INVOICE, Document.SETTLEMENT_SHEET, Document.DISCHARGE_SUMMARY, Document.IDENTITY)
"""What a claim for a stay in hospital rests on."""
_numbers = count(1)


def bill(self_paid: str, *invoices: str) -> Bill:
    """Of which social insurance has paid two thirds."""
    left = fen(self_paid)
    return Bill(
        invoices=invoices or (f"3307{next(_numbers):012d}",), total=3 * left, insurance_paid=2 * left, other_paid=0
    )


class Desk:
    """Whoever deals with claims, on a stage, on a day."""

    def __init__(self, stage: Stage, js: JetStreamContext) -> None:
        self.stage, self._js = stage, js
        self.today = date.min
        self._seen = 0
        """The last position of mutual aid's log that was written to here: answers are not older."""

    async def act(self, actor: Actor, command: Command, *not_yet: str) -> Accepted:
        """`not_yet` are refusals until mutual aid has heard what the command rests on. Raises Refused."""
        accepted = await self.stage.once_known("aid", actor, command, *not_yet)
        self._seen = max(self._seen, accepted.position)
        return accepted

    async def ask(self, actor: Actor, query: Query[Any]) -> Any:
        return await self.stage.ask("aid", actor, query, self._seen)

    # The clock

    async def on(self, day: date) -> None:
        """Nine in the morning of a day in China, as soon as mutual aid has it. First everybody is told all so far: a
        message that is months old is not sent any more."""
        await self.told()
        self.today = day
        await set_offset(self._js, datetime.combine(day, MORNING) - datetime.now(UTC))

        async def it_is() -> bool | None:
            fund: FundAnswer = await self.ask(CLERK, ShowFund(period=PERIOD))
            return True if fund.on == day else None

        await self.stage.until(it_is)

    async def told(self) -> DeliveryBoard:
        """Once all that was done here has been published, and told to whom it concerns. Raises TimeoutError."""

        async def published() -> bool | None:
            stream = await self._js.stream_info(stream_name("aid"))
            return True if stream.state.last_seq >= self._seen else None

        await self.stage.until(published)
        return await quiet(self.stage, self._js, TOLD_LIMIT)

    async def later(self, days: int) -> None:
        await self.on(self.today + timedelta(days=days))

    # Claims

    async def file(
        self,
        actor: Actor,
        person: Person,
        stay: tuple[date, date],
        of: Bill,
        diagnosis: str,
        documents: Sequence[Document] = ALL,
        *not_yet: str,
    ) -> ClaimId:
        """For a stay in a hospital that does not settle by itself."""
        filed = file_claim(person, stay, of, diagnosis, documents)
        await self.act(actor, filed, *not_yet)
        return filed.claim_id

    async def decide(self, claim_id: ClaimId) -> None:
        """Assess, review and approve: as three people, whatever the amount."""
        await self.act(CLERK, AssessClaim(claim_id=claim_id))
        await self.act(REVIEWER, ReviewClaim(claim_id=claim_id))
        await self.act(HEAD, ApproveClaim(claim_id=claim_id))

    async def claim(self, claim_id: ClaimId) -> ClaimAnswer:
        answer: ClaimAnswer = await self.ask(CLERK, ShowClaim(claim_id=claim_id))
        return answer

    async def left(self, person: Person, period: date) -> Fen:
        """Of the ceiling."""
        cover = ShowCover(member_id=person.member_id, period=period)
        answer: CoverAnswer = await self.ask(person.acting(), cover)
        return answer.left

    # At the hospital

    async def settle(self, person: Person, stay: tuple[date, date], of: Bill, number: SettlementNumber) -> ClaimId:
        """Quote and confirm."""
        quote = QuoteSettlement(
            hospital=HOSPITAL.id,
            settlement_number=number,
            member_id=person.member_id,
            care=Care.INPATIENT,
            admitted_on=stay[0],
            discharged_on=stay[1],
            bill=of,
            diagnosis=Personal("急性阑尾炎"),
            authorisation=f"授权书-{number}",
        )
        await self.act(HOSPITAL, quote)
        await self.act(HOSPITAL, ConfirmSettlement(hospital=HOSPITAL.id, settlement_number=number))
        return settlement_claim(HOSPITAL.id, number)

    async def settlement(self, number: SettlementNumber) -> SettlementAnswer:
        """As the hospital is told."""
        show = ShowSettlement(hospital=HOSPITAL.id, settlement_number=number)
        answer: SettlementAnswer = await self.ask(HOSPITAL, show)
        return answer

    # At the bank

    async def instructed(self, claim_id: ClaimId, number: int = 1) -> PaymentId:
        """The claim's instruction, as soon as it waits for a batch."""
        payment = payment_id(claim_id, number)

        async def waits() -> bool | None:
            answer: OperationsAnswer = await self.ask(HEAD, ShowOperations())
            return True if payment in {waiting.payment_id for waiting in answer.to_batch} else None

        await self.stage.until(waits)
        return payment

    async def to_the_bank(self, claim_id: ClaimId, number: int = 1) -> PaymentId:
        """In a batch of its own."""
        payment = await self.instructed(claim_id, number)
        await self.act(HEAD, DrawUpBatch(batch_id=BatchId(new_id()), payments=(payment,)))
        return payment

    async def pay(self, claim_id: ClaimId, number: int = 1) -> ClaimAnswer:
        """What the bank is sent, it pays."""
        payment = await self.to_the_bank(claim_id, number)
        sent = RecordPaymentSent(payment_id=payment, reference=f"HD{next(_numbers):08d}")
        await self.act(CLERK, sent)
        return await self.claim(claim_id)

    async def come_back(self, claim_id: ClaimId, ground: ReturnGround) -> None:
        """The bank is sent the payment, and could not make it."""
        payment = await self.to_the_bank(claim_id)
        await self.act(CLERK, RecordPaymentReturned(payment_id=payment, ground=ground))


def file_claim(
    person: Person, stay: tuple[date, date], of: Bill, diagnosis: str, documents: Sequence[Document] = ALL
) -> FileClaim:
    return FileClaim(
        claim_id=ClaimId(new_id()),
        member_id=person.member_id,
        care=Care.INPATIENT,
        admitted_on=stay[0],
        discharged_on=stay[1],
        bill=of,
        diagnosis=Personal(diagnosis),
        hospital=Personal("浙江大学医学院附属第一医院"),
        documents=tuple(documents),
    )
