"""What mutual aid knows of the registry's people, folded in pieces, twice, and in one go."""

from dataclasses import replace
from datetime import date
from typing import Any

from services.aid.people import EmployerRow, Employers, WorkerRow, Workers, as_worker
from shared.eventsourcing.view_specification import ViewSpecification
from shared.schemas.ids import EmployerId, UnionId
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    BankAccountRecorded,
    BankAccountRemoved,
    ConsentGiven,
    ConsentId,
    ConsentPurpose,
    ConsentWithdrawn,
    EmployerAdmitted,
    EmployerRegistered,
    EmployerReleased,
    EndOfMembership,
    ErasureGround,
    MemberErased,
    MemberMoved,
    MembershipEnded,
    UnionDissolved,
    UnionEstablished,
    UnionKind,
)
from tests.services.aid.cases import (
    CABLE,
    CABLE_UNION,
    DONGYANG,
    JANUARY,
    JUNE,
    LI,
    TOYS,
    TOYS_UNION,
    WANG,
    named,
    worker,
)
from tests.services.aid.office import registered

workers = ViewSpecification(Workers(), federation=DONGYANG)
employers = ViewSpecification(Employers(), federation=DONGYANG)

CONSENT = ConsentId(named("同意"))
LI_AT_THE_WORKS = registered(LI, CABLE, CABLE_UNION)


def li(**otherwise: Any) -> WorkerRow:
    return replace(WorkerRow(LI, DONGYANG, CABLE, CABLE_UNION), **otherwise)


def consent(purpose: ConsentPurpose = ConsentPurpose.ACT_ON_BEHALF, until: date | None = None) -> ConsentGiven:
    return ConsentGiven(
        member_id=LI, consent_id=CONSENT, purpose=purpose, to=str(WANG), evidence="委托书", on=JUNE, until=until
    )


def kept(until: date | None = None) -> dict[str, Any]:
    day = until.isoformat() if until else None
    return {"consent_id": str(CONSENT), "to": str(WANG), "on": JUNE.isoformat(), "until": day}


def ended(ground: EndOfMembership) -> MembershipEnded:
    return MembershipEnded(member_id=LI, union_id=CABLE_UNION, employer_id=CABLE, ground=ground, on=JANUARY)


def moved() -> MemberMoved:
    return MemberMoved(
        member_id=LI,
        union_id=TOYS_UNION,
        employer_id=TOYS,
        post=None,
        from_union_id=CABLE_UNION,
        from_employer_id=CABLE,
        on=JANUARY,
    )


# Workers


def test_a_worker_is_where_the_registry_has_them() -> None:
    workers.given(LI_AT_THE_WORKS).shows(li())
    workers.given(LI_AT_THE_WORKS, moved()).shows(li(employer_id=TOYS, union_id=TOYS_UNION))


def test_who_leaves_is_no_member_and_who_has_died_is_neither() -> None:
    workers.given(LI_AT_THE_WORKS, ended(EndOfMembership.RETIRED)).shows(li(ended=True))
    workers.given(LI_AT_THE_WORKS, ended(EndOfMembership.DECEASED)).shows(li(ended=True, deceased=True))


def test_a_death_that_was_recorded_by_mistake_is_undone_by_taking_the_member_in_again() -> None:
    history = (LI_AT_THE_WORKS, ended(EndOfMembership.DECEASED), moved())
    workers.given(*history).shows(li(employer_id=TOYS, union_id=TOYS_UNION))


def test_consents_to_act_on_behalf_are_kept_until_withdrawn_and_others_are_not() -> None:
    workers.given(LI_AT_THE_WORKS, consent()).shows(li(agents=[kept()]))
    workers.given(LI_AT_THE_WORKS, consent(ConsentPurpose.SHARE_WITH_HOSPITAL)).shows(li())
    withdrawn = ConsentWithdrawn(
        member_id=LI,
        consent_id=CONSENT,
        purpose=ConsentPurpose.ACT_ON_BEHALF,
        to=str(WANG),
        evidence=None,
        on=JANUARY,
    )
    workers.given(LI_AT_THE_WORKS, consent(), withdrawn).shows(li())


def test_of_an_account_only_the_position_of_its_last_change_is_kept() -> None:
    recorded = BankAccountRecorded(member_id=LI, account=Personal("6222000000000001"), bank=None)
    workers.given(LI_AT_THE_WORKS, recorded).shows(li(account_position=2))
    workers.given(LI_AT_THE_WORKS, recorded, BankAccountRemoved(member_id=LI)).shows(li(account_position=3))


def test_who_is_erased_lets_nobody_act_for_them() -> None:
    erased = MemberErased(member_id=LI, ground=ErasureGround.UNLAWFUL)
    workers.given(LI_AT_THE_WORKS, consent(), erased).shows(li(ended=True))


def test_a_consent_is_in_force_from_its_first_day_to_its_last() -> None:
    row = li(agents=[kept(until=JANUARY)])
    consented = worker(agents={str(WANG): str(CONSENT)})
    assert as_worker(row, JUNE) == as_worker(row, JANUARY) == consented
    for day in (date(2018, 6, 19), date(2019, 1, 11)):
        assert as_worker(row, day) == worker()


# Employers


def established(union_id: UnionId, *employer_ids: EmployerId) -> UnionEstablished:
    return UnionEstablished(
        union_id=union_id,
        federation=DONGYANG,
        name="工会",
        kind=UnionKind.JOINT,
        employer_ids=employer_ids,
        credit_code=None,
    )


def works(employer_id: EmployerId) -> EmployerRegistered:
    return EmployerRegistered(employer_id=employer_id, federation=DONGYANG, name="厂", credit_code="91330783MA2000001X")


WORKS = (works(CABLE), works(TOYS))


def of(cable: UnionId | None, toys: UnionId | None) -> tuple[EmployerRow, ...]:
    return EmployerRow(CABLE, DONGYANG, cable), EmployerRow(TOYS, DONGYANG, toys)


def test_employers_are_covered_by_the_union_that_was_established_for_them_or_admitted_them() -> None:
    employers.given(*WORKS).shows(*of(None, None))
    employers.given(*WORKS, established(CABLE_UNION, CABLE, TOYS)).shows(*of(CABLE_UNION, CABLE_UNION))
    admitted = EmployerAdmitted(union_id=CABLE_UNION, employer_id=TOYS)
    employers.given(*WORKS, established(CABLE_UNION, CABLE), admitted).shows(*of(CABLE_UNION, CABLE_UNION))


def test_an_employer_that_is_released_or_whose_union_is_dissolved_is_covered_by_none() -> None:
    both = (*WORKS, established(CABLE_UNION, CABLE, TOYS))
    released = EmployerReleased(union_id=CABLE_UNION, employer_id=TOYS)
    employers.given(*both, released).shows(*of(CABLE_UNION, None))
    employers.given(*both, UnionDissolved(union_id=CABLE_UNION, on=JANUARY)).shows(*of(None, None))
