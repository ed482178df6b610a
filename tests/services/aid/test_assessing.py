"""At the desk: assessment, review, approval, rejection; what was reduced is topped up by reopening it, and only so."""

from datetime import date
from typing import Any

import pytest

from services.aid.domain.claim import Stage
from services.aid.refusals import CEILING, FOUR_EYES
from shared.schemas.aid import (
    BenefitReversed,
    BenefitSettled,
    Bill,
    CeilingReleased,
    CeilingReserved,
    ClaimApproved,
    ClaimAssessed,
    ClaimReduced,
    ClaimRejected,
    ClaimReopened,
    ClaimUpheld,
    Exclusion,
    ExclusionGround,
    InvoiceReserved,
    LedgerAccount,
    OverpaymentRecorded,
    PoolPosted,
    PostingKind,
    RejectClaim,
    RejectionGround,
    ReopenClaim,
    ReopenGround,
    ReversalGround,
    ReverseClaim,
    ReviewClaim,
)
from shared.schemas.messages import Actor, Event, Role
from shared.schemas.money import fen
from tests.services.aid.cases import (
    CADRE,
    CHEN,
    CLERK,
    COVERED,
    HEAD,
    JANUARY,
    LI,
    REVIEWER,
    Step,
    account_of,
    aid,
    approve,
    assess,
    bill,
    claim,
    decided_for,
    file,
    granted,
    insured,
    kinds,
    ledger_of,
    left,
    of,
    only,
    paid,
    pay,
    played,
    state_of,
)

FILED = played((file(), of(LI), JANUARY), after=COVERED)
ASSESSED = played((assess(), CLERK, JANUARY), after=FILED)
REVIEW = ReviewClaim(claim_id=claim())
REVIEWED = played((REVIEW, REVIEWER, JANUARY), after=ASSESSED)


def reject(ground: RejectionGround = RejectionGround.UNTRUE) -> RejectClaim:
    return RejectClaim(claim_id=claim(), ground=ground)


# Assessment


def test_an_assessment_holds_its_amount_against_the_ceiling() -> None:
    events = aid.given(*FILED).when(assess()).events
    assert kinds(events) == ["ClaimAssessed", "CeilingReserved"]
    assert only(ClaimAssessed, events).assessment.amount == only(CeilingReserved, events).amount == fen("17421.13")


def test_a_second_claim_is_reduced_to_what_the_first_leaves_and_says_so() -> None:
    history = played((file(name="二", invoices=("33015555555555",)), of(LI), JANUARY), after=granted())
    events = aid.given(*history).when(assess("二")).events
    reduced = only(ClaimReduced, events)
    assert reduced.amount == fen("12578.87")
    assert [(finding.clause, finding.amount) for finding in reduced.reductions] == [(CEILING, fen("4842.26"))]
    assert only(CeilingReserved, events).amount == fen("12578.87")


def test_a_claim_beyond_the_ceiling_has_nothing_to_receive() -> None:
    history = played((file(name="二", invoices=("33015555555555",)), of(LI), JANUARY), after=granted("60000"))
    refusal = aid.given(*history).when(assess("二")).refused("nothing_to_pay", "职工医疗互助保障 第4条")
    assert "年度限额30000.00元，本期尚余0.00元" in refusal.message


def test_a_bill_within_the_deductible_has_nothing_to_receive() -> None:
    history = played((file("500"), of(LI), JANUARY), after=COVERED)
    refusal = aid.given(*history).when(assess()).refused("nothing_to_pay")
    assert refusal.message == "无应付待遇：计入费用500.00元未超过起付线500.00元"


def test_assessed_again_it_holds_the_new_amount_and_no_more() -> None:
    exclusion = Exclusion(amount=fen("13535.22"), ground=ExclusionGround.NOT_ACCEPTED)
    events = aid.given(*ASSESSED).when(assess(exclusions=(exclusion,))).events
    assert only(CeilingReleased, events).amount == fen("8121.13")
    again = played((assess(exclusions=(exclusion,)), CLERK, JANUARY), after=ASSESSED)
    assert account_of(again).reserved == {claim(): fen(9_300)}
    aid.given(*again).when(assess()).then(
        only(ClaimAssessed, aid.given(*FILED).when(assess()).events),
        only(CeilingReserved, aid.given(*again).when(assess()).events),
    )


