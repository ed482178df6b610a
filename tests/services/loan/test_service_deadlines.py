"""Deadlines of the loan fire when the clock comes to them: whole services, with a clock that is set."""

from collections.abc import Sequence
from datetime import date

from shared.eventsourcing.timers import TimerRow
from shared.schemas.loan import (
    ApplicationAnswer,
    ApplicationId,
    ApplicationStatus,
    BankWorkAnswer,
    DrawStatus,
    InstalmentFellDue,
    InstalmentOverdue,
    LineId,
    LineStatus,
    RecommendApplication,
    RepaymentForm,
    ShowApplication,
    ShowBankWork,
    Stage,
)
from shared.schemas.messages import Event
from shared.schemas.money import fen
from tests.services.loan.county import BANK, MEMBER_RATE, OFFICER, SHORT_RATE, County, accepting
from tests.waiting import until

AUGUST = date(2019, 8, 1)


async def test_an_application_that_the_union_does_not_recommend_in_seven_days_lapses(nanxun: County) -> None:
    worker = await nanxun.worker()
    application = await nanxun.applies(worker)
    await nanxun.set_day(date(2019, 7, 8), hour=23)
    assert (await status(nanxun, application)).act_by is not None
    await nanxun.set_day(date(2019, 7, 9), hour=0)
    lapsed = await ended(nanxun, application)
    assert (lapsed.status, lapsed.ended_at) == (ApplicationStatus.LAPSED, Stage.RECOMMENDATION)
    assert await nanxun.tries(nanxun.cadre, RecommendApplication(application_id=application)) == "not_at_this_stage"
    await nanxun.applies(worker)  # and may apply again


async def test_an_application_that_the_federation_does_not_endorse_in_time_lapses(nanxun: County) -> None:
    application = await nanxun.applies(await nanxun.worker())
    await nanxun.set_day(date(2019, 7, 5))
    await nanxun.does(nanxun.cadre, RecommendApplication(application_id=application))
    await nanxun.set_day(date(2019, 7, 9))  # the union's own deadline is past, and was met
    await nanxun.set_day(date(2019, 7, 13), hour=0)
    lapsed = await ended(nanxun, application)
    assert (lapsed.status, lapsed.ended_at) == (ApplicationStatus.LAPSED, Stage.ENDORSEMENT)


async def test_an_application_that_the_bank_does_not_answer_lapses_and_leaves_its_work(nanxun: County) -> None:
    application = await nanxun.endorsed(await nanxun.worker())
    work: BankWorkAnswer = await nanxun.asks(BANK, ShowBankWork(bank="nxbank"), after=nanxun.last.position)
    assert len(work.to_decide) == 1
    await nanxun.set_day(date(2019, 7, 12), hour=0)
    lapsed = await ended(nanxun, application)
    assert (lapsed.status, lapsed.ended_at) == (ApplicationStatus.LAPSED, Stage.BANK_ANSWER)
    work = await nanxun.asks(BANK, ShowBankWork(bank="nxbank"))
    assert work.to_decide == ()
    assert await nanxun.tries(BANK, accepting(application, "100000", MEMBER_RATE)) == "not_at_this_stage"


async def test_steps_taken_in_time_leave_nothing_to_lapse(nanxun: County) -> None:
    worker = await nanxun.worker()
    line = await nanxun.line(worker)
    await nanxun.set_day(date(2019, 7, 31))
    await nanxun.draws(worker, line, "1000")
    assert [timer.key for timer in await pending(nanxun) if "application" in timer.key] == []


async def test_a_draw_that_the_bank_does_not_pay_out_expires_and_frees_what_it_held(nanxun: County) -> None:
    worker = await nanxun.worker()
    line = await nanxun.line(worker)
    draw = await nanxun.requests(worker, line, "40000")
    assert (await nanxun.shows(line)).available == fen(60_000)
    await nanxun.set_day(date(2019, 7, 5), hour=0)
    expired = [(draw, DrawStatus.EXPIRED)]
    freed = await nanxun.until_line(
        line, lambda shown: [(each.draw_id, each.status) for each in shown.draws] == expired
    )
    assert (freed.pending, freed.available) == (0, fen(100_000))


