"""What each patient of the half-year has, and what becomes of it, day by day."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from deploy.local.simulation.people import Worker
from shared.schemas.aid import (
    Bill,
    Care,
    Channel,
    ClaimId,
    Document,
    Exclusion,
    HospitalCode,
    RejectionGround,
    ReturnGround,
    SettlementNumber,
)
from shared.schemas.money import Fen

__all__ = ["Act", "Case", "End"]


class End(StrEnum):
    PAID = "paid"  # 已支付
    REJECTED = "rejected"  # 未通过
    NOT_SUPPLIED = "not_supplied"  # 逾期未补材料
    WITHDRAWN = "withdrawn"  # 本人撤回
    LAPSED = "lapsed"  # 报价失效
    CANCELLED = "cancelled"  # 支付前撤销
    REPAID = "repaid"  # 支付后撤销，医院退回

    @property
    def term(self) -> str:
        return TERMS[self]

    @property
    def by_hospital(self) -> bool:
        return self in {End.LAPSED, End.CANCELLED, End.REPAID}


TERMS: Final = {
    End.PAID: "已支付",
    End.REJECTED: "未通过",
    End.NOT_SUPPLIED: "逾期未补，自动退件",
    End.WITHDRAWN: "本人撤回",
    End.LAPSED: "报价失效",
    End.CANCELLED: "医院支付前撤销",
    End.REPAID: "医院支付后撤销，已退回",
}


class Act(StrEnum):
    QUOTE = "quote"
    CONFIRM = "confirm"
    CANCEL = "cancel"
    REPAY = "repay"
    FILE = "file"
    SUPPLY = "supply"
    DECIDE = "decide"
    REJECT = "reject"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One stay, or special outpatient care, and the claim for it."""

    number: int
    claim_id: ClaimId
    patient: Worker
    care: Care
    channel: Channel
    end: End
    admitted_on: date
    discharged_on: date
    hospital: str
    """Its name."""
    code: HospitalCode | None
    """Of a hospital with one-stop settlement."""
    settlement_number: SettlementNumber
    diagnosis: str
    bill: Bill
    exclusion: Exclusion | None
    benefit: Fen
    """By the table, on the bill less the exclusion."""
    granted: Fen
    """At most what the ceiling leaves; of a claim that comes to nothing, what would have been."""
    missing: Document | None
    """When it is filed."""
    ground: RejectionGround | None
    returned: ReturnGround | None
    """Why the bank sends the first payment back."""
    acts: tuple[tuple[date, Act], ...]

    @property
    def reduced(self) -> bool:
        return self.granted < self.benefit
