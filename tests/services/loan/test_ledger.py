"""The account of a line under any sequence of events: nothing is lost, nothing is beyond its limit, and every day's
figures follow from the events alone."""

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.loan.domain.deciding import decide
from services.loan.domain.desk import Desk, LoanEvent, fold
from services.loan.domain.facts import MemberFacts
from services.loan.domain.ledger import CreditUse, Disbursement, Repayment, replay
from services.loan.domain.line import Closed, Line
from services.loan.statement import statement
from shared.eventsourcing.codec import Codec
from shared.schemas import loan as language
from shared.schemas.loan import (
    CancelDrawdown,
    CapReleased,
    CapReserved,
    ChangeLimit,
    CloseLine,
    Component,
    DisburseDraw,
    DrawdownRequested,
    DrawId,
    ExpireDrawdown,
    ExpireLine,
    FreezeLine,
    Ground,
    LimitChanged,
    LineCommand,
    LineId,
    RecordRepayment,
    RefreshLine,
    RefundCredit,
    RefuseDrawdown,
    RepaymentForm,
    RepaymentId,
    RepaymentReceived,
    RepaymentReversed,
    RequestDrawdown,
    ReverseRepayment,
    ReviewLine,
    UnfreezeLine,
)
from shared.schemas.messages import Actor, Refused
from shared.schemas.money import Fen, fen
from tests.services.loan.cases import (
    AT_HOME,
    BANK,
    CRAFTSMAN,
    FACTS,
    JULY,
    LI,
    LINE,
    OFFICER,
    PACESETTER,
    TIMER,
    WANG,
    member,
    named,
    noon,
    of,
    opened,
)

CODEC = Codec.of(language)
ORDER = (Component.PENALTY, Component.INTEREST, Component.PRINCIPAL)

amounts = st.one_of(st.integers(1, fen(30_000)), st.integers(1, 5_000), st.sampled_from([1, fen(1_000), fen(50_000)]))
forms = st.sampled_from(RepaymentForm)


