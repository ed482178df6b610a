"""The counties' shares of a pool, as their ledgers' entries come in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from shared.eventsourcing.codec import Codec
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.view import View, on
from shared.schemas import aid
from shared.schemas.aid import LedgerAccount, PoolPosted
from shared.schemas.money import Fen

__all__ = ["AID", "AID_CODEC", "ShareRow", "Shares"]

AID: Final = "aid"
AID_CODEC: Final = Codec.of(aid)


@dataclass(slots=True)
class ShareRow:
    """Balances, each on the side on which its account grows."""

    pool: str
    period: date
    county: str
    heard_on: date
    bank: Fen = 0
    receivable: Fen = 0
    benefits: Fen = 0
    contributions: Fen = 0
    payable: Fen = 0


SIGNS: Final[Mapping[LedgerAccount, int]] = {
    LedgerAccount.BANK: 1,
    LedgerAccount.RECEIVABLE: 1,
    LedgerAccount.BENEFITS: 1,
    LedgerAccount.CONTRIBUTIONS: -1,
    LedgerAccount.PAYABLE: -1,
}
"""1 where debits add to the account."""


class Shares(View[ShareRow]):
    """Each county's share of a pool in a period."""

    name, version, key = "shares", 1, ("pool", "period", "county")

    @on(PoolPosted)
    def posted(self, rows: Rows[ShareRow], event: PoolPosted, at: Recorded) -> None:
        row = rows.find(event.pool, event.period, event.county)
        if row is None:
            row = ShareRow(event.pool, event.period, event.county, event.on)
        for line in event.lines:
            moved = SIGNS[line.account] * (line.debit - line.credit)
            setattr(row, line.account.value, getattr(row, line.account.value) + moved)
        row.heard_on = max(row.heard_on, event.on)
        rows.put(row)
