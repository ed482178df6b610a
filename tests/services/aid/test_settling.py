"""One-stop settlement (一站式): quote, confirm, cancel, lapse, all by the hospital's own settlement number."""

from datetime import date, timedelta

import pytest

from services.aid.domain.claim import Stage
from services.aid.refusals import INVOICES, ONE_STOP
from shared.schemas.aid import (
    ApproveClaim,
    AssessClaim,
    BenefitReversed,
    Care,
    CeilingReleased,
    CeilingReserved,
    Channel,
    ClaimApproved,
    ClaimFiled,
    ClaimReduced,
    HospitalSettlementCancelled,
    HospitalSettlementConfirmed,
    HospitalSettlementLapsed,
    HospitalSettlementQuoted,
    InstructPayment,
    LapseQuote,
    LedgerAccount,
    OverpaymentRecorded,
    Payee,
    PaymentInstructed,
    PaymentRecalled,
    PaymentWithdrawn,
    PoolPosted,
    PostingKind,
    QuoteSettlement,
    RecoverOverpayment,
    ReopenClaim,
    ReopenGround,
    ReviewClaim,
)
from shared.schemas.ids import MemberId
from shared.schemas.messages import Actor, Event, Role
from shared.schemas.money import fen
from tests.services.aid.cases import (
    AT_THE_HOSPITAL,
    CLERK,
    COVERED,
    HEAD,
    HOSPITAL,
    JANUARY,
    LI,
    OTHER_HOSPITAL,
    SETTLEMENT,
    SUN,
    TIMER,
    Step,
    account_of,
    aid,
    batch,
    bill,
    cancel,
    confirm,
    confirmed,
    file,
    granted,
    insured,
    kinds,
    ledger_of,
    left,
    noon,
    of,
    only,
    played,
    quote,
    quoted,
    returned,
    sent,
    state_of,
)

LAPSE = LapseQuote(claim_id=SETTLEMENT)


PAY = InstructPayment(claim_id=SETTLEMENT)


def at_the_bank() -> tuple[Event, ...]:
    """Confirmed, and on its way to the hospital's account."""
    return played((PAY, CLERK, JANUARY), (batch(SETTLEMENT), CLERK, JANUARY), after=confirmed())


def paid_out() -> tuple[Event, ...]:
    return played((sent(SETTLEMENT), CLERK, JANUARY), after=at_the_bank())


# Quote


def test_a_quote_holds_the_amount_and_the_invoice() -> None:
    events = aid.given(*COVERED).when(quote(), actor=AT_THE_HOSPITAL).events
    assert kinds(events) == [
        "ClaimFiled",
        "ClaimAssessed",
        "HospitalSettlementQuoted",
        "InvoiceReserved",
        "CeilingReserved",
    ]
    assert only(ClaimFiled, events).channel is Channel.HOSPITAL
    assert only(HospitalSettlementQuoted, events).amount == fen("17421.13")
    assert only(HospitalSettlementQuoted, events).valid_until == noon(JANUARY) + timedelta(minutes=120)


def test_what_the_hospital_is_told_names_nobody_and_no_room() -> None:
    told = only(HospitalSettlementQuoted, quoted())
    assert set(told.model_dump()) == {"claim_id", "hospital", "settlement_number", "amount", "valid_until"}
    assert HospitalSettlementQuoted.addressed_to == "hospital"


def test_a_quote_beyond_the_ceiling_is_reduced_and_says_so() -> None:
    events = aid.given(*granted("20000")).when(quote("60000"), actor=AT_THE_HOSPITAL).events
    assert only(ClaimReduced, events).amount == only(CeilingReserved, events).amount == fen(20_700)


def test_the_same_quote_again_changes_nothing() -> None:
    aid.given(*quoted()).when(quote(), actor=AT_THE_HOSPITAL).nothing()
    aid.given(*confirmed()).when(quote(), actor=AT_THE_HOSPITAL).nothing()


