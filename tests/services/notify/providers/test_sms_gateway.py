"""Text messages over HTTP: towards the local sink, and towards a gateway that fails to order."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from deploy.local.ports import LOOPBACK, free_port
from deploy.local.sinks import SmsSinkServer
from services.notify.channels import OutcomeUnknown, Permanent, SendingRefused, Sms, Technical, Temporary
from services.notify.providers.sms_gateway import SmsGateway, SmsSettings
from shared.schemas.ids import new_id

MORNING = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)


def sms(text: str = "【南浔区总工会】张建国您好，您的匠心贷已获银行批准。") -> Sms:
    return Sms(notification_id=new_id(), to="13867201234", text=text, template="loan-accepted@1", at=MORNING)


def gateway(url: str, timeout: float = 5) -> SmsGateway:
    return SmsGateway(SmsSettings(url=url, timeout=timeout, token="of-a-test"))


async def kept(sink: SmsSinkServer) -> list[dict[str, object]]:
    async with httpx.AsyncClient() as http:
        listed: list[dict[str, object]] = (await http.get(f"{sink.url}messages?limit=1000")).json()["messages"]
        return listed


class FaultyGateway:
    """Answers one request after another with the given bytes, or with silence where there are none."""

    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")), 0)
        self.requests.append(head + await reader.readexactly(length))
        answer = self.answers.pop(0)
        if answer is None:
            await reader.read()
        else:
            writer.write(answer.encode())
        writer.close()


@asynccontextmanager
async def faulty(*answers: str | None) -> AsyncIterator[tuple[FaultyGateway, SmsGateway]]:
    peer = FaultyGateway(*answers)
    server = await asyncio.start_server(peer.serve, LOOPBACK, 0)
    provider = gateway(f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}/v1", timeout=1.0)
    try:
        yield peer, provider
    finally:
        await provider.close()
        server.close()


def answer(status: int, body: str = "{}") -> str:
    return f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"


async def test_a_message_posted_again_is_the_same_message(tmp_path: Path) -> None:
    with SmsSinkServer(tmp_path / "sms", free_port()) as sink:
        provider = gateway(sink.url)
        message = sms()
        first = await provider.send(message)
        assert await provider.send(message) == first
        assert await provider.settle(message, message.at) == first
        await provider.close()
        (listed,) = await kept(sink)
    assert listed["text"] == message.text
    assert listed["repeats"] == 1  # `settle` asked, and did not send


async def test_a_message_that_the_gateway_does_not_have_is_sent_by_settling(tmp_path: Path) -> None:
    with SmsSinkServer(tmp_path / "sms", free_port()) as sink:
        provider = gateway(sink.url)
        await provider.settle(sms(), MORNING)
        await provider.close()
        assert len(await kept(sink)) == 1


@pytest.mark.parametrize(
    "broken", [replace(sms(), to="一三八"), replace(sms(), text="没有签名"), sms("【南浔区总工会】" + "长" * 500)]
)
async def test_what_no_gateway_takes_is_refused_for_good(broken: Sms, tmp_path: Path) -> None:
    with SmsSinkServer(tmp_path / "sms", free_port()) as sink:
        provider = gateway(sink.url)
        with pytest.raises(Permanent, match="http 422"):
            await provider.send(broken)
        await provider.close()
        assert await kept(sink) == []


async def test_a_sender_killed_after_the_gateways_yes_and_before_its_record_leaves_one_message(tmp_path: Path) -> None:
    with SmsSinkServer(tmp_path / "sms", free_port()) as sink:
        message = sms()
        program = f"""
import asyncio, os, signal
from dataclasses import replace
from uuid import UUID
from tests.services.notify.providers.test_sms_gateway import gateway, sms
async def send():
    await gateway({sink.url!r}).send(replace(sms(), notification_id=UUID({str(message.notification_id)!r})))
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(send())
"""
        sender = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
        assert await sender.wait() == -signal.SIGKILL
        provider = gateway(sink.url)
        await provider.settle(message, message.at)
        await provider.close()
        (listed,) = await kept(sink)
    assert (listed["out_id"], listed["repeats"]) == (str(message.notification_id), 0)


async def test_messages_in_flight_when_the_gateway_is_killed_arrive_once_each(tmp_path: Path) -> None:
    with SmsSinkServer(tmp_path / "sms", free_port()) as sink:
        provider = gateway(sink.url)
        messages = [sms() for _ in range(200)]
        taken = asyncio.Event()
        open_ended: list[Sms] = []

        async def attempt(message: Sms) -> None:
            try:
                await provider.send(message)
                taken.set()
            except (OutcomeUnknown, Technical):
                open_ended.append(message)

        attempts = asyncio.gather(*(attempt(message) for message in messages))
        await taken.wait()
        sink.kill()
        await attempts
        sink.start()
        for message in open_ended:
            await provider.settle(message, message.at)
        await provider.close()
        arrived = [listed["out_id"] for listed in await kept(sink)]
    assert open_ended
    assert sorted(map(str, arrived)) == sorted(str(message.notification_id) for message in messages)


async def test_a_gateway_that_cannot_be_reached_is_a_technical_failure() -> None:
    provider = gateway(f"http://{LOOPBACK}:{free_port()}/")
    with pytest.raises(Technical):
        await provider.send(sms())
    with pytest.raises(OutcomeUnknown):
        await provider.settle(sms(), MORNING)
    await provider.close()


@pytest.mark.parametrize(
    ("status", "error"), [(422, Permanent), (429, Temporary), (401, Technical), (404, Technical), (503, Technical)]
)
async def test_a_refusal_is_classified(status: int, error: type[SendingRefused]) -> None:
    async with faulty(answer(status)) as (_, provider):
        with pytest.raises(error, match=f"http {status}"):
            await provider.send(sms())


@pytest.mark.parametrize("end", [None, "", answer(500), answer(504), answer(200, "<html>"), answer(201, "{}")])
async def test_an_answer_that_is_none_leaves_the_outcome_unknown_until_the_gateway_is_asked(end: str | None) -> None:
    has_it = answer(200, '{"messages": [{"message_id": "m-1"}]}')
    async with faulty(end, answer(503), has_it) as (peer, provider):
        message = sms()
        with pytest.raises(OutcomeUnknown):
            await provider.send(message)
        with pytest.raises(OutcomeUnknown, match="asked: http 503"):
            await provider.settle(message, message.at)
        assert (await provider.settle(message, message.at)).provider_message_id == "m-1"
    posted, *asked = peer.requests
    assert posted.startswith(b"POST /v1/messages ")
    assert b"Bearer of-a-test" in posted
    assert [request.split(b" ", 2)[:2] for request in asked] == [
        [b"GET", f"/v1/messages?out_id={message.notification_id}".encode()]
    ] * 2
