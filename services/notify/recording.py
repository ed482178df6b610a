"""What the sender records, and what the read model does not show of that yet."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from services.notify.preparing import NOTIFY
from services.notify.views import NotificationRow, Notifications
from shared.runtime.envelope import Envelope
from shared.runtime.logs import log
from shared.runtime.service import Running
from shared.schemas.ids import new_id
from shared.schemas.messages import Accepted, Command, Refused

__all__ = ["Recording"]

STALE: Final = 5.0
"""Seconds for which the read model is not believed that a notification waits, after something was recorded of it."""

_log = log(__name__)


@dataclass(slots=True)
class _Left:
    """A notification to pass over until the read model has a position, at the longest until some second."""

    position: float
    until: float


class Recording:
    def __init__(self, running: Running, now: Callable[[], float]) -> None:
        self._running, self._now = running, now
        self._left: dict[UUID, _Left] = {}

    async def record(self, row: NotificationRow, command: Command) -> bool:
        """Whether it was recorded. It is not where another sender was quicker. Raises whatever servers raise."""
        try:
            return await self.attempt(row, command)
        except Refused as refused:
            _log.info("not recorded", notification=str(row.notification_id), code=refused.refusal.code)
            self.leave(row)
            return False

    async def attempt(self, row: NotificationRow, command: Command) -> bool:
        """Whether anything was recorded. Raises Refused besides."""
        envelope = Envelope(id=new_id(), actor=NOTIFY, federation=row.federation, correlation=row.cause)
        accepted: Accepted = await self._running.commands.carry_out(command, envelope)
        self.leave(row, accepted.position)
        return accepted.changed

    def leave(self, row: NotificationRow, position: float = float("inf"), seconds: float = STALE) -> None:
        """Not to be looked at before the read model has come to a position, or for so many seconds."""
        self._left[row.notification_id] = _Left(position, self._now() + seconds)

    def left(self) -> list[UUID]:
        """What the read model may still show as waiting, though it is seen to."""
        now, position = self._now(), self._running.read_models.positions()[Notifications.name]
        self._left = {own: left for own, left in self._left.items() if left.position > position and left.until > now}
        return list(self._left)
