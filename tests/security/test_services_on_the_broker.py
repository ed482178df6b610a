"""What a service's own user can't do on the broker, whoever got hold of it: beside `tests/deploy/nats`."""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.deploy.nats.brokers import Broker, WithPasswords, WithTokens, running, signed_in

FORBIDDEN: Final = (
    "evt.330503.registry.MemberErased",  # another's event
    "evt.330783.aid.ClaimApproved",
    "from.bank.nxbank.cmd.330503.loan.AcceptLoan",  # an outsider's call
    "$KV.clock.offset-seconds",
    "$JS.API.STREAM.CREATE.REGISTRY",
    "$JS.API.STREAM.CREATE.MINE",
    "$JS.API.STREAM.UPDATE.REGISTRY",
    "$JS.API.STREAM.DELETE.LOAN",  # not even its own
    "$JS.API.STREAM.PURGE.LOAN",
    "$JS.API.STREAM.MSG.DELETE.LOAN",
    "$JS.API.STREAM.SNAPSHOT.LOAN",
    "$JS.API.STREAM.RESTORE.LOAN",
    "$JS.API.STREAM.PURGE.KV_clock",
    "$JS.API.STREAM.MSG.GET.REGISTRY",
    "$JS.API.DIRECT.GET.REGISTRY.evt.330503.registry.MemberRegistered",
    "$JS.API.CONSUMER.LIST.REGISTRY",
    "$JS.API.CONSUMER.PAUSE.REGISTRY.aid-on-registry",
    "$JS.API.CONSUMER.LEADER.STEPDOWN.REGISTRY.aid-on-registry",
    "$JS.API.CONSUMER.DELETE.BANK_NXBANK.bank",
    "$JS.API.STREAM.LEADER.STEPDOWN.LOAN",
    "$JS.API.META.LEADER.STEPDOWN",
    "$SYS.REQ.SERVER.PING",
    "_INBOX.registry.x",  # an answer that nobody asked it for
    "_INBOX.x",
)


@pytest.fixture(scope="module", params=[WithPasswords, WithTokens])
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with running(request.param(tmp_path_factory.mktemp("broker"))) as broker:
        yield broker


async def test_a_service_forges_no_event_and_changes_no_stream(broker: Broker) -> None:
    async with signed_in(broker, "loan") as loan:
        for subject in FORBIDDEN:
            assert f'publish to "{subject.lower()}"' in await loan.denial_of_publishing(subject), subject


@pytest.mark.parametrize(
    "subject",
    [">", "evt.>", "cmd.>", "qry.*.registry.*", "from.*.*.cmd.*.aid.*", "_INBOX.>", "_INBOX.registry.>", "_R_.>"],
)
async def test_a_service_hears_neither_the_calls_to_another_nor_the_answers(broker: Broker, subject: str) -> None:
    async with signed_in(broker, "loan") as loan:
        assert f'subscription to "{subject.lower()}"' in await loan.denial_of_hearing(subject)
