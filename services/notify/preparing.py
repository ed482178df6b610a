"""From notifications that wait to messages: values are opened, names and addresses asked for, words made.

It goes by pages: a page costs the registry one question, however many messages it holds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from services.notify.channels import Email, Sms
from services.notify.resources import Resources
from services.notify.standing import notification
from services.notify.templates import Addressee
from services.notify.views import NotificationRow
from shared.eventsourcing.keyring import KeyMissing, NotOfItsType, SealBroken
from shared.eventsourcing.recorded import Recorded
from shared.runtime.envelope import Envelope
from shared.runtime.logs import log
from shared.runtime.service import Running
from shared.schemas.ids import MemberId
from shared.schemas.messages import Actor, Event, Role
from shared.schemas.notify import Channel, NotificationRequested, RecipientKind, Suppression
from shared.schemas.registry import ContactAnswer, ShowContacts

__all__ = ["LARGEST_PAGE", "NOTIFY", "NOT_YET", "NOWHERE", "NotYet", "Prepared", "Preparing", "Unsendable"]

LARGEST_PAGE: Final = 500
"""Rows. The registry tells of no more members at a time."""
STRANGE_FOR: Final = timedelta(minutes=5)
"""How long a member whom the registry does not know may be one whom it does not know yet."""

NOTIFY: Final = Actor(role=Role.SYSTEM, id="notify")
NOWHERE: Final = "000000"
"""The federation of what concerns none, or one that nobody knows."""

_log = log(__name__)


@dataclass(frozen=True, slots=True)
class Unsendable:
    """It cannot be made: an error of ours, which says nothing of recipient and provider."""

    reason: str


class NotYet:
    """The registry does not know the recipient yet."""


NOT_YET: Final = NotYet()

type Prepared = Sms | Email | Suppression | Unsendable | NotYet

type Contacts = Mapping[tuple[str, UUID], ContactAnswer]
"""By federation and member."""


@dataclass(frozen=True, slots=True)
class _Reached:
    """A recipient's name and address."""

    name: str
    address: str


class Preparing:
    def __init__(self, running: Running) -> None:
        self._running = running
        self._resources: Resources = running.resources

    async def prepare(self, rows: Sequence[NotificationRow]) -> list[tuple[NotificationRow, Prepared]]:
        """The message of each row, or why there is none; at most LARGEST_PAGE of them. Raises NoAnswer."""
        if not rows:
            return []
        requests = await self._requests(rows)
        contacts = await self._contacts(rows)
        return [(row, self._prepared(row, made, contacts)) for row, made in zip(rows, requests, strict=True)]

    async def _requests(self, rows: Iterable[NotificationRow]) -> list[Event | Unsendable]:
        """Each row's request, its values in clear or erased."""
        store, keyring = self._running.store, self._running.keyring
        assert keyring is not None
        names = [notification.stream(row.content_of or row.notification_id) for row in rows]
        streams = await store.streams(dict.fromkeys(names, 0))
        self._running.repository.remember(notification, streams)
        firsts = [streams[name][0] for name in names]
        try:
            return [*await keyring.open(firsts)]
        except (SealBroken, KeyMissing, NotOfItsType):
            return [await self._opened(first) for first in firsts]

    async def _opened(self, first: Recorded) -> Event | Unsendable:
        assert self._running.keyring is not None
        try:
            (event,) = await self._running.keyring.open([first])
        except (SealBroken, KeyMissing, NotOfItsType) as error:
            _log.error("values cannot be opened", stream=first.stream, error=type(error).__name__)
            return Unsendable(type(error).__name__)
        return event

    async def _contacts(self, rows: Iterable[NotificationRow]) -> Contacts:
        wanted: dict[str, set[MemberId]] = {}
        for row in rows:
            if (member_id := _member(row)) is not None:
                wanted.setdefault(row.federation, set()).add(member_id)
        contacts: dict[tuple[str, UUID], ContactAnswer] = {}
        for federation, members in wanted.items():
            question, envelope = ShowContacts(member_ids=tuple(members)), Envelope.fresh(NOTIFY, federation)
            answers: Iterable[ContactAnswer] = await self._running.client.ask("registry", question, envelope)
            contacts |= {(federation, answer.member_id): answer for answer in answers}
        return contacts

    def _prepared(self, row: NotificationRow, requested: Event | Unsendable, contacts: Contacts) -> Prepared:
        if isinstance(requested, Unsendable):
            return requested
        assert isinstance(requested, NotificationRequested)
        if requested.values.is_erased:
            return Suppression.ERASED
        reached = self._reach(row, contacts)
        if not isinstance(reached, _Reached):
            return reached
        try:
            return self._worded(row, requested, reached)
        except Exception as error:
            _log.error(
                "notification has no words",
                notification=str(row.notification_id),
                template=str(requested.template),
                error=type(error).__name__,
            )
            return Unsendable(type(error).__name__)

    def _reach(self, row: NotificationRow, contacts: Contacts) -> _Reached | Suppression | NotYet:
        if row.recipient_kind == RecipientKind.BANK.value:
            desk = self._resources.desks.get(row.recipient_id)
            known = desk is not None and row.channel == Channel.EMAIL.value
            return _Reached(desk.name, desk.email) if desk and known else Suppression.NO_CONTACT
        member_id = _member(row)
        contact = contacts.get((row.federation, member_id)) if member_id is not None else None
        if contact is None:
            fresh = self._running.clock.now() - row.requested_at < STRANGE_FOR
            return NOT_YET if fresh and member_id is not None else Suppression.NO_CONTACT
        if contact.name is None:
            return Suppression.ERASED
        address = contact.phone if row.channel == Channel.SMS.value else contact.email
        return _Reached(contact.name.clear, address.clear) if address is not None else Suppression.NO_CONTACT

    def _worded(self, row: NotificationRow, requested: NotificationRequested, reached: _Reached) -> Sms | Email:
        """Raises BadValues; KeyError for a template or a federation that is not there."""
        template = self._resources.catalogue[requested.template]
        sender = self._resources.senders[row.federation]
        to, values = Addressee(reached.name, sender), requested.values.clear
        if requested.channel is Channel.SMS:
            return Sms(
                notification_id=row.notification_id,
                to=reached.address,
                text=template.sms_text(to, values),
                template=str(requested.template),
                at=row.requested_at,
            )
        words = template.email_words(to, values)
        return Email(
            notification_id=row.notification_id,
            to=reached.address,
            to_name=reached.name,
            subject=words.subject,
            text=words.text,
            html=words.html,
            from_name=sender.name,
            at=row.requested_at,
        )


def _member(row: NotificationRow) -> MemberId | None:
    """Whom the registry is asked about; None of a bank, and of what is no member's id."""
    if row.recipient_kind == RecipientKind.BANK.value:
        return None
    try:
        return MemberId(UUID(row.recipient_id))
    except ValueError:
        return None
