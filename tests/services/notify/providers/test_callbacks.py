"""The door at which providers report, on a port of this machine."""

import json

import httpx
import pytest

from deploy.local.ports import LOOPBACK, free_port
from services.notify.providers.callbacks import CallbackSettings, serving_callbacks
from services.notify.providers.sms_gateway import SmsGateway, SmsGatewayAccount
from services.notify.providers.tencent import Tencent, TencentAccount
from tests.services.notify.providers.messages import Heard
from tests.waiting import until

KEY = "of-a-test"
REPORT = {"user_receive_time": "2026-11-24 08:50:00", "report_status": "SUCCESS", "errmsg": "DELIVRD", "sid": "8:1"}


def tencent(key: str | None) -> Tencent:
    given = {"secret_id": "a", "secret_key": "b", "app_id": "1", "callback_key": key}
    return Tencent(TencentAccount.model_validate(given), "tencent-of-a-county")


async def call(path: str, heard: Heard, body: str, key: str | None = KEY) -> httpx.Response:
    settings = CallbackSettings.model_validate({"port": free_port(), "url": "https://notify.nanxun.example/"})
    silent = SmsGateway(SmsGatewayAccount.model_validate({"url": "http://127.0.0.1:9"}))
    called = tencent(key)
    async with serving_callbacks(settings, [silent, called], heard), httpx.AsyncClient() as http:

        async def answered() -> httpx.Response | None:
            try:
                return await http.post(f"http://{LOOPBACK}:{settings.port}/callbacks/{path}", content=body)
            except httpx.ConnectError:
                return None

        answer = await until(answered)
    await silent.close()
    await called.close()
    assert answer is not None
    return answer


async def test_what_a_provider_reports_is_heard_before_it_is_answered() -> None:
    heard = Heard()
    answer = await call(f"tencent-of-a-county/{KEY}", heard, json.dumps([REPORT, REPORT]))
    assert (answer.status_code, answer.json()) == (200, {"result": 0, "errmsg": "OK"})
    assert [report.provider for report in heard.reports] == ["tencent-of-a-county"] * 2


async def test_what_cannot_be_kept_is_not_acknowledged() -> None:
    heard = Heard()
    heard.broken = True
    assert (await call(f"tencent-of-a-county/{KEY}", heard, json.dumps(REPORT))).status_code == 503


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("tencent-of-a-county/wrong", json.dumps(REPORT), 404),
        (f"sms-gateway/{KEY}", json.dumps(REPORT), 404),
        (f"nobody/{KEY}", json.dumps(REPORT), 404),
        (f"tencent-of-a-county/{KEY}", "<html>", 400),
        (f"tencent-of-a-county/{KEY}", "[" + " " * 1024 * 1024 + "]", 413),
    ],
)
async def test_who_does_not_know_the_key_and_what_is_no_report_is_refused(path: str, body: str, status: int) -> None:
    heard = Heard()
    assert (await call(path, heard, body)).status_code == status
    assert heard.reports == []


async def test_a_provider_without_a_key_is_not_heard() -> None:
    assert (await call("tencent-of-a-county/", Heard(), json.dumps(REPORT), key=None)).status_code == 404


def test_the_path_that_a_provider_is_told() -> None:
    settings = CallbackSettings.model_validate({"port": 1, "url": "https://notify.nanxun.example/in/"})
    assert settings.path_of("kannel", "k") == "https://notify.nanxun.example/in/callbacks/kannel/k"
