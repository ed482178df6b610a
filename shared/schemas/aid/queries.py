"""What may be asked about mutual aid, and the shapes of the answers."""

from datetime import date
from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from shared.schemas.aid.terms import (
    AppointmentId,
    Assessment,
    Care,
    Channel,
    ClaimId,
    ContractId,
    Document,
    EnrolmentId,
    HospitalCode,
    LedgerAccount,
    PeriodStart,
    SettlementNumber,
    SlotId,
)
from shared.schemas.ids import EmployerId, MemberId, UnionId
from shared.schemas.messages import Federation, Instant, Query, Role
from shared.schemas.money import Fen

__all__ = [
    "BookedAppointment",
    "ClaimAnswer",
    "ClaimStatus",
    "ContractAnswer",
    "CoverAnswer",
    "CoverStatus",
    "DeskAnswer",
    "EnrolmentAnswer",
    "EnrolmentStatus",
    "FindClaims",
    "FindSlots",
    "FundAnswer",
    "FundShare",
    "HospitalDayAnswer",
    "SettlementAnswer",
    "SettlementStatus",
    "ShowClaim",
    "ShowContract",
    "ShowCover",
    "ShowDesk",
    "ShowFund",
    "ShowHospitalDay",
    "ShowSettlement",
    "SlotAnswer",
]

CONCERNED = frozenset({Role.MEMBER, Role.CADRE, Role.OFFICER, Role.OPERATOR, Role.SYSTEM})
FEDERATION = frozenset({Role.OFFICER, Role.OPERATOR})


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


# Cover


class CoverStatus(StrEnum):
    NONE = "none"  # 未参保
    ENROLLED = "enrolled"  # 已登记待缴费
    COVERED = "covered"  # 保障中
    ENDED = "ended"  # 已终止


class CoverAnswer(Answer):
    """A worker's cover in a period, and what is left of the ceiling."""

    member_id: MemberId
    period: PeriodStart
    status: CoverStatus
    employer_id: EmployerId | None
    first: date | None
    last: date | None
    benefits_from: date | None
    ceiling: Fen
    settled: Fen
    reserved: Fen
    left: Fen


class ShowCover(Query[CoverAnswer]):
    """A member asks for their own, a cadre for those of their union. Today's period, where it isn't said."""

    roles: ClassVar[frozenset[Role]] = CONCERNED

    member_id: MemberId
    period: PeriodStart | None = None


class EnrolmentStatus(StrEnum):
    UNPAID = "unpaid"  # 待缴费
    HALF_PAID = "half_paid"  # 一方未缴
    COVERED = "covered"  # 已生效
    ENDED = "ended"  # 已撤回或失效


class EnrolmentAnswer(Answer):
    enrolment_id: EnrolmentId
    status: EnrolmentStatus
    members: int
    employer_due: Fen
    worker_due: Fen
    employer_paid_on: date | None
    worker_paid_on: date | None
    pay_by: Instant


class ContractAnswer(Answer):
    contract_id: ContractId
    employer_id: EmployerId
    period: PeriodStart
    employer_part: Fen
    worker_part: Fen
    enrolments: tuple[EnrolmentAnswer, ...]
    covered: int
    gaps: tuple[MemberId, ...]
    """Members of the employer whom nobody has enrolled."""


class ShowContract(Query[ContractAnswer]):
    roles: ClassVar[frozenset[Role]] = frozenset({Role.CADRE, Role.OFFICER, Role.OPERATOR})

    employer_id: EmployerId
    period: PeriodStart


# Claims


class ClaimStatus(StrEnum):
    FILED = "filed"  # 已受理
    ASSESSED = "assessed"  # 已初审
    REVIEWED = "reviewed"  # 已复核
    QUOTED = "quoted"  # 一站式待确认
    APPROVED = "approved"  # 已审批待支付
    SETTLED = "settled"  # 已支付
    REJECTED = "rejected"  # 未通过
    WITHDRAWN = "withdrawn"  # 已撤回
    LAPSED = "lapsed"  # 报价失效
    REVERSED = "reversed"  # 已冲正


