"""Text messages by Kannel: towards a peer that fails to order, and towards Kannel itself with its fake line."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from deploy.local.ports import LOOPBACK, free_port
from services.notify.channels import (
    Call,
    Delivered,
    Failed,
    InboundReply,
    NotServed,
    NotUnderstood,
    OutcomeUnknown,
    OverBudget,
    Permanent,
    Receipt,
    Technical,
    Temporary,
    Unknowable,
)
from services.notify.providers.callbacks import CallbackSettings, serving_callbacks
from services.notify.providers.kannel import Kannel, KannelAccount
from shared.schemas.ids import new_id
from shared.schemas.notify import FailureKind
from tests.services.notify.providers.http_peer import Fault, HttpPeer, Request, serving
from tests.services.notify.providers.messages import Heard, sms
from tests.waiting import until

KEY = "of-test"
FAKE_LINE = "/usr/lib/kannel/test/fakesmsc"


def kannel(url: str, *, timeout: float = 5, password: str = KEY, reports_to: str | None = None) -> Kannel:
    given = {"url": url, "username": "niangjia", "password": password, "sender": "10690000", "callback_key": KEY}
    return Kannel(KannelAccount.model_validate(given | {"timeout": timeout}), reports_to=reports_to)


class Smsbox(HttpPeer):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Request] = []

    def answer(self, request: Request) -> tuple[int, Any]:
        if request.headers.get("x-kannel-password") != KEY:
            return 403, "Authorization failed for sendsms"
        self.sent.append(request)
        return 202, "0: Accepted for delivery"


@asynccontextmanager
async def towards_a_peer(patience: float = 5, password: str = KEY) -> AsyncIterator[tuple[Smsbox, Kannel]]:
    async with serving(Smsbox()) as peer:
        url = f"http://{peer.address}/cgi-bin/sendsms"
        provider = kannel(url, timeout=patience, password=password, reports_to="https://n.example/callbacks/kannel/k")
        try:
            yield peer, provider
        finally:
            await provider.close()


async def test_a_message_goes_in_the_body_and_nothing_personal_in_the_path() -> None:
    async with towards_a_peer() as (peer, provider):
        message = sms(to="+8613867201234")
        sent = await provider.send(message)
        (taken,) = peer.sent
    assert sent.provider_message_id == str(message.notification_id)
    assert (taken.path, taken.raw_query) == ("/cgi-bin/sendsms", "")
    assert taken.body.decode() == message.text
    assert (taken.headers["x-kannel-to"], taken.headers["x-kannel-dlr-mask"]) == ("13867201234", "19")
    told = f"https://n.example/callbacks/kannel/k?id={message.notification_id}&type=%d&at=%T"
    assert taken.headers["x-kannel-dlr-url"] == told


async def test_a_wrong_password_is_a_technical_failure() -> None:
    async with towards_a_peer(password="wrong") as (peer, provider):
        with pytest.raises(Technical, match=r"^kannel 403$"):
            await provider.send(sms())
        assert peer.sent == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((202, "0: Accepted for delivery"), None),
        ((202, "3: Queued for later delivery"), None),
        ((202, "Not routable. Do not try again."), Technical),
        ((400, "Missing receiver(s) number(s), rejected"), Permanent),
        ((404, "No such service"), NotServed),
        ((429, ""), OverBudget),
        ((503, "Temporal failure, try again later."), Temporary),
        ((500, ""), OutcomeUnknown),
        ((504, "<html>"), OutcomeUnknown),
        ((200, "<html>"), OutcomeUnknown),
    ],
)
async def test_an_answer_is_classified(answer: tuple[int, str], error: type[Exception] | None) -> None:
    async with towards_a_peer() as (peer, provider):
        peer.orders.append(answer)
        if error is None:
            await provider.send(sms())
            return
        with pytest.raises(error) as raised:
            await provider.send(sms())
        assert type(raised.value) is error


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.TAKE_AND_DROP, Fault.TAKE_AND_HALF, Fault.TAKE_AND_KEEP_SILENT])
async def test_an_attempt_without_an_answer_is_never_sent_again(fault: Fault) -> None:
    async with towards_a_peer(patience=0.3) as (peer, provider):
        message = sms()
        peer.orders.append(fault)
        with pytest.raises(OutcomeUnknown):
            await provider.send(message)
        with pytest.raises(Unknowable):
            await provider.settle(message, message.at)
        assert len(peer.requests) == 1


async def test_a_gateway_that_cannot_be_reached_got_nothing() -> None:
    provider = kannel(f"http://{LOOPBACK}:{free_port()}/")
    with pytest.raises(Technical):
        await provider.send(sms())
    with pytest.raises(Permanent):
        await provider.send(sms(to="一三八"))
    await provider.close()


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("1", Delivered()),
        ("2", Failed(FailureKind.TEMPORARY, "kannel undelivered")),
        ("16", Failed(FailureKind.PERMANENT, "kannel rejected")),
        ("4", None),
        ("8", None),
    ],
)
async def test_its_last_word_on_a_message_is_a_receipt(kind: str, outcome: Delivered | Failed | None) -> None:
    heard, provider, own = Heard(), kannel("http://127.0.0.1:9"), new_id()
    query = {"id": str(own), "type": kind, "at": "1795481400"}
    answer = await provider.called(Call(query, "", b""), heard)
    assert bytes(answer.body) == b""
    at = datetime(2026, 11, 24, 0, 50, tzinfo=UTC)
    expected = (
        []
        if outcome is None
        else [Receipt(provider="kannel", provider_message_id=str(own), notification_id=own, outcome=outcome, at=at)]
    )
    assert heard.reports == expected
    await provider.close()


@pytest.mark.parametrize("query", [{}, {"id": "x", "type": "one", "at": "1"}, {"from": "13867201234", "text": "R"}])
async def test_what_is_no_report_is_not_understood(query: dict[str, str]) -> None:
    provider = kannel("http://127.0.0.1:9")
    with pytest.raises(NotUnderstood):
        await provider.called(Call(query, "", b""), Heard())
    await provider.close()


# Kannel itself

CONFIGURATION = """
group = core
admin-port = {admin}
admin-password = of-test
admin-interface = "127.0.0.1"
smsbox-port = {smsbox}
smsbox-interface = "127.0.0.1"
box-allow-ip = "127.0.0.1"
dlr-storage = internal

