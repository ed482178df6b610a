"""What the city answers."""

from typing import Any

from services.city.domain import INVOICE
from services.city.views import Shares
from shared.runtime.queries import Answers, Asked
from shared.schemas.city import CityFundAnswer, CountyShare, InvoiceAnswer, ShowCityFund, ShowInvoice
from shared.schemas.messages import Query

__all__ = ["ANSWERS"]


async def show_invoice(query: ShowInvoice, asked: Asked) -> InvoiceAnswer | None:
    invoice = await asked.repository.state(INVOICE, query.invoice_id)
    if invoice == INVOICE.initial:
        return None
    holder = invoice.holder
    return InvoiceAnswer(
        county=holder.county if holder else None,
        claim_id=holder.claim_id if holder else None,
        waiting=len(invoice.waiting),
    )


async def show_fund(query: ShowCityFund, asked: Asked) -> CityFundAnswer:
    rows = await asked.read_models.some(Shares, "pool = $1 and period = $2 order by county", query.pool, query.period)
    counties = tuple(CountyShare.model_validate(row, from_attributes=True) for row in rows)
    sums = {
        name: sum(getattr(row, name) for row in rows)
        for name in ("contributions", "benefits", "payable", "receivable", "bank")
    }
    debits = sums["bank"] + sums["receivable"] + sums["benefits"]
    balanced = debits == sums["contributions"] + sums["payable"]
    return CityFundAnswer.model_validate({"counties": counties, **sums, "balanced": balanced})


ANSWERS: dict[type[Query[Any]], Answers] = {ShowInvoice: show_invoice, ShowCityFund: show_fund}
