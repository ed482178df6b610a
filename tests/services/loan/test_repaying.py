"""Money that comes back: what it pays, what it frees, how it is reversed; what falls due, overdue, and is cured."""

from datetime import date, timedelta

import pytest

from services.loan.domain.desk import LoanEvent
from shared.schemas.loan import (
    Allocation,
    CreditApplied,
    CreditRefunded,
    InstalmentCured,
    InstalmentFellDue,
    InstalmentOverdue,
    LineCommand,
    RefundCredit,
    RepaymentForm,
    RepaymentReallocated,
    RepaymentReceived,
    RepaymentReversed,
    ReviewLine,
)
from shared.schemas.messages import Actor, Role
from shared.schemas.money import Fen, fen
from tests.services.loan.cases import (
    BANK,
    JULY,
    LI,
    LINE,
    TIMER,
    disburse,
    draw,
    drawn,
    line_of,
    loan,
    noon,
    of,
    opened,
    owed,
    pay,
    played,
    repayment,
    request,
    reverse,
)

REVIEW = ReviewLine(line_id=LINE)
AUGUST, SEPTEMBER = date(2019, 8, 1), date(2019, 9, 1)


def refund(amount: str, on: date | None = None) -> RefundCredit:
    return RefundCredit(line_id=LINE, refund_id=repayment("退"), amount=fen(amount), on=on)


def received(history: tuple[LoanEvent, ...], command: LineCommand, on: date) -> RepaymentReceived:
    events = loan.given(*history).when(command, actor=BANK, now=noon(on)).events
    (event,) = [event for event in events if isinstance(event, RepaymentReceived)]
    return event


def paid(event: RepaymentReceived) -> tuple[Fen, Fen, Fen]:
    """Penalty, interest, principal."""
    return (
        sum(allocation.penalty for allocation in event.allocations),
        sum(allocation.interest for allocation in event.allocations),
        sum(allocation.principal for allocation in event.allocations),
    )


# Any amount, at any time


def test_an_early_repayment_pays_the_interest_to_the_day_and_then_principal() -> None:
    # 36,000 at 6.2205 % over 30 days / 360 is 186.615, half to even 186.62 (fen 18661.5 → 18662)
    event = received(drawn("36000"), pay("6000"), date(2019, 7, 31))
    assert paid(event) == (0, 18662, fen(6_000) - 18662)
    assert event.principal == fen(36_000) - (fen(6_000) - 18662)


def test_an_amount_that_the_interest_takes_up_repays_no_principal() -> None:
    history = played((pay("100"), BANK, date(2019, 7, 31)), after=drawn("36000"))
    line = line_of(history)
    assert (line.used, line.ledger(date(2019, 7, 31)).interest) == (fen(36_000), 18662 - 10_000)


def test_the_line_is_paid_off_to_the_day() -> None:
    history = drawn("36000")
    all_of_it = owed(history, date(2019, 7, 31))
    assert all_of_it == fen(36_000) + 18662
    settled = played((pay("36186.62"), BANK, date(2019, 7, 31)), after=history)
    assert owed(settled, date(2019, 7, 31)) == owed(settled, date(2021, 1, 1)) == 0
    assert line_of(settled).available == fen(100_000)


def test_money_lent_and_repaid_on_one_day_costs_nothing() -> None:
    assert paid(received(drawn("5000"), pay("5000"), JULY)) == (0, 0, fen(5_000))


def test_what_is_due_is_paid_before_anything_that_is_not() -> None:
    history = drawn("12000", months=12, form=RepaymentForm.EQUAL_PRINCIPAL)
    history = drawn("50000", "二", after=history)
    event = received(history, pay("1064.28"), AUGUST)
    # 12,000 × 6.2205 % × 31 / 360 = 64.28
    assert event.allocations == (Allocation(draw_id=draw("一"), interest=6428, principal=fen(1_000)),)


def test_money_beyond_what_is_due_repays_the_oldest_draw_first() -> None:
    history = drawn("20000", "二", on=date(2019, 7, 2), after=drawn("10000"))
    event = received(history, pay("15000"), date(2019, 7, 2))
    # a day's interest on 10,000, and all of it; the rest goes to the second
    assert event.allocations == (
        Allocation(draw_id=draw("一"), interest=173, principal=fen(10_000)),
        Allocation(draw_id=draw("二"), principal=fen(5_000) - 173),
    )


def test_the_payer_may_name_the_draw_that_it_goes_toward() -> None:
    history = drawn("20000", "二", on=date(2019, 7, 2), after=drawn("10000"))
    event = received(history, pay("15000", toward="二"), date(2019, 7, 2))
    assert event.allocations == (Allocation(draw_id=draw("二"), principal=fen(15_000)),)


