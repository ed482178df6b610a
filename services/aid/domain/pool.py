"""The pool's ledger (基金账): double entries, one stream a county and period.

No decision rests on a pool's balance, so that entries are appended at any version: every claim posts, and none waits
for another. Each entry balances by itself, and so does the ledger at every position.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from shared.eventsourcing.decider import Aggregate
from shared.schemas.aid import (
    ClaimId,
    ContractId,
    LedgerAccount,
    LedgerLine,
    PaymentId,
    PeriodStart,
    PoolEvent,
    PoolPosted,
    PostingKind,
)
from shared.schemas.messages import Federation
from shared.schemas.money import Fen

__all__ = ["POOL", "Ledger", "Share", "evolve", "pool_key"]

SIDES: Final[Mapping[PostingKind, tuple[LedgerAccount, LedgerAccount]]] = {
    PostingKind.CONTRIBUTION: (LedgerAccount.BANK, LedgerAccount.CONTRIBUTIONS),
    PostingKind.RESERVATION: (LedgerAccount.BENEFITS, LedgerAccount.PAYABLE),
    PostingKind.RELEASE: (LedgerAccount.PAYABLE, LedgerAccount.BENEFITS),
    PostingKind.PAYMENT: (LedgerAccount.PAYABLE, LedgerAccount.BANK),
    PostingKind.RETURN: (LedgerAccount.BANK, LedgerAccount.PAYABLE),
    PostingKind.OVERPAYMENT: (LedgerAccount.RECEIVABLE, LedgerAccount.BENEFITS),
    PostingKind.STRAY_PAYMENT: (LedgerAccount.RECEIVABLE, LedgerAccount.BANK),
    PostingKind.RECOVERY: (LedgerAccount.BANK, LedgerAccount.RECEIVABLE),
}
"""Of each kind of entry, the account that is debited and the one that is credited."""


@dataclass(frozen=True, slots=True)
class Share:
    """A county's share of a pool in a period."""

    pool: Federation
    county: Federation
    period: PeriodStart

    def post(
        self,
        kind: PostingKind,
        amount: Fen,
        on: date,
        *,
        claim_id: ClaimId | None = None,
        payment_id: PaymentId | None = None,
        contract_id: ContractId | None = None,
    ) -> list[PoolEvent]:
        """One entry; none where the amount is zero."""
        if amount == 0:
            return []
        debit, credit = SIDES[kind]
        lines = (LedgerLine(account=debit, debit=amount), LedgerLine(account=credit, credit=amount))
        return [
            PoolPosted(
                pool=self.pool,
                county=self.county,
                period=self.period,
                kind=kind,
                lines=lines,
                on=on,
                claim_id=claim_id,
                payment_id=payment_id,
                contract_id=contract_id,
            )
        ]


@dataclass(frozen=True, slots=True)
class Ledger:
    """Balances by account, debits above zero. For reading: nothing is decided on it."""

    balances: Mapping[LedgerAccount, Fen] = field(default_factory=dict)

    def __getitem__(self, account: LedgerAccount) -> Fen:
        return self.balances.get(account, 0)

    @property
    def balanced(self) -> bool:
        return sum(self.balances.values()) == 0


def evolve(state: Ledger, event: PoolEvent) -> Ledger:
    match event:
        case PoolPosted(lines=lines):
            balances = dict(state.balances)
            for line in lines:
                balances[line.account] = balances.get(line.account, 0) + line.debit - line.credit
            return Ledger(balances)
        case _:
            return state


def pool_key(county: Federation, period: PeriodStart) -> str:
    return f"{county}-{period}"


POOL: Final[Aggregate[Ledger, PoolEvent]] = Aggregate("pool", Ledger(), evolve)
"""Its key is `pool_key(county, period)`."""
