"""A claim for the benefit of one stay: filed or quoted to a hospital, assessed, granted, paid, reopened, reversed."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import Enum
from typing import Final

from services.aid.domain.account import Holder
from services.aid.domain.pool import Share
from shared.eventsourcing.decider import Aggregate
from shared.schemas.aid import (
    Assessment,
    Bill,
    Care,
    Channel,
    ClaimApproved,
    ClaimAssessed,
    ClaimEvent,
    ClaimFiled,
    ClaimId,
    ClaimRejected,
    ClaimReopened,
    ClaimReversed,
    ClaimReviewed,
    ClaimSettled,
    ClaimUpheld,
    ClaimWithdrawn,
    Document,
    DocumentMissingNoted,
    DocumentSupplied,
    HospitalCode,
    HospitalSettlementCancelled,
    HospitalSettlementConfirmed,
    HospitalSettlementLapsed,
    HospitalSettlementQuoted,
    InvoiceNumber,
    OverpaymentRecorded,
    OverpaymentRecovered,
    Payee,
    PayeeDied,
    PaymentId,
    PayoutFailed,
    PayoutOrdered,
    PeriodStart,
    SettlementNumber,
    SuccessorNamed,
)
from shared.schemas.ids import MemberId
from shared.schemas.messages import Federation
from shared.schemas.money import Fen

__all__ = ["CLAIM", "Claim", "Stage", "evolve"]


class Stage(Enum):
    """Where a claim stands; the value is for people."""

    FILED = "待初审"
    ASSESSED = "已初审"
    REVIEWED = "已复核"
    QUOTED = "待医院确认"
    APPROVED = "已审批"
    REJECTED = "未通过"
    WITHDRAWN = "已撤回"
    LAPSED = "报价已失效"
    REVERSED = "已冲正"

    @property
    def under_way(self) -> bool:
        """At the desk."""
        return self in {Stage.FILED, Stage.ASSESSED, Stage.REVIEWED}


@dataclass(frozen=True, slots=True)
class Claim:
    claim_id: ClaimId
    member_id: MemberId
    channel: Channel
    filed_by: str
    county: Federation
    pool: Federation
    scheme: str
    period: PeriodStart
    care: Care
    admitted_on: date
    discharged_on: date
    filed_bill: Bill
    """As it was filed or quoted."""
    bill: Bill
    """That it is assessed by now."""
    invoices: tuple[InvoiceNumber, ...]
    """All that it ever named."""
    hospital: HospitalCode | None
    settlement_number: SettlementNumber | None
    stage: Stage = Stage.FILED
    missing: tuple[Document, ...] = ()
    act_by: datetime | None = None
    """When missing documents, or the hospital's answer, fall due."""
    assessment: Assessment | None = None
    assessed_by: str | None = None
    confirmed_on: date | None = None
    granted: Fen = 0
    granted_bill: Bill | None = None
    reduced_by_ceiling: bool = False
    """What is granted is less than the table gives, for want of room."""
    reopened: bool = False
    paid: Fen = 0
    """Of what is granted."""
    owed_back: Fen = 0
    paid_to: Payee | None = None
    live: PaymentId | None = None
    """The one instruction that waits or is at the bank."""
    live_amount: Fen = 0
    instructions: int = 0
    payee_died: bool = False
    successor_at: datetime | None = None

    @property
    def holder(self) -> Holder:
        return Holder(self.member_id, self.period, self.claim_id)

    @property
    def share(self) -> Share:
        return Share(self.pool, self.county, self.period)

    @property
    def due(self) -> Fen:
        """Granted, and neither paid nor on its way."""
        return max(0, self.granted - self.paid - self.live_amount)


def evolve(state: Claim | None, event: ClaimEvent) -> Claim | None:
    match event:
        case ClaimFiled():
            return _filed(event)
        case _ if state is None:
            return None
        case (
            PayoutOrdered()
            | PayoutFailed()
            | ClaimSettled()
            | OverpaymentRecorded()
            | OverpaymentRecovered()
            | PayeeDied()
            | SuccessorNamed()
        ):
            return _paid(state, event)
        case (
            HospitalSettlementQuoted()
            | HospitalSettlementConfirmed()
            | HospitalSettlementCancelled()
            | HospitalSettlementLapsed()
        ):
            return _at_the_hospital(state, event)
        case _:
            return _at_the_desk(state, event)


