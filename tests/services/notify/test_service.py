"""Notify as a whole service, on real servers: events in, messages in the sinks."""

from dataclasses import replace
from typing import Any

import pytest

from services.notify.service import service
from shared.runtime.envelope import Envelope
from shared.schemas.loan import ApplicationFiled, ApplicationRecommended, DrawdownRequested
from shared.schemas.messages import Actor, Event, Query, Refused, Role
from shared.schemas.notify import (
    Channel,
    DeliveryBoard,
    DeliveryStatus,
    History,
    ShowDeliveryBoard,
    ShowHistory,
    ShowNotification,
)
from tests.services.notify.post_office import MEMBER_NAME, County, PostOffice, Sinks, repaid
from tests.services.registry.desk import NANXUN, OFFICER
from tests.shared.schemas.examples import example_of
from tests.waiting import until

SENT, SUPPRESSED = DeliveryStatus.SENT, DeliveryStatus.SUPPRESSED
BANK = Actor(role=Role.BANK, id="nxbank")


def example[E: Event](event: type[E], **changes: object) -> E:
    return event.model_validate_json(example_of(event)).model_copy(update=changes)


# Who is told


async def test_an_event_reaches_its_member_by_every_channel_of_its_rule(
    here: County, office: PostOffice, sinks: Sinks
) -> None:
    person = await here.person()
    await here.happens(repaid(person.member_id, 1_742_113))
    rows = await office.ended_as(3, SENT)
    assert {(row.rule, row.channel) for row in rows} == {
        ("member-welcome", "email"),
        ("repayment-received", "sms"),
        ("repayment-received", "email"),
    }
    (text,) = await sinks.texts(person.phone)
    assert text["text"].startswith(f"【南浔区总工会】{MEMBER_NAME}您好，您2026年11月24日的匠心贷还款17,421.13元已入账")
    about_money = {mail.subject: mail for mail in sinks.mails(person.email)}["您的匠心贷还款已入账"]
    assert "17,421.13元" in about_money.text
    assert MEMBER_NAME in about_money.addressee


async def test_cadres_officers_and_the_bank_are_told_of_what_waits_for_them(
    here: County, office: PostOffice, sinks: Sinks
) -> None:
    worker = await here.person(phone=False, email=False)
    cadre = await here.cadre()
    officer = await here.officer()
    mine = {"member_id": worker.member_id, "union_id": here.union_id, "bank": "nxbank"}
    await here.happens(
        example(ApplicationFiled, **mine),
        example(ApplicationRecommended, member_id=worker.member_id),
        example(DrawdownRequested, member_id=worker.member_id, bank="nxbank"),
    )
    rows = await office.ended(3 + 2 + 1 + 1 + 2 + 1)
    told = {(row.rule, row.channel, row.recipient_kind, row.recipient_id) for row in rows if row.status == "sent"}
    assert told - {("member-welcome", "email", "member", str(one.member_id)) for one in (cadre, officer)} == {
        ("loan-to-recommend", "sms", "cadre", str(cadre.member_id)),
        ("loan-to-recommend", "email", "cadre", str(cadre.member_id)),
        ("loan-to-endorse", "email", "officer", str(officer.member_id)),
        ("drawdown-to-disburse", "email", "bank", "nxbank"),
    }
    at_the_desk = sinks.mails("loans@nxbank.example")[0]
    assert "南浔银行" in at_the_desk.addressee
    assert MEMBER_NAME not in at_the_desk.text


async def test_who_left_no_address_is_sent_nothing(here: County, office: PostOffice) -> None:
    person = await here.person(phone=False, email=False)
    await here.happens(repaid(person.member_id))
    rows = await office.ended_as(3, SUPPRESSED)
    assert {(row.reason, row.attempts) for row in rows} == {("no_contact", 0)}


# Once


async def test_events_heard_again_from_the_first_send_nothing_twice(here: County, sinks: Sinks) -> None:
    people = [await here.person() for _ in range(3)]
    async with PostOffice.of(here) as office:
        await here.happens(*(repaid(person.member_id) for person in people))
        before = await office.ended_as(9, SENT)
    for programme in ("loan", "registry"):
        await here.forget_consumer(programme)
    repeated = sinks.mails_repeated()
    async with PostOffice.of(here) as office:
        await here.all_heard()
        await here.happens(repaid(people[0].member_id))
        after = await office.ended_as(11, SENT)
        assert not await office.running.letters.counts()
    assert [row for row in after if row.requested_at <= max(one.requested_at for one in before)] == before
    for person, texts in zip(people, (2, 1, 1), strict=True):
        kept = await sinks.texts(person.phone)
        assert [text["repeats"] for text in kept] == [0] * texts
        assert len(sinks.mails(person.email)) == texts + 1
    assert sinks.mails_repeated() == repeated


