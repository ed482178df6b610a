"""The relay: what the log holds goes to the service's JetStream stream, in order, once, at the same number.

Events are published as atomic batches, a few by themselves, that say which sequence they must follow, so JetStream's
sequence is the event's position. Whatever goes wrong, the stream's own last sequence says where to go on from: nothing
is remembered here. Two relays at once do no harm, since whichever comes second is refused.
"""

import asyncio
import random
from contextlib import aclosing
from typing import Any, Final
from uuid import UUID

import nats.errors
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, NotFoundError

from shared.eventsourcing.batch import MOST_MESSAGES, Batch, OutOfStep, batches
from shared.eventsourcing.connections import persistently
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.wire import Encoder, stream_name, subjects

__all__ = ["ForeignStream", "Relay", "StreamAhead", "ensure_stream", "require_log_of"]

ACK_LIMIT: Final = 5.0
"""Seconds to wait for an acknowledgement: after a crash of the server none comes."""
FIRST_DELAY: Final = 0.05
LONGEST_DELAY: Final = 2.0
"""Seconds between attempts that published nothing: doubled each time, with jitter."""
LOOK: Final = 5.0
"""Seconds without anything to publish after which the relay looks whether the stream is as it left it."""
PASSED_BY: Final = frozenset({10071, 10164, 10176, 10201})
"""JetStream's codes for a batch that lost parts on its way, or that the stream has moved past."""

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class StreamAhead(Exception):
    """The stream holds more than the log: the database was restored from an older backup.

    Nothing may be published until an operator has brought the two together.
    """


class ForeignStream(Exception):
    """The stream's last message is not the log's event at that position: it belongs to another log."""


class Relay:
    """Publishes one service's log. Run it under leadership."""

    def __init__(self, store: EventStore, nc: Client, programme: str, stream: str | None = None) -> None:
        self._store, self._nc, self._js = store, nc, nc.jetstream()
        self._programme, self._stream = programme, stream or stream_name(programme)
        self._encoder = Encoder(programme, store.codec)
        self._published = 0

    @property
    def published(self) -> int:
        """The position up to which the stream is known to hold the log; 0 until that is known."""
        return self._published

    async def lag(self) -> int:
        """Events that wait to be published."""
        return max(0, await self._store.head() - self._published)

    async def run(self) -> None:
        """For ever.

        Raises StreamAhead, ForeignStream; Unpublishable, UnknownEvent, LogBroken; JetStream's refusals;
        nats-py's ConnectionClosedError once the connection is closed for good.
        """
        delay = FIRST_DELAY
        while True:
            begun = self._published
            try:
                await self._publish_beyond(await self._resume())
            except (nats.errors.Error, TimeoutError, OSError) as error:
                if self._nc.is_closed:
                    raise nats.errors.ConnectionClosedError from error
                if _is_refusal(error):
                    raise
                _log.warning("relay interrupted", stream=self._stream, published=self._published, error=repr(error))
            delay = FIRST_DELAY if self._published > begun else min(delay * 2, LONGEST_DELAY)
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret

    async def _resume(self) -> int:
        """The stream's last sequence, once its message there is known to be the log's event."""
        info = await self._js.stream_info(self._stream)
        last = int(info.state.last_seq)
        if last > 0:
            await self._recognise(last)
        self._published = last
        return last

    async def _recognise(self, last: int) -> None:
        query = f"select id from {self._store.schema}.events where position = $1"
        event: UUID | None = await persistently(lambda: self._store.pool.fetchval(query, last))
        if event is None:
            raise StreamAhead(
                f"stream {self._stream} is at {last}, the log of {self._programme} at {await self._store.head()}"
            )
        try:
            message = await self._js.get_msg(self._stream, seq=last)
        except NotFoundError:
            raise ForeignStream(f"stream {self._stream} no longer holds its message {last}") from None
        if (message.headers or {}).get("ce-id") != str(event):
            raise ForeignStream(f"stream {self._stream} holds another event at {last} than {self._programme}'s log")

    async def _publish_beyond(self, after: int) -> None:
        """Publish for ever; a batch is encoded while the one before it is on its way."""
        encoded: asyncio.Queue[Batch] = asyncio.Queue(maxsize=1)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._encode(after, encoded))
                tasks.create_task(self._publish(encoded))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def _encode(self, after: int, encoded: asyncio.Queue[Batch]) -> None:
        async with aclosing(self._store.all(after, page=MOST_MESSAGES, follow=True)) as pages:
            async for page in pages:
                messages = map(self._encoder.message, page)
                for batch in batches(messages, self._programme, page[0].position - 1, self._nc.max_payload):
                    await encoded.put(batch)

    async def _publish(self, encoded: asyncio.Queue[Batch]) -> None:
        while True:
            try:
                async with asyncio.timeout(LOOK):
                    batch = await encoded.get()
            except TimeoutError:
                await self._look()
                continue
            await batch.publish(self._nc, self._js, self._stream, ACK_LIMIT)
            self._published = batch.end

    async def _look(self) -> None:
        """Raises OutOfStep where the stream is not where it was left: it was lost, or filled by another relay."""
        last = (await self._js.stream_info(self._stream)).state.last_seq
        if last != self._published:
            raise OutOfStep(f"stream {self._stream} is at {last}, and was left at {self._published}")


def _is_refusal(error: Exception) -> bool:
    """Whether JetStream will say the same again: there is no such stream, or it does not take such messages."""
    return isinstance(error, APIError) and error.code in (400, 404) and error.err_code not in PASSED_BY


async def require_log_of(store: EventStore, js: JetStreamContext, programme: str) -> None:
    """Raises StreamAhead where the stream holds more than the log: to append then would part the two for good."""
    name = stream_name(programme)
    last = int((await js.stream_info(name)).state.last_seq)
    if last > (head := await persistently(store.head)):
        raise StreamAhead(f"stream {name} is at {last}, the log of {programme} at {head}: see niangjia recover")


async def ensure_stream(
    js: JetStreamContext, programme: str, *, replicas: int = 1, max_msg_size: int = 1024 * 1024
) -> None:
    """Make the stream of a programme's events, or bring its settings up to date. What is in it stays for ever."""
    wanted: dict[str, Any] = {
        "subjects": [subjects(programme)],
        "num_replicas": replicas,
        "max_msg_size": max_msg_size,
        "allow_atomic": True,
        "allow_direct": True,
        "discard": DiscardPolicy.NEW,
        "deny_delete": True,
        "deny_purge": True,
    }
    name = stream_name(programme)
    try:
        config = (await js.stream_info(name)).config
    except NotFoundError:
        made = StreamConfig(name=name, storage=StorageType.FILE, retention=RetentionPolicy.LIMITS, **wanted)
        await js.add_stream(made)
    else:
        if any(getattr(config, field) != value for field, value in wanted.items()):
            await js.update_stream(config.evolve(**wanted))
