"""Work that a leader does for ever outlasts an outage of the database: it is no failure of the work."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from deploy.local.postgres import PostgresServer
from shared.eventsourcing.codec import Codec
from shared.eventsourcing.connections import persistently
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.seal_chain import SealChain
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.tasks import end
from shared.runtime.letters import Letter, Letters
from shared.runtime.reactions import Reacting, Reaction, Reactions
from shared.schemas.ids import new_id
from tests.shared.eventsourcing.breakable import breakable_postgres
from tests.shared.eventsourcing.savings import CODEC, commit, deposits
from tests.waiting import until

LIMIT = 30


@pytest.fixture
async def server() -> AsyncIterator[PostgresServer]:
    with breakable_postgres() as server:
        yield server


@pytest.fixture
async def store(server: PostgresServer) -> AsyncIterator[EventStore]:
    async with EventStore(server.url(), "savings", CODEC) as store:
        yield store


async def _crash(server: PostgresServer) -> None:
    server.kill()
    await asyncio.to_thread(server.start)


async def test_letters_are_tried_again_once_the_database_is_back(server: PostgresServer, store: EventStore) -> None:
    await store.install("letters", package="shared.runtime")
    letters = Letters(store.pool, "savings")

    def nobody(_recorded: Recorded, _source: str) -> Reacting:
        raise AssertionError("there is no event to react to")

    reaction = Reaction("savings-on-loan", "loan", Codec([]), {})
    trying = asyncio.create_task(Reactions((reaction,), letters, nobody, "savings").retry_letters())
    await _crash(server)
    await persistently(lambda: letters.put(_letter()))

    async def tried() -> bool:
        return any(letter.attempts > 1 for letter in await letters.all())

    await until(tried, LIMIT)
    assert not trying.done()
    await end(trying)


async def test_the_log_is_sealed_on_once_the_database_is_back(server: PostgresServer, store: EventStore) -> None:
    chain = SealChain(store, gathered=0)
    await chain.install()
    sealing = asyncio.create_task(chain.run())
    for _ in range(2):
        await _crash(server)
        own = commit((f"passbook-{new_id()}", 0, deposits(1, 2)))
        receipt = await persistently(lambda own=own: store.append(own))  # type: ignore[misc]

        async def sealed(position: int = receipt.position) -> bool:
            return (await chain.head()).position == position

        await until(sealed, LIMIT)
    assert not sealing.done()
    await end(sealing)


def _letter() -> Letter:
    """Of an event that nothing can be made of."""
    return Letter(
        consumer="savings-on-loan",
        sequence=1,
        stream="line-1",
        subject="evt.330503.loan.Something",
        headers={},
        body=b"{}",
        state="retrying",
        attempts=1,
        error="Whatever",
        arrived_at=None,  # type: ignore[arg-type] # the database says when
    )
