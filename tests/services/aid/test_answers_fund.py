"""What a treasurer is told of the fund, what operations are told of what waits, and who is shown a slot's bookings."""

from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest

from shared.schemas.aid import (
    BatchId,
    BookAppointment,
    FindSlots,
    FundAnswer,
    LedgerAccount,
    NotePayeeDeath,
    OpenSlot,
    OperationsAnswer,
    PaymentStatus,
    ProjectionBasis,
    ReversalGround,
    ReverseClaim,
    ShowFund,
    ShowOperations,
    SlotAnswer,
    SlotId,
    Waits,
)
from shared.schemas.ids import MemberId
from shared.schemas.messages import Actor, Role
from shared.schemas.money import fen
from tests.services.aid.cases import (
    AT_THE_HOSPITAL,
    CADRE,
    CLERK,
    COVERED,
    DONGYANG,
    HEAD,
    JANUARY,
    JINHUA,
    JUNE,
    LI,
    NEXT_PERIOD,
    PERIOD,
    SUN,
    TIMER,
    WANG,
    Step,
    approve,
    assess,
    batch,
    claim,
    confirm,
    decided_for,
    employer_pays,
    enrol,
    file,
    named,
    noon,
    of,
    pay,
    quote,
    returned,
    sent,
    workers_pay,
)
from tests.services.aid.office import OPERATOR, TODAY, Office, office

FUND = ShowFund(period=PERIOD)
DUE = fen("17421.13")


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Office]:
    async with office(database_url) as opened:
        await opened.told(COVERED, JUNE)
        yield opened


# The fund


async def test_the_statement_balances_and_tells_what_was_contributed_granted_and_paid(here: Office) -> None:
    await here.happens(*decided_for())
    fund: FundAnswer = await here.ask(FUND, CLERK)
    assert (fund.pool, fund.on, fund.last) == (DONGYANG, TODAY, date(2019, 6, 30))
    assert (fund.insured, fund.claims) == (1, 1)
    assert (fund.contributions, fund.benefits, fund.paid) == (fen(50), DUE, 0)
    assert fund.balances == {
        LedgerAccount.BANK: fen(50),
        LedgerAccount.RECEIVABLE: 0,
        LedgerAccount.BENEFITS: DUE,
        LedgerAccount.CONTRIBUTIONS: -fen(50),
        LedgerAccount.PAYABLE: -DUE,
    }
    await here.happens((pay(), CLERK, JANUARY), (batch(), CLERK, JANUARY), (sent(), CLERK, JANUARY))
    fund = await here.ask(FUND, CLERK)
    assert (fund.paid, fund.balances[LedgerAccount.PAYABLE]) == (DUE, 0)
    assert fund.surplus == fund.balances[LedgerAccount.BANK] == fen(50) - DUE
    assert sum(fund.balances.values()) == 0


async def test_what_is_not_decided_stands_beside_the_ledger(here: Office) -> None:
    await here.happens((file(), of(LI), JANUARY), (assess(), CLERK, JANUARY))
    fund: FundAnswer = await here.ask(FUND, CLERK)
    assert (fund.under_way, fund.reserved, fund.benefits, fund.claims) == (1, DUE, 0, 0)


async def test_a_statement_of_an_earlier_day_is_what_it_was_then(here: Office) -> None:
    await here.happens(*decided_for())
    undone = ReverseClaim(claim_id=claim(), ground=ReversalGround.MISTAKE)
    await here.happens((undone, HEAD, JANUARY + timedelta(days=3)))
    before: FundAnswer = await here.ask(ShowFund(period=PERIOD, on=JANUARY - timedelta(days=1)), CLERK)
    assert (before.claims, before.benefits, before.insured) == (0, 0, 1)
    then: FundAnswer = await here.ask(ShowFund(period=PERIOD, on=JANUARY), CLERK)
    assert (then.claims, then.benefits) == (1, DUE)
    now: FundAnswer = await here.ask(FUND, CLERK)
    assert (now.claims, now.benefits, now.surplus) == (0, 0, fen(50))
    refusal = await here.refusal(ShowFund(period=PERIOD, on=TODAY + timedelta(days=1)), CLERK)
    assert (refusal.code, refusal.clause) == ("after_today", "职工医疗互助保障 第1条")


