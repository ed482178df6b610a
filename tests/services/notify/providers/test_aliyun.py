"""Text messages by Aliyun, towards a peer that checks signatures and fails to order."""

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

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
    Sms,
    Technical,
    Temporary,
    Window,
)
from services.notify.providers.aliyun import FINAL, Aliyun, AliyunAccount
from shared.schemas.notify import FailureKind
from tests.services.notify.providers.aliyun_peer import KEY_ID, SECRET, TEMPLATES, AliyunPeer
from tests.services.notify.providers.http_peer import Fault, serving
from tests.services.notify.providers.messages import APPROVED, Heard, sms

pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")  # in the SDK
TEN_TO_NINE = datetime(2026, 11, 24, 0, 50, tzinfo=UTC)


def aliyun(address: str, *, protocol: str = "http", secret: str = SECRET, timeout: float = 5) -> Aliyun:
    approved = [{"code": code, "words": words} for code, words in TEMPLATES.items()]
    return Aliyun(
        AliyunAccount.model_validate(
            {
                "endpoint": address,
                "protocol": protocol,
                "access_key_id": KEY_ID,
                "access_key_secret": secret,
                "timeout": timeout,
                "signatures": {"南浔区总工会": "南浔区总工会", "东阳市总工会": "东阳市总工会"},
                "templates": {"loan-accepted@1": approved},
            }
        )
    )


@asynccontextmanager
async def towards_a_peer(patience: float = 5, secret: str = SECRET) -> AsyncIterator[tuple[AliyunPeer, Aliyun]]:
    async with serving(AliyunPeer()) as peer:
        provider = aliyun(peer.address, timeout=patience, secret=secret)
        try:
            yield peer, provider
        finally:
            await provider.close()


async def test_a_message_is_sent_in_the_words_that_the_vendor_approved() -> None:
    async with towards_a_peer() as (peer, provider):
        message = sms()
        sent = await provider.send(message)
        (taken,) = peer.sent
    assert sent.provider_message_id == taken["BizId"]
    assert taken["Content"] == message.text == APPROVED
    assert taken["OutId"] == str(message.notification_id)
    assert json.loads(taken["TemplateParam"]) == {"name": "张建国", "limit": "100,000元"}


async def test_of_a_template_with_a_condition_the_approved_words_that_fit_are_taken() -> None:
    async with towards_a_peer() as (peer, provider):
        await provider.send(sms("【南浔区总工会】张建国您好，您的匠心贷已获银行批准。"))
        assert peer.sent[0]["TemplateCode"] == "SMS_2"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (sms("【余姚市总工会】张建国您好，您的匠心贷已获银行批准。"), "signature not approved"),
        (sms("张建国您好，您的匠心贷已获银行批准。"), "signature not approved"),
        (sms("【南浔区总工会】张建国您好，您的匠心贷已获批准。"), "words not approved"),
        (replace(sms(), template="loan-accepted@2"), "template not approved"),
        (sms("【东阳市总工会】张建国您好，您的匠心贷已获银行批准。"), "aliyun isv.SMS_SIGNATURE_ILLEGAL"),
    ],
)
async def test_what_the_vendor_did_not_approve_is_not_served(message: Sms, reason: str) -> None:
    async with towards_a_peer() as (peer, provider):
        with pytest.raises(NotServed, match=reason):
            await provider.send(message)
        assert peer.sent == []


async def test_messages_share_connections() -> None:
    async with towards_a_peer() as (peer, provider):
        for _ in range(5):
            await provider.send(sms())
        assert (len(peer.sent), peer.connections) == (5, 1)


