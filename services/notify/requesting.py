"""Notifications are asked for: those of many events, heard side by side, as one command."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from services.notify.together import Outcome, as_one
from shared.eventsourcing.rounds import Rounds
from shared.runtime.envelope import Envelope
from shared.runtime.reactions import Reacting
from shared.runtime.tracing import traceparent
from shared.schemas.messages import Accepted
from shared.schemas.notify import Asked, RequestNotification, RequestTogether

__all__ = ["Requesting"]


class _Wish(NamedTuple):
    request: RequestNotification
    about: str
    """Tells it from others that the event calls for."""
    trace: str | None
    reacting: Reacting


class Requesting:
    def __init__(self) -> None:
        self._rounds: Rounds[list[_Wish], Mapping[UUID, Outcome]] = Rounds(list, _ask)

    async def ask(self, request: RequestNotification, about: str, reacting: Reacting) -> None:
        """Together with what other events call for now. Raises Refused, and whatever servers raise."""
        wish = _Wish(request, about, traceparent(), reacting)
        outcomes = await self._rounds.ask(lambda wishes: wishes.append(wish))
        outcome = outcomes[request.notification_id]
        if isinstance(outcome, BaseException):
            raise outcome


async def _ask(wishes: list[_Wish]) -> Mapping[UUID, Outcome]:
    outcomes = await as_one(wishes, _federation, _as_one, _alone)
    return {wish.request.notification_id: outcome for wish, outcome in outcomes}


async def _as_one(federation: str, wishes: Sequence[_Wish]) -> Accepted:
    first, *_ = wishes
    actor = first.reacting.envelope(first.about).actor
    asked = (
        Asked(
            request=wish.request,
            correlation=wish.reacting.recorded.meta.correlation,
            trace=wish.trace or wish.reacting.recorded.meta.trace,
        )
        for wish in wishes
    )
    command = RequestTogether(requests=tuple(asked))
    return await first.reacting.carry_out(command, Envelope.fresh(actor, federation))


async def _alone(wish: _Wish) -> Accepted:
    return await wish.reacting.command(wish.request, wish.about)


def _federation(wish: _Wish) -> str:
    return wish.reacting.recorded.meta.federation
