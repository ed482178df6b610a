"""What a decision rests on, when it reaches over streams; and which stream each event belongs to.

A decision may ask for the streams that `services.aid.domain.reading` names for its command, and for no others.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from services.aid.domain.account import ACCOUNT, Account
from services.aid.domain.claim import CLAIM, Claim
from services.aid.domain.contract import CONTRACT
from services.aid.domain.invoice import INVOICE
from services.aid.domain.membership import MEMBERSHIP
from services.aid.domain.payment import BATCH, PAYMENT
from services.aid.domain.pool import POOL, pool_key
from services.aid.domain.publication import SCHEME
from services.aid.domain.slot import DIARY, SLOT
from shared.eventsourcing.decider import Aggregate
from shared.schemas.aid import (
    AccountEvent,
    BatchEvent,
    ClaimEvent,
    ClaimId,
    ContractEvent,
    DiaryEvent,
    InvoiceEvent,
    InvoiceNumber,
    MembershipEvent,
    PaymentEvent,
    PoolEvent,
    SchemeEvent,
    SlotEvent,
    account_id,
    invoice_id,
)
from shared.schemas.messages import Event, Federation

__all__ = ["AidEvent", "Desk", "fold", "stream_of"]

type AidEvent = (
    SchemeEvent
    | ContractEvent
    | MembershipEvent
    | AccountEvent
    | ClaimEvent
    | InvoiceEvent
    | PoolEvent
    | PaymentEvent
    | BatchEvent
    | SlotEvent
    | DiaryEvent
)


@dataclass(frozen=True, slots=True)
class Desk:
    """The states of streams, by their names."""

    states: Mapping[str, Any] = field(default_factory=dict)

    def of[S, E: Event](self, aggregate: Aggregate[S, E], key: UUID | str) -> S:
        """Raises KeyError for a stream that was not loaded."""
        state: S = self.states[aggregate.stream(key)]
        return state

    def has(self, aggregate: Aggregate[Any, Any], key: UUID | str) -> bool:
        return aggregate.stream(key) in self.states

    def account(self, claim: Claim) -> Account:
        """The benefit account that a claim counts in."""
        return self.of(ACCOUNT, account_id(claim.member_id, claim.period))

    def invoices(self, federation: Federation, numbers: Iterable[InvoiceNumber]) -> dict[InvoiceNumber, ClaimId | None]:
        """Which claim each counts for."""
        return {number: self.of(INVOICE, invoice_id(federation, number)) for number in numbers}

    def held(self, claim: Claim) -> list[InvoiceNumber]:
        """The invoices that count for a claim."""
        holders = self.invoices(claim.pool, claim.invoices)
        return [number for number, holder in holders.items() if holder == claim.claim_id]


def stream_of(event: Event) -> tuple[Aggregate[Any, Any], UUID | str]:
    """The aggregate and key of an event's stream."""
    match event:
        case SchemeEvent(city=city):
            return SCHEME, city
        case ContractEvent(contract_id=key):
            return CONTRACT, key
        case MembershipEvent(membership_id=key):
            return MEMBERSHIP, key
        case AccountEvent(account_id=key):
            return ACCOUNT, key
        case ClaimEvent(claim_id=key):
            return CLAIM, key
        case InvoiceEvent(invoice_id=key):
            return INVOICE, key
        case PoolEvent(county=county, period=period):
            return POOL, pool_key(county, period)
        case PaymentEvent(payment_id=key):
            return PAYMENT, key
        case BatchEvent(batch_id=key):
            return BATCH, key
        case SlotEvent(slot_id=key):
            return SLOT, key
        case DiaryEvent(member_id=key):
            return DIARY, key
        case _:
            raise TypeError(f"{type(event).__name__} belongs to no stream of mutual aid")


def fold(events: Iterable[Event], desk: Desk | None = None) -> Desk:
    """The states of all streams that the events are of."""
    states = dict(desk.states) if desk is not None else {}
    for event in events:
        aggregate, key = stream_of(event)
        stream = aggregate.stream(key)
        states[stream] = aggregate.evolve(states.get(stream, aggregate.initial), event)
    return Desk(states)
