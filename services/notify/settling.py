"""Attempts of unknown outcome: their provider is asked what became of them, and no other is spoken to before."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from services.notify.channels import (
    Email,
    OutcomeUnknown,
    SendingRefused,
    Sent,
    Sms,
    Unknowable,
)
from services.notify.ledger import Ledger
from services.notify.outlets import Outlet
from services.notify.preparing import LARGEST_PAGE, NotYet, Prepared, Preparing, Unsendable
from services.notify.recording import Recording
from services.notify.resources import Resources
from services.notify.views import NotificationRow, Notifications
from shared.runtime.logs import log
from shared.runtime.service import Running
from shared.schemas.messages import Refused
from shared.schemas.notify import (
    BeginSettling,
    Channel,
    DeliveryStatus,
    NotificationId,
    RecordFailure,
    RecordSent,
    RecordUnconfirmed,
    Suppression,
)

__all__ = ["Settling", "unknown"]

SETTLED_AT_ONCE: Final = 8
FIRST_LOOK: Final = 1.0
"""Seconds before an attempt that another process began is asked about: it may be ending it."""
LOOKS: Final = (0.0, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0)
"""Seconds before an attempt of unknown outcome is asked about again; the last from then on."""

_log = log(__name__)


def unknown(provider: str, error: Exception) -> str:
    """Why an outcome is unknown. Whatever a provider raised, the message may have been sent."""
    if isinstance(error, OutcomeUnknown):
        return error.reason
    _log.error("provider failed", provider=provider, error=type(error).__name__)
    return type(error).__name__


@dataclass(slots=True)
class _Doubt:
    """When an attempt of unknown outcome is asked about, and how often it was."""

    next_look: float
    looks: int = 0


class Settling:
    """Of one channel."""

    def __init__(
        self,
        running: Running,
        channel: Channel,
        outlets: Mapping[str, Outlet],
        recording: Recording,
        now: Callable[[], float],
    ) -> None:
        self._running, self._channel, self._outlets, self._recording = running, channel, outlets, recording
        self._resources: Resources = running.resources
        self._preparing, self._now = Preparing(running), now
        self._ledger = Ledger(running.store.pool)
        self._doubts: dict[UUID, _Doubt] = {}

    def doubt(self, own: UUID) -> None:
        """An attempt of this process has no known outcome."""
        self._doubts[own] = _Doubt(self._now() + LOOKS[0])

    async def settle_due(self, seen_to: Collection[UUID]) -> bool:
        """Ask about attempts whose time it is. Whether there were more than are asked about at once."""
        hidden = set(seen_to)
        rows = await self._running.read_models.first(
            Notifications,
            f"channel = $1 and status = '{DeliveryStatus.SENDING}' order by started_at limit {LARGEST_PAGE}",
            self._channel.value,
        )
        rows = [row for row in rows if row.notification_id not in hidden]
        known = hidden | {row.notification_id for row in rows}
        self._doubts = {own: doubt for own, doubt in self._doubts.items() if own in known}
        now = self._now()
        for row in rows:
            self._doubts.setdefault(row.notification_id, _Doubt(now + FIRST_LOOK))
        due = [row for row in rows if self._doubts[row.notification_id].next_look <= now]
        await self._settle_all(due[:SETTLED_AT_ONCE])
        return len(due) > SETTLED_AT_ONCE

    async def _settle_all(self, rows: Sequence[NotificationRow]) -> None:
        if rows:
            prepared = await self._preparing.prepare(rows)
            await asyncio.gather(*(self._settle(row, message) for row, message in prepared))

    async def _settle(self, row: NotificationRow, prepared: Prepared) -> None:
        """Find out what became of an attempt, or when to ask next."""
        own, doubt = NotificationId(row.notification_id), self._doubts[row.notification_id]
        doubt.looks += 1
        doubt.next_look = self._now() + LOOKS[min(doubt.looks, len(LOOKS) - 1)]
        try:
            await self._recording.attempt(row, BeginSettling(notification_id=own, attempt=row.attempts))
            match prepared:
                case Sms() | Email():
                    await self._ask(row, prepared)
                case Suppression():  # nobody to send it to: of what may have been sent, that is all that can be said
                    await self._unconfirmed(row, prepared.value)
                case Unsendable(reason):
                    await self._wait_on(row, reason)
                case NotYet():
                    await self._wait_on(row, "recipient not known")
        except Refused as refused:
            _log.info("not in doubt", notification=str(own), code=refused.refusal.code)
        except Exception as error:
            _log.warning("notification left in doubt", notification=str(own), error=type(error).__name__)

    async def _ask(self, row: NotificationRow, message: Sms | Email) -> None:
        outlet = self._outlets.get(row.provider or "")
        if outlet is None:
            return await self._wait_on(row, "provider not there")
        own, began = NotificationId(row.notification_id), self._now()
        assert row.started_at is not None
        try:
            sent: Sent = await outlet.provider.settle(message, row.started_at)
        except SendingRefused as refused:
            if await self._is_another_address(row, message):
                return await self._wait_on(row, "address changed")
            failed: dict[str, Any] = {"failure": refused.failure, "reason": refused.reason}
            await self._recording.record(row, RecordFailure(notification_id=own, attempt=row.attempts, **failed))
        except Unknowable as never:
            await self._unconfirmed(row, never.reason)
        except Exception as error:
            await self._wait_on(row, unknown(outlet.name, error))
        else:
            outlet.door.passed(began)
            theirs = sent.provider_message_id
            await self._recording.record(
                row,
                RecordSent(
                    notification_id=own,
                    attempt=row.attempts,
                    provider_message_id=theirs,
                    reports=outlet.reports,
                ),
            )
        return None

    async def _is_another_address(self, row: NotificationRow, message: Sms | Email) -> bool:
        """Whether the attempt was addressed elsewhere: a provider that was asked by today's address and knows nothing
        of the message may have sent it to that one."""
        then = await self._ledger.number_of(row.notification_id, row.attempts)
        return then is not None and then != self._resources.pseudonyms.of(message.to)

    async def _wait_on(self, row: NotificationRow, reason: str) -> None:
        """It will be asked about again, unless it was for long enough."""
        assert row.started_at is not None
        if self._running.clock.now() - row.started_at > self._resources.delivery.asking:
            await self._unconfirmed(row, reason)

    async def _unconfirmed(self, row: NotificationRow, reason: str) -> None:
        own = NotificationId(row.notification_id)
        await self._recording.record(row, RecordUnconfirmed(notification_id=own, attempt=row.attempts, reason=reason))