async def test_an_instalment_falls_due_is_overdue_the_day_after_and_cured_by_payment(nanxun: County) -> None:
    worker = await nanxun.worker()
    line = await nanxun.line(worker)
    await nanxun.draws(worker, line, "12000", 12, RepaymentForm.EQUAL_PRINCIPAL)
    await nanxun.set_day(date(2019, 7, 31), hour=23)
    assert await told(nanxun, line, InstalmentFellDue) == []
    await nanxun.set_day(AUGUST, hour=0)
    (due,) = await until(lambda: told(nanxun, line, InstalmentFellDue))
    assert (due.number, due.due, due.principal, due.interest) == (1, AUGUST, fen(1_000), fen("64.28"))
    shown = await nanxun.shows(line)
    assert (shown.overdue_since, shown.overdue) == (None, 0)
    assert (shown.next_due[0].number, shown.next_due[0].due) == (1, AUGUST)

    await nanxun.set_day(date(2019, 8, 2), hour=0)
    (overdue,) = await until(lambda: told(nanxun, line, InstalmentOverdue))
    assert (overdue.principal, overdue.interest) == (fen(1_000), fen("64.28"))
    late = await nanxun.shows(line)
    assert (late.overdue_since, late.overdue, late.rate) == (AUGUST, fen("1064.28"), None)
    assert await nanxun.tries(worker.actor, nanxun.request(line, "1")) == "overdue_first"

    await nanxun.does(BANK, nanxun.repayment(line, late.to_cure))
    cured = await nanxun.shows(line)
    assert (cured.overdue_since, cured.overdue, cured.to_cure) == (None, 0, 0)
    assert await nanxun.tries(worker.actor, nanxun.request(line, "1")) == "done"


async def test_an_instalment_paid_before_its_day_is_never_overdue(nanxun: County) -> None:
    worker = await nanxun.worker()
    line = await nanxun.line(worker)
    await nanxun.draws(worker, line, "12000", 12, RepaymentForm.EQUAL_PRINCIPAL)
    await nanxun.set_day(AUGUST)
    await until(lambda: told(nanxun, line, InstalmentFellDue))
    await nanxun.repays(line, "1064.28")
    await nanxun.set_day(date(2019, 9, 1), hour=1)
    await until(lambda: _twice(nanxun, line))
    assert await told(nanxun, line, InstalmentOverdue) == []


async def test_a_line_expires_at_the_end_of_its_last_day_and_what_is_owed_goes_on(nanxun: County) -> None:
    worker = await nanxun.worker()
    line = await nanxun.line(worker, rate=SHORT_RATE, months=12)
    await nanxun.draws(worker, line, "10000", 12)
    await nanxun.set_day(date(2020, 7, 1), hour=23)
    assert (await nanxun.shows(line)).status is LineStatus.OPEN
    await nanxun.set_day(date(2020, 7, 2), hour=0)
    expired = await nanxun.until_line(line, lambda shown: shown.status is LineStatus.EXPIRED)
    assert (expired.available, expired.used) == (0, fen(10_000))
    late = await nanxun.until_line(line, lambda shown: shown.overdue_since is not None)
    assert await nanxun.tries(worker.actor, nanxun.request(line, "1")) == "line_expired"
    await nanxun.does(BANK, nanxun.repayment(line, late.payoff))
    assert (await nanxun.shows(line)).payoff == 0


async def test_a_line_on_which_nothing_is_owed_closes_by_itself_when_it_expires(nanxun: County) -> None:
    worker = await nanxun.worker()
    line = await nanxun.line(worker, rate=SHORT_RATE, months=12)
    await nanxun.set_day(date(2020, 7, 2), hour=0)
    await nanxun.until_line(line, lambda shown: shown.status is LineStatus.CLOSED)
    await nanxun.line(worker, "20000")  # and another can be had


async def test_what_fell_due_while_the_service_was_down_happens_when_it_comes_back(nanxun: County) -> None:
    worker = await nanxun.worker()
    line = await nanxun.line(worker)
    await nanxun.draws(worker, line, "12000", 12, RepaymentForm.EQUAL_PRINCIPAL)
    application = await nanxun.applies(await nanxun.worker())
    await nanxun.restart_loan(while_down=date(2019, 10, 2))
    await nanxun.until_line(line, lambda shown: shown.overdue_since == AUGUST)
    assert (await ended(nanxun, application)).status is ApplicationStatus.LAPSED
    assert [due.number for due in await told(nanxun, line, InstalmentFellDue)] == [1, 2, 3]


async def status(nanxun: County, application: ApplicationId) -> ApplicationAnswer:
    answer: ApplicationAnswer = await nanxun.asks(
        OFFICER, ShowApplication(application_id=application), after=nanxun.last.position
    )
    return answer


async def ended(nanxun: County, application: ApplicationId) -> ApplicationAnswer:
    async def over() -> ApplicationAnswer | None:
        shown = await status(nanxun, application)
        return shown if shown.act_by is None else None

    shown = await until(over)
    assert shown is not None
    return shown


async def told[E: Event](nanxun: County, line: LineId, kind: type[E]) -> list[E]:
    """What the line's stream tells of one kind."""
    return [
        recorded.event
        for recorded in await nanxun.loan.store.stream(f"line-{line}")
        if isinstance(recorded.event, kind)
    ]


async def _twice(nanxun: County, line: LineId) -> bool:
    return len(await told(nanxun, line, InstalmentFellDue)) == 2


async def pending(nanxun: County) -> Sequence[TimerRow]:
    timers = nanxun.loan.timers
    assert timers is not None
    await until(lambda: _folded(nanxun))
    return await timers.pending(1000)


async def _folded(nanxun: County) -> bool:
    timers = nanxun.loan.timers
    assert timers is not None
    return timers.folded >= await nanxun.loan.store.head()
