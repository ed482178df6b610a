"""Read models of payment: instructions, and the batches in which they went to the bank. Accounts do not stand here."""

from dataclasses import dataclass
from datetime import date, datetime

from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.view import View, on
from shared.schemas.aid import (
    BatchDrawnUp,
    BatchId,
    ClaimId,
    HospitalCode,
    Payee,
    PaymentBatched,
    PaymentId,
    PaymentInstructed,
    PaymentRecalled,
    PaymentReturned,
    PaymentSent,
    PaymentStatus,
    PaymentWithdrawn,
    ReturnGround,
)
from shared.schemas.messages import Federation
from shared.schemas.money import Fen

__all__ = ["BatchRow", "Batches", "PaymentRow", "Payments"]


@dataclass(slots=True)
class PaymentRow:
    payment_id: PaymentId
    claim_id: ClaimId
    pool: Federation
    county: Federation
    amount: Fen
    payee: Payee
    hospital: HospitalCode | None
    """Where it is the payee."""
    instructed_at: datetime
    status: PaymentStatus = PaymentStatus.WAITING
    recalled: bool = False
    batch_id: BatchId | None = None
    on: date | None = None
    """Of the bank's result."""
    ground: ReturnGround | None = None


class Payments(View[PaymentRow]):
    """Every instruction."""

    name, version, key = "payments", 1, ("payment_id",)
    indexes = (("claim_id",), ("batch_id",), ("status", "pool"))

    @on(PaymentInstructed)
    def instructed(self, rows: Rows[PaymentRow], event: PaymentInstructed, at: Recorded) -> None:
        of = (event.payment_id, event.claim_id, event.pool, event.county, event.amount, event.payee, event.hospital)
        rows.put(PaymentRow(*of, instructed_at=at.meta.time))

    @on(PaymentBatched)
    def batched(self, rows: Rows[PaymentRow], event: PaymentBatched, at: Recorded) -> None:
        row = rows.get(event.payment_id)
        row.status, row.batch_id = PaymentStatus.AT_THE_BANK, event.batch_id

    @on(PaymentSent)
    def sent(self, rows: Rows[PaymentRow], event: PaymentSent, at: Recorded) -> None:
        row = rows.get(event.payment_id)
        row.status, row.on = PaymentStatus.SENT, event.on

    @on(PaymentReturned)
    def returned(self, rows: Rows[PaymentRow], event: PaymentReturned, at: Recorded) -> None:
        row = rows.get(event.payment_id)
        row.status, row.on, row.ground = PaymentStatus.RETURNED, event.on, event.ground

    @on(PaymentWithdrawn)
    def withdrawn(self, rows: Rows[PaymentRow], event: PaymentWithdrawn, at: Recorded) -> None:
        rows.get(event.payment_id).status = PaymentStatus.WITHDRAWN

    @on(PaymentRecalled)
    def recalled(self, rows: Rows[PaymentRow], event: PaymentRecalled, at: Recorded) -> None:
        rows.get(event.payment_id).recalled = True


@dataclass(slots=True)
class BatchRow:
    batch_id: BatchId
    federation: Federation
    drawn_up_at: datetime
    payments: int
    total: Fen
    by: str


class Batches(View[BatchRow]):
    """Every batch; what became of its payments, these tell."""

    name, version, key = "batches", 1, ("batch_id",)
    indexes = (("federation",),)

    @on(BatchDrawnUp)
    def drawn_up(self, rows: Rows[BatchRow], event: BatchDrawnUp, at: Recorded) -> None:
        of = (event.batch_id, at.meta.federation, at.meta.time, len(event.payments), event.total, event.by)
        rows.put(BatchRow(*of))
