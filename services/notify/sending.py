"""The sender: takes what waits, asks the registry for names and addresses, renders, and hands it to a provider.

It runs under a lead. What an earlier sender began and did not end is settled first, and is never simply sent again.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from services.notify.channels import Email, OutcomeUnknown, Provider, SendingRefused, Sent, Sms
from services.notify.domain import Standing, notification
from services.notify.resources import Resources
from services.notify.templates import Addressee, BadValues
from services.notify.views import NotificationRow, Notifications
from shared.eventsourcing.connections import is_transient
from shared.runtime.client import NoAnswer
from shared.runtime.envelope import Envelope
from shared.runtime.logs import log
from shared.runtime.service import Running
from shared.schemas.ids import MemberId, new_id
from shared.schemas.messages import Actor, Command, Refused, Role
from shared.schemas.notify import (
    Channel,
    DeliveryStatus,
    FailureKind,
    NotificationId,
    NotificationRequested,
    RecipientKind,
    RecordFailure,
    RecordSent,
    RecordUnconfirmed,
    StartSending,
    Suppression,
    SuppressNotification,
)
from shared.schemas.registry import ContactAnswer, ShowContacts

__all__ = ["Sender", "send_for_ever"]

AT_ONCE: Final = 16
"""Messages under way at a time."""
SCAN: Final = 200
SCAN_PAUSE: Final = 0.2
"""Seconds between looks at what waits, when there is nothing to do."""
SETTLING: Final = (1.0, 5.0, 15.0, 60.0, 300.0)
"""Seconds after which an unknown outcome is asked about again; after the last it is given up as unconfirmed."""
AWAY_PAUSE: Final = 2.0
"""Seconds to wait when the registry or the database is away."""

ACTOR: Final = Actor(role=Role.SYSTEM, id="notify")

_log = log(__name__)


async def send_for_ever(running: Running) -> None:
    await Sender(running).run()


@dataclass(frozen=True, slots=True)
class _Reached:
    """A recipient's name and address."""

    name: str
    address: str


