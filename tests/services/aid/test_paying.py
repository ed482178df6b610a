"""Payment: one live instruction a claim, batches for the bank, its results, corrected accounts, and payees who died."""

from datetime import date, timedelta

import pytest

from services.aid.domain.pool import POOL, Share
from services.aid.refusals import INVOICES, PAYING
from shared.schemas.aid import (
    BankAccount,
    BatchDrawnUp,
    BatchId,
    ClaimSettled,
    DrawUpBatch,
    LedgerAccount,
    NameSuccessor,
    NotePayeeDeath,
    OverpaymentRecorded,
    OverpaymentRecovered,
    Payee,
    PayeeDied,
    PaymentBatched,
    PaymentId,
    PaymentInstructed,
    PaymentWithdrawn,
    PayoutOrdered,
    PoolPosted,
    PostingKind,
    RecoverOverpayment,
    ReturnGround,
    ReversalGround,
    ReverseClaim,
    SuccessorNamed,
    payment_id,
)
from shared.schemas.messages import Event
from shared.schemas.money import fen
from shared.schemas.personal import Personal
from tests.services.aid.cases import (
    CLERK,
    COVERED,
    DONGYANG,
    HEAD,
    JANUARY,
    JINHUA,
    JUNE,
    LI,
    PERIOD,
    TIMER,
    account,
    aid,
    batch,
    claim,
    decided_for,
    granted,
    kinds,
    ledger_of,
    left,
    named,
    noon,
    only,
    paid,
    pay,
    played,
    returned,
    sent,
    state_of,
    worker,
)

WAITING = played((pay(), CLERK, JANUARY), after=granted())
AT_THE_BANK = played((batch(), CLERK, JANUARY), after=WAITING)
SENT_BACK = played((returned(), CLERK, JANUARY), after=AT_THE_BANK)
AMOUNT = fen("17421.13")


# Instructions


def test_what_is_granted_is_paid_to_the_workers_account() -> None:
    events = aid.given(*granted()).when(pay(), actor=TIMER).events
    assert kinds(events) == ["PayoutOrdered", "PaymentInstructed"]
    instructed = only(PaymentInstructed, events)
    assert (instructed.payee, instructed.amount, instructed.account) == (Payee.MEMBER, AMOUNT, account().account)
    assert instructed.payment_id == payment_id(claim(), 1) == only(PayoutOrdered, events).payment_id


def test_nothing_is_paid_twice() -> None:
    aid.given(*WAITING).when(pay()).refused("payment_under_way", PAYING)
    aid.given(*AT_THE_BANK).when(pay()).refused("payment_under_way")
    aid.given(*paid()).when(pay()).refused("nothing_due")


def test_asked_by_the_system_what_is_paid_already_changes_nothing() -> None:
    for history in (WAITING, AT_THE_BANK, paid()):
        aid.given(*history).when(pay(), actor=TIMER).nothing()


def test_without_an_account_nothing_is_paid() -> None:
    aid.given(*granted()).when(pay(), account=None).refused("no_account")


def test_what_the_city_has_not_admitted_is_not_paid() -> None:
    aid.given(*granted()).when(pay(), not_admitted={"33011234567890": None}).refused("awaits_city", INVOICES)
    elsewhere = {"33011234567890": claim("二")}
    aid.given(*granted()).when(pay(), not_admitted=elsewhere).refused("counted_in_the_city", INVOICES)


def test_what_is_not_approved_is_not_paid() -> None:
    history = played(*decided_for()[:3], after=COVERED)
    aid.given(*history).when(pay()).refused("nothing_due")
    aid.given(*history).when(pay(), actor=TIMER).nothing()


# Batches


def test_a_batch_has_its_instructions_and_their_total() -> None:
    events = aid.given(*WAITING).when(batch()).events
    drawn_up = only(BatchDrawnUp, events)
    assert (drawn_up.payments, drawn_up.total) == ((payment_id(claim(), 1),), AMOUNT)
    assert only(PaymentBatched, events).batch_id == drawn_up.batch_id


def test_an_instruction_goes_to_the_bank_once() -> None:
    aid.given(*AT_THE_BANK).when(batch(name="二")).refused("nothing_to_batch")
    aid.given(*AT_THE_BANK).when(batch()).refused("batch_exists")


def test_a_batch_leaves_out_what_does_not_wait_what_is_not_there_and_what_is_named_twice() -> None:
    there, unknown = payment_id(claim(), 1), PaymentId(named("无"))
    drawn = DrawUpBatch(batch_id=BatchId(named("批")), payments=(there, unknown, there))
    assert only(BatchDrawnUp, aid.given(*WAITING).when(drawn).events).payments == (there,)
    aid.given(*WAITING).when(drawn, federation=JINHUA).refused("nothing_to_batch")


