"""What may be asked about mutual aid, and the shapes of the answers."""

from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from shared.schemas.aid.terms import (
    AppointmentId,
    Assessment,
    BatchId,
    Bill,
    Care,
    Channel,
    ClaimId,
    ContractId,
    Document,
    EnrolmentId,
    HospitalCode,
    InvoiceNumber,
    LedgerAccount,
    Payee,
    PaymentId,
    PeriodStart,
    RejectionGround,
    ReturnGround,
    SettlementNumber,
    SlotId,
)
from shared.schemas.ids import EmployerId, MemberId, UnionId
from shared.schemas.messages import Federation, Instant, Query, Role
from shared.schemas.money import Fen, NonNegativeFen
from shared.schemas.personal import Personal

__all__ = [
    "BatchAnswer",
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
    "FundAnswer",
    "FundMonth",
    "FundShare",
    "HospitalDayAnswer",
    "HospitalLine",
    "OperationsAnswer",
    "PaymentAnswer",
    "PaymentStatus",
    "ProjectionBasis",
    "ReconcileHospitalDay",
    "ReconciliationAnswer",
    "SettlementAnswer",
    "SettlementStatus",
    "ShowClaim",
    "ShowContract",
    "ShowCover",
    "ShowDesk",
    "ShowFund",
    "ShowHospitalDay",
    "ShowOperations",
    "ShowSettlement",
    "SlotAnswer",
    "WaitingAnswer",
    "Waits",
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


# Payment


class PaymentStatus(StrEnum):
    WAITING = "waiting"  # 待提交银行
    AT_THE_BANK = "at_the_bank"  # 已提交银行
    SENT = "sent"  # 已支付
    RETURNED = "returned"  # 已退回
    WITHDRAWN = "withdrawn"  # 已撤回


class PaymentAnswer(Answer):
    """An instruction. The account stands in the bank's file alone."""

    payment_id: PaymentId
    claim_id: ClaimId
    amount: Fen
    payee: Payee
    hospital: HospitalCode | None
    status: PaymentStatus
    recalled: bool
    batch_id: BatchId | None
    instructed_at: Instant
    on: date | None
    """Of the bank's result."""
    ground: ReturnGround | None


class BatchAnswer(Answer):
    """A batch, and how many of its payments the bank has said nothing of."""

    batch_id: BatchId
    drawn_up_at: Instant
    payments: int
    total: Fen
    without_result: int
    open_amount: Fen


class Waits(StrEnum):
    """What is waited for, and by whom it is done."""

    PREMIUMS = "premiums"  # 待缴费（单位、职工）
    DOCUMENTS = "documents"  # 待补材料（职工）
    INVOICES = "invoices"  # 票据冲突待核（窗口）
    ASSESSMENT = "assessment"  # 待初审（窗口）
    REVIEW = "review"  # 待复核（窗口）
    APPROVAL = "approval"  # 待审批（窗口）
    HOSPITAL = "hospital"  # 待医院确认（医院）
    INSTRUCTION = "instruction"  # 待生成支付指令（账户、继承人）
    SUCCESSOR = "successor"  # 待确定继承人（职工亲属）
    BATCH = "batch"  # 待提交银行（财务）
    BANK = "bank"  # 待银行结果（银行）
    RECOVERY = "recovery"  # 多付款待收回（收款人）


class WaitingAnswer(Answer):
    waits_for: Waits
    count: int
    amount: Fen
    oldest: Instant
    """Since when the first of them was filed, instructed or due."""


class OperationsAnswer(Answer):
    """What waits for whom in a county, or a pool. It names nobody."""

    waiting: tuple[WaitingAnswer, ...]
    to_batch: tuple[PaymentAnswer, ...]
    """Instructions to draw up a batch of: the first thousand, oldest first."""
    batches_without_result: tuple[BatchAnswer, ...]
    returned: tuple[PaymentAnswer, ...]
    """That came back, of claims to which nothing was paid or instructed since: the first thousand, oldest first."""


class ShowOperations(Query[OperationsAnswer]):
    roles: ClassVar[frozenset[Role]] = FEDERATION


# The fund


class FundShare(Answer):
    """A county's share of a pool in a period; `balances` by account, debits above zero."""

    county: Federation
    insured: int
    claims: int
    contributions: Fen
    benefits: Fen
    paid: Fen
    claims_ratio: float | None
    balances: dict[LedgerAccount, Fen]


class FundMonth(Answer):
    """All since the beginning, up to and including `until`."""

    until: date
    contributions: Fen
    benefits: Fen
    surplus: Fen
    claims_ratio: float | None
    projected: bool


class ProjectionBasis(StrEnum):
    """What a projection rests on; see `services/aid/solvency.py`."""

    EARLIER_PERIODS = "earlier_periods"  # 以往保障期的进度和人均支出
    EXPOSURE = "exposure"  # 本期参保人日


class FundAnswer(Answer):
    """Contributions, benefits, and the ratio of these to those; `projected` is at the end of the period. Sums only.

    `balances` by account, debits above zero: they balance at every position. `benefits` are granted, less what was
    undone; of these `paid` are paid. `surplus` is what the pool owns: bank and receivables, less what it owes.
    """

    pool: Federation
    period: PeriodStart
    last: date
    """Of the period."""
    on: date
    insured: int
    claims: int
    """That are granted."""
    contributions: Fen
    benefits: Fen
    paid: Fen
    surplus: Fen
    claims_ratio: float | None
    balances: dict[LedgerAccount, Fen]
    under_way: int
    """Claims that are not decided, now."""
    reserved: Fen
    """Held against ceilings for these, now: the ledger has not heard of it."""
    projected_benefits: Fen | None
    """None where there is nothing to project from."""
    projected_ratio: float | None
    projected_surplus: Fen | None
    basis: ProjectionBasis | None
    """None once the period is over: nothing is projected then."""
    exhausted_on: date | None
    """The first day on which benefits are above contributions, or would be; None where they last to the end."""
    months: tuple[FundMonth, ...]
    """Of the period; those after `on` are projected."""
    shares: tuple[FundShare, ...]


class ShowFund(Query[FundAnswer]):
    """Of the pool that the federation belonged to at the beginning of a period, as it stood on a day: today, where it
    isn't said."""

    roles: ClassVar[frozenset[Role]] = FEDERATION

    period: PeriodStart
    on: date | None = None


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
