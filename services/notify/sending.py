"""The sender: takes what waits, has it made into messages, and hands these to providers; one lane a channel.

It runs under a lead. For a moment two may believe that they lead: an attempt is begun by a command that is refused
to the second of them. What an attempt left unknown is settled beside, and holds up nothing.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from services.notify.channels import Email, OutcomeUnknown, Provider, SendingRefused, Sent, Sms, Unknowable
from services.notify.domain import notification
from services.notify.door import Door
from services.notify.preparing import LARGEST_PAGE, NOTIFY, NotYet, Prepared, Preparing, Unsendable
from services.notify.resources import Resources
from services.notify.views import NotificationRow, Notifications
from shared.eventsourcing.connections import is_transient
from shared.runtime.client import NoAnswer
from shared.runtime.envelope import Envelope
from shared.runtime.logs import log
from shared.runtime.service import Running
from shared.schemas.ids import new_id
from shared.schemas.messages import Accepted, Command, Refused
from shared.schemas.notify import (
    DeliveryStatus,
    FailureKind,
    NotificationId,
    RecordFailure,
    RecordSent,
    RecordUnconfirmed,
    StartSending,
    Suppression,
    SuppressNotification,
)

__all__ = ["Lane", "send_for_ever"]

BEAT: Final = 0.2
"""Seconds between looks at what is due, when there was nothing to do."""
FRESH: Final = 10.0
"""Seconds for which names and addresses are used after they were asked for."""
SETTLING_BEAT: Final = 0.5
SETTLED_AT_ONCE: Final = 8
FIRST_LOOK: Final = 1.0
"""Seconds before an attempt that another process began is asked about: it may be ending it."""
LOOKS: Final = (0.0, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0)
"""Seconds before an attempt of unknown outcome is asked about again; the last from then on."""
AWAY_PAUSE: Final = 2.0
"""Seconds to wait when the registry or the database is away."""
STALE: Final = 5.0
"""Seconds for which the read model is not believed that a notification waits, after something was recorded of it."""
FINISH: Final = 8.0
"""Seconds that what is under way has to end, when the sender is told to leave."""

_log = log(__name__)


async def send_for_ever(running: Running) -> None:
    resources: Resources = running.resources
    while not await running.read_models.caught_up(5.0):
        pass
    async with asyncio.TaskGroup() as lanes:
        for provider in (resources.sms, resources.email):
            lanes.create_task(Lane(running, provider).run(), name=f"lane {provider.channel}")


@dataclass(slots=True)
class _Left:
    """A notification to pass over until the read model has a position, at the longest until some second."""

    position: float
    until: float


@dataclass(slots=True)
class _Doubt:
    """When an attempt of unknown outcome is asked about, and how often it was."""

    next_look: float
    looks: int = 0


class Lane:
    """The notifications of one channel, through its provider."""

    def __init__(self, running: Running, provider: Provider[Any]) -> None:
        self._running, self._provider = running, provider
        self._resources: Resources = running.resources
        self._preparing = Preparing(running)
        self._now = asyncio.get_running_loop().time
        self._door = Door(self._now)
        self._room = asyncio.Semaphore(provider.at_once)
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._left: dict[UUID, _Left] = {}
        self._doubts: dict[UUID, _Doubt] = {}

    async def run(self) -> None:
        """For ever. Cancelled, it begins nothing more and lets what is under way end."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._persist(self._send_due, BEAT), name=f"{self._provider.name} sends")
                group.create_task(self._persist(self._settle_due, SETTLING_BEAT), name=f"{self._provider.name} settles")
        finally:
            await self._finish()

    async def _persist(self, work: Any, beat: float) -> None:
        """Do a piece of work again and again, with a pause where there was nothing to do or somebody is away."""
        while True:
            try:
                pause = 0.0 if await work() else beat
            except Exception as error:
                if not (is_transient(error) or isinstance(error, NoAnswer | Refused | TimeoutError)):
                    raise
                _log.warning("waiting", provider=self._provider.name, error=type(error).__name__)
                pause = AWAY_PAUSE
            await asyncio.sleep(pause)

    async def _finish(self) -> None:
        if self._tasks:
            _, late = await asyncio.wait(self._tasks.values(), timeout=FINISH)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    # What is due

    async def _send_due(self) -> bool:
        """A page of what is due; one message alone while the provider is in doubt. Whether there was any."""
        if self._door.is_shut:
            return False
        if alone := not self._door.is_wide:
            await self._quiet()
        page = await self._due(1 if alone else LARGEST_PAGE)
        asked = self._now()
        for row, prepared in await self._preparing.prepare(page):
            await self._room.acquire()
            if self._now() - asked > FRESH or self._door.is_shut or self._door.is_wide is alone:
                self._room.release()
                break
            self._begin(row, prepared)
        if alone:
            await self._quiet()
        return bool(page)

    async def _due(self, limit: int) -> list[NotificationRow]:
        rows: list[NotificationRow] = []
        hidden = self._hidden()
        for urgent in (True, False):
            if len(rows) < limit:
                rows += await self._running.read_models.some(
                    Notifications,
                    "channel = $1 and urgent = $2 and due_at <= $3 and notification_id <> all ($4::uuid[])"
                    " order by due_at limit $5",
                    self._provider.channel.value,
                    urgent,
                    self._running.clock.now(),
                    hidden,
                    limit - len(rows),
                )
        return rows

    def _hidden(self) -> list[UUID]:
        """What the read model may still show as waiting, though it is seen to."""
        now, position = self._now(), self._running.read_models.positions()[Notifications.name]
        self._left = {own: left for own, left in self._left.items() if left.position > position and left.until > now}
        return [*self._tasks, *self._left]

    async def _quiet(self) -> None:
        """Until nothing is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks.values())

    def _begin(self, row: NotificationRow, prepared: Prepared) -> None:
        own = row.notification_id
        task = asyncio.create_task(self._see_to(row, prepared), name=f"notification {own}")
        self._tasks[own] = task

        def over(_task: asyncio.Task[None]) -> None:
            del self._tasks[own]
            self._room.release()

        task.add_done_callback(over)

    # One notification

    async def _see_to(self, row: NotificationRow, prepared: Prepared) -> None:
        """Until something is recorded of it, or the read model shows it again."""
        own, began = NotificationId(row.notification_id), self._now()
        try:
            match prepared:
                case NotYet():
                    self._leave(row)
                case Suppression():
                    await self._record(row, SuppressNotification(notification_id=own, reason=prepared))
                case Unsendable(reason):
                    if attempt := await self._start(row):
                        await self._failed(row, attempt, FailureKind.TECHNICAL, reason)
                case Sms() | Email():
                    if attempt := await self._start(row):
                        await self._send(row, attempt, prepared, began)
        except Exception as error:
            _log.warning("notification left", notification=str(own), error=type(error).__name__)
            self._leave(row)

    async def _send(self, row: NotificationRow, attempt: int, message: Sms | Email, began: float) -> None:
        try:
            sent: Sent = await self._provider.send(message)
        except SendingRefused as refused:
            if refused.failure is FailureKind.TECHNICAL:
                self._door.trouble(began)
            else:
                self._door.passed(began)
            await self._failed(row, attempt, refused.failure, refused.reason)
        except Exception as error:
            self._unknown(error)
            self._door.trouble(began)
            self._doubts[row.notification_id] = _Doubt(self._now() + LOOKS[0])
        else:
            self._door.passed(began)
            await self._sent(row, attempt, sent)

    async def _start(self, row: NotificationRow) -> int | None:
        """The number of the attempt that may be made now; None where another sender was quicker."""
        attempt = row.attempts + 1
        own, provider = NotificationId(row.notification_id), self._provider.name
        begun = await self._record(row, StartSending(notification_id=own, attempt=attempt, provider=provider))
        return attempt if begun else None

    async def _sent(self, row: NotificationRow, attempt: int, sent: Sent) -> bool:
        own, theirs = NotificationId(row.notification_id), sent.provider_message_id
        return await self._record(row, RecordSent(notification_id=own, attempt=attempt, provider_message_id=theirs))

    async def _failed(self, row: NotificationRow, attempt: int, failure: FailureKind, reason: str) -> bool:
        own = NotificationId(row.notification_id)
        return await self._record(
            row, RecordFailure(notification_id=own, attempt=attempt, failure=failure, reason=reason)
        )

    async def _record(self, row: NotificationRow, command: Command) -> bool:
        """Whether it was recorded. It is not where another sender was quicker."""
        envelope = Envelope(id=new_id(), actor=NOTIFY, federation=row.federation, correlation=row.cause)
        try:
            accepted: Accepted = await self._running.commands.carry_out(command, envelope)
        except Refused as refused:
            _log.info("not recorded", notification=str(row.notification_id), code=refused.refusal.code)
            self._leave(row)
            return False
        self._leave(row, accepted.position)
        return accepted.changed

    def _leave(self, row: NotificationRow, position: float = float("inf")) -> None:
        """Not to be looked at before the read model has come to a position, or for STALE seconds."""
        self._left[row.notification_id] = _Left(position, self._now() + STALE)

    # Attempts of unknown outcome

    async def _settle_due(self) -> bool:
        """Ask about attempts whose time it is. Whether there were more than are asked about at once."""
        hidden = set(self._hidden())
        rows = await self._running.read_models.some(
            Notifications,
            f"channel = $1 and status = '{DeliveryStatus.SENDING}' order by started_at limit {LARGEST_PAGE}",
            self._provider.channel.value,
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
            standing = await self._running.repository.state(notification, own)
            if (standing.status, standing.attempt) != (DeliveryStatus.SENDING, row.attempts):
                return
            match prepared:
                case Sms() | Email():
                    await self._ask(row, prepared)
                case Suppression():  # nobody to send it to: of what may have been sent, that is all that can be said
                    await self._unconfirmed(row, prepared.value)
                case Unsendable(reason):
                    await self._wait_on(row, reason)
                case NotYet():
                    await self._wait_on(row, "recipient not known")
        except Exception as error:
            _log.warning("notification left in doubt", notification=str(own), error=type(error).__name__)

    async def _ask(self, row: NotificationRow, message: Sms | Email) -> None:
        began = self._now()
        assert row.started_at is not None
        try:
            sent: Sent = await self._provider.settle(message, row.started_at)
        except SendingRefused as refused:
            await self._failed(row, row.attempts, refused.failure, refused.reason)
        except Unknowable as never:
            await self._unconfirmed(row, never.reason)
        except Exception as error:
            await self._wait_on(row, self._unknown(error))
        else:
            self._door.passed(began)
            await self._sent(row, row.attempts, sent)

    def _unknown(self, error: Exception) -> str:
        """Why an outcome is unknown. Whatever a provider raised, the message may have been sent."""
        if isinstance(error, OutcomeUnknown):
            return error.reason
        _log.error("provider failed", provider=self._provider.name, error=type(error).__name__)
        return type(error).__name__

    async def _wait_on(self, row: NotificationRow, reason: str) -> None:
        """It will be asked about again, unless it was for long enough."""
        assert row.started_at is not None
        if self._running.clock.now() - row.started_at > self._resources.asking:
            await self._unconfirmed(row, reason)

    async def _unconfirmed(self, row: NotificationRow, reason: str) -> None:
        own = NotificationId(row.notification_id)
        await self._record(row, RecordUnconfirmed(notification_id=own, attempt=row.attempts, reason=reason))
