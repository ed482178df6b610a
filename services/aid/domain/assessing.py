"""Decisions at the desk: assessment, review, approval, rejection, and the reopening of what was decided.

The assessed amount is held against the ceiling from the assessment on; the ledger hears of a claim when it is approved.
"""

from services.aid import refusals
from services.aid.benefit import assess as assessed
from services.aid.domain.claim import Claim, Stage
from services.aid.domain.desk import AidEvent, Desk
from services.aid.domain.facts import AidFacts
from services.aid.domain.filing import refuse_stage, sound, turned_down
from services.aid.domain.invoice import reserved
from shared.schemas.aid import (
    ApproveClaim,
    AssessClaim,
    Assessment,
    Channel,
    ClaimApproved,
    ClaimAssessed,
    ClaimReduced,
    ClaimReopened,
    ClaimReviewed,
    ClaimUpheld,
    DocumentMissingNoted,
    InvoiceNumber,
    OverpaymentRecorded,
    Payee,
    PostingKind,
    RejectClaim,
    ReopenClaim,
    ReopenGround,
    ReviewClaim,
    SchemeTerms,
)
from shared.schemas.money import Fen, cny

__all__ = [
    "approve",
    "approved",
    "assess",
    "assessment_events",
    "nothing_to_pay",
    "reject",
    "reopen",
    "review",
    "take_invoices",
    "taken_back",
]


def assess(command: AssessClaim, claim: Claim, scheme: SchemeTerms, desk: Desk, facts: AidFacts) -> list[AidEvent]:
    _another_person(claim, facts)
    refuse_stage(claim, Stage.FILED, Stage.ASSESSED, Stage.REVIEWED)
    if claim.missing:
        raise refusals.DOCUMENTS_MISSING(documents="、".join(document.term for document in claim.missing))
    taken = take_invoices(claim.pool, claim.bill.invoices, claim, desk)
    account = desk.account(claim)
    room = account.room(scheme.ceiling, claim.claim_id)
    assessment = assessed(scheme, claim.bill.self_paid, command.exclusions, room)
    if assessment.amount == 0:
        raise nothing_to_pay(assessment)
    held, wanted = account.reserved.get(claim.claim_id, 0), max(0, assessment.amount - claim.granted)
    return [
        *assessment_events(claim, assessment, facts),
        *taken,
        *(claim.holder.reserve(wanted - held, scheme.ceiling) if wanted > held else []),
        *claim.holder.release(max(0, held - wanted)),
    ]


def take_invoices(federation: str, numbers: tuple[InvoiceNumber, ...], claim: Claim, desk: Desk) -> list[AidEvent]:
    """Those that do not count for the claim yet. Refused where one counts for another."""
    holders = desk.invoices(federation, numbers)
    elsewhere = [number for number, holder in holders.items() if holder not in {None, claim.claim_id}]
    if elsewhere:
        raise refusals.INVOICE_COUNTED(numbers="、".join(elsewhere))
    return [*reserved(federation, [number for number, holder in holders.items() if holder is None], claim.claim_id)]


def assessment_events(claim: Claim, assessment: Assessment, facts: AidFacts) -> list[AidEvent]:
    events: list[AidEvent] = [
        ClaimAssessed(claim_id=claim.claim_id, member_id=claim.member_id, assessment=assessment, by=facts.actor.id)
    ]
    if assessment.reductions:
        events.append(
            ClaimReduced(
                claim_id=claim.claim_id,
                member_id=claim.member_id,
                amount=assessment.amount,
                reductions=assessment.reductions,
            )
        )
    return events


def nothing_to_pay(assessment: Assessment) -> Exception:
    words = [finding.words for finding in assessment.reductions]
    if assessment.counted <= assessment.deductible:
        words.append(f"计入费用{cny(assessment.counted)}元未超过起付线{cny(assessment.deductible)}元")
    return refusals.NOTHING_TO_PAY(findings="；".join(words) or "待遇为零")


def review(command: ReviewClaim, claim: Claim, scheme: SchemeTerms, facts: AidFacts) -> list[AidEvent]:
    _another_person(claim, facts)
    refuse_stage(claim, Stage.ASSESSED)
    if facts.actor.id == claim.assessed_by:
        raise refusals.SAME_PERSON_TWICE(above=cny(scheme.four_eyes_above))
    return [ClaimReviewed(claim_id=command.claim_id, by=facts.actor.id)]


