"""A small service at work, and the broker as whoever wants to do it harm has it."""

from collections.abc import AsyncIterator

import nats
import pytest
from nats.aio.client import Client as Connection

from shared.runtime.service import Running
from shared.runtime.settings import Settings
from tests.security.memos import MEMOS


@pytest.fixture
async def memos(database_url: str, nats_url: str) -> AsyncIterator[Running]:
    settings = Settings.model_validate({"database_url": database_url, "nats_url": nats_url})
    async with MEMOS.running(settings) as running:
        yield running


@pytest.fixture
async def connection(nats_url: str) -> AsyncIterator[Connection]:
    connection = await nats.connect(nats_url)
    yield connection
    await connection.close()
