"""Lending as its users meet it: whole services on real servers, with a clock that is set."""

import asyncio
from datetime import timedelta

import pytest

from services.lending.members import Members
from shared.runtime.envelope import Envelope
from shared.schemas.ids import MemberId, new_id
from shared.schemas.lending import (
    BorrowedItem,
    BorrowItem,
    CountStock,
    HelmetBorrowed,
    HelmetOverdue,
    HelmetReturned,
    ItemStatus,
    LaunchCampaign,
    MoveItems,
    OverdueDigested,
    OverdueEscalated,
    OverdueWithdrawn,
    PrintLabels,
    ReturnReminderDue,
    ShelfAnswer,
    ShowBorrowed,
    ShowShelf,
    ShowTimerLag,
    ShowUsage,
    StockDiscrepancyFound,
    TimerLag,
)
from shared.schemas.messages import Refused
from shared.schemas.registry import EndMembership, EndOfMembership
from tests.services.lending.district import NOON, OFFICER, OPERATOR, District, Worker
from tests.waiting import until

DUE = NOON + timedelta(hours=48)


async def test_a_worker_borrows_returns_and_the_next_waits_for_the_care(jiangbei: District) -> None:
    await jiangbei.campaign()
    li, wang = await jiangbei.worker(), await jiangbei.worker()
    await jiangbei.borrows(li, "JB-0001")
    (held,) = await jiangbei.asks(li.actor, ShowBorrowed(member_id=li.member_id))
    assert isinstance(held, BorrowedItem)
    assert (held.code, held.due_at - held.borrowed_at, held.overdue) == ("JB-0001", timedelta(hours=48), False)
    assert await jiangbei.tries(wang.actor, BorrowItem(code="JB-0001", member_id=wang.member_id)) == "item_out"
    await jiangbei.returns(li, "JB-0001", point=jiangbei.points[1])
    assert await jiangbei.asks(li.actor, ShowBorrowed(member_id=li.member_id)) == ()
    assert await jiangbei.tries(wang.actor, BorrowItem(code="JB-0001", member_id=wang.member_id)) == "not_ready"
    await jiangbei.cares("JB-0001")
    await jiangbei.borrows(wang, "JB-0001")
    shelf: ShelfAnswer = await jiangbei.asks(li.actor, ShowShelf(point_id=jiangbei.points[1]))
    assert [(item.code, item.status) for item in shelf.items] == [
        ("JB-0003", ItemStatus.IN),
        ("JB-0004", ItemStatus.IN),
    ]


async def test_reminder_overdue_and_escalation_happen_once_and_the_cadre_gets_one_digest(jiangbei: District) -> None:
    await jiangbei.campaign()
    li, wang = await jiangbei.worker(), await jiangbei.worker()
    await jiangbei.borrows(li, "JB-0001")
    await jiangbei.borrows(wang, "JB-0002")
    await jiangbei.set_time(NOON + timedelta(hours=43))
    await until(lambda: jiangbei.told("JB-0001", ReturnReminderDue))
    await jiangbei.set_time(DUE + timedelta(minutes=1))
    table = await jiangbei.until_table(lambda table: table.total.overdue == 2)
    assert (table.total.on_hand, table.total.out, table.total.total) == (2, 0, 4)
    await jiangbei.set_time(DUE + timedelta(hours=25))
    for code in ("JB-0001", "JB-0002"):
        await until(lambda code=code: jiangbei.told(code, OverdueEscalated))  # type: ignore[misc]
    await jiangbei.set_time(DUE + timedelta(hours=46))  # ten in the morning
    (digest,) = await until(lambda: _digests(jiangbei))
    assert (digest.union_id, digest.count, digest.codes) == (jiangbei.union_id, 2, ("JB-0001", "JB-0002"))
    for kind in (ReturnReminderDue, HelmetOverdue, OverdueEscalated):
        assert len(await jiangbei.told("JB-0001", kind)) == 1


