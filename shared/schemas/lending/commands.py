"""What people, stock points and timers ask of lending.

A scan that was made while a device was offline carries the instant in `scanned_at`; left out, it is now.
"""

from datetime import date
from typing import Annotated, ClassVar

from pydantic import Field

from shared.schemas.ids import EmployerId, MemberId, UnionId, new_id
from shared.schemas.lending.terms import Batch, CareStep, Code, CountId, Kind, LoanId, PointId
from shared.schemas.messages import Command, Instant, Role, Text

__all__ = [
    "AllocateItems",
    "BorrowItem",
    "CountStock",
    "DeclareFound",
    "DeclareLost",
    "EscalateOverdue",
    "ExtendLoan",
    "ItemCommand",
    "LaunchCampaign",
    "LoanTimer",
    "MarkOverdue",
    "MoveItems",
    "OpenPoint",
    "RecordCare",
    "RemindOfReturn",
    "RepairItem",
    "ReportDamage",
    "ReturnItem",
    "SendDigest",
    "WriteOff",
]

STAFF = frozenset({Role.CADRE, Role.OFFICER})
EVERYBODY = STAFF | {Role.MEMBER}
SYSTEM = frozenset({Role.SYSTEM})

type Codes = Annotated[tuple[Code, ...], Field(min_length=1, max_length=500)]


class ItemCommand(Command):
    """About the item with a code."""

    code: Code


# Borrowing


class BorrowItem(ItemCommand):
    """A worker takes an item from the shelf where it is. A member borrows for themselves; staff enter a worker's."""

    roles: ClassVar[frozenset[Role]] = EVERYBODY

    member_id: MemberId
    loan_id: LoanId = Field(default_factory=lambda: LoanId(new_id()))
    scanned_at: Instant | None = None


class ReturnItem(ItemCommand):
    """Whoever brings it, at whatever point. A second scan changes nothing."""

    roles: ClassVar[frozenset[Role]] = EVERYBODY

    point_id: PointId
    scanned_at: Instant | None = None


class ExtendLoan(ItemCommand):
    """By as long as the rules say, before it is overdue."""

    roles: ClassVar[frozenset[Role]] = STAFF


class LoanTimer(ItemCommand):
    """A timer of one loan; of a loan that has ended, it changes nothing."""

    roles: ClassVar[frozenset[Role]] = SYSTEM

    loan_id: LoanId


class RemindOfReturn(LoanTimer):
    pass


class MarkOverdue(LoanTimer):
    pass


class EscalateOverdue(LoanTimer):
    pass


# Keeping


class RecordCare(ItemCommand):
    """Inspected and found sound, or disinfected, after a loan."""

    roles: ClassVar[frozenset[Role]] = STAFF

    step: CareStep


class ReportDamage(ItemCommand):
    roles: ClassVar[frozenset[Role]] = STAFF

    note: Text


class RepairItem(ItemCommand):
    roles: ClassVar[frozenset[Role]] = STAFF


class DeclareLost(ItemCommand):
    """Missing from its shelf, or with its borrower: that loan then ends."""

    roles: ClassVar[frozenset[Role]] = STAFF


class DeclareFound(ItemCommand):
    roles: ClassVar[frozenset[Role]] = STAFF

    point_id: PointId


class WriteOff(ItemCommand):
    """What is damaged or lost."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.OFFICER})

    note: Text


# Stock


class OpenPoint(Command):
    """A stock point, kept by a union's cadres."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.OFFICER})

    point_id: PointId = Field(default_factory=lambda: PointId(new_id()))
    name: Text
    union_id: UnionId
    employer_id: EmployerId | None = None


class LaunchCampaign(Command):
    """`each` new items of a kind to each of the points. They are then placed, point by point."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.OFFICER})

    batch: Batch
    name: Text
    kind: Kind
    each: Annotated[int, Field(ge=1, le=200)]
    point_ids: Annotated[tuple[PointId, ...], Field(min_length=1, max_length=1000)]


class AllocateItems(Command):
    """Place a campaign's share at a point."""

    roles: ClassVar[frozenset[Role]] = SYSTEM

    batch: Batch
    point_id: PointId


class MoveItems(Command):
    """Carry items on hand to another point, all of them or none."""

    roles: ClassVar[frozenset[Role]] = STAFF

    codes: Codes
    point_id: PointId


class CountStock(Command):
    """Hold what was scanned on a shelf against the records."""

    roles: ClassVar[frozenset[Role]] = STAFF

    point_id: PointId
    kind: Kind
    codes: Annotated[tuple[Code, ...], Field(max_length=2000)]
    count_id: CountId = Field(default_factory=lambda: CountId(new_id()))


class SendDigest(Command):
    """Tell a union's cadres what is overdue on a day."""

    roles: ClassVar[frozenset[Role]] = SYSTEM

    union_id: UnionId
    on: date
