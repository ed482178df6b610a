"""What the read models of the loan show, for every kind of event; and that they agree with what the streams say."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from services.loan.domain.deciding import decide
from services.loan.domain.desk import LoanEvent, fold
from services.loan.domain.facts import end_of
from services.loan.domain.line import Closed, Line
from services.loan.views import ApplicationRow, Applications, Draws, LineRow, Lines
from shared.eventsourcing.view_specification import ViewSpecification
from shared.schemas.loan import (
    ApplicationStatus,
    CancelDrawdown,
    ChangeLimit,
    CloseLine,
    DeclineLoan,
    DrawStatus,
    DrawTerms,
    ExpireDrawdown,
    ExpireLine,
    FreezeLine,
    Ground,
    LapseApplication,
    LineCommand,
    LineMoved,
    LineStatus,
    RefreshLine,
    RefundCredit,
    RefuseDrawdown,
    RejectApplication,
    RepaymentForm,
    RepaymentId,
    ReviewLine,
    Stage,
    Tier,
    UnfreezeLine,
    WithdrawApplication,
)
from shared.schemas.messages import Actor, Refused
from shared.schemas.money import fen
from tests.services.loan.cases import (
    APPLICATION,
    AT_HOME,
    BANK,
    CABLE_WORKS,
    CADRE,
    CRAFTSMAN,
    ELSEWHERE,
    ENDORSE,
    FACTS,
    JULY,
    LI,
    LINE,
    OFFICER,
    RECOMMEND,
    TIMER,
    accept,
    apply,
    disburse,
    draw,
    drawn,
    member,
    named,
    noon,
    of,
    opened,
    pay,
    played,
    request,
    reverse,
)

FILED = played((apply(), of(LI), JULY))
RECOMMENDED = played((RECOMMEND, CADRE, JULY), after=FILED)
ENDORSED = played((ENDORSE, OFFICER, JULY), after=RECOMMENDED)
AUGUST = date(2019, 8, 1)


def application(history: Sequence[LoanEvent]) -> ApplicationRow:
    (row,) = ViewSpecification(Applications()).given(*history).rows
    return row


def line(history: Sequence[LoanEvent]) -> LineRow:
    (row,) = ViewSpecification(Lines()).given(*history).rows
    return row


def draws(history: Sequence[LoanEvent]) -> dict[str, DrawStatus]:
    rows = ViewSpecification(Draws()).given(*history).rows
    return {name: row.status for name in "一二三" for row in rows if row.draw_id == draw(name)}


# Applications


def test_an_application_shows_what_was_asked_for_and_what_the_rules_allow() -> None:
    row = application(FILED)
    assert (row.application_id, row.member_id, row.household_id, row.union_id) == (
        APPLICATION,
        LI,
        AT_HOME,
        CABLE_WORKS,
    )
    assert (row.status, row.tier, row.amount, row.cap, row.assessed) == (
        ApplicationStatus.FILED,
        Tier.MEMBER,
        fen(100_000),
        fen(100_000),
        fen(100_000),
    )
    assert (row.bank, row.sent_to_bank, row.federation) == ("nxbank", False, "330503")
    assert row.act_by == end_of(date(2019, 7, 8))


def test_each_step_of_an_application_moves_its_deadline() -> None:
    assert application(RECOMMENDED).status is ApplicationStatus.RECOMMENDED
    assert application(RECOMMENDED).act_by == end_of(date(2019, 7, 8))
    endorsed = application(ENDORSED)
    assert (endorsed.status, endorsed.act_by, endorsed.sent_to_bank) == (
        ApplicationStatus.ENDORSED,
        end_of(date(2019, 7, 11)),
        True,
    )


def test_an_endorsement_shows_the_assessment_of_its_own_day() -> None:
    row = application(played((ENDORSE, OFFICER, JULY), after=RECOMMENDED, borrower=CRAFTSMAN))
    assert (row.tier, row.cap) == (Tier.CRAFTSMAN, fen(300_000))
    assert '"tier":"craftsman"' in row.rate


def test_an_application_that_ended_shows_how_and_why() -> None:
    ended = {
        ApplicationStatus.ACCEPTED: (ENDORSED, accept(), BANK, Stage.BANK_ANSWER, None),
        ApplicationStatus.DECLINED: (
            ENDORSED,
            DeclineLoan(application_id=APPLICATION, ground=Ground.INCOME),
            BANK,
            Stage.BANK_ANSWER,
            Ground.INCOME,
        ),
        ApplicationStatus.REJECTED: (
            FILED,
            RejectApplication(application_id=APPLICATION, ground=Ground.LEFT_POST),
            CADRE,
            Stage.RECOMMENDATION,
            Ground.LEFT_POST,
        ),
        ApplicationStatus.WITHDRAWN: (
            RECOMMENDED,
            WithdrawApplication(application_id=APPLICATION),
            of(LI),
            Stage.ENDORSEMENT,
            None,
        ),
    }
    for status, (before, command, actor, stage, ground) in ended.items():
        row = application(played((command, actor, JULY), after=before))
        assert (row.status, row.act_by, row.ended_at, row.ground) == (status, None, stage, ground)
    assert application(played((accept(), BANK, JULY), after=ENDORSED)).line_id == LINE


def test_an_application_lapses_at_the_stage_that_was_missed() -> None:
    lapse = LapseApplication(application_id=APPLICATION, stage=Stage.RECOMMENDATION)
    row = application(played((lapse, TIMER, AUGUST), after=FILED))
    assert (row.status, row.ended_at, row.act_by) == (ApplicationStatus.LAPSED, Stage.RECOMMENDATION, None)


# Lines


def test_a_line_shows_limit_and_days() -> None:
    row = line(opened())
    assert (row.line_id, row.application_id, row.member_id, row.bank) == (LINE, APPLICATION, LI, "nxbank")
    assert (row.status, row.tier, row.limit, row.ceiling) == (
        LineStatus.OPEN,
        Tier.MEMBER,
        fen(100_000),
        fen(100_000),
    )
    assert (row.opened_on, row.expires_on) == (JULY, date(2022, 7, 1))
    assert (row.used, row.pending, row.overdue_since) == (0, 0, None)


def test_a_draw_is_held_then_used_and_given_back_by_repayment() -> None:
    asked = played((request("30000"), of(LI), JULY), after=opened())
    assert (line(asked).pending, line(asked).used) == (fen(30_000), 0)
    paid_out = played((disburse(), BANK, JULY), after=asked)
    assert (line(paid_out).pending, line(paid_out).used) == (0, fen(30_000))
    repaid = played((pay("10000"), BANK, JULY), after=paid_out)
    assert line(repaid).used == fen(20_000)
    assert line(played((reverse(), BANK, JULY), after=repaid)).used == fen(30_000)


def test_a_draw_that_expires_is_held_no_longer() -> None:
    asked = played((request("30000"), of(LI), JULY), after=opened())
    expired = played((ExpireDrawdown(line_id=LINE, draw_id=draw()), TIMER, AUGUST), after=asked)
    assert line(expired).pending == 0


def test_credit_that_pays_an_instalment_lowers_what_is_owed() -> None:
    overpaid = played((pay("13000"), BANK, JULY), after=drawn("12000"))
    again = drawn("1200", "二", after=overpaid, form=RepaymentForm.EQUAL_PRINCIPAL)
    assert line(again).used == fen(1_200)
    due = played((ReviewLine(line_id=LINE), TIMER, AUGUST), after=again)
    assert line(due).used == fen(1_100)


def test_a_repayment_told_of_late_changes_what_the_later_ones_paid() -> None:
    owing = drawn("12000", months=12)
    paid = played((pay("1000"), BANK, date(2019, 7, 31)), after=owing)
    earlier = played((pay("6000", "二", on=date(2019, 7, 2)), BANK, AUGUST), after=paid)
    state = fold(earlier).line
    assert isinstance(state, Line)
    assert [type(event).__name__ for event in earlier[len(paid) :]][:2] == ["RepaymentReceived", "RepaymentReallocated"]
    assert line(earlier).used == state.used == state.ledger(AUGUST).principal


def test_a_line_is_overdue_since_its_oldest_unpaid_due_date_until_that_is_paid() -> None:
    monthly = drawn("12000", months=12, form=RepaymentForm.EQUAL_PRINCIPAL)
    late = played((ReviewLine(line_id=LINE), TIMER, date(2019, 10, 2)), after=monthly)
    assert line(late).overdue_since == AUGUST
    first = played((pay("1500"), BANK, date(2019, 10, 2)), after=late)
    assert line(first).overdue_since == date(2019, 9, 1)
    all_paid = played((pay("3000", "二"), BANK, date(2019, 10, 2)), after=first)
    assert line(all_paid).overdue_since is None


def test_a_frozen_line_shows_so_until_all_who_froze_it_lifted_it() -> None:
    freeze, unfreeze = FreezeLine(line_id=LINE, ground=Ground.DISPUTE), UnfreezeLine(line_id=LINE)
    both = played((freeze, BANK, JULY), (freeze, OFFICER, JULY), after=opened())
    assert line(both).status is LineStatus.FROZEN
    one = played((unfreeze, BANK, JULY), after=both)
    assert line(one).status is LineStatus.FROZEN
    assert line(played((unfreeze, OFFICER, JULY), after=one)).status is LineStatus.OPEN


def test_an_expired_line_stays_expired_and_a_closed_one_closed() -> None:
    owing = drawn("12000", months=36)
    expired = played((ExpireLine(line_id=LINE), TIMER, date(2022, 7, 2)), after=owing)
    assert line(expired).status is LineStatus.EXPIRED
    frozen = played((FreezeLine(line_id=LINE, ground=Ground.OVERDUE), BANK, date(2022, 7, 3)), after=expired)
    assert line(frozen).status is LineStatus.EXPIRED
    assert line(played((CloseLine(line_id=LINE), of(LI), JULY), after=opened())).status is LineStatus.CLOSED


def test_a_title_and_a_household_change_tier_and_ceiling() -> None:
    refresh = RefreshLine(line_id=LINE)
    granted = opened("100000", borrower=CRAFTSMAN, rate="4.75")
    lost = played((refresh, TIMER, AUGUST), after=granted, borrower=member(skilled=False))
    assert (line(lost).tier, line(lost).ceiling) == (None, 0)
    moved = played((refresh, TIMER, AUGUST), after=granted, borrower=replace(CRAFTSMAN, household_id=ELSEWHERE))
    assert [event.household_id for event in moved if isinstance(event, LineMoved)] == [ELSEWHERE]
    assert line(moved).household_id == ELSEWHERE


# Draws


def test_every_draw_shows_what_became_of_it() -> None:
    asked = played(*((request("1000", name), of(LI), JULY) for name in "一二三"), after=opened())
    assert draws(asked) == dict.fromkeys("一二三", DrawStatus.REQUESTED)
    answered = played(
        (disburse("一"), BANK, JULY),
        (RefuseDrawdown(line_id=LINE, draw_id=draw("二"), ground=Ground.PURPOSE), BANK, JULY),
        (CancelDrawdown(line_id=LINE, draw_id=draw("三")), of(LI), JULY),
        after=asked,
    )
    assert draws(answered) == {"一": DrawStatus.DISBURSED, "二": DrawStatus.REFUSED, "三": DrawStatus.CANCELLED}
    too_late = played((ExpireDrawdown(line_id=LINE, draw_id=draw("一")), TIMER, AUGUST), after=asked)
    assert draws(too_late)["一"] is DrawStatus.EXPIRED


def test_a_draw_shows_its_terms_and_until_when_it_is_paid_out() -> None:
    (row,) = ViewSpecification(Draws()).given(*drawn("1000", months=6)).rows
    terms = DrawTerms.model_validate_json(row.terms)
    assert (terms.months, terms.rate.annual_percent) == (6, Decimal("6.2205"))  # 5.655 % × 1.10
    assert (row.amount, row.requested_on, row.disburse_by) == (fen(1_000), JULY, end_of(date(2019, 7, 4)))


# Any history


type Step = tuple[LineCommand, Actor, int]

REFUND = RefundCredit(line_id=LINE, refund_id=RepaymentId(named("退款")), amount=fen(5), on=None)


@st.composite
def steps(pick: st.DrawFn) -> Step:
    """A command, who sends it, and how many days after the last one."""
    name, amount = pick(st.sampled_from("一二三")), pick(st.sampled_from(["500", "3000.01", "20000", "70000"]))
    command: Callable[[], LineCommand]
    command, actor = pick(
        st.sampled_from(
            [
                (lambda: request(amount, name, 6, RepaymentForm.EQUAL_INSTALMENTS), of(LI)),
                (lambda: request(amount, name, 12, RepaymentForm.ON_DEMAND), of(LI)),
                (lambda: disburse(name), BANK),
                (lambda: disburse(name, on=JULY), BANK),
                (lambda: RefuseDrawdown(line_id=LINE, draw_id=draw(name), ground=Ground.OTHER), BANK),
                (lambda: CancelDrawdown(line_id=LINE, draw_id=draw(name)), of(LI)),
                (lambda: pay(amount, name), BANK),
                (lambda: pay(amount, name, on=JULY + timedelta(days=20)), BANK),
                (lambda: reverse(name), BANK),
                (lambda: REFUND, BANK),
                (lambda: ReviewLine(line_id=LINE), TIMER),
                (lambda: ExpireDrawdown(line_id=LINE, draw_id=draw(name)), TIMER),
                (lambda: ChangeLimit(line_id=LINE, limit=fen(amount)), BANK),
                (lambda: FreezeLine(line_id=LINE, ground=Ground.OTHER), OFFICER),
                (lambda: UnfreezeLine(line_id=LINE), OFFICER),
                (lambda: RefreshLine(line_id=LINE), TIMER),
                (lambda: ExpireLine(line_id=LINE), TIMER),
                (lambda: CloseLine(line_id=LINE), of(LI)),
            ]
        )
    )
    return command(), actor, pick(st.sampled_from([0, 1, 9, 31, 400]))


def tried(plan: Sequence[Step]) -> tuple[LoanEvent, ...]:
    """The history of those commands that are not refused, on a line with one draw."""
    history, day = list(drawn("20000", "一", months=6, form=RepaymentForm.EQUAL_INSTALMENTS)), JULY
    for command, actor, days in plan:
        day += timedelta(days=days)
        try:
            history += decide(command, fold(history), replace(FACTS, actor=actor, now=noon(day)))
        except Refused:
            continue
    return tuple(history)


@settings(max_examples=60)
@given(st.lists(steps(), max_size=25))
def test_the_view_of_a_line_agrees_with_its_stream(plan: list[Step]) -> None:
    history = tried(plan)
    state = fold(history).line
    assert isinstance(state, Line | Closed)
    row, known = line(history), state.line if isinstance(state, Closed) else state
    assert (row.used, row.pending, row.limit, row.ceiling, row.tier) == (
        known.used,
        known.held,
        known.limit,
        known.ceiling,
        known.tier,
    )
    assert (row.status is LineStatus.CLOSED) == isinstance(state, Closed)
    assert row.expired == known.expired
    assert set(row.overdue) == {f"{draw_id} {number}" for draw_id, number in known.overdue}
    requested = {name for name, status in draws(history).items() if status is DrawStatus.REQUESTED}
    assert requested == {name for name in "一二三" if draw(name) in known.pending}


def test_rows_are_of_the_federation_that_the_command_was_for() -> None:
    elsewhere = ViewSpecification(Lines(), federation="330281").given(*opened())
    assert [row.federation for row in elsewhere.rows] == ["330281"]