async def test_what_was_returned_in_time_is_not_chased(jiangbei: District) -> None:
    await jiangbei.campaign()
    li, wang = await jiangbei.worker(), await jiangbei.worker()
    await jiangbei.borrows(li, "JB-0001")
    await jiangbei.borrows(wang, "JB-0002")
    await jiangbei.returns(li, "JB-0001")
    await jiangbei.set_time(DUE + timedelta(hours=25))
    await until(lambda: jiangbei.told("JB-0002", OverdueEscalated))
    for kind in (ReturnReminderDue, HelmetOverdue, OverdueEscalated):
        assert await jiangbei.told("JB-0001", kind) == []


async def test_an_offline_scan_in_time_withdraws_the_overdue_and_a_second_changes_nothing(jiangbei: District) -> None:
    await jiangbei.campaign()
    li = await jiangbei.worker()
    await jiangbei.borrows(li, "JB-0001")
    (borrowed,) = await jiangbei.told("JB-0001", HelmetBorrowed)
    await jiangbei.set_time(DUE + timedelta(hours=5))
    await until(lambda: jiangbei.told("JB-0001", HelmetOverdue))
    await jiangbei.returns(li, "JB-0001", at=borrowed.due_at)
    (returned,) = await jiangbei.told("JB-0001", HelmetReturned)
    assert (returned.late, returned.returned_at) == (False, borrowed.due_at)
    assert len(await jiangbei.told("JB-0001", OverdueWithdrawn)) == 1
    assert len(await jiangbei.told("JB-0001", HelmetOverdue)) == 1
    again = await jiangbei.returns(li, "JB-0001")
    assert not again.changed
    days = await jiangbei.asks(OFFICER, ShowUsage(kind="helmet", since=NOON.date(), until=DUE.date()))
    assert [(day.borrowed, day.returned, day.returned_late) for day in days] == [(1, 0, 0), (0, 1, 0)]


async def test_of_many_who_scan_one_helmet_at_once_one_has_it_and_of_many_helmets_a_worker_has_one(
    jiangbei: District,
) -> None:
    await jiangbei.campaign(each=5)
    workers = [await jiangbei.worker() for _ in range(8)]
    answers = await asyncio.gather(
        *(jiangbei.tries(one.actor, BorrowItem(code="JB-0001", member_id=one.member_id)) for one in workers)
    )
    assert sorted(answers) == ["done"] + ["item_out"] * 7
    greedy = workers[answers.index("item_out")]
    answers = await asyncio.gather(
        *(
            jiangbei.tries(greedy.actor, BorrowItem(code=f"JB-{number:04d}", member_id=greedy.member_id))
            for number in range(2, 10)
        )
    )
    assert sorted(answers) == ["done"] + ["one_each"] * 7


async def test_what_fell_due_while_the_service_was_down_is_overdue_once_when_it_comes_back(jiangbei: District) -> None:
    await jiangbei.campaign()
    await jiangbei.borrows(await jiangbei.worker(), "JB-0001")
    await jiangbei.stop_lending()
    await jiangbei.set_time(DUE + timedelta(seconds=90))
    await jiangbei.start_lending()
    await until(lambda: jiangbei.told("JB-0001", HelmetOverdue))
    await jiangbei.stop_lending()
    await jiangbei.start_lending()
    lag = await until(lambda: _nothing_late(jiangbei))
    assert lag is not None
    assert lag.waiting == 1  # the escalation
    assert len(await jiangbei.told("JB-0001", HelmetOverdue)) == 1
    assert await jiangbei.told("JB-0001", ReturnReminderDue) == []  # too late to remind of what is overdue


async def test_bad_input_is_refused_with_its_clause(jiangbei: District) -> None:
    await jiangbei.campaign()
    li = await jiangbei.worker()
    stranger = Worker(MemberId(new_id()))
    assert await jiangbei.tries(li.actor, BorrowItem(code="JB-9999", member_id=li.member_id)) == "unknown_code"
    assert await jiangbei.tries(stranger.actor, _borrow("JB-0001", stranger)) == "not_a_member"
    assert await jiangbei.tries(stranger.actor, _borrow("JB-0001", li)) == "not_yours"
    again = LaunchCampaign(batch="JB", name="再来", kind="helmet", each=1, point_ids=(jiangbei.points[0],))
    assert await jiangbei.tries(OFFICER, again) == "batch_exists"
    assert (await jiangbei.table()).total.on_hand == 4


