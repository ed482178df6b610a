"""PostgreSQL is killed in mid-append: what was acknowledged is there, and nothing is there twice."""

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from deploy.local.ports import free_port
from deploy.local.postgres import FAST, PostgresServer
from shared.eventsourcing.repository import Repository
from shared.eventsourcing.seal_chain import SealChain
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.verification import Verified, verify
from shared.eventsourcing.writer import Commit, Receipt
from shared.schemas.ids import new_id
from tests.shared.eventsourcing.savings import CODEC, commit, deposits, passbook
from tests.waiting import until

CALLERS = 16
COMMITS = 100
"""Of each caller."""
KILLS = 4


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with (
        TemporaryDirectory(prefix="niangjia-tests-", ignore_cleanup_errors=True) as folder,
        PostgresServer(Path(folder) / "postgres", free_port(), FAST) as server,
    ):
        yield server


async def test_every_acknowledged_commit_outlives_the_kill_and_those_in_flight_end_once(
    server: PostgresServer,
) -> None:
    async with EventStore(server.url(), "savings", CODEC) as store, EventStore(server.url(), "savings", CODEC) as other:
        stores = (store, other)
        chain = SealChain(store, gathered=0)
        await chain.install()
        acknowledged: list[tuple[Commit, Receipt]] = []

        async def call(number: int) -> None:
            for n in range(COMMITS):
                one = commit((f"passbook-{(number + n) % 24}", None, deposits(1, 2)))
                acknowledged.append((one, await stores[number % 2].append(one)))

        async def seen() -> list[int]:
            positions: list[int] = []
            async for page in other.all(follow=True):
                positions += [recorded.position for recorded in page]
                if len(positions) == CALLERS * COMMITS * 2:
                    break
            return positions

        def acknowledged_are(count: int) -> bool:
            return len(acknowledged) >= count

        reading = asyncio.create_task(seen())
        calling = asyncio.gather(*(call(number) for number in range(CALLERS)))
        for kill in range(1, KILLS + 1):
            await until(partial(acknowledged_are, CALLERS * COMMITS * kill // (KILLS + 2)))
            server.kill()
            before = len(acknowledged)
            server.start()
            assert before < CALLERS * COMMITS
        await calling

        assert await reading == list(range(1, CALLERS * COMMITS * 2 + 1))
        log = {recorded.position: recorded.id async for page in store.all() for recorded in page}
        assert len(log) == CALLERS * COMMITS * 2
        for one, receipt in acknowledged:
            assert [log[receipt.position - 1], log[receipt.position]] == [event.id for event in one.writes[0].events]
        await chain.catch_up()
        assert isinstance(await verify(store), Verified)


async def test_a_store_opens_again_after_the_kill_and_goes_on(server: PostgresServer) -> None:
    li = new_id()
    async with EventStore(server.url(), "savings", CODEC) as store:
        first = commit((passbook.stream(li), 0, deposits(100)))
        receipt = await store.append(first)
        server.kill()
    server.start()
    async with EventStore(server.url(), "savings", CODEC) as store:
        again = await store.append(first)
        assert (again.position, again.duplicate) == (receipt.position, True)
        assert (await Repository(store).state(passbook, li)).balance == 100
