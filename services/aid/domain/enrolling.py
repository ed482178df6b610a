"""Decisions on enrolment and cover: rosters, the two parts of the premium, renewal, the end of cover.

Cover begins on the day after the later part came in, or with the period where that is later. Until then nobody is
covered, and nothing before it ever is.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from services.aid import refusals
from services.aid.domain.contract import CONTRACT, Contract, Enrolment, Part
from services.aid.domain.desk import AidEvent, Desk
from services.aid.domain.facts import AidFacts
from services.aid.domain.membership import MEMBERSHIP, Membership
from services.aid.domain.pool import Share
from shared.schemas.aid import (
    ContractCommand,
    ContractId,
    CoverageEnded,
    CoverageStarted,
    EmployerPremiumReceived,
    EndCoverage,
    EnrolmentEnded,
    EnrolmentSubmitted,
    LapseEnrolment,
    LeftOut,
    LeftOutReason,
    MemberEnrolled,
    MemberReleased,
    Period,
    PostingKind,
    RecordEmployerPremium,
    RecordWorkerPremium,
    RenewContract,
    SchemeTerms,
    SubmitEnrolment,
    WithdrawEnrolment,
    WorkerPremiumReceived,
    contract_id,
    membership_id,
)
from shared.schemas.ids import EmployerId, MemberId
from shared.schemas.messages import Role
from shared.schemas.money import Fen, cny

__all__ = ["decide", "end_coverage"]


def decide(command: ContractCommand, desk: Desk, facts: AidFacts) -> list[AidEvent]:
    contract = desk.of(CONTRACT, contract_id(command.employer_id, command.period))
    match command:
        case SubmitEnrolment():
            return _submit(command, command.members, command.employer_part, None, contract, desk, facts)
        case RenewContract():
            return _renew(command, contract, desk, facts)
        case RecordEmployerPremium() | RecordWorkerPremium():
            return _receive(command, contract, desk, facts)
        case WithdrawEnrolment():
            return _withdraw(command, contract, facts)
        case LapseEnrolment():
            return _lapse(command, contract, facts)
        case _:
            raise TypeError(f"nobody decides on {type(command).__name__}")


# Enrolling


def _submit(
    command: SubmitEnrolment | RenewContract,
    members: Sequence[MemberId],
    asked_part: Fen | None,
    renewal_of: ContractId | None,
    contract: Contract,
    desk: Desk,
    facts: AidFacts,
) -> list[AidEvent]:
    _may_enrol(command, facts)
    scheme, period = facts.rulebook.period(facts.federation, command.period)
    if facts.today > period.last:
        raise refusals.PERIOD_OVER(last=period.last.isoformat())
    if command.enrolment_id in contract.enrolments:
        raise refusals.ENROLMENT_EXISTS()
    employer_part = _split(scheme, contract, asked_part)
    enrolled, left_out = _lines(command.employer_id, members, period, renewal_of is not None, desk, facts)
    if not enrolled:
        raise refusals.NOBODY_TO_ENROL(left_out=[line.model_dump(mode="json") for line in left_out])
    key = contract_id(command.employer_id, command.period)
    submitted = EnrolmentSubmitted(
        contract_id=key,
        employer_id=command.employer_id,
        period=command.period,
        enrolment_id=command.enrolment_id,
        county=facts.federation,
        pool=scheme.pool,
        scheme=scheme.version,
        members=tuple(enrolled),
        left_out=tuple(left_out),
        employer_part=employer_part,
        worker_part=scheme.fee - employer_part,
        employer_due=employer_part * len(enrolled),
        worker_due=(scheme.fee - employer_part) * len(enrolled),
        renewal_of=renewal_of,
        pay_by=facts.days_ahead(scheme.premium_days),
        by=facts.actor.id,
    )
    before = facts.rulebook.period_before(facts.federation, command.period)
    return [
        submitted,
        *(
            MemberEnrolled(
                membership_id=membership_id(member, command.period),
                member_id=member,
                period=command.period,
                contract_id=key,
                enrolment_id=command.enrolment_id,
                employer_id=command.employer_id,
                county=facts.federation,
                pool=scheme.pool,
                continuous=before is not None
                and _to_the_end(desk.of(MEMBERSHIP, membership_id(member, before)), period),
            )
            for member in enrolled
        ),
    ]


def _may_enrol(command: ContractCommand, facts: AidFacts) -> None:
    if facts.actor.role is Role.CADRE and command.employer_id not in facts.acts_for_employers:
        raise refusals.NOT_YOUR_EMPLOYER()


def _split(scheme: SchemeTerms, contract: Contract, asked: Fen | None) -> Fen:
    """The employer's part of the fee a head: one for all enrolments of a contract."""
    agreed = contract.employer_part
    part = asked if asked is not None else agreed if agreed is not None else scheme.employer_part
    if part > scheme.fee:
        raise refusals.ABOVE_FEE(part=cny(part), fee=cny(scheme.fee))
    if agreed is not None and part != agreed:
        raise refusals.OTHER_SPLIT(part=cny(agreed), asked=cny(part))
    return part


