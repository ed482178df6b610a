"""What the craftsman loan's words are made of: tiers, forms of repayment, day counts, grounds, and the shapes of
rates, findings and allocations."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, NewType
from uuid import UUID

from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt, StringConstraints

from shared.schemas.money import AnnualPercent, Fen, NonNegativeFen, PositiveFen

__all__ = [
    "Allocation",
    "ApplicationId",
    "BankCode",
    "Borrower",
    "Component",
    "DayCount",
    "DrawId",
    "DrawTerms",
    "Finding",
    "Ground",
    "InstalmentNumber",
    "LimitInput",
    "LineId",
    "Rate",
    "RateBand",
    "RepaymentForm",
    "RepaymentId",
    "Stage",
    "Tier",
]

ApplicationId = NewType("ApplicationId", UUID)
LineId = NewType("LineId", UUID)
DrawId = NewType("DrawId", UUID)
RepaymentId = NewType("RepaymentId", UUID)

type BankCode = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{2,32}$")]
"""A bank's token, such as nxbank: its actor's id, and a token of the subjects addressed to it."""

type InstalmentNumber = PositiveInt
"""Of a draw's schedule, from 1."""


class Tier(StrEnum):
    """档位."""

    MEMBER = "member"  # 会员贷
    HONOURED_MEMBER = "honoured_member"  # 会员贷, 荣誉会员
    CRAFTSMAN = "craftsman"  # 工匠贷
    MODEL_WORKER = "model_worker"  # 劳模贷

    @property
    def term(self) -> str:
        """What members and banks call it, in 中文."""
        return TIERS[self]


TIERS = {
    Tier.MEMBER: "会员贷",
    Tier.HONOURED_MEMBER: "会员贷（荣誉会员）",
    Tier.CRAFTSMAN: "工匠贷",
    Tier.MODEL_WORKER: "劳模贷",
}


class RepaymentForm(StrEnum):
    """How a draw is repaid (还款方式)."""

    EQUAL_INSTALMENTS = "equal_instalments"  # the same amount each month
    EQUAL_PRINCIPAL = "equal_principal"  # the same principal each month, and interest on what is left
    INTEREST_FIRST = "interest_first"  # interest each month, principal at the end
    ON_DEMAND = "on_demand"  # nothing before the due date; any amount at any time

    @property
    def term(self) -> str:
        """What members and banks call it, in 中文."""
        return FORMS[self]


FORMS = {
    RepaymentForm.EQUAL_INSTALMENTS: "等额本息",
    RepaymentForm.EQUAL_PRINCIPAL: "等额本金",
    RepaymentForm.INTEREST_FIRST: "先息后本",
    RepaymentForm.ON_DEMAND: "随借随还",
}


class DayCount(StrEnum):
    """How a contract counts days (计息天数), over a year of how many."""

    ACT_360 = "act/360"  # 实际天数/360
    ACT_365 = "act/365"  # 实际天数/365, leap years too
    THIRTY_360 = "30/360"  # 每月30天/360

    @property
    def year(self) -> int:
        return 365 if self is DayCount.ACT_365 else 360


class Component(StrEnum):
    """What a repayment pays."""

    PENALTY = "penalty"  # 罚息
    INTEREST = "interest"  # 利息
    PRINCIPAL = "principal"  # 本金


class LimitInput(StrEnum):
    """What an assessed limit rests on."""

    PRODUCTION_CYCLE = "production_cycle"  # 生产周期
    CREDIT_STANDING = "credit_standing"  # 信用状况
    PURPOSE = "purpose"  # 贷款用途
    ABILITY_TO_REPAY = "ability_to_repay"  # 偿还能力


class Stage(StrEnum):
    """What an application waits for."""

    RECOMMENDATION = "recommendation"  # 基层工会推荐
    ENDORSEMENT = "endorsement"  # 总工会核准
    BANK_ANSWER = "bank_answer"  # 银行审批


class Ground(StrEnum):
    """Why an application or a draw is turned down, or a line frozen. A word of this list and no free text: a person's
    affairs have no place in a log that keeps everything."""

    CREDIT_RECORD = "credit_record"  # 征信记录
    INCOME = "income"  # 收入不足
    INDEBTEDNESS = "indebtedness"  # 负债过高
    PURPOSE = "purpose"  # 用途不符
    DOCUMENTS = "documents"  # 资料不全或不实
    LEFT_POST = "left_post"  # 已离岗
    OVERDUE = "overdue"  # 逾期
    DISPUTE = "dispute"  # 纠纷或司法冻结
    OTHER = "other"  # 其他

    @property
    def term(self) -> str:
        """For people, in 中文."""
        return GROUNDS[self]


GROUNDS = {
    Ground.CREDIT_RECORD: "征信记录",
    Ground.INCOME: "收入不足",
    Ground.INDEBTEDNESS: "负债过高",
    Ground.PURPOSE: "用途不符",
    Ground.DOCUMENTS: "资料不全或不实",
    Ground.LEFT_POST: "已离岗",
    Ground.OVERDUE: "逾期",
    Ground.DISPUTE: "纠纷或司法冻结",
    Ground.OTHER: "其他",
}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, from_attributes=True)


class _OfAPerson(_Part):
    """Its text form never shows the values, so that they cannot slip into a log."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    __str__ = __repr__


class Borrower(_OfAPerson):
    """What an assessment rests on, as the member tells it. `standing` and `purpose` are codes of the federation's
    rules."""

    cycle_months: NonNegativeInt
    """From outlay to income in the borrower's trade; 1 for a wage earner."""
    standing: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    purpose: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    purpose_cost: PositiveFen
    monthly_income: NonNegativeFen
    monthly_obligations: NonNegativeFen = 0
    """What the borrower has to pay each month on other debts."""


class Finding(_OfAPerson):
    """What one input of an assessment allows, and why."""

    input: LimitInput
    allows: Fen
    words: str
    """For people, in 中文."""


class Rate(_Part):
    """An annual rate, and where it comes from."""

    annual_percent: AnnualPercent
    tier: Tier
    months: int
    on: date
    policy_version: str
    table: str
    table_version: str
    table_effective_from: date
    basis_percent: AnnualPercent
    factor: Decimal
    floor_table: str | None = None
    floor_version: str | None = None
    floor_percent: AnnualPercent | None = None
    granted_percent: AnnualPercent | None = None
    """The rate that the bank granted the line, where it is lower than the tier's and so takes its place."""
    words: str
    """Why, for people, in 中文."""


class RateBand(_Part):
    """The rate of terms up to and including a number of months; of all longer ones without it."""

    up_to_months: PositiveInt | None = None
    annual_percent: AnnualPercent


class DrawTerms(_Part):
    """The terms of one draw, fixed when it is requested."""

    months: PositiveInt
    form: RepaymentForm
    day_count: DayCount
    late_factor: Decimal
    """Overdue amounts bear the rate times this."""
    late_on: tuple[Component, ...]
    rate: Rate


class Allocation(_Part):
    """What a repayment, or a credit, pays of one draw."""

    draw_id: DrawId
    penalty: NonNegativeFen = 0
    interest: NonNegativeFen = 0
    principal: NonNegativeFen = 0

    @property
    def amount(self) -> Fen:
        return self.penalty + self.interest + self.principal
