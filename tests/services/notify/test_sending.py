"""The sender in bad weather: providers and registry away, outcomes lost, leads changing, clocks set forward."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import asyncpg
import pytest
from structlog.testing import capture_logs

from services.notify.channels import Email, OutcomeUnknown, Sent, Sms, Technical, Temporary, Unknowable
from services.notify.delivering import Delivery
from services.notify.domain import content_key
from services.notify.resources import Resources, open_with
from services.notify.sending import Lane, send_for_ever
from services.notify.service import service
from services.notify.upkeep import Upkeep
from services.notify.views import Notifications
from services.registry.service import service as registry_service
from shared.eventsourcing.decider import SHANGHAI
from shared.eventsourcing.table import columns_of
from shared.runtime.client import Client
from shared.runtime.read_models import ReadModels
from shared.runtime.service import Running, Service
from shared.schemas.ids import MemberId, new_id
from shared.schemas.notify import Channel, DeliveryStatus
from tests.services.notify.post_office import County, Person, PostOffice, Sinks, county, repaid
from tests.services.notify.smtp_peer import Fault, SmtpPeer, smtp_peer
from tests.waiting import until

SENT, SUPPRESSED, UNCONFIRMED = DeliveryStatus.SENT, DeliveryStatus.SUPPRESSED, DeliveryStatus.UNCONFIRMED
AN_HOUR = timedelta(hours=1)

type Treatment = Callable[[UUID], Awaitable[None]]


async def _is_well(_: UUID) -> None:
    """It is taken."""


@dataclass
class Scripted:
    """A provider that keeps whatever it is sent, unless `before` raises, and loses the reply when `after` does."""

    channel: Channel = Channel.SMS
    name: str = "scripted"
    at_once: int = 4
    before: Treatment = _is_well
    after: Treatment = _is_well
    settled: Treatment = _is_well
    taken: Counter[UUID] = field(default_factory=Counter)
    asked: Counter[UUID] = field(default_factory=Counter)
    messages: list[Any] = field(default_factory=list)
    """What it took, in order."""

    async def send(self, message: Sms | Email) -> Sent:
        await self.before(message.notification_id)
        self.taken[message.notification_id] += 1
        self.messages.append(message)
        await self.after(message.notification_id)
        return Sent(f"theirs-{message.notification_id}")

    async def settle(self, message: Sms | Email, begun: datetime) -> Sent:
        self.asked[message.notification_id] += 1
        await self.settled(message.notification_id)
        return (
            Sent(f"theirs-{message.notification_id}")
            if self.taken[message.notification_id]
            else await self.send(message)
        )

    async def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True)
class Through:
    """Ways to send that are given in code: each provider with a weight, for every federation."""

    providers: dict[str, Any]
    weights: dict[str, int] = field(default_factory=dict)
    federations: dict[str, Any] = field(default_factory=dict)
    callbacks: None = None

    @classmethod
    def by(cls, *providers: Scripted, **weights: int) -> Self:
        return cls({provider.name: provider for provider in providers}, weights)

    def of(self, _federation: str, channel: Channel) -> dict[str, int]:
        names = [name for name, provider in self.providers.items() if provider.channel is channel]
        return {name: self.weights.get(name, 1) for name in names}


def through(sms: Scripted, *others: Scripted, email: Scripted | None = None, **changes: Any) -> Service:
    """Notify with providers of text messages of one's own, and emails that all go through."""
    ways = Through.by(sms, *others, email or Scripted(Channel.EMAIL, "mail"))

    @asynccontextmanager
    async def resources(settings: Any) -> AsyncIterator[Resources]:
        known = await open_with(settings, ways)  # type: ignore[arg-type]
        yield replace(known, **changes)

    return replace(service, resources=resources)


def working(here: County, sms: Scripted, **changes: Any) -> AbstractAsyncContextManager[Running]:
    return through(sms, **changes).running(here.settings)


async def requested(here: County, number: int, *events: Any) -> None:
    """The events happen, and notify asks for so many messages in all and sends none."""
    async with replace(through(Scripted()), works={}).running(here.settings) as running:
        await here.happens(*events)
        await until(lambda: PostOffice(running).counts(number))