class Sender:
    def __init__(self, running: Running) -> None:
        self._running = running
        self._resources: Resources = running.resources
        self._under_way: set[UUID] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """For ever."""
        try:
            while not await self._running.read_models.caught_up(5.0):
                pass
            for row in await self._rows("status = 'sending'"):
                await self._room.acquire()
                self._begin(row)
            while True:
                rows = await self._rows(
                    f"status in ('requested', 'waiting') and (retry_at is null or retry_at <= $1)"
                    f" order by requested_at limit {SCAN}",
                    self._running.clock.now(),
                )
                fresh = [row for row in rows if row.notification_id not in self._under_way]
                for row in fresh:
                    await self._room.acquire()
                    self._begin(row)
                if not fresh:
                    await asyncio.sleep(SCAN_PAUSE)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _rows(self, condition: str, *arguments: Any) -> list[NotificationRow]:
        return await self._running.read_models.some(Notifications, condition, *arguments)

    def _begin(self, row: NotificationRow) -> None:
        self._under_way.add(row.notification_id)
        task = asyncio.create_task(self._see_to(row), name=f"notification {row.notification_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _see_to(self, row: NotificationRow) -> None:
        """One notification, until something is recorded of it, or the next scan should find it again."""
        try:
            await self._attempt(row)
            await self._running.read_models.caught_up(5.0)
        except Exception as error:
            passing = is_transient(error) or isinstance(error, NoAnswer | TimeoutError)
            note = _log.warning if passing else _log.error
            note("notification left", notification=str(row.notification_id), error=type(error).__name__)
            await asyncio.sleep(AWAY_PAUSE)
        finally:
            self._under_way.discard(row.notification_id)
            self._room.release()

    async def _attempt(self, row: NotificationRow) -> None:
        own = NotificationId(row.notification_id)
        state: Standing = await self._running.repository.state(notification, own)
        if state.status not in (DeliveryStatus.REQUESTED, DeliveryStatus.WAITING, DeliveryStatus.SENDING):
            return
        requested = await self._requested(own)
        reached = await self._reach(requested, row.federation)
        unsettled = state.status is DeliveryStatus.SENDING
        if reached is None or not requested.values.is_clear:
            ground = Suppression.NO_CONTACT if requested.values.is_clear else Suppression.ERASED
            await self._cannot(own, state, ground, row, unsettled=unsettled)
            return
        provider = self._provider(requested.channel)
        try:
            message = self._worded(requested, reached, row.federation)
        except (BadValues, KeyError) as error:
            await self._unsendable(own, state, row, type(error).__name__, provider.name)
            return
        if unsettled:
            await self._settle(own, provider, message, state.attempt, row)
            return
        started = await self._record(StartSending(notification_id=own, provider=provider.name), row)
        if started:
            await self._send(own, provider, message, state.attempt + 1, row)

    async def _send(
        self, own: NotificationId, provider: Provider[Any], message: Sms | Email, attempt: int, row: NotificationRow
    ) -> None:
        try:
            sent: Sent = await provider.send(message)
        except SendingRefused as refused:
            await self._refused(own, attempt, refused, row)
        except OutcomeUnknown:
            await self._settle(own, provider, message, attempt, row)
        else:
            await self._sent(own, attempt, sent, row)

    async def _settle(
        self, own: NotificationId, provider: Provider[Any], message: Sms | Email, attempt: int, row: NotificationRow
    ) -> None:
        """Find out what became of an attempt; the clock of pauses begins anew when this process does."""
        reason = "unknown"
        for pause in (0.0, *SETTLING):
            await asyncio.sleep(pause)
            try:
                sent: Sent = await provider.settle(message)
            except SendingRefused as refused:
                await self._refused(own, attempt, refused, row)
                return
            except OutcomeUnknown as unknown:
                reason = unknown.reason
            else:
                await self._sent(own, attempt, sent, row)
                return
        await self._record(RecordUnconfirmed(notification_id=own, attempt=attempt, reason=reason), row)

    async def _sent(self, own: NotificationId, attempt: int, sent: Sent, row: NotificationRow) -> None:
        theirs = sent.provider_message_id
        await self._record(RecordSent(notification_id=own, attempt=attempt, provider_message_id=theirs), row)

    async def _refused(self, own: NotificationId, attempt: int, refused: SendingRefused, row: NotificationRow) -> None:
        failure, reason = refused.failure, refused.reason
        await self._record(RecordFailure(notification_id=own, attempt=attempt, failure=failure, reason=reason), row)

    async def _cannot(
        self, own: NotificationId, state: Standing, ground: Suppression, row: NotificationRow, *, unsettled: bool
    ) -> None:
        """Nobody to send it to. Of an attempt that may have sent it, that is all that can be said."""
        if unsettled:
            reason = ground.value
            await self._record(RecordUnconfirmed(notification_id=own, attempt=state.attempt, reason=reason), row)
        else:
            await self._record(SuppressNotification(notification_id=own, reason=ground), row)

    async def _unsendable(
        self, own: NotificationId, state: Standing, row: NotificationRow, reason: str, provider: str
    ) -> None:
        """Its words cannot be made: an error of ours, that no further attempt mends."""
        _log.error("notification has no words", notification=str(own), template=row.template, error=reason)
        attempt = state.attempt
        if state.status is not DeliveryStatus.SENDING:
            await self._record(StartSending(notification_id=own, provider=provider), row)
            attempt += 1
        await self._record(
            RecordFailure(notification_id=own, attempt=attempt, failure=FailureKind.PERMANENT, reason=reason), row
        )

    async def _record(self, command: Command, row: NotificationRow) -> bool:
        """Whether it was recorded: another sender may have been quicker."""
        command_id = new_id()
        envelope = Envelope(id=command_id, actor=ACTOR, federation=row.federation, correlation=row.cause)
        try:
            accepted = await self._running.commands.carry_out(command, envelope)
        except Refused as refused:
            _log.info("not recorded", notification=str(row.notification_id), code=refused.refusal.code)
            return False
        return accepted.changed

    async def _requested(self, own: NotificationId) -> NotificationRequested:
        """The request, its values in clear, or erased."""
        (first, *_) = await self._running.store.stream(notification.stream(own))
        assert self._running.keyring is not None
        (event,) = await self._running.keyring.open([first])
        assert isinstance(event, NotificationRequested)
        return event

    async def _reach(self, requested: NotificationRequested, federation: str) -> _Reached | None:
        """The recipient's name and address on the channel; None where there is none."""
        recipient = requested.recipient
        if recipient.kind is RecipientKind.BANK:
            desk = self._resources.desks.get(recipient.id)
            if desk is None or requested.channel is not Channel.EMAIL:
                return None
            return _Reached(desk.name, desk.email)
        member_id = MemberId(UUID(recipient.id))
        envelope = Envelope.fresh(ACTOR, federation)
        answers: Iterable[ContactAnswer] = await self._running.client.ask(
            "registry", ShowContacts(member_ids=(member_id,)), envelope
        )
        for contact in answers:
            address = contact.phone if requested.channel is Channel.SMS else contact.email
            if contact.name is not None and address is not None:
                return _Reached(contact.name.clear, address.clear)
        return None

    def _worded(self, requested: NotificationRequested, reached: _Reached, federation: str) -> Sms | Email:
        """Raises BadValues; KeyError for a template or a federation that is not there."""
        template = self._resources.catalogue[requested.template]
        sender = self._resources.senders[federation]
        to, values = Addressee(reached.name, sender), requested.values.clear
        if requested.channel is Channel.SMS:
            return Sms(
                notification_id=requested.notification_id,
                to=reached.address,
                text=template.sms_text(to, values),
                template=str(requested.template),
                at=requested.at,
            )
        words = template.email_words(to, values)
        return Email(
            notification_id=requested.notification_id,
            to=reached.address,
            to_name=reached.name,
            subject=words.subject,
            text=words.text,
            html=words.html,
            from_name=sender.name,
            at=requested.at,
        )

    def _provider(self, channel: Channel) -> Provider[Any]:
        providers: Mapping[Channel, Provider[Any]] = {
            Channel.SMS: self._resources.sms,
            Channel.EMAIL: self._resources.email,
        }
        return providers[channel]
