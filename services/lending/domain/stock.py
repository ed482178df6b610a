"""Stock points, campaigns that fill them, counts that check them."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Final

from services.lending import refusals
from services.lending.domain.facts import LendingFacts
from services.lending.domain.item import ON_HAND, Item
from shared.eventsourcing.decider import Aggregate
from shared.schemas.ids import UnionId
from shared.schemas.lending import (
    AllocateItems,
    Batch,
    CampaignEvent,
    CampaignLaunched,
    Code,
    CountStock,
    ItemPlaced,
    ItemsAllocated,
    Kind,
    LaunchCampaign,
    MoveItems,
    OpenPoint,
    PointEvent,
    PointId,
    PointOpened,
    StockCounted,
    StockDiscrepancyFound,
    StockMoved,
    campaign_id,
    code_of,
    item_id,
)
from shared.schemas.messages import Federation

__all__ = ["CAMPAIGN", "POINT", "Campaign", "Point", "allocate", "count", "launch", "move", "open_point"]

LARGEST_BATCH: Final = 999_999
"""As many as a code has room for."""


@dataclass(frozen=True, slots=True)
class Point:
    """None was opened as long as `union_id` is None."""

    union_id: UnionId | None = None
    name: str = ""
    federation: Federation = ""

    @property
    def keeper(self) -> UnionId:
        """Refused (`unknown_point`)."""
        if self.union_id is None:
            raise refusals.UNKNOWN_POINT()
        return self.union_id


def evolve_point(state: Point, event: PointEvent) -> Point:
    match event:
        case PointOpened():
            return Point(event.union_id, event.name, event.federation)
        case _:
            return state


POINT: Aggregate[Point, PointEvent] = Aggregate("point", Point(), evolve_point)


@dataclass(frozen=True, slots=True)
class Campaign:
    """Not launched as long as `each` is 0."""

    batch: Batch = ""
    kind: Kind = ""
    each: int = 0
    point_ids: tuple[PointId, ...] = ()
    allocated: frozenset[PointId] = frozenset()

    def codes(self, point_id: PointId) -> list[Code]:
        """The share of one of its points."""
        first = self.point_ids.index(point_id) * self.each
        return [code_of(self.batch, first + n) for n in range(1, self.each + 1)]


def evolve_campaign(state: Campaign, event: CampaignEvent) -> Campaign:
    match event:
        case CampaignLaunched():
            return Campaign(event.batch, event.kind, event.each, event.point_ids)
        case ItemsAllocated(point_id=point_id):
            return replace(state, allocated=state.allocated | {point_id})
        case _:
            return state


CAMPAIGN: Aggregate[Campaign, CampaignEvent] = Aggregate("campaign", Campaign(), evolve_campaign)


def open_point(command: OpenPoint, state: Point, facts: LendingFacts) -> list[PointOpened]:
    if state.union_id is not None:
        raise refusals.POINT_EXISTS()
    return [
        PointOpened(
            point_id=command.point_id,
            federation=facts.federation,
            union_id=command.union_id,
            name=command.name,
            employer_id=command.employer_id,
        )
    ]


def launch(command: LaunchCampaign, state: Campaign, facts: LendingFacts) -> list[CampaignLaunched]:
    """The points are known to be open."""
    if state.each:
        raise refusals.BATCH_EXISTS(batch=command.batch)
    facts.terms(command.kind)
    if len(set(command.point_ids)) < len(command.point_ids):
        raise refusals.POINTS_REPEATED()
    total = command.each * len(command.point_ids)
    if total > LARGEST_BATCH:
        raise refusals.TOO_MANY(most=LARGEST_BATCH, total=total)
    return [
        CampaignLaunched(
            campaign_id=campaign_id(facts.federation, command.batch),
            kind=command.kind,
            batch=command.batch,
            name=command.name,
            each=command.each,
            point_ids=command.point_ids,
            total=total,
        )
    ]


def allocate(command: AllocateItems, state: Campaign, facts: LendingFacts) -> list[ItemsAllocated | ItemPlaced]:
    """The share of a point, and the items that it is made of."""
    point_id = command.point_id
    if point_id not in state.point_ids:
        raise refusals.NO_SHARE(batch=command.batch)
    if point_id in state.allocated:
        return []
    own, codes = campaign_id(facts.federation, state.batch), state.codes(point_id)
    name = facts.terms(state.kind).name
    placed = [
        ItemPlaced(
            item_id=item_id(facts.federation, code),
            code=code,
            kind=state.kind,
            name=name,
            campaign_id=own,
            point_id=point_id,
        )
        for code in codes
    ]
    share = ItemsAllocated(
        campaign_id=own, kind=state.kind, point_id=point_id, count=len(codes), first=codes[0], last=codes[-1]
    )
    return [share, *placed]


def move(
    command: MoveItems, items: Sequence[Item], points: Mapping[PointId, Point], facts: LendingFacts
) -> list[StockMoved]:
    """`items` in the order of the codes; `points` are where they are, and where they go."""
    points[command.point_id].keeper  # noqa: B018 - refuses
    moved = []
    for code, item in zip(command.codes, items, strict=True):
        if item.status is None:
            raise refusals.UNKNOWN_CODE(code=code)
        facts.must_keep(points[item.at].keeper)
        if item.status not in ON_HAND:
            raise refusals.NOT_ON_HAND(code=code)
        if item.at != command.point_id:
            moved.append(StockMoved(**item.known, from_point_id=item.at, point_id=command.point_id))
    return moved


def count(
    command: CountStock, state: Point, expected: Set[Code], known: Set[Code], facts: LendingFacts
) -> list[StockCounted | StockDiscrepancyFound]:
    """`expected` are on hand at the point by the records; `known` are those counted that are items' codes at all."""
    facts.must_keep(state.keeper)
    facts.terms(command.kind)
    seen = set(command.codes)
    missing, others = sorted(expected - seen), seen - expected
    unexpected, unknown = sorted(others & known), sorted(others - known)
    of = {"point_id": command.point_id, "union_id": state.keeper, "count_id": command.count_id, "kind": command.kind}
    counted = StockCounted.model_validate({**of, "expected": len(expected), "seen": len(seen)})
    if not missing and not others:
        return [counted]
    found = {"missing": missing, "unexpected": unexpected, "unknown": unknown, "point_name": state.name}
    counts = {"missing_count": len(missing), "unexpected_count": len(others)}
    return [counted, StockDiscrepancyFound.model_validate({**of, **found, **counts})]
