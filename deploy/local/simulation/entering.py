"""The county before the half-year: its enterprises, unions and workers in the registry, and their cover paid for."""

from collections.abc import Callable
from datetime import date
from operator import itemgetter
from typing import Final

from deploy.local.simulation.claims import Case
from deploy.local.simulation.people import Enterprise, Worker
from deploy.local.simulation.plan import Plan
from deploy.local.simulation.wire import Wire, all_of
from shared.schemas.aid import Channel, RecordEmployerPremium, RecordWorkerPremium, ShowCover, SubmitEnrolment
from shared.schemas.ids import derived_id
from shared.schemas.messages import Actor, Refused, Role
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    AppointUnionContact,
    EnterRosterRow,
    EstablishUnion,
    GiveConsent,
    RegisterEmployer,
    RegisterFederation,
)
from shared.schemas.registry.values import ConsentId, ConsentPurpose, FederationLevel, UnionKind, UnionPost

__all__ = ["OFFICER", "enrol", "enter", "found"]

OPERATOR: Final = Actor(role=Role.OPERATOR, id="simulation")
OFFICER: Final = Actor(role=Role.OFFICER, id="jinbanren")
"""经办人, of the county's service centre."""


async def found(wire: Wire, plan: Plan, done: Callable[[], None]) -> None:
    """The federation, and at each enterprise a union."""
    federation = RegisterFederation(code=plan.figures.federation, name="东阳市总工会", level=FederationLevel.COUNTY)
    await wire.send("registry", OPERATOR, federation, "")
    await all_of((_union(wire, enterprise) for enterprise in plan.enterprises), done)


async def _union(wire: Wire, enterprise: Enterprise) -> None:
    register = RegisterEmployer(
        employer_id=enterprise.employer_id, name=enterprise.name, credit_code=enterprise.credit_code
    )
    await wire.send("registry", OFFICER, register, str(enterprise.number))
    establish = EstablishUnion(
        union_id=enterprise.union_id,
        name=f"{enterprise.name}工会",
        kind=UnionKind.SINGLE,
        employer_ids=(enterprise.employer_id,),
    )
    await wire.send("registry", OFFICER, establish, str(enterprise.number))


async def enter(wire: Wire, plan: Plan, done: Callable[[], None]) -> None:
    """Every worker by a row of their union's roster, then the chairs, and who lets theirs act on their behalf."""
    rows = (_row(wire, plan.enterprises[worker.enterprise], worker) for worker in plan.workers)
    positions = await all_of(rows, done)
    await all_of(_chair(wire, enterprise) for enterprise in plan.enterprises)
    by_proxy = {case.patient.number: case for case in plan.cases if case.channel is Channel.PROXY}
    await all_of(_consent(wire, plan, case) for case in by_proxy.values())
    _, last = max(zip(positions, plan.workers, strict=True), key=itemgetter(0))
    await _heard_of(wire, plan, last)


async def _heard_of(wire: Wire, plan: Plan, worker: Worker) -> None:
    """Until mutual aid knows the worker, and so all who were entered before: others a roster would leave out."""

    async def known() -> bool | None:
        try:
            await wire.ask(OFFICER, ShowCover(member_id=worker.member_id, period=plan.figures.period))
        except Refused as refused:
            if refused.refusal.code != "not_a_member":
                raise
            return None
        return True

    await wire.until(known)


async def _row(wire: Wire, enterprise: Enterprise, worker: Worker) -> int:
    """The position in the registry's log."""
    row = EnterRosterRow(
        member_id=worker.member_id,
        household_id=worker.household_id,
        union_id=enterprise.union_id,
        employer_id=enterprise.employer_id,
        name=Personal(worker.name),
        id_number=Personal(worker.id_number),
        phone=Personal(worker.phone),
        account=Personal(worker.account),
        bank=Personal(worker.bank),
    )
    return (await wire.send("registry", OFFICER, row, str(worker.number))).position


async def _chair(wire: Wire, enterprise: Enterprise) -> None:
    appoint = AppointUnionContact(
        union_id=enterprise.union_id, member_id=enterprise.chair.member_id, post=UnionPost.CHAIR
    )
    await wire.send("registry", OFFICER, appoint, str(enterprise.number))


async def _consent(wire: Wire, plan: Plan, case: Case) -> None:
    consent = GiveConsent(
        member_id=case.patient.member_id,
        consent_id=ConsentId(derived_id(plan.root, f"consent {case.patient.number}")),
        purpose=ConsentPurpose.ACT_ON_BEHALF,
        to=str(plan.enterprises[case.patient.enterprise].chair.member_id),
        evidence=f"委托书-{case.patient.number:05d}",
    )
    await wire.send("registry", case.patient.acting(), consent, str(case.patient.number))


async def enrol(wire: Wire, plan: Plan, day: date, done: Callable[[], None]) -> None:
    """The rosters of a day, and the premiums that come in on it."""
    await all_of((_roster(wire, plan, one) for one in plan.enterprises if one.enrolled_on == day), done)
    await all_of(_employers_part(wire, plan, one) for one in plan.enterprises if one.employer_paid_on == day)
    await all_of((_workers_part(wire, plan, one) for one in plan.enterprises if one.worker_paid_on == day), done)


async def _roster(wire: Wire, plan: Plan, enterprise: Enterprise) -> None:
    submit = SubmitEnrolment(
        employer_id=enterprise.employer_id,
        period=plan.figures.period,
        enrolment_id=enterprise.enrolment_id,
        members=tuple(worker.member_id for worker in enterprise.workers),
        employer_part=enterprise.employer_part,
    )
    await wire.send("aid", OFFICER, submit, str(enterprise.number), "busy")


async def _employers_part(wire: Wire, plan: Plan, enterprise: Enterprise) -> None:
    receive = RecordEmployerPremium(
        employer_id=enterprise.employer_id,
        period=plan.figures.period,
        enrolment_id=enterprise.enrolment_id,
        amount=enterprise.employer_part * len(enterprise.workers),
        reference=f"单位缴费-{enterprise.number:04d}",
    )
    await wire.send("aid", OFFICER, receive, str(enterprise.number))


async def _workers_part(wire: Wire, plan: Plan, enterprise: Enterprise) -> None:
    """None, where the employer pays the whole fee."""
    amount = (plan.fee - enterprise.employer_part) * len(enterprise.workers)
    if amount:
        receive = RecordWorkerPremium(
            employer_id=enterprise.employer_id,
            period=plan.figures.period,
            enrolment_id=enterprise.enrolment_id,
            amount=amount,
            reference=f"个人缴费-{enterprise.number:04d}",
        )
        await wire.send("aid", OFFICER, receive, str(enterprise.number))