def test_another_period_has_a_ceiling_of_its_own() -> None:
    history = insured(LI, period=date(2019, 7, 1), on=date(2019, 6, 20), after=granted("60000"))
    stay: dict[str, Any] = {"admitted_on": date(2019, 7, 2), "discharged_on": date(2019, 7, 9)}
    later = date(2019, 8, 1)
    filed = played((file(name="二", invoices=("33015555555555",), **stay), of(LI), later), after=history)
    assert only(CeilingReserved, aid.given(*filed).when(assess("二")).events).amount == fen("17421.13")


# Four eyes


def test_a_large_benefit_is_reviewed_and_approved_by_others_than_who_assessed_it() -> None:
    aid.given(*ASSESSED).when(approve(), actor=HEAD).refused("not_reviewed", FOUR_EYES)
    aid.given(*ASSESSED).when(REVIEW, actor=CLERK).refused("same_person_twice", FOUR_EYES)
    aid.given(*REVIEWED).when(approve(), actor=CLERK).refused("same_person_twice")
    assert aid.given(*REVIEWED).when(approve(), actor=REVIEWER).refusal is None


def test_a_small_benefit_may_be_approved_by_who_assessed_it() -> None:
    history = played((file("5000"), of(LI), JANUARY), (assess(), CLERK, JANUARY), after=COVERED)
    approved = only(ClaimApproved, aid.given(*history).when(approve(), actor=CLERK).events)
    assert approved.amount == fen(1_800)


def test_exactly_the_amount_needs_no_second_person() -> None:
    history = played((file("21166.67"), of(LI), JANUARY), (assess(), CLERK, JANUARY), after=COVERED)
    assert only(ClaimApproved, aid.given(*history).when(approve(), actor=CLERK).events).amount == fen(10_000)
    history = played((file("21166.68"), of(LI), JANUARY), (assess(), CLERK, JANUARY), after=COVERED)
    aid.given(*history).when(approve(), actor=CLERK).refused("not_reviewed")


def test_nobody_handles_their_own_claim() -> None:
    history = insured(CHEN, on=date(2018, 6, 1))
    own = played((file(member_id=CHEN), of(CHEN), JANUARY), after=history)
    aid.given(*own).when(assess(), actor=CLERK).refused("own_claim", FOUR_EYES)
    aid.given(*own).when(reject(), actor=CLERK).refused("own_claim")


def test_who_filed_on_behalf_does_not_approve() -> None:
    history = played((file(), CLERK, JANUARY), (assess(), HEAD, JANUARY), (REVIEW, REVIEWER, JANUARY), after=COVERED)
    aid.given(*history).when(approve(), actor=CLERK).refused("filed_by_you")


# Approval


def test_an_approval_settles_the_account_and_is_posted_to_the_pool() -> None:
    events = aid.given(*REVIEWED).when(approve(), actor=HEAD).events
    assert kinds(events) == ["ClaimApproved", "BenefitSettled", "PoolPosted"]
    assert only(BenefitSettled, events).amount == fen("17421.13")
    assert only(PoolPosted, events).kind is PostingKind.RESERVATION
    ledger = ledger_of(granted())
    assert (ledger[LedgerAccount.BENEFITS], ledger[LedgerAccount.PAYABLE]) == (fen("17421.13"), -fen("17421.13"))


@pytest.mark.parametrize("command", [approve(), REVIEW])
def test_nothing_is_approved_or_reviewed_before_it_is_assessed(command: object) -> None:
    aid.given(*FILED).when(command, actor=HEAD).refused("not_at_this_stage", "职工医疗互助保障 第8条")


def test_what_is_approved_is_not_assessed_again_without_being_reopened() -> None:
    aid.given(*granted()).when(assess()).refused("not_at_this_stage")
    aid.given(*granted()).when(reject()).refused("not_at_this_stage")


