from collections.abc import AsyncIterator

import pytest

from shared.eventsourcing.store import EventStore
from tests.shared.eventsourcing.savings import CODEC


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[EventStore]:
    async with EventStore(database_url, "savings", CODEC) as store:
        yield store