async def texts_waiting(here: County, number: int) -> list[Person]:
    """So many text messages wait, each to a person of its own; no emails, for nobody has an address."""
    people = [await here.person(email=False) for _ in range(number)]
    await requested(here, 3 * number, *(repaid(person.member_id) for person in people))
    return people


async def texts(office: PostOffice) -> dict[str, str]:
    """The status of each text message, by recipient."""
    return {row.recipient_id: row.status for row in await office.rows("channel = 'sms'")}


# Unknown outcomes


async def test_what_nobody_can_tell_the_outcome_of_yet_holds_up_nobody_else(here: County) -> None:
    people = await texts_waiting(here, 10)
    lost = {str(person.member_id) for person in people[:4]}
    sms = Scripted(at_once=4)
    told = asyncio.Event()

    async with working(here, sms) as running:
        office = PostOffice(running)
        ids = {row.notification_id for row in await office.rows("channel = 'sms'") if row.recipient_id in lost}

        async def no_reply(own: UUID) -> None:
            if own in ids:
                raise OutcomeUnknown("no reply")

        async def not_now(own: UUID) -> None:
            if not told.is_set():
                raise OutcomeUnknown("not now")

        sms.after, sms.settled = no_reply, not_now

        async def the_others_are_sent() -> bool:
            statuses = await texts(office)
            return all(statuses[str(person.member_id)] == "sent" for person in people[4:])

        await until(the_others_are_sent)
        await until(lambda: all(sms.asked[own] for own in ids))
        assert {(await texts(office))[one] for one in lost} == {"sending"}
        told.set()
        await office.ended_as(30, SENT, SUPPRESSED)
    assert set(sms.taken.values()) == {1}


async def test_a_provider_that_was_asked_by_another_address_cannot_say_that_nothing_was_sent(here: County) -> None:
    changed = asyncio.Event()

    async def no_reply(_: UUID) -> None:
        raise OutcomeUnknown("no reply")

    async def not_listed(_: UUID) -> None:
        raise Temporary("never taken") if changed.is_set() else OutcomeUnknown("not listed yet")

    [person] = await texts_waiting(here, 1)
    sms = Scripted(after=no_reply, settled=not_listed)
    async with working(here, sms) as running:
        office = PostOffice(running)
        await until(lambda: sms.asked.total())
        await here.moves(person)
        changed.set()
        asked = sms.asked.total()
        await until(lambda: sms.asked.total() > asked)
        running.clock.move(timedelta(hours=73))
        rows = await office.ended_as(3, UNCONFIRMED, SUPPRESSED)
        assert {(row.status, row.reason) for row in rows if row.channel == "sms"} == {
            ("unconfirmed", "address changed")
        }
    assert sms.taken.total() == 1


async def test_a_provider_that_cannot_tell_for_three_days_leaves_it_unconfirmed(here: County) -> None:
    async def no_reply(_: UUID) -> None:
        raise OutcomeUnknown("no reply")

    await texts_waiting(here, 1)
    sms = Scripted(after=no_reply, settled=no_reply)
    async with working(here, sms) as running:
        office = PostOffice(running)
        await until(lambda: sms.asked.total())
        assert set((await texts(office)).values()) == {"sending"}
        running.clock.move(timedelta(hours=73))
        rows = await office.ended_as(3, UNCONFIRMED, SUPPRESSED)
        assert {(row.status, row.reason) for row in rows if row.channel == "sms"} == {("unconfirmed", "no reply")}
    assert sms.taken.total() == 1


async def test_a_provider_that_can_never_tell_leaves_it_unconfirmed_at_once(here: County) -> None:
    async def no_reply(_: UUID) -> None:
        raise OutcomeUnknown("no reply")

    async def nobody_to_ask(_: UUID) -> None:
        raise Unknowable("cannot be asked")

    await texts_waiting(here, 1)
    sms = Scripted(after=no_reply, settled=nobody_to_ask)
    async with working(here, sms) as running:
        await PostOffice(running).ended_as(3, UNCONFIRMED, SUPPRESSED)
    assert (sms.taken.total(), sms.asked.total()) == (1, 1)


async def test_whatever_a_provider_raises_the_message_may_have_been_sent(here: County) -> None:
    async def breaks(_: UUID) -> None:
        raise ZeroDivisionError

    await texts_waiting(here, 1)
    sms = Scripted(after=breaks)
    async with working(here, sms) as running:
        await PostOffice(running).ended_as(3, SENT, SUPPRESSED)
    assert (sms.taken.total(), sms.asked.total()) == (1, 1)


