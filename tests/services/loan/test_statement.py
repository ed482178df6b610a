"""Statements of account, and interest as a clerk would count it day by day."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from services.loan.domain.ledger import Disbursement, Entry, Repayment, replay
from services.loan.statement import statement
from shared.schemas.loan import (
    Component,
    DayCount,
    DrawTerms,
    Rate,
    RefundCredit,
    RepaymentForm,
    ReviewLine,
    StatementKind,
    Tier,
)
from shared.schemas.money import Fen, fen
from tests.services.loan.cases import (
    BANK,
    JULY,
    LINE,
    TIMER,
    draw,
    drawn,
    line_of,
    named,
    pay,
    played,
    repayment,
    reverse,
)

ORDER = (Component.PENALTY, Component.INTEREST, Component.PRINCIPAL)
END_OF_JULY, AUGUST = date(2019, 7, 31), date(2019, 8, 1)

# A statement


def test_a_statement_lists_what_changed_hands_and_what_it_paid() -> None:
    history = played((pay("6000"), BANK, END_OF_JULY), after=drawn("36000"))
    answer = statement(line_of(history), JULY, date(2019, 8, 31))
    paid_out, came_in = answer.entries
    assert (paid_out.kind, paid_out.amount, paid_out.balance) == (
        StatementKind.DISBURSEMENT,
        fen(36_000),
        fen(36_000),
    )
    # 36,000 × 6.2205 % × 30 / 360 = 186.615, half to even
    assert (came_in.kind, came_in.interest, came_in.principal) == (StatementKind.REPAYMENT, 18662, 581_338)
    assert (answer.opening, answer.closing) == (0, 3_018_662)
    # 30,186.62 × 6.2205 % × 31 / 360 = 161.69
    assert (answer.interest_owed, answer.penalty_owed) == (16170, 0)


def test_a_statement_opens_with_what_the_days_before_left() -> None:
    history = played((pay("6000"), BANK, END_OF_JULY), after=drawn("36000"))
    answer = statement(line_of(history), AUGUST, date(2019, 8, 31))
    assert answer.entries == ()
    assert answer.opening == answer.closing == 3_018_662


def test_a_reversed_repayment_stands_in_no_statement() -> None:
    history = played((pay("6000"), BANK, END_OF_JULY), (reverse(), BANK, AUGUST), after=drawn("36000"))
    answer = statement(line_of(history), JULY, AUGUST)
    assert [entry.kind for entry in answer.entries] == [StatementKind.DISBURSEMENT]
    assert answer.closing == fen(36_000)


def test_a_statement_follows_credit_from_its_making_to_its_end() -> None:
    overpaid = played((pay("1500"), BANK, JULY), after=drawn("1000"))
    lent_again = drawn("12000", "二", after=overpaid, form=RepaymentForm.EQUAL_PRINCIPAL)
    refund = RefundCredit(line_id=LINE, refund_id=repayment("退"), amount=fen(100))
    history = played((refund, BANK, JULY), (ReviewLine(line_id=LINE), TIMER, AUGUST), after=lent_again)
    answer = statement(line_of(history), JULY, AUGUST)
    assert [(entry.kind, entry.amount, entry.credit_balance) for entry in answer.entries[1:]] == [
        (StatementKind.REPAYMENT, fen(1_500), fen(500)),
        (StatementKind.DISBURSEMENT, fen(12_000), fen(500)),
        (StatementKind.REFUND, fen(100), fen(400)),
        (StatementKind.CREDIT_APPLIED, fen(400), 0),
    ]
    assert (answer.refunded, answer.closing_credit) == (fen(100), 0)


def test_what_is_owed_can_be_asked_for_a_day_ahead() -> None:
    answer = statement(line_of(drawn("10000", months=1)), JULY, date(2019, 8, 11))
    assert (answer.closing, answer.interest_owed, answer.penalty_owed) == (fen(10_000), 5357, 2592)


# Interest, counted by a clerk

rates = st.decimals(Decimal("0.1"), Decimal("24"), places=4)
principals = st.integers(1, fen(300_000))


def on_demand(principal: Fen, percent: Decimal, day_count: DayCount) -> Disbursement:
    """One draw, due after three years."""
    rate = Rate(
        annual_percent=percent,
        tier=Tier.MEMBER,
        months=36,
        on=JULY,
        policy_version="1",
        table="nxbank_own",
        table_version="1",
        table_effective_from=JULY,
        basis_percent=percent,
        factor=Decimal(1),
        words="",
    )
    terms = DrawTerms(
        months=36,
        form=RepaymentForm.ON_DEMAND,
        day_count=day_count,
        late_factor=Decimal("1.5"),
        late_on=(Component.PRINCIPAL,),
        rate=rate,
    )
    return Disbursement(draw(), JULY, principal, terms, date(2022, 7, 1))


def test_overdue_interest_bears_penalty_where_the_product_says_so() -> None:
    lent = on_demand(fen(10_000), Decimal(6), DayCount.ACT_360)
    on_both = lent.terms.model_copy(update={"late_on": (Component.INTEREST, Component.PRINCIPAL)})
    usual, stricter = (replace(lent, terms=terms, last_due=AUGUST) for terms in (lent.terms, on_both))
    # ten days at 9 %: on 10,000 25.00, and on 31 days' interest of 51.67 0.13 more
    ten_days_late = AUGUST + timedelta(days=10)
    assert replay([usual], ORDER, ten_days_late).penalty == 2500
    assert replay([stricter], ORDER, ten_days_late).penalty == 2513
    paid = Repayment(named("还"), ten_days_late, fen("10076.80"))
    settled = replay([stricter, paid], ORDER, ten_days_late + timedelta(days=30))
    assert (settled.owed, settled.credit) == (0, 0)


payments = st.lists(st.tuples(st.integers(0, 400), st.integers(1, fen(100_000))), max_size=12)


@given(principals, rates, st.sampled_from([DayCount.ACT_360, DayCount.ACT_365]), payments, st.integers(0, 400))
def test_repayments_at_any_time_pay_what_a_clerk_counts_day_by_day(
    principal: Fen, percent: Decimal, day_count: DayCount, paid: list[tuple[int, Fen]], until: int
) -> None:
    entries: list[Entry] = [on_demand(principal, percent, day_count)]
    entries += [
        Repayment(named(f"还{number}"), JULY + timedelta(days=day), amount) for number, (day, amount) in enumerate(paid)
    ]
    ledger = replay(entries, ORDER, JULY + timedelta(days=until))

    owed, accrued, charged, credit = principal, Fraction(0), 0, 0
    a_day = Fraction(percent) / 100 / day_count.year
    for day in range(until + 1):
        for _, amount in (payment for payment in paid if payment[0] == day):
            interest = min(amount, round(accrued) - charged)
            repaid = min(owed, amount - interest)
            charged, owed, credit = charged + interest, owed - repaid, credit + amount - interest - repaid
            if repaid:
                accrued, charged = Fraction(0), 0
        if day < until:
            accrued += owed * a_day
    assert (ledger.principal, ledger.interest, ledger.credit) == (owed, round(accrued) - charged, credit)


@given(principals, rates, st.sampled_from(DayCount), st.lists(st.integers(1, 1000), min_size=1, max_size=10))
def test_interest_paid_over_any_split_of_days_comes_to_the_same(
    principal: Fen, percent: Decimal, day_count: DayCount, split: list[int]
) -> None:
    lent = on_demand(principal, percent, day_count)
    last = JULY + timedelta(days=max(split))
    at_once = replay([lent], ORDER, last).interest
    entries: list[Entry] = [lent]
    for day in sorted(split):
        on = JULY + timedelta(days=day)
        if interest := replay(entries, ORDER, on).interest:
            entries.append(Repayment(named(f"还{day}"), on, interest))
    ledger = replay(entries, ORDER, last)
    paid = sum(entry.amount for entry in entries if isinstance(entry, Repayment))
    assert (paid + ledger.interest, ledger.principal) == (at_once, principal)


@given(
    st.sampled_from(RepaymentForm),
    principals,
    rates,
    st.permutations(range(6)),
    st.lists(st.tuples(st.integers(0, 1200), st.integers(1, fen(20_000))), min_size=6, max_size=6),
)
def test_it_makes_no_difference_in_which_order_repayments_are_reported(
    form: RepaymentForm, principal: Fen, percent: Decimal, order: list[int], paid: list[tuple[int, Fen]]
) -> None:
    lent = on_demand(principal, percent, DayCount.ACT_360)
    lent = replace(lent, terms=lent.terms.model_copy(update={"form": form}))
    entries = [Repayment(named(f"还{day}"), JULY + timedelta(days=day), amount) for day, amount in dict(paid).items()]
    reported = [entries[number] for number in order if number < len(entries)]
    last = JULY + timedelta(days=1300)
    one, other = replay([lent, *entries], ORDER, last), replay([lent, *reported], ORDER, last)
    assert one.postings == other.postings
    assert (one.principal, one.interest, one.penalty, one.credit) == (
        other.principal,
        other.interest,
        other.penalty,
        other.credit,
    )