class ClaimAnswer(Answer):
    """Diagnosis and hospital are for whoever handles the claim, and for the member."""

    claim_id: ClaimId
    member_id: MemberId
    channel: Channel
    status: ClaimStatus
    period: PeriodStart
    county: Federation
    care: Care
    admitted_on: date
    discharged_on: date
    diagnosis: str | None
    hospital: str | None
    assessment: Assessment | None
    granted: Fen
    paid: Fen
    missing: tuple[Document, ...]
    supply_by: Instant | None
    filed_at: Instant


class ShowClaim(Query[ClaimAnswer]):
    roles: ClassVar[frozenset[Role]] = CONCERNED

    claim_id: ClaimId


class FindClaims(Query[tuple[ClaimAnswer, ...]]):
    """All claims of a member, or, for a cadre, of a union's members; newest first."""

    roles: ClassVar[frozenset[Role]] = CONCERNED

    member_id: MemberId | None = None
    union_id: UnionId | None = None


class DeskAnswer(Answer):
    """What waits at a county's desk, most urgent first."""

    to_complete: tuple[ClaimAnswer, ...]
    """Documents are missing; by the day that they fall due."""
    to_assess: tuple[ClaimAnswer, ...]
    to_review: tuple[ClaimAnswer, ...]
    to_approve: tuple[ClaimAnswer, ...]
    to_pay: tuple[ClaimAnswer, ...]


class ShowDesk(Query[DeskAnswer]):
    roles: ClassVar[frozenset[Role]] = FEDERATION


# One-stop settlement


class SettlementStatus(StrEnum):
    QUOTED = "quoted"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    LAPSED = "lapsed"


class SettlementAnswer(Answer):
    """What a hospital is told of a settlement of its own."""

    hospital: HospitalCode
    settlement_number: SettlementNumber
    claim_id: ClaimId
    status: SettlementStatus
    amount: Fen
    words: tuple[str, ...]
    """Why it is not more, for the patient."""
    valid_until: Instant | None
    confirmed_on: date | None


class ShowSettlement(Query[SettlementAnswer]):
    roles: ClassVar[frozenset[Role]] = frozenset({Role.HOSPITAL, Role.OFFICER, Role.OPERATOR})

    hospital: HospitalCode
    settlement_number: SettlementNumber


class HospitalDayAnswer(Answer):
    """A hospital's settlements that were confirmed or cancelled on a day."""

    hospital: HospitalCode
    on: date
    settlements: tuple[SettlementAnswer, ...]
    confirmed: Fen
    cancelled: Fen


class ShowHospitalDay(Query[HospitalDayAnswer]):
    roles: ClassVar[frozenset[Role]] = frozenset({Role.HOSPITAL, Role.OFFICER, Role.OPERATOR})

    hospital: HospitalCode
    on: date


# The fund


class FundShare(Answer):
    """A county's share of a pool in a period; `balances` by account, debits above zero."""

    county: Federation
    insured: int
    claims: int
    balances: dict[LedgerAccount, Fen]


class FundAnswer(Answer):
    """Contributions, benefits, and the ratio of these to those; `projected` is at the end of the period."""

    pool: Federation
    period: PeriodStart
    on: date
    contributions: Fen
    benefits: Fen
    claims_ratio: float | None
    projected_benefits: Fen
    projected_ratio: float | None
    shares: tuple[FundShare, ...]


class ShowFund(Query[FundAnswer]):
    roles: ClassVar[frozenset[Role]] = FEDERATION

    period: PeriodStart
    on: date | None = None


# Appointments


class BookedAppointment(Answer):
    appointment_id: AppointmentId
    member_id: MemberId


class SlotAnswer(Answer):
    """Who has booked is for the federation."""

    slot_id: SlotId
    place: str
    starts_at: Instant
    ends_at: Instant
    left: int
    booked: tuple[BookedAppointment, ...]


class FindSlots(Query[tuple[SlotAnswer, ...]]):
    roles: ClassVar[frozenset[Role]] = CONCERNED

    since: date | None = None