async def test_benefits_are_projected_to_the_end_over_insured_days_until_a_period_has_passed(here: Office) -> None:
    """204 of 365 days have passed on 20 January."""
    await here.happens(*decided_for())
    fund: FundAnswer = await here.ask(FUND, CLERK)
    assert (fund.projected_benefits, fund.basis) == (round(DUE * 365 / 204), ProjectionBasis.EXPOSURE)
    assert fund.projected_surplus == fen(50) - round(DUE * 365 / 204)
    assert fund.exhausted_on == JANUARY
    assert [month.projected for month in fund.months] == [False] * 6 + [True] * 6
    assert (fund.months[5].benefits, fund.months[5].claims_ratio) == (0, 0.0)
    assert fund.months[-1].benefits == fund.projected_benefits


def joins(member: MemberId, name: str) -> list[Step]:
    """For the period from July 2019, with both parts paid in June."""
    summer = date(2019, 6, 20)
    return [
        (enrol(member, period=NEXT_PERIOD, name=name), CLERK, summer),
        (employer_pays(period=NEXT_PERIOD, name=name), CLERK, summer),
        (workers_pay(period=NEXT_PERIOD, name=name), CLERK, summer),
    ]


async def test_a_year_that_has_passed_lends_its_course_to_the_pool_that_took_it_over(here: Office) -> None:
    """The year before, Dongyang's own pool granted 1,800.00 on one insured worker, all of it in January. Of the city's
    pool nothing is granted in September; nothing more is expected once the next January is over."""
    await here.happens(*decided_for("5000"))
    await here.happens(*joins(LI, "三"))
    here.on(date(2019, 9, 30))
    pooled = ShowFund(period=NEXT_PERIOD)
    fund: FundAnswer = await here.ask(pooled, CLERK)
    assert (fund.pool, fund.benefits, fund.basis) == (JINHUA, 0, ProjectionBasis.EARLIER_PERIODS)
    assert fund.projected_benefits == round(fen(1_800) * 366 / 365)
    here.on(date(2020, 1, 31))
    fund = await here.ask(pooled, CLERK)
    assert (fund.projected_benefits, fund.basis) == (0, ProjectionBasis.EARLIER_PERIODS)
    own: FundAnswer = await here.ask(FUND, CLERK)
    assert (own.benefits, own.projected_benefits, own.basis) == (fen(1_800), fen(1_800), None)


async def test_a_pooled_fund_shows_the_share_of_each_county_and_the_sum_of_all(here: Office) -> None:
    autumn = date(2019, 9, 20)
    await here.happens(*joins(LI, "东"), federation=DONGYANG)
    await here.happens(*joins(SUN, "金"), federation=JINHUA)
    filed = file("5000", admitted_on=date(2019, 9, 1), discharged_on=date(2019, 9, 10))
    await here.happens((filed, of(LI), autumn), (assess(), CLERK, autumn), (approve(), HEAD, autumn))
    here.on(autumn)
    fund: FundAnswer = await here.ask(ShowFund(period=NEXT_PERIOD), CLERK, JINHUA)
    assert [(each.county, each.insured, each.claims, each.contributions, each.benefits) for each in fund.shares] == [
        (JINHUA, 1, 0, fen(50), 0),
        (DONGYANG, 1, 1, fen(50), fen(1_800)),
    ]
    assert (fund.pool, fund.insured, fund.claims, fund.contributions) == (JINHUA, 2, 1, fen(100))
    assert fund.claims_ratio == 18.0
    assert await here.ask(ShowFund(period=NEXT_PERIOD), CLERK, DONGYANG) == fund


async def test_the_fund_is_for_the_federation_and_names_nobody(here: Office) -> None:
    await here.happens(*decided_for())
    for actor in (CLERK, OPERATOR):
        fund: FundAnswer = await here.ask(FUND, actor)
        assert str(LI) not in fund.model_dump_json()
        assert str(claim()) not in fund.model_dump_json()
    for actor in (of(LI), CADRE, AT_THE_HOSPITAL, Actor(role=Role.BANK, id="bank")):
        assert (await here.refusal(FUND, actor)).code == "not_allowed"
    refusal = await here.refusal(FUND, CLERK, federation="330503")
    assert (refusal.code, refusal.message) == ("no_scheme", "330503在2018-07-01没有医疗互助保障办法")


# Operations


def waiting(answer: OperationsAnswer) -> dict[Waits, tuple[int, int]]:
    return {each.waits_for: (each.count, each.amount) for each in answer.waiting}


