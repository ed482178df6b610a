"""What the city does on its counties' events: each invoice that a claim takes or lets go is entered."""

from collections.abc import Mapping
from typing import Final

from services.city.views import AID, AID_CODEC
from shared.runtime.reactions import Handler, Reacting, Reaction
from shared.schemas.aid import InvoiceReleased, InvoiceReserved
from shared.schemas.city import FreeInvoice, RegisterInvoice
from shared.schemas.messages import Event

__all__ = ["REACTIONS"]


async def on_reserved(event: InvoiceReserved, reacting: Reacting) -> None:
    county = reacting.recorded.meta.federation
    register = RegisterInvoice(invoice_id=event.invoice_id, county=county, claim_id=event.claim_id)
    await reacting.command(register)


async def on_released(event: InvoiceReleased, reacting: Reacting) -> None:
    county = reacting.recorded.meta.federation
    await reacting.command(FreeInvoice(invoice_id=event.invoice_id, county=county, claim_id=event.claim_id))


ON_AID: Final[Mapping[type[Event], Handler]] = {InvoiceReserved: on_reserved, InvoiceReleased: on_released}

REACTIONS: Final = (Reaction("city-on-aid", AID, AID_CODEC, ON_AID),)