async def test_labels_are_printed_for_a_batch(jiangbei: District) -> None:
    await jiangbei.campaign()
    sheet = await jiangbei.asks(OFFICER, PrintLabels(batch="JB"))
    assert sheet.codes == ("JB-0001", "JB-0002", "JB-0003", "JB-0004")
    assert sheet.html.count("<svg") == 4


async def test_items_are_moved_and_counted_and_the_sums_hold(jiangbei: District) -> None:
    await jiangbei.campaign()
    gate, canteen = jiangbei.points
    cadre = jiangbei.chair.cadre
    await jiangbei.does(cadre, MoveItems(codes=("JB-0001",), point_id=canteen))
    table = await jiangbei.table()
    assert {row.point_id: (row.carried_in, row.tally.on_hand) for row in table.points} == {
        gate: (-1, 1),
        canteen: (1, 3),
    }
    assert table.total.total == table.allocated == 4
    await jiangbei.does(cadre, CountStock(point_id=gate, kind="helmet", codes=("JB-0001", "XX-0001")))
    recorded = await jiangbei.lending.store.stream(f"point-{gate}")
    (found,) = [one.event for one in recorded if isinstance(one.event, StockDiscrepancyFound)]
    assert (found.missing, found.unexpected, found.unknown) == (("JB-0002",), ("JB-0001",), ("XX-0001",))
    assert (await jiangbei.table()).total == table.total  # a count changes no item


async def test_who_may_look_at_what_a_worker_has(jiangbei: District) -> None:
    await jiangbei.campaign()
    li, wang = await jiangbei.worker(), await jiangbei.worker()
    await jiangbei.borrows(li, "JB-0001")
    show = ShowBorrowed(member_id=li.member_id)
    for who in (li.actor, jiangbei.chair.cadre, OFFICER):
        assert len(await jiangbei.asks(who, show)) == 1
    for who in (wang.actor, wang.cadre):
        with pytest.raises(Refused, match="not_concerned"):
            await jiangbei.asks(who, show)
    with pytest.raises(Refused, match="unknown_point"):
        await jiangbei.asks(OFFICER, ShowShelf(point_id=jiangbei.points[0]), federation="330211")


async def test_a_point_of_another_federation_is_as_none(jiangbei: District) -> None:
    launch = LaunchCampaign(batch="ZH", name="镇海", kind="helmet", each=1, point_ids=(jiangbei.points[0],))
    with pytest.raises(Refused, match="unknown_point"):
        await jiangbei.client.send("lending", launch, Envelope.fresh(OFFICER, "330211"))


async def test_a_worker_who_left_borrows_no_more_and_brings_back_what_they_have(jiangbei: District) -> None:
    await jiangbei.campaign()
    li = await jiangbei.worker()
    await jiangbei.borrows(li, "JB-0001")
    left = await jiangbei.does(OFFICER, EndMembership(member_id=li.member_id, ground=EndOfMembership.RESIGNED))
    await jiangbei.lending.read_models.followed("registry", left.position, Members)
    await jiangbei.returns(li, "JB-0001")
    assert await jiangbei.tries(li.actor, _borrow("JB-0002", li)) == "not_a_member"


def _borrow(code: str, worker: Worker) -> BorrowItem:
    return BorrowItem(code=code, member_id=worker.member_id)


async def _digests(jiangbei: District) -> list[OverdueDigested]:
    events = [recorded.event async for page in jiangbei.lending.store.all() for recorded in page]
    return [event for event in events if isinstance(event, OverdueDigested)]


async def _nothing_late(jiangbei: District) -> TimerLag | None:
    timers = jiangbei.lending.timers
    assert timers is not None
    if timers.folded < await jiangbei.lending.store.head():
        return None
    lag: TimerLag = await jiangbei.asks(OPERATOR, ShowTimerLag())
    return lag if not lag.late else None
