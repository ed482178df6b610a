"""Read models of lending's own log: each item and where it stands, the points and what they were given, and usage."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from shared.eventsourcing.decider import SHANGHAI
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.view import View, on
from shared.schemas.ids import MemberId, UnionId
from shared.schemas.lending import (
    CareStep,
    Code,
    Damaged,
    Disinfected,
    Found,
    HelmetBorrowed,
    HelmetOverdue,
    HelmetReturned,
    Inspected,
    ItemId,
    ItemPlaced,
    ItemsAllocated,
    ItemStatus,
    Kind,
    LoanExtended,
    LoanId,
    Lost,
    OverdueEscalated,
    PointId,
    PointOpened,
    Repaired,
    StockMoved,
    WrittenOff,
)
from shared.schemas.messages import Event

__all__ = ["ItemRow", "Items", "PointKindRow", "PointRow", "Points", "Shares", "Usage", "UsageDayRow"]


@dataclass(slots=True)
class ItemRow:
    """`point_id` is where it is, or whence it was borrowed or lost. What follows `care` is of the loan under way."""

    item_id: ItemId
    federation: str
    code: Code
    kind: Kind
    name: str
    point_id: PointId
    status: ItemStatus
    care: list[str]
    loan_id: LoanId | None = None
    member_id: MemberId | None = None
    union_id: UnionId | None = None
    borrowed_at: datetime | None = None
    due_at: datetime | None = None
    escalated: bool = False


class Items(View[ItemRow]):
    """Every item."""

    name, version, key = "items", 1, ("item_id",)
    indexes = (("member_id",), ("point_id", "status"), ("federation", "kind"), ("union_id", "status"))

    @on(ItemPlaced)
    def placed(self, rows: Rows[ItemRow], event: ItemPlaced, at: Recorded) -> None:
        of = (event.item_id, at.meta.federation, event.code, event.kind, event.name, event.point_id)
        rows.put(ItemRow(*of, status=ItemStatus.IN, care=[]))

    @on(StockMoved)
    def moved(self, rows: Rows[ItemRow], event: StockMoved, at: Recorded) -> None:
        rows.get(event.item_id).point_id = event.point_id

    @on(HelmetBorrowed)
    def borrowed(self, rows: Rows[ItemRow], event: HelmetBorrowed, at: Recorded) -> None:
        row = rows.get(event.item_id)
        row.status, row.loan_id, row.escalated = ItemStatus.OUT, event.loan_id, False
        row.member_id, row.union_id = event.member_id, event.union_id
        row.borrowed_at, row.due_at = event.borrowed_at, event.due_at

    @on(LoanExtended)
    def extended(self, rows: Rows[ItemRow], event: LoanExtended, at: Recorded) -> None:
        rows.get(event.item_id).due_at = event.due_at

    @on(HelmetOverdue)
    def overdue(self, rows: Rows[ItemRow], event: HelmetOverdue, at: Recorded) -> None:
        rows.get(event.item_id).status = ItemStatus.OVERDUE

    @on(OverdueEscalated)
    def escalated(self, rows: Rows[ItemRow], event: OverdueEscalated, at: Recorded) -> None:
        rows.get(event.item_id).escalated = True

    @on(HelmetReturned, Found, Repaired)
    def shelved(self, rows: Rows[ItemRow], event: HelmetReturned | Found | Repaired, at: Recorded) -> None:
        row = rows.get(event.item_id)
        row.status = ItemStatus.IN_CARE if event.care else ItemStatus.IN
        row.point_id, row.care = event.point_id, [step.value for step in event.care]
        _no_loan(row)

    @on(Inspected, Disinfected)
    def cared(self, rows: Rows[ItemRow], event: Inspected | Disinfected, at: Recorded) -> None:
        row = rows.get(event.item_id)
        done = CareStep.INSPECTION if isinstance(event, Inspected) else CareStep.DISINFECTION
        row.care = [step for step in row.care if step != done]
        row.status = ItemStatus.IN_CARE if row.care else ItemStatus.IN

    @on(Damaged, Lost, WrittenOff)
    def gone(self, rows: Rows[ItemRow], event: Damaged | Lost | WrittenOff, at: Recorded) -> None:
        row = rows.get(event.item_id)
        row.status, row.care = GONE[type(event)], []
        _no_loan(row)


GONE: Final[dict[type[Event], ItemStatus]] = {
    Damaged: ItemStatus.DAMAGED,
    Lost: ItemStatus.LOST,
    WrittenOff: ItemStatus.WRITTEN_OFF,
}


def _no_loan(row: ItemRow) -> None:
    row.loan_id = row.member_id = row.union_id = row.borrowed_at = row.due_at = None
    row.escalated = False


@dataclass(slots=True)
class PointRow:
    point_id: PointId
    federation: str
    union_id: UnionId
    name: str


class Points(View[PointRow]):
    """Every stock point."""

    name, version, key = "points", 1, ("point_id",)
    indexes = (("federation",),)

    @on(PointOpened)
    def opened(self, rows: Rows[PointRow], event: PointOpened, at: Recorded) -> None:
        rows.put(PointRow(event.point_id, at.meta.federation, event.union_id, event.name))


@dataclass(slots=True)
class PointKindRow:
    point_id: PointId
    kind: Kind
    federation: str
    allocated: int = 0


class Shares(View[PointKindRow]):
    """What campaigns gave each point, by kind."""

    name, version, key = "shares", 1, ("point_id", "kind")
    indexes = (("federation", "kind"),)
    in_sql = """
        select (data ->> 'point_id')::uuid, data ->> 'kind', min(meta ->> 'federation'), sum((data ->> 'count')::bigint)
        from {events} where type = 'ItemsAllocated' group by data ->> 'point_id', data ->> 'kind'"""

    @on(ItemsAllocated)
    def allocated(self, rows: Rows[PointKindRow], event: ItemsAllocated, at: Recorded) -> None:
        row = rows.find(event.point_id, event.kind) or PointKindRow(event.point_id, event.kind, at.meta.federation)
        row.allocated += event.count
        rows.put(row)


@dataclass(slots=True)
class UsageDayRow:
    day: date
    point_id: PointId
    kind: Kind
    federation: str
    borrowed: int = 0
    returned: int = 0
    returned_late: int = 0


type Scan = HelmetBorrowed | HelmetReturned


def _day(event: Scan) -> date:
    made = event.borrowed_at if isinstance(event, HelmetBorrowed) else event.returned_at
    return made.astimezone(SHANGHAI).date()


def _days(event: Scan) -> Iterable[tuple[date, PointId, Kind]]:
    return ((_day(event), event.point_id, event.kind),)


class Usage(View[UsageDayRow]):
    """Scans by day, point and kind; a day is that on which the scan was made."""

    name, version, key = "usage", 1, ("day", "point_id", "kind")
    indexes = (("federation", "kind", "day"),)
    in_sql = """
        select day, (data ->> 'point_id')::uuid, data ->> 'kind', min(meta ->> 'federation'),
               count(*) filter (where type = 'HelmetBorrowed'),
               count(*) filter (where type = 'HelmetReturned' and not (data ->> 'late')::boolean),
               count(*) filter (where type = 'HelmetReturned' and (data ->> 'late')::boolean)
        from {events}, lateral (
            select case type when 'HelmetBorrowed' then data ->> 'borrowed_at' else data ->> 'returned_at' end
        ) as scan (made), lateral (
            select (made::timestamptz at time zone 'Asia/Shanghai')::date
        ) as counted (day)
        where type in ('HelmetBorrowed', 'HelmetReturned')
        group by day, data ->> 'point_id', data ->> 'kind'"""

    @on(HelmetBorrowed, HelmetReturned, by=_days)
    def scanned(self, rows: Rows[UsageDayRow], event: Scan, at: Recorded) -> None:
        key = (_day(event), event.point_id, event.kind)
        row = rows.find(*key) or UsageDayRow(*key, at.meta.federation)
        match event:
            case HelmetBorrowed():
                row.borrowed += 1
            case HelmetReturned(late=True):
                row.returned_late += 1
            case HelmetReturned():
                row.returned += 1
        rows.put(row)
