"""The stage of a run: every command that was answered is on record."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, NoReturn
from uuid import UUID

from deploy.local.demo.stage import Stage
from shared.runtime.client import Client
from shared.runtime.envelope import Envelope
from shared.schemas.messages import Accepted, Actor, Command, Query, Refused

__all__ = ["PATIENCE", "Answers", "RecordingStage"]

PATIENCE: Final = 180.0
"""Seconds within which everything is answered, whatever befalls the system: far more than faults last together."""
COME_AGAIN: Final = frozenset({"busy", "not_yet_visible"})
"""Refusals that ask to call again."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    programme: str
    command_id: UUID
    kind: str
    accepted: Accepted


@dataclass(frozen=True, slots=True)
class Declined:
    programme: str
    command_id: UUID
    kind: str
    code: str


@dataclass(slots=True)
class Answers:
    """What callers were told, all stages together."""

    accepted: list[Acknowledged] = field(default_factory=list)
    refused: list[Declined] = field(default_factory=list)
    queries: int = 0


class RecordingStage(Stage):
    def __init__(self, client: Client, federation: str, answers: Answers) -> None:
        super().__init__(client, self._stay, federation, PATIENCE)
        self._asking, self._answers = client, answers

    async def act(self, programme: str, actor: Actor, command: Command) -> Accepted:
        """Raises Refused, NoAnswer."""
        envelope, kind = Envelope.fresh(actor, self.federation), type(command).__name__
        try:
            accepted = await self._again(lambda: self._asking.send(programme, command, envelope))
        except Refused as refused:
            self._answers.refused.append(Declined(programme, envelope.id, kind, refused.refusal.code))
            raise
        self._answers.accepted.append(Acknowledged(programme, envelope.id, kind, accepted))
        return accepted

    async def ask(self, programme: str, actor: Actor, query: Query[Any], after: int = 0) -> Any:
        envelope = Envelope.fresh(actor, self.federation)
        answer = await self._again(lambda: self._asking.ask(programme, query, envelope, after))
        self._answers.queries += 1
        return answer

    async def until[T](self, condition: Callable[[], Awaitable[T | None]], patience: float = PATIENCE) -> T:
        return await super().until(condition, PATIENCE)

    async def _again[T](self, call: Callable[[], Awaitable[T]]) -> T:
        """Called again where the answer asks for it, the same call."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return await call()
            except Refused as refused:
                if refused.refusal.code not in COME_AGAIN or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.1)

    @staticmethod
    async def _stay(_span: timedelta) -> NoReturn:
        raise AssertionError("the clock of a run goes by itself")