def test_every_form_of_repayment_is_paid_off_by_its_instalments() -> None:
    for form in RepaymentForm:
        history = drawn("12000", months=3, form=form)
        for number, due in enumerate((AUGUST, SEPTEMBER, date(2019, 10, 1))):
            ledger = line_of(history).ledger(due)
            amount = sum(each.principal + each.interest for each in ledger.due())
            if amount:
                command = pay("1", str(number)).model_copy(update={"amount": amount})
                history = played((command, BANK, due), after=history)
        assert owed(history, date(2019, 10, 1)) == 0
        assert line_of(history).credit == 0


# Overdue: penalty interest


def test_penalty_interest_comes_first_then_interest_then_principal() -> None:
    history = drawn("10000", months=1)
    # due 1 August with 31 days' interest 53.57 (5356.54 fen); ten days of penalty at 6.2205 % × 1.5: 25.92 (2591.88)
    event = received(history, pay("100"), date(2019, 8, 11))
    assert paid(event) == (2592, 5357, 10_000 - 2592 - 5357)


def test_what_is_paid_on_the_due_date_bears_no_penalty() -> None:
    event = received(drawn("10000", months=1), pay("10053.57"), AUGUST)
    assert paid(event) == (0, 5357, fen(10_000))
    assert event.credit == 0


def test_overdue_interest_bears_none() -> None:
    history = drawn("12000", months=12, form=RepaymentForm.INTEREST_FIRST)
    assert line_of(history).ledger(date(2019, 8, 31)).penalty == 0


def test_penalty_is_the_same_in_one_payment_or_in_many() -> None:
    history = drawn("10000", months=1)
    at_once = line_of(history).ledger(date(2019, 8, 31)).penalty
    for day in range(2, 31, 7):
        on = date(2019, 8, day)
        penalty = line_of(history).ledger(on).penalty
        history = played((pay("1", str(day)).model_copy(update={"amount": penalty}), BANK, on), after=history)
    paid_so_far = sum(
        allocation.penalty for posting in line_of(history).postings.values() for allocation in posting.allocations
    )
    assert paid_so_far + line_of(history).ledger(date(2019, 8, 31)).penalty == at_once


# Overpayment


def test_what_is_beyond_all_that_is_owed_is_kept_as_credit_and_does_not_raise_the_limit() -> None:
    history = played((pay("1200"), BANK, JULY), after=drawn("1000"))
    line = line_of(history)
    assert (line.used, line.credit, line.available) == (0, fen(200), fen(100_000))
    loan.given(*history).when(pay("1", "二"), actor=BANK).then(
        RepaymentReceived(
            line_id=LINE,
            member_id=LI,
            repayment_id=repayment("二"),
            amount=fen(1),
            on=JULY,
            toward=None,
            allocations=(),
            credit=fen(1),
            principal=0,
        )
    )


def test_credit_pays_what_falls_due() -> None:
    credit = played((pay("1200"), BANK, JULY), after=drawn("1000"))
    history = drawn("12000", "二", after=credit, form=RepaymentForm.EQUAL_PRINCIPAL)
    fell, applied = loan.given(*history).when(REVIEW, actor=TIMER, now=noon(AUGUST)).events
    assert isinstance(fell, InstalmentFellDue)
    assert (fell.principal, fell.interest) == (fen(1_000), 6428)
    assert isinstance(applied, CreditApplied)
    assert applied.allocations == (Allocation(draw_id=draw("二"), interest=6428, principal=fen(200) - 6428),)
    line = line_of((*history, fell, applied))
    assert (line.credit, line.used) == (0, fen(12_000) - (fen(200) - 6428))


def test_credit_pays_as_of_the_due_date_though_nobody_looked_until_later() -> None:
    credit = played((pay("3000"), BANK, JULY), after=drawn("1000"))
    history = drawn("12000", "二", after=credit, form=RepaymentForm.EQUAL_PRINCIPAL)
    reviewed = played((REVIEW, TIMER, date(2019, 8, 20)), after=history)
    assert line_of(reviewed).ledger(date(2019, 8, 20)).penalty == 0
    assert not any(isinstance(event, InstalmentOverdue) for event in reviewed)


