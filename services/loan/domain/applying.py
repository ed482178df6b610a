"""Decisions on an application: who may take which step, and what the rules allow."""

from services.loan import refusals
from services.loan.assessment import AssessedLimit
from services.loan.domain.application import Application, Dossier, Endorsed, Filed, NoApplication, Recommended, UnderWay
from services.loan.domain.desk import Desk, LoanEvent
from services.loan.domain.facts import LoanFacts, assessed, plain
from services.loan.domain.line import NoLine
from services.loan.interest import add_months
from services.loan.rules import Policy
from shared.schemas.loan import (
    AcceptLoan,
    ApplicationCommand,
    ApplicationEnded,
    ApplicationFiled,
    ApplicationLapsed,
    ApplicationNoted,
    ApplicationReassessed,
    ApplicationRecommended,
    ApplicationRejected,
    ApplicationWithdrawn,
    ApplyForLoan,
    Borrower,
    CapReserved,
    DeclineLoan,
    EndorseApplication,
    EndorsementWithdrawn,
    Finding,
    LapseApplication,
    LineOpened,
    LoanAccepted,
    LoanDeclined,
    LoanEndorsed,
    RecommendApplication,
    RejectApplication,
    Tier,
    WithdrawApplication,
)
from shared.schemas.messages import Refused, Role
from shared.schemas.money import cny
from shared.schemas.personal import Personal

__all__ = ["decide"]


def decide(command: ApplicationCommand, desk: Desk, facts: LoanFacts) -> list[LoanEvent]:
    match command, desk.application:
        case ApplyForLoan(), NoApplication():
            return _apply(command, desk, facts)
        case ApplyForLoan(), _:
            raise refusals.APPLICATION_EXISTS()
        case LapseApplication(stage=stage), Filed() | Recommended() | Endorsed() as state:
            return _lapse(state, facts) if state.stage is stage and facts.now >= state.act_by else []
        case LapseApplication(), _:
            return []
        case _, NoApplication():
            raise refusals.UNKNOWN_APPLICATION()
        case RecommendApplication(), Filed() as state:
            return _recommend(state, facts)
        case EndorseApplication(), Recommended() as state:
            return _endorse(state, facts)
        case RejectApplication(), Filed() | Recommended() as state:
            return _reject(command, state, facts)
        case WithdrawApplication(), Filed() | Recommended() | Endorsed() as state:
            return _withdraw(state, facts)
        case AcceptLoan(), Endorsed() as state:
            return _accept(command, state, desk, facts)
        case DeclineLoan(), Endorsed() as state:
            return _decline(command, state, facts)
        case _, state:
            raise _not_now(state)


def _not_now(state: Application) -> Refused:
    return refusals.NOT_AT_THIS_STAGE(stage=state.words)


def _apply(command: ApplyForLoan, desk: Desk, facts: LoanFacts) -> list[LoanEvent]:
    facts.must_be(command.member_id)
    member, tier, policy = facts.borrower, facts.eligible_tier(), facts.policy
    facts.must_have_consent(policy.terms.bank)
    household = desk.household(member.household_id)
    household.may_apply(command.member_id)
    cap = policy.cap(tier)
    if command.amount > cap:
        raise refusals.ABOVE_TIER_CAP(tier=tier.term, cap=cny(cap), amount=cny(command.amount))
    limit = _assessed(policy, tier, command.borrower)
    household.must_have_room(cap, command.amount)
    filed = ApplicationFiled(
        application_id=command.application_id,
        member_id=command.member_id,
        household_id=member.household_id,
        union_id=member.union_id,
        bank=policy.terms.bank,
        borrower=Personal(command.borrower),
        amount=command.amount,
        tier=tier,
        cap=cap,
        assessed=limit.limit,
        findings=_findings(limit),
        rate=facts.line_rate(tier, policy.terms.line.validity_months),
        recommend_by=facts.days_ahead(policy.terms.deadlines.recommendation_days),
    )
    noted = ApplicationNoted(
        household_id=member.household_id, member_id=command.member_id, application_id=command.application_id
    )
    return [filed, noted]


def _assessed(policy: Policy, tier: Tier, borrower: Borrower) -> AssessedLimit:
    limit = assessed(policy, tier, borrower)
    if limit.limit == 0:
        raise refusals.NOTHING_ASSESSED(findings="；".join(finding.words for finding in limit.findings))
    return limit


def _findings(limit: AssessedLimit) -> Personal[tuple[Finding, ...]]:
    return Personal(tuple(Finding.model_validate(finding) for finding in limit.findings))


def _another_person(dossier: Dossier, facts: LoanFacts) -> None:
    if facts.actor.id == str(dossier.member_id):
        raise refusals.OWN_APPLICATION()


def _own_union(dossier: Dossier, facts: LoanFacts) -> None:
    if dossier.union_id not in facts.acts_for:
        raise refusals.NOT_YOUR_UNION()


def _recommend(state: Filed, facts: LoanFacts) -> list[LoanEvent]:
    _another_person(state.dossier, facts)
    _own_union(state.dossier, facts)
    recommended = ApplicationRecommended(
        application_id=state.dossier.application_id,
        member_id=state.dossier.member_id,
        by=facts.actor.id,
        endorse_by=facts.days_ahead(facts.policy.terms.deadlines.endorsement_days),
    )
    return [recommended]


