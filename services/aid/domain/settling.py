"""Decisions on one-stop settlement: a hospital's quote, its confirmation, its cancellation, and the lapse of a quote.

All go by the hospital's own settlement number, from which the claim's id follows: sent again, a message changes
nothing. A quote can be confirmed until its lapse is recorded: the log decides, not the minute.
"""

from datetime import timedelta

from services.aid import refusals
from services.aid.benefit import assess as assessed
from services.aid.domain.assessing import approved, assessment_events, nothing_to_pay, take_invoices
from services.aid.domain.claim import CLAIM, Claim, Stage
from services.aid.domain.desk import AidEvent, Desk
from services.aid.domain.facts import AidFacts
from services.aid.domain.filing import admissible, let_go
from services.aid.domain.reversing import reversal
from shared.schemas.aid import (
    CancelSettlement,
    Channel,
    ClaimFiled,
    ConfirmSettlement,
    HospitalSettlementCancelled,
    HospitalSettlementConfirmed,
    HospitalSettlementLapsed,
    HospitalSettlementQuoted,
    QuoteSettlement,
    ReversalGround,
    SettlementCommand,
    settlement_claim,
)

__all__ = ["decide", "lapse"]


def decide(command: SettlementCommand, desk: Desk, facts: AidFacts) -> list[AidEvent]:
    if facts.actor.id != command.hospital:
        raise refusals.NOT_YOUR_HOSPITAL(hospital=command.hospital)
    claim = desk.of(CLAIM, settlement_claim(command.hospital, command.settlement_number))
    match command, claim:
        case QuoteSettlement(), None:
            return _quote(command, desk, facts)
        case QuoteSettlement(), Claim(stage=Stage.LAPSED):
            return _quote(command, desk, facts)
        case QuoteSettlement(), Claim() as claim:
            return _quoted_already(command, claim)
        case _, None:
            raise refusals.UNKNOWN_SETTLEMENT(number=command.settlement_number)
        case _, Claim() as claim if not facts.handles(facts.rulebook.version(claim.pool, claim.scheme)):
            raise refusals.UNKNOWN_SETTLEMENT(number=command.settlement_number)
        case ConfirmSettlement(), Claim() as claim:
            return _confirm(claim, facts)
        case CancelSettlement(), Claim() as claim:
            return _cancel(claim, desk, facts)
        case _:
            raise TypeError(f"nobody decides on {type(command).__name__}")


def _quoted_already(command: QuoteSettlement, claim: Claim) -> list[AidEvent]:
    if claim.stage is Stage.REVERSED:
        raise refusals.SETTLEMENT_CANCELLED()
    asked = (command.member_id, command.care, command.admitted_on, command.discharged_on, command.bill)
    known = (claim.member_id, claim.care, claim.admitted_on, claim.discharged_on, claim.filed_bill)
    if asked != known:
        raise refusals.SETTLEMENT_DIFFERS(number=command.settlement_number)
    return []


def _quote(command: QuoteSettlement, desk: Desk, facts: AidFacts) -> list[AidEvent]:
    hospital = facts.rulebook.hospital(command.hospital)
    if hospital is None or not hospital.has_joined(facts.today):
        raise refusals.HOSPITAL_NOT_JOINED(hospital=command.hospital, on=facts.today.isoformat())
    scheme, period, membership = admissible(command, desk, facts)
    filed = ClaimFiled(
        claim_id=settlement_claim(command.hospital, command.settlement_number),
        member_id=command.member_id,
        channel=Channel.HOSPITAL,
        filed_by=facts.actor.id,
        consent=command.authorisation,
        filed_in=facts.federation,
        county=membership.county,
        pool=scheme.pool,
        scheme=scheme.version,
        period=period,
        care=command.care,
        admitted_on=command.admitted_on,
        discharged_on=command.discharged_on,
        bill=command.bill,
        diagnosis=command.diagnosis,
        hospital=None,
        hospital_code=command.hospital,
        settlement_number=command.settlement_number,
        documents=(),
        conflicts=(),
    )
    claim = CLAIM.evolve(None, filed)
    assert claim is not None
    taken = take_invoices(scheme.pool, command.bill.invoices, claim, desk)
    room = desk.account(claim).room(scheme.ceiling, claim.claim_id)
    assessment = assessed(scheme, command.bill.self_paid, (), room)
    if assessment.amount == 0:
        raise nothing_to_pay(assessment)
    quoted = HospitalSettlementQuoted(
        claim_id=claim.claim_id,
        hospital=command.hospital,
        settlement_number=command.settlement_number,
        amount=assessment.amount,
        valid_until=facts.now + timedelta(minutes=scheme.quote_minutes),
    )
    return [
        filed,
        *assessment_events(claim, assessment, facts),
        quoted,
        *taken,
        *claim.holder.reserve(assessment.amount, scheme.ceiling),
    ]


def _confirm(claim: Claim, facts: AidFacts) -> list[AidEvent]:
    match claim.stage:
        case Stage.QUOTED:
            pass
        case Stage.LAPSED:
            raise refusals.QUOTE_LAPSED()
        case Stage.REVERSED:
            raise refusals.SETTLEMENT_CANCELLED()
        case _:
            return []
    assert claim.hospital is not None
    assert claim.settlement_number is not None
    assert claim.assessment is not None
    confirmed = HospitalSettlementConfirmed(
        claim_id=claim.claim_id,
        hospital=claim.hospital,
        settlement_number=claim.settlement_number,
        amount=claim.assessment.amount,
        on=facts.today,
    )
    return [confirmed, *approved(claim, claim.assessment, facts)]


def _cancel(claim: Claim, desk: Desk, facts: AidFacts) -> list[AidEvent]:
    if claim.stage in {Stage.REVERSED, Stage.LAPSED}:
        return []
    assert claim.hospital is not None
    assert claim.settlement_number is not None
    assert claim.assessment is not None or claim.granted
    amount = claim.granted if claim.granted or claim.assessment is None else claim.assessment.amount
    cancelled = HospitalSettlementCancelled(
        claim_id=claim.claim_id,
        hospital=claim.hospital,
        settlement_number=claim.settlement_number,
        amount=amount,
        confirmed_on=claim.confirmed_on,
        on=facts.today,
    )
    if claim.granted:
        return [cancelled, *reversal(claim, ReversalGround.HOSPITAL_CANCELLED, desk, facts)]
    return [cancelled, *let_go(claim, desk)]


def lapse(claim: Claim, desk: Desk, facts: AidFacts) -> list[AidEvent]:
    if claim.stage is not Stage.QUOTED or claim.act_by is None or facts.now < claim.act_by:
        return []
    assert claim.hospital is not None
    assert claim.settlement_number is not None
    assert claim.assessment is not None
    lapsed = HospitalSettlementLapsed(
        claim_id=claim.claim_id,
        hospital=claim.hospital,
        settlement_number=claim.settlement_number,
        amount=claim.assessment.amount,
    )
    return [lapsed, *let_go(claim, desk)]
