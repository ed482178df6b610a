"""What may be asked about payments, about what waits for whom, and about the fund, and the shapes of the answers."""

from datetime import date
from enum import StrEnum
from typing import ClassVar

from shared.schemas.aid.queries import FEDERATION, Answer
from shared.schemas.aid.terms import (
    BatchId,
    ClaimId,
    HospitalCode,
    LedgerAccount,
    Payee,
    PaymentId,
    PeriodStart,
    ReturnGround,
)
from shared.schemas.messages import Federation, Instant, Query, Role
from shared.schemas.money import Fen

__all__ = [
    "BatchAnswer",
    "FundAnswer",
    "FundMonth",
    "FundShare",
    "OperationsAnswer",
    "PaymentAnswer",
    "PaymentStatus",
    "ProjectionBasis",
    "ShowFund",
    "ShowOperations",
    "WaitingAnswer",
    "Waits",
]


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
