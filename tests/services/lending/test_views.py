"""What the read models of points, shares and usage show; items are held against their streams in `test_machine`."""

from datetime import date, timedelta

from services.lending.service import CODEC
from services.lending.views import PointKindRow, PointRow, Points, Shares, Usage, UsageDayRow
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.view_specification import ViewSpecification
from shared.schemas.lending import ItemsAllocated, PointOpened, campaign_id
from tests.services.lending.cases import (
    CANTEEN,
    DUE,
    GATE,
    HOUR,
    JIANGBEI,
    MS,
    SECOND,
    WANG,
    WORKS,
    borrowed,
    returned,
)


def allocated(count: int) -> ItemsAllocated:
    return ItemsAllocated(
        campaign_id=campaign_id(JIANGBEI, "JB"),
        kind="helmet",
        point_id=GATE,
        count=count,
        first="JB-0001",
        last="JB-0020",
    )


def test_a_point_is_shown_with_its_union() -> None:
    points = ViewSpecification(Points(), federation=JIANGBEI)
    opened = PointOpened(point_id=GATE, federation=JIANGBEI, union_id=WORKS, name="大门")
    points.given(opened).shows(PointRow(GATE, JIANGBEI, WORKS, "大门"))


def test_shares_of_several_campaigns_add_up() -> None:
    shares = ViewSpecification(Shares(), federation=JIANGBEI)
    shares.given(allocated(20), allocated(5)).shows(PointKindRow(GATE, "helmet", JIANGBEI, 25))


def test_a_scan_counts_on_its_own_day_in_china_and_at_its_own_point() -> None:
    usage = ViewSpecification(Usage(), federation=JIANGBEI)
    monday, wednesday = date(2020, 6, 1), date(2020, 6, 3)
    usage.given(borrowed(), returned(DUE)).shows(
        UsageDayRow(monday, GATE, "helmet", JIANGBEI, borrowed=1),
        UsageDayRow(wednesday, CANTEEN, "helmet", JIANGBEI, returned=1),
    )
    usage.given(borrowed(), borrowed(SECOND, WANG), returned(DUE + MS)).shows(
        UsageDayRow(monday, GATE, "helmet", JIANGBEI, borrowed=2),
        UsageDayRow(wednesday, CANTEEN, "helmet", JIANGBEI, returned_late=1),
    )
    late_in_the_evening = DUE + timedelta(hours=11) + 59 * timedelta(minutes=1)
    (row,) = usage.given(returned(late_in_the_evening)).rows
    assert row.day == wednesday
    (row,) = usage.given(returned(DUE + 12 * HOUR)).rows
    assert row.day == wednesday + timedelta(days=1)


async def test_shares_and_usage_count_the_same_in_sql(database_url: str) -> None:
    shares = ViewSpecification(Shares(), federation=JIANGBEI).given(allocated(20), allocated(5))
    late_in_the_evening = DUE + timedelta(hours=11) + 59 * timedelta(minutes=1)
    scans = (
        borrowed(),
        borrowed(SECOND, WANG),
        returned(DUE),
        returned(late_in_the_evening),
        returned(DUE + 12 * HOUR),
    )
    usage = ViewSpecification(Usage(), federation=JIANGBEI).given(*scans)
    async with EventStore(database_url, "lending", CODEC) as store:
        await shares.shows_in(store, *shares.rows)
        await usage.shows_in(store, *usage.rows)