def test_credit_pays_what_is_due_before_it_is_refunded_though_nobody_looked() -> None:
    credit = played((pay("1500"), BANK, JULY), after=drawn("1000"))
    history = drawn("12000", "二", after=credit, form=RepaymentForm.EQUAL_PRINCIPAL)
    loan.given(*history).when(refund("500"), actor=BANK, now=noon(date(2019, 8, 2))).refused("above_credit")
    fell, applied, overdue, *_ = (
        loan.given(*history).when(pay("1", "二"), actor=BANK, now=noon(date(2019, 8, 2))).events
    )
    assert isinstance(fell, InstalmentFellDue)
    assert isinstance(applied, CreditApplied)
    assert applied.on == AUGUST
    assert isinstance(overdue, InstalmentOverdue)


@pytest.mark.parametrize(("refunded", "left"), [("500", "0"), ("200", "300")])
def test_credit_pays_from_today_what_a_draw_reported_late_makes_due_before_a_refund(refunded: str, left: str) -> None:
    asked = played((request("1000", months=1), of(LI), JULY), (pay("500"), BANK, JULY), after=opened())
    history = played((refund(refunded), BANK, date(2019, 8, 5)), after=asked)
    late = disburse(on=date(2019, 7, 1))
    # the draw itself takes nothing of what was paid after it on its first day: it comes later in the log
    events = loan.given(*history).when(late, actor=BANK, now=noon(date(2019, 8, 6))).events
    applied = [event for event in events if isinstance(event, CreditApplied)]
    assert [event.on for event in applied] == ([date(2019, 8, 6)] if fen(left) else [])
    assert sum(allocation.amount for event in applied for allocation in event.allocations) == fen(left)
    line = line_of((*history, *events))
    assert line.credit == 0
    assert line.overdue == {(draw(), 1)}


def test_credit_is_refunded_and_no_more_than_there_is() -> None:
    history = played((pay("1200"), BANK, JULY), after=drawn("1000"))
    loan.given(*history).when(refund("200.01"), actor=BANK).refused("above_credit", "匠心贷 第8条")
    (refunded,) = loan.given(*history).when(refund("200"), actor=BANK).events
    assert refunded == CreditRefunded(line_id=LINE, member_id=LI, entry_id=repayment("退"), amount=fen(200), on=JULY)
    assert line_of((*history, refunded)).credit == 0


def test_a_refund_cannot_be_dated_before_the_credit_was_there() -> None:
    history = played((pay("1200"), BANK, date(2019, 7, 5)), after=drawn("1000"))
    early = refund("100", on=date(2019, 7, 4))
    loan.given(*history).when(early, actor=BANK, now=noon(date(2019, 7, 5))).refused("above_credit")


def test_a_repayment_whose_credit_was_refunded_is_not_reversed() -> None:
    history = played((pay("1200"), BANK, JULY), (refund("200"), BANK, JULY), after=drawn("1000"))
    loan.given(*history).when(reverse(), actor=BANK).refused("credit_spent", "匠心贷 第8条")


# Dates


def test_nothing_is_dated_after_the_business_date() -> None:
    tomorrow = JULY + timedelta(days=1)
    loan.given(*drawn("1000")).when(pay("1", on=tomorrow), actor=BANK).refused("after_today", "匠心贷 第8条")
    loan.given(*drawn("1000")).when(refund("1", on=tomorrow), actor=BANK).refused("after_today")


def test_the_business_date_is_chinas() -> None:
    late_evening_utc = noon(JULY).replace(hour=16)
    event = loan.given(*drawn("1000")).when(pay("1"), actor=BANK, now=late_evening_utc).events[0]
    assert isinstance(event, RepaymentReceived)
    assert event.on == date(2019, 7, 2)


def test_nothing_is_dated_before_the_line_was_opened() -> None:
    eve = JULY - timedelta(days=1)
    loan.given(*drawn("1000")).when(pay("1", on=eve), actor=BANK).refused("before_opening", "匠心贷 第8条")


def test_a_repayment_that_arrives_late_counts_from_the_day_it_was_paid() -> None:
    history = drawn("36000")
    in_time = played((pay("6000"), BANK, date(2019, 7, 11)), after=history)
    reported_late = played((pay("6000", on=date(2019, 7, 11)), BANK, date(2019, 7, 31)), after=history)
    assert line_of(in_time).entries == line_of(reported_late).entries
    assert owed(in_time, date(2019, 7, 31)) == owed(reported_late, date(2019, 7, 31))


def test_what_later_repayments_pay_is_told_anew_when_an_earlier_one_arrives() -> None:
    history = played((pay("6000", "后"), BANK, date(2019, 7, 31)), after=drawn("36000"))
    late = pay("6000", "前", on=date(2019, 7, 11))
    events = loan.given(*history).when(late, actor=BANK, now=noon(date(2019, 8, 1))).events
    first, again = events
    assert isinstance(first, RepaymentReceived)
    # ten days on 36,000: 62.205 → 6220 (half to even)
    assert paid(first) == (0, 6220, fen(6_000) - 6220)
    assert isinstance(again, RepaymentReallocated)
    assert again.entry_id == repayment("后")
    # twenty days on the 30,062.20 left: 103.89
    assert again.allocations[0].interest == 10389
    assert line_of((*history, *events)).used == first.principal


