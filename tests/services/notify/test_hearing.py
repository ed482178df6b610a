"""What providers report and people write back, in a whole service."""

from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from services.notify.boards import Replies as RepliesView
from services.notify.channels import Delivered, Failed, InboundReply, Receipt
from services.notify.hearing import Hearing
from services.notify.views import NotificationRow
from shared.runtime.envelope import Envelope
from shared.schemas.ids import new_id
from shared.schemas.messages import Actor, Refused, Role
from shared.schemas.notify import (
    DeliveryReceiptReceived,
    DeliveryStatus,
    FailureKind,
    OptOut,
    Preferences,
    Replies,
    ShowPreferences,
    ShowReplies,
    StrayReceiptReceived,
)
from tests.services.notify.post_office import County, PostOffice, repaid
from tests.services.notify.test_sending import Scripted, texts_waiting, working
from tests.services.registry.desk import NANXUN, OFFICER
from tests.waiting import until

SENT, SUPPRESSED = DeliveryStatus.SENT, DeliveryStatus.SUPPRESSED


async def the_text(office: PostOffice) -> NotificationRow:
    await until(lambda: office.rows("channel = 'sms' and status = 'sent'"))
    (row,) = await office.rows("channel = 'sms'")
    return row


def receipt(row: NotificationRow, at: datetime, *, by_name: bool = False, failed: str = "") -> Receipt:
    assert row.provider_message_id is not None
    return Receipt(
        provider="scripted",
        provider_message_id=row.provider_message_id,
        notification_id=None if by_name else row.notification_id,
        outcome=Failed(FailureKind.PERMANENT, failed) if failed else Delivered(),
        at=at,
    )


@pytest.mark.parametrize("by_name", [True, False])
async def test_a_receipt_is_kept_each_time_and_counts_once(here: County, by_name: bool) -> None:
    await texts_waiting(here, 1)
    async with working(here, Scripted()) as running:
        office, hearing, now = PostOffice(running), Hearing(running), running.clock.now()
        row = await the_text(office)
        delivered = receipt(row, now, by_name=by_name)
        await hearing.hear([delivered])
        await hearing.hear([delivered, receipt(row, now + timedelta(minutes=1), by_name=by_name, failed="UNDELIV")])
        await until(lambda: office.rows("channel = 'sms' and status = 'delivered'"))
        events = [one.event for one in await running.store.stream(f"notification-{row.notification_id}")]
        assert len([event for event in events if isinstance(event, DeliveryReceiptReceived)]) == 3
        assert [type(event).__name__ for event in events].count("NotificationDelivered") == 1
        assert (await office.rows("channel = 'sms'"))[0].status == "delivered"


async def test_a_receipt_of_a_message_that_nobody_knows_is_kept(here: County) -> None:
    async with working(here, Scripted()) as running:
        stray = Receipt(
            provider="scripted",
            provider_message_id="theirs",
            notification_id=new_id(),
            outcome=Delivered(),
            at=running.clock.now(),
        )
        await Hearing(running).hear([stray])
        await Hearing(running).hear([stray])
        rows = await running.store.pool.fetch("select stream from notify.events where type = 'StrayReceiptReceived'")
        assert len(rows) == 1
        (kept,) = await running.store.stream(rows[0][0])
        assert isinstance(kept.event, StrayReceiptReceived)


async def test_who_replies_td_is_sent_no_more_of_what_can_be_refused_until_they_ask_for_it_again(
    here: County,
) -> None:
    (person,) = await texts_waiting(here, 1)
    assert person.phone is not None
    number = person.phone
    with capture_logs() as logs:
        async with working(here, Scripted()) as running:
            office, hearing, now = PostOffice(running), Hearing(running), running.clock.now()
            await the_text(office)

            async def writes(text: str, minutes: int) -> None:
                at = now + timedelta(minutes=minutes)
                reply = InboundReply(provider="scripted", from_number=number, text=text, at=at)
                await hearing.hear([reply])
                await hearing.hear([reply])  # reported again

            async def told(which: str) -> bool:
                seen = await here.client.ask("notify", query, Envelope.fresh(OFFICER, NANXUN))
                return [change.change for change in seen.changes] == which.split()

            query = ShowPreferences(member_id=person.member_id)
            await writes("谢谢", 0)
            await writes("TD", 1)
            assert await told("opt_out")
            await here.happens(repaid(person.member_id))  # what was paid is told all the same

            async def a_second_text() -> bool:
                return len(await office.rows("channel = 'sms' and status = 'sent'")) == 2

            await until(a_second_text)
            await writes("恢复", 2)
            assert await told("opt_out opt_in")
            seen: Preferences = await here.client.ask("notify", query, Envelope.fresh(OFFICER, NANXUN))
            masked = f"{number[:3]}****{number[-4:]}"
            assert [(change.number, change.text) for change in seen.changes] == [(masked, "TD"), (masked, "恢复")]

            async def three() -> bool:
                return await running.read_models.count(RepliesView, "true") == 3

            await until(three)
            shown: Replies = await here.client.ask("notify", ShowReplies(), Envelope.fresh(OFFICER, NANXUN))
            assert [(one.text, one.number, one.member_id) for one in shown.replies] == [
                (text, masked, person.member_id) for text in ("恢复", "TD", "谢谢")
            ]
            await here.erases(person)
            await here.all_heard()

            async def gone() -> bool:
                rows = await running.read_models.some(RepliesView, "true")
                return all(row.number is None and row.text is None for row in rows)

            await until(gone)
            assert await running.store.pool.fetchval("select count(*) from notify.ledger") == 0
    assert number not in str(logs)


async def test_a_neighbour_neither_sees_nor_changes_what_somebody_wants_to_be_told(
    here: County, office: PostOffice
) -> None:
    person, other = await here.person(), await here.person()
    neighbour = Envelope.fresh(Actor(role=Role.MEMBER, id=str(other.member_id)), NANXUN)
    with pytest.raises(Refused, match="not_yours"):
        await here.client.ask("notify", ShowPreferences(member_id=person.member_id), neighbour)
    with pytest.raises(Refused, match="not_yours"):
        await here.client.send("notify", OptOut(member_id=person.member_id), neighbour)
    oneself = Envelope.fresh(Actor(role=Role.MEMBER, id=str(person.member_id)), NANXUN)
    await here.client.send("notify", OptOut(member_id=person.member_id), oneself)
    seen: Preferences = await here.client.ask("notify", ShowPreferences(member_id=person.member_id), oneself)
    assert [one.value for one in seen.opted_out] == ["service"]
