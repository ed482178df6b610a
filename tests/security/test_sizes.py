"""What is too large is refused in words, before it is in the log or on its way; nothing is cut off or lost."""

import pytest
from nats.aio.client import Client as Connection

from shared.eventsourcing.repository import LARGEST_EVENT
from shared.runtime.client import Client
from shared.runtime.envelope import Envelope
from shared.runtime.service import Running
from shared.schemas.ids import new_id
from shared.schemas.messages import Actor, Refused, Role
from tests.security.memos import KeepMemo, ShowMemo
from tests.waiting import until

WORD = "娘家"
WORD_BYTES = len(WORD.encode())
BESIDE = 200
"""Bytes of an event that are not the memo's text, at most."""


def envelope() -> Envelope:
    return Envelope.fresh(Actor(role=Role.OFFICER, id="zhou"), "330503")


@pytest.fixture
def client(connection: Connection) -> Client:
    return Client(connection, timeout=20, patience=1)


async def test_the_largest_event_is_kept_and_passed_on(memos: Running, client: Client) -> None:
    words = (LARGEST_EVENT - BESIDE) // WORD_BYTES
    await client.send("memo", KeepMemo(memo_id=new_id(), word=WORD, times=words), envelope())
    numbers = (LARGEST_EVENT - BESIDE) // 2  # `1,` each, which PostgreSQL gives back as `1, `
    await client.send("memo", KeepMemo(memo_id=new_id(), word="", times=0, numbers=numbers), envelope())
    await until(lambda: memos.relay.published == 2)


@pytest.mark.parametrize("size", [LARGEST_EVENT, 3 * 1024 * 1024])
async def test_a_command_that_would_make_a_larger_one_is_refused_and_the_log_goes_on(
    memos: Running, client: Client, size: int
) -> None:
    with pytest.raises(Refused, match="too_large"):
        await client.send("memo", KeepMemo(memo_id=new_id(), word=WORD, times=size // WORD_BYTES), envelope())
    accepted = await client.send("memo", KeepMemo(memo_id=new_id(), word=WORD, times=1), envelope())
    assert accepted.position == 1
    await until(lambda: memos.relay.published == 1)


async def test_an_answer_that_no_message_holds_is_a_refusal(memos: Running, client: Client) -> None:
    memo_id = new_id()
    accepted = await client.send("memo", KeepMemo(memo_id=memo_id, word="x", times=500_000), envelope())
    answer = await client.ask("memo", ShowMemo(memo_id=memo_id, times=2), envelope(), after=accepted.position)
    assert sum(map(len, answer.texts)) == 1_000_000
    with pytest.raises(Refused, match="answer_too_large"):
        await client.ask("memo", ShowMemo(memo_id=memo_id, times=3), envelope())


async def test_a_call_that_no_message_holds_is_refused_where_it_is_made(memos: Running, client: Client) -> None:
    with pytest.raises(Refused, match="too_large"):
        await client.send("memo", KeepMemo(memo_id=new_id(), word="x" * 1024 * 1024, times=1), envelope())
    assert await memos.store.head() == 0
