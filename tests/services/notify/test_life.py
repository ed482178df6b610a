"""A notification's life beside its sending: by hand, by the clock, by lists and digests, in a whole service."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.notify import rules, templates
from services.notify.boards import Contents, Subscribers
from services.notify.channels import Technical
from services.notify.delivering import Delivery
from services.notify.rules import Audience, Rule, Rulebook
from services.notify.templates import Catalogue
from services.notify.views import Notifications
from shared.runtime.envelope import Envelope
from shared.runtime.service import Running
from shared.schemas.ids import new_id
from shared.schemas.messages import Command, Refused
from shared.schemas.notify import (
    CancelNotification,
    Channel,
    Costs,
    DeliveryStatus,
    MessageClass,
    NotificationId,
    OptOut,
    Preview,
    PreviewTemplate,
    ResendNotification,
    ShowCosts,
    Subscribe,
    TemplateRef,
    Unsubscribe,
)
from tests.services.notify.post_office import County, PostOffice, repaid
from tests.services.notify.test_sending import Scripted, texts_waiting, through, working
from tests.services.registry.desk import NANXUN, OFFICER
from tests.waiting import until

SENT, SUPPRESSED = DeliveryStatus.SENT, DeliveryStatus.SUPPRESSED


def officer() -> Envelope:
    return Envelope.fresh(OFFICER, NANXUN)


def a_rule(**changes: Any) -> Rulebook:
    """The only one: a repayment calls for a text message to its member."""
    (shipped,) = rules.shipped().of("loan", "RepaymentReceived")
    rule: Rule = shipped.model_copy(update={"channels": (Channel.SMS,)} | changes)
    return replace(rules.shipped(), version="2", rules=(rule,))


async def tells(here: County, running: Running, command: Command) -> None:
    """An officer sends it, and what follows from it can be seen."""
    accepted = await here.client.send("notify", command, officer())
    await running.read_models.own.reached(accepted.position)


# By hand


async def test_what_waits_is_cancelled_and_what_has_ended_is_sent_again(here: County) -> None:
    await texts_waiting(here, 1)
    sms = Scripted()
    async with replace(through(sms), works={}).running(here.settings) as running:
        (row,) = await PostOffice(running).rows("channel = 'sms'")
        own = NotificationId(row.notification_id)
        await tells(here, running, CancelNotification(notification_id=own))
        (row,) = await PostOffice(running).rows("channel = 'sms'")
        assert (row.status, row.reason) == ("suppressed", "cancelled")
    async with working(here, sms) as running:
        again = ResendNotification(resend_id=new_id(), notification_id=own)
        await tells(here, running, again)
        await tells(here, running, again)
        await PostOffice(running).ended_as(4, SENT, SUPPRESSED)
        assert sms.taken.total() == 1
        (text,) = sms.messages
        assert "17,421.13元" in text.text
        (sent,) = await PostOffice(running).rows("status = 'sent'")
        once_more = ResendNotification(resend_id=new_id(), notification_id=NotificationId(sent.notification_id))
        await tells(here, running, once_more)
        await PostOffice(running).ended(5)
    assert [message.text for message in sms.messages] == [text.text, text.text]


async def test_of_another_federation_nothing_is_sent_again(here: County) -> None:
    await texts_waiting(here, 1)
    async with working(here, Scripted()) as running:
        (row,) = [one for one in await PostOffice(running).ended(3) if one.channel == "sms"]
        again = ResendNotification(resend_id=new_id(), notification_id=NotificationId(row.notification_id))
        with pytest.raises(Refused, match="no_such_notification"):
            await here.client.send("notify", again, Envelope.fresh(OFFICER, "330783"))


# By the clock


async def test_what_no_provider_took_in_time_has_expired(here: County) -> None:
    async def away(_: object) -> None:
        raise Technical("http 503")

    await texts_waiting(here, 2)
    async with working(here, Scripted(before=away)) as running:
        running.clock.move(timedelta(hours=169))
        rows = [row for row in await PostOffice(running).ended(6) if row.channel == "sms"]
        assert {(row.status, row.reason) for row in rows} == {("expired", "too old")}


async def test_at_night_what_is_not_urgent_waits_until_eight_and_what_was_paid_does_not(here: County) -> None:
    quiet = Delivery.load()
    night = quiet.quiet.model_copy(update={"begins": time(22), "ends": time(8), "channels": frozenset({Channel.SMS})})
    quiet = quiet.model_copy(update={"quiet": night})
    person = await here.person(email=False)
    sms = Scripted()
    (paid,) = a_rule().rules
    gossip = paid.model_copy(update={"id": "gossip", "message_class": MessageClass.SERVICE})
    book = replace(a_rule(), rules=(paid, gossip))
    async with working(here, sms, delivery=quiet, rules=book) as running:
        office = PostOffice(running)
        tomorrow = datetime.now(UTC).date() + timedelta(days=1)
        running.clock.set(datetime.combine(tomorrow, time(15), UTC))  # eleven at night in China
        await here.happens(repaid(person.member_id))
        (row,) = await until(lambda: office.rows("status = 'deferred'"))
        assert (row.rule, row.reason) == ("gossip", "quiet_hours")
        await until(lambda: office.rows("status = 'sent'"))
        assert row.due_at == datetime.combine(tomorrow + timedelta(days=1), time(0), UTC)
        running.clock.set(row.due_at)
        await office.ended_as(2, SENT)
    assert sms.taken.total() == 2


async def test_content_is_dropped_after_a_year_and_cannot_be_sent_again(here: County) -> None:
    (person,) = await texts_waiting(here, 1)
    async with working(here, Scripted()) as running:
        rows = await PostOffice(running).ended(3)
        assert await PostOffice(running).values_of(rows, person) != {None}
    async with replace(through(Scripted()), reactions=()).running(here.settings) as running:
        running.clock.move(timedelta(days=400))

        async def dropped() -> bool:
            return await running.read_models.count(Contents, "true") == 0

        await until(dropped)
        office = PostOffice(running)
        assert await office.values_of(rows, person) == {None}
        (text,) = [row for row in rows if row.channel == "sms"]
        again = ResendNotification(resend_id=new_id(), notification_id=NotificationId(text.notification_id))
        with pytest.raises(Refused, match="content_gone"):
            await here.client.send("notify", again, officer())


# Digests and lists

COUNTED = """
id = "counted"
version = 1
about = "汇总"
[variables]
count = "count"
[sms]
text = "今日共有{{ count }}笔还款。"
"""


def counting(folder: Path) -> Catalogue:
    """With a template that counts."""
    (folder / "vocabulary.toml").touch()
    (folder / "counted.1.toml").write_text(COUNTED)
    return Catalogue({**templates.shipped().templates, **Catalogue.load(folder).templates})


async def test_a_digest_tells_of_all_events_of_a_day_in_one_message(here: County, tmp_path: Path) -> None:
    person = await here.person(email=False)
    book = a_rule(digest=time(18), template=TemplateRef(id="counted", version=1))
    sms = Scripted()
    async with working(here, sms, rules=book, catalogue=counting(tmp_path)) as running:
        await here.happens(*(repaid(person.member_id, 100 + n) for n in range(3)))
        await here.all_heard()
        assert await PostOffice(running).rows("programme = 'loan'") == []
        running.clock.move(timedelta(days=1, hours=1))
        await until(lambda: PostOffice(running).rows("programme = 'loan' and status = 'sent'"))
    (text,) = sms.messages
    assert "共有3笔还款" in text.text


async def test_what_is_heard_after_a_digest_goes_into_the_next(here: County, tmp_path: Path) -> None:
    person = await here.person(email=False)
    book = a_rule(digest=time(18), template=TemplateRef(id="counted", version=1))
    sms = Scripted()
    async with working(here, sms, rules=book, catalogue=counting(tmp_path)) as running:
        await here.happens(repaid(person.member_id))
        await here.all_heard()
        running.clock.move(timedelta(days=1, hours=1))
        await until(lambda: PostOffice(running).rows("programme = 'loan' and status = 'sent'"))
        await here.happens(repaid(person.member_id), repaid(person.member_id))
        await here.all_heard()
        running.clock.move(timedelta(days=2, hours=2))

        async def two() -> bool:
            return len(await PostOffice(running).rows("programme = 'loan' and status = 'sent'")) == 2

        await until(two)
    assert ["共有1笔" in message.text for message in sms.messages] == [True, False]
    assert "共有2笔" in sms.messages[1].text


async def test_who_is_on_a_list_is_told_and_who_left_it_is_not(here: County) -> None:
    on, left = await here.person(email=False), await here.person(email=False)
    book = a_rule(audience=Audience.SUBSCRIBERS, list="repayments")
    sms = Scripted()
    async with working(here, sms, rules=book) as running:
        for one in (on, left):
            await tells(here, running, Subscribe(list="repayments", member_id=one.member_id))
        await tells(here, running, Unsubscribe(list="repayments", member_id=left.member_id))
        await here.happens(repaid(on.member_id))
        await until(lambda: PostOffice(running).rows("status = 'sent'"))
        assert [message.to for message in sms.messages] == [on.phone]
        await here.erases(on)
        await here.all_heard()

        async def empty() -> bool:
            return await running.read_models.count(Subscribers, "true") == 0

        await until(empty)


# Rules and templates, as they were


async def test_neither_an_edited_rule_nor_a_new_template_changes_what_was_requested_yesterday(
    here: County, tmp_path: Path
) -> None:
    (person,) = await texts_waiting(here, 1)
    old = templates.shipped()[TemplateRef(id="repayment-received", version=1)]
    assert old.sms is not None
    newer = old.model_copy(
        update={"version": 2, "sms": old.sms.model_copy(update={"text": "{{ name }}新词{{ amount }}。"})}
    )
    book = a_rule(template=TemplateRef(id="repayment-received", version=2), message_class=MessageClass.PROGRESS)
    catalogue = Catalogue({**templates.shipped().templates, newer.ref: newer})
    sms = Scripted()
    async with working(here, sms, rules=book, catalogue=catalogue) as running:
        await PostOffice(running).ended(3)
        await here.happens(repaid(person.member_id))
        await PostOffice(running).ended(4)
        rows = await PostOffice(running).rows("channel = 'sms' order by requested_at")
    assert [(row.template_version, row.message_class) for row in rows] == [(1, "payment"), (2, "progress")]
    assert ["新词" in message.text for message in sms.messages] == [False, True]


async def test_who_opts_out_between_request_and_sending_is_not_told(here: County) -> None:
    person = await here.person(email=False)
    book = a_rule(message_class=MessageClass.SERVICE)
    sms = Scripted()
    async with replace(through(sms, rules=book), works={}).running(here.settings) as running:
        await here.happens(repaid(person.member_id))
        await until(lambda: PostOffice(running).counts(1))
        await tells(here, running, OptOut(member_id=person.member_id))
    async with working(here, sms, rules=book) as running:
        (row,) = await PostOffice(running).ended(1)
        assert (row.status, row.reason, sms.taken.total()) == ("suppressed", "opted_out", 0)
        await here.happens(repaid(person.member_id))
        rows = await PostOffice(running).ended(2)
        assert {(row.status, row.reason) for row in rows} == {("suppressed", "opted_out")}


# What it answers


async def test_a_template_is_previewed_with_values_of_ones_own_or_examples(here: County, office: PostOffice) -> None:
    query = PreviewTemplate(template=TemplateRef(id="repayment-received", version=1), name="王芳")
    with_example: Preview = await here.client.ask("notify", query, officer())
    assert with_example.sms is not None
    assert with_example.sms.startswith("【南浔区总工会】王芳")
    assert (with_example.characters, with_example.segments) == (len(with_example.sms), 1 + (len(with_example.sms) > 70))
    assert with_example.html is not None
    assert "王芳，您好" in with_example.html
    own = query.model_copy(update={"values": {"amount": "5.00"}})
    assert "5元" in ((await here.client.ask("notify", own, officer())).sms or "")
    for values, code in (({"amount": "much"}, "bad_values"), ({"strange": 1}, "bad_values")):
        with pytest.raises(Refused, match=code):
            await here.client.ask("notify", query.model_copy(update={"values": values}), officer())
    with pytest.raises(Refused, match="no_such_template"):
        await here.client.ask("notify", PreviewTemplate(template=TemplateRef(id="nothing", version=1)), officer())


async def test_a_month_costs_what_its_segments_cost_by_programme(here: County) -> None:
    await texts_waiting(here, 3)
    async with working(here, Scripted(name="aliyun"), limits={}) as running:
        await PostOffice(running).ended(9)
        rows = await running.read_models.some(Notifications, "channel = 'sms'")
        segments = sum(row.segments for row in rows)
        assert segments >= 3
        month = f"{running.clock.now() + timedelta(hours=8):%Y-%m}"
        costs: Costs = await here.client.ask("notify", ShowCosts(month=month), officer())
        (row,) = costs.rows
        assert (row.programme, row.provider, row.messages, row.segments) == ("loan", "aliyun", 3, segments)
        assert costs.total == row.cost == (segments * 45 + 5) // 10
        with pytest.raises(Refused, match="not_yours"):
            await here.client.ask("notify", ShowCosts(month=month, federation="330783"), officer())
