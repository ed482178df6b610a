"""What the event store promises to one who appends and reads."""

import asyncio
from collections.abc import Sequence
from functools import partial
from itertools import count
from typing import Any

import asyncpg
import pytest

from shared.eventsourcing.store import EventStore
from shared.eventsourcing.writer import CommandIdReused, Commit, Conflict, Receipt
from shared.schemas.ids import new_id
from tests.shared.eventsourcing.savings import CODEC, Deposited, commit, deposits
from tests.waiting import until

LI, WANG = f"passbook-{new_id()}", f"passbook-{new_id()}"


async def amounts(store: EventStore, stream: str) -> list[int]:
    events = [recorded.event for recorded in await store.stream(stream)]
    return [event.amount for event in events if isinstance(event, Deposited)]


async def positions(store: EventStore) -> list[int]:
    return [recorded.position async for page in store.all() for recorded in page]


def spoiled(good: Commit, **field: Any) -> Commit:
    """The commit with a field of its first event replaced by something that PostgreSQL refuses."""
    write, *writes = good.writes
    first, *events = write.events
    return good._replace(writes=[write._replace(events=[first._replace(**field), *events]), *writes])


async def test_a_stream_begins_only_once(store: EventStore) -> None:
    assert await store.append(commit((LI, 0, deposits(1, 2)))) == Receipt(LI, version=2, position=2)
    with pytest.raises(Conflict):
        await store.append(commit((LI, 0, deposits(3))))
    assert await amounts(store, LI) == [1, 2]


async def test_a_stream_grows_only_from_the_version_that_was_expected(store: EventStore) -> None:
    await store.append(commit((LI, 0, deposits(1, 2))))
    for stale in (0, 1, 3, -1):
        with pytest.raises(Conflict):
            await store.append(commit((LI, stale, deposits(9))))
    assert await store.append(commit((LI, 2, deposits(3)))) == Receipt(LI, version=3, position=3)
    assert await amounts(store, LI) == [1, 2, 3]


async def test_whoever_expects_nothing_always_appends(store: EventStore) -> None:
    for n in range(1, 4):
        assert await store.append(commit((LI, None, deposits(n)))) == Receipt(LI, version=n, position=n)
    assert await amounts(store, LI) == [1, 2, 3]


async def test_a_repeated_command_gets_its_first_receipt(store: EventStore) -> None:
    again = commit((LI, 0, deposits(1)), (WANG, 0, deposits(2, 3)))
    first = await store.append(again)
    await store.append(commit((LI, None, deposits(4)), (WANG, None, deposits(5))))
    assert first == Receipt(LI, version=1, position=3)
    assert await store.append(again) == first._replace(duplicate=True)
    assert await store.find(again.id, again.fingerprint) == first._replace(duplicate=True)
    assert await store.head() == 5


async def test_a_command_sent_twice_at_once_is_carried_out_once(store: EventStore, database_url: str) -> None:
    async with EventStore(database_url, "savings", CODEC) as other:
        again = commit((LI, 0, deposits(1)))
        receipts = await asyncio.gather(*(one.append(again) for one in (store, other) for _ in range(10)))
    assert sorted(receipt.duplicate for receipt in receipts) == [False] + [True] * 19
    assert {(receipt.version, receipt.position) for receipt in receipts} == {(1, 1)}
    assert await amounts(store, LI) == [1]


async def test_an_id_belongs_to_one_command(store: EventStore) -> None:
    first = commit((LI, None, deposits(1)))
    other = commit((LI, None, deposits(2)), command=first.id, body=1)
    await store.append(first)
    with pytest.raises(CommandIdReused):
        await store.append(other)
    with pytest.raises(CommandIdReused):
        await store.find(first.id, other.fingerprint)
    assert await amounts(store, LI) == [1]


async def test_a_command_in_conflict_may_come_again(store: EventStore) -> None:
    again = commit((LI, 1, deposits(2)))
    with pytest.raises(Conflict):
        await store.append(again)
    assert await store.find(again.id, again.fingerprint) is None
    await store.append(commit((LI, 0, deposits(1))))
    assert await store.append(again) == Receipt(LI, version=2, position=2)