class Account(RuleBasedStateMachine):
    """One line at the hands of its member, its bank, timers, a registry that changes its mind, and a spouse."""

    def __init__(self) -> None:
        super().__init__()
        self.history: list[LoanEvent] = []
        self.desk = Desk()
        self.today = JULY
        self.borrower: MemberFacts = CRAFTSMAN
        self.ids = 0

    def next_id(self, kind: str) -> str:
        self.ids += 1
        return f"{kind}{self.ids}"

    def does(self, command: LineCommand, actor: Actor) -> list[LoanEvent]:
        facts = replace(FACTS, actor=actor, now=noon(self.today), member=self.borrower)
        try:
            events = decide(command, self.desk, facts)
        except Refused:
            return []
        self.history += events
        self.desk = fold(events, self.desk)
        return events

    @property
    def line(self) -> Line:
        match self.desk.line:
            case Line() as line:
                return line
            case Closed(line=line):
                return line
            case other:
                raise AssertionError(other)

    @initialize(limit=st.sampled_from(["300000", "120000"]), months=st.sampled_from([12, 36]))
    def opens(self, limit: str, months: int) -> None:
        rate = "4.35" if months == 12 else "4.75"
        self.history = list(opened(limit, months, rate, borrower=CRAFTSMAN))
        self.desk = fold(self.history)

    # Time and the registry

    @rule(days=st.one_of(st.integers(1, 20), st.sampled_from([30, 31, 61])), timers=st.booleans())
    def days_pass(self, days: int, timers: bool) -> None:
        for _ in range(days):
            self.today += timedelta(days=1)
            if timers and any(entry.on.day == self.today.day for entry in self.line.draws.values()):
                self.does(ReviewLine(line_id=LINE), TIMER)

    @rule()
    def years_pass(self) -> None:
        if len(self.history) > 50:
            self.today += timedelta(days=400)

    @rule()
    def is_reviewed(self) -> None:
        self.does(ReviewLine(line_id=LINE), TIMER)
        if isinstance(self.desk.line, Line):
            assert self.line.overdue == self.line.ledger(self.today).overdue().keys()
            assert self.does(ReviewLine(line_id=LINE), TIMER) == []

    @rule(
        borrower=st.sampled_from([CRAFTSMAN, CRAFTSMAN, PACESETTER, member(), member(skilled=False)]),
        told=st.booleans(),
    )
    def title_changes(self, borrower: MemberFacts, told: bool) -> None:
        self.borrower = borrower
        if told:
            self.does(RefreshLine(line_id=LINE), TIMER)
            assert self.does(RefreshLine(line_id=LINE), TIMER) == []

    @rule(cap=st.sampled_from([fen(100_000), fen(300_000)]), share=st.integers(1, 4))
    def spouse_takes_of_the_cap(self, cap: Fen, share: int) -> None:
        household = self.desk.household(AT_HOME)
        line_id = LineId(named("配偶"))
        amount = household.room(cap) // share
        if line_id in household.lines:
            event: CapReserved | CapReleased = CapReleased(household_id=AT_HOME, line_id=line_id)
        elif amount:
            event = CapReserved(household_id=AT_HOME, line_id=line_id, member_id=WANG, cap=cap, amount=amount)
        else:
            return
        self.history.append(event)
        self.desk = fold([event], self.desk)

    # Draws

    @rule(amount=amounts, months=st.sampled_from([1, 3, 12]), form=forms)
    def asks_and_waits(self, amount: Fen, months: int, form: RepaymentForm) -> None:
        self.asks(amount, months, form)

    def asks(self, amount: Fen, months: int, form: RepaymentForm) -> list[LoanEvent]:
        command = RequestDrawdown(
            line_id=LINE, draw_id=DrawId(named(self.next_id("借"))), amount=amount, months=months, form=form
        )
        before = self.line
        events = self.does(command, of(LI))
        if events:
            assert isinstance(events[-1], DrawdownRequested)
            line = self.line
            tier_cap = FACTS.rulebook.at("330503", self.today).cap(line.tier) if line.tier else 0
            assert line.used + line.held <= min(line.limit, line.ceiling, tier_cap)
            assert line.used == before.used
            self.household_is_within_its_caps(line)
        return events

    @rule(amount=amounts, months=st.sampled_from([1, 3, 12]), form=forms, later=st.integers(0, 2))
    def draws(self, amount: Fen, months: int, form: RepaymentForm, later: int) -> None:
        self.asks(amount, months, form)
        self.today += timedelta(days=later)
        for draw_id in list(self.line.pending)[-1:]:
            self.does(DisburseDraw(line_id=LINE, draw_id=draw_id, on=self.today - timedelta(days=later // 2)), BANK)

    def household_is_within_its_caps(self, line: Line) -> None:
        """What is owed and held on the line, with all that the spouse may draw."""
        lines = self.desk.household(AT_HOME).lines
        others = [held for line_id, held in lines.items() if line_id != LINE]
        for level in {held.cap for held in lines.values() if held.cap >= lines[LINE].cap}:
            assert sum(held.amount for held in others if held.cap <= level) + line.used + line.held <= level

    @rule(data=st.data(), back=st.integers(0, 3))
    def bank_pays_out(self, data: st.DataObject, back: int) -> None:
        if self.line.pending:
            draw_id = data.draw(st.sampled_from(sorted(self.line.pending)))
            self.does(DisburseDraw(line_id=LINE, draw_id=draw_id, on=self.today - timedelta(days=back)), BANK)

    @rule(data=st.data(), how=st.sampled_from(["refused", "cancelled", "expired"]))
    def is_not_paid_out(self, data: st.DataObject, how: str) -> None:
        if not self.line.pending:
            return
        draw_id = data.draw(st.sampled_from(sorted(self.line.pending)))
        match how:
            case "refused":
                self.does(RefuseDrawdown(line_id=LINE, draw_id=draw_id, ground=Ground.OTHER), BANK)
            case "cancelled":
                self.does(CancelDrawdown(line_id=LINE, draw_id=draw_id), of(LI))
            case _:
                self.does(ExpireDrawdown(line_id=LINE, draw_id=draw_id), TIMER)

    # Money

    @rule(part=st.integers(1, 3))
    def pays_what_is_due(self, part: int) -> None:
        due = sum(each.principal + each.interest for each in self.line.ledger(self.today).due())
        if due:
            self.receives(due // part + 1, self.today, None)

    @rule(amount=amounts, back=st.sampled_from([0, 0, 1, 10, 45]), data=st.data())
    def pays(self, amount: Fen, back: int, data: st.DataObject) -> None:
        toward = data.draw(st.one_of(st.none(), st.sampled_from(sorted(self.line.draws)))) if self.line.draws else None
        self.receives(amount, max(JULY, self.today - timedelta(days=back)), toward)

    def receives(self, amount: Fen, on: date, toward: DrawId | None) -> None:
        repayment_id = RepaymentId(named(self.next_id("还")))
        command = RecordRepayment(line_id=LINE, repayment_id=repayment_id, amount=amount, on=on, toward=toward)
        self.does(command, BANK)

    @rule()
    def pays_off(self) -> None:
        owed = self.line.ledger(self.today).owed
        if owed and isinstance(self.desk.line, Line):
            self.receives(owed, self.today, None)
            assert self.line.ledger(self.today).owed == 0
            assert self.line.ledger(self.today + timedelta(days=400)).owed == 0

    @rule(data=st.data())
    def bank_reverses(self, data: st.DataObject) -> None:
        self.does(ReviewLine(line_id=LINE), TIMER)
        repayments = [entry for entry in self.line.entries if isinstance(entry, Repayment)]
        if not repayments or not isinstance(self.desk.line, Line):
            return
        repayment = data.draw(st.sampled_from(repayments))
        others = [entry for entry in self.line.entries if entry != repayment]
        command = ReverseRepayment(line_id=LINE, repayment_id=RepaymentId(repayment.entry_id), ground=Ground.OTHER)
        if self.does(command, BANK):
            now_due = [entry for entry in self.line.entries if isinstance(entry, CreditUse) and entry not in others]
            after, without = self.line.ledger(self.today), replay([*others, *now_due], ORDER, self.today)
            assert after.postings == without.postings == self.line.postings
            assert (after.principal, after.interest, after.penalty, after.credit) == (
                without.principal,
                without.interest,
                without.penalty,
                without.credit,
            )

    @rule(part=st.integers(1, 2))
    def bank_refunds(self, part: int) -> None:
        if self.line.credit >= part:
            refund_id = RepaymentId(named(self.next_id("退")))
            self.does(RefundCredit(line_id=LINE, refund_id=refund_id, amount=self.line.credit // part), BANK)

    # Terms

    @rule(limit=st.sampled_from([fen(10_000), fen(90_000), fen(150_000), fen(300_000)]))
    def bank_changes_the_limit(self, limit: Fen) -> None:
        for event in self.does(ChangeLimit(line_id=LINE, limit=limit), BANK):
            if isinstance(event, LimitChanged):
                assert self.line.limit == limit >= self.line.used + self.line.held

    @rule(by=st.sampled_from([BANK, OFFICER]), lifted=st.integers(0, 9))
    def is_frozen(self, by: Actor, lifted: int) -> None:
        self.does(FreezeLine(line_id=LINE, ground=Ground.OTHER), by)
        if isinstance(self.desk.line, Line):
            assert not self.asks(1, 1, RepaymentForm.ON_DEMAND)
        if lifted:
            self.does(UnfreezeLine(line_id=LINE), by)

    @rule()
    def is_over(self) -> None:
        self.does(ExpireLine(line_id=LINE), TIMER)
        if len(self.history) > 60:
            self.does(CloseLine(line_id=LINE), of(LI))

    # What always holds

    @invariant()
    def available_is_what_limit_principal_and_requests_leave(self) -> None:
        line = self.line
        drawn_ = sum(entry.amount for entry in line.entries if isinstance(entry, Disbursement))
        repaid = sum(allocation.principal for posting in line.postings.values() for allocation in posting.allocations)
        held = sum(pending.amount for pending in line.pending.values())
        assert line.used == drawn_ - repaid >= 0
        assert line.available == max(0, min(line.limit, line.ceiling) - (drawn_ - repaid) - held)

    @invariant()
    def every_fen_that_came_is_somewhere(self) -> None:
        received = sum(event.amount for event in self.history if isinstance(event, RepaymentReceived))
        went_back = sum(event.amount for event in self.history if isinstance(event, RepaymentReversed))
        line = self.line
        refunded = sum(event.amount for event in self.history if isinstance(event, language.CreditRefunded))
        paid = sum(allocation.amount for posting in line.postings.values() for allocation in posting.allocations)
        assert received - went_back == paid + line.credit + refunded
        assert line.credit >= 0

    @invariant()
    def the_log_says_what_a_replay_says(self) -> None:
        line = self.line
        ledger = line.ledger(self.today)
        assert ledger.postings == line.postings
        assert (ledger.principal, ledger.credit) == (line.used, line.credit)
        assert min(ledger.interest, ledger.penalty) >= 0

    @invariant()
    def the_household_reserves_what_may_be_drawn(self) -> None:
        lines = self.desk.household(AT_HOME).lines
        match self.desk.line:
            case Closed():
                assert LINE not in lines
            case Line(expired=False) as line:
                assert lines[LINE].amount >= min(line.limit, line.ceiling)

    @invariant()
    def a_statement_balances(self) -> None:
        line = self.line
        middle = JULY + (self.today - JULY) // 2
        first = statement(line, JULY, middle)
        second = statement(line, middle + timedelta(days=1), self.today) if middle < self.today else None
        for answer in [first, *([second] if second else [])]:
            assert answer.opening + answer.disbursed - answer.principal_repaid == answer.closing
            assert (
                answer.opening_credit
                + answer.repaid
                - answer.refunded
                - answer.principal_repaid
                - answer.interest_paid
                - answer.penalty_paid
                == answer.closing_credit
            )
            if answer.entries:
                assert (answer.entries[-1].balance, answer.entries[-1].credit_balance) == (
                    answer.closing,
                    answer.closing_credit,
                )
        if second:
            assert (first.closing, first.closing_credit) == (second.opening, second.opening_credit)
        assert (second or first).closing == line.used

    def teardown(self) -> None:
        """What was stored and read again folds to the same."""
        stored = [
            CODEC.decode(type(event).__name__, event.schema_version, event.model_dump_json(context={"clear": True}))
            for event in self.history
        ]
        assert fold(stored) == self.desk  # type: ignore[arg-type]


Account.TestCase.settings = settings(max_examples=80, stateful_step_count=50, deadline=None)
TestAccount = Account.TestCase
