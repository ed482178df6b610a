"""A stream as a feed: in order, whole, from wherever the reader left off, whatever is lost or killed on the way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import nats.errors
import pytest
from nats.aio.client import Client
from nats.js.api import StreamConfig
from structlog.testing import capture_logs

from shared.eventsourcing import feed as feeds
from shared.eventsourcing.codec import Codec
from shared.eventsourcing.feed import StreamBroken, StreamFeed
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.wire import Encoder
from shared.schemas.ids import new_id
from shared.schemas.messages import Event, Meta
from tests.shared.eventsourcing.breakable import breakable_nats, connected
from tests.shared.eventsourcing.savings import NOON
from tests.waiting import until

LIMIT = 30


class Rung(Event):
    number: int


class Muffled(Event):
    number: int


CODEC = Codec([Rung, Muffled])
ENCODER = Encoder("bells", CODEC)


@pytest.fixture
async def nc(nats_url: str) -> AsyncIterator[Client]:
    async with connected(nats_url) as nc:
        await make_stream(nc)
        yield nc


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "HEARTBEAT", 0.1)
    monkeypatch.setattr(feeds, "SILENCE", 0.4)


async def make_stream(nc: Client) -> None:
    await nc.jetstream().add_stream(StreamConfig(name="BELLS", subjects=["evt.*.bells.>"]))


async def ring(nc: Client, first: int, last: int, kind: type[Rung | Muffled] = Rung) -> None:
    """Publish the events with these numbers, which are their sequences too."""
    js = nc.jetstream()
    command = new_id()
    meta = Meta(federation="330503", actor="system:test", time=NOON, correlation=command, causation=command)
    for number in range(first, last + 1):
        event = Recorded(
            CODEC,
            number,
            "tower",
            number,
            new_id(),
            kind.__name__,
            1,
            kind(number=number).model_dump_json(),
            meta,
            None,
        )
        message = ENCODER.message(event)
        headers = message.headers | {"Nats-Expected-Last-Sequence": str(number - 1)}
        await js.publish_async(message.subject, message.body, headers=headers)
    async with asyncio.timeout(LIMIT):
        await js.publish_async_completed()


async def read(feed: StreamFeed, after: int, last: int) -> list[int]:
    """The numbers of the events beyond a place, up to the last."""
    numbers: list[int] = []
    async with asyncio.timeout(LIMIT), aclosing(feed.pages(after)) as pages:
        async for page in pages:
            numbers += [rung(recorded) for recorded in page]
            if page[-1].position >= last:
                break
    return numbers


def rung(recorded: Recorded) -> int:
    event: Any = recorded.event
    assert event.number == recorded.position == recorded.version
    return int(event.number)


def feed_of(nc: Client, **options: Any) -> StreamFeed:
    return StreamFeed(nc, "BELLS", "tower-views", CODEC, **options)


def numbers(first: int, last: int) -> list[int]:
    return list(range(first, last + 1))


async def consumers(nc: Client) -> list[str]:
    return [info.name for info in await nc.jetstream().consumers_info("BELLS")]


@pytest.mark.parametrize("after", [0, 1, 1_700, 2_499])
async def test_a_reader_gets_what_follows_its_place_in_order(nc: Client, after: int) -> None:
    await ring(nc, 1, 2_500)
    assert await read(feed_of(nc), after, 2_500) == numbers(after + 1, 2_500)


async def test_pages_are_bounded(nc: Client) -> None:
    await ring(nc, 1, 2_500)
    async with aclosing(feed_of(nc).pages()) as pages:
        sizes = [len(await anext(pages)) for _ in range(3)]
    assert max(sizes) <= 1_000


async def test_what_happens_later_follows(nc: Client) -> None:
    await ring(nc, 1, 3)
    async with asyncio.timeout(LIMIT), aclosing(feed_of(nc).pages()) as pages:
        seen = [rung(recorded) for recorded in await anext(pages)]
        for number in (4, 5, 6):
            await ring(nc, number, number)
            while seen[-1] < number:
                seen += [rung(recorded) for recorded in await anext(pages)]
    assert seen == numbers(1, 6)


async def test_the_feed_knows_where_the_stream_ends(nc: Client) -> None:
    assert await feed_of(nc).head() == 0
    await ring(nc, 1, 12)
    assert await feed_of(nc).head() == 12


async def test_any_number_of_readers_go_on_side_by_side(nc: Client) -> None:
    await ring(nc, 1, 2_000)
    feed = feed_of(nc)
    read_by_each = await asyncio.gather(*(read(feed, after, 2_000) for after in (0, 500, 0, 1_999)))
    assert read_by_each == [numbers(after + 1, 2_000) for after in (0, 500, 0, 1_999)]


async def test_a_feed_may_be_of_some_subjects_alone(nc: Client) -> None:
    await ring(nc, 1, 10)
    await ring(nc, 11, 20, Muffled)
    await ring(nc, 21, 30)
    assert await read(feed_of(nc, filters=["evt.*.bells.Rung"]), 5, 30) == numbers(6, 10) + numbers(21, 30)


async def test_a_reader_that_stops_leaves_nothing_behind(nc: Client) -> None:
    await ring(nc, 1, 10)
    assert await read(feed_of(nc), 0, 10) == numbers(1, 10)
    assert await consumers(nc) == []


async def test_an_operator_sees_who_reads(nc: Client) -> None:
    await ring(nc, 1, 10)
    async with aclosing(feed_of(nc).pages()) as pages:
        await anext(pages)
        [consumer] = await consumers(nc)
    assert consumer.startswith("tower-views-")


async def test_a_consumer_deleted_under_its_reader_is_made_anew(nc: Client) -> None:
    await ring(nc, 1, 10)
    async with asyncio.timeout(LIMIT), aclosing(feed_of(nc).pages()) as pages:
        seen = [rung(recorded) for recorded in await anext(pages)]
        for consumer in await consumers(nc):
            await nc.jetstream().delete_consumer("BELLS", consumer)
        await ring(nc, 11, 20)
        while seen[-1] < 20:
            seen += [rung(recorded) for recorded in await anext(pages)]
    assert seen == numbers(1, 20)


class LossyClient(Client):
    """Loses messages of streams on their way in: the n-th of all, for each n in `losing`."""

    losing: frozenset[int]
    arrived = 0

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        if reply.startswith(b"$JS.ACK."):
            self.arrived += 1
            if self.arrived in self.losing:
                return
        await super()._process_msg(sid, subject, reply, data, headers)


@pytest.mark.parametrize(
    "losing",
    [frozenset({1}), frozenset({700}), frozenset(range(990, 1_010)), frozenset({1_500}), frozenset({3, 5, 7, 1_499})],
    ids=["first", "middle", "across pages", "last", "several"],
)
async def test_what_is_lost_on_its_way_is_fetched_again(nc: Client, nats_url: str, losing: frozenset[int]) -> None:
    await ring(nc, 1, 1_500)
    lossy = LossyClient()
    lossy.losing = losing
    await lossy.connect(nats_url)
    try:
        assert await read(feed_of(lossy), 0, 1_500) == numbers(1, 1_500)
    finally:
        await lossy.close()


async def test_a_hole_in_the_stream_itself_stops_the_reader(nc: Client) -> None:
    await ring(nc, 1, 10)
    await nc.jetstream().delete_msg("BELLS", 6)
    assert await read(feed_of(nc), 0, 5) == numbers(1, 5)
    with pytest.raises(StreamBroken, match="BELLS: 7 follows 5"):
        await read(feed_of(nc), 0, 10)


async def test_a_reader_ahead_of_the_stream_says_so_and_waits_for_it(nc: Client) -> None:
    await ring(nc, 1, 5)
    with capture_logs() as logs:
        reading = asyncio.create_task(read(feed_of(nc), 8, 10))
        await until(lambda: logs)
        await ring(nc, 6, 10)
        assert await reading == [9, 10]
    assert "the stream is at 5 only" in logs[0]["error"]


async def test_a_message_that_is_no_event_stops_the_reader(nc: Client) -> None:
    await nc.jetstream().publish("evt.330503.bells.Rung", b"{}")
    with pytest.raises(KeyError):
        await read(feed_of(nc), 0, 1)


async def test_a_connection_that_is_closed_for_good_stops_the_reader(nc: Client) -> None:
    await ring(nc, 1, 3)
    async with asyncio.timeout(LIMIT), aclosing(feed_of(nc).pages()) as pages:
        await anext(pages)
        await nc.close()
        with pytest.raises(nats.errors.ConnectionClosedError):
            await anext(pages)


async def test_the_broker_killed_again_and_again_loses_and_doubles_nothing() -> None:
    with breakable_nats() as server:
        async with connected(server.url()) as nc:
            await make_stream(nc)
            await ring(nc, 1, 6_000)
            seen: list[int] = []
            cuts = [1, 1_500, 3_000, 4_500, 6_000]
            async with asyncio.timeout(LIMIT), aclosing(feed_of(nc).pages()) as pages:
                async for page in pages:
                    seen += [rung(recorded) for recorded in page]
                    if cuts and seen[-1] >= cuts[0]:
                        cuts.pop(0)
                        server.kill()
                        server.start()
                        if not cuts:
                            await ring(nc, 6_001, 6_100)
                    if seen[-1] == 6_100:
                        break
    assert seen == numbers(1, 6_100)
    assert not cuts