async def test_a_mail_server_that_cannot_be_asked_gets_a_mail_once_whatever_became_of_it(
    here: County, sinks: Sinks, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with smtp_peer() as peer, _mail_to(peer, here, monkeypatch) as office:
        peer.order("DATA", Fault.TAKE_AND_DROP)
        await here.person(phone=False)
        await here.person(phone=False)
        rows = await office.ended_as(2, SENT, UNCONFIRMED)
        assert {row.reason for row in rows if row.status == UNCONFIRMED.value} == {"smtp cannot be asked"}
        assert len(peer.taken) == 2


async def test_a_mail_server_that_keeps_a_repeat_once_gets_the_same_mail_again(
    here: County, sinks: Sinks, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with smtp_peer(once=True) as peer, _mail_to(peer, here, monkeypatch) as office:
        peer.order("DATA", Fault.TAKE_AND_DROP)
        await here.person(phone=False)
        await office.ended_as(1, SENT)
        first, again = peer.taken
        assert first == again


@asynccontextmanager
async def _mail_to(peer: SmtpPeer, here: County, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PostOffice]:
    monkeypatch.setenv("SMTP_PORT", str(peer.port))
    async with PostOffice.of(here) as office:
        yield office


# Away


async def test_while_the_provider_is_away_messages_wait_and_few_attempts_are_made(
    here: County, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = await texts_waiting(here, 40)
    sinks = Sinks.at(tmp_path)
    for name, value in sinks.environment.items():
        monkeypatch.setenv(name, value)
    async with PostOffice.of(here) as office:

        async def tried() -> int:
            return sum(row.attempts for row in await office.rows("channel = 'sms'"))

        async def one_after_another() -> bool:
            return await tried() >= 16 + 1

        await until(one_after_another)
        assert set((await texts(office)).values()) <= {"requested", "waiting", "sending"}
        with sinks:
            office.running.clock.move(AN_HOUR)
            rows = await office.ended_as(120, SENT, SUPPRESSED)
            assert (
                sum(row.attempts for row in rows) <= 40 + 16 + 6
            )  # one each, the first failures, and who tried the door
            for person in people:
                (text,) = await sinks.texts(person.phone)
                assert text["repeats"] == 0


async def test_what_could_not_be_sent_is_due_again_when_the_clock_says_so(here: County) -> None:
    trouble = [True]

    async def refuses(_: UUID) -> None:
        if trouble:
            trouble.clear()
            raise Technical("http 503")

    await texts_waiting(here, 1)
    long = Delivery.load().model_copy(update={"first_pause_seconds": 3600})
    sms = Scripted(before=refuses)
    async with working(here, sms, delivery=long) as running:
        office = PostOffice(running)
        (row,) = await until(lambda: office.rows("channel = 'sms' and status = 'waiting'"))
        assert row.due_at is not None
        assert row.started_at is not None
        assert row.due_at - row.started_at >= AN_HOUR
        running.clock.move(AN_HOUR * 1.25)  # with all of the jitter
        rows = await office.ended_as(3, SENT, SUPPRESSED)
        assert [row.attempts for row in rows if row.channel == "sms"] == [2]


async def test_while_the_registry_is_away_messages_wait_and_no_attempt_is_made(settings: Any, sinks: Sinks) -> None:
    async with county(settings) as here:
        (person,) = await texts_waiting(here, 1)

    async def hasty(running: Running) -> None:
        await send_for_ever(replace(running, client=Client(running.connection, timeout=0.2, patience=0.3)))

    with capture_logs() as logs:
        async with replace(service, works={"sender": hasty}).running(settings) as running:
            office = PostOffice(running)
            await until(lambda: [one for one in logs if one["event"] == "waiting" and one["error"] == "NoAnswer"])
            assert {(row.status, row.attempts) for row in await office.rows()} == {("requested", 0)}
            async with registry_service.running(settings):
                await office.ended_as(3, SENT, SUPPRESSED)
    assert len(await sinks.texts(person.phone)) == 1


# The registry


async def test_the_registry_is_asked_for_many_names_at_once(here: County, sinks: Sinks) -> None:
    people = [await here.person() for _ in range(4)]
    await requested(here, 4 + 120, *(repaid(people[n % 4].member_id) for n in range(60)))
    questions: list[Any] = []

    async def asked(question: Any) -> None:
        questions.append(question)

    overheard = await here.registry.connection.subscribe("qry.*.registry.ShowContacts", cb=asked)
    async with PostOffice.of(here) as office:
        await office.ended_as(124, SENT)
    await overheard.unsubscribe()
    assert 1 <= len(questions) <= 6


async def test_a_member_whom_the_registry_does_not_know_yet_is_waited_for(here: County, sinks: Sinks) -> None:
    stranger = MemberId(new_id())
    await requested(here, 2, repaid(stranger))
    with capture_logs():
        async with PostOffice.of(here) as office:
            await here.person(member_id=stranger)
            await office.ended_as(3, SENT)


async def test_who_stays_unknown_to_the_registry_is_sent_nothing(here: County, sinks: Sinks) -> None:
    await requested(here, 2, repaid(MemberId(new_id())))
    async with PostOffice.of(here) as office:
        office.running.clock.move(timedelta(minutes=6))
        rows = await office.ended_as(2, SUPPRESSED)
        assert {row.reason for row in rows} == {"no_contact"}


# Errors of ours


async def test_a_message_that_cannot_be_made_waits_until_that_is_mended_and_holds_up_no_other(here: County) -> None:
    people = await texts_waiting(here, 2)
    sms = Scripted()
    async with working(here, sms) as running:
        key = content_key(people[0].member_id, running.clock.now().astimezone(SHANGHAI).date())
        await running.store.pool.execute("delete from notify.keys where subject = $1", key)
        office = PostOffice(running)
        (stuck,) = await until(lambda: office.rows("channel = 'sms' and status = 'waiting'"))
        assert (stuck.recipient_id, stuck.reason) == (str(people[0].member_id), "KeyMissing")
        await until(lambda: office.rows("channel = 'sms' and status = 'sent'"))
    assert sms.taken.total() == 1


async def test_a_federation_without_a_name_to_sign_with_is_tried_again(here: County) -> None:
    await texts_waiting(here, 1)
    sms = Scripted()
    async with working(here, sms, senders={}) as running:
        (row,) = await until(lambda: PostOffice(running).rows("channel = 'sms' and status = 'waiting'"))
        assert (row.attempts, row.reason) == (1, "KeyError")
    async with working(here, sms) as running:
        running.clock.move(AN_HOUR)
        await PostOffice(running).ended_as(3, SENT, SUPPRESSED)


# Leads


async def test_a_sender_that_is_told_to_leave_lets_what_is_under_way_end(here: County) -> None:
    await texts_waiting(here, 12)
    begun, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def slowly(_: UUID) -> None:
        begun.release()
        await go_on.wait()

    sms = Scripted(before=slowly)
    async with working(here, sms):
        for _ in range(sms.at_once):
            await begun.acquire()
        asyncio.get_running_loop().call_later(0.3, go_on.set)
    assert sms.taken.total() == sms.at_once
    async with working(here, sms) as running:
        await PostOffice(running).ended_as(36, SENT, SUPPRESSED)
    assert (set(sms.taken.values()), sms.asked.total()) == ({1}, 0)


async def test_a_lead_that_changes_in_mid_burst_sends_nothing_twice(here: County, sinks: Sinks) -> None:
    people = [await here.person() for _ in range(5)]
    await requested(here, 5 + 200, *(repaid(people[n % 5].member_id) for n in range(100)))
    repeated = sinks.mails_repeated()
    async with PostOffice.of(here) as one, PostOffice.of(here) as another:
        offices = {"one": one, "another": another}

        def leader() -> str | None:
            return next((name for name, office in offices.items() if "sender" in office.running.leadership.leads), None)

        await until(partial(one.counts, 20, "status = 'sent'"))
        first = second = await until(leader)
        while second == first:  # who had it may be the first to take it again
            await _end_leads(here)
            await until(lambda: leader() != first)
            second = await until(leader)
        rows = await one.ended_as(205, SENT)
    taken = [await sinks.texts(person.phone) for person in people]
    assert [len(texts) for texts in taken] == [20] * 5
    assert [len(sinks.mails(person.email)) for person in people] == [21] * 5
    again = sum(text["repeats"] for texts in taken for text in texts)
    attempts = sum(row.attempts for row in rows)
    mails = sinks.mails_repeated() - repeated
    print(f"led by {first}, then {second}; {attempts} attempts; came again: {again} texts, {mails} mails")


async def _end_leads(here: County) -> None:
    """Every process loses the connection on which it holds its leads."""
    admin = await asyncpg.connect(here.settings.dsn)
    await admin.execute(
        "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and classid = 7012"
        " and pid <> pg_backend_pid() and database = (select oid from pg_database where datname = current_database())"
    )
    await admin.close()


# Many


async def test_payments_and_deadlines_go_first(here: County) -> None:
    person = await here.person(phone=False)  # whose welcome is asked for before
    await requested(here, 3, repaid(person.member_id))
    mail = Scripted(Channel.EMAIL, "mail", at_once=1)
    async with working(here, Scripted(), email=mail) as running:
        rules_by_id = {row.notification_id: row.rule for row in await PostOffice(running).rows()}
        await PostOffice(running).ended_as(3, SENT, SUPPRESSED)
    assert [rules_by_id[own] for own in mail.taken] == ["repayment-received", "member-welcome"]


class Overheard:
    """Read models, and what was asked of them."""

    def __init__(self, read_models: ReadModels) -> None:
        self._read_models = read_models
        self.asked: list[tuple[str, tuple[Any, ...]]] = []

    async def first(self, view: Any, condition: str, *arguments: Any) -> list[Any]:
        self.asked.append((condition, arguments))
        return await self._read_models.first(view, condition, *arguments)

    def positions(self) -> dict[str, int]:
        return self._read_models.positions()


@pytest.mark.parametrize("analysed", [False, True])
async def test_a_hundred_thousand_that_are_done_cost_a_look_nothing(here: County, analysed: bool) -> None:
    (person,) = await texts_waiting(here, 1)
    async with replace(through(Scripted()), works={}, reactions=()).running(here.settings) as running:
        pool = running.store.pool
        names = ", ".join(column.name for column in columns_of(Notifications.row))
        done = names.replace("notification_id", "gen_random_uuid()").replace("due_at", "null")
        await pool.execute(
            f"insert into notify.notifications ({names}) select {done.replace('status', "'sent'")}"
            " from notify.notifications, generate_series(1, 100000) where channel = 'sms'"
        )
        if analysed:
            await pool.execute("analyze notify.notifications")
        overheard = Overheard(running.read_models)
        lane = Lane(replace(running, read_models=overheard), Channel.SMS)  # type: ignore[arg-type]
        assert [row.recipient_id for row in await lane._due(500)] == [str(person.member_id)]
        await lane._settle_due()
        assert len(overheard.asked) == 3
        for condition, arguments in overheard.asked:
            assert await _blocks_read(running, condition, arguments) < 30, condition


@pytest.mark.parametrize("analysed", [False, True])
async def test_a_hundred_thousand_that_wait_cost_a_page_what_the_page_holds(here: County, analysed: bool) -> None:
    await texts_waiting(here, 1)
    async with replace(through(Scripted()), works={}, reactions=()).running(here.settings) as running:
        pool = running.store.pool
        names = ", ".join(column.name for column in columns_of(Notifications.row))
        await pool.execute(
            f"insert into notify.notifications ({names})"
            f" select {names.replace('notification_id', 'gen_random_uuid()')}"
            " from notify.notifications, generate_series(1, 100000) where channel = 'sms'"
        )
        if analysed:
            await pool.execute("analyze notify.notifications")
        overheard = Overheard(running.read_models)
        asking = replace(running, read_models=overheard)  # type: ignore[arg-type]
        assert len(await Lane(asking, Channel.SMS)._due(100)) == 100
        assert not await Upkeep(asking).expire()
        assert len(overheard.asked) == 2
        for condition, arguments in overheard.asked:
            assert await _blocks_read(running, condition, arguments) < 200, condition


async def _blocks_read(running: Running, condition: str, arguments: tuple[Any, ...]) -> int:
    explain = f"explain (analyze, buffers, format json) select * from notify.notifications where {condition}"
    ((plan,),) = await running.read_models.own._queues.run(lambda c: c.fetch(explain, *arguments))
    top = json.loads(plan)[0]["Plan"]
    return int(top["Shared Hit Blocks"] + top["Shared Read Blocks"])
