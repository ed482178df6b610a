"""What must hold when all is healed and quiet. Each check says in sentences what is wrong, none if all is well."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
from nats.js import JetStreamContext

from deploy.local.demo.people import Person
from shared.eventsourcing.verification import Broken
from shared.eventsourcing.wire import stream_name
from tests.faults.recording import Answers
from tests.faults.schedule import PROGRAMMES

__all__ = [
    "consumers",
    "fired_once",
    "in_the_log_once",
    "letters",
    "positions",
    "rebuilt",
    "sealed",
    "unnamed",
    "witnessed",
]

type Connection = asyncpg.Connection[Any]

WITH_TIMERS: Final = ("loan", "lending", "aid")
ONCE: Final = {
    ("lending", "ReturnReminderDue"): "data ->> 'loan_id'",
    ("lending", "HelmetOverdue"): "data ->> 'loan_id'",
    ("lending", "OverdueEscalated"): "data ->> 'loan_id'",
    ("lending", "OverdueDigested"): "concat_ws(' ', data ->> 'union_id', data ->> 'on')",
    ("loan", "InstalmentFellDue"): "concat_ws(' ', data ->> 'draw_id', data ->> 'number')",
    ("loan", "InstalmentOverdue"): "concat_ws(' ', data ->> 'draw_id', data ->> 'number')",
}
"""What timers bring about, and what of it is there at most once."""


async def in_the_log_once(connection: Connection, answers: Answers) -> list[str]:
    """What was acknowledged stands in the log as it was answered; what was refused left nothing."""
    wrong: list[str] = []
    for programme in PROGRAMMES:
        commits = {
            row["id"]: (row["stream"], row["version"], row["position"])
            for row in await connection.fetch(f"select id, stream, version, position from {programme}.commits")
        }
        rows = await connection.fetch(
            f"select max(position) as last, (meta ->> 'causation')::uuid as id from {programme}.events group by 2"
        )
        ends = {row["id"]: row["last"] for row in rows}
        for one in answers.accepted:
            if one.programme == programme and one.accepted.changed:
                told = (one.accepted.stream, one.accepted.version, one.accepted.position)
                if commits.get(one.command_id) != told or ends.get(one.command_id) != told[2]:
                    has = f"{commits.get(one.command_id)}, events up to {ends.get(one.command_id)}"
                    wrong.append(f"{programme}: {one.kind} {one.command_id} was answered {told}, the log has {has}")
        wrong += [
            f"{programme}: {one.kind} {one.command_id} was refused ({one.code}), and is in the log"
            for one in answers.refused
            if one.programme == programme and one.command_id in commits
        ]
    return wrong


async def positions(connection: Connection) -> list[str]:
    """Of each table, from 1 without a gap; of each stream in it, the same of versions."""
    wrong: list[str] = []
    for programme in PROGRAMMES:
        first, last, count = await connection.fetchrow(
            f"select coalesce(min(position), 1), coalesce(max(position), 0), count(*) from {programme}.events"
        ) or (1, 0, 0)
        if (first, last) != (1, count):
            wrong.append(f"{programme}: {count} events have positions {first} to {last}")
        gaps = await connection.fetch(
            f"select stream, count(*), max(version) from {programme}.events group by 1 having count(*) <> max(version)"
        )
        wrong += [f"{programme}: {row[0]} has {row[1]} events up to version {row[2]}" for row in gaps]
    return wrong


async def consumers(connection: Connection, js: JetStreamContext) -> list[str]:
    """Read models, timers and durable consumers have come to the end of what they follow."""
    wrong: list[str] = []
    heads = {
        programme: await connection.fetchval(f"select coalesce(max(position), 0) from {programme}.events")
        for programme in PROGRAMMES
    }
    for programme, head in heads.items():
        info = await js.stream_info(stream_name(programme))
        if (info.state.first_seq, info.state.last_seq, info.state.messages) != (1, head, head):
            state = info.state
            wrong.append(
                f"{programme}: the log ends at {head}, the stream holds {state.messages} from {state.first_seq}"
                f" to {state.last_seq}"
            )
        for consumer in await js.consumers_info(stream_name(programme)):
            if consumer.config.durable_name and (consumer.num_pending or consumer.num_ack_pending):
                left = (consumer.num_pending or 0) + (consumer.num_ack_pending or 0)
                wrong.append(f"{consumer.name}: {left} events of {programme} are not acknowledged")
        followed = await connection.fetch(f"select name, position from {programme}.read_models")
        wrong += [
            f"{programme}: read model {row['name']} is at {row['position']}, no log ends there: {heads}"
            for row in followed
            if row["position"] not in heads.values()
        ]
    for programme in WITH_TIMERS:
        at = await connection.fetchval(f"select position from {programme}.checkpoints where consumer = 'timers'")
        if at != heads[programme]:
            wrong.append(f"{programme}: timers are at {at} of {heads[programme]}")
    return wrong


async def witnessed(connection: Connection, heard: Mapping[str, Sequence[UUID]]) -> list[str]:
    """What was heard of each stream while it happened is what the log holds."""
    wrong: list[str] = []
    for programme in PROGRAMMES:
        log = [row[0] for row in await connection.fetch(f"select id from {programme}.events order by position")]
        told = list(heard[programme])
        if told != log:
            pairs = enumerate(zip(told, log, strict=False), start=1)
            first = next((at for at, (one, other) in pairs if one != other), min(len(told), len(log)) + 1)
            wrong.append(f"{programme}: {len(told)} events were heard of {len(log)}; they part at position {first}")
    return wrong


async def letters(connection: Connection) -> list[str]:
    """No event is left that a service could not react to."""
    return [
        f"{programme}: {row['consumer']} has a letter, {row['state']} ({row['error']}), event {row['sequence']}"
        for programme in PROGRAMMES
        for row in await connection.fetch(f"select consumer, sequence, state, error from {programme}.letters")
    ]


async def fired_once(connection: Connection, now: datetime) -> list[str]:
    """What timers bring about was brought about once, and no timer that is due waits."""
    wrong: list[str] = []
    for (programme, kind), key in ONCE.items():
        rows = await connection.fetch(
            f"select {key} as key, count(*) from {programme}.events where type = $1 group by 1 having count(*) > 1",
            kind,
        )
        wrong += [f"{programme}: {kind} of {row['key']} happened {row['count']} times" for row in rows]
    for programme in WITH_TIMERS:
        late = f"select key, due, attempts, error from {programme}.timers where fired_at is null and due <= $1"
        wrong += [
            f"{programme}: timer {row['key']} was due {row['due']}, tried {row['attempts']} times: {row['error']}"
            for row in await connection.fetch(late, now)
        ]
    return wrong


def unnamed(logs: Path, people: Iterable[Person]) -> list[str]:
    """Whatever befell a part, its log has no name, number or address of anybody who took part."""
    traces = {trace for one in people for trace in (one.name, one.phone, one.email, one.id_number)}
    written = {path.name: path.read_text(encoding="utf-8", errors="replace") for path in sorted(logs.glob("*.log"))}
    return [f"{name} says {trace}" for name, text in written.items() for trace in traces if trace in text]


async def sealed() -> list[str]:
    """Seal chain, log and stream agree. Of the system whose home NIANGJIA_HOME names."""
    from deploy.local.passes import verify_logs  # all services' own libraries

    results = await verify_logs("", [])
    broken = {name: result for name, result in results.items() if isinstance(result, Broken)}
    return [f"{name}: broken at {result.position}: {result.why}" for name, result in broken.items()] + [
        f"{name} has no seals" for name in PROGRAMMES if name not in results
    ]


async def rebuilt(connection: Connection) -> list[str]:
    """Read models filled anew from the logs have the same rows. Of the system whose home NIANGJIA_HOME names."""
    from deploy.local.passes import rebuild_views  # all services' own libraries

    wrong: list[str] = []
    for programme in PROGRAMMES:
        live = await _read_models(connection, programme)
        await rebuild_views(programme, "")
        anew = await _read_models(connection, programme)
        if anew.keys() != live.keys():
            wrong.append(f"{programme}: read models were {sorted(live)}, and are {sorted(anew)}")
        for name in sorted(live.keys() & anew.keys()):
            if live[name] != anew[name]:
                less, more = live[name] - anew[name], anew[name] - live[name]
                wrong.append(
                    f"{programme}: {less.total()} rows of {name} are others when it is filled anew,"
                    f" such as {next(iter(less), None)}, which is {next(iter(more), None)}"
                )
    return wrong


async def _read_models(connection: Connection, programme: str) -> dict[str, Counter[tuple[str, ...]]]:
    names = [row[0] for row in await connection.fetch(f"select name from {programme}.read_models")]
    return {
        name: Counter(tuple(map(repr, row)) for row in await connection.fetch(f"select * from {programme}.{name}"))
        for name in names
    }
