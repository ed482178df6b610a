"""Ways to send that cannot be asked to take a message once, each towards its peer."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from services.notify.channels import Provider, Sms
from tests.services.notify.providers import test_aliyun, test_kannel, test_smpp, test_tencent
from tests.services.notify.providers.http_peer import HttpPeer
from tests.services.notify.providers.smpp_peer import FaultySmsc

type Peer = HttpPeer | FaultySmsc
type Way = Callable[[float], AbstractAsyncContextManager[tuple[Peer, Provider[Sms]]]]
"""Opened with the seconds for which an answer is waited for."""

each_way = pytest.mark.parametrize(
    "opened",
    [
        pytest.param(test_aliyun.towards_a_peer, id="aliyun"),
        pytest.param(test_tencent.towards_a_peer, id="tencent"),
        pytest.param(test_kannel.towards_a_peer, id="kannel"),
        pytest.param(test_smpp.towards_a_faulty_one, id="smpp"),
    ],
)
