"""Reactions: a service hears another's event, and acts.

A durable pull consumer hands over events in order, one at a time or a few together; those of one stream are heard one
after the other. A reaction that fails leaves a letter (see `letters`), so a poison event holds up its own stream and no
other. A reaction may run again after a crash: what it does follows from the event's id, so that nothing is done twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from weakref import WeakValueDictionary

import nats.errors
from nats.aio.client import Client as Connection
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError
from opentelemetry.trace import SpanKind

from shared.eventsourcing import wire
from shared.eventsourcing.codec import Codec
from shared.eventsourcing.connections import is_transient, persistently
from shared.eventsourcing.keyring import Keyring
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.tasks import end
from shared.runtime.client import Asking
from shared.runtime.envelope import Envelope
from shared.runtime.letters import Letter, Letters
from shared.runtime.logs import log
from shared.runtime.metrics import REACTION_SECONDS, REACTIONS, labelled
from shared.runtime.pulling import pull
from shared.runtime.read_models import ReadModels
from shared.runtime.tracing import span, traceparent
from shared.schemas.messages import Accepted, Actor, Command, Event, Role

__all__ = ["Reacting", "Reaction", "Reactions"]

MOST_DELIVERIES: Final = 10
"""Times that an event is handed over without an answer (each a crash) before it becomes a dead letter unheard."""
ACK_WAIT: Final = 6.0
"""Seconds after which a consumer that went silent is taken to have crashed, and the event is handed over again."""
BACK_OFF: Final = 1.0
"""Seconds before an event in hand is tried again when not even a letter could be written."""
RETRY_BEAT: Final = 0.25

_log = log(__name__)


@dataclass(frozen=True, slots=True)
class Reacting:
    """What a reaction has at hand."""

    recorded: Recorded
    """Its position is the sequence in the stream that it was heard from."""
    source: str
    """The programme whose event it is."""
    carry_out: Callable[[Command, Envelope], Awaitable[Accepted]]
    client: Asking
    read_models: ReadModels
    resources: Any
    programme: str
    keyring: Keyring | None

    async def command(self, command: Command, name: str = "") -> Accepted:
        """Carry out a command of one's own service that follows from the event. `name` tells several apart."""
        return await self.carry_out(command, self.envelope(name or type(command).__name__))

    def envelope(self, name: str) -> Envelope:
        actor = Actor(role=Role.SYSTEM, id=self.programme)
        envelope = Envelope.following(self.recorded.id, self.recorded.meta, name, actor)
        return replace(envelope, trace=traceparent() or envelope.trace)


type Handler = Callable[[Any, Reacting], Awaitable[None]]


@dataclass(frozen=True)
class Reaction:
    """What a service does on another's events. `name` is the durable consumer's: never change it."""

    name: str
    programme: str
    """Whose events."""
    codec: Codec
    handlers: Mapping[type[Event], Handler]
    at_once: int = 1
    """Events that are heard together. Where it is more than one, what a killed process had in hand may be heard again
    after later events, also of the same stream."""

    def subjects(self) -> list[str]:
        names = [kind.__name__ for kind in self.handlers]
        addressed = [f"{kind.__name__}.*" for kind in self.handlers if kind.addressed_to is not None]
        return [f"evt.*.{self.programme}.{name}" for name in (*names, *addressed)]


