"""Decisions on how a claim arrives at the desk: filed by the worker, by a cadre on behalf, at the counter; documents
that follow; and what every claim must meet, a hospital's too.

A stay belongs, wholly, to the period of its admission, and is judged by the version of the scheme in force then.
"""

from collections.abc import Iterable
from datetime import date, timedelta

from services.aid import refusals
from services.aid.domain.claim import CLAIM, Claim, Stage
from services.aid.domain.desk import AidEvent, Desk
from services.aid.domain.facts import AidFacts, end_of
from services.aid.domain.invoice import conflicting, released, reserved
from services.aid.domain.membership import MEMBERSHIP, Membership, covered
from shared.schemas.aid import (
    Bill,
    Care,
    Channel,
    ClaimFiled,
    ClaimRejected,
    ClaimWithdrawn,
    Document,
    DocumentMissingNoted,
    DocumentSupplied,
    FileClaim,
    QuoteSettlement,
    RejectionGround,
    SchemeTerms,
    SupplyDocuments,
    membership_id,
)
from shared.schemas.messages import Role

__all__ = [
    "admissible",
    "close_incomplete",
    "file",
    "let_go",
    "refuse_stage",
    "sound",
    "supply",
    "turned_down",
    "withdraw",
]

ORDER = {document: place for place, document in enumerate(Document)}


# What every claim must meet


def admissible(
    command: FileClaim | QuoteSettlement, desk: Desk, facts: AidFacts
) -> tuple[SchemeTerms, date, Membership]:
    """The version that judges the stay, the period it belongs to, and the membership that covers it. Refused."""
    admitted, discharged = command.admitted_on, command.discharged_on
    if discharged < admitted:
        raise refusals.STAY_DAYS(admitted_on=admitted.isoformat(), discharged_on=discharged.isoformat())
    if discharged > facts.today:
        raise refusals.STILL_IN_HOSPITAL(on=discharged.isoformat(), today=facts.today.isoformat())
    scheme = facts.rulebook.at(facts.federation, admitted)
    _accepted(scheme, command.care)
    period = scheme.period(admitted).first
    membership = covered(desk.of(MEMBERSHIP, membership_id(command.member_id, period)), scheme.pool, admitted)
    last = discharged + timedelta(days=scheme.filing_days)
    if facts.now >= end_of(last):
        raise refusals.TOO_LATE(days=scheme.filing_days, last=last.isoformat())
    sound(command.bill)
    return scheme, period, membership


def _accepted(scheme: SchemeTerms, care: Care) -> None:
    if care not in scheme.care:
        raise refusals.CARE_NOT_ACCEPTED(accepted="、".join(each.term for each in scheme.care), care=care.term)


def sound(bill: Bill) -> None:
    """Refused (`invoice_twice`, `wrong_bill`)."""
    if len(set(bill.invoices)) < len(bill.invoices):
        raise refusals.INVOICE_TWICE()
    if bill.self_paid < 0:
        raise refusals.WRONG_BILL()


# Filing


def file(command: FileClaim, desk: Desk, facts: AidFacts) -> list[AidEvent]:
    """An invoice that counts for another claim does not keep this one from being accepted, but from being assessed."""
    if desk.of(CLAIM, command.claim_id) is not None:
        raise refusals.CLAIM_EXISTS()
    channel, consent = _capacity(command, facts)
    scheme, period, membership = admissible(command, desk, facts)
    holders = desk.invoices(scheme.pool, command.bill.invoices)
    free = [number for number, holder in holders.items() if holder is None]
    taken = {number: holder for number, holder in holders.items() if holder is not None}
    filed = ClaimFiled(
        claim_id=command.claim_id,
        member_id=command.member_id,
        channel=channel,
        filed_by=facts.actor.id,
        consent=consent,
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
        hospital=command.hospital,
        hospital_code=None,
        settlement_number=None,
        documents=_sorted(command.documents),
        conflicts=tuple(taken),
    )
    required = _required(scheme, command.care, channel)
    return [
        filed,
        *_missing(command, required - set(command.documents), scheme, facts),
        *reserved(scheme.pool, free, command.claim_id),
        *(conflicting(scheme.pool, number, command.claim_id, holder) for number, holder in taken.items()),
    ]


