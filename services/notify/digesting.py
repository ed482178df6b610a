"""Digests: what is not worth a message of its own is counted until a time of day, and told of in one."""

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Final
from uuid import UUID

from services.notify.refusals import DIGEST_CLOSED
from shared.eventsourcing.decider import SHANGHAI, Aggregate, Facts
from shared.schemas.ids import derived_id
from shared.schemas.messages import Command, Event
from shared.schemas.notify import (
    AddToDigest,
    Channel,
    CloseDigest,
    DigestClosed,
    DigestItemAdded,
    Recipient,
    RequestNotification,
)

__all__ = ["VARIABLES", "Digest", "decide", "digest", "digest_id", "next_time", "told"]

NAMESPACE: Final = UUID("b0f6c6c4-6a52-5c0e-9d4a-6b6f0f6c0d1e")
VARIABLES: Final = frozenset({"count"})
"""What a digest's template can say."""


@dataclass(frozen=True, slots=True)
class Digest:
    causes: frozenset[UUID] = frozenset()
    first: DigestItemAdded | None = None
    closed: bool = False


def next_time(at: time, now: datetime) -> datetime:
    """The next instant at which it is that time in China."""
    local = now.astimezone(SHANGHAI)
    due = datetime.combine(local.date(), at, SHANGHAI)
    return due if due > now else due + timedelta(days=1)


def digest_id(federation: str, rule: str, channel: Channel, recipient: Recipient, due: datetime) -> UUID:
    """One digest for one recipient of a rule by one channel at one time."""
    return derived_id(NAMESPACE, f"{federation}/{rule}/{channel}/{recipient}/{due.astimezone(SHANGHAI).isoformat()}")


def decide(command: Command, state: Digest, _facts: Facts) -> list[Event]:
    match command, state:
        case AddToDigest(cause=cause), Digest(closed=False) if cause not in state.causes:
            return [DigestItemAdded.model_validate(command.model_dump())]
        case CloseDigest(digest_id=own), Digest(closed=False, causes=causes) if causes:
            return [DigestClosed(digest_id=own, count=len(causes))]
        case AddToDigest(cause=cause), _ if cause not in state.causes:
            raise DIGEST_CLOSED()
        case AddToDigest() | CloseDigest(), _:
            return []
        case _:
            raise TypeError(type(command).__name__)


def told(state: Digest) -> RequestNotification:
    """The message of a digest."""
    first = state.first
    assert first is not None
    return RequestNotification(
        cause=first.digest_id,
        cause_type="DigestClosed",
        programme=first.programme,
        rule=first.rule,
        rules_version=first.rules_version,
        channel=first.channel,
        recipient=first.recipient,
        message_class=first.message_class,
        template=first.template,
        concerns=None,
        values={"count": len(state.causes)},
    )


def evolve(state: Digest, event: Event) -> Digest:
    match event:
        case DigestItemAdded(cause=cause):
            return replace(state, causes=state.causes | {cause}, first=state.first or event)
        case DigestClosed():
            return replace(state, closed=True)
        case _:
            return state


digest: Aggregate[Digest, Event] = Aggregate("digest", Digest(), evolve)
