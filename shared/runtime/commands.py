"""From a command to its events: find the handler, decide, append, answer."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, cast
from uuid import UUID

from opentelemetry.trace import SpanKind

from shared.eventsourcing.decider import Aggregate, Decide, Facts
from shared.eventsourcing.keyring import Keyring
from shared.eventsourcing.repository import Busy, Occasion, Repository, Session, TooLarge
from shared.eventsourcing.writer import CommandIdReused
from shared.runtime.client import Asking
from shared.runtime.clock import Clock
from shared.runtime.envelope import (
    BUSY,
    COMMAND_ID_REUSED,
    NOT_ALLOWED,
    TOO_LARGE,
    UNKNOWN,
    Envelope,
    fingerprint,
)
from shared.runtime.metrics import COMMAND_SECONDS, COMMANDS, labelled
from shared.runtime.read_models import ReadModels
from shared.runtime.tracing import span, traceparent
from shared.schemas.messages import Accepted, Command, Event, Meta, Refused

__all__ = ["Commands", "Context", "Handler", "decides"]


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler has at hand."""

    session: Session
    envelope: Envelope
    now: datetime
    """UTC, of the one clock."""
    read_models: ReadModels
    """For outside facts that a decision needs."""
    resources: Any
    """What the service opened for itself at its start, such as its rules."""
    client: Asking
    """For outside facts that no read model may keep."""
    repository: Repository
    keyring: Keyring | None
    """Of a service that keeps personal data."""

    async def opened[S, E: Event](self, aggregate: Aggregate[S, E], key: UUID | str) -> Sequence[Event]:
        """A stream's events with personal fields in clear, or erased. What the decision rests on must be loaded from
        the session as well: nothing verifies what is only read here."""
        assert self.keyring is not None
        return await self.keyring.open(await self.repository.recorded(aggregate, key))

    def meta(self, correlation: UUID, cause: UUID | None = None, trace: str | None = None) -> Meta:
        """Of events that belong to another story than the command's, where it is about several."""
        return Meta(
            federation=self.envelope.federation,
            actor=str(self.envelope.actor),
            time=self.now,
            correlation=correlation,
            causation=self.envelope.id,
            cause=cause,
            trace=trace,
        )

    def facts(self) -> Facts:
        return Facts(now=self.now, actor=self.envelope.actor, federation=self.envelope.federation)


type Handler = Callable[[Any, Context], Awaitable[None]]
"""Loads streams from the session, decides, appends to them. It may run several times for one command."""


class FactsOf[C: Command, F: Facts](Protocol):
    async def __call__(self, command: C, context: Context, /) -> F: ...


def decides[C: Command, S, E: Event, F: Facts](
    aggregate: Aggregate[S, E],
    decide: Decide[C, S, E, F],
    by: str,
    facts: FactsOf[C, F] | None = None,
) -> Handler:
    """A handler for a command about one stream, the one that the command's field `by` names."""

    async def known(command: C, context: Context) -> F:
        return await facts(command, context) if facts is not None else cast("F", context.facts())

    async def handle(command: C, context: Context) -> None:
        key: UUID = getattr(command, by)
        state = await context.session.load(aggregate, key)
        events: Sequence[E] = decide(command, state, await known(command, context))
        context.session.append(aggregate, key, events)

    return handle


class Commands:
    """All commands of a service, whoever sends them: a message, a timer or a reaction."""

    def __init__(
        self,
        programme: str,
        handlers: Mapping[type[Command], Handler],
        repository: Repository,
        clock: Clock,
        read_models: ReadModels,
        client: Asking,
        resources: Any = None,
        keyring: Keyring | None = None,
        secret: bytes = b"",
    ) -> None:
        self._programme, self._handlers, self._secret = programme, handlers, secret
        self._repository, self._clock = repository, clock
        self._read_models, self._resources = read_models, resources
        self._client, self._keyring = client, keyring
        self.by_name = {kind.__name__: kind for kind in handlers}

    async def carry_out(self, command: Command, envelope: Envelope) -> Accepted:
        """Carry out a command once for its id. Raises Refused; errors of the servers as they come."""
        kind = type(command)
        started, outcome = time.perf_counter(), "failed"
        try:
            with span(kind.__name__, SpanKind.SERVER, envelope.trace, command=str(envelope.id)):
                accepted = await self._decide(command, envelope)
            outcome = "duplicate" if accepted.duplicate else "accepted"
            return accepted
        except Refused as refused:
            outcome = refused.refusal.code
            raise
        finally:
            labelled(COMMANDS, self._programme, kind.__name__, outcome).inc()
            labelled(COMMAND_SECONDS, self._programme, kind.__name__).observe(time.perf_counter() - started)

    async def _decide(self, command: Command, envelope: Envelope) -> Accepted:
        kind = type(command)
        handler = self._handlers.get(kind)
        if handler is None:
            raise UNKNOWN(name=kind.__name__)
        if envelope.actor.role not in kind.roles:
            raise NOT_ALLOWED(role=envelope.actor.role.value, name=kind.__name__)
        now = self._clock.now()
        meta = envelope.meta(now, traceparent())

        async def work(session: Session) -> None:
            context = Context(
                session,
                envelope,
                now,
                self._read_models,
                self._resources,
                self._client,
                self._repository,
                self._keyring,
            )
            await handler(command, context)

        try:
            told_by = fingerprint(command, envelope, self._secret)
            receipt = await self._repository.transact(Occasion(envelope.id, told_by, meta), work)
        except CommandIdReused:
            raise COMMAND_ID_REUSED() from None
        except Busy:
            raise BUSY() from None
        except TooLarge:
            raise TOO_LARGE() from None
        return Accepted(
            stream=receipt.stream,
            version=receipt.version,
            position=receipt.position,
            duplicate=receipt.duplicate,
            changed=receipt.changed,
        )
