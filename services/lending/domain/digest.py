"""Digests: a union's cadres are told once a day of all that is overdue, not once for each item."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

from services.lending.domain.facts import LendingFacts
from shared.eventsourcing.decider import Aggregate
from shared.schemas.ids import UnionId, derived_id
from shared.schemas.lending import Code, DigestEvent, OverdueDigested, SendDigest

__all__ = ["DIGEST", "digest", "digest_id"]

LISTED: Final = 200
"""Codes that a digest names; `count` has them all."""


def digest_id(union_id: UnionId, on: date) -> UUID:
    return derived_id(union_id, f"overdue {on.isoformat()}")


def evolve(_sent: bool, _event: DigestEvent) -> bool:
    return True


DIGEST: Aggregate[bool, DigestEvent] = Aggregate("digest", False, evolve)


def digest(
    command: SendDigest, sent: bool, overdue: Sequence[tuple[datetime, Code]], facts: LendingFacts
) -> list[OverdueDigested]:
    """`overdue`: when each was due, and its code. Where there is none any more, nobody is told."""
    if sent or not overdue:
        return []
    first = sorted(overdue)
    return [
        OverdueDigested(
            digest_id=digest_id(command.union_id, command.on),
            union_id=command.union_id,
            on=command.on,
            count=len(first),
            longest_due_at=first[0][0],
            codes=tuple(code for _, code in first[:LISTED]),
            next_at=facts.policy.next_digest(facts.now),
        )
    ]