async def test_operations_show_what_waits_for_whom(here: Office) -> None:
    await here.happens(
        (enrol(WANG, name="二"), CADRE, JUNE),
        (employer_pays(name="二"), CLERK, JUNE),
        (file("3000", "缺", ("330112345670",), documents=()), of(LI), JANUARY),
        (file("3000", "待", ("330112345671",)), of(LI), JANUARY),
        (file("3000", "撞", ("330112345671",)), of(LI), JANUARY),
        (quote("1000"), AT_THE_HOSPITAL, JANUARY),
        *decided_for("5000", invoices=("330112345672",)),
    )
    answer: OperationsAnswer = await here.ask(ShowOperations(), CLERK)
    assert waiting(answer) == {
        Waits.PREMIUMS: (1, fen(25)),
        Waits.DOCUMENTS: (1, 0),
        Waits.INVOICES: (1, 0),
        Waits.ASSESSMENT: (1, 0),
        Waits.HOSPITAL: (1, fen(200)),
        Waits.INSTRUCTION: (1, fen(1_800)),
    }
    await here.happens((NotePayeeDeath(claim_id=claim()), TIMER, JANUARY))
    assert Waits.SUCCESSOR in waiting(await here.ask(ShowOperations(), OPERATOR))


async def test_operations_show_batches_without_result_and_payments_that_came_back(here: Office) -> None:
    await here.happens(*decided_for("5000"), (pay(), CLERK, JANUARY))
    answer: OperationsAnswer = await here.ask(ShowOperations(), CLERK)
    assert [(each.claim_id, each.amount) for each in answer.to_batch] == [(claim(), fen(1_800))]
    assert waiting(answer) == {Waits.BATCH: (1, fen(1_800))}
    await here.happens((batch(), CLERK, JANUARY))
    answer = await here.ask(ShowOperations(), CLERK)
    (sent_off,) = answer.batches_without_result
    assert (sent_off.batch_id, sent_off.payments, sent_off.total) == (BatchId(named("批次一")), 1, fen(1_800))
    assert (sent_off.without_result, sent_off.open_amount) == (1, fen(1_800))
    assert (answer.to_batch, waiting(answer)) == ((), {Waits.BANK: (1, fen(1_800))})
    await here.happens((returned(), CLERK, JANUARY))
    answer = await here.ask(ShowOperations(), CLERK)
    (came_back,) = answer.returned
    assert (came_back.status, came_back.on) == (PaymentStatus.RETURNED, JANUARY)
    assert (answer.batches_without_result, waiting(answer)) == ((), {Waits.INSTRUCTION: (1, fen(1_800))})


async def test_what_is_owed_back_waits_for_the_payee(here: Office) -> None:
    await here.happens(*decided_for("5000"), (pay(), CLERK, JANUARY), (batch(), CLERK, JANUARY))
    await here.happens((sent(), CLERK, JANUARY))
    undone = ReverseClaim(claim_id=claim(), ground=ReversalGround.UNTRUE)
    await here.happens((undone, HEAD, JANUARY))
    assert waiting(await here.ask(ShowOperations(), CLERK)) == {Waits.RECOVERY: (1, fen(1_800))}


async def test_operations_are_the_county_s_own_and_the_federation_s_alone(here: Office) -> None:
    await here.happens((quote("5000"), AT_THE_HOSPITAL, JANUARY), (confirm(), AT_THE_HOSPITAL, JANUARY))
    assert waiting(await here.ask(ShowOperations(), CLERK)) == {Waits.INSTRUCTION: (1, fen(1_800))}
    assert (await here.ask(ShowOperations(), CLERK, JINHUA)).waiting == ()
    assert (await here.refusal(ShowOperations(), CADRE)).code == "not_allowed"


# Slots


async def test_everybody_sees_what_is_free_and_only_the_federation_who_has_booked(here: Office) -> None:
    begins = noon(TODAY) + timedelta(days=2)
    slot = SlotId(named("周六上午"))
    opened = OpenSlot(slot_id=slot, place="职工服务中心", starts_at=begins, minutes=30, capacity=2)
    books = BookAppointment(slot_id=slot, member_id=LI)
    await here.happens((opened, CLERK, JANUARY), (books, of(LI), JANUARY))
    for actor, shown in ((CLERK, 1), (OPERATOR, 1), (of(LI), 1), (of(SUN), 0), (CADRE, 0)):
        (answer,) = await here.ask(FindSlots(), actor)
        assert isinstance(answer, SlotAnswer)
        assert (answer.left, answer.place, len(answer.booked)) == (1, "职工服务中心", shown)
    assert await here.ask(FindSlots(since=begins.date() + timedelta(days=1)), CLERK) == ()
    assert len(await here.ask(FindSlots(since=begins.date()), CLERK)) == 1
    assert await here.ask(FindSlots(), CLERK, JINHUA) == ()
    assert (await here.refusal(FindSlots(), AT_THE_HOSPITAL)).code == "not_allowed"
