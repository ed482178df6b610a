"""What happens to items, to those who borrow them, to stock points and campaigns.

Events of a loan are named after the first kind that was lent, the helmet; `kind` says what it is. No event carries
personal data: people stand in them by id alone.
"""

from datetime import date
from uuid import UUID

from pydantic import NonNegativeInt, PositiveInt

from shared.schemas.ids import EmployerId, MemberId, UnionId
from shared.schemas.lending.terms import Batch, CampaignId, CareStep, Code, CountId, ItemId, Kind, LoanId, PointId
from shared.schemas.messages import Event, Federation, Instant, Text

__all__ = [
    "BorrowerBound",
    "BorrowerEvent",
    "BorrowerFreed",
    "CampaignEvent",
    "CampaignLaunched",
    "Damaged",
    "DigestEvent",
    "Disinfected",
    "Found",
    "HelmetBorrowed",
    "HelmetOverdue",
    "HelmetReturned",
    "Inspected",
    "ItemEvent",
    "ItemPlaced",
    "ItemsAllocated",
    "LoanEvent",
    "LoanExtended",
    "Lost",
    "OverdueDigested",
    "OverdueEscalated",
    "OverdueWithdrawn",
    "PointEvent",
    "PointOpened",
    "Repaired",
    "ReturnReminderDue",
    "StockCounted",
    "StockDiscrepancyFound",
    "StockMoved",
    "WrittenOff",
]


class ItemEvent(Event):
    """Kept in the stream of the item. `name` is the kind's, for people."""

    item_id: ItemId
    code: Code
    kind: Kind
    name: Text


class ItemPlaced(ItemEvent):
    """A new item is at its first stock point, ready to be borrowed."""

    campaign_id: CampaignId
    point_id: PointId


class StockMoved(ItemEvent):
    from_point_id: PointId
    point_id: PointId


class Inspected(ItemEvent):
    """And found sound."""

    point_id: PointId


class Disinfected(ItemEvent):
    point_id: PointId


class Damaged(ItemEvent):
    """Not to be borrowed until it is repaired."""

    point_id: PointId
    note: Text


class Repaired(ItemEvent):
    """`care`: what is still to be done before the next loan."""

    point_id: PointId
    care: tuple[CareStep, ...]


class Lost(ItemEvent):
    """Missing from the point `point_id`, or from the loan `loan_id` that began there, which ends with it."""

    point_id: PointId
    loan_id: LoanId | None
    member_id: MemberId | None
    lost_at: Instant


class Found(ItemEvent):
    """A lost item turned up at a point. `care`: what is to be done before the next loan."""

    from_point_id: PointId
    point_id: PointId
    care: tuple[CareStep, ...]


class WrittenOff(ItemEvent):
    point_id: PointId
    note: Text


# A loan


class LoanEvent(ItemEvent):
    """Of one loan of an item. `union_id` is the borrower's."""

    loan_id: LoanId
    member_id: MemberId
    union_id: UnionId


class HelmetBorrowed(LoanEvent):
    """By a scan made at `borrowed_at`. Returned at `due_at` it is on time, a millisecond later it is late. Who has not
    returned it is reminded at `remind_at`, and their cadre told after `escalate_at`."""

    point_id: PointId
    borrowed_at: Instant
    due_at: Instant
    remind_at: Instant
    escalate_at: Instant


class LoanExtended(LoanEvent):
    due_at: Instant
    remind_at: Instant
    escalate_at: Instant


class ReturnReminderDue(LoanEvent):
    due_at: Instant


class HelmetOverdue(LoanEvent):
    due_at: Instant


class OverdueEscalated(LoanEvent):
    """It goes into the digest that the cadres of the borrower's union get at `digest_at`."""

    due_at: Instant
    digest_at: Instant


class HelmetReturned(LoanEvent):
    """By a scan made at `returned_at`. `care`: what is to be done before the next loan."""

    from_point_id: PointId
    point_id: PointId
    borrowed_at: Instant
    due_at: Instant
    returned_at: Instant
    late: bool
    care: tuple[CareStep, ...]


class OverdueWithdrawn(LoanEvent):
    """A scan that arrived late shows that the return, at `returned_at`, was in time."""

    due_at: Instant
    returned_at: Instant


# Who borrows


class BorrowerEvent(Event):
    """Kept in the stream of a member and kind: one loan at a time."""

    member_id: MemberId
    kind: Kind
    loan_id: LoanId


class BorrowerBound(BorrowerEvent):
    item_id: ItemId
    code: Code


class BorrowerFreed(BorrowerEvent):
    pass


# Points and campaigns


class PointEvent(Event):
    """Kept in the stream of the stock point. `union_id` is that of the union whose cadres keep it."""

    point_id: PointId
    union_id: UnionId


class PointOpened(PointEvent):
    federation: Federation
    name: Text
    employer_id: EmployerId | None = None


class StockCounted(PointEvent):
    """`expected` by the records, `seen` by whoever counted."""

    count_id: CountId
    kind: Kind
    expected: NonNegativeInt
    seen: NonNegativeInt


class StockDiscrepancyFound(PointEvent):
    """`missing` should be there; `unexpected` are there and should be elsewhere, or with a borrower; `unknown` are no
    item's codes."""

    count_id: CountId
    kind: Kind
    point_name: Text
    missing_count: NonNegativeInt
    unexpected_count: NonNegativeInt
    missing: tuple[Code, ...]
    unexpected: tuple[Code, ...]
    unknown: tuple[Code, ...]


class CampaignEvent(Event):
    """Kept in the stream of the campaign."""

    campaign_id: CampaignId
    kind: Kind


class CampaignLaunched(CampaignEvent):
    """`each` items to each of the points: `total` in all."""

    batch: Batch
    name: Text
    each: PositiveInt
    point_ids: tuple[PointId, ...]
    total: PositiveInt


class ItemsAllocated(CampaignEvent):
    """A point has its share, numbered from `first` on."""

    point_id: PointId
    count: PositiveInt
    first: Code
    last: Code


# Digests


class DigestEvent(Event):
    """Kept in the stream of a union and a day."""

    digest_id: UUID


class OverdueDigested(DigestEvent):
    """Tells a union's cadres, once for all, what their workers have not brought back. Looked at again at `next_at`."""

    union_id: UnionId
    on: date
    count: PositiveInt
    longest_due_at: Instant
    codes: tuple[Code, ...]
    next_at: Instant
