"""What whoever may call a service can send it: each call is refused in words, and nothing of it is in the log."""

import asyncio
import json
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import pytest
from nats.aio.client import Client as Connection

from shared.runtime.client import Client
from shared.runtime.envelope import Envelope
from shared.runtime.service import Running
from shared.schemas.ids import new_id
from shared.schemas.messages import Actor, Refusal, Role
from tests.security.memos import KeepMemo
from tests.waiting import until

SUBJECT: Final = "cmd.330503.memo.KeepMemo"
HEADERS: Final = {"actor": "officer:zhou"}
MEMO: Final = {"memo_id": "0198f6a0-0000-7000-8000-000000000001", "word": "x", "times": 1}
LARGE: Final = 900_000


def memo(**fields: object) -> bytes:
    return json.dumps({**MEMO, **fields}).encode()


def with_word(raw: bytes) -> bytes:
    """JSON whose text is written as given."""
    return memo().replace(b'"x"', raw)


async def refusal(connection: Connection, subject: str, body: bytes, headers: Mapping[str, str] = HEADERS) -> Refusal:
    reply = await connection.request(subject, body, timeout=10, headers=dict(headers))
    assert (reply.headers or {}).get("status") == "refused"
    refusal = Refusal.model_validate_json(reply.data)
    assert refusal.code
    assert refusal.clause
    assert refusal.message
    assert "Traceback" not in reply.data.decode()
    return refusal


async def works_on(running: Running, connection: Connection) -> None:
    """Nothing of what was refused is in the log, and the next call is carried out."""
    command = KeepMemo(memo_id=new_id(), word="x", times=1)
    envelope = Envelope.fresh(Actor(role=Role.OFFICER, id="zhou"), "330503")
    accepted = await Client(connection, patience=10).send("memo", command, envelope)
    assert accepted.position == 1
    await until(lambda: running.relay.published == 1)