# Erasure


async def test_who_is_erased_between_request_and_sending_is_sent_nothing_and_what_it_said_cannot_be_read(
    here: County, sinks: Sinks
) -> None:
    person, officer = await here.person(), await here.officer()
    async with replace(service, works={}).running(here.settings) as without_a_sender:
        requested = PostOffice(without_a_sender)
        await here.happens(repaid(person.member_id))
        await until(lambda: requested.counts(4))
        await here.erases(person)
        await here.all_heard()
    async with PostOffice.of(here) as office:
        rows = await office.ended(5)
        outcomes = {(row.rule, row.channel, row.recipient_id): (row.status, row.reason) for row in rows}
        of_person = {outcome for (_, _, recipient), outcome in outcomes.items() if recipient == str(person.member_id)}
        assert of_person == {("suppressed", "erased")}
        assert outcomes["member-erased", "email", str(officer.member_id)] == ("sent", None)
        assert await office.values_of(rows, person) == {None}
    assert await sinks.texts(person.phone) == []
    assert sinks.mails(person.email) == []
    assert "一名会员的个人信息已删除" in {mail.subject for mail in sinks.mails(officer.email)}


async def test_of_who_is_erased_nothing_is_asked_for_any_more(here: County, office: PostOffice, sinks: Sinks) -> None:
    person, other = await here.person(), await here.person()
    await here.happens(repaid(person.member_id))
    await office.ended_as(4, SENT)
    await here.erases(person)
    await here.all_heard()
    await here.happens(repaid(person.member_id), repaid(other.member_id))
    rows = await office.ended_as(6, SENT)
    assert len([row for row in rows if row.recipient_id == str(person.member_id)]) == 3
    assert not await office.running.letters.counts()


# What it answers


async def test_people_see_what_was_sent_to_themselves_and_the_federation_sees_all(
    here: County, office: PostOffice
) -> None:
    person, other = await here.person(email=False), await here.person(email=False)
    await here.happens(example(DrawdownRequested, member_id=person.member_id, bank="nxbank"))
    await here.happens(repaid(person.member_id))
    rows = await office.ended(5)
    (to_bank,) = [row.notification_id for row in rows if row.recipient_kind == "bank"]
    (text,) = [row.notification_id for row in rows if (row.channel, row.rule) == ("sms", "repayment-received")]

    async def may(actor: Actor, query: Query[Any], federation: str = NANXUN) -> bool:
        try:
            await here.client.ask("notify", query, Envelope.fresh(actor, federation))
        except Refused as refused:
            if refused.refusal.code in {"not_yours", "no_such_notification"}:
                return False
            raise
        return True

    oneself, neighbour = (Actor(role=Role.MEMBER, id=str(one.member_id)) for one in (person, other))
    cadre = Actor(role=Role.CADRE, id=str(other.member_id))
    hospital = Actor(role=Role.HOSPITAL, id="nxhospital")
    everybody = (oneself, neighbour, cadre, OFFICER, BANK, hospital)
    for query, allowed in (
        (ShowNotification(notification_id=text), {oneself, OFFICER}),
        (ShowNotification(notification_id=to_bank), {BANK, OFFICER}),
        (ShowHistory(member_id=person.member_id), {oneself, OFFICER}),
    ):
        assert {actor for actor in everybody if await may(actor, query)} == allowed, query
    assert not await may(OFFICER, ShowNotification(notification_id=text), "330783")
    history: History = await here.client.ask(
        "notify", ShowHistory(member_id=person.member_id), Envelope.fresh(OFFICER, "330783")
    )
    assert history.notifications == []


async def test_the_board_counts_by_template_channel_and_status(here: County, office: PostOffice) -> None:
    person = await here.person(email=False)
    await here.happens(repaid(person.member_id), repaid(person.member_id))
    await office.ended(5)

    async def board(**which: object) -> list[tuple[str, Channel, DeliveryStatus, int]]:
        query = ShowDeliveryBoard.model_validate(which)
        answer: DeliveryBoard = await here.client.ask("notify", query, Envelope.fresh(OFFICER, NANXUN))
        return [(str(row.template), row.channel, row.status, row.count) for row in answer.rows]

    assert await board() == [
        ("repayment-received@1", Channel.EMAIL, SUPPRESSED, 2),
        ("repayment-received@1", Channel.SMS, SENT, 2),
        ("member-welcome@1", Channel.EMAIL, SUPPRESSED, 1),
    ]
    assert await board(until="2020-01-01") == []
    with pytest.raises(Refused, match="not_yours"):
        await board(federation="330783")