# What the bank says


def test_a_payment_that_was_made_settles_the_claim() -> None:
    events = aid.given(*AT_THE_BANK).when(sent()).events
    assert kinds(events) == ["PaymentSent", "ClaimSettled", "PoolPosted"]
    settled = only(ClaimSettled, events)
    assert (settled.amount, settled.paid, settled.payee) == (AMOUNT, AMOUNT, Payee.MEMBER)
    ledger = ledger_of(paid())
    assert (ledger[LedgerAccount.PAYABLE], ledger[LedgerAccount.BANK]) == (0, fen(50) - AMOUNT)


def test_a_result_that_is_imported_twice_changes_nothing() -> None:
    aid.given(*paid()).when(sent()).nothing()
    aid.given(*SENT_BACK).when(returned()).nothing()


def test_the_bank_has_results_only_of_what_it_was_given() -> None:
    aid.given(*WAITING).when(sent()).refused("not_at_the_bank", PAYING)
    aid.given(*WAITING).when(returned()).refused("not_at_the_bank")
    aid.given(*SENT_BACK).when(sent()).refused("not_at_the_bank")
    aid.given().when(sent()).refused("unknown_payment")
    aid.given(*AT_THE_BANK).when(sent(), federation="330503").refused("unknown_payment")


def test_the_bank_does_not_pay_tomorrow() -> None:
    tomorrow = sent().model_copy(update={"on": JANUARY + timedelta(days=1)})
    aid.given(*AT_THE_BANK).when(tomorrow).refused("after_today")


# A payment that comes back


def test_a_returned_payment_leaves_the_amount_due_and_the_ledger_as_it_was() -> None:
    assert kinds(SENT_BACK[len(AT_THE_BANK) :]) == ["PaymentReturned", "PayoutFailed"]
    assert state_of(SENT_BACK).due == AMOUNT
    assert ledger_of(SENT_BACK) == ledger_of(granted())


def test_a_returned_payment_gets_a_new_instruction_once_the_account_is_corrected() -> None:
    aid.given(*SENT_BACK).when(pay()).refused("account_not_corrected", PAYING)
    corrected = account("6222000000000002", on=date(2019, 1, 12))
    instructed = only(PaymentInstructed, aid.given(*SENT_BACK).when(pay(), account=corrected).events)
    assert instructed.payment_id == payment_id(claim(), 2)
    assert instructed.account == corrected.account


def test_what_the_banks_own_fault_returned_is_sent_again_as_it_was() -> None:
    history = played((returned(ReturnGround.TECHNICAL), CLERK, JANUARY), after=AT_THE_BANK)
    assert only(PaymentInstructed, aid.given(*history).when(pay()).events).payment_id == payment_id(claim(), 2)


@pytest.mark.parametrize("ground", [ground for ground in ReturnGround if ground.about_account])
def test_every_ground_about_the_account_asks_for_its_correction(ground: ReturnGround) -> None:
    history = played((returned(ground), CLERK, JANUARY), after=AT_THE_BANK)
    aid.given(*history).when(pay(), account=account(on=JUNE)).refused("account_not_corrected")


def test_a_payment_that_comes_back_after_it_was_made_is_due_again() -> None:
    history = played((returned(), CLERK, JANUARY), after=paid())
    assert only(PoolPosted, history[len(paid()) :]).kind is PostingKind.RETURN
    state = state_of(history)
    assert (state.paid, state.due) == (0, AMOUNT)
    assert ledger_of(history)[LedgerAccount.PAYABLE] == -AMOUNT


# Reversal


REVERSE = ReverseClaim(claim_id=claim(), ground=ReversalGround.UNTRUE)


def test_a_reversal_restores_exactly_what_was_there() -> None:
    history = played((REVERSE, HEAD, JANUARY), after=granted())
    assert left(history) == fen(30_000)
    assert {account: balance for account, balance in ledger_of(history).balances.items() if balance} == ledger_of(
        COVERED
    ).balances
    aid.given(*history).when(REVERSE, actor=HEAD).refused("not_at_this_stage")
    aid.given(*history).when(pay()).refused("nothing_due")


def test_a_reversal_after_payment_asks_the_worker_for_it() -> None:
    events = aid.given(*paid()).when(REVERSE, actor=HEAD).events
    owed = only(OverpaymentRecorded, events)
    assert (owed.payee, owed.hospital, owed.amount) == (Payee.MEMBER, None, AMOUNT)


def test_an_overpayment_comes_back_in_parts_and_no_more_than_was_owed() -> None:
    reversed_ = played((REVERSE, HEAD, JANUARY), after=paid())
    part = RecoverOverpayment(claim_id=claim(), amount=fen(7_000), reference="回单1")
    recovered = only(OverpaymentRecovered, aid.given(*reversed_).when(part).events)
    assert recovered.left == fen("10421.13")
    history = played((part, CLERK, JANUARY), after=reversed_)
    too_much = RecoverOverpayment(claim_id=claim(), amount=fen("10421.14"), reference="回单2")
    aid.given(*history).when(too_much).refused("nothing_owed_back", "职工医疗互助保障 第12条")


