"""The relay, against a bare loop of atomic batches; JetStream syncs every write to its disk.

The relay reads the log, makes CloudEvents of it and publishes them at their positions. The bare loop has its messages
ready: the same bodies under one subject, with no more headers than an atomic batch needs, as many a batch, by nats-py.
"""

import asyncio
import time
from contextlib import AsyncExitStack, suppress
from itertools import count
from typing import Final
from uuid import uuid4

import nats
from nats.aio.client import Client
from nats.js.api import StorageType, StreamConfig
from pydantic_core import from_json

from shared.eventsourcing.batch import MOST_MESSAGES
from shared.eventsourcing.relay import Relay, ensure_stream
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.wire import stream_name
from tests.bench import harness
from tests.bench.harness import Pace, database, interleaved, postgres, require
from tests.bench.line import CODEC
from tests.bench.report import Finding, rate
from tests.bench.seeding import seed, settle
from tests.waiting import until

EVENTS: Final = 50_000
LIMIT: Final = 60.0


async def measure(pace: Pace) -> list[Finding]:
    with postgres() as server, harness.nats() as broker:
        async with database(server) as dsn, AsyncExitStack() as stack:
            store = await stack.enter_async_context(EventStore(dsn, "log", CODEC))
            await seed(dsn, "log", EVENTS)
            await settle(dsn, "log.events")
            connection = await nats.connect(broker.url())
            stack.push_async_callback(connection.close)
            bodies = [recorded.data.encode() async for page in store.all() for recorded in page]  # type: ignore[union-attr]
            names = count()

            async def relay(_: float) -> float:
                return await _relay(store, connection, f"line{next(names)}")

            async def bare(_: float) -> float:
                return await _bare(connection, f"bare{next(names)}", bodies)

            rates = await interleaved({"ours": relay, "bare": bare}, pace)
    medians = {name: rate(rates.median(name)) for name in ("ours", "bare")}
    value = rates.ratio("ours", "bare")
    return [Finding("relay, synced writes", "events, ours : bare atomic batches", medians, value, "×", 0.7)]


async def _relay(store: EventStore, connection: Client, programme: str) -> float:
    js = connection.jetstream()
    await ensure_stream(js, programme)
    relay = Relay(store, connection, programme)
    began = time.perf_counter()
    running = asyncio.create_task(relay.run())
    await until(lambda: running.done() or relay.published == EVENTS, LIMIT)
    took = time.perf_counter() - began
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    state = (await js.stream_info(stream_name(programme))).state
    require(state.messages == state.last_seq == EVENTS, f"the stream holds {state.messages}, to {state.last_seq}")
    await js.delete_stream(stream_name(programme))
    return EVENTS / took


async def _bare(connection: Client, name: str, bodies: list[bytes]) -> float:
    js = connection.jetstream()
    await js.add_stream(StreamConfig(name=name, subjects=[f"{name}.>"], storage=StorageType.FILE, allow_atomic=True))
    subject, began = f"{name}.events", time.perf_counter()
    for first in range(0, len(bodies), MOST_MESSAGES):
        batch, members = uuid4().hex, bodies[first : first + MOST_MESSAGES]
        for number, body in enumerate(members, 1):
            headers = {
                "Nats-Batch-Id": batch,
                "Nats-Batch-Sequence": str(number),
                "Nats-Msg-Id": f"{name}-{first + number}",
            }
            if number == 1:
                headers["Nats-Expected-Last-Sequence"] = str(first)
            if number < len(members):
                await connection.publish(subject, body, headers=headers)
        answer = await connection.request(subject, body, headers=headers | {"Nats-Batch-Commit": "1"}, timeout=5)
        require(from_json(answer.data).get("seq") == first + len(members), f"bare: {answer.data.decode()}")
    took = time.perf_counter() - began
    await js.delete_stream(name)
    return len(bodies) / took
