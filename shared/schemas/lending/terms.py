"""What lending's words are made of: ids, kinds, codes, states of an item, steps of care."""

from enum import StrEnum
from typing import Annotated, NewType
from uuid import UUID

from pydantic import Field, StringConstraints

from shared.schemas.ids import MemberId, derived_id
from shared.schemas.messages import Federation

__all__ = [
    "Batch",
    "CampaignId",
    "CareStep",
    "Code",
    "CountId",
    "ItemId",
    "ItemStatus",
    "Kind",
    "LoanId",
    "PointId",
    "borrower_id",
    "campaign_id",
    "code_of",
    "item_id",
]

ItemId = NewType("ItemId", UUID)
LoanId = NewType("LoanId", UUID)
PointId = NewType("PointId", UUID)
CampaignId = NewType("CampaignId", UUID)
CountId = NewType("CountId", UUID)

type Batch = Annotated[
    str, StringConstraints(strip_whitespace=True, to_upper=True, pattern=r"^[A-Za-z]{2,6}$"), Field(examples=["JBTK"])
]
"""The letters that the codes of a campaign's items begin with (批次号)."""

type Code = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_upper=True, pattern=r"^[A-Za-z]{2,6}-[0-9]{4,6}$"),
    Field(examples=["JBTK-0001"]),
]
"""What stands on an item's label, in letters and as a QR code, such as JBTK-0001."""

type Kind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{1,30}$"), Field(examples=["helmet"])]
"""A lendable kind, as the rules name it."""


class ItemStatus(StrEnum):
    """物品状态. Each item has exactly one of these."""

    IN = "in"  # 在架: may be borrowed
    OUT = "out"  # 借出
    OVERDUE = "overdue"  # 逾期
    IN_CARE = "in_care"  # 待检查、待消毒
    DAMAGED = "damaged"  # 损坏待修: counted among those in care
    LOST = "lost"  # 遗失
    WRITTEN_OFF = "written_off"  # 核销


class CareStep(StrEnum):
    """What is done with an item after a loan, before the next."""

    INSPECTION = "inspection"  # 检查
    DISINFECTION = "disinfection"  # 消毒


_ITEMS = UUID("6c1f0a4e-53a5-5d0c-9a43-6f0b1b2f6d10")


def item_id(federation: Federation, code: Code) -> ItemId:
    """An item's id follows from its code: a code is one item's for ever."""
    return ItemId(derived_id(_ITEMS, f"item {federation} {code}"))


def campaign_id(federation: Federation, batch: Batch) -> CampaignId:
    """A campaign's id follows from its batch, so that no two begin their codes alike."""
    return CampaignId(derived_id(_ITEMS, f"campaign {federation} {batch}"))


def borrower_id(member_id: MemberId, kind: Kind) -> UUID:
    """Of the stream in which a member's loans of a kind stand, one after the other."""
    return derived_id(member_id, f"borrower of {kind}")


def code_of(batch: Batch, number: int) -> Code:
    """The code of a batch's item, numbered from 1."""
    return f"{batch}-{number:04d}"
