"""A bank's stream holds what was addressed to the bank: each event once, in order, whatever befalls the broker."""

import asyncio
from pathlib import Path

import nats
import nats.errors
from nats.aio.client import Client as Connection
from nats.js.errors import APIError

from deploy.nats.parties import CONSUMER
from shared.eventsourcing.relay import ensure_stream
from tests.deploy.nats.brokers import User, WithPasswords, make_streams, running, signed_in
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


async def all_taken(bank: User) -> list[str]:
    """What waits for the bank, each acknowledged before the next."""
    subscription = await bank.js.pull_subscribe_bind(consumer=CONSUMER, stream="BANK_NXBANK")
    taken = []
    while (await subscription.consumer_info()).num_pending:
        (message,) = await subscription.fetch(1, timeout=5)
        await message.ack_sync()
        taken.append(message.data.decode())
    return taken


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
            assert await all_taken(bank) == due


async def test_a_bank_hears_nothing_again_when_the_loan_s_stream_is_published_anew(tmp_path: Path) -> None:
    """As `niangjia replay stream loan` does, which removes the stream and fills it from the log."""
    with running(WithPasswords(tmp_path)) as broker:
        await make_streams(broker)
        async with signed_in(broker, "loan") as loan, signed_in(broker, "operator") as operator:

            async def publish_to(last: int) -> None:
                for position in range(1, last + 1):
                    subject = "evt.330503.loan.LoanEndorsed" + (".nxbank" if position % 3 == 0 else "")
                    await loan.js.publish(subject, str(position).encode())

            async def held(count: int) -> bool:
                return (await operator.js.stream_info("BANK_NXBANK")).state.messages >= count

            await publish_to(30)
            await until(lambda: held(10))
            before = await operator.js.consumer_info("LOAN", "bank-nxbank")
            await operator.js.delete_stream("LOAN")
            await ensure_stream(loan.js, "loan")
            await operator.js.add_consumer("LOAN", before.config)
            assert before.ack_floor is not None
            await operator.js.reset_consumer("LOAN", "bank-nxbank", before.ack_floor.stream_seq + 1)
            await publish_to(60)
            await until(lambda: held(20), 60)
        async with signed_in(broker, "bank-nxbank") as bank:
            assert await all_taken(bank) == [str(position) for position in range(3, 61, 3)]
