"""The checks see what is wrong: each is shown a log, or a sink, that was tampered with."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from deploy.local.demo.people import Person
from deploy.local.mail_folder import mails_in
from deploy.local.sms_log import MESSAGES
from shared.eventsourcing.codec import Codec
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.writer import Commit, NewEvent, Write
from shared.schemas.ids import new_id
from shared.schemas.messages import Accepted
from tests.faults.checks import in_the_log_once, positions, unnamed, witnessed
from tests.faults.messages import sent_once
from tests.faults.recording import Acknowledged, Answers, Declined
from tests.faults.schedule import PROGRAMMES

type Connection = asyncpg.Connection[Any]


@pytest.fixture
async def logs(database_url: str) -> AsyncIterator[dict[str, EventStore]]:
    """Of every programme, with nothing in it."""
    async with AsyncExitStack() as stack:
        yield {
            programme: await stack.enter_async_context(EventStore(database_url, programme, Codec([])))
            for programme in PROGRAMMES
        }


@pytest.fixture
async def connection(logs: dict[str, EventStore], database_url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def _carried_out(log: EventStore, stream: str = "line-1", version: int = 0) -> Acknowledged:
    """A command that left two events."""
    own = new_id()
    meta = json.dumps({"causation": str(own)})
    events = [NewEvent(new_id(), "Something", 1, "{}", meta) for _ in range(2)]
    receipt = await log.append(Commit(own, own, [Write(stream, version, events)]))
    accepted = Accepted(stream=receipt.stream, version=receipt.version, position=receipt.position)
    return Acknowledged(log.schema, own, "DoSomething", accepted)


async def test_what_was_acknowledged_and_is_there_is_well(logs: dict[str, EventStore], connection: Connection) -> None:
    answers = Answers(accepted=[await _carried_out(logs["loan"]), await _carried_out(logs["aid"])])
    assert await in_the_log_once(connection, answers) == []
    assert await positions(connection) == []


async def test_an_acknowledged_command_that_is_not_in_the_log_is_found(
    logs: dict[str, EventStore], connection: Connection
) -> None:
    lost = await _carried_out(logs["loan"])
    await connection.execute("delete from loan.events")
    (wrong,) = await in_the_log_once(connection, Answers(accepted=[lost]))
    assert str(lost.command_id) in wrong


async def test_a_command_whose_answer_names_another_place_is_found(
    logs: dict[str, EventStore], connection: Connection
) -> None:
    told = await _carried_out(logs["loan"])
    await connection.execute("update loan.commits set position = position + 1")
    (wrong,) = await in_the_log_once(connection, Answers(accepted=[told]))
    assert str(told.command_id) in wrong


async def test_a_refused_command_that_left_something_is_found(
    logs: dict[str, EventStore], connection: Connection
) -> None:
    done = await _carried_out(logs["aid"])
    refused = Declined("aid", done.command_id, "DoSomething", "not_yours")
    (wrong,) = await in_the_log_once(connection, Answers(refused=[refused]))
    assert "not_yours" in wrong


async def test_a_gap_in_positions_or_versions_is_found(logs: dict[str, EventStore], connection: Connection) -> None:
    await _carried_out(logs["loan"])
    await _carried_out(logs["loan"], "line-2")
    await connection.execute("delete from loan.events where position = 3")
    wrong = await positions(connection)
    assert [line for line in wrong if "positions 1 to 4" in line]
    assert [line for line in wrong if "line-2" in line]


async def test_what_was_heard_and_is_not_in_the_log_is_found(
    logs: dict[str, EventStore], connection: Connection
) -> None:
    await _carried_out(logs["loan"])
    heard: dict[str, list[UUID]] = {programme: [] for programme in PROGRAMMES}
    rows = await connection.fetch("select id from loan.events order by position")
    heard["loan"] = [row[0] for row in rows]
    assert await witnessed(connection, heard) == []
    (wrong,) = await witnessed(connection, heard | {"loan": [heard["loan"][0], new_id()]})
    assert "position 2" in wrong
    (wrong,) = await witnessed(connection, heard | {"loan": heard["loan"][:1]})
    assert "1 events were heard of 2" in wrong


async def test_a_message_that_was_sent_twice_or_not_at_all_is_found(
    logs: dict[str, EventStore], connection: Connection, tmp_path: Path
) -> None:
    once, twice, never, unknown = (new_id() for _ in range(4))
    await connection.execute("create table notify.notifications (notification_id uuid, channel text, status text)")
    rows = [(once, "sms", "sent"), (twice, "sms", "sent"), (never, "sms", "sent")]
    await connection.executemany("insert into notify.notifications values ($1, $2, $3)", rows)
    (tmp_path / "sms").mkdir()
    (tmp_path / "mail").mkdir()
    sent = [once, twice, twice, unknown]
    lines = "".join(json.dumps({"out_id": str(own)}) + "\n" for own in sent)
    (tmp_path / "sms" / MESSAGES).write_text(lines)
    assert list(mails_in(tmp_path / "mail")) == []
    wrong, ended = await sent_once(connection, tmp_path)
    assert ended == {"sent by sms": 3}
    assert sorted(str(line).split()[1] for line in wrong) == sorted(map(str, (twice, never, unknown)))


def test_a_log_that_names_somebody_is_found(tmp_path: Path) -> None:
    somebody = Person("李建国", "19880912", "线缆工", number=11)
    (tmp_path / "loan.log").write_text('{"event": "ready"}', encoding="utf-8")
    assert unnamed(tmp_path, [somebody]) == []
    (tmp_path / "aid.log").write_text(f"no such member: {somebody.phone}", encoding="utf-8")
    assert unnamed(tmp_path, [somebody]) == [f"aid.log says {somebody.phone}"]
