"""The enterprise's cover for a period: enrolled, renewed, and both parts of the premium paid."""

from datetime import date

from deploy.local.demo.aid_desk import Desk
from deploy.local.demo.dongyang import CLERK, County
from shared.schemas.aid import (
    ContractAnswer,
    EnrolmentId,
    RecordEmployerPremium,
    RecordWorkerPremium,
    RenewContract,
    ShowContract,
    SubmitEnrolment,
)
from shared.schemas.ids import new_id
from shared.schemas.messages import Role

__all__ = ["cover", "renew"]


async def cover(desk: Desk, here: County, period: date) -> None:
    """Of everybody."""
    enrolment = EnrolmentId(new_id())
    submit = SubmitEnrolment(
        employer_id=here.employer.employer_id, period=period, enrolment_id=enrolment, members=here.members
    )
    await desk.act(here.chair.acting(Role.CADRE), submit, "not_your_employer", "nobody_to_enrol")
    await _pay(desk, here, period, enrolment)


async def renew(desk: Desk, here: County, period: date) -> None:
    """Of all who were covered in the period before, and live."""
    enrolment = EnrolmentId(new_id())
    again = RenewContract(employer_id=here.employer.employer_id, period=period, enrolment_id=enrolment)
    await desk.act(here.chair.acting(Role.CADRE), again)
    await _pay(desk, here, period, enrolment)


async def _pay(desk: Desk, here: County, period: date, enrolment: EnrolmentId) -> None:
    show = ShowContract(employer_id=here.employer.employer_id, period=period)
    contract: ContractAnswer = await desk.ask(CLERK, show)
    (due,) = (one for one in contract.enrolments if one.enrolment_id == enrolment)
    for kind, amount, words in (
        (RecordEmployerPremium, due.employer_due, "单位"),
        (RecordWorkerPremium, due.worker_due, "个人"),
    ):
        premium = kind(
            employer_id=here.employer.employer_id,
            period=period,
            enrolment_id=enrolment,
            amount=amount,
            reference=f"{words}缴费{period.year}",
        )
        await desk.act(CLERK, premium)
