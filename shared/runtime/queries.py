"""From a query to its answer, out of the service's read models."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from shared.eventsourcing.decider import SHANGHAI, Aggregate
from shared.eventsourcing.keyring import Keyring
from shared.eventsourcing.repository import Repository
from shared.runtime.clock import Clock
from shared.runtime.envelope import NOT_ALLOWED, TOO_LATE, UNKNOWN, Envelope
from shared.runtime.metrics import QUERIES, QUERY_SECONDS, labelled
from shared.runtime.read_models import ReadModels
from shared.schemas.messages import Actor, Event, Query, Refused

__all__ = ["Answers", "Asked", "Queries"]

WAIT = 5.0
"""Seconds that a query waits for the read models to reach the position it named."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a query's handler has at hand."""

    read_models: ReadModels
    repository: Repository
    """For a state that only the stream holds in full."""
    actor: Actor
    federation: str
    now: datetime
    """UTC, of the one clock."""
    resources: Any
    keyring: Keyring | None
    """Of a service that keeps personal data."""

    async def opened[S, E: Event](self, aggregate: Aggregate[S, E], key: UUID | str) -> Sequence[Event]:
        """A stream's events with personal fields in clear, or erased: for what no read model keeps."""
        assert self.keyring is not None
        return await self.keyring.open(await self.repository.recorded(aggregate, key))

    @property
    def today(self) -> date:
        """The date in China."""
        return self.now.astimezone(SHANGHAI).date()


type Answers = Callable[[Any, Asked], Awaitable[Any]]


class Queries:
    """All queries of a service."""

    def __init__(
        self,
        programme: str,
        handlers: Mapping[type[Query[Any]], Answers],
        clock: Clock,
        read_models: ReadModels,
        repository: Repository,
        resources: Any = None,
        keyring: Keyring | None = None,
    ) -> None:
        self._programme, self._handlers, self._clock = programme, handlers, clock
        self._read_models, self._repository, self._resources = read_models, repository, resources
        self._keyring = keyring
        self.by_name = {kind.__name__: kind for kind in handlers}

    async def answer(self, query: Query[Any], envelope: Envelope, after: int = 0) -> Any:
        """The answer, once the read models have seen position `after`. Raises Refused."""
        kind, outcome = type(query), "failed"
        try:
            with labelled(QUERY_SECONDS, self._programme, kind.__name__).time():
                answer = await self._answer(query, envelope, after)
            outcome = "answered"
            return answer
        except Refused as refused:
            outcome = refused.refusal.code
            raise
        finally:
            labelled(QUERIES, self._programme, kind.__name__, outcome).inc()

    async def _answer(self, query: Query[Any], envelope: Envelope, after: int) -> Any:
        kind = type(query)
        handler = self._handlers.get(kind)
        if handler is None:
            raise UNKNOWN(name=kind.__name__)
        if envelope.actor.role not in kind.roles:
            raise NOT_ALLOWED(role=envelope.actor.role.value, name=kind.__name__)
        started = time.monotonic()
        if after and not await self._read_models.reached(after, WAIT):
            raise TOO_LATE(after=after, waited=round(time.monotonic() - started, 1))
        asked = Asked(
            self._read_models,
            self._repository,
            envelope.actor,
            envelope.federation,
            self._clock.now(),
            self._resources,
            self._keyring,
        )
        return await handler(query, asked)