# Rejection


def test_a_rejection_frees_ceiling_and_invoice_and_posts_nothing() -> None:
    events = aid.given(*ASSESSED).when(reject(), actor=HEAD).events
    assert kinds(events) == ["ClaimRejected", "CeilingReleased", "InvoiceReleased"]
    assert only(ClaimRejected, events).clause == "职工医疗互助保障 第7条"
    history = played((reject(), HEAD, JANUARY), after=ASSESSED)
    assert left(history) == fen(30_000)
    assert not [event for event in history[len(COVERED) :] if isinstance(event, PoolPosted)]


@pytest.mark.parametrize("ground", list(RejectionGround))
def test_every_rejection_cites_its_clause(ground: RejectionGround) -> None:
    rejected = only(ClaimRejected, aid.given(*ASSESSED).when(reject(ground), actor=HEAD).events)
    assert rejected.clause.startswith("职工医疗互助保障 第")


def test_a_rejected_claim_can_be_reopened() -> None:
    rejected = played((reject(), HEAD, JANUARY), after=ASSESSED)
    reopening = ReopenClaim(claim_id=claim(), ground=ReopenGround.NEW_EVIDENCE)
    events = aid.given(*rejected).when(reopening).events
    assert [type(event) for event in events] == [ClaimReopened, InvoiceReserved]
    again = played((reopening, CLERK, JANUARY), *decided_for()[1:], after=rejected)
    assert state_of(again).granted == fen("17421.13")


# Reduced, and topped up


SECOND = ("33015555555555",)


def two_claims() -> tuple[Event, ...]:
    """The first takes 17,421.13; of the second's as much 12,578.87 are left."""
    second: list[Step] = [
        (file(name="二", invoices=SECOND), of(LI), JANUARY),
        (assess("二"), CLERK, JANUARY),
        (ReviewClaim(claim_id=claim("二")), REVIEWER, JANUARY),
        (approve("二"), HEAD, JANUARY),
    ]
    return played(*second, after=granted())


REOPEN = ReopenClaim(claim_id=claim("二"), ground=ReopenGround.ROOM_FREED)


def test_two_claims_end_at_the_ceiling_exactly() -> None:
    assert left(two_claims()) == 0
    assert account_of(two_claims()).settled == {claim(): fen("17421.13"), claim("二"): fen("12578.87")}


def test_a_reduced_claim_is_topped_up_only_by_reopening_it() -> None:
    freed = played((ReverseClaim(claim_id=claim(), ground=ReversalGround.MISTAKE), HEAD, JANUARY), after=two_claims())
    assert left(freed) == fen("17421.13")
    assert state_of(freed, claim("二")).granted == fen("12578.87")
    aid.given(*freed).when(assess("二")).refused("not_at_this_stage")
    same_invoice = played((file(name="三", invoices=SECOND), of(LI), JANUARY), after=freed)
    aid.given(*same_invoice).when(assess("三")).refused("invoice_counted")
    topped_up = played(
        (REOPEN, CLERK, JANUARY),
        (assess("二"), CLERK, JANUARY),
        (ReviewClaim(claim_id=claim("二")), REVIEWER, JANUARY),
        (approve("二"), HEAD, JANUARY),
        after=freed,
    )
    settled = only(BenefitSettled, topped_up[len(freed) :])
    assert settled.amount == fen("4842.26")
    assert (state_of(topped_up, claim("二")).granted, left(topped_up)) == (fen("17421.13"), fen("12578.87"))


def test_a_claim_that_was_not_reduced_is_not_topped_up() -> None:
    not_reduced = ReopenClaim(claim_id=claim(), ground=ReopenGround.ROOM_FREED)
    aid.given(*granted()).when(not_reduced).refused("not_reduced", "职工医疗互助保障 第12条")


def test_while_a_payment_is_under_way_nothing_is_reopened() -> None:
    history = played((pay(), CLERK, JANUARY), after=granted())
    reopening = ReopenClaim(claim_id=claim(), ground=ReopenGround.MISTAKE)
    aid.given(*history).when(reopening).refused("payment_under_way")


