"""The streams that a decision about one item rests on, side by side, and the stream that each event belongs to."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from services.lending.domain.borrower import BORROWER, Borrower
from services.lending.domain.item import ITEM, Item
from services.lending.domain.stock import CAMPAIGN, POINT, Point
from shared.eventsourcing.decider import Aggregate
from shared.schemas.lending import BorrowerEvent, CampaignEvent, ItemEvent, PointEvent, borrower_id
from shared.schemas.messages import Event

__all__ = ["Desk", "folded", "stream_of"]


@dataclass(frozen=True, slots=True)
class Desk:
    """`here` is the point where the item is, or whence it was borrowed; `there` the one that a command names."""

    item: Item = field(default_factory=Item)
    borrower: Borrower = field(default_factory=Borrower)
    here: Point = field(default_factory=Point)
    there: Point = field(default_factory=Point)


def folded(history: Iterable[Event], desk: Desk) -> Desk:
    """The desk after more has happened to its item and borrower."""
    for event in history:
        match event:
            case ItemEvent():
                desk = replace(desk, item=ITEM.evolve(desk.item, event))
            case BorrowerEvent():
                desk = replace(desk, borrower=BORROWER.evolve(desk.borrower, event))
    return desk


def stream_of(event: Event) -> tuple[Aggregate[Any, Any], UUID]:
    match event:
        case ItemEvent(item_id=key):
            return ITEM, key
        case BorrowerEvent(member_id=member_id, kind=kind):
            return BORROWER, borrower_id(member_id, kind)
        case PointEvent(point_id=key):
            return POINT, key
        case CampaignEvent(campaign_id=key):
            return CAMPAIGN, key
        case _:
            raise TypeError(type(event).__name__)
