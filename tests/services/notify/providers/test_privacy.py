"""Whatever happens on the way, no log says to whom a message goes and what it says."""

import logging
from datetime import UTC, datetime

import pytest

from services.notify.channels import OutcomeUnknown, SendingRefused
from tests.services.notify.providers.aliyun_peer import AliyunPeer
from tests.services.notify.providers.each_way import Way, each_way
from tests.services.notify.providers.http_peer import Fault, HttpPeer
from tests.services.notify.providers.messages import sms
from tests.services.notify.providers.smpp_peer import Fault as SmppFault

FAULTS = [fault for fault in Fault if fault is not Fault.SLOW]
PERSONAL = ("13867201234", "张建国", "\\u5f20\\u5efa\\u56fd", "%E5%BC%A0%E5%BB%BA%E5%9B%BD", "100,000")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in the SDKs
@each_way
async def test_no_log_and_no_error_names_a_person(
    opened: Way, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    async with opened(0.2) as (peer, provider):
        message = sms()
        await provider.send(message)
        if isinstance(peer, HttpPeer):
            refusal = {"Code": "isv.MOBILE_NUMBER_ILLEGAL", "Message": "13867201234", "RequestId": "r"}
            peer.orders.extend([*FAULTS, (400, refusal), (500, "张建国"), (200, refusal)])
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
