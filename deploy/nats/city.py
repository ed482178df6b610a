"""A city over its counties: each county's broker is a leaf node of the city's, with a JetStream of its own.

Up, the city's stream AID sources every county's; down, a county's stream CITY sources what the city has addressed to
it. Both go by durable consumers: each event arrives once and in order, whoever was away. A county reaches nothing else
of the city, nor of another county, and the city nothing else of a county.
"""

from collections.abc import Sequence
from typing import Any, Final

from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    ExternalStream,
    RetentionPolicy,
    StorageType,
    StreamConfig,
    StreamConsumerSource,
    StreamSource,
)
from nats.js.errors import NotFoundError

from deploy.nats.accounts import User
from shared.eventsourcing.relay import ensure_stream
from shared.eventsourcing.wire import stream_name, subjects

__all__ = ["DOMAIN", "county_user", "domain_of", "provide_city", "provide_county"]

DOMAIN: Final = "city"
"""What the city's JetStream is called."""
AID: Final = stream_name("aid")
CITY: Final = stream_name("city")
HEARTBEAT: Final = 1.0
UNACKNOWLEDGED: Final = 1000
"""Messages on their way, at most."""

ROUTING: Final = ("_INBOX.>", "_R_.>", "$JSC.R.>", "$JS.S.>", "$JS.M.>")
"""On which brokers answer each other's calls."""


def domain_of(county: str) -> str:
    """What a county's JetStream is called. `county` is its division code."""
    return f"county-{county}"


def county_user(county: str) -> User:
    """As which a county signs in to the city: it hands its own events up, and takes those addressed to it."""
    own, consumer = domain_of(county), _down(county)
    up, down = f"$JS.{own}.API.CONSUMER", f"$JS.{DOMAIN}.API.CONSUMER"
    publish = (
        f"deliver.{own}.>",
        f"{down}.CREATE.{CITY}",
        f"{down}.CREATE.{CITY}.{consumer}.>",
        f"{down}.INFO.{CITY}.{consumer}",
        f"{down}.RESET.{CITY}.{consumer}",
        f"$JS.ACK.{CITY}.{consumer}.>",
    )
    subscribe = (
        f"deliver.{DOMAIN}.{own}",
        f"{up}.CREATE.{AID}",
        f"{up}.CREATE.{AID}.{DOMAIN}.>",
        f"{up}.INFO.{AID}.{DOMAIN}",
        f"{up}.RESET.{AID}.{DOMAIN}",
    )
    return User(own, ("$JS.FC.>", *ROUTING, *publish), ("$JS.FC.>", *ROUTING, *subscribe))


async def provide_city(js: JetStreamContext, counties: Sequence[str], replicas: int = 1) -> None:
    """At the city, with an operator's rights: its streams, for these counties. May be repeated, with more of them."""
    sources = [_source(AID, domain_of(county), DOMAIN, f"deliver.{domain_of(county)}.{DOMAIN}") for county in counties]
    await _provide(js, AID, sources, replicas)
    await ensure_stream(js, "city", replicas=replicas)
    for county in counties:
        filtered = f"{subjects('city').removesuffix('>')}*.{county}"
        await _consumer(js, CITY, _down(county), f"deliver.{DOMAIN}.{domain_of(county)}", filtered)


async def provide_county(js: JetStreamContext, county: str, replicas: int = 1) -> None:
    """At a county, likewise: the city may take its events, and what is addressed to it comes down. Before the services
    start; may be repeated."""
    await ensure_stream(js, "aid", replicas=replicas)
    await _consumer(js, AID, DOMAIN, f"deliver.{domain_of(county)}.{DOMAIN}")
    source = _source(CITY, DOMAIN, _down(county), f"deliver.{DOMAIN}.{domain_of(county)}")
    await _provide(js, CITY, [source], replicas)


def _down(county: str) -> str:
    return domain_of(county)


def _source(stream: str, domain: str, consumer: str, deliver: str) -> StreamSource:
    return StreamSource(
        name=stream,
        external=ExternalStream(api=f"$JS.{domain}.API", deliver=""),
        consumer=StreamConsumerSource(name=consumer, deliver_subject=deliver),
    )


async def _provide(js: JetStreamContext, name: str, sources: list[StreamSource], replicas: int) -> None:
    wanted: dict[str, Any] = {"sources": sources, "num_replicas": replicas, "deny_delete": True, "deny_purge": True}
    try:
        config = (await js.stream_info(name)).config
    except NotFoundError:
        made = StreamConfig(name=name, storage=StorageType.FILE, retention=RetentionPolicy.LIMITS, **wanted)
        await js.add_stream(made)
    else:
        if len(config.sources or []) != len(sources) or config.num_replicas != replicas:
            await js.update_stream(config.evolve(**wanted))


async def _consumer(js: JetStreamContext, stream: str, name: str, deliver: str, filtered: str | None = None) -> None:
    """What another broker's stream takes from this one, acknowledged as it stores it."""
    try:
        await js.consumer_info(stream, name)
    except NotFoundError:
        wanted = ConsumerConfig(
            durable_name=name,
            filter_subject=filtered,
            deliver_subject=deliver,
            ack_policy=AckPolicy.FLOW_CONTROL,
            flow_control=True,
            idle_heartbeat=HEARTBEAT,
            max_deliver=-1,
            max_ack_pending=UNACKNOWLEDGED,
        )
        await js.add_consumer(stream, wanted)
