"""What holds at every prefix of the log, whatever is tried in whatever order: the ceiling, an invoice once, the ledger,
a member covered once, nothing paid twice."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.aid.domain.account import Account
from services.aid.domain.claim import Claim, Stage
from services.aid.domain.contract import CONTRACT, Contract, Enrolment
from services.aid.domain.desk import Desk, fold
from services.aid.domain.facts import AidFacts
from services.aid.domain.membership import MEMBERSHIP, Membership
from services.aid.domain.payment import Payment, PaymentStage
from services.aid.domain.pool import Ledger
from shared.schemas.aid import (
    AccountEvent,
    ApproveClaim,
    AssessClaim,
    BatchId,
    CancelSettlement,
    ClaimId,
    ConfirmSettlement,
    DrawUpBatch,
    EnrolmentSubmitted,
    Exclusion,
    ExclusionGround,
    InstructPayment,
    LapseEnrolment,
    LapseQuote,
    LedgerAccount,
    NameSuccessor,
    NotePayeeDeath,
    PoolPosted,
    RecordEmployerPremium,
    RecordPaymentReturned,
    RecordPaymentSent,
    RecordWorkerPremium,
    RecoverOverpayment,
    RejectClaim,
    RejectionGround,
    RenewContract,
    ReopenClaim,
    ReopenGround,
    ReturnGround,
    ReversalGround,
    ReverseClaim,
    ReviewClaim,
    WithdrawClaim,
    WithdrawEnrolment,
    membership_id,
    settlement_claim,
)
from shared.schemas.aid.terms import BankAccount
from shared.schemas.ids import EmployerId, MemberId, new_id
from shared.schemas.messages import Actor, Command, Event, Refused
from shared.schemas.money import Fen, fen
from shared.schemas.personal import Personal
from tests.services.aid.cases import (
    AT_THE_HOSPITAL,
    CABLE,
    CLERK,
    FACTS,
    HEAD,
    HOSPITAL,
    JANUARY,
    JUNE,
    LI,
    NEXT_PERIOD,
    PERIOD,
    REVIEWER,
    SUN,
    TIMER,
    TOYS,
    WANG,
    account,
    bill,
    claim,
    decided,
    enrol,
    enrolment,
    file,
    insured,
    noon,
    quote,
)

CEILING = fen(30_000)
INVOICES = tuple(f"3301000000000{number}" for number in range(6))

members = st.sampled_from([LI, SUN])
amounts = st.sampled_from(["300", "900.01", "5000", "20000", "33535.22", "54500", "90000"])
invoices = st.lists(st.sampled_from(INVOICES), min_size=1, max_size=2, unique=True)
names = st.sampled_from(["一", "二", "三"])
numbers = st.sampled_from(["S1", "S2", "S3"])


class Log(RuleBasedStateMachine):
    """A log to which only decisions append, each whole or not at all."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.log: list[Event] = []
        self.now = noon(JANUARY)

    def does(self, command: Command, actor: Actor, **known: Any) -> bool:
        """Whether it was accepted."""
        facts: AidFacts = replace(FACTS, actor=actor, now=self.now, **known)
        try:
            events: Sequence[Event] = decided(command, self.desk, facts)
        except Refused:
            return False
        for event in events:
            self.log.append(event)
            self.desk = fold([event], self.desk)
            self.happened(event)
        return True

    def happened(self, event: Event) -> None:
        """Checked at every prefix."""

    def states[S](self, category: str, kind: type[S]) -> dict[str, S]:
        return {
            stream: state
            for stream, state in self.desk.states.items()
            if stream.startswith(f"{category}-") and isinstance(state, kind)
        }


