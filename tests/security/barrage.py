"""Many hostile calls at the doors of the running services, and what was answered."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from nats.aio.client import Client as Connection

from shared.runtime.envelope import STATUS
from shared.schemas.messages import Command, Query, Refusal, Role
from tests.security.hostile import LANGUAGES, Known, Maker, encoded, kinds_of, spoiled
from tests.security.world import PROGRAMMES

__all__ = ["Answered", "barrage"]

AT_ONCE: Final = 48
LIMIT: Final = 30.0
"""Seconds in which each call must be answered."""


@dataclass(frozen=True, slots=True)
class Answered:
    subject: str
    actor: str
    body: bytes
    status: str
    refusal: Refusal | None

    @property
    def code(self) -> str:
        return self.refusal.code if self.refusal is not None else self.status


async def barrage(connection: Connection, known: Known, seed: int, each: int) -> list[Answered]:
    """So many calls of each command and query, every other one spoiled. Raises TimeoutError."""
    calls = iter(list(_calls(known, Random(seed), each)))
    answered: list[Answered] = []

    async def one_after_another() -> None:
        for subject, actor, body in calls:
            reply = await connection.request(subject, body, timeout=LIMIT, headers={"actor": actor})
            status = (reply.headers or {}).get(STATUS, "")
            refusal = Refusal.model_validate_json(reply.data) if status == "refused" else None
            answered.append(Answered(subject, actor, body, status, refusal))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(one_after_another())
    return answered


def _calls(known: Known, random: Random, each: int) -> Iterator[tuple[str, str, bytes]]:
    maker = Maker(random, known)
    kinds = [(programme, kind) for programme in PROGRAMMES for kind in kinds_of(LANGUAGES[programme])]
    for number in range(each):
        for programme, kind in random.sample(kinds, len(kinds)):
            message = maker.message(kind)
            if number % 2:
                message = spoiled(random, message)
            verb = "cmd" if issubclass(kind, Command) else "qry"
            federation = maker.known("federation") or "330503"
            subject = f"{verb}.{federation}.{programme}.{kind.__name__}"
            yield subject, _actor(random, kind, known.get("actor", ())), encoded(message)


def _actor(random: Random, kind: type[Command] | type[Query[Any]], actors: Sequence[str]) -> str:
    fitting = [actor for actor in actors if actor.partition(":")[0] in kind.roles]
    if fitting and random.random() < 0.9:
        return random.choice(fitting)
    return f"{random.choice(sorted(kind.roles) or [*Role])}:zhou"
