"""Three nodes, streams on all of them, and the leader of one killed -9 under load: nothing is lost or doubled."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import nats
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext

from deploy.local.ports import LOOPBACK, free_port
from deploy.local.terminal import NO_ANSWER
from shared.eventsourcing.feed import StreamFeed
from shared.eventsourcing.relay import Relay, ensure_stream
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.tasks import end
from shared.runtime.broker import connect
from tests.deploy.nats.brokers import EVERYTHING, AsMade, done, let_in_with_every_right, typed
from tests.shared.eventsourcing.savings import CODEC, commit, deposits
from tests.waiting import until

NODES = 3
CALLERS = 8
KILLS = 1


@pytest.fixture
def nodes() -> Iterator[list[AsMade]]:
    """As an operator starts them."""
    with TemporaryDirectory(prefix="niangjia-tests-", ignore_cleanup_errors=True) as folder, ExitStack() as stack:
        made = Path(folder) / "credentials"
        routes = [argument for _ in range(NODES) for argument in ("--node", f"{LOOPBACK}:{free_port()}")]
        done("credentials", made, *routes)
        started = [
            AsMade(Path(folder) / f"node-{number}", made / "server", f"node-{number}.conf")
            for number in range(1, NODES + 1)
        ]
        let_in_with_every_right(started[0])
        for node in started:
            stack.enter_context(node)
        yield started


@asynccontextmanager
async def signed_in(nodes: list[AsMade]) -> AsyncIterator[tuple[Client, JetStreamContext]]:
    """As a service is, which is told all nodes."""
    addresses = ",".join(node.address for node in nodes)
    connection = await connect(addresses, "test", asyncio.Event(), nodes[0].sign_in(EVERYTHING.name))
    try:
        yield connection, connection.jetstream()
    finally:
        await connection.close()


@pytest.mark.timeout(120)
async def test_the_leader_of_a_stream_is_killed_under_load_and_the_stream_holds_the_log(
    nodes: list[AsMade], database_url: str
) -> None:
    async with (
        signed_in(nodes) as (connection, js),
        signed_in(nodes) as (reading, _),
        EventStore(database_url, "savings", CODEC) as store,
    ):
        await until(partial(_made, js), seconds=30)
        relay = Relay(store, connection, "savings")
        relaying = asyncio.create_task(relay.run())
        loading = True
        seen: list[int] = []

        async def load(number: int) -> None:
            turn = number
            while loading:
                await store.append(commit((f"passbook-{turn % 24}", None, deposits(1))))
                await asyncio.sleep(0.005)
                turn += 1

        def published_beyond(position: int) -> bool:
            return relay.published > position

        async def read() -> None:
            async for page in StreamFeed(reading, "SAVINGS", "test", CODEC).pages(0):
                seen.extend(recorded.position for recorded in page)

        following = asyncio.create_task(read())
        callers = [asyncio.create_task(load(number)) for number in range(CALLERS)]
        for _ in range(KILLS):
            before = relay.published
            await until(partial(published_beyond, before + 50), seconds=30)
            leader = (await js.stream_info("SAVINGS")).cluster
            assert leader is not None
            (killed,) = (node for node in nodes if node.server_name == leader.leader)
            killed.kill()
            at = relay.published
            async with signed_in([killed, *(node for node in nodes if node is not killed)]) as (_, found):
                await until(partial(_is_there, found), seconds=30)
            await until(partial(published_beyond, at + 50), seconds=30)  # two nodes go on alone
            other = next(node for node in nodes if node is not killed)
            await until(partial(_tells, other, (1, (killed.server_name,))), seconds=30)
            killed.start()
            await until(partial(_all_current, js), seconds=30)
            await until(partial(_tells, killed, (0, ())), seconds=30)
        loading = False
        await asyncio.gather(*callers)
        head = await store.head()
        await until(lambda: relay.published == head, seconds=30)
        await until(lambda: len(seen) >= head, seconds=30)
        assert seen == list(range(1, head + 1))
        state = (await js.stream_info("SAVINGS")).state
        assert (state.first_seq, state.last_seq, state.messages) == (1, head, head)
        log = {recorded.position: str(recorded.id) async for page in store.all() for recorded in page}
        for position in (1, head // 2, head):
            message = await js.get_msg("SAVINGS", seq=position)
            assert (message.headers or {})["ce-id"] == log[position]
        await end(following)
        await end(relaying)


async def _tells(node: AsMade, expected: tuple[int, tuple[str, ...]]) -> bool:
    """What an operator asks that node: the exit code, and the nodes whose copy is not up to date."""
    result = await asyncio.to_thread(typed, "streams", "--replicas", str(NODES), "-o", "json", by=node)
    if result.exit_code == NO_ANSWER:  # it is not chosen yet who leads the nodes
        assert "ask again in a moment" in result.stderr
        return False
    (savings,) = json.loads(result.stdout)
    assert (savings["stream"], savings["replicas"]) == ("SAVINGS", NODES)
    return (result.exit_code, tuple(savings["behind"])) == expected


async def _made(js: JetStreamContext) -> bool:
    try:
        await ensure_stream(js, "savings", replicas=NODES)
    except nats.errors.Error:  # no leader is elected yet
        return False
    return True


async def _is_there(js: JetStreamContext) -> bool:
    try:
        await js.stream_info("SAVINGS")
    except nats.errors.Error:
        return False
    return True


async def _all_current(js: JetStreamContext) -> bool:
    try:
        company = (await js.stream_info("SAVINGS")).cluster
    except nats.errors.Error:
        return False
    return (
        company is not None
        and len(company.replicas or []) == NODES - 1
        and all(p.current for p in company.replicas or [])
    )
