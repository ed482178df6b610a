"""Mutual aid in a county of a city that has a hub: an invoice is the city's to admit before money goes out on it.

All else goes on while the city can't be reached. What it will say of an invoice comes by its events, and what waits for
that is then paid.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from services.aid.domain.claim import Claim
from shared.eventsourcing.codec import Codec
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.view import View, on
from shared.runtime.read_models import ReadModels
from shared.schemas import city
from shared.schemas.aid import ClaimId, InvoiceId, InvoiceNumber, invoice_id
from shared.schemas.city import InvoiceAdmitted, InvoiceContested, InvoiceEvent, InvoiceFreed

__all__ = ["CITY", "CITY_CODEC", "AdmissionRow", "Admissions", "InTheCity", "awaited"]

CITY: Final = "city"
CITY_CODEC: Final = Codec.of(city)


@dataclass(frozen=True, slots=True)
class InTheCity:
    """What `resources` are where the county has a city: see `services.aid.pooled`."""


@dataclass(slots=True)
class AdmissionRow:
    """`held_by` is the claim for which it counts instead."""

    invoice_id: InvoiceId
    claim_id: ClaimId
    admitted: bool
    held_by: ClaimId | None = None


class Admissions(View[AdmissionRow]):
    """What the city has said of this county's invoices."""

    name, version, key = "admissions", 1, ("invoice_id", "claim_id")

    @on(InvoiceAdmitted)
    def admitted(self, rows: Rows[AdmissionRow], event: InvoiceAdmitted, at: Recorded) -> None:
        rows.put(AdmissionRow(event.invoice_id, event.claim_id, admitted=True))

    @on(InvoiceContested)
    def contested(self, rows: Rows[AdmissionRow], event: InvoiceContested, at: Recorded) -> None:
        rows.put(AdmissionRow(event.invoice_id, event.claim_id, admitted=False, held_by=event.held_by))

    @on(InvoiceFreed)
    def freed(self, rows: Rows[AdmissionRow], event: InvoiceEvent, at: Recorded) -> None:
        rows.remove(event.invoice_id, event.claim_id)


async def awaited(claim: Claim, read_models: ReadModels) -> Mapping[InvoiceNumber, ClaimId | None]:
    """The claim's invoices that the city has not admitted, each with the claim that it counts for, as far as known."""
    numbers = {invoice_id(claim.pool, number): number for number in claim.invoices}
    rows = await read_models.some(Admissions, "claim_id = $1 and invoice_id = any($2)", claim.claim_id, list(numbers))
    known = {row.invoice_id: row for row in rows}
    missing: dict[InvoiceNumber, ClaimId | None] = {}
    for own, number in numbers.items():
        row = known.get(own)
        if row is None or not row.admitted:
            missing[number] = row.held_by if row is not None else None
    return missing