@pytest.mark.parametrize(
    "other",
    [
        quote("100"),
        quote(care=Care.SPECIAL_OUTPATIENT),
        quote(discharged_on=date(2019, 1, 9)),
        quote(member_id=SUN),
    ],
)
def test_another_bill_under_a_settlement_number_is_refused(other: QuoteSettlement) -> None:
    aid.given(*quoted()).when(other, actor=AT_THE_HOSPITAL).refused("settlement_differs", ONE_STOP)


def test_a_hospital_settles_under_its_own_name_and_once_it_takes_part() -> None:
    aid.given(*COVERED).when(quote(hospital=OTHER_HOSPITAL), actor=AT_THE_HOSPITAL).refused("not_your_hospital")
    city = Actor(role=Role.HOSPITAL, id="jhzxyy")
    aid.given(*COVERED).when(quote(hospital="jhzxyy"), actor=city).refused("hospital_not_joined", ONE_STOP)


def test_two_hospitals_may_use_one_number() -> None:
    there = Actor(role=Role.HOSPITAL, id=OTHER_HOSPITAL)
    other = quote("1000", hospital=OTHER_HOSPITAL, invoices=("33018888888888",))
    assert aid.given(*quoted()).when(other, actor=there).refusal is None


def test_a_hospital_is_told_when_the_patient_is_not_covered() -> None:
    aid.given().when(quote(), actor=AT_THE_HOSPITAL).refused("not_covered")
    aid.given(*COVERED).when(quote(member_id=MemberId(SETTLEMENT)), actor=AT_THE_HOSPITAL).refused("not_covered")


def test_a_quote_of_nothing_is_refused_with_the_reason() -> None:
    aid.given(*COVERED).when(quote("499"), actor=AT_THE_HOSPITAL).refused("nothing_to_pay")
    aid.given(*granted("60000")).when(quote(), actor=AT_THE_HOSPITAL).refused("nothing_to_pay")


def test_an_invoice_that_was_claimed_by_hand_is_not_settled_at_the_hospital() -> None:
    history = played((file(), of(LI), JANUARY), after=COVERED)
    twice = quote(invoices=("3301 1234 567890",))
    aid.given(*history).when(twice, actor=AT_THE_HOSPITAL).refused("invoice_counted", INVOICES)


def test_a_stay_across_two_periods_is_settled_in_the_one_of_its_admission() -> None:
    both = insured(LI, period=date(2019, 7, 1), on=date(2019, 6, 20), after=COVERED)
    long = quote(admitted_on=date(2019, 6, 25), discharged_on=date(2019, 7, 20))
    discharge = date(2019, 7, 20)
    settled = played((long, AT_THE_HOSPITAL, discharge), (confirm(), AT_THE_HOSPITAL, discharge), after=both)
    assert left(settled) == fen("12578.87")
    assert account_of(settled, period=date(2019, 7, 1)).used == 0
    assert ledger_of(settled)[LedgerAccount.BENEFITS] == fen("17421.13")


# Confirmation


def test_a_confirmation_grants_what_was_quoted() -> None:
    events = aid.given(*quoted()).when(confirm(), actor=AT_THE_HOSPITAL).events
    assert kinds(events) == ["HospitalSettlementConfirmed", "ClaimApproved", "BenefitSettled", "PoolPosted"]
    assert only(HospitalSettlementConfirmed, events).amount == only(ClaimApproved, events).amount == fen("17421.13")
    assert left(confirmed()) == fen("12578.87")


def test_a_confirmation_again_changes_nothing() -> None:
    aid.given(*confirmed()).when(confirm(), actor=AT_THE_HOSPITAL).nothing()
    aid.given(*paid_out()).when(confirm(), actor=AT_THE_HOSPITAL).nothing()


def test_what_was_not_quoted_is_not_confirmed() -> None:
    aid.given(*COVERED).when(confirm(), actor=AT_THE_HOSPITAL).refused("unknown_settlement")
    there = Actor(role=Role.HOSPITAL, id=OTHER_HOSPITAL)
    aid.given(*quoted()).when(confirm(hospital=OTHER_HOSPITAL), actor=there).refused("unknown_settlement")
    aid.given(*quoted()).when(confirm(), actor=there).refused("not_your_hospital")


