"""Decisions are carried out once, on a state that was true when they were written."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import count
from uuid import UUID

import pytest

from shared.eventsourcing import repository
from shared.eventsourcing.codec import Codec
from shared.eventsourcing.keyring import Keyring
from shared.eventsourcing.repository import Busy, Occasion, Repository, Session
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.writer import CommandIdReused, Receipt
from shared.schemas.ids import MemberId, derived_id, new_id
from shared.schemas.messages import Event, Refused
from shared.schemas.personal import Personal
from tests.shared.eventsourcing.savings import (
    CODEC,
    FACTS,
    Deposit,
    Enrolled,
    Passbook,
    Withdraw,
    commit,
    decide,
    deposits,
    member_file,
    meta,
    passbook,
)

type Work = Callable[[Session], Awaitable[None]]


class WatchedCodec(Codec):
    """Notes which events are read from the log to be folded."""

    def __init__(self) -> None:
        super().__init__(CODEC.events.values())
        self.folded: list[str] = []

    def decode(self, kind: str, schema: int, data: str | bytes) -> Event:
        self.folded.append(kind)
        return super().decode(kind, schema, data)


@pytest.fixture
def codec() -> WatchedCodec:
    return WatchedCodec()


@pytest.fixture
async def store(database_url: str, codec: WatchedCodec) -> AsyncIterator[EventStore]:
    async with EventStore(database_url, "savings", codec) as store:
        yield store


@pytest.fixture
async def other(store: EventStore, database_url: str) -> AsyncIterator[EventStore]:
    """Another process's store on the same log."""
    async with EventStore(database_url, "savings", CODEC) as other:
        yield other


def handling(command: Deposit | Withdraw, key: UUID) -> Work:
    async def work(session: Session) -> None:
        state = await session.load(passbook, key)
        session.append(passbook, key, decide(command, state, FACTS))

    return work


def occasion(command: UUID | None = None, body: str = "") -> Occasion:
    command = command or new_id()
    return Occasion(command, derived_id(command, body), meta(command))


async def handle(repository: Repository, command: Deposit | Withdraw, key: UUID, id: UUID | None = None) -> Receipt:  # noqa: A002
    return await repository.transact(occasion(id), handling(command, key))


async def balance(repository: Repository, key: UUID) -> int:
    return (await repository.state(passbook, key)).balance


async def test_a_command_is_decided_on_what_happened_so_far(store: EventStore) -> None:
    savings, li = Repository(store), new_id()
    await handle(savings, Deposit(amount=100), li)
    receipt = await handle(savings, Withdraw(amount=60), li)
    assert receipt == Receipt(passbook.stream(li), version=2, position=2)
    with pytest.raises(Refused, match="余额只有40分"):
        await handle(savings, Withdraw(amount=50), li)
    assert await balance(savings, li) == 40
    assert await store.head() == 2


async def test_a_stream_in_memory_is_not_folded_again(store: EventStore, codec: WatchedCodec) -> None:
    savings, li = Repository(store), new_id()
    for amount in range(1, 10):
        await handle(savings, Deposit(amount=amount), li)
    assert codec.folded == []


async def test_streams_that_are_read_for_something_else_need_not_be_read_again(
    store: EventStore, codec: WatchedCodec
) -> None:
    first, second, third = new_id(), new_id(), new_id()
    writing, deciding = Repository(store), Repository(store)
    for key in (first, second):
        await handle(writing, Deposit(amount=100), key)
    deciding.remember(passbook, await store.streams({passbook.stream(first): 0, passbook.stream(second): 0}))
    read = len(codec.folded)

    async def work(session: Session) -> None:
        assert [state.balance for state in await session.load_all(passbook, (first, second, third))] == [100, 100, 0]
        for key in (first, second, third):
            session.append(passbook, key, decide(Deposit(amount=1), await session.load(passbook, key), FACTS))

    await deciding.transact(occasion(), work)
    assert len(codec.folded) == read
    assert [await balance(deciding, key) for key in (first, second, third)] == [101, 101, 1]


