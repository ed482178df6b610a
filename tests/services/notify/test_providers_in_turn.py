"""Several providers of a channel: weights, failover, budgets and approval, in a whole service."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from services.notify.boards import Approvals, Providers
from services.notify.channels import NotServed, OutcomeUnknown, OverBudget, Technical, Window
from services.notify.delivering import Delivery
from services.notify.limits import Limits
from shared.runtime.envelope import Envelope
from shared.schemas.messages import Command
from shared.schemas.notify import (
    Budgets,
    DeliveryStatus,
    Health,
    RecordApproval,
    ShowBudgets,
    ShowProviderHealth,
    SubmitTemplate,
    TemplateRef,
)
from tests.services.notify.post_office import County, PostOffice, repaid
from tests.services.notify.test_sending import Scripted, requested, texts, texts_waiting, through, working
from tests.services.registry.desk import NANXUN, OFFICER
from tests.waiting import until

SENT, SUPPRESSED, DEFERRED = DeliveryStatus.SENT, DeliveryStatus.SUPPRESSED, DeliveryStatus.DEFERRED
REPAID = TemplateRef(id="repayment-received", version=1)


def limits(**of: Mapping[str, Any]) -> dict[str, Limits]:
    return {name: Limits.model_validate(one) for name, one in of.items()}


async def _away(_: UUID) -> None:
    raise Technical("http 503")


async def test_where_one_provider_is_away_another_takes_its_messages(here: County) -> None:
    await texts_waiting(here, 20)
    away, well = Scripted(name="away", before=_away), Scripted(name="well")
    quick = Delivery.load().model_copy(update={"first_pause_seconds": 1})
    async with through(away, well, delivery=quick).running(here.settings) as running:
        rows = await PostOffice(running).ended_as(60, SENT, SUPPRESSED)
    assert {row.provider for row in rows if row.channel == "sms"} == {"well"}
    assert (away.taken.total(), set(well.taken.values()), well.taken.total()) == (0, {1}, 20)


async def test_no_other_provider_is_spoken_to_while_nobody_knows_what_the_first_did(here: County) -> None:
    await texts_waiting(here, 10)
    told = asyncio.Event()

    async def no_reply(_: UUID) -> None:
        raise OutcomeUnknown("no reply")

    async def not_now(_: UUID) -> None:
        if not told.is_set():
            raise OutcomeUnknown("not now")

    silent, well = Scripted(name="silent", after=no_reply, settled=not_now), Scripted(name="well")
    async with through(silent, well).running(here.settings) as running:
        office = PostOffice(running)

        async def all_but_the_silent() -> bool:
            statuses = list((await texts(office)).values())
            return statuses.count("sent") + silent.taken.total() == 10 and silent.asked.total() > 0

        await until(all_but_the_silent)
        unknown = set(silent.taken)
        assert not unknown & set(well.taken)
        told.set()
        rows = await office.ended_as(30, SENT, SUPPRESSED)
    assert not set(silent.taken) & set(well.taken)
    assert {row.notification_id for row in rows if row.provider == "silent"} == unknown
    assert set(silent.taken.values()) | set(well.taken.values()) == {1}


async def test_what_was_in_doubt_stays_with_its_provider_also_when_that_did_not_have_it(here: County) -> None:
    await texts_waiting(here, 6)

    async def no_reply(own: UUID) -> None:
        if own not in doubted:
            doubted.add(own)
            raise OutcomeUnknown("no reply")

    async def never_had_it(_: UUID) -> None:
        raise Technical("not taken")

    doubted: set[UUID] = set()
    silent, well = Scripted(name="silent", before=no_reply, settled=never_had_it), Scripted(name="well")
    quick = Delivery.load().model_copy(update={"first_pause_seconds": 1})
    async with through(silent, well, delivery=quick).running(here.settings) as running:
        rows = await PostOffice(running).ended_as(18, SENT, SUPPRESSED, seconds=60)
    assert doubted
    assert {row.notification_id for row in rows if row.provider == "silent"} == doubted == set(silent.taken)
    assert silent.taken.total() + well.taken.total() == 6


async def test_a_template_that_one_provider_does_not_take_goes_by_the_other(here: County) -> None:
    await texts_waiting(here, 6)

    async def no_such_template(_: UUID) -> None:
        raise NotServed("template not approved")

    choosy, well = Scripted(name="choosy", before=no_such_template), Scripted(name="well")
    quick = Delivery.load().model_copy(update={"first_pause_seconds": 1})
    async with through(choosy, well, delivery=quick).running(here.settings) as running:
        await PostOffice(running).ended_as(18, SENT, SUPPRESSED)
    assert well.taken.total() == 6


async def test_a_provider_that_has_had_enough_of_a_number_is_given_more_when_it_counts_anew(here: County) -> None:
    await texts_waiting(here, 1)
    full = [True]

    async def enough(_: UUID) -> None:
        if full:
            raise OverBudget("isv.BUSINESS_LIMIT_CONTROL", Window.HOUR)

    sms = Scripted(before=enough)
    async with working(here, sms) as running:
        office = PostOffice(running)
        (row,) = await until(lambda: office.rows("channel = 'sms' and status = 'waiting'"))
        assert row.due_at is not None
        assert row.started_at is not None
        assert row.due_at - row.started_at >= timedelta(hours=1)
        full.clear()
        running.clock.move(timedelta(hours=1, minutes=1))
        await office.ended_as(3, SENT, SUPPRESSED)


async def test_a_budget_of_a_number_defers_and_never_drops(here: County) -> None:
    (person,) = await texts_waiting(here, 1)
    await requested(here, 3 + 2 * 4, *(repaid(person.member_id, 100 + n) for n in range(4)))
    sms = Scripted()
    a_day = {"per": "number", "limit": 2, "window": "day", "kind": "rolling"}
    async with working(here, sms, limits=limits(scripted={"budgets": [a_day]})) as running:
        office = PostOffice(running)
        for days, sent in enumerate((2, 4, 5)):
            running.clock.move(timedelta(hours=25 * days))
            await until(lambda: _are(office, sent=sent, deferred=5 - sent))  # noqa: B023 - awaited here
            assert sms.taken.total() == sent
        assert {row.reason for row in await office.rows("channel = 'sms'")} == {None}
        answer: Budgets = await here.client.ask("notify", ShowBudgets(), Envelope.fresh(OFFICER, NANXUN))
        assert [(row.per, row.spent, row.limit, row.exhausted) for row in answer.rows] == [("number", 1, 2, 0)]
    assert set(sms.taken.values()) == {1}


async def test_where_a_providers_budget_is_spent_another_takes_over_and_else_all_wait(here: County) -> None:
    await texts_waiting(here, 9)
    first, second = Scripted(name="first"), Scripted(name="second")
    an_hour = {"per": "provider", "limit": 3, "window": "hour", "kind": "rolling"}
    both = limits(first={"budgets": [an_hour]}, second={"budgets": [an_hour]})
    async with through(first, second, limits=both).running(here.settings) as running:
        office = PostOffice(running)
        await until(lambda: _are(office, sent=6, deferred=0))
        assert (first.taken.total(), second.taken.total()) == (3, 3)
        answer: Budgets = await here.client.ask("notify", ShowBudgets(), Envelope.fresh(OFFICER, NANXUN))
        assert [(row.provider, row.spent, row.exhausted) for row in answer.rows] == [("first", 3, 1), ("second", 3, 1)]
        running.clock.move(timedelta(hours=1, minutes=1))
        await office.ended_as(27, SENT, SUPPRESSED)
    assert first.taken.total() + second.taken.total() == 9


async def _are(office: PostOffice, **numbers: int) -> bool:
    statuses = [row.status for row in await office.rows("channel = 'sms'")]
    return all(statuses.count(status) == number for status, number in numbers.items())


async def test_only_an_approved_template_is_sent(here: County) -> None:
    vendor = limits(scripted={"needs_approval": True})
    sms = Scripted()
    (person,) = await texts_waiting(here, 1)
    async with working(here, sms, limits=vendor) as running:
        office = PostOffice(running)
        (row,) = await until(lambda: office.rows("channel = 'sms' and status = 'suppressed'"))
        assert row.reason == "not_approved"

        async def officer(command: Command) -> None:
            accepted = await here.client.send("notify", command, Envelope.fresh(OFFICER, NANXUN))
            await running.read_models.own.reached(accepted.position, Approvals)

        await officer(SubmitTemplate(provider="scripted", template=REPAID))
        await here.happens(repaid(person.member_id))
        (row,) = await until(lambda: office.rows("channel = 'sms' and status = 'deferred'"))
        assert row.reason == "approval"
        await officer(RecordApproval(provider="scripted", template=REPAID, code="SMS_1"))
        running.clock.move(timedelta(hours=1, minutes=1))
        await until(lambda: office.rows("channel = 'sms' and status = 'sent'"))
    assert sms.taken.total() == 1


async def test_many_errors_shift_a_provider_and_that_is_remembered(here: County) -> None:
    await texts_waiting(here, 6)
    strict = Delivery.load()
    strict = strict.model_copy(
        update={"first_pause_seconds": 1, "health": strict.health.model_copy(update={"errors": 2, "step": 40})}
    )
    away, well = Scripted(name="away", before=_away), Scripted(name="well")
    async with through(away, well, delivery=strict).running(here.settings) as running:
        office = PostOffice(running)
        await office.ended_as(18, SENT, SUPPRESSED)

        async def shifted() -> bool:
            row = await running.read_models.one(Providers, "away")
            return row is not None and row.shares < 100

        for _ in range(4):
            if await shifted():
                break
            await here.happens(*(repaid(person.member_id) for person in here.people))
            await office.ended((len(here.people) * 2) + len(await office.rows()))
        await until(shifted)
        answer: Health = await here.client.ask("notify", ShowProviderHealth(), Envelope.fresh(OFFICER, NANXUN))
        by_name = {one.provider: one for one in answer.providers}
        assert by_name["away"].technical >= 2
        assert (by_name["away"].sent, by_name["well"].shares) == (0, 100)
        assert by_name["well"].sent >= 6
