"""The read model of one-stop settlements, as hospitals may know them: no worker stands in it, nor what a ceiling has
left."""

from dataclasses import dataclass
from datetime import date, datetime

from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.view import View, on
from shared.schemas.aid import (
    ClaimFiled,
    ClaimId,
    ClaimReduced,
    HospitalCode,
    HospitalSettlementCancelled,
    HospitalSettlementConfirmed,
    HospitalSettlementLapsed,
    HospitalSettlementQuoted,
    SettlementNumber,
    SettlementStatus,
)
from shared.schemas.messages import Federation
from shared.schemas.money import Fen

__all__ = ["SettlementRow", "Settlements"]


@dataclass(slots=True)
class SettlementRow:
    """`clauses` are those by which the quote is less than the table gives."""

    claim_id: ClaimId
    hospital: HospitalCode
    settlement_number: SettlementNumber
    filed_in: Federation
    pool: Federation
    status: SettlementStatus
    clauses: list[str]
    amount: Fen = 0
    valid_until: datetime | None = None
    confirmed_on: date | None = None
    cancelled_on: date | None = None


class Settlements(View[SettlementRow]):
    """Every settlement that a hospital has asked a quote for; its claim follows from its number."""

    name, version, key = "settlements", 1, ("claim_id",)
    indexes = (("hospital", "confirmed_on"), ("hospital", "cancelled_on"))

    @on(ClaimFiled)
    def filed(self, rows: Rows[SettlementRow], event: ClaimFiled, at: Recorded) -> None:
        if event.hospital_code is not None and event.settlement_number is not None:
            of = (event.claim_id, event.hospital_code, event.settlement_number, event.filed_in, event.pool)
            rows.put(SettlementRow(*of, status=SettlementStatus.QUOTED, clauses=[]))

    @on(ClaimReduced)
    def reduced(self, rows: Rows[SettlementRow], event: ClaimReduced, at: Recorded) -> None:
        """What the desk makes of the claim later is nothing to the hospital."""
        row = rows.find(event.claim_id)
        if row is not None and row.status is SettlementStatus.QUOTED:
            row.clauses = [finding.clause for finding in event.reductions]

    @on(HospitalSettlementQuoted)
    def quoted(self, rows: Rows[SettlementRow], event: HospitalSettlementQuoted, at: Recorded) -> None:
        row = rows.get(event.claim_id)
        row.amount, row.valid_until = event.amount, event.valid_until

    @on(HospitalSettlementConfirmed)
    def confirmed(self, rows: Rows[SettlementRow], event: HospitalSettlementConfirmed, at: Recorded) -> None:
        row = rows.get(event.claim_id)
        row.status, row.amount, row.confirmed_on = SettlementStatus.CONFIRMED, event.amount, event.on
        row.valid_until = None

    @on(HospitalSettlementCancelled)
    def cancelled(self, rows: Rows[SettlementRow], event: HospitalSettlementCancelled, at: Recorded) -> None:
        row = rows.get(event.claim_id)
        row.status, row.cancelled_on, row.valid_until = SettlementStatus.CANCELLED, event.on, None

    @on(HospitalSettlementLapsed)
    def lapsed(self, rows: Rows[SettlementRow], event: HospitalSettlementLapsed, at: Recorded) -> None:
        row = rows.get(event.claim_id)
        row.status, row.valid_until = SettlementStatus.LAPSED, None
