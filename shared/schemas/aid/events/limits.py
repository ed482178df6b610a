"""What bounds a claim: the ceiling on a person's benefits in a period, and invoices, which count once."""

from shared.schemas.aid.terms import (
    AccountId,
    ClaimId,
    InvoiceId,
    InvoiceNumber,
    PeriodStart,
)
from shared.schemas.ids import MemberId
from shared.schemas.messages import Event
from shared.schemas.money import PositiveFen

__all__ = [
    "AccountEvent",
    "BenefitReversed",
    "BenefitSettled",
    "CeilingReleased",
    "CeilingReserved",
    "InvoiceConflictFound",
    "InvoiceEvent",
    "InvoiceReleased",
    "InvoiceReserved",
]


# A person's benefits in a period: the one place where the ceiling is held


class AccountEvent(Event):
    """Kept in the stream of the benefit account: a person and a period."""

    account_id: AccountId
    member_id: MemberId
    period: PeriodStart
    claim_id: ClaimId
    amount: PositiveFen


class CeilingReserved(AccountEvent):
    """Held for a claim. `ceiling` is that of the version that the claim is judged by."""

    ceiling: PositiveFen


class CeilingReleased(AccountEvent):
    """Not held any more."""


class BenefitSettled(AccountEvent):
    """What was held is granted."""


class BenefitReversed(AccountEvent):
    """What was granted is not, after all."""


# An invoice, over the whole city


class InvoiceEvent(Event):
    """Kept in the stream of the invoice."""

    invoice_id: InvoiceId
    number: InvoiceNumber
    claim_id: ClaimId


class InvoiceReserved(InvoiceEvent):
    """It counts for this claim, and for no other."""


class InvoiceConflictFound(InvoiceEvent):
    """A claim came with an invoice that counts for another."""

    held_by: ClaimId


class InvoiceReleased(InvoiceEvent):
    """It counts for nothing any more."""
