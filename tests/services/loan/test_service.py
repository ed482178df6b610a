"""The known cases, end to end: registry and loan as whole services on real servers."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from shared.schemas.loan import Tier
from shared.schemas.money import fen
from tests.services.loan.county import County, Servers, county


@pytest.fixture
async def nanxun(database_url: str, nats_url: str) -> AsyncIterator[County]:
    async with county(Servers(database_url=database_url, nats_url=nats_url)) as here:
        yield here


async def test_a_worker_at_the_cable_works_borrows_100_000_for_renovation_at_the_member_rate(nanxun: County) -> None:
    worker = await nanxun.worker()
    line = await nanxun.line(worker, "100000")
    await nanxun.draws(worker, line, "100000", months=36)
    shown = await nanxun.shows(line, worker.actor)
    assert (shown.tier, shown.limit, shown.used, shown.available) == (Tier.MEMBER, fen(100_000), fen(100_000), 0)
    assert shown.draws[0].terms.rate.annual_percent == Decimal("6.7925")
