"""An invoice, over the whole city: it counts for one claim at a time, however it arrives."""

from collections.abc import Iterable
from typing import Final

from shared.eventsourcing.decider import Aggregate
from shared.schemas.aid import (
    ClaimId,
    InvoiceConflictFound,
    InvoiceEvent,
    InvoiceNumber,
    InvoiceReleased,
    InvoiceReserved,
    invoice_id,
)
from shared.schemas.messages import Federation

__all__ = ["INVOICE", "conflicting", "evolve", "released", "reserved"]


def evolve(state: ClaimId | None, event: InvoiceEvent) -> ClaimId | None:
    """Which claim it counts for."""
    match event:
        case InvoiceReserved(claim_id=claim):
            return claim
        case InvoiceReleased(claim_id=claim) if claim == state:
            return None
        case _:
            return state


def reserved(federation: Federation, numbers: Iterable[InvoiceNumber], claim: ClaimId) -> list[InvoiceEvent]:
    return [
        InvoiceReserved(invoice_id=invoice_id(federation, number), number=number, claim_id=claim) for number in numbers
    ]


def released(federation: Federation, numbers: Iterable[InvoiceNumber], claim: ClaimId) -> list[InvoiceEvent]:
    return [
        InvoiceReleased(invoice_id=invoice_id(federation, number), number=number, claim_id=claim) for number in numbers
    ]


def conflicting(federation: Federation, number: InvoiceNumber, claim: ClaimId, held_by: ClaimId) -> InvoiceEvent:
    return InvoiceConflictFound(
        invoice_id=invoice_id(federation, number), number=number, claim_id=claim, held_by=held_by
    )


INVOICE: Final[Aggregate[ClaimId | None, InvoiceEvent]] = Aggregate("invoice", None, evolve)
