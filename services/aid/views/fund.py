"""The read model of the pools' ledgers: what each day moved on each account, by county and period.

Each row balances, since each entry does; and so does every sum of rows, at every position of the log.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.view import View, on
from shared.schemas.aid import LedgerAccount, PeriodStart, PoolPosted
from shared.schemas.messages import Federation
from shared.schemas.money import Fen

__all__ = ["FundDayRow", "FundDays"]


@dataclass(slots=True)
class FundDayRow:
    """Debits above zero. `day` is that of the money: a premium that came before its period stands before it."""

    pool: Federation
    county: Federation
    period: PeriodStart
    day: date
    entries: int = 0
    bank: Fen = 0
    receivable: Fen = 0
    benefits: Fen = 0
    contributions: Fen = 0
    payable: Fen = 0

    @property
    def movements(self) -> Mapping[LedgerAccount, Fen]:
        return {account: getattr(self, account.value) for account in LedgerAccount}


type Key = tuple[Federation, Federation, PeriodStart, date]


def _key(event: PoolPosted) -> Key:
    return event.pool, event.county, event.period, event.on


def _keys(event: PoolPosted) -> Iterable[Key]:
    return (_key(event),)


class FundDays(View[FundDayRow]):
    """Every day on which something moved."""

    name, version, key = "fund_days", 1, ("pool", "county", "period", "day")
    in_sql = """
        select data ->> 'pool', data ->> 'county', (data ->> 'period')::date, (data ->> 'on')::date,
               count(distinct position),
               coalesce(sum(moved) filter (where account = 'bank'), 0),
               coalesce(sum(moved) filter (where account = 'receivable'), 0),
               coalesce(sum(moved) filter (where account = 'benefits'), 0),
               coalesce(sum(moved) filter (where account = 'contributions'), 0),
               coalesce(sum(moved) filter (where account = 'payable'), 0)
        from {events}, lateral jsonb_array_elements(data -> 'lines') as lines (line), lateral (
            select line ->> 'account', {schema}.fen(line ->> 'debit') - {schema}.fen(line ->> 'credit')
        ) as movement (account, moved)
        where type = 'PoolPosted' group by 1, 2, 3, 4"""

    @on(PoolPosted, by=_keys)
    def posted(self, rows: Rows[FundDayRow], event: PoolPosted, at: Recorded) -> None:
        row = rows.find(*_key(event)) or FundDayRow(*_key(event))
        row.entries += 1
        for line in event.lines:
            moved = getattr(row, line.account.value) + line.debit - line.credit
            setattr(row, line.account.value, moved)
        rows.put(row)