async def test_several_streams_are_read_in_the_order_of_their_keys(store: EventStore) -> None:
    repository, keys = Repository(store), [new_id() for _ in range(3)]
    await handle(repository, Deposit(amount=200), keys[0])
    await handle(repository, Deposit(amount=300), keys[2])
    streams = await repository.recorded_of_each(passbook, [keys[2], keys[1], keys[0], keys[2]])
    assert [[one.stream for one in stream] for stream in streams] == [
        [passbook.stream(keys[2])],
        [],
        [passbook.stream(keys[0])],
        [passbook.stream(keys[2])],
    ]
    assert await repository.recorded_of_each(passbook, []) == []


async def test_after_a_conflict_only_the_tail_is_folded(
    store: EventStore, codec: WatchedCodec, other: EventStore
) -> None:
    savings, li = Repository(store), new_id()
    stream = passbook.stream(li)
    for _ in range(3):
        await handle(savings, Deposit(amount=1), li)
    await other.append(commit((stream, 3, deposits(10, 10))))
    assert await handle(savings, Deposit(amount=1), li) == Receipt(stream, version=6, position=6)
    assert codec.folded == ["Deposited", "Deposited"]
    assert await balance(savings, li) == 24


async def test_a_stale_memory_never_refuses_wrongly(store: EventStore, other: EventStore) -> None:
    here, there, li = Repository(store), Repository(other), new_id()
    await handle(here, Deposit(amount=10), li)
    await handle(there, Deposit(amount=90), li)
    await handle(here, Withdraw(amount=100), li)
    assert await balance(there, li) == 0


async def test_a_stale_memory_never_allows_wrongly(store: EventStore, other: EventStore) -> None:
    here, there, li = Repository(store), Repository(other), new_id()
    await handle(here, Deposit(amount=100), li)
    await handle(there, Withdraw(amount=100), li)
    with pytest.raises(Refused, match="overdrawn"):
        await handle(here, Withdraw(amount=1), li)


async def test_a_stream_that_was_only_read_must_be_as_it_was(store: EventStore, other: EventStore) -> None:
    here, there, li, wang = Repository(store), Repository(other), new_id(), new_id()
    await handle(here, Deposit(amount=100), li)

    async def match_li(session: Session) -> None:
        """Wang gets what Li has."""
        found = await session.load(passbook, li)
        await session.load(passbook, wang)
        session.append(passbook, wang, decide(Deposit(amount=found.balance), Passbook(), FACTS))

    await here.transact(occasion(), match_li)
    await handle(there, Withdraw(amount=90), li)
    await here.transact(occasion(), match_li)
    assert await balance(there, wang) == 110


async def test_decisions_made_afresh_do_not_wait_for_each_other_over_a_stream_loaded_out_of_turn(
    store: EventStore, other: EventStore
) -> None:
    savings, li, wang, rules = Repository(store), new_id(), new_id(), new_id()
    await handle(savings, Deposit(amount=7), rules)
    in_turn, go_on, attempts = asyncio.Event(), asyncio.Event(), count(1)

    def as_ruled(key: UUID, hold: bool = False) -> Work:
        async def work(session: Session) -> None:
            ruled = await session.load(passbook, rules, in_turn=False)
            state = await session.load(passbook, key)
            if hold and next(attempts) > 1:
                in_turn.set()
                await go_on.wait()
            session.append(passbook, key, decide(Withdraw(amount=ruled.balance), state, FACTS))

        return work

    waiting = asyncio.create_task(savings.transact(occasion(), as_ruled(li, hold=True)))
    async with asyncio.timeout(5):
        await in_turn.wait()
        with pytest.raises(Refused):
            await savings.transact(occasion(), as_ruled(wang))
    go_on.set()
    with pytest.raises(Refused):
        await waiting
    await handle(savings, Deposit(amount=20), li)
    await other.append(commit((passbook.stream(rules), 1, deposits(2))))
    await savings.transact(occasion(), as_ruled(li))
    assert await balance(savings, li) == 20 - 9


