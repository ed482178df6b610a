"""A standby takes over from a PostgreSQL that died: it has every acknowledged command, and the service goes on."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import pytest

from deploy.local.ports import LOOPBACK, free_port
from deploy.local.postgres import PostgresServer
from shared.eventsourcing.seal_chain import SealChain
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.verification import Verified, verify
from shared.eventsourcing.writer import Receipt
from tests.shared.eventsourcing.savings import CODEC, commit, deposits
from tests.waiting import until

CALLERS = 8
PRIMARY = {"fsync": "off", "synchronous_standby_names": "*"}
"""A commit is acknowledged once the standby has it: `fsync` is beside the point of a test that ends processes."""


class Standby(PostgresServer):
    ready_line = "database system is ready to accept read-only connections"


@pytest.fixture
def pair() -> Iterator[tuple[PostgresServer, Standby]]:
    with TemporaryDirectory(prefix="niangjia-tests-", ignore_cleanup_errors=True) as folder:
        alone = {"fsync": "off"}  # until there is a standby
        with PostgresServer(Path(folder) / "primary", free_port(), alone) as server:
            standby = _copied(server, Path(folder) / "standby")
        with PostgresServer(server.data, server.port, PRIMARY) as primary, standby:
            yield primary, standby


def _copied(primary: PostgresServer, data: Path) -> Standby:
    """A base backup that follows its primary, as `docs/cluster.md` says to make one."""
    standby = Standby(data, free_port(), {"fsync": "off"})
    shutil.copy2(primary.data.with_name("primary.password"), data.with_name("standby.password"))
    program = Path(standby.command()[0]).with_name("pg_basebackup")
    data.mkdir(mode=0o700)
    standby.account.own(data)
    subprocess.run(
        [str(program), "-R", "-X", "stream", "-c", "fast", "-D", ".", "-d", primary.url()],
        check=True,
        capture_output=True,
        user=standby.account.uid,
        group=standby.account.gid,
        extra_groups=standby.account.groups,
        cwd=data,
    )
    return standby


def _either(one: PostgresServer, other: PostgresServer) -> str:
    """As a service's DATABASE_URL: whichever of the two takes writes."""
    address = f"{LOOPBACK}:{one.port}"
    return one.url().replace(address, f"{address},{LOOPBACK}:{other.port}") + "&target_session_attrs=read-write"


@pytest.mark.timeout(120)
async def test_what_was_acknowledged_is_in_the_log_of_the_standby_that_takes_over(
    pair: tuple[PostgresServer, Standby],
) -> None:
    primary, standby = pair
    acknowledged: list[Receipt] = []

    def more_than(count: int) -> bool:
        return len(acknowledged) > count

    async with EventStore(_either(primary, standby), "savings", CODEC) as store:
        chain = SealChain(store, gathered=0)
        await chain.install()
        calling = True

        async def call(number: int) -> None:
            turn = number
            while calling:
                acknowledged.append(await store.append(commit((f"passbook-{turn % 24}", None, deposits(1)))))
                turn += 1

        async with asyncio.TaskGroup() as callers:
            for number in range(CALLERS):
                callers.create_task(call(number))
            await until(partial(more_than, 300), seconds=30)
            primary.kill()
            before = len(acknowledged)
            admin = await asyncpg.connect(standby.url())
            assert await admin.fetchval("select pg_promote()")
            await admin.close()
            await until(partial(more_than, before + 300), seconds=30)
            calling = False

        positions = [recorded.position async for page in store.all() for recorded in page]
        assert positions == list(range(1, len(positions) + 1))
        assert sorted(receipt.position for receipt in acknowledged) == positions
        await chain.catch_up()
        assert isinstance(await verify(store), Verified)
