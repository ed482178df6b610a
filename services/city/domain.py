"""An invoice in the whole city: it counts for the claim that was heard of first; others wait for it in order.

Hearing of the same again changes nothing, so that what a county says may arrive any number of times.
"""

from dataclasses import dataclass
from typing import Final

from shared.eventsourcing.decider import Aggregate
from shared.schemas.aid import ClaimId, InvoiceId
from shared.schemas.city import (
    FreeInvoice,
    InvoiceAdmitted,
    InvoiceCommand,
    InvoiceContested,
    InvoiceEvent,
    InvoiceFreed,
    RegisterInvoice,
)
from shared.schemas.messages import Federation

__all__ = ["INVOICE", "Invoice", "Taker", "decide", "evolve"]


@dataclass(frozen=True, slots=True)
class Taker:
    county: Federation
    claim_id: ClaimId


@dataclass(frozen=True, slots=True)
class Invoice:
    holder: Taker | None = None
    waiting: tuple[Taker, ...] = ()


def decide(command: InvoiceCommand, state: Invoice) -> list[InvoiceEvent]:
    """Never refuses: a county tells what has happened there."""
    taker = Taker(command.county, command.claim_id)
    match command:
        case RegisterInvoice(invoice_id=invoice):
            return _register(invoice, taker, state)
        case FreeInvoice(invoice_id=invoice):
            return _free(invoice, taker, state)
        case _:
            raise TypeError(f"nobody decides on {type(command).__name__}")


def _register(invoice: InvoiceId, taker: Taker, state: Invoice) -> list[InvoiceEvent]:
    if taker == state.holder or taker in state.waiting:
        return []
    if state.holder is None:
        return [_admitted(invoice, taker)]
    return [
        InvoiceContested(
            invoice_id=invoice,
            county=taker.county,
            claim_id=taker.claim_id,
            held_by=state.holder.claim_id,
            held_in=state.holder.county,
        )
    ]


def _free(invoice: InvoiceId, taker: Taker, state: Invoice) -> list[InvoiceEvent]:
    freed = InvoiceFreed(invoice_id=invoice, county=taker.county, claim_id=taker.claim_id)
    if taker in state.waiting:
        return [freed]
    if taker != state.holder:
        return []
    return [freed, *(_admitted(invoice, following) for following in state.waiting[:1])]


def _admitted(invoice: InvoiceId, taker: Taker) -> InvoiceEvent:
    return InvoiceAdmitted(invoice_id=invoice, county=taker.county, claim_id=taker.claim_id)


def evolve(state: Invoice, event: InvoiceEvent) -> Invoice:
    taker = Taker(event.county, event.claim_id)
    others = tuple(one for one in state.waiting if one != taker)
    match event:
        case InvoiceAdmitted():
            return Invoice(taker, others)
        case InvoiceContested():
            return Invoice(state.holder, (*others, taker))
        case InvoiceFreed():
            return Invoice(state.holder if taker != state.holder else None, others)
        case _:
            return state


INVOICE: Final[Aggregate[Invoice, InvoiceEvent]] = Aggregate("invoice", Invoice(), evolve)