def test_what_the_bank_returns_after_a_reversal_is_the_overpayment_come_back() -> None:
    reversed_ = played((REVERSE, HEAD, JANUARY), after=paid())
    history = played((returned(), CLERK, JANUARY), after=reversed_)
    assert only(OverpaymentRecovered, history).left == 0
    assert state_of(history).owed_back == state_of(history).paid == 0
    assert ledger_of(history)[LedgerAccount.RECEIVABLE] == 0


def test_what_the_worker_has_given_back_does_not_come_back_a_second_time_unseen() -> None:
    back = RecoverOverpayment(claim_id=claim(), amount=AMOUNT, reference="回单1")
    history = played((REVERSE, HEAD, JANUARY), (back, CLERK, JANUARY), after=paid())
    aid.given(*history).when(returned()).refused("recovered_already", "职工医疗互助保障 第12条")


# The payee has died


DIED = NotePayeeDeath(claim_id=claim())
HEIR = NameSuccessor(
    claim_id=claim(), account=Personal(BankAccount(holder="李之女", number="6222999")), evidence="公证书12"
)


def test_when_the_payee_has_died_what_waits_is_withdrawn_until_a_successor_is_named() -> None:
    events = aid.given(*WAITING).when(DIED, actor=TIMER).events
    assert kinds(events) == ["PayeeDied", "PaymentWithdrawn", "PayoutFailed"]
    history = played((DIED, TIMER, JANUARY), after=WAITING)
    aid.given(*history).when(pay()).refused("successor_needed", PAYING)
    named_ = played((HEIR, CLERK, JANUARY), after=history)
    heirs = account("6222999", on=JANUARY, holder="李之女")
    instructed = only(PaymentInstructed, aid.given(*named_).when(pay(), account=heirs).events)
    assert (instructed.payee, instructed.amount) == (Payee.SUCCESSOR, AMOUNT)
    assert instructed.payment_id == payment_id(claim(), 2)


def test_what_is_at_the_bank_takes_its_course() -> None:
    history = played((DIED, TIMER, JANUARY), after=AT_THE_BANK)
    assert not [event for event in history if isinstance(event, PaymentWithdrawn)]
    assert only(ClaimSettled, aid.given(*history).when(sent()).events).payee is Payee.MEMBER
    back = played((returned(), CLERK, JANUARY), after=history)
    aid.given(*back).when(pay()).refused("successor_needed")


def test_a_death_is_noted_once() -> None:
    history = played((DIED, TIMER, JANUARY), after=granted())
    aid.given(*history).when(DIED, actor=TIMER).nothing()


def test_the_registry_knowing_of_the_death_is_enough() -> None:
    dead = worker(deceased=True, active=False)
    aid.given(*granted()).when(pay(), worker=dead).refused("successor_needed")
    events = aid.given(*granted()).when(HEIR, worker=dead).events
    assert [type(event) for event in events] == [PayeeDied, SuccessorNamed]


def test_a_successor_who_is_named_before_the_death_is_noted_stops_what_waits_for_the_dead() -> None:
    dead = worker(deceased=True, active=False)
    events = aid.given(*WAITING).when(HEIR, worker=dead).events
    assert kinds(events) == ["PayeeDied", "PaymentWithdrawn", "PayoutFailed", "SuccessorNamed"]


def test_nobody_succeeds_the_living() -> None:
    aid.given(*granted()).when(HEIR).refused("payee_alive")


# The ledger


@pytest.mark.parametrize("kind", list(PostingKind))
def test_every_kind_of_entry_balances(kind: PostingKind) -> None:
    (entry,) = Share(DONGYANG, DONGYANG, PERIOD).post(kind, 12_345, JANUARY)
    assert isinstance(entry, PoolPosted)
    assert sum(line.debit for line in entry.lines) == sum(line.credit for line in entry.lines) == 12_345
    assert POOL.evolve(POOL.initial, entry).balanced


def test_an_entry_of_nothing_is_none() -> None:
    assert Share(DONGYANG, DONGYANG, PERIOD).post(PostingKind.RELEASE, 0, JANUARY) == []


def test_the_whole_course_of_the_known_case() -> None:
    """A worker in the second year, in hospital with cirrhosis, is paid 17,421.13."""
    history: tuple[Event, ...] = paid()
    assert only(ClaimSettled, history).amount == AMOUNT
    assert noon(JANUARY).date() == only(ClaimSettled, history).on
    assert state_of(history).member_id == LI
