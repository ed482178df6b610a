"""Whatever happens on the way, no log says to whom a message goes and what it says."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime

import pytest

from services.notify.channels import OutcomeUnknown, Provider, SendingRefused, Sms
from tests.services.notify.providers import test_aliyun, test_kannel, test_smpp, test_tencent
from tests.services.notify.providers.aliyun_peer import AliyunPeer
from tests.services.notify.providers.http_peer import Fault, HttpPeer
from tests.services.notify.providers.messages import sms
from tests.services.notify.providers.smpp_peer import Fault as SmppFault
from tests.services.notify.providers.smpp_peer import FaultySmsc

PERSONAL = ("13867201234", "张建国", "\\u5f20\\u5efa\\u56fd", "%E5%BC%A0%E5%BB%BA%E5%9B%BD", "100,000")

type Way = Callable[[], AbstractAsyncContextManager[tuple[HttpPeer | FaultySmsc, Provider[Sms]]]]


def way(towards: Callable[[float], AbstractAsyncContextManager[tuple[HttpPeer | FaultySmsc, Provider[Sms]]]]) -> Way:
    @asynccontextmanager
    async def opened() -> AsyncIterator[tuple[HttpPeer | FaultySmsc, Provider[Sms]]]:
        async with towards(0.2) as (peer, provider):
            yield peer, provider

    return opened


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in the SDKs
@pytest.mark.parametrize(
    "opened",
    [
        pytest.param(way(test_aliyun.towards_a_peer), id="aliyun"),
        pytest.param(way(test_tencent.towards_a_peer), id="tencent"),
        pytest.param(way(test_kannel.towards_a_peer), id="kannel"),
        pytest.param(way(test_smpp.towards_a_faulty_one), id="smpp"),
    ],
)
async def test_no_log_and_no_error_names_a_person(
    opened: Way, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    async with opened() as (peer, provider):
        message = sms()
        await provider.send(message)
        if isinstance(peer, HttpPeer):
            refusal = {"Code": "isv.MOBILE_NUMBER_ILLEGAL", "Message": "13867201234", "RequestId": "r"}
            peer.orders.extend([*Fault, (400, refusal), (500, "张建国"), (200, refusal)])
        else:
            peer.orders.extend([SmppFault.TAKE_AND_DROP, SmppFault.GARBAGE, SmppFault.TAKE_AND_DELAY])
        while peer.orders:
            try:
                await provider.send(message)
            except (SendingRefused, OutcomeUnknown) as error:
                said += [str(error), repr(error)]
            try:
                await provider.settle(message, datetime.now(UTC))
            except (SendingRefused, OutcomeUnknown) as error:
                said += [str(error), repr(error)]
    assert said
    out, err = capfd.readouterr()
    for text in (caplog.text, out, err, repr(message), *said):
        for personal in PERSONAL:
            assert personal not in text
    assert not isinstance(peer, AliyunPeer) or "13867201234" in peer.requests[0].raw_query  # it would have shown
