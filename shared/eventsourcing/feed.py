"""Another service's events, in strict order, as a log that read models can be folded from.

A reader's place is the stream sequence up to which it has read, and the reader keeps it, not the broker. Each
reading has a consumer of its own that the broker forgets by itself, so any number may go on side by side; whatever
is lost on the way, or goes away, is answered by a new consumer from the last sequence that was handed out.
"""

import asyncio
import json
import random
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from typing import Final
from uuid import uuid4

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from shared.eventsourcing.codec import Codec
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.wire import received

__all__ = ["StreamBroken", "StreamFeed"]

PAGE: Final = 1000
PULL_EXPIRES: Final = 30.0
HEARTBEAT: Final = 1.0
SILENCE: Final = 3.0
"""Seconds without message or heartbeat after which the broker is taken to have forgotten us."""
FORGOTTEN_AFTER: Final = 300.0
"""Seconds after which the broker drops a consumer that asks for nothing, since its reader is gone or at work."""
FIRST_DELAY: Final = 0.05
LONGEST_DELAY: Final = 2.0
"""Seconds between attempts that brought nothing: doubled each time, with jitter."""

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class StreamBroken(Exception):
    """A message is missing from the stream itself: nothing may read past it."""


class _Lost(nats.errors.Error):
    """Messages were lost on their way, or the consumer is gone."""


class StreamFeed:
    """One stream as a log: positions are its sequences. `name` is shown to operators as the consumers' first part.

    With `filters` only those subjects are read, and positions have gaps. `domain` is JetStream's, of a leaf node.
    """

    def __init__(
        self,
        nc: Client,
        stream: str,
        name: str,
        codec: Codec,
        filters: Sequence[str] = (),
        domain: str | None = None,
    ) -> None:
        self._nc, self._js = nc, nc.jetstream(domain=domain)
        self._stream, self._name, self._codec, self._filters = stream, name, codec, list(filters)
        self._api = f"$JS.{domain}.API" if domain else "$JS.API"

    async def head(self) -> int:
        """The stream's last sequence. Raises what nats-py raises where the broker is away."""
        return int((await self._js.stream_info(self._stream)).state.last_seq)

    async def pages(self, after: int = 0) -> AsyncGenerator[Sequence[Recorded]]:
        """Pages of at most 1,000 events beyond a sequence, for ever.

        Raises StreamBroken where the stream has a hole; nats-py's ConnectionClosedError once the connection is
        closed for good; KeyError or ValueError on a message that is no event of ours.
        """
        delay = FIRST_DELAY
        while True:
            begun = after
            delivery = _Delivery(self._nc, self._stream, self._api, after, contiguous=not self._filters)
            try:
                await self._begin(delivery)
                while True:
                    messages = await delivery.page()
                    page = [received(m.headers or {}, m.data, self._codec, sequence) for sequence, m in messages]
                    after = page[-1].position
                    yield page
            except (nats.errors.Error, TimeoutError, OSError) as error:
                if self._nc.is_closed:
                    raise nats.errors.ConnectionClosedError from error
                _log.warning("feed interrupted", stream=self._stream, reader=self._name, at=after, error=repr(error))
            finally:
                await self._end(delivery)
            delay = FIRST_DELAY if after > begun else min(delay * 2, LONGEST_DELAY)
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret

    async def _begin(self, delivery: "_Delivery") -> None:
        if (head := await self.head()) < delivery.after:
            # Its relay publishes the same events at the same sequences again; the broker would start us too early.
            raise _Lost(f"the stream is at {head} only")
        config = ConsumerConfig(
            name=f"{self._name}-{uuid4().hex[:12]}",
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=delivery.after + 1,
            ack_policy=AckPolicy.NONE,
            filter_subjects=self._filters or None,
            inactive_threshold=FORGOTTEN_AFTER,
            mem_storage=True,
            num_replicas=1,
        )
        await delivery.open(config.name or "")
        await self._js.add_consumer(self._stream, config)

    async def _end(self, delivery: "_Delivery") -> None:
        with suppress(nats.errors.Error, TimeoutError, OSError):
            await delivery.close()
            if self._nc.is_connected and delivery.consumer:
                await self._js.delete_consumer(self._stream, delivery.consumer)


class _Delivery:
    """What one consumer delivers: asked for in good time, checked for losses as it arrives."""

    def __init__(self, nc: Client, stream: str, api: str, after: int, *, contiguous: bool) -> None:
        self.after, self.consumer = after, ""
        self._nc, self._stream, self._api, self._contiguous = nc, stream, api, contiguous
        self._inbox = nc.new_inbox()
        self._arrived = deque[tuple[int, Msg]]()
        self._stirred = asyncio.Event()
        self._failure: Exception | None = None
        self._asked = self._delivered = 0

    async def open(self, consumer: str) -> None:
        self._subscription = await self._nc.subscribe(self._inbox, cb=self._take)
        self.consumer = consumer

    async def close(self) -> None:
        if self.consumer:
            await self._subscription.unsubscribe()

    async def page(self) -> list[tuple[int, Msg]]:
        """What has arrived since, with sequences; waits for the first. Raises StreamBroken, nats-py's errors."""
        while not self._arrived:
            if self._failure is not None:
                raise self._failure
            await self._ask()
            self._stirred.clear()
            async with asyncio.timeout(SILENCE):
                await self._stirred.wait()
        taken = [self._arrived.popleft() for _ in range(min(PAGE, len(self._arrived)))]
        await self._ask()
        return taken

    async def _ask(self) -> None:
        if self._asked + len(self._arrived) < 2 * PAGE:
            request = {"batch": PAGE, "expires": int(PULL_EXPIRES * 1e9), "idle_heartbeat": int(HEARTBEAT * 1e9)}
            subject = f"{self._api}.CONSUMER.MSG.NEXT.{self._stream}.{self.consumer}"
            await self._nc.publish(subject, json.dumps(request).encode(), reply=self._inbox)
            self._asked += PAGE

    async def _take(self, message: Msg) -> None:
        status = "" if message.data or not message.headers else message.headers.get("Status", "")
        if status:
            self._heed(status, message.headers or {})
        elif self._failure is None:
            sequence, delivery = _numbers(message.reply)
            if delivery != self._delivered + 1:
                self._failure = _Lost(f"delivery {delivery} follows {self._delivered}")
            elif self._contiguous and sequence != self.after + 1:
                self._failure = StreamBroken(f"stream {self._stream}: {sequence} follows {self.after}")
            else:
                self.after, self._delivered = sequence, delivery
                self._asked -= 1
                self._arrived.append((sequence, message))
        self._stirred.set()

    def _heed(self, status: str, headers: dict[str, str]) -> None:
        match status:
            case "100":
                if int(headers.get("Nats-Last-Consumer", 0)) > self._delivered:
                    self._failure = self._failure or _Lost("the last messages did not arrive")
            case "404" | "408":
                self._asked -= int(headers.get("Nats-Pending-Messages", PAGE))
            case _:
                self._failure = self._failure or _Lost(f"{status} {headers.get('Description', '')}")


def _numbers(reply: str) -> tuple[int, int]:
    """Stream sequence and delivery count from a message's reply subject, with or without a domain in it."""
    tokens = reply.split(".")
    at = 5 if len(tokens) == 9 else 7
    return int(tokens[at]), int(tokens[at + 1])