def test_an_overdue_instalment_that_was_paid_in_time_is_cured_when_that_is_reported() -> None:
    history = played((REVIEW, TIMER, AUGUST), (REVIEW, TIMER, date(2019, 8, 2)), after=drawn("10000", months=1))
    assert line_of(history).overdue
    late = pay("10053.57", on=AUGUST)
    events = loan.given(*history).when(late, actor=BANK, now=noon(date(2019, 8, 5))).events
    assert events[-1] == InstalmentCured(line_id=LINE, member_id=LI, draw_id=draw(), number=1, overdue_left=0)
    assert owed((*history, *events), date(2019, 8, 5)) == 0


# Reversal


def test_a_reversed_repayment_leaves_no_trace_in_what_is_owed() -> None:
    history = drawn("36000")
    reversed_ = played((pay("6000"), BANK, date(2019, 7, 11)), (reverse(), BANK, date(2019, 7, 15)), after=history)
    for days in range(60):
        day = date(2019, 7, 15) + timedelta(days=days)
        assert owed(reversed_, day) == owed(history, day)


def test_a_reversal_tells_what_later_repayments_pay_without_it() -> None:
    history = played(
        (pay("6000", "一"), BANK, date(2019, 7, 11)), (pay("6000", "二"), BANK, date(2019, 7, 31)), after=drawn("36000")
    )
    back, again = loan.given(*history).when(reverse("一"), actor=BANK, now=noon(date(2019, 8, 1))).events
    assert isinstance(back, RepaymentReversed)
    assert (back.amount, back.paid_on) == (fen(6_000), date(2019, 7, 11))
    assert isinstance(again, RepaymentReallocated)
    assert again.allocations == (Allocation(draw_id=draw(), interest=18662, principal=fen(6_000) - 18662),)
    assert back.principal == line_of((*history, back, again)).used == fen(30_000) + 18662


def test_a_reversal_makes_overdue_again_what_the_repayment_had_cured() -> None:
    history = played(
        (REVIEW, TIMER, date(2019, 8, 2)),
        (pay("10100"), BANK, date(2019, 8, 5)),
        after=drawn("10000", months=1),
    )
    assert not line_of(history).overdue
    events = loan.given(*history).when(reverse(), actor=BANK, now=noon(date(2019, 8, 6))).events
    assert events[-1] == InstalmentOverdue(
        line_id=LINE,
        member_id=LI,
        draw_id=draw(),
        number=1,
        due=AUGUST,
        principal=fen(10_000),
        interest=5357,
    )


def test_a_reversal_may_leave_more_owed_than_the_limit_and_then_nothing_can_be_drawn() -> None:
    history = played((pay("50000"), BANK, JULY), after=drawn("100000"))
    again = drawn("50000", "二", after=history)
    back = line_of(played((reverse(), BANK, JULY), after=again))
    assert (back.used, back.available) == (fen(150_000), 0)


def test_a_repayment_is_reversed_once_and_only_if_it_was_made() -> None:
    history = played((pay("6000"), BANK, JULY), (reverse(), BANK, JULY), after=drawn("36000"))
    loan.given(*history).when(reverse(), actor=BANK).refused("already_reversed", "匠心贷 第8条")
    loan.given(*history).when(reverse("别的"), actor=BANK).refused("unknown_repayment", "匠心贷 第8条")


def test_an_id_names_one_repayment_also_after_its_reversal() -> None:
    history = played((pay("6000"), BANK, JULY), after=drawn("36000"))
    loan.given(*history).when(pay("1"), actor=BANK).refused("repayment_id_used")
    back = played((reverse(), BANK, JULY), after=history)
    loan.given(*back).when(pay("1"), actor=BANK).refused("repayment_id_used")


# Who


@pytest.mark.parametrize("command", [pay("1"), reverse(), refund("1")])
def test_only_the_lines_bank_tells_of_money(command: LineCommand) -> None:
    other = Actor(role=Role.BANK, id="otherbank")
    loan.given(*drawn("1000")).when(command, actor=other).refused("not_your_bank")


def test_money_goes_toward_a_draw_of_the_line() -> None:
    loan.given(*drawn("1000")).when(pay("1", toward="别的"), actor=BANK).refused("unknown_draw")


