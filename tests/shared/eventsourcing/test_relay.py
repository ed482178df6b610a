"""The relay: the stream is the log, event by event and number by number, whatever is killed on the way."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import nats.errors
import pytest
from nats.aio.client import Client
from nats.js.api import StreamConfig
from nats.js.errors import APIError, NotFoundError

from shared.eventsourcing import relay as relays
from shared.eventsourcing.batch import FEW, batches
from shared.eventsourcing.codec import Codec, UnknownEvent
from shared.eventsourcing.relay import ForeignStream, Relay, StreamAhead, ensure_stream
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.wire import Encoder, Unpublishable
from shared.schemas.ids import new_id
from shared.schemas.messages import Event
from tests.shared.eventsourcing.breakable import breakable_nats, breakable_postgres, connected
from tests.shared.eventsourcing.savings import CODEC, commit, deposits
from tests.waiting import until


class Remarked(Event):
    text: str


REMARKS = Codec([Remarked])


@pytest.fixture
async def nc(nats_url: str) -> AsyncIterator[Client]:
    async with connected(nats_url) as nc:
        await ensure_stream(nc.jetstream(), "savings")
        yield nc


@asynccontextmanager
async def relaying(store: EventStore, nc: Client) -> AsyncIterator[Relay]:
    relay = Relay(store, nc, "savings")
    work = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


async def deposit(store: EventStore, events: int, size: int = 1) -> None:
    """Append deposits, `size` of them at a time, to passbooks of their own."""
    await asyncio.gather(
        *(
            store.append(
                commit((f"passbook-{new_id()}", 0, deposits(*range(first + 1, min(first + size, events) + 1))))
            )
            for first in range(0, events, size)
        )
    )


async def remark(store: EventStore, *texts: str) -> None:
    await store.append(commit((f"book-{new_id()}", 0, [Remarked(text=text) for text in texts])))


async def whole(relay: Relay, store: EventStore, seconds: float = 30) -> int:
    """The head of the log, once the stream is known to hold it all."""
    head = await store.head()
    await until(lambda: relay.published >= head, seconds)
    return head


async def assert_stream_is_log(nc: Client, store: EventStore) -> None:
    """Each event stands in the stream once, at its position, with what the log says of it; nothing else does."""
    js = nc.jetstream()
    state = (await js.stream_info("SAVINGS")).state
    head = await store.head()
    assert (state.messages, state.last_seq) == (head, head)
    encoder = Encoder("savings", store.codec)
    subscription = await js.subscribe("evt.>", ordered_consumer=True)
    async for page in store.all():
        for event in page:
            message = await subscription.next_msg(timeout=10)
            meant = encoder.message(event)
            assert message.metadata.sequence.stream == event.position
            assert (message.subject, message.data) == (meant.subject, meant.body)
            assert message.headers is not None
            assert message.headers.items() >= meant.headers.items()
            assert message.headers["Nats-Msg-Id"] == f"savings-{event.position}"
    await subscription.unsubscribe()


async def test_every_event_stands_in_the_stream_at_its_position(store: EventStore, nc: Client) -> None:
    await deposit(store, 2_500, size=7)
    async with relaying(store, nc) as relay:
        assert await whole(relay, store) == 2_500
    await assert_stream_is_log(nc, store)


async def test_events_follow_as_they_happen_alone_or_in_company(store: EventStore, nc: Client) -> None:
    async with relaying(store, nc) as relay:
        for size in (1, 1, 40, 1, 3):
            await deposit(store, size, size)
            await whole(relay, store)
    await assert_stream_is_log(nc, store)


async def test_a_relay_goes_on_where_the_stream_ends(store: EventStore, nc: Client) -> None:
    for events in (300, 1, 700):
        await deposit(store, events, size=10)
        async with relaying(store, nc) as relay:
            await whole(relay, store)
    await assert_stream_is_log(nc, store)


async def test_a_stream_that_was_lost_is_filled_again_though_nothing_happens(
    store: EventStore, nc: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relays, "LOOK", 0.1)
    await deposit(store, 20)
    async with relaying(store, nc) as relay:
        await whole(relay, store)
        await nc.jetstream().delete_stream("SAVINGS")
        await ensure_stream(nc.jetstream(), "savings")

        async def filled() -> bool:
            return (await nc.jetstream().stream_info("SAVINGS")).state.last_seq == 20

        await until(filled)
    await assert_stream_is_log(nc, store)


async def test_the_relay_knows_what_waits(store: EventStore, nc: Client) -> None:
    await deposit(store, 30)
    assert await Relay(store, nc, "savings").lag() == 30
    async with relaying(store, nc) as relay:
        await whole(relay, store)
        assert await relay.lag() == 0


async def test_two_relays_at_once_do_no_harm(store: EventStore, nc: Client, nats_url: str) -> None:
    async with connected(nats_url) as second, relaying(store, nc) as one, relaying(store, second) as other:
        for _ in range(20):
            await deposit(store, 150, size=3)
        await whole(one, store)
        await whole(other, store)
    await assert_stream_is_log(nc, store)


@pytest.mark.parametrize("waiting", [1, FEW, FEW + 1], ids=["alone", "one by one", "in a batch"])
async def test_a_relay_that_has_been_overtaken_is_refused_whatever_its_messages_are_called(
    store: EventStore, nc: Client, waiting: int
) -> None:
    await deposit(store, 1)
    async with relaying(store, nc) as relay:
        await whole(relay, store)
    await deposit(store, waiting, size=2)
    encoder, [page] = Encoder("savings", CODEC), [page async for page in store.all(1)]
    [late] = batches(map(encoder.message, page), "another-name", 1, nc.max_payload)
    async with relaying(store, nc) as relay:
        await whole(relay, store)
    with pytest.raises(APIError, match="wrong last sequence"):
        await late.publish(nc, nc.jetstream(), "SAVINGS", 5)
    await assert_stream_is_log(nc, store)


async def test_large_events_go_in_batches_that_the_broker_can_take(database_url: str, nc: Client) -> None:
    async with EventStore(database_url, "savings", REMARKS) as store:
        await remark(store, *("长" * 100_000 for _ in range(25)))
        async with relaying(store, nc) as relay:
            await whole(relay, store)
        await assert_stream_is_log(nc, store)
        encoder, [page] = Encoder("savings", REMARKS), [page async for page in store.all()]
        cut = list(batches(map(encoder.message, page), "savings", 0, nc.max_payload))
        assert [batch.first for batch in cut] == [1, 8, 15, 22]
        assert cut[-1].end == 25


async def test_an_event_larger_than_the_broker_takes_stops_the_relay_and_says_where(
    database_url: str, nc: Client
) -> None:
    async with EventStore(database_url, "savings", REMARKS) as store:
        await remark(store, "short", "x" * 1_100_000)
        with pytest.raises(Unpublishable, match="position 2: 1100"):
            await Relay(store, nc, "savings").run()


async def test_an_event_of_newer_code_stops_the_relay(store: EventStore, database_url: str, nc: Client) -> None:
    async with EventStore(database_url, "savings", REMARKS) as newer:
        await remark(newer, "from next year")
    with pytest.raises(UnknownEvent, match="Remarked at position 1"):
        await Relay(store, nc, "savings").run()


async def test_a_stream_ahead_of_a_restored_log_stops_the_relay(store: EventStore, nc: Client) -> None:
    await deposit(store, 20)
    async with relaying(store, nc) as relay:
        await whole(relay, store)
    await restore(store, 12)
    with pytest.raises(StreamAhead, match=r"SAVINGS is at 20, the log of savings at 12"):
        await Relay(store, nc, "savings").run()


async def test_a_restored_log_that_has_grown_past_the_stream_is_found_out_too(store: EventStore, nc: Client) -> None:
    await deposit(store, 20)
    async with relaying(store, nc) as relay:
        await whole(relay, store)
    await restore(store, 12)
    await deposit(store, 30)
    with pytest.raises(ForeignStream, match="another event at 20"):
        await Relay(store, nc, "savings").run()


async def test_a_stream_that_others_published_on_is_not_taken_for_ours(store: EventStore, nc: Client) -> None:
    await deposit(store, 3)
    await nc.jetstream().publish("evt.330503.savings.Deposited", b"{}")
    with pytest.raises(ForeignStream, match="another event at 1"):
        await Relay(store, nc, "savings").run()


async def test_a_stream_that_no_longer_holds_its_last_message_is_not_taken_for_ours(
    store: EventStore, nats_url: str
) -> None:
    async with connected(nats_url) as nc:
        js = nc.jetstream()
        await js.add_stream(StreamConfig(name="SAVINGS", subjects=["evt.*.savings.>"], allow_atomic=True))
        await deposit(store, 3)
        async with relaying(store, nc) as relay:
            await whole(relay, store)
        await js.purge_stream("SAVINGS")
        with pytest.raises(ForeignStream, match="no longer holds its message 3"):
            await Relay(store, nc, "savings").run()


async def test_without_its_stream_the_relay_stops(store: EventStore, nats_url: str) -> None:
    async with connected(nats_url) as nc:
        with pytest.raises(NotFoundError):
            await Relay(store, nc, "savings").run()


async def test_a_stream_that_takes_no_batches_stops_the_relay(store: EventStore, nats_url: str) -> None:
    async with connected(nats_url) as nc:
        await nc.jetstream().add_stream(StreamConfig(name="SAVINGS", subjects=["evt.*.savings.>"]))
        await deposit(store, FEW + 1, size=FEW + 1)
        with pytest.raises(APIError, match="atomic publish is disabled"):
            await Relay(store, nc, "savings").run()


async def test_a_connection_that_is_closed_for_good_stops_the_relay(store: EventStore, nc: Client) -> None:
    relay = Relay(store, nc, "savings")
    work = asyncio.create_task(relay.run())
    await deposit(store, 3)
    await whole(relay, store)
    await nc.close()
    await deposit(store, 1)
    with pytest.raises(nats.errors.ConnectionClosedError):
        await asyncio.wait_for(work, 10)


async def test_a_stream_that_was_lost_is_filled_again_at_the_same_sequences(store: EventStore, nats_url: str) -> None:
    async with connected(nats_url) as nc:
        js = nc.jetstream()
        await js.add_stream(StreamConfig(name="SAVINGS", subjects=["evt.*.savings.>"], allow_atomic=True))
        await deposit(store, 1_200, size=100)
        async with relaying(store, nc) as relay:
            await whole(relay, store)
        await js.delete_stream("SAVINGS")
        await ensure_stream(js, "savings")
        async with relaying(store, nc) as relay:
            await whole(relay, store)
        await assert_stream_is_log(nc, store)


async def test_the_broker_killed_again_and_again_loses_and_doubles_nothing(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relays, "ACK_LIMIT", 0.5)
    with breakable_nats() as server:
        async with connected(server.url()) as nc:
            await ensure_stream(nc.jetstream(), "savings")
            await deposit(store, 20_000, size=100)
            async with relaying(store, nc) as relay:
                for cut in (1_000, 5_000, 9_000, 14_000):
                    await until(lambda cut=cut: relay.published >= cut)  # type: ignore[misc]
                    server.kill()
                    await deposit(store, 50)
                    server.start()
                await whole(relay, store)
            await assert_stream_is_log(nc, store)


async def test_postgresql_killed_again_and_again_loses_and_doubles_nothing(nc: Client) -> None:
    with breakable_postgres() as server:
        async with EventStore(server.url(), "savings", CODEC) as store:
            await deposit(store, 10_000, size=100)
            async with relaying(store, nc) as relay:
                for cut in (1_000, 5_000):
                    await until(lambda cut=cut: relay.published >= cut)  # type: ignore[misc]
                    server.kill()
                    server.start()
                    await deposit(store, 50)
                await whole(relay, store)
            await assert_stream_is_log(nc, store)


async def test_the_relaying_process_killed_again_and_again_loses_and_doubles_nothing(
    store: EventStore, nc: Client, database_url: str, nats_url: str
) -> None:
    await deposit(store, 20_000, size=100)
    js = nc.jetstream()

    async def published() -> int:
        return int((await js.stream_info("SAVINGS")).state.last_seq)

    async def reached(cut: int) -> bool:
        return await published() >= cut

    for cut in (1, 9_000, 20_000):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.shared.eventsourcing.relaying", database_url, nats_url)
        )
        try:
            await until(lambda cut=cut: reached(cut), 30)  # type: ignore[misc]
        finally:
            process.kill()
            await process.wait()
    await assert_stream_is_log(nc, store)


async def test_the_stream_s_settings_are_brought_up_to_date(nats_url: str) -> None:
    async with connected(nats_url) as nc:
        js = nc.jetstream()
        await js.add_stream(StreamConfig(name="SAVINGS", subjects=["evt.old"], description="an operator's note"))
        await ensure_stream(js, "savings", max_msg_size=4_096)
        await ensure_stream(js, "savings", max_msg_size=4_096)
        config = (await js.stream_info("SAVINGS")).config
        assert config.subjects == ["evt.*.savings.>"]
        assert (config.max_msg_size, config.allow_atomic, config.description) == (4_096, True, "an operator's note")


async def test_what_is_in_the_stream_cannot_be_taken_out(store: EventStore, nc: Client) -> None:
    await deposit(store, 2)
    async with relaying(store, nc) as relay:
        await whole(relay, store)
    js = nc.jetstream()
    with pytest.raises(APIError, match="message delete not permitted"):
        await js.delete_msg("SAVINGS", 1)
    with pytest.raises(APIError, match="stream purge not permitted"):
        await js.purge_stream("SAVINGS")


async def restore(store: EventStore, position: int) -> None:
    """Put the log back to an earlier position, as a backup does."""
    await store.pool.execute("delete from savings.events where position > $1", position)