# The lapse of a quote


def test_a_quote_lapses_and_leaves_nothing_behind() -> None:
    valid_until = only(HospitalSettlementQuoted, quoted()).valid_until
    aid.given(*quoted()).when(LAPSE, actor=TIMER, now=valid_until - timedelta(seconds=1)).nothing()
    events = aid.given(*quoted()).when(LAPSE, actor=TIMER, now=valid_until).events
    assert kinds(events) == ["HospitalSettlementLapsed", "CeilingReleased", "InvoiceReleased"]


def lapsed() -> tuple[Event, ...]:
    return played((LAPSE, TIMER, JANUARY + timedelta(days=1)), after=quoted())


def test_after_its_lapse_a_quote_is_not_confirmed_but_may_be_asked_for_again() -> None:
    assert only(HospitalSettlementLapsed, lapsed()).amount == fen("17421.13")
    assert left(lapsed()) == fen(30_000)
    aid.given(*lapsed()).when(confirm(), actor=AT_THE_HOSPITAL).refused("quote_lapsed", ONE_STOP)
    again = aid.given(*lapsed()).when(quote("1000"), actor=AT_THE_HOSPITAL).events
    assert only(HospitalSettlementQuoted, again).amount == fen(200)
    aid.given(*lapsed()).when(cancel(), actor=AT_THE_HOSPITAL).nothing()


def test_until_its_lapse_is_recorded_a_quote_can_be_confirmed() -> None:
    late = noon(JANUARY) + timedelta(days=1)
    assert aid.given(*quoted()).when(confirm(), actor=AT_THE_HOSPITAL, now=late).refusal is None


def test_a_confirmed_quote_does_not_lapse() -> None:
    aid.given(*confirmed()).when(LAPSE, actor=TIMER, now=noon(date(2019, 2, 1))).nothing()


# Cancellation


def test_a_quote_that_is_cancelled_leaves_nothing_behind() -> None:
    events = aid.given(*quoted()).when(cancel(), actor=AT_THE_HOSPITAL).events
    assert kinds(events) == ["HospitalSettlementCancelled", "CeilingReleased", "InvoiceReleased"]
    assert only(HospitalSettlementCancelled, events).confirmed_on is None
    assert only(CeilingReleased, events).amount == fen("17421.13")


def test_a_federation_that_is_not_of_the_pool_confirms_and_cancels_nothing() -> None:
    for command in (confirm(), cancel()):
        asked_elsewhere = aid.given(*quoted()).when(command, actor=AT_THE_HOSPITAL, federation="330205")
        asked_elsewhere.refused("unknown_settlement")


def test_a_cancellation_restores_exactly_what_was_there() -> None:
    cancelled = played((cancel(), AT_THE_HOSPITAL, JANUARY), after=confirmed())
    assert account_of(cancelled) == account_of(COVERED)
    assert ledger_of(cancelled)[LedgerAccount.BENEFITS] == ledger_of(cancelled)[LedgerAccount.PAYABLE] == 0
    assert state_of(cancelled, SETTLEMENT).stage is Stage.REVERSED
    anew = quote(number="S2")
    assert aid.given(*cancelled).when(anew, actor=AT_THE_HOSPITAL).refusal is None


def test_a_cancellation_again_changes_nothing_and_its_number_is_used_up() -> None:
    cancelled = played((cancel(), AT_THE_HOSPITAL, JANUARY), after=confirmed())
    aid.given(*cancelled).when(cancel(), actor=AT_THE_HOSPITAL).nothing()
    aid.given(*cancelled).when(quote(), actor=AT_THE_HOSPITAL).refused("settlement_cancelled")
    aid.given(*cancelled).when(confirm(), actor=AT_THE_HOSPITAL).refused("settlement_cancelled")
    aid.given(*COVERED).when(cancel(), actor=AT_THE_HOSPITAL).refused("unknown_settlement")


