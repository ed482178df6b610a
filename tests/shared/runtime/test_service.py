"""Whole services in the shell, on real PostgreSQL and NATS, talked to as their users do."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import nats
import pytest
from nats.aio.client import Client as Connection

from deploy.local.ports import free_port
from deploy.local.postgres import FAST, PostgresServer
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.relay import ensure_stream
from shared.eventsourcing.wire import Encoder
from shared.runtime.client import Client, NoAnswer
from shared.runtime.envelope import Envelope
from shared.runtime.reactions import ACK_WAIT, Reaction
from shared.runtime.service import Running
from shared.runtime.settings import Settings
from shared.schemas.ids import new_id
from shared.schemas.messages import Actor, Command, Refusal, Refused, Role
from tests.shared.runtime.tills import (
    CODEC,
    TILLS,
    Clapper,
    MoneyPut,
    MoneyTaken,
    PutMoney,
    RingBell,
    ShowTill,
    TakeMoney,
    TillAnswer,
    Tills,
    bell,
    bells,
    on_money_taken,
)
from tests.waiting import until

OFFICER = Actor(role=Role.OFFICER, id="zhou")
MEMBER = Actor(role=Role.MEMBER, id="li")


@pytest.fixture
def settings(database_url: str, nats_url: str) -> Settings:
    return Settings.model_validate({"database_url": database_url, "nats_url": nats_url, "clock": "settable"})


@pytest.fixture
async def tills(settings: Settings) -> AsyncIterator[Running]:
    async with TILLS.running(settings) as running:
        yield running


@pytest.fixture
async def connection(nats_url: str) -> AsyncIterator[Connection]:
    connection = await nats.connect(nats_url)
    yield connection
    await connection.close()


@pytest.fixture
def client(connection: Connection) -> Client:
    return Client(connection, timeout=2, patience=10)


async def send(client: Client, command: Command, actor: Actor = OFFICER, id: UUID | None = None) -> Any:  # noqa: A002
    return await client.send("bell" if isinstance(command, RingBell) else "till", command, envelope(actor, id))


def envelope(actor: Actor = OFFICER, id: UUID | None = None) -> Envelope:  # noqa: A002
    return Envelope.fresh(actor, "330503", id)


async def test_a_command_is_accepted_and_its_sender_reads_it_back_at_once(tills: Running, client: Client) -> None:
    till = new_id()
    accepted = await send(client, PutMoney(till_id=till, amount=500))
    assert accepted.stream == f"till-{till}"
    assert (accepted.version, accepted.position) == (1, 1)
    answer = await client.ask("till", ShowTill(till_id=till), envelope(), after=accepted.position)
    assert answer == TillAnswer(balance=500, checked=0)


async def test_a_refusal_names_code_clause_and_words(tills: Running, client: Client) -> None:
    with pytest.raises(Refused) as refused:
        await send(client, TakeMoney(till_id=new_id(), amount=1))
    refusal = refused.value.refusal
    assert (refusal.code, refusal.clause, refusal.message) == ("till_empty", "备用金 第1条", "备用金只有0分")


async def test_a_command_sent_twice_is_carried_out_once_and_another_under_its_id_is_refused(
    tills: Running, client: Client
) -> None:
    till, same = new_id(), new_id()
    first = await send(client, PutMoney(till_id=till, amount=500), id=same)
    again = await send(client, PutMoney(till_id=till, amount=500), id=same)
    assert again.duplicate
    assert (again.stream, again.version, again.position) == (first.stream, first.version, first.position)
    with pytest.raises(Refused, match="command_id_reused"):
        await send(client, PutMoney(till_id=till, amount=501), id=same)
    assert await tills.store.head() == 1


async def test_who_may_not_ask_is_refused(tills: Running, client: Client) -> None:
    with pytest.raises(Refused, match="not_allowed"):
        await send(client, TakeMoney(till_id=new_id(), amount=1), MEMBER)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"{", {"body"}),
        (b"", {"till_id", "amount"}),
        (b'{"till_id": "x", "amount": "1e99", "colour": 1}', {"till_id", "amount", "colour"}),
        (b'{"till_id": "0198d6a0-0000-7000-8000-000000000000", "amount": "-1.00"}', {"amount"}),
        (b'{"note": "\\u0000"}', {"body"}),
        (b"[" * 5000, {"body"}),
    ],
)
async def test_what_is_malformed_is_refused_by_field_and_never_repeated(
    tills: Running, client: Client, body: bytes, fields: set[str]
) -> None:
    status, reply = await client.call("cmd.330503.till.TakeMoney", body, envelope().headers())
    assert status == "refused"
    refusal = Refusal.model_validate_json(reply)
    assert refusal.code == "malformed"
    assert set(refusal.details["fields"]) == fields


async def test_an_unknown_command_and_headers_without_an_actor_are_refused(tills: Running, client: Client) -> None:
    status, reply = await client.call("cmd.330503.till.BurnMoney", b"{}", envelope().headers())
    assert (status, b"unknown_message" in reply) == ("refused", True)
    status, reply = await client.call("cmd.330503.till.PutMoney", b"{}", {})
    assert (status, b"malformed" in reply) == ("refused", True)


async def test_nobody_answering_is_told_apart_from_a_refusal(connection: Connection) -> None:
    with pytest.raises(NoAnswer):
        await send(Client(connection, timeout=0.1, patience=0.3), PutMoney(till_id=new_id(), amount=1))


async def test_every_event_reaches_the_stream_at_its_own_position(
    tills: Running, client: Client, connection: Connection
) -> None:
    till = new_id()
    for amount in range(1, 21):
        await send(client, PutMoney(till_id=till, amount=amount))
    js = connection.jetstream()
    await until(lambda: tills.relay.published == 20)
    message = await js.get_msg("TILL", seq=7)
    assert message.subject == "evt.330503.till.MoneyPut"
    assert message.headers is not None
    assert message.headers["ce-position"] == "7"
    assert message.data is not None
    assert MoneyPut.model_validate_json(message.data) == MoneyPut(till_id=till, amount=7)


async def test_a_deadline_fires_once_when_the_clock_has_come_to_it(tills: Running, client: Client) -> None:
    till = new_id()
    await send(client, PutMoney(till_id=till, amount=500))
    taken = await send(client, TakeMoney(till_id=till, amount=100))
    assert (await client.ask("till", ShowTill(till_id=till), envelope(), after=taken.position)).checked == 0
    tills.clock.move(timedelta(hours=1))

    async def checked() -> bool:
        answer: TillAnswer = await client.ask("till", ShowTill(till_id=till), envelope())
        return answer.checked == 1

    await until(checked)


async def test_two_instances_share_the_work_and_one_goes_on_alone(settings: Settings, client: Client) -> None:
    till = new_id()
    async with TILLS.running(settings) as second:
        async with TILLS.running(settings) as first:
            for _ in range(20):
                last = await send(client, PutMoney(till_id=till, amount=1))
            await until(lambda: first.leadership.leads | second.leadership.leads >= {"relay", "views"})
            assert not first.leadership.leads & second.leadership.leads
        answer = await client.ask("till", ShowTill(till_id=till), envelope(), after=last.position)
        assert answer.balance == 20
        await until(lambda: "relay" in second.leadership.leads)
        last = await send(client, PutMoney(till_id=till, amount=1))
        assert last.version == 21
        answer = await client.ask("till", ShowTill(till_id=till), envelope(), after=last.position)
        assert answer.balance == 21
        await until(lambda: second.relay.published == 21)


# Reactions


async def test_a_service_reacts_to_another_and_follows_its_facts(
    settings: Settings, tills: Running, client: Client
) -> None:
    clapper, till = Clapper(), new_id()
    async with bells(clapper).running(settings) as running:
        await send(client, PutMoney(till_id=till, amount=500))
        await send(client, TakeMoney(till_id=till, amount=100))
        await until(lambda: running.store.head())
        (rung,) = await running.store.stream(f"bell-{till}")
        (_, taken) = await tills.store.stream(f"till-{till}")
        assert rung.meta.correlation == taken.meta.correlation
        assert rung.meta.cause == taken.id
        await running.read_models.followed("till", taken.position)
        row = await running.read_models.one(Tills, till)
        assert row is not None
        assert row.balance == 400


async def test_a_failing_event_parks_its_own_stream_and_no_other_until_an_operator_retries(
    settings: Settings, tills: Running, client: Client
) -> None:
    clapper, bad, good = Clapper(), new_id(), new_id()
    clapper.stuck.add(13)
    async with bells(clapper).running(settings) as running:
        for till in (bad, good):
            await send(client, PutMoney(till_id=till, amount=500))
        for till, amount in ((bad, 1), (bad, 13), (bad, 2), (good, 3), (bad, 4)):
            await send(client, TakeMoney(till_id=till, amount=amount))
        assert await until(lambda: rung(running, good)) == (3,)

        async def parked() -> bool:
            return (await running.letters.counts()).get(("bell-on-till", "parked")) == 2

        await until(parked)
        assert await rung(running, bad) == (1,)
        await until(lambda: _dead(running))
        (letter,) = [letter for letter in await running.letters.all() if letter.state == "dead"]
        assert (letter.error, letter.stream) == ("Rung", f"till-{bad}")

        clapper.stuck.clear()
        assert await running.letters.retry(letter.consumer, letter.sequence)

        async def all_rung() -> bool:
            return await rung(running, bad) == (1, 13, 2, 4)

        await until(all_rung)

        async def none_left() -> bool:
            return not await running.letters.all()

        await until(none_left)


async def test_an_operator_skips_an_event_and_what_waited_behind_it_goes_on(
    settings: Settings, tills: Running, client: Client
) -> None:
    clapper, till = Clapper(), new_id()
    clapper.stuck.add(13)
    async with bells(clapper).running(settings) as running:
        await send(client, PutMoney(till_id=till, amount=500))
        for amount in (13, 2):
            await send(client, TakeMoney(till_id=till, amount=amount))
        letters = await until(lambda: running.letters.all())
        assert await running.letters.skip("bell-on-till", letters[0].sequence)
        assert await until(lambda: rung(running, till)) == (2,)

        async def only_the_record_is_left() -> bool:
            return [letter.state for letter in await running.letters.all()] == ["skipped"]

        await until(only_the_record_is_left)


async def test_a_reaction_heard_twice_acts_once(settings: Settings, tills: Running, client: Client) -> None:
    clapper, till = Clapper(), new_id()
    async with bells(clapper).running(settings) as running:
        await send(client, PutMoney(till_id=till, amount=500))
        await send(client, TakeMoney(till_id=till, amount=9))
        await until(lambda: rung(running, till))
        await running.connection.jetstream().delete_consumer("TILL", "bell-on-till")
    async with bells(clapper).running(settings) as running:  # the consumer begins anew, from the first event
        await until(lambda: clapper.struck == [9, 9])
        await send(client, TakeMoney(till_id=till, amount=8))

        async def both() -> bool:
            return await rung(running, till) == (9, 8)

        await until(both)


async def test_a_programme_that_is_not_there_keeps_no_other_from_being_heard(
    settings: Settings, tills: Running, client: Client
) -> None:
    clapper, till = Clapper(), new_id()
    absent = Reaction("bell-on-organ", "organ", CODEC, {MoneyTaken: on_money_taken})
    service = bells(clapper)
    async with replace(service, reactions=(absent, *service.reactions)).running(settings) as running:
        await send(client, PutMoney(till_id=till, amount=500))
        await send(client, TakeMoney(till_id=till, amount=9))
        assert await until(lambda: rung(running, till)) == (9,)
        assert await running.missing() == {"reactions": "waiting for their streams"}


async def rung(running: Running, till: UUID) -> tuple[int, ...]:
    """The amounts that the bell rang for, in order."""
    return bell.fold(r.event for r in await running.store.stream(f"bell-{till}"))  # type: ignore[misc]


async def _dead(running: Running) -> bool:
    return (await running.letters.counts()).get(("bell-on-till", "dead")) == 1


async def test_an_event_waits_in_hand_while_postgresql_is_away_however_long(tmp_path: Path, nats_url: str) -> None:
    server = PostgresServer(tmp_path / "postgres", free_port(), FAST)
    with server:
        settings = Settings.model_validate({"database_url": server.url(), "nats_url": nats_url})
        clapper, till = Clapper(), new_id()
        connection = await nats.connect(nats_url)
        async with bells(clapper).running(settings) as running:
            js = connection.jetstream()
            await ensure_stream(js, "till")
            await until(running.reacting.is_set)
            server.kill()
            taken = MoneyTaken(till_id=till, amount=9)
            meta = Envelope.fresh(OFFICER, "330503").meta(datetime.now(UTC))
            recorded = Recorded(
                CODEC, 1, f"till-{till}", 1, new_id(), "MoneyTaken", 1, taken.model_dump_json(), meta, None
            )
            message = Encoder("till", CODEC).message(recorded)
            await js.publish(message.subject, message.body, headers=dict(message.headers))

            enough = asyncio.get_running_loop().time() + ACK_WAIT * 1.5

            async def longer_than_a_crash_is_waited_for() -> bool:
                info = await js.consumer_info("TILL", "bell-on-till")
                return info.num_ack_pending == 1 and asyncio.get_running_loop().time() > enough

            await until(longer_than_a_crash_is_waited_for)
            assert (await js.consumer_info("TILL", "bell-on-till")).num_redelivered == 0
            server.start()
            assert await until(lambda: rung(running, till)) == (9,)
            assert await running.letters.all() == []
        await connection.close()


async def test_several_events_are_heard_together_and_those_of_one_stream_in_turn(
    settings: Settings, tills: Running, client: Client
) -> None:
    clapper, one, other = Clapper(), new_id(), new_id()
    clapper.slow = asyncio.Event()
    service = bells(clapper)
    together = tuple(replace(reaction, at_once=8) for reaction in service.reactions)
    async with replace(service, reactions=together).running(settings) as running:
        for till in (one, other):
            await send(client, PutMoney(till_id=till, amount=500))
        for till, amount in ((one, 1), (one, 2), (one, 3), (other, 4)):
            await send(client, TakeMoney(till_id=till, amount=amount))
        await until(lambda: len(clapper.struck) == 2)
        assert sorted(clapper.struck) == [1, 4]
        clapper.slow.set()

        async def all_rung() -> bool:
            return (await rung(running, one), await rung(running, other)) == ((1, 2, 3), (4,))

        await until(all_rung)
    async with replace(service, reactions=together).running(settings) as running:
        await send(client, TakeMoney(till_id=one, amount=5))  # what was acknowledged is not heard again

        async def one_more() -> bool:
            return await rung(running, one) == (1, 2, 3, 5)

        await until(one_more)
    assert len(clapper.struck) == 5
