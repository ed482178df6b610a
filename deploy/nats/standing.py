"""How far the streams between a city and its counties have come, as either end sees it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from nats.aio.client import Client as Connection
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NoAnswer
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo
from nats.js.errors import NotFoundError, ServiceUnavailableError

from deploy.nats.city import AID, CITY, DOMAIN, counties_of, domain_of

__all__ = ["Line", "Standing", "of_county", "seen_by_the_city"]

PATIENCE: Final = 3.0
"""Seconds for the other end to answer."""


class Line(StrEnum):
    """Between a county and the city."""

    UP = "up"
    AWAY = "away"
    NO_STREAMS = "not provided"


@dataclass(frozen=True, slots=True)
class Standing:
    county: str
    line: Line
    log: int | None
    """The position up to which the county's mutual aid has published; None where the county is away."""
    in_the_city: int | None
    """And up to which the city has it."""
    on_the_way: int | None
    """How many events the city has addressed to the county that are not there yet."""

    @property
    def behind(self) -> int | None:
        return None if self.log is None or self.in_the_city is None else max(0, self.log - self.in_the_city)


async def seen_by_the_city(broker: Connection) -> list[Standing]:
    """In the order of codes. Raises NotFoundError where the city's streams are not there."""
    js = broker.jetstream()
    await js.stream_info(AID)
    return [await _of(broker, code) for code in await counties_of(js)]


async def _of(broker: Connection, code: str) -> Standing:
    js = broker.jetstream()
    line, taken = await _across(broker, domain_of(code), AID, DOMAIN)
    down = await js.consumer_info(CITY, domain_of(code))
    log = None if taken is None else _head(taken)
    return Standing(code, line, log, await _arrived(js, code), _waiting(down))


async def of_county(broker: Connection, code: str) -> Standing:
    """At that county. Raises NotFoundError where its streams are not there."""
    js = broker.jetstream()
    taken = await js.consumer_info(AID, DOMAIN)
    await js.stream_info(CITY)
    line, down = await _across(broker, DOMAIN, CITY, domain_of(code))
    arrived = int(taken.ack_floor.stream_seq) if taken.ack_floor is not None else 0
    return Standing(code, line, _head(taken), arrived, None if down is None else _waiting(down))


async def _across(broker: Connection, domain: str, stream: str, consumer: str) -> tuple[Line, ConsumerInfo | None]:
    """What the other end's broker says of its consumer."""
    try:
        info = await broker.jetstream(domain=domain, timeout=PATIENCE).consumer_info(stream, consumer)
    except NotFoundError:
        return Line.NO_STREAMS, None
    except (NoRespondersError, ServiceUnavailableError, NoAnswer):
        return Line.AWAY, None
    return Line.UP, info


async def _arrived(js: JetStreamContext, code: str) -> int:
    """A county's events bear its code, and their position in its log."""
    try:
        message = await js.get_last_msg(AID, f"evt.{code}.aid.>")
    except NotFoundError:
        return 0
    return int((message.headers or {})["ce-position"])


def _head(info: ConsumerInfo) -> int:
    """The last sequence of a stream without gaps, by a consumer of all of it."""
    delivered = int(info.delivered.stream_seq) if info.delivered is not None else 0
    return delivered + int(info.num_pending or 0)


def _waiting(info: ConsumerInfo) -> int:
    return int(info.num_pending or 0) + int(info.num_ack_pending or 0)