def _capacity(command: FileClaim, facts: AidFacts) -> tuple[Channel, str | None]:
    """In what way the actor files, and by which consent."""
    actor = facts.actor
    match actor.role:
        case Role.MEMBER if actor.id == str(command.member_id):
            return Channel.ONLINE, None
        case Role.CADRE if actor.id == str(command.member_id):
            return Channel.ONLINE, None
        case Role.CADRE:
            worker = facts.worker
            if worker is None:
                raise refusals.NOT_A_MEMBER()
            if worker.union_id not in facts.acts_for:
                raise refusals.NOT_YOUR_UNION()
            if actor.id not in worker.agents:
                raise refusals.NO_CONSENT(by=actor.id)
            return Channel.PROXY, worker.agents[actor.id]
        case Role.OFFICER:
            return Channel.COUNTER, None
        case _:
            raise refusals.NOT_YOURS()


def _required(scheme: SchemeTerms, care: Care, channel: Channel) -> set[Document]:
    proxy = {Document.PROXY_FORM} if channel is Channel.PROXY else set()
    return {*scheme.required(care), *proxy}


def _missing(command: FileClaim, missing: set[Document], scheme: SchemeTerms, facts: AidFacts) -> list[AidEvent]:
    if not missing:
        return []
    noted = DocumentMissingNoted(
        claim_id=command.claim_id,
        member_id=command.member_id,
        documents=_sorted(missing),
        supply_by=facts.days_ahead(scheme.waiver_days),
    )
    return [noted]


def _sorted(documents: Iterable[Document]) -> tuple[Document, ...]:
    return tuple(sorted(set(documents), key=ORDER.__getitem__))


# What follows the filing


def supply(command: SupplyDocuments, claim: Claim, facts: AidFacts) -> list[AidEvent]:
    """Until the claim is turned down for want of them, late or not. What is there already changes nothing."""
    may_speak_for(claim, facts)
    refuse_stage(claim, *(stage for stage in Stage if stage.under_way))
    supplied = [document for document in claim.missing if document in command.documents]
    if not supplied:
        return []
    supplied_event = DocumentSupplied(
        claim_id=claim.claim_id,
        member_id=claim.member_id,
        documents=tuple(supplied),
        missing=tuple(document for document in claim.missing if document not in supplied),
    )
    return [supplied_event]


def close_incomplete(claim: Claim, desk: Desk, facts: AidFacts) -> list[AidEvent]:
    late = claim.missing and claim.act_by is not None and facts.now >= claim.act_by
    if claim.stage is not Stage.FILED or claim.granted or not late:
        return []
    return turned_down(claim, RejectionGround.DOCUMENTS, desk, facts)


def withdraw(claim: Claim, desk: Desk, facts: AidFacts) -> list[AidEvent]:
    may_speak_for(claim, facts)
    refuse_stage(claim, *(stage for stage in Stage if stage.under_way and not claim.granted))
    withdrawn = ClaimWithdrawn(claim_id=claim.claim_id, member_id=claim.member_id, by=facts.actor.id)
    return [withdrawn, *let_go(claim, desk)]


def turned_down(claim: Claim, ground: RejectionGround, desk: Desk, facts: AidFacts) -> list[AidEvent]:
    """Rejected: what it held is free again, and no ledger ever heard of it."""
    rejected = ClaimRejected(
        claim_id=claim.claim_id,
        member_id=claim.member_id,
        ground=ground,
        clause=refusals.REJECTIONS[ground][0],
        by=facts.actor.id,
    )
    return [rejected, *let_go(claim, desk)]


def let_go(claim: Claim, desk: Desk) -> list[AidEvent]:
    """What a claim holds of the ceiling, and its invoices."""
    held = desk.account(claim).reserved.get(claim.claim_id, 0)
    return [*claim.holder.release(held), *released(claim.pool, desk.held(claim), claim.claim_id)]


def may_speak_for(claim: Claim, facts: AidFacts) -> None:
    """The worker, whoever filed for them, or the federation."""
    if facts.actor.role is not Role.OFFICER and facts.actor.id not in {str(claim.member_id), claim.filed_by}:
        raise refusals.NOT_YOURS()


def refuse_stage(claim: Claim, *allowed: Stage) -> None:
    """Refused (`not_at_this_stage`) unless the claim is at one of these."""
    if claim.stage not in allowed:
        raise refusals.NOT_AT_THIS_STAGE(stage=claim.stage.value)
