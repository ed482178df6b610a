import os
from base64 import b64encode
from collections.abc import AsyncIterator

import nats
import pytest
from nats.aio.client import Client as Connection

from services.registry.service import service
from shared.runtime.client import Client
from shared.runtime.service import Running
from shared.runtime.settings import Settings
from tests.services.registry.desk import Desk


@pytest.fixture
def settings(database_url: str, nats_url: str) -> Settings:
    key = b64encode(os.urandom(32)).decode()
    return Settings.model_validate(
        {"database_url": database_url, "nats_url": nats_url, "master_key": key, "clock": "settable"}
    )


@pytest.fixture
async def registry(settings: Settings) -> AsyncIterator[Running]:
    """The service at work, with an empty log."""
    async with service.running(settings) as running:
        yield running


@pytest.fixture
async def connection(nats_url: str) -> AsyncIterator[Connection]:
    connection = await nats.connect(nats_url)
    yield connection
    await connection.close()


@pytest.fixture
async def desk(registry: Running, connection: Connection) -> Desk:
    """At the federation of Nanxun, which is registered."""
    desk = Desk(Client(connection, timeout=5, patience=10), registry)
    await desk.opens()
    return desk