class Benefits(Log):
    """Two workers, a few invoices, claims by hand and at the hospital, payments and what undoes them."""

    @initialize()
    def two_workers_are_covered(self) -> None:
        for event in (*insured(LI, on=date(2018, 6, 1)), *insured(SUN, on=date(2018, 6, 2))):
            self.desk = fold([event], self.desk)
            self.log.append(event)

    def happened(self, event: Event) -> None:
        if isinstance(event, AccountEvent):
            for benefits in self.states("account", Account).values():
                assert 0 <= benefits.used <= CEILING
                assert all(amount > 0 for amount in (*benefits.reserved.values(), *benefits.settled.values()))
        if isinstance(event, PoolPosted):
            assert sum(line.debit for line in event.lines) == sum(line.credit for line in event.lines) > 0
            assert all(ledger.balanced for ledger in self.states("pool", Ledger).values())

    # Whole ways

    @rule(name=names, member=members, self_paid=amounts, numbers=invoices)
    def a_claim_is_granted(self, name: str, member: MemberId, self_paid: str, numbers: list[str]) -> None:
        self.a_claim_is_filed(name, member, self_paid, numbers)
        self.it_is_assessed(name, None)
        self.it_is_reviewed_and_approved(name)

    @rule(number=numbers, member=members, self_paid=amounts, numbers=invoices)
    def a_stay_is_settled_at_the_hospital(
        self, number: str, member: MemberId, self_paid: str, numbers: list[str]
    ) -> None:
        self.a_hospital_asks_for_a_quote(number, member, self_paid, numbers)
        self.it_confirms(number)

    @rule(paid=st.booleans())
    def all_that_is_due_is_paid(self, paid: bool) -> None:
        """Or goes to the bank, at least."""
        for key in sorted(self.claims()):
            self.does(InstructPayment(claim_id=key), CLERK, account=account(on=self.now.date()))
        self.what_waits_goes_to_the_bank()
        for payment in self.states("payment", Payment).values() if paid else ():
            self.does(RecordPaymentSent(payment_id=payment.payment_id, reference="流水"), CLERK)

    # At the desk

    @rule(name=names, member=members, self_paid=amounts, numbers=invoices)
    def a_claim_is_filed(self, name: str, member: MemberId, self_paid: str, numbers: list[str]) -> None:
        self.does(file(self_paid, name, numbers, member_id=member), CLERK)

    @rule(name=names, excluded=st.sampled_from([None, "100", "20000"]))
    def it_is_assessed(self, name: str, excluded: str | None) -> None:
        exclusions = (Exclusion(amount=fen(excluded), ground=ExclusionGround.UNPROVED),) if excluded else ()
        self.does(AssessClaim(claim_id=claim(name), exclusions=exclusions), CLERK)

    @rule(name=names)
    def it_is_reviewed_and_approved(self, name: str) -> None:
        self.does(ReviewClaim(claim_id=claim(name)), REVIEWER)
        self.does(ApproveClaim(claim_id=claim(name)), HEAD)

    @rule(name=names)
    def it_is_rejected(self, name: str) -> None:
        self.does(RejectClaim(claim_id=claim(name), ground=RejectionGround.UNTRUE), HEAD)

    @rule(name=names)
    def it_is_withdrawn(self, name: str) -> None:
        self.does(WithdrawClaim(claim_id=claim(name)), CLERK)

    # At the hospital

    @rule(number=numbers, member=members, self_paid=amounts, numbers=invoices)
    def a_hospital_asks_for_a_quote(self, number: str, member: MemberId, self_paid: str, numbers: list[str]) -> None:
        self.does(quote(self_paid, number, numbers, member_id=member), AT_THE_HOSPITAL)

    @rule(number=numbers)
    def it_confirms(self, number: str) -> None:
        self.does(ConfirmSettlement(hospital=HOSPITAL, settlement_number=number), AT_THE_HOSPITAL)

    @rule(number=numbers)
    def it_cancels(self, number: str) -> None:
        self.does(CancelSettlement(hospital=HOSPITAL, settlement_number=number), AT_THE_HOSPITAL)

    @rule(number=numbers)
    def its_quote_lapses(self, number: str) -> None:
        self.now += timedelta(hours=3)
        self.does(LapseQuote(claim_id=settlement_claim(HOSPITAL, number)), TIMER)

    # Undoing

    def any_claim(self, data: st.DataObject) -> ClaimId | None:
        there = sorted(state.claim_id for state in self.states("claim", Claim).values())
        return data.draw(st.sampled_from(there)) if there else None

    @rule(data=st.data(), self_paid=st.none() | amounts, ground=st.sampled_from(ReopenGround))
    def a_claim_is_reopened(self, data: st.DataObject, self_paid: str | None, ground: ReopenGround) -> None:
        if key := self.any_claim(data):
            changed = None if self_paid is None else bill(self_paid, *data.draw(invoices))
            self.does(ReopenClaim(claim_id=key, ground=ground, bill=changed), CLERK)

    @rule(data=st.data())
    def a_reopened_settlement_is_assessed_and_approved(self, data: st.DataObject) -> None:
        if key := self.any_claim(data):
            self.does(AssessClaim(claim_id=key), CLERK)
            self.does(ReviewClaim(claim_id=key), REVIEWER)
            self.does(ApproveClaim(claim_id=key), HEAD)

    @rule(data=st.data())
    def a_claim_is_reversed(self, data: st.DataObject) -> None:
        if key := self.any_claim(data):
            self.does(ReverseClaim(claim_id=key, ground=ReversalGround.MISTAKE), HEAD)

    @rule(data=st.data(), share=st.sampled_from([1, 2]))
    def an_overpayment_comes_back(self, data: st.DataObject, share: int) -> None:
        owing = {key: state for key, state in self.claims().items() if state.owed_back}
        if owing:
            key = data.draw(st.sampled_from(sorted(owing)))
            amount = max(1, owing[key].owed_back // share)
            assert self.does(RecoverOverpayment(claim_id=key, amount=amount, reference="回单"), CLERK)

    # Paying

    @rule(data=st.data())
    def a_payment_is_instructed(self, data: st.DataObject) -> None:
        if key := self.any_claim(data):
            self.does(InstructPayment(claim_id=key), CLERK, account=account(on=self.now.date()))

    @rule()
    def what_waits_goes_to_the_bank(self) -> None:
        waiting = tuple(payment.payment_id for payment in self.states("payment", Payment).values())
        if waiting:
            self.does(DrawUpBatch(batch_id=BatchId(new_id()), payments=waiting), CLERK)

    def any_payment(self, data: st.DataObject) -> Payment | None:
        there = sorted(self.states("payment", Payment).items())
        return data.draw(st.sampled_from(there))[1] if there else None

    @rule(data=st.data())
    def the_bank_pays(self, data: st.DataObject) -> None:
        if payment := self.any_payment(data):
            self.does(RecordPaymentSent(payment_id=payment.payment_id, reference="流水"), CLERK)

    @rule(data=st.data(), ground=st.sampled_from(ReturnGround))
    def the_bank_sends_a_payment_back(self, data: st.DataObject, ground: ReturnGround) -> None:
        if payment := self.any_payment(data):
            self.does(RecordPaymentReturned(payment_id=payment.payment_id, ground=ground), CLERK)

    @rule(data=st.data())
    def the_payee_dies(self, data: st.DataObject) -> None:
        if key := self.any_claim(data):
            self.does(NotePayeeDeath(claim_id=key), TIMER)
            heir = Personal(BankAccount(holder="继承人", number="6222"))
            self.does(NameSuccessor(claim_id=key, account=heir, evidence="公证书"), CLERK)

    # What holds

    def claims(self) -> dict[ClaimId, Claim]:
        return {state.claim_id: state for state in self.states("claim", Claim).values()}

    @invariant()
    def the_account_holds_what_the_claims_say(self) -> None:
        settled: Counter[ClaimId] = Counter()
        reserved: Counter[ClaimId] = Counter()
        for benefits in self.states("account", Account).values():
            settled.update(benefits.settled)
            reserved.update(benefits.reserved)
        for key, state in self.claims().items():
            assert settled[key] == state.granted
            if not state.stage.under_way and state.stage is not Stage.QUOTED:
                assert reserved[key] == 0
            if state.stage in {Stage.ASSESSED, Stage.REVIEWED, Stage.QUOTED}:
                assert state.assessment is not None
                assert reserved[key] == max(0, state.assessment.amount - state.granted)

    @invariant()
    def an_invoice_counts_once(self) -> None:
        """Each that a benefit rests on is held by that claim, and a stream is held by one claim."""
        for key, state in self.claims().items():
            rests_on = set(state.granted_bill.invoices) if state.granted and state.granted_bill else set()
            if state.stage in {Stage.QUOTED, Stage.ASSESSED, Stage.REVIEWED}:
                rests_on.update(state.bill.invoices)
            assert all(holder == key for holder in self.desk.invoices(state.pool, rests_on).values())

    @invariant()
    def the_ledger_says_what_the_claims_say(self) -> None:
        claims = self.claims().values()
        balances: Counter[LedgerAccount] = Counter()
        for ledger in self.states("pool", Ledger).values():
            balances.update(ledger.balances)
        assert balances[LedgerAccount.BENEFITS] == sum(state.granted for state in claims)
        assert balances[LedgerAccount.PAYABLE] == -sum(state.granted - state.paid for state in claims)
        assert balances[LedgerAccount.RECEIVABLE] == sum(state.owed_back for state in claims)
        assert balances[LedgerAccount.CONTRIBUTIONS] == -fen(100)
        assert sum(balances.values()) == 0

    @invariant()
    def nothing_is_paid_twice(self) -> None:
        live: Counter[ClaimId] = Counter()
        out: Counter[ClaimId] = Counter()
        for payment in self.states("payment", Payment).values():
            if payment.stage in {PaymentStage.WAITING, PaymentStage.AT_THE_BANK}:
                live[payment.claim_id] += 1
            if payment.stage is PaymentStage.SENT:
                out[payment.claim_id] += payment.amount
        for key, state in self.claims().items():
            assert live[key] == (1 if state.live is not None else 0)
            assert 0 <= state.paid <= state.granted
            assert state.paid + state.live_amount <= max(state.granted, state.live_amount)
            assert out[key] >= state.paid

    @invariant()
    def what_is_due_is_never_below_nothing(self) -> None:
        for state in self.claims().values():
            assert 0 <= state.due <= state.granted
            assert state.owed_back >= 0


class Cover(Log):
    """Two employers, three workers: rosters, premiums, renewals, withdrawals and lapses in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = noon(JUNE)
        self.enrolled = 0

    employers = st.sampled_from([CABLE, TOYS])
    periods = st.sampled_from([PERIOD, NEXT_PERIOD])

    @rule(employer=employers, period=periods, crew=st.lists(st.sampled_from([LI, SUN, WANG]), min_size=1, max_size=3))
    def a_roster_is_submitted(self, employer: EmployerId, period: date, crew: list[MemberId]) -> None:
        self.enrolled += 1
        self.does(enrol(*crew, employer=employer, period=period, name=str(self.enrolled)), CLERK)

    @rule(employer=employers)
    def an_employer_renews(self, employer: EmployerId) -> None:
        self.enrolled += 1
        key = enrolment(str(self.enrolled))
        self.does(RenewContract(employer_id=employer, period=NEXT_PERIOD, enrolment_id=key), CLERK)

    def any_enrolment(self, data: st.DataObject) -> tuple[EnrolmentSubmitted, Enrolment] | None:
        there = [event for event in self.log if isinstance(event, EnrolmentSubmitted)]
        if not there:
            return None
        event = data.draw(st.sampled_from(there))
        return event, self.desk.of(CONTRACT, event.contract_id).enrolments[event.enrolment_id]

    @rule(data=st.data(), by_workers=st.booleans())
    def a_part_comes_in(self, data: st.DataObject, by_workers: bool) -> None:
        if found := self.any_enrolment(data):
            event, enrolment = found
            part = enrolment.worker if by_workers else enrolment.employer
            pays = RecordWorkerPremium if by_workers else RecordEmployerPremium
            command = pays(
                employer_id=event.employer_id,
                period=event.period,
                enrolment_id=event.enrolment_id,
                amount=part.due,
                reference="回单",
            )
            accepted = self.does(command, CLERK)
            assert accepted == (part.paid_on is None and not enrolment.ended)

    @rule(data=st.data(), days=st.integers(0, 70))
    def an_enrolment_is_withdrawn_or_lapses(self, data: st.DataObject, days: int) -> None:
        if found := self.any_enrolment(data):
            event, _ = found
            of = {"employer_id": event.employer_id, "period": event.period, "enrolment_id": event.enrolment_id}
            if days < 10:
                self.does(WithdrawEnrolment.model_validate(of), CLERK)
            elif self.now < noon(date(2019, 3, 1)):
                self.now += timedelta(days=days)
                self.does(LapseEnrolment.model_validate(of), TIMER)

    @invariant()
    def a_member_is_in_one_enrolment_a_period(self) -> None:
        seats = Counter(
            (member, contract, key)
            for contract, state in self.states("contract", Contract).items()
            for key, batch in state.enrolments.items()
            if not batch.ended
            for member in batch.members
        )
        assert all(count == 1 for count in seats.values())
        memberships = self.states("membership", Membership)
        for member, contract, key in seats:
            period = next(
                event.period
                for event in self.log
                if isinstance(event, EnrolmentSubmitted) and event.enrolment_id == key
            )
            membership = memberships[MEMBERSHIP.stream(membership_id(member, period))]
            assert membership.enrolment_id == key
            assert CONTRACT.stream(membership.contract_id) == contract
        assert len(seats) == len(memberships)

    @invariant()
    def nobody_is_covered_before_both_parts_are_in(self) -> None:
        batches = {
            key: batch
            for state in self.states("contract", Contract).values()
            for key, batch in state.enrolments.items()
        }
        for membership in self.states("membership", Membership).values():
            paid_on = batches[membership.enrolment_id].paid_up_on
            assert (membership.cover is not None) == (paid_on is not None)
            if membership.cover is not None and paid_on is not None:
                assert membership.cover.first > paid_on or membership.cover.first in {PERIOD, NEXT_PERIOD}

    @invariant()
    def the_pool_has_what_was_paid(self) -> None:
        paid: Fen = 0
        for state in self.states("contract", Contract).values():
            for batch in state.enrolments.values():
                paid += sum(part.due for part in (batch.employer, batch.worker) if part.paid_on is not None)
        assert sum(ledger[LedgerAccount.BANK] for ledger in self.states("pool", Ledger).values()) == paid


TestBenefits = Benefits.TestCase
TestBenefits.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
TestCover = Cover.TestCase
TestCover.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