class Reactions:
    """The consumers of one service."""

    def __init__(
        self,
        reactions: tuple[Reaction, ...],
        letters: Letters,
        reacting: Callable[[Recorded, str], Reacting],
        programme: str,
    ) -> None:
        self._reactions = {reaction.name: reaction for reaction in reactions}
        self._letters, self._reacting, self._programme = letters, reacting, programme
        self.heard: dict[str, datetime] = {}
        """By consumer, when the last event that it took in hand was published."""

    @property
    def consumers(self) -> dict[str, str]:
        """The programme that each consumer hears, by the consumer's name."""
        return {reaction.name: reaction.programme for reaction in self._reactions.values()}

    async def run(self, connection: Connection, js: JetStreamContext, reacting: asyncio.Event) -> None:
        """Hear each programme, for ever, as soon as its stream is there; `reacting` is set when all are heard."""
        unheard = set(self._reactions)

        async def listen(reaction: Reaction) -> None:
            await self._provision(reaction, js)
            unheard.discard(reaction.name)
            if not unheard:
                reacting.set()
            stream, in_hand = wire.stream_name(reaction.programme), dict[str, Msg]()
            working = asyncio.create_task(_keep_working(in_hand), name=f"{reaction.name} is at it")
            try:
                await pull(connection, stream, reaction.name, reaction.at_once, self._hearer(reaction, in_hand))
            finally:
                await end(working)

        if not unheard:
            reacting.set()
        async with asyncio.TaskGroup() as group:
            for reaction in self._reactions.values():
                group.create_task(listen(reaction), name=reaction.name)

    @staticmethod
    async def _provision(reaction: Reaction, js: JetStreamContext) -> None:
        """Make or update the durable consumer; waits for a stream that is not there yet."""
        config = ConsumerConfig(
            durable_name=reaction.name,
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT,
            max_ack_pending=reaction.at_once,
            max_deliver=-1,
            filter_subjects=reaction.subjects(),
        )
        while True:
            try:
                await js.add_consumer(wire.stream_name(reaction.programme), config)
                break
            except NotFoundError:
                await asyncio.sleep(BACK_OFF)

    def _hearer(self, reaction: Reaction, in_hand: dict[str, Msg]) -> Callable[[Msg], Awaitable[None]]:
        turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

        async def hear(raw: Msg) -> None:
            turn = turns.setdefault((raw.headers or {}).get("ce-subject", raw.subject), asyncio.Lock())
            in_hand[raw.reply] = raw
            try:
                async with turn:
                    while True:
                        if await self._heard(reaction, raw):
                            return
                        await asyncio.sleep(BACK_OFF)
            finally:
                del in_hand[raw.reply]

        return hear

    async def _heard(self, reaction: Reaction, raw: Msg) -> bool:
        """False while PostgreSQL is away, so that not even a letter can be written: the event stays in hand."""
        try:
            await self.hear(reaction, raw.subject, raw.headers or {}, raw.data, raw.metadata)
        except Exception as error:
            _log.warning("not heard yet", consumer=reaction.name, error=type(error).__name__)
            return False
        return True

    async def hear(
        self, reaction: Reaction, subject: str, headers: Mapping[str, str], body: bytes, metadata: Any
    ) -> None:
        """React to one event, or leave a letter."""
        sequence: int = metadata.sequence.stream
        self.heard[reaction.name] = metadata.timestamp
        stream = headers.get("ce-subject", subject)

        async def leave(state: str, attempts: int, error: str | None) -> None:
            labelled(REACTIONS, self._programme, reaction.name, state).inc()
            arrived = metadata.timestamp
            await self._letters.put(
                Letter(reaction.name, sequence, stream, subject, headers, body, state, attempts, error, arrived)
            )

        if await self._letters.is_held(reaction.name, stream):
            await leave("parked", 0, None)
        elif metadata.num_delivered > MOST_DELIVERIES:
            await leave("dead", metadata.num_delivered, "every attempt ended the process")
        else:
            try:
                await self._react(reaction, wire.received(headers, body, reaction.codec, sequence))
            except Exception as error:
                if is_transient(error):
                    raise
                _log.error(
                    "reaction failed", consumer=reaction.name, sequence=sequence, error=_kind(error), exc_info=True
                )
                await leave("retrying", 1, _kind(error))

    async def retry_letters(self) -> None:
        """Try letters again as they fall due, for ever; under a lead."""
        while True:
            letters = await persistently(self._letters.due)
            for letter in letters:
                await self._try_again(letter)
            if not letters:
                await asyncio.sleep(RETRY_BEAT)

    async def _try_again(self, letter: Letter) -> None:
        reaction = self._reactions[letter.consumer]
        try:
            await self._react(reaction, wire.received(letter.headers, letter.body, reaction.codec, letter.sequence))
        except Exception as error:
            kind = _kind(error)
            state = await persistently(lambda: self._letters.failed(letter, kind))
            labelled(REACTIONS, self._programme, reaction.name, state).inc()
            _log.error("letter failed", consumer=reaction.name, sequence=letter.sequence, state=state, error=kind)
        else:
            await persistently(lambda: self._letters.delivered(letter))

    async def _react(self, reaction: Reaction, recorded: Recorded) -> None:
        name = f"{reaction.name} {recorded.type}"
        taking = labelled(REACTION_SECONDS, self._programme, reaction.name).time()
        with taking, span(name, SpanKind.CONSUMER, recorded.meta.trace, event=str(recorded.id)):
            event = recorded.event
            await reaction.handlers[type(event)](event, self._reacting(recorded, reaction.programme))
        labelled(REACTIONS, self._programme, reaction.name, "done").inc()


async def _keep_working(in_hand: dict[str, Msg]) -> None:
    """Tell the broker, for ever, which events are in hand, here by where they are answered: only a process that ended
    or stands still lets go of them."""
    while True:
        await asyncio.sleep(ACK_WAIT / 3)
        for reply, raw in tuple(in_hand.items()):
            if reply in in_hand:  # still, though others were told of meanwhile
                with suppress(nats.errors.Error):  # the broker is away: it is told again
                    await raw.in_progress()


def _kind(error: Exception) -> str:
    """What to keep of an error: its kind, and of a refusal its code. Texts may name people."""
    refusal = getattr(error, "refusal", None)
    return f"{type(error).__name__}({refusal.code})" if refusal is not None else type(error).__name__
