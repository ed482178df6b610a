"""A city over its counties: each county's broker is a leaf node of the city's, with a JetStream of its own.

Up, the city's stream AID sources every county's; down, a county's stream CITY sources what the city has addressed to
it. Both go by durable consumers: each event arrives once and in order, whoever was away. A county reaches nothing else
of the city, nor of another county, and the city nothing else of a county.
"""

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
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

from deploy.nats.accounts import Account, User, accounts
from deploy.nats.parties import Parties
from shared.eventsourcing.relay import ensure_stream
from shared.eventsourcing.wire import stream_name, subjects

__all__ = [
    "AID",
    "CA",
    "CITY",
    "CREDS",
    "DOMAIN",
    "GIVEN",
    "Given",
    "city_accounts",
    "counties_of",
    "county_in",
    "county_user",
    "domain_of",
    "provide_city",
    "provide_county",
]

DOMAIN: Final = "city"
"""What the city's JetStream is called."""
AID: Final = stream_name("aid")
CITY: Final = stream_name("city")
GIVEN: Final = "city.toml"
CREDS: Final = "city.creds"
CA: Final = "city-ca.pem"
"""What a city gives to a county: which it is and where the city is, as whom it signs in, whom it believes."""
HEARTBEAT: Final = 1.0
UNACKNOWLEDGED: Final = 1000
"""Messages on their way, at most."""

ROUTING: Final = ("_INBOX.>", "_R_.>", "$JSC.R.>", "$JS.S.>", "$JS.M.>")
"""On which brokers answer each other's calls."""


def domain_of(county: str) -> str:
    """What a county's JetStream is called. `county` is its division code."""
    return f"county-{county}"


def county_in(domain: str | None) -> str | None:
    """The code of the county whose JetStream is called so, if it is one."""
    kind, dash, code = (domain or "").partition("-")
    return code if dash and kind == "county" else None


@dataclass(frozen=True, slots=True)
class Given:
    """What a city tells a county: which one it is, and where the city is reached."""

    county: str
    urls: tuple[str, ...]

    def toml(self) -> str:
        return f"county = {json.dumps(self.county)}\nurls = {json.dumps(self.urls)}\n"

    @classmethod
    def read(cls, folder: Path) -> "Given":
        """Raises OSError; ValueError where it is none."""
        held = tomllib.loads((folder / GIVEN).read_text("utf-8"))
        try:
            return cls(str(held["county"]), tuple(map(str, held["urls"])))
        except KeyError as missing:
            raise ValueError(f"{folder / GIVEN} does not say {missing}") from None


def city_accounts(counties: Sequence[str]) -> tuple[Account, ...]:
    """The union's first: the city's service, the operator, and each county."""
    union, *others = accounts(("city",), Parties())
    return (replace(union, users=(*union.users, *map(county_user, counties))), *others)


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


async def counties_of(js: JetStreamContext) -> list[str]:
    """At the city: those whose events it takes, in their codes' order."""
    try:
        sources = (await js.stream_info(AID)).config.sources or []
    except NotFoundError:
        return []
    domains = (source.external.api.split(".")[1] for source in sources if source.external is not None)
    return sorted(code for domain in domains if (code := county_in(domain)) is not None)


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
