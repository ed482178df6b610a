"""A city over its counties: the wiring, and nothing else. It runs beside the city's broker, which sources theirs."""

from services.city.answers import ANSWERS
from services.city.domain import INVOICE, decide
from services.city.reactions import REACTIONS
from services.city.views import AID, AID_CODEC, Shares
from shared.eventsourcing.codec import Codec
from shared.runtime.commands import Context
from shared.runtime.service import Follow, Service
from shared.schemas import city
from shared.schemas.city import FreeInvoice, InvoiceCommand, RegisterInvoice


async def handle(command: InvoiceCommand, context: Context) -> None:
    invoice = await context.session.load(INVOICE, command.invoice_id)
    context.session.append(INVOICE, command.invoice_id, decide(command, invoice))


service = Service(
    programme="city",
    codec=Codec.of(city),
    commands={RegisterInvoice: handle, FreeInvoice: handle},
    queries=ANSWERS,
    follows=(Follow(AID, AID_CODEC, (Shares(),)),),
    reactions=REACTIONS,
)

if __name__ == "__main__":
    service.main()
