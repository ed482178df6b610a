"""The known cases of the craftsman loan, end to end: registry and loan as whole services on real servers."""

import asyncio
from decimal import Decimal

from shared.schemas.loan import (
    ApplicationAnswer,
    ApplicationStatus,
    BankWorkAnswer,
    DeclineLoan,
    Ground,
    RecordRepayment,
    RepaymentForm,
    ShowApplication,
    ShowBankWork,
    Tier,
)
from shared.schemas.money import fen
from tests.services.loan.county import BANK, BENCHMARK, MEMBER_RATE, PACESETTER_RATE, County, accepting, application_of


async def test_a_worker_at_the_cable_works_borrows_100_000_for_renovation_at_the_member_rate(nanxun: County) -> None:
    worker = await nanxun.worker()
    line = await nanxun.line(worker, "100000", MEMBER_RATE)
    await nanxun.draws(worker, line, "100000", 36, RepaymentForm.EQUAL_INSTALMENTS)
    shown = await nanxun.shows(line, worker.actor)
    assert (shown.tier, shown.limit, shown.used, shown.available) == (Tier.MEMBER, fen(100_000), fen(100_000), 0)
    (draw,) = shown.draws
    assert draw.terms.rate.annual_percent == Decimal("6.7925")
    assert draw.terms.rate.words == "会员贷：南浔银行同档次利率6.175%×1.1，即6.7925%"
    (due,) = shown.next_due
    assert (due.number, due.due.isoformat(), due.interest) == (1, "2019-08-01", fen("584.91"))  # 31 days over 360


async def test_a_pacesetter_borrows_200_000_below_the_bank_s_own_rate(nanxun: County) -> None:
    worker = await nanxun.worker(titles=["技术标兵"])
    line = await nanxun.line(worker, "200000", PACESETTER_RATE)
    await nanxun.draws(worker, line, "80000", 24, RepaymentForm.EQUAL_PRINCIPAL)
    shown = await nanxun.shows(line, worker.actor)
    assert (shown.tier, shown.limit, shown.available) == (Tier.HONOURED_MEMBER, fen(200_000), fen(120_000))
    assert shown.draws[0].terms.rate.annual_percent == Decimal("5.24875")  # 6.175 % × 0.85


async def test_a_craftsman_borrows_300_000_at_the_benchmark_though_not_in_skilled_work(nanxun: County) -> None:
    worker = await nanxun.worker(skilled=False, titles=["南太湖工匠"])
    line = await nanxun.line(worker, "300000", BENCHMARK)
    await nanxun.draws(worker, line, "300000", 36, RepaymentForm.INTEREST_FIRST)
    shown = await nanxun.shows(line, worker.actor)
    assert (shown.tier, shown.limit, shown.used) == (Tier.CRAFTSMAN, fen(300_000), fen(300_000))
    assert shown.draws[0].terms.rate.annual_percent == Decimal("4.75")


async def test_a_municipal_model_worker_draws_repays_and_draws_again(nanxun: County) -> None:
    worker = await nanxun.worker(skilled=False, titles=["湖州市劳动模范"])
    line = await nanxun.line(worker, "300000", BENCHMARK)
    left = []
    await nanxun.draws(worker, line, "200000")
    left.append((await nanxun.shows(line)).available)
    await nanxun.repays(line, "150000")
    left.append((await nanxun.shows(line)).available)
    await nanxun.draws(worker, line, "100000")
    shown = await nanxun.shows(line, worker.actor)
    left.append(shown.available)
    assert left == [fen(100_000), fen(250_000), fen(150_000)]
    assert (shown.tier, len(shown.draws)) == (Tier.MODEL_WORKER, 2)


async def test_a_household_accepted_twenty_times_at_once_stays_within_its_cap(nanxun: County) -> None:
    first = await nanxun.worker()
    family = [first, *[await nanxun.worker(household=first) for _ in range(19)]]
    applications = [await nanxun.endorsed(worker, "10000") for worker in family]
    async with nanxun.another_loan():  # two instances take them in turns
        answers = await asyncio.gather(
            *(nanxun.tries(BANK, accepting(application, "10000", MEMBER_RATE)) for application in applications)
        )
    assert sorted(answers) == ["done"] * 10 + ["household_cap"] * 10
    latecomer = await nanxun.worker(household=first)
    refusal = await nanxun.refusal(latecomer.actor, application_of(latecomer, "1000"))
    assert (refusal.code, refusal.clause) == ("household_cap", "匠心贷 第3条")
    assert refusal.message == "额度按单户合计，本户还可授信0.00元，不足1000.00元"


async def test_one_neither_in_skilled_work_nor_honoured_is_refused_by_the_first_clause(nanxun: County) -> None:
    clerk = await nanxun.worker(skilled=False)
    refusal = await nanxun.refusal(clerk.actor, application_of(clerk, "50000"))
    assert (refusal.code, refusal.clause) == ("not_eligible", "匠心贷 第1条")


async def test_the_bank_declines_and_says_why(nanxun: County) -> None:
    worker = await nanxun.worker()
    application = await nanxun.endorsed(worker, "60000")
    work: BankWorkAnswer = await nanxun.asks(BANK, ShowBankWork(bank="nxbank"), after=nanxun.last.position)
    assert [waiting.application_id for waiting in work.to_decide] == [application]
    declined = await nanxun.does(BANK, DeclineLoan(application_id=application, ground=Ground.CREDIT_RECORD))
    shown: ApplicationAnswer = await nanxun.asks(
        worker.actor, ShowApplication(application_id=application), after=declined.position
    )
    assert (shown.status, shown.ground) == (ApplicationStatus.DECLINED, Ground.CREDIT_RECORD)
    work = await nanxun.asks(BANK, ShowBankWork(bank="nxbank"))
    assert work.to_decide == ()
    await nanxun.endorsed(worker, "40000")  # and may apply again


async def test_more_than_a_line_leaves_is_not_drawn_and_the_refusal_says_what_is_left(nanxun: County) -> None:
    worker = await nanxun.worker()
    line = await nanxun.line(worker, "100000")
    await nanxun.draws(worker, line, "70000")
    refusal = await nanxun.refusal(worker.actor, nanxun.request(line, "30000.01"))
    assert (refusal.code, refusal.details) == ("above_available", {"available": "30000.00", "amount": "30000.01"})


async def test_a_line_that_was_repaid_in_full_to_the_day_is_closed_by_its_member(nanxun: County) -> None:
    worker = await nanxun.worker()
    line = await nanxun.line(worker, "100000")
    await nanxun.draws(worker, line, "36000", 12, RepaymentForm.ON_DEMAND)
    await nanxun.set_day(nanxun.days_on(10))
    owed = (await nanxun.shows(line)).payoff
    assert owed == fen(36_000) + fen("62.20")  # 6.2205 % over 10 days of 360: 62.205, half to even
    assert await nanxun.tries(worker.actor, nanxun.close(line)) == "still_owed"
    await nanxun.does(BANK, RecordRepayment(line_id=line, amount=owed))
    assert await nanxun.tries(worker.actor, nanxun.close(line)) == "done"