def _filed(event: ClaimFiled) -> Claim:
    return Claim(
        event.claim_id,
        event.member_id,
        event.channel,
        event.filed_by,
        event.county,
        event.pool,
        event.scheme,
        event.period,
        event.care,
        event.admitted_on,
        event.discharged_on,
        filed_bill=event.bill,
        bill=event.bill,
        invoices=event.bill.invoices,
        hospital=event.hospital_code,
        settlement_number=event.settlement_number,
    )


def _at_the_desk(state: Claim, event: ClaimEvent) -> Claim:
    match event:
        case DocumentMissingNoted(documents=documents, supply_by=supply_by):
            return replace(state, missing=documents, act_by=supply_by)
        case DocumentSupplied(missing=missing):
            return replace(state, missing=missing, act_by=state.act_by if missing else None)
        case ClaimAssessed(assessment=assessment, by=by):
            return replace(state, stage=Stage.ASSESSED, assessment=assessment, assessed_by=by)
        case ClaimReviewed():
            return replace(state, stage=Stage.REVIEWED)
        case ClaimApproved(amount=amount):
            by_ceiling = state.assessment is not None and state.assessment.benefit > amount
            return replace(
                state,
                stage=Stage.APPROVED,
                granted=amount,
                granted_bill=state.bill,
                reduced_by_ceiling=by_ceiling,
            )
        case ClaimRejected():
            return replace(state, stage=Stage.REJECTED, act_by=None)
        case ClaimWithdrawn():
            return replace(state, stage=Stage.WITHDRAWN, act_by=None)
        case ClaimReopened(bill=bill):
            invoices = (*state.invoices, *(number for number in bill.invoices if number not in state.invoices))
            return replace(
                state, stage=Stage.FILED, bill=bill, invoices=invoices, reopened=True, assessment=None, assessed_by=None
            )
        case ClaimUpheld(bill=bill):
            return replace(state, stage=Stage.APPROVED, bill=bill)
        case ClaimReversed():
            return replace(state, stage=Stage.REVERSED, granted=0, act_by=None)
        case _:
            return state


def _at_the_hospital(state: Claim, event: ClaimEvent) -> Claim:
    match event:
        case HospitalSettlementQuoted(valid_until=valid_until):
            return replace(state, stage=Stage.QUOTED, act_by=valid_until)
        case HospitalSettlementConfirmed(on=on):
            return replace(state, confirmed_on=on, act_by=None)
        case HospitalSettlementLapsed():
            return replace(state, stage=Stage.LAPSED, act_by=None)
        case _:
            return replace(state, stage=Stage.REVERSED, act_by=None)


def _paid(state: Claim, event: ClaimEvent) -> Claim:
    match event:
        case PayoutOrdered(payment_id=payment, amount=amount):
            return replace(state, live=payment, live_amount=amount, instructions=state.instructions + 1)
        case PayoutFailed(payment_id=payment) if payment == state.live:
            return replace(state, live=None, live_amount=0)
        case PayoutFailed(amount=amount):
            return replace(state, paid=state.paid - amount)
        case ClaimSettled(paid=paid, payee=payee):
            return replace(state, paid=paid, paid_to=payee, live=None, live_amount=0)
        case OverpaymentRecorded(amount=amount, payment_id=payment):
            state = replace(state, owed_back=state.owed_back + amount, paid=min(state.paid, state.granted))
            return replace(state, live=None, live_amount=0) if payment is not None else state
        case OverpaymentRecovered(left=left):
            return replace(state, owed_back=left)
        case PayeeDied():
            return replace(state, payee_died=True)
        case SuccessorNamed(at=at):
            return replace(state, successor_at=at)
        case _:
            return state


CLAIM: Final[Aggregate[Claim | None, ClaimEvent]] = Aggregate("claim", None, evolve)
