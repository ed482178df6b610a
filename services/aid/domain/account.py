"""A person's benefits in a period: what is held and what is granted, never above the ceiling together.

It is the single writer of the ceiling: a claim's event and this stream's go into one commit, at the version that the
decision saw.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from shared.eventsourcing.decider import Aggregate
from shared.schemas.aid import (
    AccountEvent,
    BenefitReversed,
    BenefitSettled,
    CeilingReleased,
    CeilingReserved,
    ClaimId,
    PeriodStart,
    account_id,
)
from shared.schemas.ids import MemberId
from shared.schemas.money import Fen

__all__ = ["ACCOUNT", "Account", "Holder", "evolve"]


@dataclass(frozen=True, slots=True)
class Account:
    """By claim; claims without an amount do not stand here."""

    reserved: Mapping[ClaimId, Fen] = field(default_factory=dict)
    settled: Mapping[ClaimId, Fen] = field(default_factory=dict)

    @property
    def used(self) -> Fen:
        return sum(self.reserved.values()) + sum(self.settled.values())

    def room(self, ceiling: Fen, claim: ClaimId) -> Fen:
        """What a ceiling has left for a claim, what it holds itself left aside."""
        others = self.used - self.reserved.get(claim, 0) - self.settled.get(claim, 0)
        return max(0, ceiling - others)


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose account it is, and of which claim an event tells."""

    member_id: MemberId
    period: PeriodStart
    claim_id: ClaimId

    def reserve(self, amount: Fen, ceiling: Fen) -> list[AccountEvent]:
        return [
            CeilingReserved(
                account_id=account_id(self.member_id, self.period),
                member_id=self.member_id,
                period=self.period,
                claim_id=self.claim_id,
                amount=amount,
                ceiling=ceiling,
            )
        ]

    def release(self, amount: Fen) -> list[AccountEvent]:
        """Nothing where nothing is held."""
        return [self._event(CeilingReleased, amount)] if amount else []

    def settle(self, amount: Fen) -> list[AccountEvent]:
        return [self._event(BenefitSettled, amount)] if amount else []

    def reverse(self, amount: Fen) -> list[AccountEvent]:
        return [self._event(BenefitReversed, amount)] if amount else []

    def _event[E: AccountEvent](self, kind: type[E], amount: Fen) -> E:
        return kind(
            account_id=account_id(self.member_id, self.period),
            member_id=self.member_id,
            period=self.period,
            claim_id=self.claim_id,
            amount=amount,
        )


def evolve(state: Account, event: AccountEvent) -> Account:
    claim, amount = event.claim_id, event.amount
    match event:
        case CeilingReserved():
            return Account(_moved(state.reserved, claim, amount), state.settled)
        case CeilingReleased():
            return Account(_moved(state.reserved, claim, -amount), state.settled)
        case BenefitSettled():
            return Account(_moved(state.reserved, claim, -amount), _moved(state.settled, claim, amount))
        case BenefitReversed():
            return Account(state.reserved, _moved(state.settled, claim, -amount))
        case _:
            return state


def _moved(amounts: Mapping[ClaimId, Fen], claim: ClaimId, by: Fen) -> Mapping[ClaimId, Fen]:
    left = amounts.get(claim, 0) + by
    others = {each: amount for each, amount in amounts.items() if each != claim}
    return {**others, claim: left} if left else others


ACCOUNT: Final[Aggregate[Account, AccountEvent]] = Aggregate("account", Account(), evolve)