def test_a_reopening_that_finds_nothing_new_leaves_the_claim_as_it_was() -> None:
    resettled = ReopenClaim(claim_id=claim(), ground=ReopenGround.RESETTLED, bill=bill("40000", "33011234567890"))
    reopened = played((resettled, CLERK, JANUARY), (assess(), CLERK, JANUARY), after=paid())
    assert left(reopened) == fen(30_000) - fen(21_300)
    history = played((reject(RejectionGround.NOTHING_TO_PAY), HEAD, JANUARY), after=reopened)
    upheld = only(ClaimUpheld, history)
    assert (upheld.amount, upheld.bill) == (fen("17421.13"), bill("33535.22", "33011234567890"))
    state = state_of(history)
    assert (state.stage, state.granted, state.paid) == (Stage.APPROVED, fen("17421.13"), fen("17421.13"))
    assert account_of(history) == account_of(paid())


# Later re-settlement by social insurance


def resettled(self_paid: str, after: tuple[Event, ...], *invoices: str) -> tuple[Event, ...]:
    reopening = ReopenClaim(
        claim_id=claim(), ground=ReopenGround.RESETTLED, bill=bill(self_paid, *(invoices or ("33011234567890",)))
    )
    return played((reopening, CLERK, JANUARY), *decided_for()[1:], after=after)


def test_social_insurance_settles_anew_and_pays_less_so_the_difference_is_due() -> None:
    history = resettled("40000", paid())
    state = state_of(history)
    assert (state.granted, state.paid, state.due) == (fen(21_300), fen("17421.13"), fen("3878.87"))


def test_social_insurance_settles_anew_and_pays_more_so_the_difference_is_asked_back() -> None:
    history = resettled("20000", paid())
    assert only(BenefitReversed, history).amount == fen("8121.13")
    overpaid = only(OverpaymentRecorded, history)
    assert overpaid.amount == fen("8121.13")
    assert left(history) == fen(30_000) - fen(9_300)
    ledger = ledger_of(history)
    assert ledger[LedgerAccount.RECEIVABLE] == fen("8121.13")
    assert ledger[LedgerAccount.BENEFITS] == fen(9_300)


def test_before_payment_a_lower_settlement_only_lowers_what_is_due() -> None:
    history = resettled("20000", granted())
    assert not [event for event in history if isinstance(event, OverpaymentRecorded)]
    assert ledger_of(history)[LedgerAccount.PAYABLE] == -fen(9_300)
    assert state_of(history).due == fen(9_300)


def test_a_new_invoice_of_a_resettlement_counts_and_the_old_one_stays_counted() -> None:
    history = resettled("40000", paid(), "33017777777777")
    assert state_of(history).invoices == ("33011234567890", "33017777777777")
    again = played((file(name="二"), of(LI), JANUARY), after=history)
    aid.given(*again).when(assess("二")).refused("invoice_counted")


def test_a_resettled_bill_is_as_sound_as_any() -> None:
    wrong = Bill(invoices=("33011234567890",), total=fen(100), insurance_paid=fen(101))
    reopening = ReopenClaim(claim_id=claim(), ground=ReopenGround.RESETTLED, bill=wrong)
    aid.given(*paid()).when(reopening).refused("wrong_bill")


def test_nobody_reopens_or_reverses_their_own_claim() -> None:
    own = Actor(role=Role.OFFICER, id=str(LI))
    reopening = ReopenClaim(claim_id=claim(), ground=ReopenGround.MISTAKE)
    aid.given(*granted()).when(reopening, actor=own).refused("own_claim", FOUR_EYES)
    reversing = ReverseClaim(claim_id=claim(), ground=ReversalGround.MISTAKE)
    aid.given(*granted()).when(reversing, actor=own).refused("own_claim", FOUR_EYES)


def test_a_cadre_does_not_reopen() -> None:
    assert CADRE.role not in ReopenClaim.roles
