"""What the measurements rest on: contestants that count rightly, seeded logs that are logs, findings that are plain."""

from contextlib import AsyncExitStack

import pytest

from shared.eventsourcing.projector import Projector
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.writer import Commit, Write
from shared.schemas.ids import new_id
from tests.bench.contestants import Contestant, Ours, Raw, as_rows
from tests.bench.harness import Pace, Wrong, interleaved
from tests.bench.line import CODEC, Line, LineEvent, history, lines
from tests.bench.package import Package
from tests.bench.projecting import Lines
from tests.bench.report import Finding
from tests.bench.seeding import key_of, seed


@pytest.mark.parametrize("contestant", [Ours(), Raw(), Package()], ids=lambda contestant: contestant.name)
async def test_a_contestant_stores_what_it_counts(contestant: Contestant, database_url: str) -> None:
    async with AsyncExitStack() as stack:
        await contestant.open(database_url, 2, stack)
        assert await contestant.work(2, 0.05) > 0
        assert contestant.appended > 0
        await contestant.check()
        contestant.appended += 1
        with pytest.raises(Wrong):
            await contestant.check()


async def test_a_seeded_log_reads_and_grows_like_one_that_was_appended(database_url: str) -> None:
    async with EventStore(database_url, "seeded", CODEC) as store:
        await seed(database_url, "seeded", 5_000)
        await seed(database_url, "seeded", 5_000)
        async with Projector(store, [Lines()]) as projector:
            await projector.rebuild(Lines)
            row = await projector.one(Lines, key_of(1_000))
        log = [recorded async for page in store.all() for recorded in page]
        stream = await store.stream(lines.stream(key_of(1_000)))
        events = [recorded.event for recorded in stream]
        write = Write(lines.stream(key_of(1_000)), 10, as_rows(history(key_of(1_000), new_id(), 1), "{}"))
        receipt = await store.append(Commit(new_id(), new_id(), [write]))
        commits = await store.pool.fetchval("select count(*) from seeded.commits join seeded.events using (position)")
    assert [recorded.position for recorded in log] == list(range(1, 10_001))
    assert [recorded.version for recorded in stream] == list(range(1, 11))
    folded = lines.fold(event for event in events if isinstance(event, LineEvent.__value__))
    assert folded == Line(used=0, credit=0, movements=10)
    assert row is not None
    assert row.movements == 10
    assert (receipt.version, receipt.position) == (11, 10_001)
    assert commits == 10_001


async def test_contestants_take_turns_and_each_goes_first() -> None:
    went: list[str] = []

    def run(name: str, speed: float) -> object:
        async def go(_: float) -> float:
            went.append(name)
            return speed

        return go

    rates = await interleaved({"a": run("a", 20.0), "b": run("b", 10.0)}, Pace(rounds=2, seconds=0.1))  # type: ignore[dict-item]
    assert went == ["a", "b", "a", "b", "b", "a"]
    assert rates.ratio("a", "b") == 2


@pytest.mark.parametrize(("value", "better", "met"), [(2, "more", True), (2, "less", False), (1, "less", True)])
def test_a_finding_says_whether_its_aim_was_met(value: float, better: str, met: bool) -> None:
    assert Finding("", "", {}, value, "×", 1.5, better).met is met  # type: ignore[arg-type]
    assert Finding("", "", {}, value, "×").met is None
