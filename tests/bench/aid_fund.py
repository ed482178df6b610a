"""The fund's read model rebuilt: entries of a pool's ledger a second, until each day's sums are there again.

A city's ledger of a period: fourteen counties, a claim's two entries a commit, 50,000 entries in all.
"""

import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Final

from services.aid.domain.pool import POOL, Share, pool_key
from services.aid.service import CODEC
from services.aid.views.fund import FundDays
from shared.eventsourcing.projector import Projector
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.writer import Commit, NewEvent, Write
from shared.schemas.aid import ClaimId, LedgerAccount, PoolEvent, PostingKind
from shared.schemas.ids import new_id
from shared.schemas.messages import Meta
from shared.schemas.money import Fen
from tests.bench.harness import Pace, database, postgres, require
from tests.bench.report import Finding, rate
from tests.bench.seeding import settle

__all__ = ["measure", "rebuilt"]

ENTRIES: Final = 50_000
COUNTIES: Final = tuple(f"3307{number:02d}" for number in range(1, 15))
PERIOD: Final = date(2019, 7, 1)
GRANTED: Final[Fen] = 932_45
TOGETHER: Final = 500
"""Claims in one commit here."""


async def measure(pace: Pace) -> list[Finding]:
    with postgres() as server:
        async with database(server) as dsn:
            rates = await rebuilt(dsn, ENTRIES, pace.rounds)
    figures = {"fastest round": rate(max(rates))}
    return [Finding("mutual aid", f"fund rebuilt from {ENTRIES:,} entries", figures, median(rates), "/s")]


async def rebuilt(dsn: str, entries: int, rounds: int) -> list[float]:
    """Entries a second of each rebuild; `entries` is a multiple of 1,000. Raises Wrong."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(EventStore(dsn, "fund", CODEC))
        await _post(store, entries)
        projector = await stack.enter_async_context(Projector(store, [FundDays()]))
        await settle(dsn, "fund.events")
        rates = []
        for _ in range(rounds):
            began = time.perf_counter()
            await projector.rebuild(FundDays)
            rates.append(entries / (time.perf_counter() - began))
        await _check(store, entries)
        return rates


async def _post(store: EventStore, entries: int) -> None:
    versions = dict.fromkeys(COUNTIES, 0)
    for first in range(0, entries // 2, TOGETHER):
        county = COUNTIES[first // TOGETHER % len(COUNTIES)]
        events: list[PoolEvent] = []
        for number in range(first, first + TOGETHER):
            events += _claim(county, PERIOD + timedelta(days=number % 365))
        await store.append(Commit(new_id(), new_id(), [_write(county, versions[county], events)]))
        versions[county] += len(events)


def _claim(county: str, on: date) -> list[PoolEvent]:
    """Granted, and paid a few days later."""
    share, claim_id = Share("330700", county, PERIOD), ClaimId(new_id())
    return [
        *share.post(PostingKind.RESERVATION, GRANTED, on, claim_id=claim_id),
        *share.post(PostingKind.PAYMENT, GRANTED, on + timedelta(days=4), claim_id=claim_id),
    ]


def _write(county: str, version: int, events: Sequence[PoolEvent]) -> Write:
    now = datetime(2019, 7, 1, tzinfo=UTC)
    meta = Meta(federation=county, actor="officer:bench", time=now, correlation=new_id(), causation=new_id())
    written = meta.model_dump_json()
    return Write(
        POOL.stream(pool_key(county, PERIOD)),
        version,
        [NewEvent(new_id(), type(one).__name__, one.schema_version, one.model_dump_json(), written) for one in events],
    )


async def _check(store: EventStore, entries: int) -> None:
    """Every entry is counted, and all balances."""
    sums = ", ".join(f"sum({account})" for account in LedgerAccount)
    [row] = await store.pool.fetch(f"select sum(entries), {sums} from fund.fund_days")
    total = GRANTED * entries // 2
    must = {LedgerAccount.BANK: -total, LedgerAccount.BENEFITS: total}
    require(tuple(row) == (entries, *(must.get(account, 0) for account in LedgerAccount)), f"the sums are {tuple(row)}")
