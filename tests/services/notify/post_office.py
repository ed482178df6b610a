"""A county that sends messages, for notify's tests: the registry as a whole service, a log of the loan's that tests
write to, notify at work, and the local sinks as processes of their own."""

import os
from base64 import b64encode
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final, Self
from uuid import UUID

import httpx
import nats
from nats.js.errors import NotFoundError

from deploy.local.mail_folder import Mail, mails_in
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.sinks import MailboxServer, SmsSinkServer
from services.notify.service import service as notify_service
from services.notify.views import NotificationRow, Notifications
from services.registry.service import service as registry_service
from shared.eventsourcing.codec import Codec
from shared.eventsourcing.wire import stream_name
from shared.eventsourcing.writer import Commit, NewEvent, Write
from shared.runtime.client import Client
from shared.runtime.service import Running, Service
from shared.runtime.settings import Settings
from shared.schemas import loan
from shared.schemas.ids import EmployerId, MemberId, UnionId, new_id
from shared.schemas.loan import LineId, RepaymentId, RepaymentReceived
from shared.schemas.messages import Command, Event, Meta
from shared.schemas.notify import DeliveryStatus, NotificationRequested
from shared.schemas.registry import (
    AppointFederationContact,
    AppointUnionContact,
    ChangeContacts,
    EraseMember,
    ErasureGround,
    UnionPost,
)
from tests.services.registry.desk import NANXUN, Desk
from tests.waiting import until

__all__ = ["MEMBER_NAME", "County", "Person", "PostOffice", "Sinks", "county", "repaid", "settings_for"]

LOAN: Final = Service(programme="loan", codec=Codec.of(loan), commands={}, keeps_personal_data=True)
"""The loan as notify sees it: a log."""
MEMBER_NAME: Final = "欧阳念祖"
ENDED: Final = ("sent", "delivered", "unconfirmed", "failed", "expired", "suppressed")
AWAKE: Final = Path(__file__).with_name("awake.toml")
"""How messages are delivered in tests, at whatever hour they run: there are no quiet hours."""

_numbers = count(1)


@dataclass
class Sinks:
    """The local mailbox and SMS sink, and what they took."""

    mailbox: MailboxServer
    sms: SmsSinkServer

    @classmethod
    def at(cls, folder: Path) -> Self:
        mailbox = MailboxServer(folder / "mail", free_port())
        return cls(mailbox, SmsSinkServer(folder / "sms", free_port(), folder / "mail"))

    def __enter__(self) -> Self:
        self.mailbox.start()
        self.sms.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.sms.stop()
        self.mailbox.stop()

    @property
    def environment(self) -> dict[str, str]:
        """What a sender is told of them."""
        return {
            "SMTP_HOST": LOOPBACK,
            "SMTP_PORT": str(self.mailbox.port),
            "SMTP_SECURITY": "none",
            "SMTP_FROM_ADDRESS": "niangjia@nanxun.example",
            "SMS_URL": self.sms.url,
        }

    async def texts(self, to: str | None = None) -> list[dict[str, Any]]:
        """Text messages kept, to a number or to all; `repeats` counts what came again and was not kept."""
        async with httpx.AsyncClient(trust_env=False) as http:
            reply = await http.get(f"{self.sms.url}messages", params={"limit": 1000} | ({"to": to} if to else {}))
            texts: list[dict[str, Any]] = reply.raise_for_status().json()["messages"]
            return texts

    def mails(self, to: str | None = None) -> list[Mail]:
        return [mail for mail in mails_in(self.mailbox.directory) if to in {None, mail.to}]

    def mails_repeated(self) -> int:
        """Mails that came again and were not kept."""
        repeats = self.mailbox.directory / ".repeats"
        return len(repeats.read_text().split()) if repeats.exists() else 0


@dataclass(frozen=True, slots=True)
class Person:
    member_id: MemberId
    phone: str | None
    email: str | None


