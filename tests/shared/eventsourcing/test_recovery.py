"""What a restored database lacks comes back from the stream, as it was."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

import pytest
from nats.aio.client import Client

from shared.eventsourcing.feed import StreamFeed
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.recovery import Diverged, take_back
from shared.eventsourcing.relay import StreamAhead, ensure_stream, require_log_of
from shared.eventsourcing.seal_chain import SealChain
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.verification import Verified, verify
from shared.eventsourcing.writer import Commit, Conflict, Receipt
from shared.schemas.ids import new_id
from tests.shared.eventsourcing.breakable import connected
from tests.shared.eventsourcing.savings import CODEC, commit, deposits
from tests.shared.eventsourcing.test_relay import assert_stream_is_log, relaying, whole


@pytest.fixture
async def nc(nats_url: str) -> AsyncIterator[Client]:
    async with connected(nats_url) as nc:
        await ensure_stream(nc.jetstream(), "savings")
        yield nc


async def published(nc: Client, after: int) -> AsyncGenerator[Sequence[Recorded]]:
    feed = StreamFeed(nc, "SAVINGS", "recovery", CODEC)
    head = await feed.head()
    async with aclosing(feed.pages(max(after - 1, 0))) as pages:
        async for page in pages:
            yield page
            if page[-1].position >= head:
                return


async def rows(store: EventStore, table: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await store.pool.fetch(f"select * from {store.schema}.{table} order by position")]


async def lose(store: EventStore, after: int) -> None:
    """As a database that was restored as it stood at a position."""
    await SealChain(store).install()
    for table in ("events", "commits", "seals"):
        await store.pool.execute(f"delete from {store.schema}.{table} where position > $1", after)


async def two_books(store: EventStore) -> Commit:
    """Seven events of three commands; the last command writes to two streams."""
    first, second = f"passbook-{new_id()}", f"passbook-{new_id()}"
    await store.append(commit((first, 0, deposits(1, 2))))
    await store.append(commit((second, 0, deposits(1))))
    last = commit((first, 2, deposits(3, 4)), (second, 1, deposits(2, 3)))
    await store.append(last)
    return last


@pytest.mark.parametrize("kept", [0, 2, 3])
async def test_the_log_is_again_what_it_was_and_goes_on(store: EventStore, nc: Client, kept: int) -> None:
    await two_books(store)
    chain = SealChain(store)
    await chain.install()
    anchor = await chain.catch_up()
    async with relaying(store, nc) as relay:
        await whole(relay, store)
    events = await rows(store, "events")
    places = [(c[0], *c[2:]) for c in await rows(store, "commits")]
    await lose(store, kept)
    with pytest.raises(StreamAhead, match=f"SAVINGS is at 7, the log of savings at {kept}"):
        await require_log_of(store, nc.jetstream(), "savings")

    assert await take_back(store, published(nc, kept)) == 7 - kept

    assert await rows(store, "events") == events
    assert [(c[0], *c[2:]) for c in await rows(store, "commits")] == places
    await chain.catch_up()
    assert isinstance(await verify(store, anchors=[anchor]), Verified)
    await require_log_of(store, nc.jetstream(), "savings")
    await store.append(commit((f"passbook-{new_id()}", 0, deposits(1))))
    async with relaying(store, nc) as relay:
        assert await whole(relay, store) == 8
    await assert_stream_is_log(nc, store)


async def test_a_command_that_was_taken_back_is_not_carried_out_again(store: EventStore, nc: Client) -> None:
    last = await two_books(store)
    async with relaying(store, nc) as relay:
        await whole(relay, store)
    await lose(store, 3)
    await take_back(store, published(nc, 3))
    again: Receipt = await store.append(last)
    assert (again.position, again.version, again.duplicate) == (7, 4, True)
    assert await store.find(last.id, last.fingerprint) == again
    assert await store.head() == 7
    with pytest.raises(Conflict):
        await store.append(commit((last.writes[0].stream, 2, deposits(9))))


async def test_a_log_that_has_gone_its_own_way_is_left_alone(store: EventStore, nc: Client) -> None:
    await two_books(store)
    async with relaying(store, nc) as relay:
        await whole(relay, store)
    await lose(store, 3)
    await store.append(commit((f"passbook-{new_id()}", 0, deposits(5))))
    before = await rows(store, "events")
    with pytest.raises(Diverged, match="holds another event at 4"):
        await take_back(store, published(nc, 4))
    assert await rows(store, "events") == before