async def test_a_decision_over_two_streams_is_written_in_both(store: EventStore) -> None:
    savings, li, wang = Repository(store), new_id(), new_id()
    await handle(savings, Deposit(amount=100), li)

    async def transfer(session: Session) -> None:
        session.append(passbook, li, decide(Withdraw(amount=30), await session.load(passbook, li), FACTS))
        session.append(passbook, wang, decide(Deposit(amount=30), await session.load(passbook, wang), FACTS))

    receipt = await savings.transact(occasion(), transfer)
    assert receipt == Receipt(passbook.stream(li), version=2, position=3)
    assert (await balance(savings, li), await balance(savings, wang)) == (70, 30)


async def test_transfers_in_a_ring_neither_wait_for_ever_nor_lose_money(store: EventStore, other: EventStore) -> None:
    people = [new_id() for _ in range(4)]
    processes = [Repository(store), Repository(other)]
    for person in people:
        await handle(processes[0], Deposit(amount=100), person)

    def transfer(giver: UUID, taker: UUID) -> Work:
        async def work(session: Session) -> None:
            given = decide(Withdraw(amount=1), await session.load(passbook, giver), FACTS)
            taken = decide(Deposit(amount=1), await session.load(passbook, taker), FACTS)
            session.append(passbook, giver, given)
            session.append(passbook, taker, taken)

        return work

    outcomes = await asyncio.gather(
        *(
            processes[n % 2].transact(occasion(), transfer(people[n % 4], people[(n + 1 + n // 4 % 3) % 4]))
            for n in range(120)
        ),
        return_exceptions=True,
    )
    assert {type(outcome) for outcome in outcomes} <= {Receipt, Busy}
    carried_out = sum(isinstance(outcome, Receipt) for outcome in outcomes)
    assert await store.head() == 4 + 2 * carried_out
    assert sum([await balance(processes[0], person) for person in people]) == 400


async def test_two_hundred_commands_on_one_stream_are_each_carried_out_once(
    store: EventStore, other: EventStore
) -> None:
    here, there, li = Repository(store), Repository(other), new_id()
    receipts = await asyncio.gather(*(handle((here, there)[n % 20 == 0], Deposit(amount=n), li) for n in range(1, 201)))
    assert sorted(receipt.version for receipt in receipts) == list(range(1, 201))
    assert await balance(here, li) == await balance(there, li) == sum(range(1, 201))


async def test_a_command_is_given_up_when_others_always_get_in_between(
    store: EventStore, other: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "ATTEMPTS", 5)
    savings, li = Repository(store), new_id()

    async def overtaken(session: Session) -> None:
        state = await session.load(passbook, li)
        await other.append(commit((passbook.stream(li), None, deposits(1))))
        session.append(passbook, li, decide(Deposit(amount=1000), state, FACTS))

    with pytest.raises(Busy):
        await savings.transact(occasion(), overtaken)
    assert await balance(savings, li) == 5
    await handle(savings, Deposit(amount=1000), li)
    assert await balance(savings, li) == 1005


async def test_a_command_that_was_carried_out_is_not_refused_when_it_comes_again(store: EventStore) -> None:
    savings, li, withdrawal = Repository(store), new_id(), new_id()
    await handle(savings, Deposit(amount=100), li)
    first = await handle(savings, Withdraw(amount=100), li, withdrawal)
    again = await handle(savings, Withdraw(amount=100), li, withdrawal)
    assert again == Receipt(first.stream, first.version, first.position, duplicate=True)
    assert await balance(savings, li) == 0
    with pytest.raises(CommandIdReused):
        await savings.transact(occasion(withdrawal, "another"), handling(Withdraw(amount=100), li))
    with pytest.raises(CommandIdReused):
        await savings.transact(occasion(withdrawal, "another"), handling(Deposit(amount=100), li))


async def test_a_repeated_command_changes_neither_the_log_nor_the_memory(store: EventStore) -> None:
    savings, li, deposit = Repository(store), new_id(), new_id()
    await handle(savings, Deposit(amount=100), li, deposit)
    assert (await handle(savings, Deposit(amount=100), li, deposit)).duplicate
    assert await balance(savings, li) == 100
    assert (await handle(savings, Withdraw(amount=100), li)).version == 2


async def test_a_refused_command_may_come_again_and_be_carried_out(store: EventStore) -> None:
    savings, li, withdrawal = Repository(store), new_id(), new_id()
    with pytest.raises(Refused):
        await handle(savings, Withdraw(amount=5), li, withdrawal)
    await handle(savings, Deposit(amount=5), li)
    assert not (await handle(savings, Withdraw(amount=5), li, withdrawal)).duplicate


async def test_one_command_sent_to_many_processes_at_once_is_carried_out_once(
    store: EventStore, other: EventStore
) -> None:
    processes, li, deposit = [Repository(store), Repository(other)], new_id(), new_id()
    receipts = await asyncio.gather(*(handle(processes[n % 2], Deposit(amount=1), li, deposit) for n in range(40)))
    assert [receipt.duplicate for receipt in receipts].count(False) == 1
    assert await balance(processes[0], li) == 1


async def test_a_command_that_changes_nothing_says_where_its_stream_stands(store: EventStore) -> None:
    savings, li = Repository(store), new_id()

    async def look(session: Session) -> None:
        await session.load(passbook, li)

    assert await savings.transact(occasion(), look) == Receipt(passbook.stream(li), 0, 0, changed=False)
    await handle(savings, Deposit(amount=1), li)
    assert await savings.transact(occasion(), look) == Receipt(passbook.stream(li), 1, 1, changed=False)
    assert await store.head() == 1


async def test_memory_holds_the_streams_last_used(store: EventStore, codec: WatchedCodec) -> None:
    savings, people = Repository(store, cached=3), [new_id() for _ in range(4)]
    for person in people:
        await handle(savings, Deposit(amount=1), person)
    await handle(savings, Deposit(amount=1), people[1])
    for person in (people[1], people[2], people[3]):
        await handle(savings, Deposit(amount=1), person)
    assert codec.folded == []
    await handle(savings, Deposit(amount=1), people[0])
    assert codec.folded == ["Deposited"]


async def test_an_error_in_the_work_leaves_no_turn_taken(store: EventStore) -> None:
    savings, li = Repository(store), new_id()

    async def fail(session: Session) -> None:
        await session.load(passbook, li)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await savings.transact(occasion(), fail)
    waiting = [asyncio.create_task(handle(savings, Deposit(amount=1), li)) for _ in range(20)]
    await asyncio.sleep(0)
    for task in waiting[::2]:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await handle(savings, Deposit(amount=1), li)
    assert await balance(savings, li) >= 11


async def test_personal_data_reaches_neither_the_log_nor_the_memory_in_clear(store: EventStore) -> None:
    keyring = Keyring(store, {1: bytes(32)})
    await keyring.install()
    registry, li = Repository(store, keyring.seal), MemberId(new_id())

    async def enrol(session: Session) -> None:
        await session.load(member_file, li)
        session.append(member_file, li, [Enrolled(member=li, union="织里总工会", name=Personal("李娟"))])

    await registry.transact(occasion(), enrol)
    (recorded,) = await store.stream(member_file.stream(li))
    assert "李娟" not in str(recorded.data)
    (remembered,) = await registry.state(member_file, li)
    assert not remembered.name.is_clear
    assert remembered == recorded.event
    assert names(await keyring.open([recorded])) == ["李娟"]


def names(events: Sequence[Event]) -> list[str]:
    return [event.name.clear for event in events if isinstance(event, Enrolled)]


async def test_nothing_is_written_of_a_person_who_was_erased(store: EventStore) -> None:
    keyring = Keyring(store, {1: bytes(32)})
    await keyring.install()
    registry, li = Repository(store, keyring.seal), MemberId(new_id())
    await keyring.erase(li)

    async def enrol(session: Session) -> None:
        await session.load(member_file, li)
        session.append(member_file, li, [Enrolled(member=li, union="织里总工会", name=Personal("李娟"))])

    with pytest.raises(Refused, match="person_erased"):
        await registry.transact(occasion(), enrol)
    assert await store.head() == 0