async def test_a_commit_to_several_streams_happens_in_all_or_in_none(store: EventStore) -> None:
    await store.append(commit((LI, 0, deposits(1)), (WANG, None, deposits(2))))
    for writes in (
        [(LI, 1, deposits(3)), (WANG, 0, deposits(4))],
        [(LI, 0, deposits(3)), (WANG, 1, deposits(4))],
    ):
        with pytest.raises(Conflict):
            await store.append(commit(*writes))
    assert await amounts(store, LI) == [1]
    assert await amounts(store, WANG) == [2]


async def test_a_stream_that_is_not_appended_to_can_be_held_to_its_version(store: EventStore) -> None:
    await store.append(commit((WANG, 0, deposits(1))))
    assert await store.append(commit((LI, 0, deposits(2)), (WANG, 1, []))) == Receipt(LI, version=1, position=2)
    with pytest.raises(Conflict):
        await store.append(commit((LI, 1, deposits(3)), (WANG, 0, [])))
    assert await store.append(commit((WANG, 1, []), (LI, 1, deposits(3)))) == Receipt(LI, version=2, position=3)
    with pytest.raises(ValueError, match="without events"):
        await store.append(commit((WANG, 1, [])))


async def test_of_two_that_decide_on_each_others_streams_one_is_in_conflict(store: EventStore) -> None:
    outcomes = await asyncio.gather(
        store.append(commit((LI, 0, deposits(1)), (WANG, 0, []))),
        store.append(commit((WANG, 0, deposits(2)), (LI, 0, []))),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [Receipt, Conflict]


async def test_what_one_batch_holds_is_in_the_order_of_its_coming(store: EventStore) -> None:
    receipts = await asyncio.gather(
        *(store.append(commit((f"passbook-{n % 5}", None, deposits(n + 1)))) for n in range(50))
    )
    for n in range(5):
        assert await amounts(store, f"passbook-{n}") == list(range(n + 1, 51, 5))
        assert [receipt.version for receipt in receipts[n::5]] == list(range(1, 11))
    assert await positions(store) == list(range(1, 51))


async def test_a_batch_of_many_shapes_is_appended_in_one_order(store: EventStore) -> None:
    await store.append(commit(("rules", 0, deposits(1, 2))))
    receipts = await asyncio.gather(
        store.append(commit((LI, 0, deposits(1, 2)), (WANG, 0, deposits(3)))),
        store.append(commit(("rules", 2, []), ("passbook-1", 0, deposits(4)))),
        store.append(commit(("passbook-2", 0, deposits(5, 6, 7)))),
    )
    assert [*receipts] == [Receipt(LI, 2, 5), Receipt("passbook-1", 1, 6), Receipt("passbook-2", 3, 9)]
    assert await positions(store) == list(range(1, 10))
    assert await amounts(store, WANG) == [3]
    assert await amounts(store, "passbook-2") == [5, 6, 7]


async def test_in_one_batch_each_commit_is_answered_by_itself(store: EventStore) -> None:
    known = commit((LI, 0, deposits(1)))
    first = await store.append(known)
    outcomes = await asyncio.gather(
        store.append(commit(("passbook-1", 0, deposits(2)))),
        store.append(known),
        store.append(commit((WANG, 7, deposits(3)))),
        store.append(commit(("passbook-2", 0, deposits(4)), command=known.id, body=1)),
        store.append(commit(("passbook-3", None, deposits(5, 6)))),
        return_exceptions=True,
    )
    fresh, again, stale, reused, last = outcomes
    assert (fresh, again, last) == (
        *(Receipt("passbook-1", 1, 2), first._replace(duplicate=True)),
        Receipt("passbook-3", 2, 4),
    )
    assert (type(stale), type(reused)) == (Conflict, CommandIdReused)
    assert await positions(store) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "field",
    [
        {"data": '{"note": "\\u0000"}'},
        {"data": "{"},
        {"data": "\ud800"},
        {"data": "[" * 100_000},
        {"type": "Depo\0sited"},
        {"schema": 40_000},
        {"schema": None},
        {"meta": None},
    ],
    ids=lambda field: next(iter(field)),
)
@pytest.mark.parametrize("place", [0, 10, 20])
async def test_a_row_that_cannot_be_stored_hurts_nobody_else(
    store: EventStore, field: dict[str, object], place: int
) -> None:
    commits = [commit((f"passbook-{n}", 0, deposits(n + 1)), ("passbook-of-all", None, deposits(1))) for n in range(20)]
    alone = [commit((f"passbook-{n}", 0, deposits(n + 1))) for n in range(20, 40)]
    bad = spoiled(commit((LI, 0, deposits(1)), (WANG, 0, deposits(2))), **field)
    everybody = [*commits, *alone]
    everybody.insert(place, bad)
    outcomes = await asyncio.gather(*(store.append(one) for one in everybody), return_exceptions=True)
    assert isinstance(outcomes.pop(place), asyncpg.PostgresError)
    assert [type(outcome) for outcome in outcomes] == [Receipt] * 40
    assert await positions(store) == list(range(1, 61))
    assert await store.stream(LI) == await store.stream(WANG) == []
    assert (await store.append(commit((LI, 0, deposits(1))))).version == 1


