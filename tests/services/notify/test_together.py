"""Commands about many notifications: one commit, each notification's own story, and nobody taken along by a refusal."""

import asyncio
from dataclasses import replace
from itertools import batched

import pytest

from services.notify.hearing import Hearing
from services.notify.preparing import NOTIFY
from services.notify.recording import Recording
from services.notify.views import NotificationRow
from shared.eventsourcing.recorded import Recorded
from shared.runtime.envelope import Envelope
from shared.runtime.service import Running
from shared.schemas.ids import MemberId, new_id
from shared.schemas.messages import Accepted, Command, Refused
from shared.schemas.notify import (
    Asked,
    Channel,
    MessageClass,
    NotificationId,
    NotificationRequested,
    Recipient,
    RecordReceipt,
    RecordSent,
    RecordTogether,
    RequestNotification,
    RequestTogether,
    SendingStarted,
    StartSending,
    TemplateRef,
)
from tests.services.notify.post_office import County, PostOffice
from tests.services.notify.test_hearing import receipt
from tests.services.notify.test_sending import Scripted, texts_waiting, through, working
from tests.services.registry.desk import NANXUN
from tests.waiting import until


def wanted(member_id: MemberId) -> RequestNotification:
    return RequestNotification(
        cause=new_id(),
        cause_type="RepaymentReceived",
        programme="loan",
        rule="loan-repaid",
        rules_version="1",
        channel=Channel.SMS,
        recipient=Recipient.parse(f"member:{member_id}"),
        message_class=MessageClass.PAYMENT,
        template=TemplateRef(id="loan-repaid", version=1),
        concerns=member_id,
        values={"amount": "17421.13"},
    )


def start(row: NotificationRow, attempt: int = 1) -> StartSending:
    return StartSending(notification_id=NotificationId(row.notification_id), attempt=attempt, provider="scripted")


async def carried_out(running: Running, command: Command) -> Accepted:
    return await running.commands.carry_out(command, Envelope.fresh(NOTIFY, NANXUN))


async def events(running: Running, row: NotificationRow) -> list[Recorded]:
    return await running.store.stream(f"notification-{row.notification_id}")


async def test_attempts_that_begin_together_are_one_commit_and_each_belongs_to_its_own_story(here: County) -> None:
    await texts_waiting(here, 12)
    async with working(here, Scripted(at_once=12)) as running:
        office = PostOffice(running)
        await until(lambda: office.counts(12, "channel = 'sms' and status = 'sent'"))
        rows = await office.rows("channel = 'sms'")
        starts = [one for row in rows for one in await events(running, row) if isinstance(one.event, SendingStarted)]
    assert [one.meta.correlation for one in starts] == [row.cause for row in rows]
    assert len({one.meta.causation for one in starts}) < 6


async def test_one_that_is_refused_holds_up_no_other(here: County) -> None:
    await texts_waiting(here, 4)
    async with replace(through(Scripted()), works={}, reactions=()).running(here.settings) as running:
        first, *others = await PostOffice(running).rows("channel = 'sms'")
        recording = Recording(running, asyncio.get_running_loop().time)
        outcomes = await asyncio.gather(
            recording.attempt(first, start(first, attempt=2)),
            *(recording.attempt(row, start(row)) for row in others),
            return_exceptions=True,
        )
        assert isinstance(outcomes[0], Refused)
        assert outcomes[1:] == [None, None, None]
        assert len(await events(running, first)) == 1
        assert [len(await events(running, row)) for row in others] == [2, 2, 2]


async def test_what_is_refused_in_part_is_not_recorded_at_all(here: County) -> None:
    await texts_waiting(here, 2)
    async with replace(through(Scripted()), works={}, reactions=()).running(here.settings) as running:
        one, another = await PostOffice(running).rows("channel = 'sms'")
        with pytest.raises(Refused, match="not_waiting"):
            await carried_out(running, RecordTogether(parts=(start(one), start(another, attempt=2))))
        assert [len(await events(running, row)) for row in (one, another)] == [1, 1]


async def test_a_part_is_decided_on_what_those_before_it_in_the_command_made_of_its_notification(here: County) -> None:
    await texts_waiting(here, 1)
    async with replace(through(Scripted()), works={}, reactions=()).running(here.settings) as running:
        (row,) = await PostOffice(running).rows("channel = 'sms'")
        own = NotificationId(row.notification_id)
        sent = RecordSent(notification_id=own, attempt=1, provider_message_id="theirs")
        now = running.clock.now()
        told = RecordReceipt(
            notification_id=own,
            provider="scripted",
            provider_message_id="theirs",
            status="delivered",
            reason="delivered",
            reported_at=now,
        )
        await carried_out(running, RecordTogether(parts=(start(row), sent, told, told)))
        assert [one.type for one in await events(running, row)] == [
            "NotificationRequested",
            "SendingStarted",
            "NotificationSent",
            "DeliveryReceiptReceived",
            "NotificationDelivered",
            "DeliveryReceiptReceived",
        ]


async def test_receipts_of_one_report_are_kept_each(here: County) -> None:
    await texts_waiting(here, 5)
    async with working(here, Scripted(at_once=5)) as running:
        office = PostOffice(running)
        await until(lambda: office.counts(5, "channel = 'sms' and status = 'sent'"))
        rows = await office.rows("channel = 'sms'")
        now = running.clock.now()
        await Hearing(running).hear([receipt(row, now) for row in (*rows, *rows)])
        kinds = [one.type for row in rows for one in await events(running, row)]
        assert kinds.count("DeliveryReceiptReceived") == 10
        assert kinds.count("NotificationDelivered") == 5


async def test_requests_are_made_once_however_they_are_put_together(here: County) -> None:
    people = [await here.person() for _ in range(6)]
    wishes = [Asked(request=wanted(person.member_id), correlation=new_id()) for person in people]
    async with replace(through(Scripted()), works={}, reactions=()).running(here.settings) as running:
        for some in (*batched(wishes, 4), *batched((*reversed(wishes), wishes[0]), 7)):
            await carried_out(running, RequestTogether(requests=some))
        for wish in wishes:
            (one,) = await running.store.stream(f"notification-{wish.request.notification_id}")
            assert isinstance(one.event, NotificationRequested)
            assert not one.event.values.is_clear
            assert (one.meta.correlation, one.meta.cause) == (wish.correlation, wish.request.cause)
