"""The store against a simple model, under concurrent appends to several streams from two stores on one database."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from uuid import UUID

import asyncpg
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from shared.eventsourcing.seal_chain import SealChain
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.verification import Verified, verify
from shared.eventsourcing.writer import CommandIdReused, Commit, Conflict, Receipt
from tests.shared.eventsourcing.savings import CODEC, commit, deposits

STREAMS = ("passbook-a", "passbook-b", "passbook-c", "passbook-d")

type Outcome = Receipt | BaseException


@dataclass(frozen=True)
class Wish:
    """A commit that somebody will ask for, in terms of how the model stands by then."""

    store: int
    events: dict[str, int]
    """By stream; of 0 events the stream is only held to its version."""
    expected: dict[str, int | None]
    """Relative to the version that the stream has before the round; None for any."""
    repeats: int | None
    """Which of the commits so far comes again, if any …"""
    changed: bool
    """… under its old id, with other content."""


streams = st.dictionaries(st.sampled_from(STREAMS), st.sampled_from([0, 1, 1, 1, 2, 5]), min_size=1, max_size=3)
wishes = st.builds(
    Wish,
    store=st.integers(0, 1),
    events=streams.filter(lambda events: any(events.values())),
    expected=st.fixed_dictionaries({stream: st.sampled_from([None, 0, 0, 0, 1, -1, 2]) for stream in STREAMS}),
    repeats=st.none() | st.none() | st.integers(0, 1000),
    changed=st.booleans(),
)


@dataclass
class Model:
    """What the log must be."""

    log: list[tuple[str, int, UUID]] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STREAMS, 0))
    done: dict[UUID, tuple[Commit, Receipt]] = field(default_factory=dict)

    def admits(self, asked: Commit) -> bool:
        return all(write.expected in (None, self.versions[write.stream]) for write in asked.writes)

    def append(self, asked: Commit) -> Receipt:
        """Carry out an admitted commit."""
        for write in asked.writes:
            for event in write.events:
                self.versions[write.stream] += 1
                self.log.append((write.stream, self.versions[write.stream], event.id))
        first = next(write.stream for write in asked.writes if write.events)
        receipt = Receipt(first, self.versions[first], len(self.log))
        self.done[asked.id] = (asked, receipt)
        return receipt


class Store(RuleBasedStateMachine):
    url: str
    schemas: Iterator[int]

    @initialize()
    def begin(self) -> None:
        self.model = Model()
        self.asked: list[Commit] = []
        self.loop = asyncio.Runner()
        self.schema = f"savings_{next(self.schemas)}"
        self.stores = [EventStore(self.url, self.schema, CODEC) for _ in range(2)]
        for store in self.stores:
            self.loop.run(store.open())

    def teardown(self) -> None:
        for store in self.stores:
            self.loop.run(store.close())
        self.loop.close()

    @rule(wishes=st.lists(wishes, min_size=1, max_size=12), cut=st.sampled_from([False, False, False, True]))
    def append_at_once(self, wishes: Sequence[Wish], cut: bool) -> None:
        commits = [self.commit(wish) for wish in wishes]
        outcomes = self.loop.run(self.carry_out(commits, [wish.store for wish in wishes], cut))
        self.asked += commits
        self.compare(commits, outcomes)

    @rule(which=st.integers(0, 1))
    def reopen(self, which: int) -> None:
        self.loop.run(self.stores[which].close())
        self.stores[which] = EventStore(self.url, self.schema, CODEC)
        self.loop.run(self.stores[which].open())

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        log, by_stream = self.loop.run(self.read())
        assert log == self.model.log
        for stream in STREAMS:
            assert by_stream[stream] == [entry for entry in self.model.log if entry[0] == stream]

    @rule()
    def is_verified(self) -> None:
        async def sealed_and_verified() -> bool:
            chain = SealChain(self.stores[0])
            await chain.install()
            await chain.catch_up()
            return isinstance(await verify(self.stores[1]), Verified)

        assert self.loop.run(sealed_and_verified())

    def commit(self, wish: Wish) -> Commit:
        if wish.repeats is not None and self.asked:
            earlier = self.asked[wish.repeats % len(self.asked)]
            return earlier._replace(fingerprint=UUID(int=7)) if wish.changed else earlier
        writes = [
            (
                stream,
                None if (offset := wish.expected[stream]) is None else self.model.versions[stream] + offset,
                number,
            )
            for stream, number in wish.events.items()
        ]
        return commit(*((stream, expected, deposits(*[1] * number)) for stream, expected, number in writes))

    async def carry_out(self, commits: Sequence[Commit], where: Sequence[int], cut: bool) -> list[Outcome]:
        tasks = [asyncio.create_task(self.stores[which].append(one)) for one, which in zip(commits, where, strict=True)]
        if cut:
            await asyncio.sleep(0)
            connection = await asyncpg.connect(self.url)
            await connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid() and query like '%append%'"
            )
            await connection.close()
        return await asyncio.gather(*tasks, return_exceptions=True)

    async def read(self) -> tuple[list[tuple[str, int, UUID]], dict[str, list[tuple[str, int, UUID]]]]:
        log = [(r.stream, r.version, r.id) async for page in self.stores[0].all(page=7) for r in page]
        by_stream = {
            stream: [(r.stream, r.version, r.id) for r in await self.stores[1].stream(stream)] for stream in STREAMS
        }
        return log, by_stream

    def compare(self, commits: Sequence[Commit], outcomes: Sequence[Outcome]) -> None:
        """There is an order of the commits in which the model gives each the outcome that it had."""
        before = dict(self.model.versions)
        known = set(self.model.done)
        receipts = [
            (one, outcome) for one, outcome in zip(commits, outcomes, strict=True) if isinstance(outcome, Receipt)
        ]
        for one, receipt in sorted(receipts, key=lambda pair: pair[1].position):
            if one.id not in self.model.done:
                assert self.model.admits(one), f"{one} was appended at {receipt}"
                self.model.append(one)
            first, expected = self.model.done[one.id]
            assert first.fingerprint == one.fingerprint
            assert receipt._replace(duplicate=False) == expected
            assert receipt.duplicate or one.id not in known
        moved = {stream for stream in STREAMS if self.model.versions[stream] != before[stream]}
        for one, outcome in zip(commits, outcomes, strict=True):
            match outcome:
                case Receipt():
                    pass
                case CommandIdReused():
                    assert self.model.done[one.id][0].fingerprint != one.fingerprint
                case Conflict():
                    assert one.id not in known
                    held = {write.stream for write in one.writes if write.expected is not None}
                    off = {w.stream for w in one.writes if w.expected not in (None, before[w.stream])}
                    assert off or held & moved, f"{one} was refused without a reason"
                case _:
                    raise AssertionError(repr(outcome)) from outcome


def test_the_store_is_its_model_under_concurrent_appends(database_url: str) -> None:
    class Machine(Store):
        url = database_url
        schemas = count()

    run_state_machine_as_test(Machine, settings=settings(max_examples=20, stateful_step_count=12, deadline=None))
