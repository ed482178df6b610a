"""A worker's cover and what is left of the ceiling; an employer's rosters, and whom they leave out."""

from datetime import date

from services.aid import refusals
from services.aid.answers.concerned import must_concern, rules_of
from services.aid.people import Employers, employers_of
from services.aid.views import Accounts, EnrolmentRow, Enrolments, MembershipRow, Memberships
from shared.people import unions_of
from shared.runtime.queries import Asked
from shared.schemas.aid import (
    ContractAnswer,
    CoverAnswer,
    CoverStatus,
    EnrolmentAnswer,
    EnrolmentStatus,
    ShowContract,
    ShowCover,
    account_id,
    contract_id,
    membership_id,
)
from shared.schemas.ids import EmployerId
from shared.schemas.messages import Role

__all__ = ["must_be_in_charge", "show_contract", "show_cover"]


async def show_cover(query: ShowCover, asked: Asked) -> CoverAnswer:
    """The ceiling is that of a stay that would begin today, or on the day of the period that is next to today."""
    await must_concern(query.member_id, asked)
    rules = await rules_of(asked)
    first = query.period or rules.at(asked.federation, asked.today).period(asked.today).first
    _, period = rules.period(asked.federation, first)
    row = await asked.read_models.one(Memberships, membership_id(query.member_id, first))
    account = await asked.read_models.one(Accounts, account_id(query.member_id, first))
    settled, reserved = (account.settled, account.reserved) if account is not None else (0, 0)
    county = asked.federation if row is None else row.county
    ceiling = rules.at(county, min(max(asked.today, period.first), period.last)).ceiling
    return CoverAnswer(
        member_id=query.member_id,
        period=first,
        status=_status(row, asked.today),
        employer_id=None if row is None else row.employer_id,
        first=None if row is None else row.first,
        last=None if row is None else row.last,
        benefits_from=None if row is None else row.benefits_from,
        ceiling=ceiling,
        settled=settled,
        reserved=reserved,
        left=max(0, ceiling - settled - reserved),
    )


def _status(row: MembershipRow | None, today: date) -> CoverStatus:
    if row is None:
        return CoverStatus.NONE
    if row.last is None:
        return CoverStatus.ENROLLED
    return CoverStatus.COVERED if today <= row.last else CoverStatus.ENDED


GAPS = """
    select member_id from aid.workers w where employer_id = $1 and not ended
    and not exists (select from aid.memberships m where m.member_id = w.member_id and m.period = $2) order by 1
"""


async def must_be_in_charge(employer_id: EmployerId, asked: Asked) -> None:
    """Refused (`unknown_employer`, `not_your_employer`)."""
    employer = await asked.read_models.one(Employers, employer_id)
    if employer is None or employer.federation != asked.federation:
        raise refusals.UNKNOWN_EMPLOYER()
    if asked.actor.role is Role.CADRE:
        unions = await unions_of(asked.actor, asked.read_models)
        if employer_id not in await employers_of(unions, asked.read_models):
            raise refusals.NOT_YOUR_EMPLOYER()


async def show_contract(query: ShowContract, asked: Asked) -> ContractAnswer:
    await must_be_in_charge(query.employer_id, asked)
    scheme, _ = (await rules_of(asked)).period(asked.federation, query.period)
    key = contract_id(query.employer_id, query.period)
    enrolments = await asked.read_models.some(Enrolments, "contract_id = $1 order by submitted_at, enrolment_id", key)
    part = next((row.employer_part for row in enrolments if not row.ended), scheme.employer_part)
    waiting = await asked.read_models.some(Memberships, "contract_id = $1 and first is null order by member_id", key)
    gaps = await asked.read_models.pool.fetch(GAPS, query.employer_id, query.period)
    return ContractAnswer(
        contract_id=key,
        employer_id=query.employer_id,
        period=query.period,
        employer_part=part,
        worker_part=scheme.fee - part,
        enrolments=tuple(_enrolment(row) for row in enrolments),
        covered=await asked.read_models.count(Memberships, "contract_id = $1 and first is not null", key),
        gaps=tuple(record["member_id"] for record in gaps),
        waiting=tuple(row.member_id for row in waiting),
    )


def _enrolment(row: EnrolmentRow) -> EnrolmentAnswer:
    return EnrolmentAnswer(
        enrolment_id=row.enrolment_id,
        status=_paid(row),
        members=row.members,
        employer_due=row.employer_due,
        worker_due=row.worker_due,
        employer_paid_on=row.employer_paid_on,
        worker_paid_on=row.worker_paid_on,
        pay_by=row.pay_by,
    )


def _paid(row: EnrolmentRow) -> EnrolmentStatus:
    if row.ended:
        return EnrolmentStatus.ENDED
    parts = ((row.employer_due, row.employer_paid_on), (row.worker_due, row.worker_paid_on))
    if all(due == 0 or paid_on is not None for due, paid_on in parts):
        return EnrolmentStatus.COVERED
    paid = any(paid_on is not None for _, paid_on in parts)
    return EnrolmentStatus.HALF_PAID if paid else EnrolmentStatus.UNPAID