def _endorse(state: Recommended, facts: LoanFacts) -> list[LoanEvent]:
    dossier, policy = state.dossier, facts.policy
    _another_person(dossier, facts)
    if facts.actor.id == state.by:
        raise refusals.SAME_PERSON_TWICE()
    means = facts.known_means
    facts.must_have_consent(dossier.bank)
    tier = facts.eligible_tier()
    limit = _assessed(policy, tier, means)
    reassessed = ApplicationReassessed(
        application_id=dossier.application_id, member_id=dossier.member_id, findings=_findings(limit)
    )
    endorsed = LoanEndorsed(
        application_id=dossier.application_id,
        bank=dossier.bank,
        member_id=dossier.member_id,
        by=facts.actor.id,
        amount=dossier.amount,
        tier=tier,
        cap=limit.cap,
        assessed=limit.limit,
        rate=facts.line_rate(tier, policy.terms.line.validity_months),
        answer_by=facts.days_ahead(policy.terms.deadlines.bank_answer_days),
    )
    return [reassessed, endorsed]


def _reject(command: RejectApplication, state: Filed | Recommended, facts: LoanFacts) -> list[LoanEvent]:
    _another_person(state.dossier, facts)
    match facts.actor.role, state:
        case Role.CADRE, Filed():
            _own_union(state.dossier, facts)
        case Role.OFFICER, Recommended():
            pass
        case _:
            raise _not_now(state)
    rejected = ApplicationRejected(
        application_id=state.dossier.application_id,
        member_id=state.dossier.member_id,
        stage=state.stage,
        ground=command.ground,
        by=facts.actor.id,
    )
    return [rejected, _ended(state.dossier)]


def _withdraw(state: UnderWay, facts: LoanFacts) -> list[LoanEvent]:
    dossier = state.dossier
    facts.must_be(dossier.member_id)
    withdrawn = ApplicationWithdrawn(
        application_id=dossier.application_id, member_id=dossier.member_id, stage=state.stage
    )
    return [withdrawn, *_bank_told(state), _ended(dossier)]


def _lapse(state: UnderWay, facts: LoanFacts) -> list[LoanEvent]:
    dossier = state.dossier
    lapsed = ApplicationLapsed(application_id=dossier.application_id, member_id=dossier.member_id, stage=state.stage)
    return [lapsed, *_bank_told(state), _ended(dossier)]


def _bank_told(state: UnderWay) -> list[LoanEvent]:
    if not isinstance(state, Endorsed):
        return []
    dossier = state.dossier
    return [EndorsementWithdrawn(application_id=dossier.application_id, bank=dossier.bank, member_id=dossier.member_id)]


def _decline(command: DeclineLoan, state: Endorsed, facts: LoanFacts) -> list[LoanEvent]:
    dossier = state.dossier
    facts.must_be_bank(dossier.bank)
    declined = LoanDeclined(
        application_id=dossier.application_id, member_id=dossier.member_id, bank=dossier.bank, ground=command.ground
    )
    return [declined, _ended(dossier)]


def _accept(command: AcceptLoan, state: Endorsed, desk: Desk, facts: LoanFacts) -> list[LoanEvent]:
    """The line counts in the household that the member is of today."""
    dossier = state.dossier
    facts.must_be_bank(dossier.bank)
    if not isinstance(desk.line, NoLine):
        raise refusals.LINE_ID_USED()
    tier = facts.eligible_tier()
    cap = facts.policy.cap(tier)
    _within_rules(command, state, tier, facts)
    household_id = facts.borrower.household_id
    household = desk.household(household_id)
    household.has_no_line(dossier.member_id)
    household.must_have_room(cap, command.limit)
    accepted = LoanAccepted(
        application_id=dossier.application_id,
        member_id=dossier.member_id,
        bank=dossier.bank,
        line_id=command.line_id,
        limit=command.limit,
        months=command.months,
        annual_percent=command.annual_percent,
    )
    reserved = CapReserved(
        household_id=household_id,
        line_id=command.line_id,
        member_id=dossier.member_id,
        cap=cap,
        amount=command.limit,
    )
    return [accepted, _line_opened(command, dossier, tier, facts), _ended(dossier), reserved]


def _within_rules(command: AcceptLoan, state: Endorsed, tier: Tier, facts: LoanFacts) -> None:
    policy = facts.policy
    shortest, longest = policy.terms.product.shortest_months, policy.terms.line.validity_months
    if not shortest <= command.months <= longest:
        raise refusals.LINE_TERM_NOT_OFFERED(months=command.months, shortest=shortest, longest=longest)
    cap, allowed = policy.cap(tier), min(state.assessed, state.dossier.amount)
    if command.limit > cap:
        raise refusals.ABOVE_TIER_CAP(tier=tier.term, cap=cny(cap), amount=cny(command.limit))
    if command.limit > allowed:
        raise refusals.ABOVE_ASSESSED(assessed=cny(allowed))
    rate = facts.line_rate(tier, command.months)
    if command.annual_percent > rate.annual_percent:
        raise refusals.ABOVE_TIER_RATE(tier=tier.term, annual_percent=plain(rate.annual_percent))


def _line_opened(command: AcceptLoan, dossier: Dossier, tier: Tier, facts: LoanFacts) -> LineOpened:
    today = facts.today
    return LineOpened(
        line_id=command.line_id,
        application_id=dossier.application_id,
        member_id=dossier.member_id,
        household_id=facts.borrower.household_id,
        union_id=facts.borrower.union_id,
        bank=dossier.bank,
        tier=tier,
        limit=command.limit,
        annual_percent=command.annual_percent,
        allocation=facts.policy.terms.product.allocation,
        opened_on=today,
        expires_on=add_months(today, command.months),
    )


def _ended(dossier: Dossier) -> ApplicationEnded:
    return ApplicationEnded(
        household_id=dossier.household_id, member_id=dossier.member_id, application_id=dossier.application_id
    )