async def test_a_wrong_key_is_a_technical_failure_which_names_no_number() -> None:
    async with towards_a_peer(secret="wrong") as (peer, provider):
        with pytest.raises(Technical, match=r"^aliyun SignatureDoesNotMatch$"):
            await provider.send(sms())
        assert peer.sent == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((200, {"Code": "isv.MOBILE_NUMBER_ILLEGAL", "Message": "13867201234"}), Permanent),
        ((200, {"Code": "isv.OUT_OF_SERVICE", "Message": ""}), Technical),
        ((200, {"Code": "isv.ANYTHING_NEW", "Message": ""}), Technical),
        ((200, {"Code": "isp.SYSTEM_ERROR", "Message": ""}), OutcomeUnknown),
        ((200, {"Code": "OK"}), OutcomeUnknown),
        ((200, {}), OutcomeUnknown),
        ((200, []), OutcomeUnknown),
        ((403, {"Code": "Forbidden.RAM", "Message": "", "RequestId": "r"}), Technical),
        ((503, {"Code": "ServiceUnavailable", "Message": "", "RequestId": "r"}), OutcomeUnknown),
        ((503, {"Code": "Throttling.User", "Message": "", "RequestId": "r"}), OverBudget),
        ((504, "<html>"), OutcomeUnknown),
    ],
)
async def test_an_answer_is_classified_and_its_words_stay_behind(
    answer: tuple[int, object], error: type[Exception]
) -> None:
    async with towards_a_peer() as (peer, provider):
        peer.orders.append(answer)
        with pytest.raises(error) as raised:
            await provider.send(sms())
        assert type(raised.value) is error
        assert "138" not in str(raised.value)
        assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("words", "window"),
    [
        ("触发分钟级流控Permits:1", Window.MINUTE),
        ("触发小时级流控Permits:5", Window.HOUR),
        ("触发天级流控Permits:10", Window.DAY),
        ("?", Window.DAY),
    ],
)
async def test_a_vendor_that_has_had_enough_says_for_how_long(words: str, window: Window) -> None:
    async with towards_a_peer() as (peer, provider):
        peer.orders.append((200, {"Code": "isv.BUSINESS_LIMIT_CONTROL", "Message": words}))
        with pytest.raises(OverBudget) as raised:
            await provider.send(sms())
        assert raised.value.window is window


async def test_a_vendor_that_nobody_vouches_for_gets_nothing(tls_of_server: ssl.SSLContext) -> None:
    async with serving(AliyunPeer(), tls_of_server) as peer:
        provider = aliyun(peer.address, protocol="https")
        with pytest.raises(Technical):
            await provider.send(sms())
        await provider.close()
        assert peer.requests == []


def test_texts_do_not_travel_in_clear() -> None:
    with pytest.raises(ValidationError, match="do not travel in clear"):
        aliyun("dysmsapi.aliyuncs.com")


async def test_a_vendor_that_cannot_be_reached_got_nothing() -> None:
    provider = aliyun(f"{LOOPBACK}:{free_port()}", timeout=0.5)
    message = sms()
    with pytest.raises(Technical, match=r"^aliyun cannot be reached$"):
        await provider.send(message)
    with pytest.raises(OutcomeUnknown):
        await provider.settle(message, datetime.now(UTC) - 2 * FINAL)
    await provider.close()


@pytest.mark.parametrize("fault", [Fault.TAKE_AND_DROP, Fault.TAKE_AND_HALF, Fault.TAKE_AND_KEEP_SILENT])
async def test_what_was_taken_before_the_answer_was_lost_is_found_and_not_sent_again(fault: Fault) -> None:
    async with towards_a_peer(patience=0.5) as (peer, provider):
        message, began = sms(), datetime.now(UTC)
        peer.orders.append(fault)
        with pytest.raises(OutcomeUnknown) as unknown:
            await provider.send(message)
        assert "138" not in str(unknown.value)
        peer.lists, listed = False, peer.lists
        with pytest.raises(OutcomeUnknown, match="not listed yet"):
            await provider.settle(message, began)
        peer.lists = listed
        assert (await provider.settle(message, began)).provider_message_id == f"out_id {message.notification_id}"
        assert len(peer.sent) == 1


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.NOT_JSON])
async def test_what_was_never_taken_is_known_so_once_its_signature_has_expired(fault: Fault) -> None:
    async with towards_a_peer(patience=0.5) as (peer, provider):
        message, now = sms(), datetime.now(UTC)
        peer.orders.append(fault)
        with pytest.raises(OutcomeUnknown):
            await provider.send(message)
        with pytest.raises(OutcomeUnknown, match="not listed yet"):
            await provider.settle(message, now - FINAL + timedelta(minutes=1))
        with pytest.raises(Temporary, match="never taken"):
            await provider.settle(message, now - FINAL)
        assert peer.sent == []


