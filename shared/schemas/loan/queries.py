"""What the craftsman loan answers."""

from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.schemas.ids import HouseholdId, MemberId, UnionId
from shared.schemas.loan.terms import (
    ApplicationId,
    BankCode,
    Borrower,
    DrawId,
    DrawTerms,
    Finding,
    Ground,
    InstalmentNumber,
    LineId,
    Rate,
    RepaymentForm,
    Stage,
    Tier,
)
from shared.schemas.messages import Instant, Query, Role
from shared.schemas.money import AnnualPercent, Fen
from shared.schemas.personal import Personal

__all__ = [
    "ApplicationAnswer",
    "ApplicationStatus",
    "ArrearsBand",
    "BankWorkAnswer",
    "CadreListAnswer",
    "DrawAnswer",
    "DrawStatus",
    "EndorsedApplication",
    "ExposureAnswer",
    "ExposureRow",
    "FindApplications",
    "FindLines",
    "LineAnswer",
    "LineStatus",
    "LineSummary",
    "NextDue",
    "PendingDraw",
    "QuoteRate",
    "RateAnswer",
    "ShowApplication",
    "ShowBankWork",
    "ShowCadreList",
    "ShowExposure",
    "ShowLine",
    "ShowStatement",
    "StatementAnswer",
    "StatementEntry",
    "StatementKind",
]

ANYBODY_CONCERNED = frozenset({Role.MEMBER, Role.CADRE, Role.OFFICER, Role.BANK, Role.OPERATOR, Role.SYSTEM})


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


# Applications


class ApplicationStatus(StrEnum):
    FILED = "filed"  # 待推荐
    RECOMMENDED = "recommended"  # 待核准
    ENDORSED = "endorsed"  # 待银行审批
    ACCEPTED = "accepted"  # 已批准
    DECLINED = "declined"  # 银行未批准
    REJECTED = "rejected"  # 工会未通过
    WITHDRAWN = "withdrawn"  # 已撤回
    LAPSED = "lapsed"  # 逾期失效


class ApplicationAnswer(Answer):
    application_id: ApplicationId
    member_id: MemberId
    household_id: HouseholdId
    union_id: UnionId
    bank: BankCode
    status: ApplicationStatus
    borrower: Personal[Borrower] | None
    """What the assessment rests on; None where the member was erased, and for a bank without the member's consent."""
    amount: Fen
    tier: Tier
    cap: Fen
    assessed: Fen
    findings: Personal[tuple[Finding, ...]] | None
    """Why `assessed` is what it is; None as above."""
    rate: Rate
    act_by: Instant | None
    """When it lapses, while it is under way."""
    ended_at: Stage | None
    ground: Ground | None
    line_id: LineId | None


class ShowApplication(Query[ApplicationAnswer]):
    """One application. A member asks for their own, a cadre for those of their union, a bank for those sent to it."""

    roles: ClassVar[frozenset[Role]] = ANYBODY_CONCERNED

    application_id: ApplicationId


class FindApplications(Query[tuple[ApplicationAnswer, ...]]):
    """All applications of a member, newest first."""

    roles: ClassVar[frozenset[Role]] = ANYBODY_CONCERNED

    member_id: MemberId


# A line


class LineStatus(StrEnum):
    OPEN = "open"
    FROZEN = "frozen"
    EXPIRED = "expired"
    CLOSED = "closed"


class DrawStatus(StrEnum):
    REQUESTED = "requested"
    DISBURSED = "disbursed"
    REPAID = "repaid"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class DrawAnswer(Answer):
    draw_id: DrawId
    status: DrawStatus
    amount: Fen
    principal: Fen
    """Still owed."""
    terms: DrawTerms
    requested_on: date
    disbursed_on: date | None
    last_due: date | None


class NextDue(Answer):
    draw_id: DrawId
    number: InstalmentNumber
    due: date
    principal: Fen
    interest: Fen


class LineAnswer(Answer):
    """The worker's line, to the day `on`."""

    line_id: LineId
    application_id: ApplicationId
    member_id: MemberId
    household_id: HouseholdId
    union_id: UnionId
    bank: BankCode
    status: LineStatus
    on: date
    tier: Tier | None
    limit: Fen
    ceiling: Fen
    used: Fen
    """Principal owed."""
    pending: Fen
    """Requested, and not paid out yet."""
    available: Fen
    credit: Fen
    payoff: Fen
    """All that is owed to this day: principal, interest and penalty interest."""
    granted_percent: AnnualPercent
    rate: Rate | None
    """What a draw over the longest term on offer would cost today, and why; None where none may be made."""
    next_due: tuple[NextDue, ...]
    """Of each draw the next instalment, soonest first."""
    overdue_since: date | None
    overdue: Fen
    """Principal and interest of instalments that are overdue."""
    to_cure: Fen
    """What pays all arrears on this day: all that has fallen due, and penalty interest; 0 where nothing is overdue."""
    opened_on: date
    expires_on: date
    draws: tuple[DrawAnswer, ...]


