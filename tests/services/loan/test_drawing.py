"""Draws under a line: what may be drawn, on which terms, and what becomes of a request."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from services.loan.domain.desk import LoanEvent
from shared.schemas.loan import (
    CancelDrawdown,
    CapChanged,
    ChangeLimit,
    Component,
    DayCount,
    DrawDisbursed,
    DrawdownCancelled,
    DrawdownExpired,
    DrawdownRefused,
    DrawdownRequested,
    ExpireDrawdown,
    FreezeLine,
    Ground,
    LineCommand,
    LineRetiered,
    RefreshLine,
    RefuseDrawdown,
    RepaymentForm,
    Tier,
)
from shared.schemas.messages import Actor, Role
from shared.schemas.money import fen
from tests.services.loan.cases import (
    BANK,
    CRAFTSMAN,
    JULY,
    LI,
    LINE,
    OFFICER,
    PACESETTER,
    TIMER,
    WANG,
    disburse,
    draw,
    drawn,
    line_of,
    loan,
    member,
    noon,
    of,
    opened,
    pay,
    played,
    request,
)

OTHER_BANK = Actor(role=Role.BANK, id="otherbank")
REQUESTED = played((request("40000"), of(LI), JULY), after=opened())
EXPIRE = ExpireDrawdown(line_id=LINE, draw_id=draw())
CANCEL = CancelDrawdown(line_id=LINE, draw_id=draw())
REFUSE = RefuseDrawdown(line_id=LINE, draw_id=draw(), ground=Ground.OVERDUE)


def requested(history: tuple[LoanEvent, ...], command: LineCommand, **facts: object) -> DrawdownRequested:
    event = loan.given(*history).when(command, **facts).events[-1]
    assert isinstance(event, DrawdownRequested)
    return event


# What is available


def test_a_new_line_can_be_drawn_to_its_limit_and_not_a_fen_beyond() -> None:
    assert loan.given(*opened()).when(request("100000")).refusal is None
    loan.given(*opened()).when(request("100000.01")).refused("above_available", "匠心贷 第7条")


def test_what_is_requested_is_held_until_the_bank_answers() -> None:
    line = line_of(REQUESTED)
    assert (line.used, line.held, line.available) == (0, fen(40_000), fen(60_000))
    loan.given(*REQUESTED).when(request("60000.01", "二")).refused("above_available")


def test_nothing_can_be_drawn_from_a_line_that_is_used_up() -> None:
    refusal = loan.given(*drawn("100000")).when(request("0.01", "二")).refused("above_available")
    assert refusal.details == {"available": "0.00", "amount": "0.01"}


def test_repaid_principal_can_be_drawn_again() -> None:
    repaid = played((pay("30000"), BANK, JULY), after=drawn("100000"))
    assert line_of(repaid).available == fen(30_000)
    again = drawn("30000", "二", after=repaid)
    assert line_of(again).available == 0


def test_interest_does_not_take_of_the_limit() -> None:
    line = line_of(drawn("60000"))
    assert line.ledger(JULY + timedelta(days=300)).interest > 0
    assert line.available == fen(40_000)


# The terms


def test_a_draw_keeps_its_rate_with_the_tables_version_and_the_product_terms() -> None:
    terms = requested(opened(), request("40000", form=RepaymentForm.EQUAL_INSTALMENTS)).terms
    assert (terms.form, terms.months, terms.day_count) == (RepaymentForm.EQUAL_INSTALMENTS, 12, DayCount.ACT_360)
    assert (terms.late_factor, terms.late_on) == (Decimal("1.5"), (Component.PRINCIPAL,))
    # one year: 5.655 × 1.10
    assert (terms.rate.annual_percent, terms.rate.basis_percent) == (Decimal("6.2205"), Decimal("5.655"))
    assert (terms.rate.table, terms.rate.table_version, terms.rate.policy_version) == (
        "nxbank_own",
        "demo-1",
        "nanxun-1",
    )
    assert terms.rate.granted_percent is None


def test_the_rate_that_the_bank_granted_holds_where_it_is_lower() -> None:
    rate = requested(opened(rate="6.0"), request("1000")).terms.rate
    assert (rate.annual_percent, rate.granted_percent) == (Decimal("6.0"), Decimal("6.0"))
    assert rate.words.endswith("银行核定额度年利率6%，低于此，从其低")


def test_the_tiers_own_rate_needs_no_grant() -> None:
    granted = opened(months=12, rate="6.2205")
    rate = requested(granted, request("1000")).terms.rate
    assert (rate.annual_percent, rate.granted_percent) == (Decimal("6.2205"), None)


def test_the_bank_is_told_of_a_request_and_has_three_days() -> None:
    event = requested(opened(), request("40000"))
    assert (type(event).addressed_to, event.bank) == ("bank", "nxbank")
    assert event.disburse_by == datetime(2019, 7, 4, 16, tzinfo=UTC)


def test_a_term_beyond_those_on_offer_is_refused() -> None:
    loan.given(*opened()).when(request("1000", months=37)).refused("term_not_offered", "匠心贷 第5条")
    assert loan.given(*opened()).when(request("1000", months=36)).refusal is None


def test_a_draw_is_repaid_by_the_lines_last_day() -> None:
    day_after = noon(JULY + timedelta(days=1))
    loan.given(*opened()).when(request("1000", months=36), now=day_after).refused("draw_beyond_line", "匠心贷 第5条")
    assert loan.given(*opened()).when(request("1000", months=35), now=day_after).refusal is None


# Who, and when


def test_nobody_draws_on_anothers_line() -> None:
    loan.given(*opened()).when(request("1"), actor=of(WANG)).refused("not_yours")


def test_a_draw_needs_a_line() -> None:
    loan.given().when(request("1")).refused("unknown_line")


def test_an_id_names_one_draw_for_ever() -> None:
    loan.given(*REQUESTED).when(request("1")).refused("draw_id_used")
    refused = played((REFUSE, BANK, JULY), after=REQUESTED)
    loan.given(*refused).when(request("1")).refused("draw_id_used")


def test_a_line_is_drawn_on_its_last_day_and_no_later() -> None:
    short = opened(months=12, rate="6.2205")
    last = noon(date(2020, 7, 1))
    loan.given(*short).when(request("1", months=1), now=last).refused("draw_beyond_line")
    after = noon(date(2020, 7, 2))
    loan.given(*short).when(request("1", months=1), now=after).refused("line_expired", "匠心贷 第7条")


def test_who_is_overdue_pays_first() -> None:
    history = drawn("10000", months=1)
    on_the_due_date, the_day_after = noon(date(2019, 8, 1)), noon(date(2019, 8, 2))
    assert loan.given(*history).when(request("1", "二"), now=on_the_due_date).refusal is None
    loan.given(*history).when(request("1", "二"), now=the_day_after).refused("overdue_first", "匠心贷 第7条")


def test_who_has_left_the_union_draws_no_more() -> None:
    loan.given(*opened()).when(request("1"), member=None).refused("not_a_member")


# Titles that change


def test_a_title_granted_lowers_the_rate_of_new_draws_and_leaves_the_old_ones() -> None:
    before = drawn("20000", months=12)
    retiered, changed, second = loan.given(*before).when(request("20000", "二"), member=CRAFTSMAN).events
    assert isinstance(retiered, LineRetiered)
    assert (retiered.tier, retiered.ceiling) == (Tier.CRAFTSMAN, fen(100_000))
    assert isinstance(changed, CapChanged)
    assert changed.cap == fen(300_000)
    assert isinstance(second, DrawdownRequested)
    assert second.terms.rate.annual_percent == Decimal("4.35")
    first = line_of((*before, retiered, changed, second)).draws[draw("一")]
    assert first.terms.rate.annual_percent == Decimal("6.2205")


def test_a_revoked_title_raises_the_rate_of_new_draws() -> None:
    craftsman = opened("100000", rate="4.75", borrower=CRAFTSMAN)
    retiered, _, second = loan.given(*craftsman).when(request("20000"), member=member()).events
    assert isinstance(retiered, LineRetiered)
    assert retiered.tier is Tier.MEMBER
    assert isinstance(second, DrawdownRequested)
    assert second.terms.rate.annual_percent == Decimal("6.2205")


def test_a_revoked_title_freezes_new_draws_beyond_the_lower_cap() -> None:
    craftsman = opened("300000", rate="4.75", borrower=CRAFTSMAN)
    drew = played((request("80000"), of(LI), JULY), (disburse(), BANK, JULY), after=craftsman, borrower=CRAFTSMAN)
    loan.given(*drew).when(request("20000.01", "二")).refused("above_available")
    assert loan.given(*drew).when(request("20000", "二")).refusal is None


def test_what_is_drawn_beyond_the_lower_cap_is_not_called_in() -> None:
    craftsman = opened("300000", rate="4.75", borrower=CRAFTSMAN)
    drew = played((request("180000"), of(LI), JULY), (disburse(), BANK, JULY), after=craftsman, borrower=CRAFTSMAN)
    revoked = played((RefreshLine(line_id=LINE), TIMER, JULY), after=drew)
    line = line_of(revoked)
    assert (line.limit, line.ceiling, line.used, line.available) == (fen(300_000), fen(100_000), fen(180_000), 0)
    paid = line_of(played((pay("100000"), BANK, JULY), after=revoked))
    assert (paid.used, paid.available) == (fen(80_000), fen(20_000))


def test_a_title_granted_again_gives_the_whole_limit_back() -> None:
    craftsman = opened("300000", rate="4.75", borrower=CRAFTSMAN)
    revoked = played((RefreshLine(line_id=LINE), TIMER, JULY), after=craftsman)
    assert line_of(revoked).available == fen(100_000)
    granted = played((RefreshLine(line_id=LINE), TIMER, JULY), after=revoked, borrower=CRAFTSMAN)
    assert line_of(granted).available == fen(300_000)


def test_who_is_of_no_tier_any_more_draws_nothing() -> None:
    unskilled = member(skilled=False)
    loan.given(*opened()).when(request("1"), member=unskilled).refused("not_eligible")
    lost = played((RefreshLine(line_id=LINE), TIMER, JULY), after=drawn("30000"), borrower=unskilled)
    line = line_of(lost)
    assert (line.tier, line.ceiling, line.available) == (None, 0, 0)


def test_the_rate_granted_to_a_craftsman_is_not_kept_by_a_pacesetter() -> None:
    craftsman = opened("100000", rate="4.35", borrower=CRAFTSMAN)
    rate = requested(craftsman, request("1000"), member=PACESETTER).terms.rate
    # 5.655 × 0.85 = 4.80675, above the benchmark's 4.35
    assert (rate.tier, rate.annual_percent) == (Tier.HONOURED_MEMBER, Decimal("4.80675"))


# Paid out


def test_the_bank_pays_out_and_the_due_dates_are_set() -> None:
    (disbursed,) = loan.given(*REQUESTED).when(disburse(), actor=BANK).events
    assert isinstance(disbursed, DrawDisbursed)
    assert (disbursed.amount, disbursed.on, disbursed.due_dates) == (fen(40_000), JULY, (date(2020, 7, 1),))
    line = line_of((*REQUESTED, disbursed))
    assert (line.used, line.held, line.available) == (fen(40_000), 0, fen(60_000))


def test_instalments_fall_due_on_the_day_of_disbursement_each_month_and_come_back_after_february() -> None:
    history = played(
        (request("12000", months=3, form=RepaymentForm.EQUAL_INSTALMENTS), of(LI), date(2020, 1, 31)),
        after=opened(),
    )
    (disbursed,) = loan.given(*history).when(disburse(), actor=BANK, now=noon(date(2020, 1, 31))).events
    assert isinstance(disbursed, DrawDisbursed)
    assert disbursed.due_dates == (date(2020, 2, 29), date(2020, 3, 31), date(2020, 4, 30))


def test_interest_runs_from_the_day_of_disbursement() -> None:
    late = played((disburse(on=date(2019, 7, 3)), BANK, date(2019, 7, 4)), after=REQUESTED)
    line = line_of(late)
    assert line.ledger(date(2019, 7, 3)).interest == 0
    # 40,000 × 6.2205 % / 360
    assert line.ledger(date(2019, 7, 4)).interest == 691


def test_a_draw_paid_out_late_is_still_due_by_the_lines_last_day() -> None:
    whole_term = played((request("1000", months=36), of(LI), JULY), after=opened())
    (disbursed,) = loan.given(*whole_term).when(disburse(), actor=BANK, now=noon(date(2019, 7, 3))).events
    assert isinstance(disbursed, DrawDisbursed)
    assert disbursed.due_dates[-1] == date(2022, 7, 1)


@pytest.mark.parametrize(
    ("command", "actor", "code", "clause"),
    [
        (disburse(), OTHER_BANK, "not_your_bank", "匠心贷 第6条"),
        (disburse("二"), BANK, "draw_not_pending", "匠心贷 第7条"),
        (disburse(on=JULY + timedelta(days=1)), BANK, "after_today", "匠心贷 第8条"),
        (disburse(on=JULY - timedelta(days=1)), BANK, "before_request", "匠心贷 第8条"),
    ],
)
def test_a_payment_that_cannot_be_is_refused(command: LineCommand, actor: Actor, code: str, clause: str) -> None:
    loan.given(*REQUESTED).when(command, actor=actor).refused(code, clause)


def test_a_draw_is_paid_out_once() -> None:
    loan.given(*drawn("1000")).when(disburse(), actor=BANK).refused("already_disbursed")


def test_nothing_is_paid_out_of_a_frozen_line_or_one_that_has_expired() -> None:
    frozen = played((FreezeLine(line_id=LINE, ground=Ground.DISPUTE), OFFICER, JULY), after=REQUESTED)
    loan.given(*frozen).when(disburse(), actor=BANK).refused("line_frozen", "匠心贷 第7条")
    short = played((request("1000", months=1), of(LI), date(2020, 6, 1)), after=opened(months=12, rate="6.2205"))
    loan.given(*short).when(disburse(), actor=BANK, now=noon(date(2020, 7, 1))).refused("line_expired")
    loan.given(*short).when(disburse(), actor=BANK, now=noon(date(2020, 7, 2))).refused("line_expired")


# Not paid out


def test_the_bank_refuses_a_draw_and_the_line_is_free_again() -> None:
    (refused,) = loan.given(*REQUESTED).when(REFUSE, actor=BANK).events
    assert refused == DrawdownRefused(
        line_id=LINE, member_id=LI, draw_id=draw(), amount=fen(40_000), ground=Ground.OVERDUE
    )
    assert line_of((*REQUESTED, refused)).available == fen(100_000)


def test_a_member_cancels_a_draw_that_is_not_paid_out() -> None:
    (cancelled,) = loan.given(*REQUESTED).when(CANCEL).events
    assert cancelled == DrawdownCancelled(line_id=LINE, bank="nxbank", member_id=LI, draw_id=draw(), amount=fen(40_000))
    assert line_of((*REQUESTED, cancelled)).available == fen(100_000)


def test_only_the_member_cancels_and_only_the_bank_refuses() -> None:
    loan.given(*REQUESTED).when(CANCEL, actor=of(WANG)).refused("not_yours")
    loan.given(*REQUESTED).when(REFUSE, actor=OTHER_BANK).refused("not_your_bank")


def test_a_draw_not_paid_out_in_time_expires() -> None:
    loan.given(*REQUESTED).when(EXPIRE, actor=TIMER, now=noon(date(2019, 7, 4))).nothing()
    (expired,) = loan.given(*REQUESTED).when(EXPIRE, actor=TIMER, now=noon(date(2019, 7, 5))).events
    assert expired == DrawdownExpired(line_id=LINE, bank="nxbank", member_id=LI, draw_id=draw(), amount=fen(40_000))
    assert line_of((*REQUESTED, expired)).available == fen(100_000)


@pytest.mark.parametrize("settle", [(disburse(), BANK), (REFUSE, BANK), (CANCEL, of(LI))])
def test_an_expiry_that_comes_too_late_changes_nothing(settle: tuple[LineCommand, Actor]) -> None:
    settled = played((*settle, JULY), after=REQUESTED)
    loan.given(*settled).when(EXPIRE, actor=TIMER, now=noon(date(2019, 8, 1))).nothing()


@pytest.mark.parametrize("command", [disburse(), REFUSE])
def test_a_cancelled_draw_is_neither_paid_out_nor_refused(command: LineCommand) -> None:
    cancelled = played((CANCEL, of(LI), JULY), after=REQUESTED)
    loan.given(*cancelled).when(command, actor=BANK).refused("draw_not_pending")


def test_a_draw_that_is_paid_out_is_not_cancelled() -> None:
    loan.given(*drawn("1000")).when(CANCEL).refused("already_disbursed")


def test_a_limit_lowered_while_a_draw_is_held_leaves_room_for_it() -> None:
    lower = ChangeLimit(line_id=LINE, limit=fen("39999.99"))
    loan.given(*REQUESTED).when(lower, actor=BANK).refused("below_used", "匠心贷 第3条")
    assert loan.given(*REQUESTED).when(ChangeLimit(line_id=LINE, limit=fen(40_000)), actor=BANK).refusal is None
