"""What lending answers, and to whom: a member about themselves, a cadre about their union's workers, the federation
about its own. Nobody looks into another federation."""

from collections import defaultdict
from typing import Any

from services.lending import refusals
from services.lending.domain.stock import CAMPAIGN
from services.lending.labels import sheet
from services.lending.members import Members
from services.lending.rules import policy_at
from services.lending.views import ItemRow, Items, Points
from shared.people import unions_of
from shared.runtime.queries import Answers, Asked
from shared.schemas.lending import (
    BorrowedItem,
    ItemStatus,
    LabelSheet,
    PointId,
    PointRow,
    PrintLabels,
    ShelfAnswer,
    ShelfItem,
    ShowBorrowed,
    ShowShelf,
    ShowTable,
    ShowTimerLag,
    ShowUsage,
    TableAnswer,
    Tally,
    TimerLag,
    UsageRow,
    campaign_id,
    code_of,
)
from shared.schemas.messages import Query, Role

__all__ = ["ANSWERS"]

COLUMNS = {
    ItemStatus.IN: "on_hand",
    ItemStatus.OUT: "out",
    ItemStatus.OVERDUE: "overdue",
    ItemStatus.IN_CARE: "in_care",
    ItemStatus.DAMAGED: "in_care",
    ItemStatus.LOST: "lost",
    ItemStatus.WRITTEN_OFF: "written_off",
}


async def show_borrowed(query: ShowBorrowed, asked: Asked) -> tuple[BorrowedItem, ...]:
    await _must_concern(query, asked)
    rows = await asked.read_models.some(
        Items, "member_id = $1 and federation = $2 order by due_at, code", query.member_id, asked.federation
    )
    return tuple(_borrowed(row) for row in rows)


async def _must_concern(query: ShowBorrowed, asked: Asked) -> None:
    match asked.actor.role:
        case Role.MEMBER if asked.actor.id != str(query.member_id):
            raise refusals.NOT_CONCERNED()
        case Role.CADRE if asked.actor.id != str(query.member_id):
            row = await asked.read_models.one(Members, query.member_id)
            if row is None or row.union_id not in await unions_of(asked.actor, asked.read_models):
                raise refusals.NOT_CONCERNED()


def _borrowed(row: ItemRow) -> BorrowedItem:
    return BorrowedItem.model_validate({**_fields(row), "overdue": row.status is ItemStatus.OVERDUE})


def _fields(row: ItemRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ItemRow.__slots__}


async def show_shelf(query: ShowShelf, asked: Asked) -> ShelfAnswer:
    point = await asked.read_models.one(Points, query.point_id)
    if point is None or point.federation != asked.federation:
        raise refusals.UNKNOWN_POINT()
    rows = await asked.read_models.some(
        Items, "point_id = $1 and status = any($2) order by code", query.point_id, ["in", "in_care", "damaged"]
    )
    items = tuple(ShelfItem(code=row.code, kind=row.kind, status=row.status) for row in rows)
    return ShelfAnswer(point_id=query.point_id, name=point.name, items=items)


async def show_table(query: ShowTable, asked: Asked) -> TableAnswer:
    """Points, their shares and the items are read at one instant, so that the sums agree."""
    policy_at(asked.federation, asked.today).of(query.kind)
    async with asked.read_models.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        counts = await connection.fetch(
            "select point_id, status, count(*) from lending.items where federation = $1 and kind = $2 group by 1, 2",
            asked.federation,
            query.kind,
        )
        points = await connection.fetch(
            "select p.point_id, p.name, p.union_id, coalesce(s.allocated, 0) as allocated from lending.points p"
            " left join lending.shares s on s.point_id = p.point_id and s.kind = $2 where p.federation = $1"
            " order by p.name, p.point_id",
            asked.federation,
            query.kind,
        )
    tallies: dict[PointId, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    whole: dict[str, int] = defaultdict(int)
    for point_id, status, number in counts:
        column = COLUMNS[ItemStatus(status)]
        tallies[point_id][column] += number
        whole[column] += number
    rows = [_point_row(point, Tally(**tallies[point["point_id"]])) for point in points]
    return TableAnswer(
        kind=query.kind,
        allocated=sum(row.allocated for row in rows),
        total=Tally(**whole),
        points=tuple(rows),
    )


def _point_row(point: Any, tally: Tally) -> PointRow:
    return PointRow(**dict(point), carried_in=tally.total - point["allocated"], tally=tally)


async def show_timer_lag(query: ShowTimerLag, asked: Asked) -> TimerLag:
    [(waiting, late, seconds)] = await asked.read_models.pool.fetch(
        "select count(*), count(*) filter (where due <= $1),"
        " coalesce(extract(epoch from $1 - min(due) filter (where due <= $1)), 0)::float8"
        " from lending.timers where fired_at is null",
        asked.now,
    )
    return TimerLag(at=asked.now, waiting=waiting, late=late, seconds=seconds)


async def show_usage(query: ShowUsage, asked: Asked) -> tuple[UsageRow, ...]:
    rows = await asked.read_models.pool.fetch(
        'select day as "on", sum(borrowed) as borrowed, sum(returned) as returned, sum(returned_late) as returned_late'
        " from lending.usage where federation = $1 and kind = $2 and day between $3 and $4 group by 1 order by 1",
        asked.federation,
        query.kind,
        query.since,
        query.until,
    )
    return tuple(UsageRow.model_validate(dict(row)) for row in rows)


async def print_labels(query: PrintLabels, asked: Asked) -> LabelSheet:
    campaign = await asked.repository.state(CAMPAIGN, campaign_id(asked.federation, query.batch))
    total = campaign.each * len(campaign.point_ids)
    numbers = range(query.first, min(query.first + query.count, total + 1))
    if not numbers:
        raise refusals.UNKNOWN_CODE(code=code_of(query.batch, query.first))
    name = policy_at(asked.federation, asked.today).of(campaign.kind).name
    codes = tuple(code_of(query.batch, number) for number in numbers)
    return LabelSheet(codes=codes, html=sheet(f"{name} {codes[0]}", [(code, name) for code in codes]))


ANSWERS: dict[type[Query[Any]], Answers] = {
    ShowBorrowed: show_borrowed,
    ShowShelf: show_shelf,
    ShowTable: show_table,
    ShowTimerLag: show_timer_lag,
    ShowUsage: show_usage,
    PrintLabels: print_labels,
}