def test_cancelled_before_the_file_went_to_the_bank_the_payment_is_withdrawn() -> None:
    waiting = played((PAY, CLERK, JANUARY), after=confirmed())
    events = aid.given(*waiting).when(cancel(), actor=AT_THE_HOSPITAL).events
    assert only(PaymentWithdrawn, events)
    after = played((cancel(), AT_THE_HOSPITAL, JANUARY), after=waiting)
    aid.given(*after).when(batch(SETTLEMENT)).refused("nothing_to_batch")


def test_cancelled_after_the_centre_has_paid_the_hospital_owes_it_back() -> None:
    events = aid.given(*paid_out()).when(cancel(), actor=AT_THE_HOSPITAL).events
    owed = only(OverpaymentRecorded, events)
    assert (owed.payee, owed.hospital, owed.amount) == (Payee.HOSPITAL, HOSPITAL, fen("17421.13"))
    assert only(BenefitReversed, events).amount == fen("17421.13")
    after = played((cancel(), AT_THE_HOSPITAL, JANUARY), after=paid_out())
    assert left(after) == fen(30_000)
    ledger = ledger_of(after)
    assert (ledger[LedgerAccount.RECEIVABLE], ledger[LedgerAccount.BENEFITS]) == (fen("17421.13"), 0)
    back = RecoverOverpayment(claim_id=SETTLEMENT, amount=fen("17421.13"), reference="回单8")
    repaid = ledger_of(played((back, CLERK, JANUARY), after=after))
    assert {account: balance for account, balance in repaid.balances.items() if balance} == ledger_of(COVERED).balances


def test_cancelled_while_the_bank_has_the_file_what_it_pays_is_owed_back() -> None:
    recalled = played((cancel(), AT_THE_HOSPITAL, JANUARY), after=at_the_bank())
    assert only(PaymentRecalled, recalled)
    assert not [event for event in recalled if isinstance(event, OverpaymentRecorded)]
    events = aid.given(*recalled).when(sent(SETTLEMENT)).events
    assert only(OverpaymentRecorded, events).amount == fen("17421.13")
    assert only(PoolPosted, events).kind is PostingKind.STRAY_PAYMENT


def test_cancelled_while_the_bank_has_the_file_what_it_returns_is_nobodys_debt() -> None:
    recalled = played((cancel(), AT_THE_HOSPITAL, JANUARY), after=at_the_bank())
    history = played((returned(claim_id=SETTLEMENT), CLERK, JANUARY), after=recalled)
    assert kinds(history[len(recalled) :]) == ["PaymentReturned", "PayoutFailed"]
    assert state_of(history, SETTLEMENT).owed_back == 0
    aid.given(*history).when(PAY).refused("nothing_due")


# Re-settlement after a one-stop settlement


RESETTLED = ReopenClaim(claim_id=SETTLEMENT, ground=ReopenGround.RESETTLED, bill=bill("40000", "33019999000001"))


def test_a_settlement_is_reopened_once_the_hospital_has_its_money() -> None:
    aid.given(*confirmed()).when(RESETTLED).refused("pay_first")
    assert aid.given(*paid_out()).when(RESETTLED).refusal is None


def test_what_a_resettlement_adds_goes_to_the_worker() -> None:
    desk: list[Step] = [
        (RESETTLED, CLERK, JANUARY),
        (AssessClaim(claim_id=SETTLEMENT), CLERK, JANUARY),
        (ReviewClaim(claim_id=SETTLEMENT), HEAD, JANUARY),
        (ApproveClaim(claim_id=SETTLEMENT), HEAD, JANUARY),
        (PAY, CLERK, JANUARY),
    ]
    history = played(*desk, after=paid_out())
    instructed = [event for event in history if isinstance(event, PaymentInstructed)]
    assert [(event.payee, event.amount) for event in instructed] == [
        (Payee.HOSPITAL, fen("17421.13")),
        (Payee.MEMBER, fen("3878.87")),
    ]
