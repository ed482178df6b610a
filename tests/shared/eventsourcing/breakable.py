"""A broker and a cluster of a test's own, to be killed, and connections that live through it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import nats
from nats.aio.client import Client

from deploy.local.nats import FAST as NATS_FAST
from deploy.local.nats import NatsServer
from deploy.local.ports import free_port
from deploy.local.postgres import FAST as POSTGRES_FAST
from deploy.local.postgres import PostgresServer


@contextmanager
def breakable_nats() -> Iterator[NatsServer]:
    with (
        TemporaryDirectory(prefix="niangjia-tests-", ignore_cleanup_errors=True) as folder,
        NatsServer(Path(folder) / "nats", free_port(), sync_interval=NATS_FAST) as server,
    ):
        yield server


@contextmanager
def breakable_postgres() -> Iterator[PostgresServer]:
    with (
        TemporaryDirectory(prefix="niangjia-tests-", ignore_cleanup_errors=True) as folder,
        PostgresServer(Path(folder) / "postgres", free_port(), POSTGRES_FAST) as server,
    ):
        yield server


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Client]:
    """A connection that comes back as soon as the broker does."""

    async def no_matter(_: Exception) -> None:
        """The broker is being killed."""

    nc = await nats.connect(url, max_reconnect_attempts=-1, reconnect_time_wait=0.02, error_cb=no_matter)
    try:
        yield nc
    finally:
        if not nc.is_closed:
            await nc.close()