@dataclass
class County:
    """Events are written to the loan's log; the registry is used as its users do."""

    settings: Settings
    client: Client
    registry: Running
    loan: Running
    desk: Desk
    union_id: UnionId
    employer_id: EmployerId
    people: list[Person] = field(default_factory=list)

    async def person(
        self, phone: bool = True, email: bool = True, name: str = MEMBER_NAME, member_id: MemberId | None = None
    ) -> Person:
        """A member of the county's union whom the registry can tell of."""
        number = next(_numbers)
        person = Person(
            member_id or MemberId(new_id()),
            f"138{number:08d}" if phone else None,
            f"nianzu{number}@mail.example" if email else None,
        )
        known = {key: value for key, value in (("phone", person.phone), ("email", person.email)) if value is not None}
        await self._seen(
            self.desk.somebody(self.union_id, self.employer_id, member_id=person.member_id, name=name, **known)
        )
        self.people.append(person)
        return person

    async def cadre(self) -> Person:
        """A member who acts for the union."""
        person = await self.person()
        await self._seen(AppointUnionContact(union_id=self.union_id, member_id=person.member_id, post=UnionPost.CADRE))
        return person

    async def officer(self) -> Person:
        """A member who answers for the federation."""
        person = await self.person()
        await self._seen(AppointFederationContact(code=NANXUN, member_id=person.member_id))
        return person

    async def moves(self, person: Person) -> None:
        """Has another telephone from now on."""
        await self._seen(ChangeContacts(member_id=person.member_id, phone=f"139{next(_numbers):08d}"))

    async def erases(self, person: Person) -> None:
        await self._seen(EraseMember(member_id=person.member_id, ground=ErasureGround.CONSENT_WITHDRAWN))

    async def _seen(self, command: Command) -> None:
        """Sent to the registry by an officer, and seen by whoever asks it."""
        accepted = await self.desk.send(command)
        await self.registry.read_models.reached(accepted.position, 5)

    async def all_heard(self) -> None:
        """Until notify has heard all that has happened, or has left a letter of it."""
        js = self.registry.connection.jetstream()

        async def heard(running: Running) -> bool:
            programme = running.service.programme
            if running.relay.published < await running.store.head():
                return False
            try:
                consumer = await js.consumer_info(stream_name(programme), f"notify-on-{programme}")
            except NotFoundError:
                return False
            return not consumer.num_pending and not consumer.num_ack_pending

        for running in (self.registry, self.loan):
            await until(partial(heard, running))

    async def forget_consumer(self, programme: str) -> None:
        """Have notify hear a programme's events from the first when it works again."""
        js = self.registry.connection.jetstream()
        await js.delete_consumer(stream_name(programme), f"notify-on-{programme}")

    async def happens(self, *events: Event) -> list[UUID]:
        """The loan records these, each in a stream of its own; their ids."""
        ids = [new_id() for _ in events]
        meta = Meta(
            federation=NANXUN,
            actor="bank:nxbank",
            time=self.loan.clock.now(),
            correlation=new_id(),
            causation=new_id(),
        ).model_dump_json()
        assert self.loan.keyring is not None
        sealed = zip(ids, await self.loan.keyring.seal(ids, events), strict=True)
        rows = [NewEvent(id, type(one).__name__, one.schema_version, one.model_dump_json(), meta) for id, one in sealed]  # noqa: A001
        writes = [Write(f"line-{new_id()}", 0, [row]) for row in rows]
        await self.loan.store.append(Commit(new_id(), new_id(), writes))
        return ids


def repaid(member_id: MemberId, amount: int = 1_742_113) -> RepaymentReceived:
    """An event that calls for a text message and an email to the member."""
    return RepaymentReceived(
        line_id=LineId(new_id()),
        member_id=member_id,
        repayment_id=RepaymentId(new_id()),
        amount=amount,
        on=date(2026, 11, 24),
        toward=None,
        allocations=(),
        credit=0,
        principal=0,
    )


def settings_for(database_url: str, nats_url: str) -> Settings:
    key = b64encode(os.urandom(32)).decode()
    return Settings.model_validate(
        {"database_url": database_url, "nats_url": nats_url, "master_key": key, "clock": "settable"}
    )


@asynccontextmanager
async def county(settings: Settings) -> AsyncIterator[County]:
    """The registry and the loan's log, in this process."""
    async with AsyncExitStack() as stack:
        connection = await nats.connect(settings.nats_url.get_secret_value())
        stack.push_async_callback(connection.close)
        registry = await stack.enter_async_context(registry_service.running(settings))
        log = await stack.enter_async_context(LOAN.running(settings))
        desk = Desk(Client(connection, timeout=5, patience=10), registry)
        await desk.opens()
        union_id, employer_id = await desk.small_union()
        yield County(settings, desk.client, registry, log, desk, union_id, employer_id)


@dataclass
class PostOffice:
    """Notify at work in this process; any number may work at once."""

    running: Running

    @classmethod
    @asynccontextmanager
    async def of(cls, here: County) -> AsyncIterator[Self]:
        async with notify_service.running(here.settings) as running:
            yield cls(running)

    async def rows(self, condition: str = "true", *arguments: Any) -> list[NotificationRow]:
        return await self.running.read_models.some(Notifications, condition, *arguments)

    async def counts(self, number: int, condition: str = "true") -> bool:
        """Whether there are so many notifications, or more."""
        return await self.running.read_models.count(Notifications, condition) >= number

    async def values_of(self, rows: Iterable[NotificationRow], concerned: Person) -> set[str | None]:
        """The texts of the values of those that concern a person, as they can be read now; None where they cannot."""
        assert self.running.keyring is not None
        texts: set[str | None] = set()
        for row in rows:
            (first, *_) = await self.running.store.stream(f"notification-{row.notification_id}")
            (event,) = await self.running.keyring.open([first])
            assert isinstance(event, NotificationRequested)
            if event.concerns == concerned.member_id:
                texts.add(str(event.values.clear) if event.values.is_clear else None)
        return texts

    async def ended(self, number: int, seconds: float = 30) -> list[NotificationRow]:
        """All notifications, once there are so many and nothing more will be sent of them."""

        async def all_ended() -> bool:
            sums = f"select count(*) >= $1 and count(*) = count(*) filter (where status in {ENDED})"
            done: bool = await self.running.read_models.pool.fetchval(f"{sums} from notify.notifications", number)
            return done

        await until(all_ended, seconds)
        rows = await self.rows()
        assert len(rows) == number, [(row.rule, row.status) for row in rows]
        return rows

    async def ended_as(self, number: int, *statuses: DeliveryStatus, seconds: float = 30) -> list[NotificationRow]:
        rows = await self.ended(number, seconds)
        assert {row.status for row in rows} == {status.value for status in statuses}
        return rows
