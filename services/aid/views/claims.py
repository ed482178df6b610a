"""The read model of claims. What ails a worker, and where they lay, it does not hold: the answer on one claim reads it
in the log (`services.aid.answers.claims`)."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from shared.eventsourcing.decider import SHANGHAI
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.view import View, on
from shared.schemas.aid import (
    Bill,
    Care,
    Channel,
    ClaimApproved,
    ClaimAssessed,
    ClaimFiled,
    ClaimId,
    ClaimRejected,
    ClaimReopened,
    ClaimReversed,
    ClaimReviewed,
    ClaimSettled,
    ClaimStatus,
    ClaimUpheld,
    ClaimWithdrawn,
    Document,
    DocumentMissingNoted,
    DocumentSupplied,
    HospitalSettlementCancelled,
    HospitalSettlementLapsed,
    HospitalSettlementQuoted,
    InvoiceNumber,
    OverpaymentRecorded,
    OverpaymentRecovered,
    PayeeDied,
    PaymentId,
    PayoutFailed,
    PayoutOrdered,
    PeriodStart,
    RejectionGround,
    SuccessorNamed,
)
from shared.schemas.ids import MemberId
from shared.schemas.messages import Event, Federation
from shared.schemas.money import Fen

__all__ = ["ClaimRow", "Claims"]

GRANTED: Final = frozenset({ClaimStatus.APPROVED, ClaimStatus.SETTLED})


@dataclass(slots=True)
class ClaimRow:
    """`bill` and `assessment` are JSON as on the wire; `amount` is what was assessed last."""

    claim_id: ClaimId
    member_id: MemberId
    channel: Channel
    filed_by: str
    filed_in: Federation
    county: Federation
    pool: Federation
    scheme: str
    period: PeriodStart
    care: Care
    admitted_on: date
    discharged_on: date
    bill: str
    filed_at: datetime
    status: ClaimStatus
    conflicts: list[InvoiceNumber]
    missing: list[Document]
    act_by: datetime | None = None
    """When missing documents fall due."""
    assessment: str | None = None
    amount: Fen = 0
    assessed_by: str | None = None
    reopened: bool = False
    granted: Fen = 0
    granted_on: date | None = None
    reversed_on: date | None = None
    """Since when nothing of what was granted is."""
    paid: Fen = 0
    paid_on: date | None = None
    live: PaymentId | None = None
    live_amount: Fen = 0
    owed_back: Fen = 0
    ground: RejectionGround | None = None
    clause: str | None = None
    payee_died: bool = False
    has_successor: bool = False

    @property
    def due(self) -> Fen:
        """Granted, and neither paid nor on its way."""
        return max(0, self.granted - self.paid - self.live_amount)


class Claims(View[ClaimRow]):
    """Every claim, and where it stands."""

    name, version, key = "claims", 1, ("claim_id",)
    indexes = (("member_id",), ("pool", "period", "county"), ("status",))

    @on(ClaimFiled)
    def filed(self, rows: Rows[ClaimRow], event: ClaimFiled, at: Recorded) -> None:
        """A hospital may quote anew what has lapsed: the claim begins again."""
        rows.put(
            ClaimRow(
                claim_id=event.claim_id,
                member_id=event.member_id,
                channel=event.channel,
                filed_by=event.filed_by,
                filed_in=event.filed_in,
                county=event.county,
                pool=event.pool,
                scheme=event.scheme,
                period=event.period,
                care=event.care,
                admitted_on=event.admitted_on,
                discharged_on=event.discharged_on,
                bill=_json(event.bill),
                filed_at=at.meta.time,
                status=ClaimStatus.FILED,
                conflicts=list(event.conflicts),
                missing=[],
            )
        )

    @on(DocumentMissingNoted)
    def incomplete(self, rows: Rows[ClaimRow], event: DocumentMissingNoted, at: Recorded) -> None:
        row = rows.get(event.claim_id)
        row.missing, row.act_by = list(event.documents), event.supply_by

    @on(DocumentSupplied)
    def supplied(self, rows: Rows[ClaimRow], event: DocumentSupplied, at: Recorded) -> None:
        row = rows.get(event.claim_id)
        row.missing = list(event.missing)
        row.act_by = row.act_by if row.missing else None

    @on(ClaimAssessed)
    def assessed(self, rows: Rows[ClaimRow], event: ClaimAssessed, at: Recorded) -> None:
        row = rows.get(event.claim_id)
        row.status, row.conflicts = ClaimStatus.ASSESSED, []
        row.assessment, row.amount, row.assessed_by = (
            event.assessment.model_dump_json(),
            event.assessment.amount,
            event.by,
        )

    @on(ClaimReviewed)
    def reviewed(self, rows: Rows[ClaimRow], event: ClaimReviewed, at: Recorded) -> None:
        rows.get(event.claim_id).status = ClaimStatus.REVIEWED

    @on(HospitalSettlementQuoted)
    def quoted(self, rows: Rows[ClaimRow], event: HospitalSettlementQuoted, at: Recorded) -> None:
        rows.get(event.claim_id).status = ClaimStatus.QUOTED

    @on(ClaimApproved)
    def approved(self, rows: Rows[ClaimRow], event: ClaimApproved, at: Recorded) -> None:
        row = rows.get(event.claim_id)
        row.granted, row.granted_on = event.amount, row.granted_on or _day(at)
        row.status, row.ground, row.clause = _as_granted(row), None, None

    @on(ClaimUpheld)
    def upheld(self, rows: Rows[ClaimRow], event: ClaimUpheld, at: Recorded) -> None:
        row = rows.get(event.claim_id)
        row.status, row.bill = _as_granted(row), _json(event.bill)
        row.ground, row.clause = event.ground, event.clause

    @on(ClaimRejected)
    def rejected(self, rows: Rows[ClaimRow], event: ClaimRejected, at: Recorded) -> None:
        row = rows.get(event.claim_id)
        row.status, row.act_by = ClaimStatus.REJECTED, None
        row.ground, row.clause = event.ground, event.clause

    @on(ClaimWithdrawn, HospitalSettlementLapsed, HospitalSettlementCancelled)
    def over(
        self,
        rows: Rows[ClaimRow],
        event: ClaimWithdrawn | HospitalSettlementLapsed | HospitalSettlementCancelled,
        at: Recorded,
    ) -> None:
        row = rows.get(event.claim_id)
        row.status, row.act_by = ENDS[type(event)], None

    @on(ClaimReopened)
    def reopened(self, rows: Rows[ClaimRow], event: ClaimReopened, at: Recorded) -> None:
        row = rows.get(event.claim_id)
        row.status, row.reopened, row.bill = ClaimStatus.FILED, True, _json(event.bill)
        row.assessment, row.amount, row.assessed_by = None, 0, None
        row.ground = row.clause = None

    @on(ClaimReversed)
    def reversed(self, rows: Rows[ClaimRow], event: ClaimReversed, at: Recorded) -> None:
        row = rows.get(event.claim_id)
        row.status, row.granted, row.act_by, row.reversed_on = ClaimStatus.REVERSED, 0, None, _day(at)

    @on(PayoutOrdered)
    def ordered(self, rows: Rows[ClaimRow], event: PayoutOrdered, at: Recorded) -> None:
        row = rows.get(event.claim_id)
        row.live, row.live_amount = event.payment_id, event.amount

    @on(ClaimSettled)
    def settled(self, rows: Rows[ClaimRow], event: ClaimSettled, at: Recorded) -> None:
        row = rows.get(event.claim_id)
        row.paid, row.paid_on = event.paid, event.on
        row.live, row.live_amount = None, 0
        _money_moved(row)

    @on(PayoutFailed)
    def failed(self, rows: Rows[ClaimRow], event: PayoutFailed, at: Recorded) -> None:
        """It never arrived; or it had been paid, and came back."""
        row = rows.get(event.claim_id)
        if event.payment_id == row.live:
            row.live, row.live_amount = None, 0
        else:
            row.paid -= event.amount
        _money_moved(row)

    @on(OverpaymentRecorded)
    def overpaid(self, rows: Rows[ClaimRow], event: OverpaymentRecorded, at: Recorded) -> None:
        row = rows.get(event.claim_id)
        row.owed_back, row.paid = row.owed_back + event.amount, min(row.paid, row.granted)
        if event.payment_id is not None:
            row.live, row.live_amount = None, 0

    @on(OverpaymentRecovered)
    def recovered(self, rows: Rows[ClaimRow], event: OverpaymentRecovered, at: Recorded) -> None:
        rows.get(event.claim_id).owed_back = event.left

    @on(PayeeDied)
    def died(self, rows: Rows[ClaimRow], event: PayeeDied, at: Recorded) -> None:
        rows.get(event.claim_id).payee_died = True

    @on(SuccessorNamed)
    def succeeded(self, rows: Rows[ClaimRow], event: SuccessorNamed, at: Recorded) -> None:
        rows.get(event.claim_id).has_successor = True


ENDS: Final[dict[type[Event], ClaimStatus]] = {
    ClaimWithdrawn: ClaimStatus.WITHDRAWN,
    HospitalSettlementLapsed: ClaimStatus.LAPSED,
    HospitalSettlementCancelled: ClaimStatus.REVERSED,
}


def _as_granted(row: ClaimRow) -> ClaimStatus:
    return ClaimStatus.SETTLED if row.paid >= row.granted else ClaimStatus.APPROVED


def _money_moved(row: ClaimRow) -> None:
    """Of a claim that was reversed meanwhile, or is assessed anew, that does not change where it stands."""
    if row.status in GRANTED:
        row.status = _as_granted(row)


def _json(bill: Bill) -> str:
    return bill.model_dump_json()


def _day(at: Recorded) -> date:
    return at.meta.time.astimezone(SHANGHAI).date()
