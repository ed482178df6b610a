"""Read models of enrolment: who is covered, what an employer's rosters stand at, and what a ceiling has left."""

from dataclasses import dataclass
from datetime import date, datetime

from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.view import View, on
from shared.schemas.aid import (
    AccountId,
    BenefitReversed,
    BenefitSettled,
    CeilingReleased,
    CeilingReserved,
    ContractId,
    CoverageEnded,
    CoverageStarted,
    EmployerPremiumReceived,
    EnrolmentEnded,
    EnrolmentId,
    EnrolmentSubmitted,
    MemberEnrolled,
    MemberReleased,
    MembershipId,
    PeriodStart,
    WorkerPremiumReceived,
)
from shared.schemas.ids import EmployerId, MemberId
from shared.schemas.messages import Federation
from shared.schemas.money import Fen

__all__ = ["AccountRow", "Accounts", "EnrolmentRow", "Enrolments", "MembershipRow", "Memberships"]


@dataclass(slots=True)
class MembershipRow:
    """`first`, `last` and `benefits_from` are None until both parts are in."""

    membership_id: MembershipId
    member_id: MemberId
    period: PeriodStart
    contract_id: ContractId
    enrolment_id: EnrolmentId
    employer_id: EmployerId
    county: Federation
    pool: Federation
    first: date | None = None
    last: date | None = None
    benefits_from: date | None = None


class Memberships(View[MembershipRow]):
    """Everybody who is enrolled for a period, and the days on which a stay must begin."""

    name, version, key = "memberships", 1, ("membership_id",)
    indexes = (("member_id", "period"), ("contract_id",), ("pool", "period"))

    @on(MemberEnrolled)
    def enrolled(self, rows: Rows[MembershipRow], event: MemberEnrolled, at: Recorded) -> None:
        rows.put(
            MembershipRow(
                event.membership_id,
                event.member_id,
                event.period,
                event.contract_id,
                event.enrolment_id,
                event.employer_id,
                event.county,
                event.pool,
            )
        )

    @on(MemberReleased)
    def released(self, rows: Rows[MembershipRow], event: MemberReleased, at: Recorded) -> None:
        row = rows.find(event.membership_id)
        if row is not None and row.enrolment_id == event.enrolment_id and row.first is None:
            rows.remove(event.membership_id)

    @on(CoverageStarted)
    def started(self, rows: Rows[MembershipRow], event: CoverageStarted, at: Recorded) -> None:
        row = rows.get(event.membership_id)
        row.first, row.last, row.benefits_from = event.first, event.last, event.benefits_from

    @on(CoverageEnded)
    def ended(self, rows: Rows[MembershipRow], event: CoverageEnded, at: Recorded) -> None:
        rows.get(event.membership_id).last = event.last


@dataclass(slots=True)
class EnrolmentRow:
    """`employer_part` and `worker_part` are of the fee a head; a part of which nothing is due is never paid."""

    contract_id: ContractId
    enrolment_id: EnrolmentId
    employer_id: EmployerId
    period: PeriodStart
    county: Federation
    pool: Federation
    members: int
    left_out: int
    employer_part: Fen
    worker_part: Fen
    employer_due: Fen
    worker_due: Fen
    submitted_at: datetime
    pay_by: datetime
    employer_paid_on: date | None = None
    worker_paid_on: date | None = None
    ended: bool = False


class Enrolments(View[EnrolmentRow]):
    """Every roster that was accepted, and what was paid of it."""

    name, version, key = "enrolments", 1, ("contract_id", "enrolment_id")
    indexes = (("county", "period"),)

    @on(EnrolmentSubmitted)
    def submitted(self, rows: Rows[EnrolmentRow], event: EnrolmentSubmitted, at: Recorded) -> None:
        rows.put(
            EnrolmentRow(
                event.contract_id,
                event.enrolment_id,
                event.employer_id,
                event.period,
                event.county,
                event.pool,
                len(event.members),
                len(event.left_out),
                event.employer_part,
                event.worker_part,
                event.employer_due,
                event.worker_due,
                at.meta.time,
                event.pay_by,
            )
        )

    @on(EmployerPremiumReceived)
    def employer_paid(self, rows: Rows[EnrolmentRow], event: EmployerPremiumReceived, at: Recorded) -> None:
        rows.get(event.contract_id, event.enrolment_id).employer_paid_on = event.on

    @on(WorkerPremiumReceived)
    def workers_paid(self, rows: Rows[EnrolmentRow], event: WorkerPremiumReceived, at: Recorded) -> None:
        rows.get(event.contract_id, event.enrolment_id).worker_paid_on = event.on

    @on(EnrolmentEnded)
    def ended(self, rows: Rows[EnrolmentRow], event: EnrolmentEnded, at: Recorded) -> None:
        rows.get(event.contract_id, event.enrolment_id).ended = True


@dataclass(slots=True)
class AccountRow:
    account_id: AccountId
    member_id: MemberId
    period: PeriodStart
    reserved: Fen = 0
    settled: Fen = 0


class Accounts(View[AccountRow]):
    """What is held and what is granted of each ceiling; nobody stands here for whom nothing ever was."""

    name, version, key = "accounts", 1, ("account_id",)
    indexes = (("period",),)

    @on(CeilingReserved)
    def reserved(self, rows: Rows[AccountRow], event: CeilingReserved, at: Recorded) -> None:
        row = rows.find(event.account_id) or AccountRow(event.account_id, event.member_id, event.period)
        row.reserved += event.amount
        rows.put(row)

    @on(CeilingReleased)
    def released(self, rows: Rows[AccountRow], event: CeilingReleased, at: Recorded) -> None:
        rows.get(event.account_id).reserved -= event.amount

    @on(BenefitSettled)
    def settled(self, rows: Rows[AccountRow], event: BenefitSettled, at: Recorded) -> None:
        row = rows.get(event.account_id)
        row.reserved, row.settled = row.reserved - event.amount, row.settled + event.amount

    @on(BenefitReversed)
    def reversed(self, rows: Rows[AccountRow], event: BenefitReversed, at: Recorded) -> None:
        rows.get(event.account_id).settled -= event.amount
