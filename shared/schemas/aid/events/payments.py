"""What happens to the money: payment instructions, the batches that they go to the bank in, the pools' ledgers."""

from datetime import date
from typing import ClassVar

from shared.schemas.aid.terms import (
    BankAccount,
    BatchId,
    ClaimId,
    ContractId,
    HospitalCode,
    LedgerLine,
    Payee,
    PaymentId,
    PeriodStart,
    PostingKind,
    Reference,
    ReturnGround,
)
from shared.schemas.ids import MemberId
from shared.schemas.messages import Event, Federation, Instant
from shared.schemas.money import PositiveFen
from shared.schemas.personal import Personal

__all__ = [
    "BatchDrawnUp",
    "BatchEvent",
    "PaymentBatched",
    "PaymentEvent",
    "PaymentInstructed",
    "PaymentRecalled",
    "PaymentReturned",
    "PaymentSent",
    "PaymentWithdrawn",
    "PoolEvent",
    "PoolPosted",
]


# A payment instruction, and the batch it goes to the bank in


class PaymentEvent(Event):
    """Kept in the stream of the instruction."""

    payment_id: PaymentId
    claim_id: ClaimId


class PaymentInstructed(PaymentEvent):
    subject: ClassVar[str | None] = "member_id"

    member_id: MemberId
    pool: Federation
    county: Federation
    amount: PositiveFen
    payee: Payee
    hospital: HospitalCode | None
    """Where it is the payee."""
    account: Personal[BankAccount] | None
    """Where a person is."""
    account_as_of: Instant | None
    """When it was recorded."""


class PaymentBatched(PaymentEvent):
    batch_id: BatchId


class PaymentSent(PaymentEvent):
    amount: PositiveFen
    on: date
    reference: Reference


class PaymentReturned(PaymentEvent):
    amount: PositiveFen
    ground: ReturnGround
    on: date


class PaymentWithdrawn(PaymentEvent):
    """Before it went to the bank."""


class PaymentRecalled(PaymentEvent):
    """It is at the bank, and is not due any more: whatever the bank pays of it is an overpayment."""


class BatchEvent(Event):
    """Kept in the stream of the batch."""

    batch_id: BatchId


class BatchDrawnUp(BatchEvent):
    payments: tuple[PaymentId, ...]
    total: PositiveFen
    by: str


# A pool's ledger: one stream a county and period, appended to at any version


class PoolEvent(Event):
    """Kept in the stream of the county's share of a pool in a period."""

    pool: Federation
    county: Federation
    period: PeriodStart


class PoolPosted(PoolEvent):
    """One entry. Its debits and its credits are equal."""

    kind: PostingKind
    lines: tuple[LedgerLine, ...]
    on: date
    claim_id: ClaimId | None = None
    payment_id: PaymentId | None = None
    contract_id: ContractId | None = None
