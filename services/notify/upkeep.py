"""What time brings: messages too old to be sent, receipts that never came, digests that are due, content that is kept
for long enough."""

import asyncio
from datetime import date, timedelta
from typing import Final

from services.notify.boards import Contents, Digests
from services.notify.ledger import Ledger
from services.notify.preparing import NOTIFY, NOWHERE
from services.notify.resources import Resources
from services.notify.views import NotificationRow, Notifications
from shared.eventsourcing.connections import is_transient
from shared.eventsourcing.decider import SHANGHAI
from shared.runtime.envelope import Envelope
from shared.runtime.logs import log
from shared.runtime.service import Running
from shared.schemas.messages import Command, Refused
from shared.schemas.notify import CloseDigest, DeliveryStatus, ExpireNotification, NotificationId, RecordContentsDropped

__all__ = ["Upkeep", "keep_up"]

BEAT: Final = 1.0
SELDOM: Final = 60.0
PAGE: Final = 500
LEDGER_DAYS: Final = 90
"""For how long it is known whose a number is that writes back. Budgets look back a day."""
UNSENT: Final = (DeliveryStatus.REQUESTED, DeliveryStatus.DEFERRED, DeliveryStatus.WAITING, DeliveryStatus.SENT)

_log = log(__name__)


async def keep_up(running: Running) -> None:
    while not await running.read_models.caught_up(5.0):
        pass
    upkeep, seldom = Upkeep(running), float("-inf")
    now = asyncio.get_running_loop().time
    while True:
        try:
            while await upkeep.expire():
                pass
            await upkeep.close_digests()
            if now() - seldom >= SELDOM:
                seldom = now()
                await upkeep.drop_contents()
                await upkeep.drop_lines()
        except Exception as error:
            if not (is_transient(error) or isinstance(error, Refused | TimeoutError)):
                raise
            _log.warning("waiting", error=type(error).__name__)
        await asyncio.sleep(BEAT)


class Upkeep:
    def __init__(self, running: Running) -> None:
        self._running = running
        self._resources: Resources = running.resources

    async def expire(self) -> bool:
        """End what is too old. Whether there was any."""
        statuses = ", ".join(f"'{status}'" for status in UNSENT)
        rows = await self._running.read_models.first(
            Notifications,
            f"expires_at <= $1 and status in ({statuses}) order by expires_at limit {PAGE}",
            self._running.clock.now(),
        )
        positions = await asyncio.gather(*(self._expire(row) for row in rows))
        if positions:
            await self._running.read_models.reached(max(positions), 5.0)
        return any(positions)

    async def _expire(self, row: NotificationRow) -> int:
        own = NotificationId(row.notification_id)
        return await self._carry_out(ExpireNotification(notification_id=own), row.federation)

    async def close_digests(self) -> None:
        now = self._running.clock.now()
        rows = await self._running.read_models.some(Digests, "due_at <= $1 order by due_at limit $2", now, PAGE)
        positions = [await self._carry_out(CloseDigest(digest_id=row.digest_id), row.federation) for row in rows]
        if positions:
            await self._running.read_models.reached(max(positions), 5.0)

    async def drop_contents(self) -> None:
        """Destroy the keys of months that are kept for long enough, and record that they are."""
        last = months_ago(
            self._running.clock.now().astimezone(SHANGHAI).date(), self._resources.delivery.content_months
        )
        months = await self._running.read_models.pool.fetch(
            "select distinct month from notify.contents where month < $1 order by month", f"{last:%Y-%m}"
        )
        for (month,) in months:
            await self._drop(month)

    async def _drop(self, month: str) -> None:
        keyring = self._running.keyring
        assert keyring is not None
        rows = await self._running.read_models.some(Contents, "month = $1", month)
        for row in rows:
            await keyring.erase(row.content_key)
        position = await self._carry_out(RecordContentsDropped(month=month), NOWHERE)
        await self._running.read_models.reached(position, 5.0)
        _log.info("content dropped", month=month, keys=len(rows))

    async def drop_lines(self) -> None:
        before = self._running.clock.now() - timedelta(days=LEDGER_DAYS)
        await Ledger(self._running.store.pool).drop_before(before)

    async def _carry_out(self, command: Command, federation: str) -> int:
        accepted = await self._running.commands.carry_out(command, Envelope.fresh(NOTIFY, federation))
        return accepted.position if accepted.changed else 0


def months_ago(day: date, months: int) -> date:
    """The first of the month so many months ago.

    >>> months_ago(date(2026, 11, 24), 12)
    datetime.date(2025, 11, 1)
    """
    count = day.year * 12 + day.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)
