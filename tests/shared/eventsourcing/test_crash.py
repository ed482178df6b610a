"""PostgreSQL is killed in mid-append: what was acknowledged is there, and nothing is there twice."""

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from deploy.local.ports import free_port
from deploy.local.postgres import FAST, PostgresServer
from shared.eventsourcing.keyring import Keyring
from shared.eventsourcing.repository import Repository
from shared.eventsourcing.seal_chain import SealChain
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.verification import Verified, verify
from shared.eventsourcing.writer import Commit, NewEvent, Receipt, Write
from shared.schemas.ids import MemberId, new_id
from shared.schemas.personal import Personal
from tests.shared.eventsourcing.savings import CODEC, Enrolled, commit, deposits, meta, passbook
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


async def test_what_was_sealed_before_the_kill_and_appended_after_it_opens(server: PostgresServer) -> None:
    async with EventStore(server.url(), "savings", CODEC) as store:
        keyring = Keyring(store, {0: bytes(32)})
        await keyring.install()
        for _ in range(5):
            member = MemberId(new_id())
            event, event_id = Enrolled(member=member, union="织里总工会", name=Personal("李娟")), new_id()
            (sealed,) = await keyring.seal([event_id], [event])
            server.kill()
            server.start()
            row = NewEvent(event_id, "Enrolled", 1, CODEC.encode(sealed), meta(event_id).model_dump_json())
            await store.append(Commit(new_id(), new_id(), [Write(f"member-{member}", 0, [row])]))
            assert await keyring.open(await store.stream(f"member-{member}")) == [event]
