"""A provider that answers late, and in time."""

import asyncio

import pytest

from tests.services.notify.providers.each_way import Way, each_way
from tests.services.notify.providers.http_peer import Fault, HttpPeer
from tests.services.notify.providers.messages import sms
from tests.services.notify.providers.smpp_peer import Fault as SmppFault
from tests.waiting import until


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in the SDKs
@each_way
async def test_a_slow_answer_is_waited_for_and_the_message_sent_once(opened: Way) -> None:
    async with opened(10) as (peer, provider):
        if isinstance(peer, HttpPeer):
            peer.orders.append(Fault.SLOW)
            sending = asyncio.create_task(provider.send(sms()))
            await until(lambda: peer.requests)
        else:
            peer.orders.append(SmppFault.TAKE_AND_DELAY)
            sending = asyncio.create_task(provider.send(sms()))
            await until(lambda: peer.taken)
        assert not sending.done()
        peer.late.set()
        assert (await sending).provider_message_id
        assert (len(peer.requests) if isinstance(peer, HttpPeer) else peer.taken) == 1
