"""The language of a city over its counties (市级统筹): which claim an invoice counts for in all, and their pool.

The counties do the work, each in an installation of its own. What the city says of a county's invoice is addressed to
that county. Nothing here names a person.
"""

from datetime import date
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from shared.schemas.aid import ClaimId, InvoiceId, PeriodStart
from shared.schemas.messages import Command, Event, Federation, Query, Role
from shared.schemas.money import Fen

__all__ = [
    "CityFundAnswer",
    "CountyShare",
    "FreeInvoice",
    "InvoiceAdmitted",
    "InvoiceAnswer",
    "InvoiceCommand",
    "InvoiceContested",
    "InvoiceEvent",
    "InvoiceFreed",
    "RegisterInvoice",
    "ShowCityFund",
    "ShowInvoice",
]


class InvoiceEvent(Event):
    """Kept in the stream of the invoice. `county` is the federation whose claim it is."""

    addressed_to = "county"

    invoice_id: InvoiceId
    county: Federation
    claim_id: ClaimId


class InvoiceAdmitted(InvoiceEvent):
    """In the whole city it counts for this claim, and for no other."""


class InvoiceContested(InvoiceEvent):
    """It counts for another claim, `held_by`, of another county. Should that let it go, this claim's turn comes."""

    held_by: ClaimId
    held_in: Federation


class InvoiceFreed(InvoiceEvent):
    """This claim has let it go."""


class InvoiceCommand(Command):
    """That a county's claim takes an invoice, or lets it go, as the county's own events say."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.SYSTEM})

    invoice_id: InvoiceId
    county: Federation
    claim_id: ClaimId


class RegisterInvoice(InvoiceCommand):
    """Counts for whoever is heard first."""


class FreeInvoice(InvoiceCommand):
    """The next who waits for it gets it."""


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class InvoiceAnswer(Answer):
    """`county` and `claim_id` are None while nobody holds it."""

    county: Federation | None
    claim_id: ClaimId | None
    waiting: int
    """Claims that came with it after."""


class ShowInvoice(Query[InvoiceAnswer | None]):
    """Which claim an invoice counts for; None for one that was never heard of."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.OFFICER, Role.OPERATOR})

    invoice_id: InvoiceId


class CountyShare(Answer):
    """Of a county in a pool: what it has paid in, what its members were granted and paid, what is in the bank."""

    county: Federation
    contributions: Fen
    benefits: Fen
    payable: Fen
    receivable: Fen
    bank: Fen
    heard_on: date
    """The business day of the last entry that the city has heard of."""


class CityFundAnswer(Answer):
    """Sums of a pool's period, with each county's share."""

    counties: tuple[CountyShare, ...]
    contributions: Fen
    benefits: Fen
    payable: Fen
    receivable: Fen
    bank: Fen
    balanced: bool
    """Whether debits and credits of all entries are equal."""


class ShowCityFund(Query[CityFundAnswer]):
    """The pooled fund, as far as the counties' entries have come in. `period` goes by its first day."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.OFFICER, Role.OPERATOR})

    pool: Federation
    period: PeriodStart
