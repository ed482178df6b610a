"""How the command line reaches the system: `NATS_URL` and `DATABASE_URL` where they are set, else what runs here."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import nats
import nats.errors
from nats.aio.client import Client as Connection

from deploy.local.home import Run, default_home
from deploy.local.terminal import NO_ANSWER, wrong

__all__ = ["connection", "database", "run"]


def run() -> Run:
    """What runs here. Ends the command where nothing does."""
    home = default_home()
    if (found := home.run()) is None:
        wrong(f"nothing runs in {home.path}: start it with niangjia up", NO_ANSWER)
    return found


@asynccontextmanager
async def connection() -> AsyncIterator[Connection]:
    """To the broker."""

    async def quiet(_error: Exception) -> None:
        """What fails shows in the call that fails."""

    url = os.environ.get("NATS_URL") or run().nats_url
    try:
        broker = await nats.connect(url, name="cli", allow_reconnect=False, connect_timeout=3, error_cb=quiet)
    except (OSError, nats.errors.Error, TimeoutError) as error:
        wrong(f"the broker does not answer ({type(error).__name__}): niangjia status", NO_ANSWER)
    try:
        yield broker
    finally:
        await broker.close()


@asynccontextmanager
async def database() -> AsyncIterator[asyncpg.Pool]:
    """To the database, with the rights of an operator."""
    try:
        pool = await asyncpg.create_pool(
            os.environ.get("DATABASE_URL") or run().database_url, min_size=1, max_size=2, timeout=5
        )
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        wrong(f"the database does not answer ({type(error).__name__}): niangjia status", NO_ANSWER)
    try:
        yield pool
    finally:
        await pool.close()
