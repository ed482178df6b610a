"""A hundred events in one commit to one stream, against a bare insert of the same rows by unnest.

The bare insert knows no expected version, no command id and no gapless position: its positions are an identity.
One caller each, a connection each, on the same server.
"""

from contextlib import AsyncExitStack
from typing import Final

import asyncpg

from shared.eventsourcing.store import EventStore
from shared.eventsourcing.writer import Commit, NewEvent, Write
from shared.schemas.ids import new_id
from tests.bench.contestants import Raw, as_rows
from tests.bench.harness import Pace, callers, database, interleaved, postgres, require
from tests.bench.line import CODEC, history, lines, meta_of
from tests.bench.report import Finding, rate

EVENTS: Final = 100
INSERT: Final = """
    insert into raw.events (stream, version, id, type, data, meta)
    select $1, $2 + n, id, type, data, meta
    from unnest($3::uuid[], $4::text[], $5::jsonb[], $6::jsonb[]) with ordinality as v (id, type, data, meta, n)"""


async def measure(pace: Pace) -> list[Finding]:
    with postgres() as server:
        async with database(server) as dsn, AsyncExitStack() as stack:
            store = await stack.enter_async_context(EventStore(dsn, "ours", CODEC))
            bare = await asyncpg.connect(dsn, server_settings={"jit": "off"})
            stack.push_async_callback(bare.close)
            await bare.execute(Raw.TABLE)
            insert = await bare.prepare(INSERT)
            appended = {"ours": 0, "bare": 0}

            def rows() -> list[NewEvent]:
                command = new_id()
                return as_rows(history(new_id(), new_id(), EVENTS), meta_of(command).model_dump_json())

            async def ours(seconds: float) -> float:
                stream = lines.stream(new_id())

                async def append(_: int, turn: int) -> None:
                    await store.append(Commit(new_id(), new_id(), [Write(stream, turn * EVENTS, made[turn % 16])]))
                    appended["ours"] += EVENTS

                made = [rows() for _ in range(16)]
                return await callers(1, seconds, append) * EVENTS

            async def plain(seconds: float) -> float:
                stream = lines.stream(new_id())

                async def append(_: int, turn: int) -> None:
                    events = made[turn % 16]
                    await insert.fetch(
                        stream,
                        turn * EVENTS,
                        [event.id for event in events],
                        [event.type for event in events],
                        [event.data for event in events],
                        [event.meta for event in events],
                    )
                    appended["bare"] += EVENTS

                made = [rows() for _ in range(16)]
                return await callers(1, seconds, append) * EVENTS

            rates = await interleaved({"ours": ours, "bare": plain}, pace)
            head = await store.head()
            stored = await bare.fetchval("select count(*) from raw.events")
            require(head == appended["ours"], f"ours: {head} stored, {appended['ours']} appended")
            require(stored == appended["bare"], f"bare: {stored} stored, {appended['bare']} inserted")
    medians = {name: rate(rates.median(name)) for name in ("ours", "bare")}
    return [
        Finding("100-event appends", "events, ours : bare unnest", medians, rates.ratio("ours", "bare"), "×", aim=0.8)
    ]
