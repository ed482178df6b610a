"""The streams of banks: what the loan addresses to a bank, sourced from the loan's stream in its order, for good.

The bank takes one event at a time by the durable consumer that is made here: its position is the acknowledged one,
the next comes when this one is acknowledged, and what was not is handed over again.
"""

from typing import Any, Final

from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
    StreamConsumerSource,
    StreamSource,
)
from nats.js.errors import NotFoundError

from deploy.nats.parties import CONSUMER, Bank, Parties
from shared.eventsourcing.relay import ensure_stream
from shared.eventsourcing.wire import stream_name

__all__ = ["ACK_WAIT", "provide"]

ACK_WAIT: Final = 10.0
"""Seconds after which a bank that took an event and went silent is handed it again."""
HEARTBEAT: Final = 1.0
UNACKNOWLEDGED: Final = 1000
"""Messages on their way into a bank's stream, at most."""


async def provide(js: JetStreamContext, parties: Parties, replicas: int = 1) -> None:
    """Make what is missing, with an operator's rights; what is there stays. May be repeated."""
    if parties.bank:
        await ensure_stream(js, "loan", replicas=replicas)
    for bank in parties.bank:
        await _sourcing(js, bank)
        await _stream(js, bank, replicas)
        await _consumer(js, bank)


async def _sourcing(js: JetStreamContext, bank: Bank) -> None:
    """By which the bank's stream takes from the loan's. It is durable: where the loan's stream is published anew, it
    is brought back to where it was (`niangjia replay`), and the bank's stream takes nothing twice."""
    wanted = ConsumerConfig(
        durable_name=bank.account,
        filter_subject=bank.subject,
        deliver_subject=_delivered(bank),
        ack_policy=AckPolicy.FLOW_CONTROL,
        flow_control=True,
        idle_heartbeat=HEARTBEAT,
        max_deliver=-1,
        max_ack_pending=UNACKNOWLEDGED,
    )
    try:
        await js.consumer_info(stream_name("loan"), bank.account)
    except NotFoundError:
        await js.add_consumer(stream_name("loan"), wanted)


async def _stream(js: JetStreamContext, bank: Bank, replicas: int) -> None:
    source = StreamSource(
        name=stream_name("loan"),
        consumer=StreamConsumerSource(name=bank.account, deliver_subject=_delivered(bank)),
    )
    wanted: dict[str, Any] = {
        "sources": [source],
        "num_replicas": replicas,
        "deny_delete": True,
        "deny_purge": True,
    }
    try:
        info = await js.stream_info(bank.stream)
    except NotFoundError:
        made = StreamConfig(
            name=bank.stream,
            description=f"addressed to {bank.code}",
            storage=StorageType.FILE,
            retention=RetentionPolicy.LIMITS,
            **wanted,
        )
        await js.add_stream(made)
    else:
        if info.config.num_replicas != replicas:
            await js.update_stream(info.config.evolve(num_replicas=replicas))


def _delivered(bank: Bank) -> str:
    return f"deliver.{bank.account}"


async def _consumer(js: JetStreamContext, bank: Bank) -> None:
    wanted = ConsumerConfig(
        durable_name=CONSUMER,
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ACK_WAIT,
        max_ack_pending=1,
        max_deliver=-1,
    )
    try:
        await js.consumer_info(bank.stream, CONSUMER)
    except NotFoundError:
        await js.add_consumer(bank.stream, wanted)
