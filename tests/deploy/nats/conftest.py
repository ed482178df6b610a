"""A broker with the union's accounts, in both forms that they take, and the streams."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.nats.brokers import Broker, WithPasswords, WithTokens, make_streams, running


@pytest.fixture(scope="module", params=[WithPasswords, WithTokens])
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    folder: Path = tmp_path_factory.mktemp("broker")
    with running(request.param(folder)) as broker:
        asyncio.run(make_streams(broker))
        yield broker