BODIES: Final = {
    "no JSON": b"\xff\xfe",
    "text that is no UTF-8": with_word(b'"\xff\xfe"'),
    "half a character": with_word(b'"\\ud800"'),
    "NUL": with_word(b'"a\\u0000b"'),
    "a raw NUL": with_word(b'"a\x00b"'),
    "a number that is none": with_word(b"NaN"),
    "a number without end": memo().replace(b": 1", b": Infinity"),
    "a number of a hundred thousand digits": memo().replace(b": 1", b": " + b"9" * 100_000),
    "a number with a hundred thousand zeros": memo().replace(b": 1", b": 1e100000"),
    "lists in lists": with_word(b"[" * 400_000 + b"]" * 400_000),
    "objects in objects": with_word(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "a list": b"[]",
    "nothing": b"null",
    "an unknown field": memo(role="operator"),
    "an unknown field with a long name": memo(**{"x" * LARGE: 1}),
    "a hundred thousand unknown fields": memo(**{str(number): 1 for number in range(50_000)}),
    "another type": memo(times={"$gt": ""}),
    "the end is missing": memo()[:-1],
    "more behind the end": memo() + memo(),
}


async def test_what_is_no_command_is_malformed_and_changes_nothing(memos: Running, connection: Connection) -> None:
    codes = {name: (await refusal(connection, SUBJECT, body)).code for name, body in BODIES.items()}
    assert codes == dict.fromkeys(BODIES, "malformed")
    await works_on(memos, connection)


HEADS: Final = {
    "nobody acts": {},
    "no role": {"actor": "zhou"},
    "a role that there is not": {"actor": "root:zhou"},
    "nobody's id": {"actor": "officer:"},
    "a long id": {"actor": "officer:" + "x" * 10_000},
    "an id with more in it": {"actor": "officer:zhou, operator:li"},
    "a command's id that is none": {**HEADERS, "command-id": "1"},
    "a story's id that is none": {**HEADERS, "correlation": "1"},
    "no instant": {**HEADERS, "sent-at": "99999-01-01"},
}


async def test_a_call_of_nobody_or_under_no_id_is_malformed(memos: Running, connection: Connection) -> None:
    codes = {name: (await refusal(connection, SUBJECT, memo(), head)).code for name, head in HEADS.items()}
    assert codes == dict.fromkeys(HEADS, "malformed")
    await works_on(memos, connection)


@pytest.mark.parametrize("federation", ["33050", "3305033", "３３０５０３", "county", "330503x", "x" * 2000])
async def test_a_federation_that_is_no_division_code_is_refused(
    memos: Running, connection: Connection, federation: str
) -> None:
    assert (await refusal(connection, f"cmd.{federation}.memo.KeepMemo", memo())).code == "malformed"
    await works_on(memos, connection)


async def test_a_command_that_there_is_not_is_refused_by_its_name(memos: Running, connection: Connection) -> None:
    for subject in ("cmd.330503.memo.DropTables", "cmd.330503.memo.ShowMemo", "qry.330503.memo.KeepMemo"):
        assert (await refusal(connection, subject, memo())).code == "unknown_message"
    await works_on(memos, connection)


@pytest.mark.parametrize("after", ["-1", "1e9", "9" * 5000, "٣", "0x10", " "])
async def test_a_position_that_is_none_is_refused(memos: Running, connection: Connection, after: str) -> None:
    body = json.dumps({"memo_id": MEMO["memo_id"]}).encode()
    head = {**HEADERS, "after": after}
    assert (await refusal(connection, "qry.330503.memo.ShowMemo", body, head)).code == "malformed"


@pytest.mark.parametrize("trace", ["x" * 200_000, "娘家" * 1000, "00-" + "z" * 32 + "-" + "0" * 16 + "-01"])
async def test_a_trace_that_is_none_does_not_reach_the_log(memos: Running, connection: Connection, trace: str) -> None:
    reply = await connection.request(SUBJECT, memo(), timeout=10, headers={**HEADERS, "traceparent": trace})
    assert (reply.headers or {})["status"] == "accepted"
    assert await memos.store.pool.fetchval("select meta->>'trace' from memo.events") is None
    await until(lambda: memos.relay.published == 1)


async def test_a_refusal_names_no_more_than_a_few_fields_and_none_in_full_length(
    memos: Running, connection: Connection
) -> None:
    many = await refusal(connection, SUBJECT, BODIES["a hundred thousand unknown fields"])
    assert len(many.details["fields"]) == 20
    long = await refusal(connection, SUBJECT, BODIES["an unknown field with a long name"])
    assert max(map(len, long.details["fields"])) == 100


async def test_an_answer_goes_to_an_inbox_and_nowhere_else(memos: Running, connection: Connection) -> None:
    """A service may publish events; whoever may only call it could else have it publish its answer as one."""
    stream = (await connection.jetstream().stream_info("MEMO")).state.last_seq
    for elsewhere in ("evt.330503.memo.MemoKept", "$JS.API.STREAM.DELETE.MEMO", "cmd.330503.memo.KeepMemo"):
        await connection.publish(SUBJECT, memo(), reply=elsewhere, headers=HEADERS)
    await works_on(memos, connection)
    assert (await connection.jetstream().stream_info("MEMO")).state.last_seq == stream + 1


RAW: Final = (
    b"NATS/1.0 \xff\xfe\r\n\r\n",
    b"NATS/1.0 200 \xff\r\n\r\n",
    b"NATS/1.0\r\n\xff: \xff\r\n\r\n",
    b"NATS/1.0\r\nactor: officer:\xff\r\n\r\n",
    b"NATS/1.0\r\nno colon\r\n\r\n",
    b"NATS/1.0\r\n\r\n",
)


async def test_headers_that_are_none_end_no_connection(memos: Running, nats_url: str, connection: Connection) -> None:
    url = urlsplit(nats_url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    sign_in = {"verbose": False, "headers": True, "user": url.username, "pass": url.password}
    writer.write(b"CONNECT " + json.dumps(sign_in).encode() + b"\r\n")
    for head in RAW:
        body = memo()
        writer.write(b"HPUB %b _INBOX.x %d %d\r\n" % (SUBJECT.encode(), len(head), len(head) + len(body)))
        writer.write(head + body + b"\r\n")
    writer.write(b"PUB cmd.330503.memo.\xff\xfe _INBOX.x 2\r\n{}\r\nPING\r\n")
    await writer.drain()
    async with asyncio.timeout(10):
        while b"PONG" not in await reader.readline():
            pass
    writer.close()
    await works_on(memos, connection)
    assert memos.connection.stats["reconnects"] == 0