def approve(command: ApproveClaim, claim: Claim, scheme: SchemeTerms, facts: AidFacts) -> list[AidEvent]:
    """Above the amount that asks for four eyes, reviewed, and not by whoever assessed it."""
    _another_person(claim, facts)
    refuse_stage(claim, Stage.ASSESSED, Stage.REVIEWED)
    assessment = claim.assessment
    assert assessment is not None
    above = assessment.amount > scheme.four_eyes_above
    if facts.actor.id == claim.filed_by and (above or claim.channel is Channel.PROXY):
        raise refusals.FILED_BY_YOU()
    if above:
        if claim.stage is not Stage.REVIEWED:
            raise refusals.NOT_REVIEWED(above=cny(scheme.four_eyes_above))
        if facts.actor.id == claim.assessed_by:
            raise refusals.SAME_PERSON_TWICE(above=cny(scheme.four_eyes_above))
    return approved(claim, assessment, facts)


def approved(claim: Claim, assessment: Assessment, facts: AidFacts) -> list[AidEvent]:
    """Granted: settled on the account, and posted to the pool; where less than before, the rest is undone."""
    amount = assessment.amount
    granted = ClaimApproved(
        claim_id=claim.claim_id,
        member_id=claim.member_id,
        amount=amount,
        was=claim.granted,
        by=facts.actor.id,
        channel=claim.channel,
        reductions=assessment.reductions,
    )
    more, less = max(0, amount - claim.granted), max(0, claim.granted - amount)
    return [
        granted,
        *claim.holder.settle(more),
        *claim.share.post(PostingKind.RESERVATION, more, facts.today, claim_id=claim.claim_id),
        *claim.holder.reverse(less),
        *taken_back(claim, less, Payee.SUCCESSOR if claim.payee_died else Payee.MEMBER, facts),
    ]


def taken_back(claim: Claim, amount: Fen, payee: Payee, facts: AidFacts) -> list[AidEvent]:
    """Of what was granted: first what was not paid yet; of what was, an overpayment."""
    unpaid = min(amount, claim.granted - claim.paid)
    overpaid = amount - unpaid
    events: list[AidEvent] = [*claim.share.post(PostingKind.RELEASE, unpaid, facts.today, claim_id=claim.claim_id)]
    if overpaid:
        hospital = claim.hospital if payee is Payee.HOSPITAL else None
        events += [
            OverpaymentRecorded(
                claim_id=claim.claim_id,
                member_id=claim.member_id,
                payee=payee,
                hospital=hospital,
                amount=overpaid,
                payment_id=None,
            ),
            *claim.share.post(PostingKind.OVERPAYMENT, overpaid, facts.today, claim_id=claim.claim_id),
        ]
    return events


def reject(command: RejectClaim, claim: Claim, desk: Desk, facts: AidFacts) -> list[AidEvent]:
    _another_person(claim, facts)
    refuse_stage(claim, *(stage for stage in Stage if stage.under_way))
    if claim.granted == 0:
        return turned_down(claim, command.ground, desk, facts)
    assert claim.granted_bill is not None
    upheld = ClaimUpheld(
        claim_id=claim.claim_id,
        member_id=claim.member_id,
        amount=claim.granted,
        bill=claim.granted_bill,
        ground=command.ground,
        clause=refusals.REJECTIONS[command.ground][0],
        by=facts.actor.id,
    )
    return [upheld, *claim.holder.release(desk.account(claim).reserved.get(claim.claim_id, 0))]


def reopen(command: ReopenClaim, claim: Claim, scheme: SchemeTerms, desk: Desk, facts: AidFacts) -> list[AidEvent]:
    _another_person(claim, facts)
    refuse_stage(claim, Stage.REJECTED, Stage.APPROVED)
    if claim.live is not None:
        raise refusals.PAYMENT_UNDER_WAY()
    if claim.channel is Channel.HOSPITAL and claim.due:
        raise refusals.PAY_FIRST()
    if command.ground is ReopenGround.ROOM_FREED and not claim.reduced_by_ceiling:
        raise refusals.NOT_REDUCED()
    bill = command.bill or claim.bill
    sound(bill)
    reopened = ClaimReopened(
        claim_id=claim.claim_id, member_id=claim.member_id, ground=command.ground, bill=bill, by=facts.actor.id
    )
    events: list[AidEvent] = [reopened, *take_invoices(claim.pool, bill.invoices, claim, desk)]
    if claim.missing:
        events.append(
            DocumentMissingNoted(
                claim_id=claim.claim_id,
                member_id=claim.member_id,
                documents=claim.missing,
                supply_by=facts.days_ahead(scheme.waiver_days),
            )
        )
    return events


def _another_person(claim: Claim, facts: AidFacts) -> None:
    if facts.actor.id == str(claim.member_id):
        raise refusals.OWN_CLAIM()
