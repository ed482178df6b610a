"""A payment instruction: it waits, goes to the bank in a batch, and is paid or comes back. The batch itself."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Final

from shared.eventsourcing.decider import Aggregate
from shared.schemas.aid import (
    BatchDrawnUp,
    BatchEvent,
    ClaimId,
    Payee,
    PaymentBatched,
    PaymentEvent,
    PaymentId,
    PaymentInstructed,
    PaymentRecalled,
    PaymentReturned,
    PaymentSent,
    PaymentWithdrawn,
)
from shared.schemas.ids import MemberId
from shared.schemas.messages import Federation
from shared.schemas.money import Fen

__all__ = ["BATCH", "PAYMENT", "Payment", "PaymentStage", "evolve"]


class PaymentStage(Enum):
    """The value is for people."""

    WAITING = "待提交银行"
    AT_THE_BANK = "已提交银行"
    SENT = "已支付"
    RETURNED = "已退回"
    WITHDRAWN = "已撤回"


@dataclass(frozen=True, slots=True)
class Payment:
    payment_id: PaymentId
    claim_id: ClaimId
    member_id: MemberId
    pool: Federation
    county: Federation
    amount: Fen
    payee: Payee
    account_as_of: datetime | None
    stage: PaymentStage = PaymentStage.WAITING
    recalled: bool = False
    about_account: bool = False
    """Whether it came back for the sake of the account."""


def evolve(state: Payment | None, event: PaymentEvent) -> Payment | None:
    match event, state:
        case PaymentInstructed(), _:
            return Payment(
                event.payment_id,
                event.claim_id,
                event.member_id,
                event.pool,
                event.county,
                event.amount,
                event.payee,
                event.account_as_of,
            )
        case PaymentBatched(), Payment():
            return replace(state, stage=PaymentStage.AT_THE_BANK)
        case PaymentSent(), Payment():
            return replace(state, stage=PaymentStage.SENT)
        case PaymentReturned(ground=ground), Payment():
            return replace(state, stage=PaymentStage.RETURNED, about_account=ground.about_account)
        case PaymentWithdrawn(), Payment():
            return replace(state, stage=PaymentStage.WITHDRAWN)
        case PaymentRecalled(), Payment():
            return replace(state, recalled=True)
        case _:
            return state


def evolve_batch(state: bool, event: BatchEvent) -> bool:
    """Whether it was drawn up."""
    return state or isinstance(event, BatchDrawnUp)


PAYMENT: Final[Aggregate[Payment | None, PaymentEvent]] = Aggregate("payment", None, evolve)
BATCH: Final[Aggregate[bool, BatchEvent]] = Aggregate("batch", False, evolve_batch)
