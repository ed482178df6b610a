"""What may be asked about mutual aid, and the shapes of the answers."""

from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from shared.schemas.aid.terms import (
    AppointmentId,
    Assessment,
    Bill,
    Care,
    Channel,
    ClaimId,
    ContractId,
    Document,
    EnrolmentId,
    HospitalCode,
    InvoiceNumber,
    PeriodStart,
    RejectionGround,
    SettlementNumber,
    SlotId,
)
from shared.schemas.ids import EmployerId, MemberId, UnionId
from shared.schemas.messages import Federation, Instant, Query, Role
from shared.schemas.money import Fen, NonNegativeFen
from shared.schemas.personal import Personal

__all__ = [
    "BookedAppointment",
    "ClaimAnswer",
    "ClaimStatus",
    "ContractAnswer",
    "CoverAnswer",
    "CoverStatus",
    "DeskAnswer",
    "DifferenceAnswer",
    "DifferenceKind",
    "EnrolmentAnswer",
    "EnrolmentStatus",
    "FindClaims",
    "FindSlots",
    "HospitalDayAnswer",
    "HospitalLine",
    "ReconcileHospitalDay",
    "ReconciliationAnswer",
    "SettlementAnswer",
    "SettlementStatus",
    "ShowClaim",
    "ShowContract",
    "ShowCover",
    "ShowDesk",
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
    """Of the fee a head, as it was agreed, or as the scheme has it where nothing was."""
    enrolments: tuple[EnrolmentAnswer, ...]
    covered: int
    gaps: tuple[MemberId, ...]
    """Members of the employer whom nobody has enrolled."""
    waiting: tuple[MemberId, ...]
    """Enrolled here, and not covered, since a part of the fee is not in."""


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
    """Diagnosis and hospital are for whoever handles the claim, and for the member, and stand in the answer on one
    claim alone. A cadre is told of bill and assessment where they filed the claim themselves."""

    claim_id: ClaimId
    member_id: MemberId
    channel: Channel
    status: ClaimStatus
    period: PeriodStart
    county: Federation
    care: Care
    admitted_on: date
    discharged_on: date
    diagnosis: Personal[str] | None
    hospital: Personal[str] | None
    bill: Bill | None
    assessment: Assessment | None
    why: tuple[str, ...]
    """How the amount comes about, or why there is none, step by step, each with its clause (中文)."""
    granted: Fen
    paid: Fen
    paid_on: date | None
    owed_back: Fen
    """Paid, and not granted any more."""
    missing: tuple[Document, ...]
    supply_by: Instant | None
    conflicts: tuple[InvoiceNumber, ...]
    """Invoices that count for another claim; for whoever handles this one."""
    ground: RejectionGround | None
    clause: str | None
    """Why it was turned down, or a reopening changed nothing."""
    filed_at: Instant


class ShowClaim(Query[ClaimAnswer]):
    roles: ClassVar[frozenset[Role]] = CONCERNED

    claim_id: ClaimId


class FindClaims(Query[tuple[ClaimAnswer, ...]]):
    """The claims of a member, or of a union's members, newest first. Where neither is said: a member's own, and of all
    the unions that a cadre acts for."""

    roles: ClassVar[frozenset[Role]] = CONCERNED

    member_id: MemberId | None = None
    union_id: UnionId | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 100
    beyond: ClaimId | None = None
    """The last claim of the page before."""


class DeskAnswer(Answer):
    """What waits at a county's desk, most urgent first: what it took in, and what its share of the fund bears. Of each
    list the first hundred."""

    waiting: int
    """All of it."""
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
    """A hospital's settlements that were confirmed or cancelled on a day, each as it stood at the end of it."""

    hospital: HospitalCode
    on: date
    settlements: tuple[SettlementAnswer, ...]
    confirmed: Fen
    """On this day, also of what was cancelled on the same."""
    cancelled: Fen
    """On this day, of what had been confirmed on whichever."""


class ShowHospitalDay(Query[HospitalDayAnswer]):
    roles: ClassVar[frozenset[Role]] = frozenset({Role.HOSPITAL, Role.OFFICER, Role.OPERATOR})

    hospital: HospitalCode
    on: date


class DifferenceKind(StrEnum):
    """How the two sides of a day differ."""

    ONLY_THE_FUNDS = "only_the_funds"  # 医院无此结算
    ONLY_THE_HOSPITALS = "only_the_hospitals"  # 基金无此结算
    AMOUNT = "amount"  # 金额不符
    STATUS = "status"  # 状态不符
    TWICE = "twice"  # 医院重复列报


class HospitalLine(Answer):
    """A line of either side's day."""

    settlement_number: SettlementNumber
    status: SettlementStatus
    amount: NonNegativeFen


class DifferenceAnswer(Answer):
    kind: DifferenceKind
    settlement_number: SettlementNumber
    ours: HospitalLine | None
    theirs: HospitalLine | None


class ReconciliationAnswer(Answer):
    """Nothing in `differences`: both sides agree."""

    hospital: HospitalCode
    on: date
    agreed: int
    differences: tuple[DifferenceAnswer, ...]


class ReconcileHospitalDay(Query[ReconciliationAnswer]):
    """The hospital's list of a day (日对账), compared with the fund's: every difference, in both directions."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.HOSPITAL, Role.OFFICER, Role.OPERATOR})

    hospital: HospitalCode
    on: date
    lines: Annotated[tuple[HospitalLine, ...], Field(max_length=10_000)]


# Appointments


class BookedAppointment(Answer):
    appointment_id: AppointmentId
    member_id: MemberId


class SlotAnswer(Answer):
    """Who has booked is for the federation; a member is told of their own booking."""

    slot_id: SlotId
    place: str
    starts_at: Instant
    ends_at: Instant
    left: int
    booked: tuple[BookedAppointment, ...]


class FindSlots(Query[tuple[SlotAnswer, ...]]):
    roles: ClassVar[frozenset[Role]] = CONCERNED

    since: date | None = None