def _lines(
    employer: EmployerId, members: Iterable[MemberId], period: Period, renewal: bool, desk: Desk, facts: AidFacts
) -> tuple[list[MemberId], list[LeftOut]]:
    enrolled: dict[MemberId, None] = {}
    left_out: list[LeftOut] = []
    for member in members:
        reason = (
            LeftOutReason.TWICE if member in enrolled else _obstacle(employer, member, period, renewal, desk, facts)
        )
        if reason is None:
            enrolled[member] = None
        else:
            left_out.append(LeftOut(member_id=member, reason=reason))
    return list(enrolled), left_out


def _obstacle(
    employer: EmployerId, member: MemberId, period: Period, renewal: bool, desk: Desk, facts: AidFacts
) -> LeftOutReason | None:
    worker = facts.workers.get(member)
    if worker is not None and worker.deceased:
        return LeftOutReason.DECEASED
    if worker is None or not worker.active:
        return LeftOutReason.NOT_A_MEMBER
    if renewal and worker.employer_id != employer:
        return LeftOutReason.LEFT_EMPLOYER
    membership = desk.of(MEMBERSHIP, membership_id(member, period.first))
    if membership is None:
        return None
    here = membership.employer_id == employer
    return LeftOutReason.ENROLLED_HERE if here else LeftOutReason.ENROLLED_ELSEWHERE


def _to_the_end(before: Membership | None, period: Period) -> bool:
    """Whether cover in the period before goes on to the last day before this one."""
    return before is not None and before.cover is not None and before.cover.last + timedelta(days=1) == period.first


def _renew(command: RenewContract, contract: Contract, desk: Desk, facts: AidFacts) -> list[AidEvent]:
    before = facts.rulebook.period_before(facts.federation, command.period)
    if before is None:
        raise refusals.NOTHING_TO_RENEW()
    key = contract_id(command.employer_id, before)
    last = desk.of(CONTRACT, key)
    if not last.covered:
        raise refusals.NOTHING_TO_RENEW()
    part = contract.employer_part if contract.employer_part is not None else last.employer_part
    return _submit(command, last.covered, part, key, contract, desk, facts)


# Premiums


def _receive(
    command: RecordEmployerPremium | RecordWorkerPremium, contract: Contract, desk: Desk, facts: AidFacts
) -> list[AidEvent]:
    enrolment = _standing(command, contract, facts)
    by_employer = isinstance(command, RecordEmployerPremium)
    _must_be_due(enrolment.employer if by_employer else enrolment.worker, command.amount)
    on = facts.day(command.on)
    terms = facts.rulebook.version(enrolment.pool, enrolment.scheme)
    period = terms.period(command.period)
    if on >= period.last:
        raise refusals.PERIOD_OVER(last=period.last.isoformat())
    key = contract_id(command.employer_id, command.period)
    received = (EmployerPremiumReceived if by_employer else WorkerPremiumReceived)(
        contract_id=key,
        employer_id=command.employer_id,
        period=command.period,
        enrolment_id=command.enrolment_id,
        amount=command.amount,
        on=on,
        reference=command.reference,
    )
    share = Share(enrolment.pool, enrolment.county, command.period)
    posted = share.post(PostingKind.CONTRIBUTION, command.amount, on, contract_id=key)
    paid_up = CONTRACT.evolve(contract, received).enrolments[command.enrolment_id]
    return [received, *posted, *_started(command, paid_up, period, desk, terms)]