class ShowLine(Query[LineAnswer]):
    roles: ClassVar[frozenset[Role]] = ANYBODY_CONCERNED

    line_id: LineId


class LineSummary(Answer):
    line_id: LineId
    member_id: MemberId
    union_id: UnionId
    status: LineStatus
    tier: Tier | None
    limit: Fen
    used: Fen
    available: Fen
    overdue_since: date | None


class FindLines(Query[tuple[LineSummary, ...]]):
    """The lines of a member, newest first: at most one of them is not closed."""

    roles: ClassVar[frozenset[Role]] = ANYBODY_CONCERNED

    member_id: MemberId


class RateAnswer(Answer):
    rate: Rate


class QuoteRate(Query[RateAnswer]):
    """What a draw of so many months would cost a tier today."""

    roles: ClassVar[frozenset[Role]] = ANYBODY_CONCERNED

    tier: Tier
    months: Annotated[int, Field(ge=1, le=600)]


# A statement of account


class StatementKind(StrEnum):
    DISBURSEMENT = "disbursement"  # 放款
    REPAYMENT = "repayment"  # 还款
    CREDIT_APPLIED = "credit_applied"  # 溢缴款抵扣
    REFUND = "refund"  # 溢缴款退还


class StatementEntry(Answer):
    """`amount` is what changed hands; it is penalty + interest + principal + credit for money that came in.

    `balance` is the principal owed after the entry, `credit_balance` the member's credit.
    """

    entry_id: UUID
    on: date
    kind: StatementKind
    amount: Fen
    penalty: Fen
    interest: Fen
    principal: Fen
    credit: Fen
    balance: Fen
    credit_balance: Fen


class StatementAnswer(Answer):
    """A line's account from `since` to `until`, both included, with reversed repayments left out.

    opening + disbursed − principal_repaid = closing, and what is owed beyond principal at the end of `until` stands in
    `interest_owed` and `penalty_owed`.
    """

    line_id: LineId
    since: date
    until: date
    opening: Fen
    opening_credit: Fen
    entries: tuple[StatementEntry, ...]
    disbursed: Fen
    repaid: Fen
    principal_repaid: Fen
    interest_paid: Fen
    penalty_paid: Fen
    refunded: Fen
    closing: Fen
    closing_credit: Fen
    interest_owed: Fen
    penalty_owed: Fen


class ShowStatement(Query[StatementAnswer]):
    roles: ClassVar[frozenset[Role]] = ANYBODY_CONCERNED

    line_id: LineId
    since: date | None = None
    """From the opening of the line, where it isn't said."""
    until: date | None = None
    """Today, where it isn't said."""


# Lists


class CadreListAnswer(Answer):
    """What a grassroots union's cadre looks after, oldest first."""

    union_id: UnionId
    to_recommend: tuple[ApplicationAnswer, ...]
    under_way: tuple[ApplicationAnswer, ...]
    lines: tuple[LineSummary, ...]


class ShowCadreList(Query[CadreListAnswer]):
    roles: ClassVar[frozenset[Role]] = frozenset({Role.CADRE, Role.OFFICER, Role.OPERATOR})

    union_id: UnionId


class EndorsedApplication(Answer):
    application_id: ApplicationId
    member_id: MemberId
    tier: Tier
    amount: Fen
    assessed: Fen
    findings: Personal[tuple[Finding, ...]] | None
    """As in ApplicationAnswer."""
    rate: Rate
    answer_by: Instant


class PendingDraw(Answer):
    line_id: LineId
    draw_id: DrawId
    member_id: MemberId
    amount: Fen
    months: int
    form: RepaymentForm
    annual_percent: AnnualPercent
    disburse_by: Instant


class BankWorkAnswer(Answer):
    """What waits for the bank, most urgent first."""

    bank: BankCode
    to_decide: tuple[EndorsedApplication, ...]
    to_disburse: tuple[PendingDraw, ...]


class ShowBankWork(Query[BankWorkAnswer]):
    """A bank asks for its own."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.BANK, Role.OFFICER, Role.OPERATOR})

    bank: BankCode


class ArrearsBand(StrEnum):
    """By days since the oldest unpaid due date."""

    CURRENT = "current"  # 正常
    UP_TO_30 = "1-30"
    UP_TO_60 = "31-60"
    UP_TO_90 = "61-90"
    BEYOND_90 = "90+"


class ExposureRow(Answer):
    tier: Tier | None
    arrears: ArrearsBand
    lines: int
    limit: Fen
    used: Fen
    pending: Fen
    overdue: Fen


class ExposureAnswer(Answer):
    """The federation's exposure by tier and arrears, without lines that are closed."""

    on: date
    rows: tuple[ExposureRow, ...]
    lines: int
    limit: Fen
    used: Fen
    overdue: Fen


class ShowExposure(Query[ExposureAnswer]):
    roles: ClassVar[frozenset[Role]] = frozenset({Role.OFFICER, Role.OPERATOR})