group = smsc
smsc = fake
smsc-id = line
port = {line}
connect-allow-ip = "127.0.0.1"

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = "127.0.0.1"

group = sendsms-user
username = niangjia
password = of-test
concatenation = true
max-messages = 10

group = sms-service
keyword = default
catch-all = true
max-messages = 0
get-url = "{door}?from=%p&text=%b&coding=%c&at=%T"
"""


class Line:
    """Kannel's fake line: what it is given, and what people write on it."""

    def __init__(self, process: asyncio.subprocess.Process, output: Path) -> None:
        self._process, self._output = process, output

    def write(self, text: str, coding: Literal["text", "ucs2"]) -> None:
        assert self._process.stdin is not None
        coded = text if coding == "text" else "".join(f"%{byte:02X}" for byte in text.encode("utf-16-be"))
        self._process.stdin.write(f"13867201234 10690000 {coding} {coded}\n".encode())

    def given(self) -> int:
        return self._output.read_text(errors="replace").count("Got message")


@asynccontextmanager
async def kannel_itself(folder: Path, door: str) -> AsyncIterator[tuple[str, Line]]:
    """The address of its sendsms, and its line."""
    ports = {name: free_port() for name in ("admin", "smsbox", "line", "sendsms")}
    configuration = folder / "kannel.conf"
    configuration.write_text(CONFIGURATION.format(door=door, **ports))
    environment = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin"}
    async with AsyncExitStack() as stack:

        async def start(*command: str) -> tuple[asyncio.subprocess.Process, Path]:
            output = folder / f"{Path(command[0]).name}.out"
            with output.open("wb") as file:
                pipe = asyncio.subprocess.PIPE
                process = await asyncio.create_subprocess_exec(
                    *command, stdin=pipe, stdout=file, stderr=file, env=environment, cwd=folder
                )
            stack.push_async_callback(process.wait)
            stack.callback(process.kill)
            return process, output

        await start("bearerbox", str(configuration))
        await until(lambda: _listens(ports["smsbox"]))
        await start("smsbox", str(configuration))
        await until(lambda: _listens(ports["line"]))
        line = Line(*await start(FAKE_LINE, "-H", LOOPBACK, "-r", str(ports["line"])))
        await until(lambda: _listens(ports["sendsms"]))
        yield f"http://{LOOPBACK}:{ports['sendsms']}/cgi-bin/sendsms", line


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    return True


@pytest.mark.skipif(not shutil.which(FAKE_LINE), reason="Kannel is not here: apt-get install kannel kannel-extras")
async def test_kannel_itself_takes_a_message_delivers_it_and_brings_the_answer(tmp_path: Path) -> None:
    heard = Heard()
    settings = CallbackSettings.model_validate({"port": (port := free_port()), "url": f"http://{LOOPBACK}:{port}"})
    door = settings.path_of("kannel", KEY)
    async with kannel_itself(tmp_path, door) as (url, line):
        provider = kannel(url, reports_to=door)
        async with serving_callbacks(settings, [provider], heard):
            message, long = sms(), sms("【南浔区总工会】" + "好" * 200)
            await provider.send(message)
            await provider.send(long)
            with pytest.raises(Technical):
                await kannel(url, password="wrong").send(sms())
            line.write("退订", "ucs2")
            await until(lambda: {message.notification_id, long.notification_id} <= _told_of(heard))
            await until(lambda: len(_replies(heard)) == 1)
            line.write("R", "text")
            await until(lambda: len(_replies(heard)) == 2)
        await provider.close()
        assert line.given() == 1 + 4  # 208 characters in parts of 67
    written = [(reply.from_number, reply.text) for reply in _replies(heard)]
    assert written == [("13867201234", "退订"), ("13867201234", "R")]
    receipts = [report for report in heard.reports if isinstance(report, Receipt)]
    assert {receipt.outcome for receipt in receipts} == {Delivered()}


def _replies(heard: Heard) -> list[InboundReply]:
    return [report for report in heard.reports if isinstance(report, InboundReply)]


def _told_of(heard: Heard) -> set[Any]:
    return {report.notification_id for report in heard.reports if isinstance(report, Receipt)}