async def test_positions_have_no_gaps_whatever_was_refused(store: EventStore) -> None:
    wanted: Sequence[Commit] = [
        *(commit((LI, n, deposits(1))) for n in range(5)),
        *(commit((WANG, None, deposits(1, 2))) for _ in range(5)),
        *(spoiled(commit((WANG, None, deposits(1))), data="\\u0000") for _ in range(5)),
    ]
    await asyncio.gather(*(store.append(one) for _ in range(3) for one in wanted), return_exceptions=True)
    head = await store.head()
    assert head >= 10
    assert await positions(store) == list(range(1, head + 1))


async def test_a_store_that_closes_finishes_what_was_asked_for(store: EventStore, database_url: str) -> None:
    async with EventStore(database_url, "savings", CODEC) as leaving:
        asked = [asyncio.create_task(leaving.append(commit((LI, None, deposits(1))))) for _ in range(600)]
        await asyncio.sleep(0)
    assert {type(outcome) for outcome in await asyncio.gather(*asked)} == {Receipt}
    assert len(await store.stream(LI)) == 600
    with pytest.raises(RuntimeError, match="not running"):
        await leaving.append(commit((LI, None, deposits(1))))


async def test_who_stops_waiting_leaves_the_others_be(store: EventStore) -> None:
    impatient = [asyncio.create_task(store.append(commit((LI, None, deposits(1))))) for _ in range(5)]
    patient = [asyncio.create_task(store.append(commit((LI, None, deposits(2))))) for _ in range(5)]
    await asyncio.sleep(0)
    for task in impatient:
        task.cancel()
    assert {type(outcome) for outcome in await asyncio.gather(*patient)} == {Receipt}


async def test_cut_connections_lose_nothing_and_repeat_nothing(store: EventStore, database_url: str) -> None:
    admin = await asyncpg.connect(database_url)
    done: list[Receipt] = []
    cutting = True

    async def call(number: int) -> None:
        for n in count(number):
            if not cutting:
                return
            done.append(await store.append(commit((f"passbook-{n % 9}", None, deposits(1)))))

    def further_than(reached: int) -> bool:
        return len(done) > reached

    async with asyncio.TaskGroup() as calling:
        for number in range(15):
            calling.create_task(call(number))
        for _ in range(10):
            await admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid()"
            )
            await until(partial(further_than, len(done)))
        cutting = False
    await admin.close()
    assert sorted(receipt.position for receipt in done) == list(range(1, len(done) + 1))


async def test_a_log_belongs_to_one_service(store: EventStore, database_url: str) -> None:
    async with EventStore(database_url, "lending", CODEC) as other:
        await store.append(commit((LI, 0, deposits(1))))
        assert await other.append(commit((LI, 0, deposits(2)))) == Receipt(LI, version=1, position=1)
        assert await amounts(other, LI) == [2]


async def test_many_processes_may_install_at_once(database_url: str) -> None:
    stores = [EventStore(database_url, "savings", CODEC) for _ in range(8)]
    await asyncio.gather(*(store.open() for store in stores))
    receipts = await asyncio.gather(*(store.append(commit((LI, None, deposits(1)))) for store in stores))
    assert sorted(receipt.position for receipt in receipts) == list(range(1, 9))
    await asyncio.gather(*(store.close() for store in stores))


def test_a_schema_is_named_by_an_identifier() -> None:
    with pytest.raises(ValueError, match="identifier"):
        EventStore("postgresql://", "savings; drop schema loan", CODEC)
