"""From a command to its streams: load what the decision rests on, decide, append to every stream in one commit."""

from collections.abc import Sequence

from services.lending.domain import stock
from services.lending.domain.borrower import BORROWER, Borrower
from services.lending.domain.deciding import decide
from services.lending.domain.desk import Desk, stream_of
from services.lending.domain.digest import DIGEST, digest, digest_id
from services.lending.domain.facts import LendingFacts, MemberFacts
from services.lending.domain.item import ITEM
from services.lending.domain.stock import CAMPAIGN, POINT, Point
from services.lending.members import Members
from services.lending.views import Items
from shared.people import unions_of
from shared.runtime.commands import Context, Handler
from shared.runtime.envelope import BUSY
from shared.schemas import lending
from shared.schemas.ids import MemberId
from shared.schemas.language import commands_of
from shared.schemas.lending import (
    AllocateItems,
    BorrowItem,
    CountStock,
    DeclareFound,
    ItemCommand,
    LaunchCampaign,
    MoveItems,
    OpenPoint,
    PointId,
    ReturnItem,
    SendDigest,
    borrower_id,
    campaign_id,
    item_id,
)
from shared.schemas.messages import Command, Event

__all__ = ["HANDLERS"]

SETTLED = 5.0
"""Seconds that a decision which rests on a read model waits for it to have what the log has."""


async def handle(command: ItemCommand, context: Context) -> None:
    session, federation = context.session, context.envelope.federation
    own = item_id(federation, command.code)
    item = await session.load(ITEM, own)
    desk = Desk(item=item)
    if item.status is not None:
        borrower = Borrower()
        if isinstance(command, BorrowItem):
            borrower = await session.load(BORROWER, borrower_id(command.member_id, item.kind))
        here = await _point(context, item.at)
        there = here
        if isinstance(command, ReturnItem | DeclareFound):
            there = await _point(context, command.point_id)
        desk = Desk(item, borrower, here, there)
    member_id = command.member_id if isinstance(command, BorrowItem) else None
    events = decide(command, desk, await _facts(context, member_id))
    session.append(ITEM, own, [])
    _append(context, events)


async def open_point(command: OpenPoint, context: Context) -> None:
    state = await context.session.load(POINT, command.point_id)
    _append(context, stock.open_point(command, state, await _facts(context)))


async def launch(command: LaunchCampaign, context: Context) -> None:
    state = await context.session.load(CAMPAIGN, campaign_id(context.envelope.federation, command.batch))
    for point_id in command.point_ids:
        (await _point(context, point_id)).keeper  # noqa: B018 - refuses
    _append(context, stock.launch(command, state, await _facts(context)))


async def allocate(command: AllocateItems, context: Context) -> None:
    own = campaign_id(context.envelope.federation, command.batch)
    state = await context.session.load(CAMPAIGN, own)
    context.session.append(CAMPAIGN, own, [])
    _append(context, stock.allocate(command, state, await _facts(context)))


async def move(command: MoveItems, context: Context) -> None:
    codes = list(dict.fromkeys(command.codes))
    own = [item_id(context.envelope.federation, code) for code in codes]
    items = [await context.session.load(ITEM, key) for key in own]
    places = {command.point_id, *(item.at for item in items if item.status is not None)}
    points = {point_id: await _point(context, point_id) for point_id in sorted(places)}
    context.session.append(ITEM, own[0], [])
    once = command.model_copy(update={"codes": tuple(codes)})
    _append(context, stock.move(once, items, points, await _facts(context)))


async def count(command: CountStock, context: Context) -> None:
    """Against the records as they stand: what moves meanwhile is counted as it was when the count came in."""
    await _caught_up(context)
    federation = context.envelope.federation
    state = await _point(context, command.point_id)
    here = await context.read_models.some(
        Items,
        "point_id = $1 and kind = $2 and status = any($3)",
        command.point_id,
        command.kind,
        ["in", "in_care", "damaged"],
    )
    keys = [item_id(federation, code) for code in command.codes]
    known = await context.read_models.some(Items, "item_id = any($1) and kind = $2", keys, command.kind)
    expected, counted = {row.code for row in here}, {row.code for row in known}
    _append(context, stock.count(command, state, expected, counted, await _facts(context)))


async def send_digest(command: SendDigest, context: Context) -> None:
    await _caught_up(context)
    own = digest_id(command.union_id, command.on)
    sent = await context.session.load(DIGEST, own)
    rows = await context.read_models.some(
        Items, "union_id = $1 and status = 'overdue' and escalated and federation = $2", *_of(command, context)
    )
    overdue = [(row.due_at, row.code) for row in rows if row.due_at is not None]
    context.session.append(DIGEST, own, digest(command, sent, overdue, await _facts(context)))


def _of(command: SendDigest, context: Context) -> tuple[object, str]:
    return command.union_id, context.envelope.federation


async def _caught_up(context: Context) -> None:
    if not await context.read_models.caught_up(SETTLED):
        raise BUSY()


async def _point(context: Context, point_id: PointId) -> Point:
    """One of another federation is as one that was not opened."""
    point = await context.session.load(POINT, point_id, in_turn=False)
    return point if point.federation == context.envelope.federation else Point()


def _append(context: Context, events: Sequence[Event]) -> None:
    for event in events:
        aggregate, key = stream_of(event)
        context.session.append(aggregate, key, [event])


async def _facts(context: Context, member_id: MemberId | None = None) -> LendingFacts:
    member = None
    if member_id is not None:
        row = await context.read_models.one(Members, member_id)
        if row is not None and not row.ended and row.federation == context.envelope.federation:
            member = MemberFacts(member_id=member_id, union_id=row.union_id)
    return LendingFacts(
        now=context.now,
        actor=context.envelope.actor,
        federation=context.envelope.federation,
        member=member,
        acts_for=await unions_of(context.envelope.actor, context.read_models),
    )


HANDLERS: dict[type[Command], Handler] = {
    **{kind: handle for kind in commands_of(lending).values() if issubclass(kind, ItemCommand)},
    OpenPoint: open_point,
    LaunchCampaign: launch,
    AllocateItems: allocate,
    MoveItems: move,
    CountStock: count,
    SendDigest: send_digest,
}
