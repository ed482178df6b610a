"""What was requested before values were sealed by the month can still be read, and is erased with its person."""

import os
from typing import ClassVar
from uuid import UUID

from services.notify.standing import notification
from shared.eventsourcing.codec import Codec
from shared.eventsourcing.decider import Aggregate
from shared.eventsourcing.keyring import Keyring
from shared.eventsourcing.repository import Occasion, Repository, Session
from shared.eventsourcing.store import EventStore
from shared.schemas import notify
from shared.schemas.ids import new_id
from shared.schemas.messages import Event, Instant, Meta
from shared.schemas.notify import (
    Channel,
    MessageClass,
    NotificationId,
    Recipient,
    TemplateRef,
    Values,
)
from shared.schemas.personal import Personal
from tests.services.notify.test_domain import LI, NOON, OWN, requested


class NotificationRequested(Event):
    """As it was."""

    subject: ClassVar[str | None] = "concerns"

    notification_id: NotificationId
    cause: UUID
    cause_type: str
    programme: str
    rule: str
    rules_version: str
    channel: Channel
    recipient: Recipient
    message_class: MessageClass
    template: TemplateRef
    concerns: UUID
    values: Personal[Values]
    at: Instant


async def test_the_first_schema_is_read_with_its_persons_own_key(database_url: str) -> None:
    master = {0: os.urandom(32)}
    first: Aggregate[int, NotificationRequested] = Aggregate("notification", 0, lambda count, _: count + 1)
    old = NotificationRequested.model_validate(
        {name: getattr(requested(), name) for name in NotificationRequested.model_fields}
    )

    async def record(session: Session) -> None:
        session.append(first, OWN, [old])

    async with EventStore(database_url, "notify", Codec([NotificationRequested])) as store:
        keyring = Keyring(store, master)
        await keyring.install()
        meta = Meta(federation="330503", actor="system:notify", time=NOON, correlation=new_id(), causation=new_id())
        await Repository(store, keyring.seal).transact(Occasion(new_id(), new_id(), meta), record)
    async with EventStore(database_url, "notify", Codec.of(notify)) as store:
        keyring = Keyring(store, master)
        (event,) = await keyring.open(await store.stream(notification.stream(OWN)))
        assert isinstance(event, notify.NotificationRequested)
        assert (event.content_key, event.values.clear) == (LI, {"amount": "17421.13"})
        assert notification.fold([event]).status == "requested"
        await keyring.erase(LI)
        (event,) = await keyring.open(await store.stream(notification.stream(OWN)))
        assert isinstance(event, notify.NotificationRequested)
        assert event.values.is_erased
