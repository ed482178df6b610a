"""What the sender records, and what the read model does not show of that yet."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from services.notify.preparing import NOTIFY
from services.notify.together import Outcome, as_one
from services.notify.views import NotificationRow, Notifications
from shared.eventsourcing.rounds import Rounds
from shared.runtime.envelope import Envelope
from shared.runtime.logs import log
from shared.runtime.service import Running
from shared.schemas.ids import new_id
from shared.schemas.messages import Accepted, Command, Refused
from shared.schemas.notify import RecordFailure, RecordSent, RecordTogether, StartSending

__all__ = ["Recording"]

STALE: Final = 5.0
"""Seconds for which the read model is not believed that a notification waits, after something was recorded of it."""

_log = log(__name__)


Part = StartSending | RecordSent | RecordFailure
"""What happens to many notifications at a time."""
type _Asked = tuple[NotificationRow, Part]


@dataclass(slots=True)
class _Left:
    """A notification to pass over until the read model has a position, at the longest until some second."""

    position: float
    until: float


class Recording:
    def __init__(self, running: Running, now: Callable[[], float]) -> None:
        self._running, self._now = running, now
        self._left: dict[UUID, _Left] = {}
        self._together: Rounds[list[_Asked], Mapping[UUID, Outcome]] = Rounds(list, self._carry_out)

    async def record(self, row: NotificationRow, command: Command) -> None:
        """It is not recorded where another sender was quicker. Raises whatever servers raise."""
        try:
            await self.attempt(row, command)
        except Refused as refused:
            _log.info("not recorded", notification=str(row.notification_id), code=refused.refusal.code)
            self.leave(row)

    async def attempt(self, row: NotificationRow, command: Command) -> None:
        """Together with what else is to be recorded now. Raises Refused besides."""
        if isinstance(command, Part):
            outcomes = await self._together.ask(lambda asked: asked.append((row, command)))
            outcome = outcomes[row.notification_id]
        else:
            outcome = await self._alone(row, command)
        if isinstance(outcome, BaseException):
            raise outcome
        self.leave(row, outcome.position)

    async def _carry_out(self, asked: list[_Asked]) -> Mapping[UUID, Outcome]:
        outcomes = await as_one(asked, _federation, self._as_one, lambda one: self._alone(*one))
        return {row.notification_id: outcome for (row, _), outcome in outcomes}

    async def _as_one(self, federation: str, asked: Sequence[_Asked]) -> Accepted:
        together = RecordTogether(parts=tuple(part for _, part in asked))
        return await self._running.commands.carry_out(together, Envelope.fresh(NOTIFY, federation))

    async def _alone(self, row: NotificationRow, command: Command) -> Accepted:
        envelope = Envelope(id=new_id(), actor=NOTIFY, federation=row.federation, correlation=row.cause)
        return await self._running.commands.carry_out(command, envelope)

    def leave(self, row: NotificationRow, position: float = float("inf"), seconds: float = STALE) -> None:
        """Not to be looked at before the read model has come to a position, or for so many seconds."""
        self._left[row.notification_id] = _Left(position, self._now() + seconds)

    def left(self) -> list[UUID]:
        """What the read model may still show as waiting, though it is seen to."""
        now, position = self._now(), self._running.read_models.positions()[Notifications.name]
        self._left = {own: left for own, left in self._left.items() if left.position > position and left.until > now}
        return list(self._left)


def _federation(asked: _Asked) -> str:
    return asked[0].federation
