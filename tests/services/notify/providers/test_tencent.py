"""Text messages by Tencent Cloud, towards a peer that checks signatures and fails to order."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from deploy.local.ports import LOOPBACK, free_port
from services.notify.channels import (
    Call,
    Delivered,
    Failed,
    InboundReply,
    Listening,
    NotServed,
    NotUnderstood,
    OutcomeUnknown,
    OverBudget,
    Permanent,
    Receipt,
    Technical,
    Window,
)
from services.notify.providers.tencent import Tencent, TencentAccount
from services.notify.providers.tencent_pulling import PullingTencent
from shared.schemas.notify import FailureKind
from tests.services.notify.providers.http_peer import Fault, serving
from tests.services.notify.providers.messages import APPROVED, Heard, sms
from tests.services.notify.providers.tencent_peer import APP_ID, KEY_ID, SECRET, TEMPLATES, TencentPeer
from tests.waiting import until

pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcfromtimestamp:DeprecationWarning")  # in the SDK


def tencent(
    address: str, *, protocol: str = "http", secret: str = SECRET, timeout: float = 5, poll_seconds: float | None = None
) -> Tencent:
    account = TencentAccount.model_validate(
        {
            "endpoint": address,
            "protocol": protocol,
            "secret_id": KEY_ID,
            "secret_key": secret,
            "app_id": APP_ID,
            "timeout": timeout,
            "poll_seconds": poll_seconds,
            "signatures": {"南浔区总工会": "南浔区总工会"},
            "templates": {"loan-accepted@1": [{"code": code, "words": words} for code, words in TEMPLATES.items()]},
        }
    )
    return Tencent(account) if poll_seconds is None else PullingTencent(account)


@asynccontextmanager
async def towards_a_peer(
    patience: float = 5, secret: str = SECRET, poll_seconds: float | None = None
) -> AsyncIterator[tuple[TencentPeer, Tencent]]:
    async with serving(TencentPeer()) as peer:
        provider = tencent(peer.address, timeout=patience, secret=secret, poll_seconds=poll_seconds)
        try:
            yield peer, provider
        finally:
            await provider.close()


async def test_a_message_is_sent_in_the_words_that_the_vendor_approved() -> None:
    async with towards_a_peer() as (peer, provider):
        message = sms()
        sent = await provider.send(message)
        (taken,) = peer.sent
    assert sent.provider_message_id == taken["SerialNo"]
    assert taken["Content"] == message.text == APPROVED
    assert taken["SessionContext"] == str(message.notification_id)
    assert taken["TemplateParamSet"] == ["张建国", "100,000元"]


async def test_messages_share_a_connection() -> None:
    async with towards_a_peer() as (peer, provider):
        for _ in range(5):
            await provider.send(sms())
        assert (len(peer.sent), peer.connections) == (5, 1)


async def test_what_the_vendor_did_not_approve_is_not_served() -> None:
    async with towards_a_peer() as (peer, provider):
        with pytest.raises(NotServed, match="words not approved"):
            await provider.send(sms("【南浔区总工会】张建国您好，您的匠心贷已获批准。"))
        assert peer.requests == []


async def test_a_wrong_key_is_a_technical_failure() -> None:
    async with towards_a_peer(secret="wrong") as (peer, provider):
        with pytest.raises(Technical, match=r"^tencent AuthFailure.SignatureFailure$"):
            await provider.send(sms())
        assert peer.sent == []


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("InvalidParameterValue.IncorrectPhoneNumber", Permanent),
        ("FailedOperation.PhoneNumberInBlacklist", Permanent),
        ("FailedOperation.TemplateIncorrectOrUnapproved", NotServed),
        ("FailedOperation.SignatureIncorrectOrUnapproved", NotServed),
        ("FailedOperation.InsufficientBalanceInSmsPackage", Technical),
        ("UnauthorizedOperation.ServiceSuspendDueToArrears", Technical),
        ("InternalError.OtherError", OutcomeUnknown),
        ("Something.New", OutcomeUnknown),
    ],
)
async def test_a_refusal_is_classified_and_names_no_number(code: str, error: type[Exception]) -> None:
    async with towards_a_peer() as (peer, provider):
        peer.refuses = code
        with pytest.raises(error, match=rf"^tencent {code}$") as raised:
            await provider.send(sms())
        assert type(raised.value) is error


@pytest.mark.parametrize(
    ("code", "window"),
    [
        ("LimitExceeded.PhoneNumberThirtySecondLimit", Window.MINUTE),
        ("LimitExceeded.PhoneNumberOneHourLimit", Window.HOUR),
        ("LimitExceeded.PhoneNumberDailyLimit", Window.DAY),
        ("LimitExceeded.PhoneNumberSameContentDailyLimit", Window.DAY),
    ],
)
async def test_a_vendor_that_has_had_enough_says_for_how_long(code: str, window: Window) -> None:
    async with towards_a_peer() as (peer, provider):
        peer.refuses = code
        with pytest.raises(OverBudget) as raised:
            await provider.send(sms())
        assert raised.value.window is window


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((200, {"Response": {"Error": {"Code": "RequestLimitExceeded", "Message": ""}, "RequestId": "r"}}), OverBudget),
        ((200, {"Response": {"RequestId": "r"}}), OutcomeUnknown),
        ((200, {"Response": {"SendStatusSet": [{"Code": "Ok"}], "RequestId": "r"}}), OutcomeUnknown),
        ((200, {}), OutcomeUnknown),
        ((200, "<html>"), OutcomeUnknown),
        ((502, "<html>"), OutcomeUnknown),
    ],
)
async def test_an_answer_is_classified(answer: tuple[int, object], error: type[Exception]) -> None:
    async with towards_a_peer() as (peer, provider):
        peer.orders.append(answer)
        with pytest.raises(error):
            await provider.send(sms())


async def test_a_vendor_that_nobody_vouches_for_gets_nothing(tls_of_server: ssl.SSLContext) -> None:
    async with serving(TencentPeer(), tls_of_server) as peer:
        provider = tencent(peer.address, protocol="https")
        with pytest.raises(Technical):
            await provider.send(sms())
        await provider.close()
        assert peer.requests == []


def test_texts_do_not_travel_in_clear() -> None:
    with pytest.raises(ValidationError, match="do not travel in clear"):
        tencent("sms.tencentcloudapi.com")


async def test_a_vendor_that_cannot_be_reached_got_nothing() -> None:
    provider = tencent(f"{LOOPBACK}:{free_port()}")
    with pytest.raises(Technical):
        await provider.send(sms())
    with pytest.raises(OutcomeUnknown):
        await provider.settle(sms(), datetime.now(UTC))
    await provider.close()


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.SLOW])
async def test_an_attempt_without_an_answer_stays_unknown_until_something_is_told_of_it(fault: Fault) -> None:
    async with towards_a_peer(patience=0.5) as (peer, provider):
        message, began = sms(), datetime.now(UTC)
        peer.orders.append(fault)
        with pytest.raises(OutcomeUnknown):
            await provider.send(message)
        with pytest.raises(OutcomeUnknown, match="nothing is told of it"):
            await provider.settle(message, began - timedelta(days=2))
        if fault in {Fault.DROP, Fault.NOT_JSON}:
            assert peer.sent == []
            return
        (taken,) = peer.sent
        for _ in range(110):  # others to the same number
            peer.report(taken | {"SerialNo": "8:other", "SessionContext": ""})
        peer.report(taken, "FAIL", "MK:0001")
        assert (await provider.settle(message, began)).provider_message_id == taken["SerialNo"]
        assert len(peer.sent) == 1


@pytest.mark.parametrize("trouble", [Fault.DROP, Fault.NOT_JSON, (500, "")])
async def test_a_vendor_that_does_not_say_leaves_an_attempt_unknown(trouble: Fault | tuple[int, str]) -> None:
    async with towards_a_peer() as (peer, provider):
        peer.orders.append(trouble)
        with pytest.raises(OutcomeUnknown):
            await provider.settle(sms(), datetime.now(UTC))


async def test_a_number_that_has_become_none_says_nothing_of_an_attempt() -> None:
    async with towards_a_peer() as (peer, provider):
        with pytest.raises(OutcomeUnknown):
            await provider.settle(sms(to="一三八"), datetime.now(UTC))
        assert peer.requests == []


async def test_an_account_that_does_not_repeat_our_context_leaves_an_attempt_unknown() -> None:
    async with towards_a_peer() as (peer, provider):
        message, began = sms(), datetime.now(UTC)
        await provider.send(message)
        peer.report(peer.sent[0], context=False)
        with pytest.raises(OutcomeUnknown):
            await provider.settle(message, began)


async def test_reports_tell_of_delivery_of_failure_and_of_what_people_wrote_back() -> None:
    heard, provider = Heard(), tencent("127.0.0.1:9")
    at = datetime(2026, 11, 24, 0, 50, tzinfo=UTC)
    status = {"user_receive_time": "2026-11-24 08:50:00", "nationcode": "86", "mobile": "13867201234", "sid": "8:1"}
    reports = [
        status | {"report_status": "SUCCESS", "errmsg": "DELIVRD", "description": "用户短信送达成功"},
        status | {"report_status": "FAIL", "errmsg": "MK:0001", "description": "空号"},
    ]
    answer = await provider.called(Call({}, "application/json", json.dumps(reports).encode()), heard)
    assert json.loads(bytes(answer.body)) == {"result": 0, "errmsg": "OK"}
    reply = {"mobile": "13867201234", "nationcode": "86", "sign": "南浔区总工会", "text": "退订", "time": 1795481400}
    await provider.called(Call({}, "application/json", json.dumps(reply).encode()), heard)
    receipts = heard.reports[:2]
    assert receipts == [
        Receipt(provider="tencent", provider_message_id="8:1", notification_id=None, outcome=outcome, at=at)
        for outcome in (Delivered(), Failed(FailureKind.PERMANENT, "tencent MK:0001"))
    ]
    assert heard.reports[2] == InboundReply(provider="tencent", from_number="13867201234", text="退订", at=at)
    await provider.close()


@pytest.mark.parametrize("body", ["", "[]", json.dumps([{"sid": "8:1"}])])
async def test_what_is_no_report_is_not_understood(body: str) -> None:
    provider = tencent("127.0.0.1:9")
    with pytest.raises(NotUnderstood):
        await provider.called(Call({}, "application/json", body.encode()), Heard())
    await provider.close()


async def test_reports_are_pulled_and_wait_until_they_can_be_kept() -> None:
    async with towards_a_peer(poll_seconds=0.01) as (peer, provider):
        assert isinstance(provider, PullingTencent)
        message, heard = sms(), Heard()
        sent = await provider.send(message)
        heard.broken = True
        peer.orders.append((500, ""))
        listening = asyncio.create_task(provider.listen(heard))
        peer.report(peer.sent[0])
        await until(lambda: not peer.statuses)  # told, and not kept
        peer.replies.append({"PhoneNumber": "+8613867201234", "ReplyContent": "R", "ReplyTime": 1795481400})
        heard.broken = False
        await until(lambda: len(heard.reports) == 2)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    receipt, reply = heard.reports
    assert isinstance(receipt, Receipt)
    assert (receipt.provider_message_id, receipt.notification_id) == (sent.provider_message_id, message.notification_id)
    assert receipt.outcome == Delivered()
    assert isinstance(reply, InboundReply)
    assert reply.text == "R"


async def test_whether_an_account_is_called_or_pulls_its_reports_can_be_told() -> None:
    called, pulling = tencent("127.0.0.1:9"), tencent("127.0.0.1:9", poll_seconds=60)
    assert [isinstance(each, Listening) for each in (called, pulling)] == [False, True]
    await called.close()
    await pulling.close()
