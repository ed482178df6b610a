"""Text messages by SMPP: towards another's SMSC, and towards one of our own that fails to order."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import smpp34
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.ports import LOOPBACK, free_port
from services.notify.channels import (
    Delivered,
    Failed,
    InboundReply,
    NotServed,
    OutcomeUnknown,
    OverBudget,
    Permanent,
    Receipt,
    Sent,
    Sms,
    Technical,
    Temporary,
    Unknowable,
    Window,
)
from services.notify.providers import smpp_session
from services.notify.providers.smpp import Smpp, SmppAccount
from services.notify.providers.smpp_pdu import Deliver, MalformedPdu, Tag, submit_body
from services.notify.providers.smpp_session import Lost
from shared.schemas.notify import FailureKind
from tests.services.notify.providers.messages import Heard, sms
from tests.services.notify.providers.smpp_peer import Fault, FaultySmsc, Smsc, faulty_smsc, smsc
from tests.waiting import until


def smpp(port: int, **more: object) -> Smpp:
    given = {"host": LOOPBACK, "port": port, "system_id": "niangjia", "password": "of-test", "sender": "10690000"}
    return Smpp(SmppAccount.model_validate({**given, "timeout": 5, **more}))


@asynccontextmanager
async def towards_an_smsc() -> AsyncIterator[tuple[Smsc, Smpp]]:
    async with smsc() as peer:
        provider = smpp(peer.port)
        try:
            yield peer, provider
        finally:
            await provider.close()


@asynccontextmanager
async def towards_a_faulty_one(patience: float = 5) -> AsyncIterator[tuple[FaultySmsc, Smpp]]:
    async with faulty_smsc() as peer:
        provider = smpp(peer.port, timeout=patience)
        try:
            yield peer, provider
        finally:
            await provider.close()


async def settled(provider: Smpp, message: Sms) -> Sent | None:
    """None while it is not known."""
    try:
        return await provider.settle(message, message.at)
    except Unknowable:
        raise
    except OutcomeUnknown:
        return None


@asynccontextmanager
async def listening(provider: Smpp, heard: Heard) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(provider.listen(heard))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_message_goes_out_as_utf16_to_an_international_number_and_asks_for_a_receipt() -> None:
    async with towards_an_smsc() as (peer, provider):
        message = sms()
        sent = await provider.send(message)
        (taken,) = peer.submitted
    assert sent.provider_message_id == "id-1"
    assert (taken.destination_addr, taken.dest_addr_ton, taken.dest_addr_npi) == ("8613867201234", 1, 1)
    assert (taken.source_addr, taken.data_coding, taken.registered_delivery) == ("10690000", 8, 1)
    assert taken.short_message.decode("utf-16-be") == message.text


@pytest.mark.parametrize(("characters", "short"), [(70, True), (71, False), (500, False)])
async def test_a_long_message_is_one_request_so_that_no_part_of_it_can_be_missing(characters: int, short: bool) -> None:
    async with towards_an_smsc() as (peer, provider):
        message = sms("【南浔区总工会】" + "好" * (characters - 8))
        await provider.send(message)
        (taken,) = peer.submitted
    payload = [tlv.value for tlv in taken.tlvs if tlv.tag == Tag.MESSAGE_PAYLOAD]
    assert (taken.short_message or payload[0]).decode("utf-16-be") == message.text
    assert bool(taken.short_message) is short


async def test_messages_share_a_session() -> None:
    async with towards_an_smsc() as (peer, provider):
        await asyncio.gather(*(provider.send(sms()) for _ in range(20)))
        assert (len(peer.submitted), len(peer.bound)) == (20, 1)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (0x0B, Permanent),
        (0x0A, NotServed),
        (0x14, Temporary),
        (0x58, OverBudget),
        (0x08, Technical),
        (0x0400, Technical),
    ],
)
async def test_a_refusal_is_classified(status: int, error: type[Exception]) -> None:
    async with towards_an_smsc() as (peer, provider):
        peer.refuses = status
        with pytest.raises(error) as raised:
            await provider.send(sms())
    assert type(raised.value) is error
    if isinstance(raised.value, OverBudget):
        assert raised.value.window is Window.SECOND


async def test_an_smsc_that_cannot_be_reached_or_does_not_let_us_in_got_nothing() -> None:
    nobody = smpp(free_port())
    with pytest.raises(Technical, match="ConnectionRefusedError"):
        await nobody.send(sms())
    async with towards_a_faulty_one() as (peer, provider):
        peer.bind_status = 0x0E
        with pytest.raises(Technical, match="smpp bind 0x0000000E"):
            await provider.send(sms())
        peer.bind_status = 0
        await provider.send(sms())
        assert peer.taken == 1


async def test_a_line_is_sealed_and_only_one_that_somebody_vouches_for_gets_the_password(
    certificate: Path, tls_of_server: ssl.SSLContext
) -> None:
    async with faulty_smsc(tls_of_server) as peer:
        believed, strange = smpp(peer.port, tls=True, ca_file=certificate), smpp(peer.port, tls=True)
        await believed.send(sms())
        with pytest.raises(Technical, match="SSLCertVerificationError"):
            await strange.send(sms())
        await believed.close()
        assert (peer.taken, peer.binds) == (1, 1)


async def test_a_session_that_the_smsc_has_ended_is_opened_anew() -> None:
    async with towards_a_faulty_one() as (peer, provider):
        await provider.send(sms())
        peer.writers[0].close()
        await until(lambda: provider._session is not None and provider._session.over.is_set())
        await provider.send(sms())
        assert (peer.taken, peer.binds) == (2, 2)


async def test_a_session_on_which_nobody_answers_any_more_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smpp_session, "ALIVE_EVERY", 0.05)
    async with towards_a_faulty_one() as (peer, provider):
        await provider.send(sms())
        peer.deaf = True
        await until(lambda: provider._session is not None and provider._session.over.is_set())
        await provider.send(sms())
        assert (peer.taken, peer.binds) == (2, 2)


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.TAKE_AND_DROP, Fault.GARBAGE])
async def test_an_attempt_whose_response_is_lost_is_never_sent_again(fault: Fault) -> None:
    async with towards_a_faulty_one() as (peer, provider):
        message = sms()
        peer.orders.append(fault)
        with pytest.raises(OutcomeUnknown):
            await provider.send(message)
        with pytest.raises(Unknowable):
            await provider.settle(message, message.at)
        assert peer.taken == (fault is not Fault.DROP)
        await provider.send(sms())  # on a session of its own
        assert peer.binds == 2


async def test_a_response_that_comes_late_settles_its_attempt() -> None:
    async with towards_a_faulty_one(patience=0.2) as (peer, provider):
        message = sms()
        peer.orders.append(Fault.TAKE_AND_DELAY)
        with pytest.raises(OutcomeUnknown):
            await provider.send(message)
        with pytest.raises(OutcomeUnknown, match="no answer yet") as unknown:
            await provider.settle(message, message.at)
        assert not isinstance(unknown.value, Unknowable)
        peer.late.set()
        assert await until(lambda: settled(provider, message)) == Sent("id-1")
        assert peer.taken == 1


async def test_a_refusal_that_comes_late_says_that_nothing_was_sent() -> None:
    async with towards_a_faulty_one(patience=0.2) as (peer, provider):
        message = sms()
        peer.orders.append(Fault.REFUSE_AND_DELAY)
        with pytest.raises(OutcomeUnknown):
            await provider.send(message)
        peer.late.set()
        with pytest.raises(Permanent):
            await until(lambda: settled(provider, message))


async def test_a_late_response_that_is_lost_leaves_the_attempt_unknown_for_good() -> None:
    async with towards_a_faulty_one(patience=0.2) as (peer, provider):
        message = sms()
        peer.orders.append(Fault.TAKE_AND_DELAY)
        with pytest.raises(OutcomeUnknown):
            await provider.send(message)
        await provider.close()
        with pytest.raises(Unknowable):
            await provider.settle(message, message.at)


async def test_a_message_that_is_not_understood_was_not_taken() -> None:
    async with towards_a_faulty_one() as (peer, provider):
        peer.orders.append(Fault.NACK)
        with pytest.raises(Technical, match="smpp 0x00000003"):
            await provider.send(sms())


async def test_a_message_taken_without_an_id_goes_by_our_own() -> None:
    async with towards_a_faulty_one() as (peer, provider):
        message = sms()
        peer.orders.append(Fault.NO_ID)
        assert (await provider.send(message)).provider_message_id == str(message.notification_id)


AT = datetime(2026, 11, 24, 0, 50, tzinfo=UTC)
IN_WORDS = b"id:id-1 sub:001 dlvrd:001 submit date:2611240849 done date:2611240850 stat:%s err:000 text:"


@pytest.mark.parametrize(
    ("text", "tlvs", "outcome"),
    [
        (IN_WORDS % b"DELIVRD", [], Delivered()),
        (IN_WORDS % b"UNDELIV", [], Failed(FailureKind.TEMPORARY, "smpp UNDELIV")),
        (IN_WORDS % b"REJECTD", [], Failed(FailureKind.PERMANENT, "smpp REJECTD")),
        (
            b"done date:2611240850",
            [
                smpp34.Tlv(Tag.RECEIPTED_MESSAGE_ID, b"id-1\0"),
                smpp34.Tlv(Tag.MESSAGE_STATE, b"\x03"),
            ],
            Failed(FailureKind.TEMPORARY, "smpp EXPIRED"),
        ),
        (IN_WORDS % b"ENROUTE", [], None),
    ],
)
async def test_a_receipt_is_heard_before_it_is_acknowledged(
    text: bytes, tlvs: list[smpp34.Tlv], outcome: Delivered | Failed | None
) -> None:
    heard = Heard()
    async with towards_a_faulty_one() as (peer, provider), listening(provider, heard):
        await until(lambda: peer.binds)
        assert await peer.deliver(text, esm_class=0x04, tlvs=tlvs) == 0
        assert await peer.deliver(text, esm_class=0x04, tlvs=tlvs) == 0  # told again
    receipts = (
        []
        if outcome is None
        else [Receipt(provider="smpp", provider_message_id="id-1", notification_id=None, outcome=outcome, at=AT)]
    )
    assert heard.reports == receipts * 2


async def test_a_receipt_that_cannot_be_kept_is_to_come_again() -> None:
    heard = Heard()
    async with towards_a_faulty_one() as (peer, provider), listening(provider, heard):
        await until(lambda: peer.binds)
        heard.broken = True
        assert await peer.deliver(IN_WORDS % b"DELIVRD", esm_class=0x04) == 0x64
        heard.broken = False
        assert await peer.deliver(IN_WORDS % b"DELIVRD", esm_class=0x04) == 0
    assert len(heard.reports) == 1


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        ("退订".encode("utf-16-be"), {"data_coding": 8}),
        ("退订".encode("gb18030"), {"data_coding": 15}),
        (b"\x05\x00\x03\x01\x01\x01" + "退订".encode("utf-16-be"), {"data_coding": 8, "esm_class": 0x40}),
        (b"", {"data_coding": 8, "tlvs": [smpp34.Tlv(Tag.MESSAGE_PAYLOAD, "退订".encode("utf-16-be"))]}),
    ],
)
async def test_what_people_write_back_is_heard(content: bytes, fields: dict[str, object]) -> None:
    heard = Heard()
    async with towards_a_faulty_one() as (peer, provider), listening(provider, heard):
        await until(lambda: peer.binds)
        assert await peer.deliver(content, **fields) == 0
    (reply,) = heard.reports
    assert isinstance(reply, InboundReply)
    assert (reply.from_number, reply.text) == ("13867201234", "退订")


async def test_a_receipt_of_nothing_is_refused_for_good() -> None:
    heard = Heard()
    async with towards_a_faulty_one() as (peer, provider), listening(provider, heard):
        await until(lambda: peer.binds)
        assert await peer.deliver(b"hello", esm_class=0x04) == 0x65
    assert heard.reports == []


async def test_who_listens_is_told_when_the_session_ends() -> None:
    async with towards_a_faulty_one() as (peer, provider), listening(provider, Heard()) as task:
        await until(lambda: peer.binds)
        peer.writers[0].close()
        with pytest.raises(Lost):
            await task


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=500))
def test_another_reads_what_we_write(text: str) -> None:
    body = submit_body("10690000", "8613867201234", text)
    head = (16 + len(body)).to_bytes(4) + (4).to_bytes(4) + bytes(4) + (1).to_bytes(4)
    read = smpp34.decode(head + body)
    assert isinstance(read, smpp34.SubmitSm)
    payload = [tlv.value for tlv in read.tlvs if tlv.tag == Tag.MESSAGE_PAYLOAD]
    assert (read.short_message or b"".join(payload)).decode("utf-16-be") == text


@given(st.binary(max_size=255), st.integers(0, 255), st.integers(0, 255))
def test_we_read_what_another_writes(content: bytes, esm_class: int, coding: int) -> None:
    tlvs = [smpp34.Tlv(Tag.RECEIPTED_MESSAGE_ID, b"id-1\0")]
    written = smpp34.DeliverSm(
        "8613867201234", "10690000", content[:254], esm_class=esm_class, data_coding=coding, tlvs=tlvs
    )
    read = Deliver.decode(written.encode()[16:])
    assert (read.source, read.destination, read.content) == ("8613867201234", "10690000", content[:254])
    assert (read.esm_class, read.data_coding, dict(read.parameters)) == (esm_class, coding, {0x1E: b"id-1\0"})
    assert isinstance(read.text, str)


@given(st.binary(max_size=80))
def test_other_bytes_are_malformed_and_nothing_else(body: bytes) -> None:
    with suppress(MalformedPdu):
        Deliver.decode(body)
