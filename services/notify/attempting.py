"""One notification: what is to be recorded of it, and an attempt at a provider."""

import asyncio
from datetime import datetime, timedelta
from typing import Final

from services.notify.channels import Email, NotServed, OverBudget, SendingRefused, Sent, Sms, Window
from services.notify.choosing import Choosing, Later
from services.notify.outlets import Outlet
from services.notify.preparing import NotYet, Prepared, Unsendable
from services.notify.recording import Recording
from services.notify.refusals import NOT_WANTED, QUIET_NOW, TOO_OLD
from services.notify.resources import Resources
from services.notify.segments import Counting, TooLong, parts_of
from services.notify.settling import Settling, unknown
from services.notify.views import NotificationRow
from shared.eventsourcing.decider import SHANGHAI
from shared.runtime.logs import log
from shared.runtime.metrics import PROVIDER_MESSAGES, labelled
from shared.runtime.service import Running
from shared.schemas.messages import Refused
from shared.schemas.notify import (
    Channel,
    DeferNotification,
    Deferral,
    ExpireNotification,
    FailureKind,
    MessageClass,
    NotificationId,
    RecordFailure,
    RecordSent,
    StartSending,
    Suppression,
    SuppressNotification,
)

__all__ = ["Attempting"]

OURSELVES: Final = "notify"
"""In place of a provider, where an attempt came to nothing before any was spoken to."""
SPANS: Final = {
    Window.SECOND: timedelta(seconds=1),
    Window.MINUTE: timedelta(minutes=1),
    Window.HOUR: timedelta(hours=1),
    Window.DAY: timedelta(days=1),
}

_log = log(__name__)


class Attempting:
    def __init__(self, running: Running, recording: Recording, settling: Settling, choosing: Choosing) -> None:
        self._running, self._recording, self._settling, self._choosing = running, recording, settling, choosing
        self._resources: Resources = running.resources
        self._now = asyncio.get_running_loop().time

    async def see_to(self, row: NotificationRow, prepared: Prepared | Later, outlet: Outlet | None) -> None:
        """Until something is recorded of it, or the read model shows it again."""
        own = NotificationId(row.notification_id)
        try:
            match prepared:
                case NotYet():
                    self._recording.leave(row)
                case Suppression():
                    await self._recording.record(row, SuppressNotification(notification_id=own, reason=prepared))
                case Later(until=None):
                    unapproved = SuppressNotification(notification_id=own, reason=Suppression.NOT_APPROVED)
                    await self._recording.record(row, unapproved)
                case Later(until=datetime() as until, why=why):
                    await self._recording.record(row, DeferNotification(notification_id=own, until=until, why=why))
                case Unsendable(reason):
                    if attempt := await self._start(row, row.bound or OURSELVES, None):
                        await self._failed(row, attempt, FailureKind.TECHNICAL, reason)
                case Sms() | Email():
                    assert outlet is not None
                    await self._send(row, prepared, outlet)
        except Exception as error:
            _log.warning("notification left", notification=str(own), error=type(error).__name__)
            self._recording.leave(row)

    async def _send(self, row: NotificationRow, message: Sms | Email, outlet: Outlet) -> None:
        began = self._now()
        await self._choosing.write(outlet, row, message)
        attempt = await self._start(row, outlet.name, self._segments(message, outlet.name))
        if attempt is None:
            return
        spoken = self._now()
        try:
            sent: Sent = await outlet.provider.send(message)
        except SendingRefused as refused:
            self._count(outlet, refused.failure.value)
            await self._refused(row, attempt, refused, outlet, began)
        except Exception as error:
            unknown(outlet.name, error)
            self._count(outlet, "unknown")
            outlet.door.trouble(began)
            outlet.shares.erred()
            self._settling.doubt(row.notification_id)
        else:
            took = self._now() - spoken
            self._count(outlet, "sent")
            outlet.door.passed(began)
            outlet.shares.answered(took)
            await self._recording.record(
                row,
                RecordSent(
                    notification_id=NotificationId(row.notification_id),
                    attempt=attempt,
                    provider_message_id=sent.provider_message_id,
                    took_ms=round(took * 1000),
                    reports=outlet.reports,
                ),
            )

    def _count(self, outlet: Outlet, outcome: str) -> None:
        programme, channel = self._running.service.programme, outlet.provider.channel.value
        labelled(PROVIDER_MESSAGES, programme, channel, outlet.name, outcome).inc()

    async def _refused(
        self, row: NotificationRow, attempt: int, refused: SendingRefused, outlet: Outlet, began: float
    ) -> None:
        """Of a provider that is well another kind of refusal says nothing of its health."""
        not_before: datetime | None = None
        match refused:
            case NotServed():
                outlet.does_not_take(f"{row.template}@{row.template_version}")
            case OverBudget(window=window) if not self._choosing.others(row, outlet):
                not_before = _next_window(window, self._running.clock.now())
            case SendingRefused(failure=FailureKind.TECHNICAL):
                outlet.door.trouble(began)
                outlet.shares.erred()
            case _:
                outlet.door.passed(began)
        await self._failed(row, attempt, refused.failure, refused.reason, not_before)

    async def _start(self, row: NotificationRow, provider: str, segments: int | None) -> int | None:
        """The number of the attempt that may be made now; None where another sender was quicker, or it may not be made
        any more, or not now."""
        attempt, own = row.attempts + 1, NotificationId(row.notification_id)
        starting = StartSending(notification_id=own, attempt=attempt, provider=provider, segments=segments)
        try:
            await self._recording.attempt(row, starting)
        except Refused as refused:
            await self._hindered(row, refused.refusal.code)
            return None
        return attempt

    async def _hindered(self, row: NotificationRow, code: str) -> None:
        own = NotificationId(row.notification_id)
        if code == TOO_OLD.code:
            await self._recording.record(row, ExpireNotification(notification_id=own))
        elif code == NOT_WANTED.code:
            unwanted = SuppressNotification(notification_id=own, reason=Suppression.OPTED_OUT)
            await self._recording.record(row, unwanted)
        elif code == QUIET_NOW.code:
            channel, about = Channel(row.channel), MessageClass(row.message_class)
            until = self._resources.delivery.hours.over_at(self._running.clock.now(), channel, about)
            if until is not None:
                quiet = DeferNotification(notification_id=own, until=until, why=Deferral.QUIET_HOURS)
                await self._recording.record(row, quiet)
        else:
            _log.info("not begun", notification=str(own), code=code)
            self._recording.leave(row)

    async def _failed(
        self, row: NotificationRow, attempt: int, failure: FailureKind, reason: str, not_before: datetime | None = None
    ) -> None:
        own = NotificationId(row.notification_id)
        await self._recording.record(
            row,
            RecordFailure(notification_id=own, attempt=attempt, failure=failure, reason=reason, not_before=not_before),
        )

    def _segments(self, message: Sms | Email, provider: str) -> int | None:
        if isinstance(message, Email):
            return None
        today = self._running.clock.now().astimezone(SHANGHAI).date()
        price = self._resources.prices.on(today, provider)
        try:
            return parts_of(message.text, Counting.BILLED if price is None else price.counting)
        except TooLong:
            return None


def _next_window(window: Window, now: datetime) -> datetime:
    """When a provider's count begins anew, at the latest; to the vendor a day is 24 hours or a date."""
    return now + SPANS[window]
