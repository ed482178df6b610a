"""Points, campaigns, moves and counts: each decision and each refusal."""

from dataclasses import replace
from typing import Any

import pytest

from services.lending.domain.item import ITEM, Item
from services.lending.domain.stock import CAMPAIGN, Campaign, Point, allocate, count, launch, move, open_point
from services.lending.rules import BadRules, read_rules
from shared.schemas.lending import (
    AllocateItems,
    CampaignLaunched,
    CountStock,
    ItemPlaced,
    ItemsAllocated,
    LaunchCampaign,
    MoveItems,
    OpenPoint,
    PointOpened,
    StockCounted,
    StockDiscrepancyFound,
    StockMoved,
    campaign_id,
    item_id,
)
from shared.schemas.messages import Refused
from tests.services.lending.cases import (
    CADRE,
    CANTEEN,
    CODE,
    FACTS,
    GATE,
    HELMET,
    JIANGBEI,
    OFFICER,
    OTHER_WORKS,
    OUT,
    PLACED,
    WORKS,
    fold,
    named,
)

STAFF = replace(FACTS, actor=OFFICER)
LAUNCH = LaunchCampaign(batch="JB", name="首批", kind="helmet", each=20, point_ids=(GATE, CANTEEN))
LAUNCHED = CampaignLaunched(
    campaign_id=campaign_id(JIANGBEI, "JB"),
    kind="helmet",
    batch="JB",
    name="首批",
    each=20,
    point_ids=(GATE, CANTEEN),
    total=40,
)
CAMPAIGN_LAUNCHED = CAMPAIGN.fold([LAUNCHED])
AT_THE_GATE = Point(WORKS, "大门")


def refusal(call: Any) -> str:
    with pytest.raises(Refused) as refused:
        call()
    return refused.value.refusal.code


def test_a_point_is_opened_once() -> None:
    command = OpenPoint(point_id=GATE, name="大门", union_id=WORKS)
    assert open_point(command, Point(), STAFF) == [
        PointOpened(point_id=GATE, federation=JIANGBEI, union_id=WORKS, name="大门")
    ]
    assert refusal(lambda: open_point(command, AT_THE_GATE, STAFF)) == "point_exists"


def test_a_campaign_gives_each_point_its_numbers_once() -> None:
    assert launch(LAUNCH, Campaign(), STAFF) == [LAUNCHED]
    share, *placed = allocate(AllocateItems(batch="JB", point_id=CANTEEN), CAMPAIGN_LAUNCHED, STAFF)
    assert isinstance(share, ItemsAllocated)
    assert (share.count, share.first, share.last) == (20, "JB-0021", "JB-0040")
    assert next(item.code for item in placed if isinstance(item, ItemPlaced)) == "JB-0021"
    assert len({item.item_id for item in placed if isinstance(item, ItemPlaced)}) == 20
    done = CAMPAIGN.fold([LAUNCHED, share])
    assert allocate(AllocateItems(batch="JB", point_id=CANTEEN), done, STAFF) == []


def test_a_campaign_that_cannot_be_is_refused() -> None:
    assert refusal(lambda: launch(LAUNCH, CAMPAIGN_LAUNCHED, STAFF)) == "batch_exists"
    twice = LAUNCH.model_copy(update={"point_ids": (GATE, GATE)})
    assert refusal(lambda: launch(twice, Campaign(), STAFF)) == "points_repeated"
    other = LAUNCH.model_copy(update={"kind": "ladder"})
    assert refusal(lambda: launch(other, Campaign(), STAFF)) == "unknown_kind"
    elsewhere = AllocateItems(batch="JB", point_id=named("别处"))
    assert refusal(lambda: allocate(elsewhere, CAMPAIGN_LAUNCHED, STAFF)) == "no_share"


def test_items_on_hand_are_moved_together_or_not_at_all() -> None:
    here, points = ITEM.fold([PLACED]), {GATE: AT_THE_GATE, CANTEEN: Point(WORKS, "食堂")}
    command = MoveItems(codes=(CODE,), point_id=CANTEEN)
    moved = StockMoved(**HELMET, from_point_id=GATE, point_id=CANTEEN)
    assert move(command, [here], points, replace(FACTS, actor=CADRE)) == [moved]
    assert move(MoveItems(codes=(CODE,), point_id=GATE), [here], points, STAFF) == []
    out = fold(OUT).item
    two = MoveItems(codes=(CODE, "JB-0002"), point_id=CANTEEN)
    assert refusal(lambda: move(two, [here, out], points, STAFF)) == "not_on_hand"
    assert refusal(lambda: move(two, [here, Item()], points, STAFF)) == "unknown_code"
    assert refusal(lambda: move(command, [here], {**points, CANTEEN: Point()}, STAFF)) == "unknown_point"
    foreign = {**points, GATE: Point(OTHER_WORKS, "大门")}
    assert refusal(lambda: move(command, [here], foreign, replace(FACTS, actor=CADRE))) == "not_your_union"


def test_a_count_that_agrees_is_kept_and_one_that_does_not_names_what_differs() -> None:
    command = CountStock(point_id=GATE, kind="helmet", codes=("JB-0001", "JB-0003", "XX-0001", "JB-0001"))
    (counted,) = count(command, AT_THE_GATE, {"JB-0001", "JB-0003", "XX-0001"}, set(), STAFF)
    assert isinstance(counted, StockCounted)
    assert (counted.expected, counted.seen) == (3, 3)
    counted, found = count(command, AT_THE_GATE, {"JB-0001", "JB-0002"}, {"JB-0001", "JB-0003"}, STAFF)
    assert isinstance(counted, StockCounted)
    assert isinstance(found, StockDiscrepancyFound)
    assert (counted.expected, counted.seen) == (2, 3)
    assert (found.missing, found.unexpected, found.unknown) == (("JB-0002",), ("JB-0003",), ("XX-0001",))
    assert (found.missing_count, found.unexpected_count) == (1, 2)
    assert refusal(lambda: count(command, Point(), set(), set(), STAFF)) == "unknown_point"
    stranger = replace(FACTS, actor=CADRE, acts_for=frozenset())
    assert refusal(lambda: count(command, AT_THE_GATE, set(), set(), stranger)) == "not_your_union"


def test_a_code_is_the_same_item_s_for_ever_and_another_federation_s_is_another() -> None:
    assert item_id(JIANGBEI, CODE) == item_id(JIANGBEI, CODE) == HELMET["item_id"]
    assert item_id(JIANGBEI, CODE) != item_id("330211", CODE)


@pytest.mark.parametrize("text", ["x = ", 'federation = "330205"'])
def test_rules_that_cannot_be_read_are_refused_by_name(tmp_path: Any, text: str) -> None:
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(BadRules, match=r"bad\.toml"):
        read_rules(tmp_path)