async def test_a_message_is_found_among_many_to_the_same_number() -> None:
    async with towards_a_peer() as (peer, provider):
        message, peer.more_listed = sms(), 120
        await provider.send(message)
        await provider.settle(message, datetime.now(UTC))


@pytest.mark.parametrize(
    "trouble", [Fault.DROP, Fault.NOT_JSON, (200, {"Code": "isp.SYSTEM_ERROR"}), (503, {"Code": "Throttling.User"})]
)
async def test_a_vendor_that_does_not_say_leaves_an_attempt_unknown_however_old(
    trouble: Fault | tuple[int, object],
) -> None:
    async with towards_a_peer() as (peer, provider):
        peer.orders.append(trouble)
        with pytest.raises(OutcomeUnknown):
            await provider.settle(sms(), datetime.now(UTC) - 2 * FINAL)
        assert peer.sent == []


def report(**changes: object) -> dict[str, object]:
    return {
        "phone_number": "13867201234",
        "send_time": "2026-11-24 08:49:50",
        "report_time": "2026-11-24 08:50:00",
        "success": True,
        "err_code": "DELIVERED",
        "err_msg": "用户接收成功",
        "sms_size": "1",
        "biz_id": "1^0",
        "out_id": "01985b5e-3f00-7000-8000-000000000001",
        **changes,
    }


async def test_reports_tell_of_delivery_of_failure_and_of_what_people_wrote_back() -> None:
    heard, provider = Heard(), aliyun("127.0.0.1:9")
    reports = [
        report(),
        report(success=False, err_code="MOBILE_NOT_ON_SERVICE"),
        report(success=False, err_code="SOMETHING_NEW", out_id=""),
        {
            "phone_number": "13867201234",
            "send_time": "2026-11-24 08:50:00",
            "content": "R",
            "sign_name": "南浔区总工会",
        },
    ]
    answer = await provider.called(Call({}, "application/json", json.dumps(reports).encode()), heard)
    assert json.loads(bytes(answer.body)) == {"code": 0, "msg": "接收成功"}
    delivered, gone, strange, reply = heard.reports
    assert isinstance(delivered, Receipt)
    assert (delivered.outcome, delivered.at) == (Delivered(), TEN_TO_NINE)
    assert (delivered.provider_message_id, str(delivered.notification_id)) == ("1^0", report()["out_id"])
    assert isinstance(gone, Receipt)
    assert gone.outcome == Failed(FailureKind.PERMANENT, "aliyun MOBILE_NOT_ON_SERVICE")
    assert isinstance(strange, Receipt)
    assert strange.outcome == Failed(FailureKind.TEMPORARY, "aliyun SOMETHING_NEW")
    assert strange.notification_id is None
    assert reply == InboundReply(provider="aliyun", from_number="13867201234", text="R", at=TEN_TO_NINE)
    assert "138" not in repr(reply)
    await provider.close()


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "[1]", json.dumps([{"success": True}]), json.dumps([report(report_time="soon")])]
)
async def test_what_is_no_report_is_not_understood(body: str) -> None:
    heard, provider = Heard(), aliyun("127.0.0.1:9")
    with pytest.raises(NotUnderstood):
        await provider.called(Call({}, "application/json", body.encode()), heard)
    assert heard.reports == []
    await provider.close()


async def test_a_strange_report_does_not_keep_the_others_from_being_heard() -> None:
    heard, provider = Heard(), aliyun("127.0.0.1:9")
    with pytest.raises(NotUnderstood, match="1 of 2"):
        await provider.called(Call({}, "application/json", json.dumps([{"a": 1}, report()]).encode()), heard)
    assert len(heard.reports) == 1
    await provider.close()
