"""The servers every test may ask for, and what a test gets of its own on them.

A test that asks for `database_url` has a database to itself, one that asks for `nats_url` an account to itself:
streams, consumers and subjects of other tests do not exist for it.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from shutil import disk_usage
from tempfile import TemporaryDirectory

import asyncpg
import hypothesis
import pytest
import uvloop

from deploy.local.nats import FAST as NATS_FAST
from deploy.local.nats import NatsServer
from deploy.local.ports import free_port
from deploy.local.postgres import FAST as POSTGRES_FAST
from deploy.local.postgres import PostgresServer
from tests.containers import NatsContainer, PostgresContainer

ACCOUNTS = 1000
PASSWORD = "of-a-test"

hypothesis.settings.register_profile("niangjia", deadline=None, print_blob=True)
hypothesis.settings.load_profile("niangjia")

type Postgres = PostgresServer | PostgresContainer
type Nats = NatsServer | NatsContainer


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


def _memory() -> Path | None:
    """A file system in memory with room for a session's servers: a new database there takes 6 ms, not 60."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and disk_usage(memory).free > 2**30
    return memory if roomy else None


@contextmanager
def _folder() -> Iterator[Path]:
    # pytest's own temporary folders outlive three sessions; a cluster is too large to keep.
    with TemporaryDirectory(prefix="niangjia-tests-", dir=_memory(), ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _in_containers() -> bool:
    match os.environ.get("NIANGJIA_TEST_SERVERS", "embedded"):
        case "embedded":
            return False
        case "containers":
            return True
        case other:
            raise pytest.UsageError(f"NIANGJIA_TEST_SERVERS is embedded or containers, not {other!r}")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The session's PostgreSQL, without fsync. Kill or stop only servers of your own."""
    if _in_containers():
        with PostgresContainer(POSTGRES_FAST) as container:
            yield container
        return
    with _folder() as folder, PostgresServer(folder / "postgres", free_port(), POSTGRES_FAST) as server:
        yield server


@pytest.fixture(scope="session")
def nats() -> Iterator[Nats]:
    """The session's broker, with a pool of accounts. Kill or stop only servers of your own."""
    accounts = "\n".join(
        f"  test-{n} {{ jetstream: enabled, users: [{{ user: test-{n}, password: {PASSWORD} }}] }}"
        for n in range(ACCOUNTS)
    )
    users = f"accounts {{\n{accounts}\n}}"
    if _in_containers():
        with NatsContainer(users, NATS_FAST) as container:
            yield container
        return
    with _folder() as folder, NatsServer(folder / "nats", free_port(), users, sync_interval=NATS_FAST) as server:
        yield server


@pytest.fixture(scope="session")
def _numbers() -> Iterator[int]:
    return count()


@pytest.fixture
async def database_url(postgres: Postgres, _numbers: Iterator[int]) -> AsyncIterator[str]:
    """The URL of an empty database of the test's own, dropped afterwards whoever is still connected."""
    name = f"test_{next(_numbers)}"
    admin = await asyncpg.connect(postgres.url())
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy")
        yield postgres.url(name)
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


@pytest.fixture(scope="session")
def _accounts() -> Iterator[int]:
    return iter(range(ACCOUNTS))


@pytest.fixture
def nats_url(nats: Nats, _accounts: Iterator[int]) -> str:
    """The URL of an account of the test's own, with JetStream."""
    account = next(_accounts, None)
    if account is None:
        pytest.fail(f"more than {ACCOUNTS} tests want a NATS account: raise ACCOUNTS in tests/conftest.py")
    return nats.url(f"test-{account}", PASSWORD)
