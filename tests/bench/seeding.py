"""Logs made by SQL: as appended, but in seconds."""

import time
from typing import Final
from uuid import UUID

import asyncpg

from shared.schemas.ids import new_id
from tests.bench.line import CODEC, SEEDED, history, lines, meta_of

TOGETHER: Final = 500
"""Streams that grow side by side: neighbours in the log belong to different ones."""

FIRST_KEY: Final = UUID("00000000-0000-7000-8000-000000000000")
KEY: Final = f"overlay('{FIRST_KEY}' placing lpad(to_hex(n), 12, '0') from 25)"

EVENTS: Final = f"""
    insert into {{schema}}.events
    select (n - 1 - (n - 1) % {TOGETHER}) * {SEEDED} + (step - 1) * {TOGETHER} + (n - 1) % {TOGETHER} + 1,
           '{lines.category}-' || key, step, uuidv7(), kind, 1, data || jsonb_build_object('line', key),
           $3::jsonb, now()
    from generate_series(1, $4::integer) i,
         lateral (select $5 + i as n) as numbered,
         lateral (select {KEY} as key) as keyed,
         unnest($1::text[], $2::jsonb[]) with ordinality as e (kind, data, step)
    order by 1"""

COMMITS: Final = f"""
    insert into {{schema}}.commits
    select {KEY}::uuid, uuidv7(), stream, version, position, recorded_at
    from (select *, position as n from {{schema}}.events where position > $1) e"""


def key_of(number: int) -> UUID:
    """Of the stream with this number, from 1 in the order of making, as UUIDv7 are."""
    return UUID(int=FIRST_KEY.int + number)


async def seed(dsn: str, schema: str, events: int) -> float:
    """Append so many events to a log that has none but such: new streams of ten, each event a commit. Readers are told.

    Positions, versions and commits are what `append` would have made them. `events` is a multiple of 5,000. Gives
    when they could first be read, as `time.perf_counter()` has it.
    """
    assert events % (TOGETHER * SEEDED) == 0
    made = history(new_id(), new_id())
    types, datas = [type(event).__name__ for event in made], [CODEC.encode(event) for event in made]
    meta = meta_of(new_id()).model_dump_json()
    connection = await asyncpg.connect(dsn, server_settings={"jit": "off"})
    try:
        async with connection.transaction():
            head: int = await connection.fetchval(f"select coalesce(max(position), 0) from {schema}.events")
            streams = events // SEEDED
            arguments = (types, datas, meta, streams, head // SEEDED)
            await connection.execute(EVENTS.format(schema=schema), *arguments)
            await connection.execute(COMMITS.format(schema=schema), head)
            await connection.execute("select pg_notify($1, '')", schema)
            committed = time.perf_counter()
    finally:
        await connection.close()
    return committed


async def settle(dsn: str, *tables: str) -> None:
    """Leave no vacuum and no checkpoint for the time of measuring."""
    connection = await asyncpg.connect(dsn)
    for table in tables:
        await connection.execute(f"vacuum (analyze) {table}")
    await connection.execute("checkpoint")
    await connection.close()