# Due, overdue, cured


def test_an_instalment_falls_due_once() -> None:
    history = drawn("12000", form=RepaymentForm.EQUAL_PRINCIPAL)
    loan.given(*history).when(REVIEW, actor=TIMER, now=noon(AUGUST - timedelta(days=1))).nothing()
    due = InstalmentFellDue(
        line_id=LINE,
        member_id=LI,
        draw_id=draw(),
        number=1,
        due=AUGUST,
        principal=fen(1_000),
        interest=6428,
    )
    loan.given(*history).when(REVIEW, actor=TIMER, now=noon(AUGUST)).then(due)
    loan.given(*history, due).when(REVIEW, actor=TIMER, now=noon(AUGUST)).nothing()


def test_an_instalment_is_overdue_when_its_due_date_is_over() -> None:
    history = played((REVIEW, TIMER, AUGUST), after=drawn("12000", form=RepaymentForm.EQUAL_PRINCIPAL))
    overdue = InstalmentOverdue(
        line_id=LINE,
        member_id=LI,
        draw_id=draw(),
        number=1,
        due=AUGUST,
        principal=fen(1_000),
        interest=6428,
    )
    loan.given(*history).when(REVIEW, actor=TIMER, now=noon(date(2019, 8, 2))).then(overdue)
    loan.given(*history, overdue).when(REVIEW, actor=TIMER, now=noon(date(2019, 8, 3))).nothing()


def test_an_instalment_prepaid_does_not_fall_due() -> None:
    history = played((pay("12000"), BANK, JULY), after=drawn("12000", form=RepaymentForm.EQUAL_PRINCIPAL))
    loan.given(*history).when(REVIEW, actor=TIMER, now=noon(SEPTEMBER)).nothing()


def test_an_instalment_paid_in_part_stays_overdue_for_the_rest() -> None:
    history = played((REVIEW, TIMER, date(2019, 8, 2)), after=drawn("12000", form=RepaymentForm.EQUAL_PRINCIPAL))
    events = loan.given(*history).when(pay("500"), actor=BANK, now=noon(date(2019, 8, 2))).events
    assert [type(event) for event in events] == [RepaymentReceived]
    assert line_of((*history, *events)).overdue == {(draw(), 1)}


def test_an_overdue_instalment_paid_in_full_is_cured() -> None:
    history = played(
        (REVIEW, TIMER, date(2019, 8, 2)),
        (REVIEW, TIMER, date(2019, 9, 2)),
        after=drawn("12000", form=RepaymentForm.EQUAL_PRINCIPAL),
    )
    assert line_of(history).overdue == {(draw(), 1), (draw(), 2)}
    # 8.55 penalty and the interest of both, 64.28 and 58.92, come before principal
    cured = loan.given(*history).when(pay("1140"), actor=BANK, now=noon(date(2019, 9, 2))).events[1:]
    assert cured == (InstalmentCured(line_id=LINE, member_id=LI, draw_id=draw(), number=1, overdue_left=1),)


def test_what_fell_due_while_nobody_looked_is_noted_in_order() -> None:
    history = drawn("12000", form=RepaymentForm.EQUAL_PRINCIPAL)
    events = loan.given(*history).when(REVIEW, actor=TIMER, now=noon(date(2019, 9, 15))).events
    assert [(type(event).__name__, event.due) for event in events if hasattr(event, "due")] == [
        ("InstalmentFellDue", AUGUST),
        ("InstalmentFellDue", SEPTEMBER),
        ("InstalmentOverdue", AUGUST),
        ("InstalmentOverdue", SEPTEMBER),
    ]


def test_a_draw_reported_late_moves_what_came_after_it() -> None:
    asked = played((request("10000"), of(LI), JULY), (pay("4000"), BANK, date(2019, 7, 3)), after=opened())
    assert line_of(asked).credit == fen(4_000)
    events = loan.given(*asked).when(disburse(on=date(2019, 7, 2)), actor=BANK, now=noon(date(2019, 7, 4))).events
    again = events[-1]
    assert isinstance(again, RepaymentReallocated)
    assert (again.credit, again.allocations[0].interest) == (0, 173)
    assert line_of((*asked, *events)).used == fen(6_000) + 173


def test_credit_is_refunded_once() -> None:
    history = played((pay("100"), BANK, JULY), (refund("100"), BANK, JULY), after=opened())
    loan.given(*history).when(refund("1").model_copy(update={"refund_id": repayment("再退")}), actor=BANK).refused(
        "above_credit"
    )
    loan.given(*history).when(refund("1"), actor=BANK).refused("repayment_id_used")
