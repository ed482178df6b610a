"""A bank's stream holds what was addressed to the bank: each event once, in order, whatever befalls the broker."""

import asyncio
from pathlib import Path

import nats
import nats.errors
from nats.aio.client import Client as Connection
from nats.js.errors import APIError

from deploy.nats.parties import CONSUMER
from tests.deploy.nats.brokers import WithPasswords, make_streams, running, signed_in
from tests.waiting import until

EVENTS = 400
KILLS = 3


async def publish(connection: Connection, until_killed: asyncio.Event) -> None:
    """Events by turns for the bank, for another and for nobody, each once: at its own position, as the relay does."""
    js = connection.jetstream()
    addressees = (".nxbank", ".other", "")
    for position in range(1, EVENTS + 1):
        headers = {"Nats-Expected-Last-Sequence": str(position - 1)}
        subject = f"evt.330503.loan.LoanEndorsed{addressees[position % 3]}"
        while True:
            try:
                await js.publish(subject, str(position).encode(), headers=headers, timeout=2)
                break
            except APIError:  # it is there already: the acknowledgement was lost
                break
            except (nats.errors.Error, TimeoutError, OSError):
                await asyncio.sleep(0.05)
        if position % (EVENTS // (KILLS + 1)) == 0:
            until_killed.set()


async def quiet(_error: Exception) -> None:
    """The broker is killed on purpose."""


async def test_a_bank_hears_each_event_once_though_the_broker_is_killed_again_and_again(tmp_path: Path) -> None:
    with running(WithPasswords(tmp_path)) as broker:
        await make_streams(broker)
        options = broker.options("loan") | {"max_reconnect_attempts": -1, "reconnect_time_wait": 0.1}
        connection, now = await nats.connect(**options, error_cb=quiet), asyncio.Event()
        publishing = asyncio.create_task(publish(connection, now))
        for _ in range(KILLS):
            await asyncio.wait_for(now.wait(), 30)
            now.clear()
            broker.server.kill()
            broker.server.start()
        await publishing
        await connection.close()
        due = [str(position) for position in range(1, EVENTS + 1) if position % 3 == 0]

        async with signed_in(broker, "operator") as operator:

            async def all_there() -> bool:
                return (await operator.js.stream_info("BANK_NXBANK")).state.messages >= len(due)

            await until(all_there, 60)
        async with signed_in(broker, "bank-nxbank") as bank:
            subscription = await bank.js.pull_subscribe_bind(consumer=CONSUMER, stream="BANK_NXBANK")
            taken = []
            while (await subscription.consumer_info()).num_pending:
                (message,) = await subscription.fetch(1, timeout=5)
                await message.ack_sync()
                taken.append(message.data.decode())
    assert taken == due
