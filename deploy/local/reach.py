"""How the command line reaches the system: `NATS_URL` (with `NATS_CREDS_FILE` and `NATS_CA_FILE`) and `DATABASE_URL`
where they are set, else what runs here."""

import logging
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg
import nats
import nats.errors
import nats.js.errors
import uvloop
from nats.aio.client import Client as Connection

from deploy.local.home import Run, default_home
from deploy.local.terminal import NO_ANSWER, REFUSED, wrong
from shared.runtime.broker import SignIn
from shared.runtime.client import NoAnswer
from shared.schemas.messages import Refused

logging.getLogger("asyncio").setLevel(logging.ERROR)  # nats-py leaves TLS in a way that asyncio warns of, each time

__all__ = [
    "carried_out",
    "connection",
    "database",
    "database_url",
    "master_key_file",
    "run",
    "schemas_with",
    "urls_of",
]

BROKER_AWAY: Final = (
    nats.errors.TimeoutError,
    nats.errors.ConnectionClosedError,
    nats.errors.NoRespondersError,
    nats.js.errors.ServiceUnavailableError,
    nats.js.errors.NoStreamResponseError,
)


def run() -> Run:
    """What runs here. Ends the command where nothing does."""
    home = default_home()
    if (found := home.run()) is None:
        wrong(f"nothing runs in {home.path}: start it with niangjia up", NO_ANSWER)
    return found


def urls_of(programme: str) -> tuple[str, str]:
    """Of the database and the broker, with the rights of a service: what it makes must be its own."""
    return (
        os.environ.get("DATABASE_URL") or run().database_url_of(programme),
        os.environ.get("NATS_URL") or run().nats_url_of(programme),
    )


def _file(variable: str) -> Path | None:
    return Path(named) if (named := os.environ.get(variable)) else None


def master_key_file() -> Path:
    return Path(os.environ.get("MASTER_KEY_FILE") or default_home().key_file)


@asynccontextmanager
async def connection() -> AsyncIterator[Connection]:
    """To the broker. Ends the command where it does not answer, now or later."""

    async def quiet(_error: Exception) -> None:
        """What fails shows in the call that fails."""

    url = os.environ.get("NATS_URL") or run().nats_url
    sign_in = SignIn(_file("NATS_CREDS_FILE"), _file("NATS_CA_FILE")).options()
    try:
        broker = await nats.connect(
            url.split(","),
            name="cli",
            allow_reconnect=False,
            connect_timeout=3,
            max_reconnect_attempts=1,  # else it tries each address sixty times before it says so
            reconnect_time_wait=0,
            error_cb=quiet,
            **sign_in,
        )
    except (OSError, nats.errors.Error, TimeoutError) as error:
        wrong(f"the broker does not answer ({type(error).__name__}): niangjia status", NO_ANSWER)
    try:
        yield broker
    except BROKER_AWAY as error:  # in a cluster while the nodes choose who leads them
        wrong(
            f"the broker did not answer ({type(error).__name__}): ask again in a moment, or niangjia status", NO_ANSWER
        )
    finally:
        await broker.close()


def database_url() -> str:
    """Of the database, with the rights of an operator."""
    return os.environ.get("DATABASE_URL") or run().database_url


@asynccontextmanager
async def database() -> AsyncIterator[asyncpg.Pool]:
    """To the database, with the rights of an operator."""
    try:
        pool = await asyncpg.create_pool(database_url(), min_size=1, max_size=2, timeout=5)
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        wrong(f"the database does not answer ({type(error).__name__}): niangjia status", NO_ANSWER)
    try:
        yield pool
    finally:
        await pool.close()


async def schemas_with(pool: asyncpg.Pool, table: str, programme: str = "") -> list[str]:
    """The programmes that have such a table; ends the command where the one that is named has not."""
    rows = await pool.fetch("select schemaname from pg_tables where tablename = $1 order by 1", table)
    names = [row[0] for row in rows]
    if not programme:
        return names
    if programme not in names:
        wrong(f"{programme} has none; those that have: {', '.join(names) or 'no programme yet'}")
    return [programme]


def carried_out[T](work: Coroutine[object, object, T], stays: str) -> T:
    """What comes of work on files and services. Ends the command where a file can't be read or written, a service
    refuses, or none answers: `stays` then says what was done all the same, and how to go on."""
    try:
        return uvloop.run(work)
    except OSError as error:
        wrong(f"cannot read or write {error.filename}: {error.strerror}")
    except Refused as refused:
        wrong(f"{refused.refusal.message} ({refused.refusal.code})", REFUSED)
    except NoAnswer as error:
        wrong(f"no answer from {error}: niangjia status. {stays}", NO_ANSWER)
