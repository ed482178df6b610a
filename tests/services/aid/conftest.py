"""The county that tests of the whole service ask for."""

from collections.abc import AsyncIterator

import pytest

from tests.services.aid.cases import CHEN, JANUARY, LI
from tests.services.aid.county import County, Servers, county


@pytest.fixture
def servers(database_url: str, nats_url: str) -> Servers:
    return Servers(database_url=database_url, nats_url=nats_url)


@pytest.fixture
async def dongyang(servers: Servers) -> AsyncIterator[County]:
    """On 20 June 2018, with nobody insured."""
    async with county(servers) as here:
        yield here


@pytest.fixture
async def january(dongyang: County) -> County:
    """On 10 January 2019; Li and Chen of the cable works are covered since July, and no account is on record."""
    await dongyang.insures(LI, CHEN)
    await dongyang.on(JANUARY)
    return dongyang