def _standing(
    command: RecordEmployerPremium | RecordWorkerPremium | WithdrawEnrolment, contract: Contract, facts: AidFacts
) -> Enrolment:
    enrolment = contract.enrolments.get(command.enrolment_id)
    if enrolment is None or facts.federation not in {enrolment.county, enrolment.pool}:
        raise refusals.UNKNOWN_ENROLMENT()
    if enrolment.ended:
        raise refusals.ENROLMENT_ENDED()
    return enrolment


def _must_be_due(part: Part, amount: Fen) -> None:
    if part.due == 0:
        raise refusals.NO_PREMIUM_DUE()
    if part.paid_on is not None:
        raise refusals.PREMIUM_PAID(on=part.paid_on.isoformat())
    if amount != part.due:
        raise refusals.WRONG_PREMIUM(due=cny(part.due), amount=cny(amount))


def _started(
    command: RecordEmployerPremium | RecordWorkerPremium,
    enrolment: Enrolment,
    period: Period,
    desk: Desk,
    terms: SchemeTerms,
) -> list[CoverageStarted]:
    """Of everybody in an enrolment, once both parts are in."""
    if enrolment.paid_up_on is None:
        return []
    first = max(period.first, enrolment.paid_up_on + timedelta(days=1))
    started = []
    for member in enrolment.members:
        key = membership_id(member, period.first)
        membership = desk.of(MEMBERSHIP, key)
        waits = 0 if membership is not None and membership.continuous else terms.waiting_days
        started.append(
            CoverageStarted(
                membership_id=key,
                member_id=member,
                period=period.first,
                employer_id=command.employer_id,
                first=first,
                last=period.last,
                benefits_from=first + timedelta(days=waits),
            )
        )
    return started


# Enrolments that nothing was paid of


def _withdraw(command: WithdrawEnrolment, contract: Contract, facts: AidFacts) -> list[AidEvent]:
    _may_enrol(command, facts)
    enrolment = _standing(command, contract, facts)
    if not enrolment.untouched:
        raise refusals.PARTLY_PAID()
    return _ended(command, enrolment, lapsed=False)


def _lapse(command: LapseEnrolment, contract: Contract, facts: AidFacts) -> list[AidEvent]:
    """One half in keeps the enrolment waiting for the other."""
    enrolment = contract.enrolments.get(command.enrolment_id)
    if enrolment is None or enrolment.ended or not enrolment.untouched or facts.now < enrolment.pay_by:
        return []
    return _ended(command, enrolment, lapsed=True)


def _ended(command: WithdrawEnrolment | LapseEnrolment, enrolment: Enrolment, lapsed: bool) -> list[AidEvent]:
    ended = EnrolmentEnded(
        contract_id=contract_id(command.employer_id, command.period),
        employer_id=command.employer_id,
        period=command.period,
        enrolment_id=command.enrolment_id,
        lapsed=lapsed,
    )
    return [
        ended,
        *(
            MemberReleased(
                membership_id=membership_id(member, command.period),
                member_id=member,
                period=command.period,
                enrolment_id=command.enrolment_id,
            )
            for member in enrolment.members
        ),
    ]


# The end of cover


def end_coverage(command: EndCoverage, desk: Desk, facts: AidFacts) -> list[AidEvent]:
    """Stays that began by the last day stay covered, and claims for them may follow."""
    key = membership_id(command.member_id, command.period)
    membership = desk.of(MEMBERSHIP, key)
    on = facts.day(command.on)
    here = membership is not None and facts.federation in {membership.county, membership.pool}
    if membership is None or membership.cover is None or not here:
        if facts.actor.role is Role.SYSTEM:
            return []
        raise refusals.COVER_NOT_ENDED()
    if on >= membership.cover.last:
        return []
    ended = CoverageEnded(
        membership_id=key, member_id=command.member_id, period=command.period, ground=command.ground, last=on
    )
    return [ended]
