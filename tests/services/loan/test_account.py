"""A line as its member sees it, on a day."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from services.loan import account
from services.loan.domain.desk import LoanEvent, fold
from services.loan.domain.facts import MemberFacts
from services.loan.domain.line import Closed, Line
from services.loan.views import Draws
from shared.eventsourcing.view_specification import ViewSpecification
from shared.schemas.loan import (
    CancelDrawdown,
    CloseLine,
    DrawStatus,
    ExpireLine,
    FreezeLine,
    Ground,
    LineAnswer,
    LineStatus,
    RepaymentForm,
    ReviewLine,
    Tier,
)
from shared.schemas.money import cny, fen
from tests.services.loan.cases import (
    APPLICATION,
    BANK,
    CABLE_WORKS,
    CRAFTSMAN,
    FACTS,
    JULY,
    LI,
    LINE,
    OFFICER,
    TIMER,
    draw,
    drawn,
    member,
    noon,
    of,
    opened,
    pay,
    played,
    request,
)

AUGUST = date(2019, 8, 1)


def shown(history: Sequence[LoanEvent], on: date = JULY, borrower: MemberFacts | None = None) -> LineAnswer:
    state = fold(history).line
    assert isinstance(state, Line | Closed)
    rows = ViewSpecification(Draws()).given(*history).rows
    facts = replace(FACTS, now=noon(on), member=borrower or member())
    return account.answer(state, APPLICATION, CABLE_WORKS, rows, facts)


def monthly(amount: str = "12000") -> tuple[LoanEvent, ...]:
    return drawn(amount, months=12, form=RepaymentForm.EQUAL_PRINCIPAL)


def test_a_new_line_may_be_drawn_in_full_at_the_rate_of_the_longest_term() -> None:
    line = shown(opened())
    assert (line.status, line.limit, line.used, line.pending, line.available) == (
        LineStatus.OPEN,
        fen(100_000),
        0,
        0,
        fen(100_000),
    )
    assert line.rate is not None
    assert (line.rate.months, line.rate.annual_percent) == (36, Decimal("6.7925"))
    assert (line.payoff, line.overdue, line.to_cure, line.next_due, line.draws) == (0, 0, 0, (), ())


def test_the_longest_term_shrinks_as_the_line_s_last_day_comes_near() -> None:
    rates = {day: shown(opened(), day).rate for day in (date(2021, 6, 30), date(2021, 7, 2), date(2022, 6, 2))}
    assert [rate.months if rate else None for rate in rates.values()] == [12, 11, None]


def test_pay_off_grows_by_the_day() -> None:
    owing = drawn("36000", months=12)  # at 6.2205 %
    assert [shown(owing, day).payoff - fen(36_000) for day in (JULY, date(2019, 7, 2), date(2019, 7, 11))] == [
        0,
        622,
        6220,
    ]


def test_the_next_instalment_of_each_draw_is_shown_the_soonest_first() -> None:
    history = drawn("6000", "二", on=date(2019, 7, 15), after=monthly(), months=6, form=RepaymentForm.INTEREST_FIRST)
    line = shown(history, date(2019, 7, 20))
    assert [(due.draw_id, due.number, due.due) for due in line.next_due] == [
        (draw("一"), 1, AUGUST),
        (draw("二"), 1, date(2019, 8, 15)),
    ]
    assert line.next_due[0].principal == fen(1_000)
    assert line.next_due[1].principal == 0


def test_on_its_due_date_an_instalment_is_next_and_not_overdue_until_paid() -> None:
    line = shown(monthly(), AUGUST)
    assert [(due.number, due.due, due.principal, due.interest) for due in line.next_due] == [
        (1, AUGUST, fen(1_000), fen("64.28"))
    ]
    assert (line.overdue, line.overdue_since) == (0, None)
    paid = shown(played((pay("1064.28"), BANK, AUGUST), after=monthly()), AUGUST)
    assert [(due.number, due.due) for due in paid.next_due] == [(2, date(2019, 9, 1))]


def test_instalments_of_nothing_are_passed_over() -> None:
    few_fen = drawn("0.03", months=12, form=RepaymentForm.EQUAL_PRINCIPAL)
    assert [(due.number, due.principal) for due in shown(few_fen).next_due] == [(12, 3)]


def test_what_is_overdue_is_shown_since_its_oldest_day_with_what_cures_it() -> None:
    late = played((ReviewLine(line_id=LINE), TIMER, date(2019, 9, 11)), after=monthly())
    line = shown(late, date(2019, 9, 11))
    assert (line.overdue_since, line.rate) == (AUGUST, None)
    assert line.overdue == fen(2_000) + fen("64.28") + fen("58.92")
    assert line.to_cure > line.overdue  # with penalty interest
    cured = shown(played((pay(cny(line.to_cure)), BANK, date(2019, 9, 11)), after=late), date(2019, 9, 11))
    assert (cured.overdue, cured.overdue_since, cured.to_cure) == (0, None, 0)


def test_a_draw_shows_what_it_owes_until_it_is_repaid() -> None:
    asked = played((request("500", "二"), of(LI), JULY), (request("600", "三"), of(LI), JULY), after=monthly())
    cancelled = played((CancelDrawdown(line_id=LINE, draw_id=draw("三")), of(LI), JULY), after=asked)
    draws = {each.draw_id: each for each in shown(cancelled).draws}
    assert {name: draws[draw(name)].status for name in "一二三"} == {
        "一": DrawStatus.DISBURSED,
        "二": DrawStatus.REQUESTED,
        "三": DrawStatus.CANCELLED,
    }
    assert (draws[draw("一")].principal, draws[draw("一")].last_due) == (fen(12_000), date(2020, 7, 1))
    assert (draws[draw("二")].principal, draws[draw("二")].disbursed_on) == (0, None)
    repaid = played((pay("12000"), BANK, JULY), after=cancelled)
    assert next(each for each in shown(repaid).draws if each.draw_id == draw("一")).status is DrawStatus.REPAID


def test_a_draw_that_owes_interest_alone_is_not_repaid() -> None:
    due = played((ReviewLine(line_id=LINE), TIMER, date(2019, 8, 2)), after=drawn("1000", months=1))
    nearly = played((pay("1000"), BANK, date(2019, 8, 2)), after=due)
    (only,) = shown(nearly, date(2019, 8, 2)).draws
    assert only.status is DrawStatus.DISBURSED


def test_nothing_may_be_drawn_of_a_frozen_an_expired_or_a_closed_line() -> None:
    frozen = played((FreezeLine(line_id=LINE, ground=Ground.DISPUTE), OFFICER, JULY), after=monthly())
    expired = played((ExpireLine(line_id=LINE), TIMER, date(2022, 7, 2)), after=drawn("1000", months=36))
    closed = played((CloseLine(line_id=LINE), of(LI), JULY), after=opened())
    for history, status, on in (
        (frozen, LineStatus.FROZEN, JULY),
        (expired, LineStatus.EXPIRED, date(2022, 7, 2)),
        (closed, LineStatus.CLOSED, JULY),
    ):
        line = shown(history, on)
        assert (line.status, line.available, line.rate) == (status, 0, None)


def test_one_who_may_not_borrow_any_more_sees_no_rate() -> None:
    assert shown(opened(), borrower=member(skilled=False)).rate is None


def test_a_title_granted_since_is_in_the_rate_before_the_line_is_brought_up_to_date() -> None:
    line = shown(opened(), borrower=CRAFTSMAN)
    assert line.tier is Tier.MEMBER
    assert line.rate is not None
    assert (line.rate.tier, line.rate.annual_percent) == (Tier.CRAFTSMAN, Decimal("4.75"))


def test_credit_is_shown_and_raises_nothing() -> None:
    line = shown(played((pay("13000"), BANK, JULY), after=monthly()))
    assert (line.credit, line.available) == (fen(1_000), fen(100_000))
