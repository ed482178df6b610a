"""Whatever is done to a sealed log behind the store's back is found."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from uuid import UUID

import pytest

from shared.eventsourcing.reader import LogBroken
from shared.eventsourcing.seal_chain import Seal, SealChain
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.verification import Broken, Verified, verify
from shared.schemas.ids import new_id
from tests.shared.eventsourcing.savings import commit, deposits
from tests.waiting import until

PASSBOOKS = [f"passbook-{new_id()}" for _ in range(7)]


@pytest.fixture
async def chain(store: EventStore) -> SealChain:
    chain = SealChain(store, gathered=0)
    await chain.install()
    return chain


async def append(store: EventStore, commits: int) -> None:
    """Commits of three events in two streams, their number divisible by 3."""
    for n in range(commits):
        first, second = PASSBOOKS[n * 3 % 7], PASSBOOKS[(n * 3 + 1) % 7]
        await store.append(commit((first, None, deposits(1, 2)), (second, None, deposits(3))))


@pytest.fixture
async def sealed(store: EventStore, chain: SealChain) -> EventStore:
    """A log of 30 events, sealed up to its end."""
    await append(store, 10)
    await chain.catch_up()
    return store


async def verified(store: EventStore, **given: Iterable[Seal]) -> Verified:
    result = await verify(store, **given)  # type: ignore[arg-type]
    assert isinstance(result, Verified), result
    return result


async def broken(store: EventStore, *anchors: Seal) -> Broken:
    result = await verify(store, anchors=anchors)
    assert isinstance(result, Broken), result
    return result


async def test_a_whole_log_is_verified(sealed: EventStore, chain: SealChain) -> None:
    seen: list[tuple[int, int]] = []
    result = await verify(sealed, lambda done, total: seen.append((done, total)))
    assert result == Verified(await chain.head(), sealed=30, published=None)
    assert seen == [(30, 30)]


async def test_an_empty_log_is_whole(store: EventStore, chain: SealChain) -> None:
    assert await verified(store) == Verified(await chain.head(), sealed=0, published=None)
    assert (await chain.head()).position == 0


async def test_a_log_sealed_in_steps_has_the_seals_of_one_sealed_at_once(store: EventStore, chain: SealChain) -> None:
    for commits in (1, 3, 1, 400, 10, 300):
        await append(store, commits)
        await chain.catch_up()
    assert await positions_sealed(store) == [1000, 2000, 2145]
    in_steps = await chain.head()
    await store.pool.execute("truncate savings.seals")
    assert await chain.catch_up() == in_steps
    assert await positions_sealed(store) == [1000, 2000, 2145]
    assert (await verified(store)).head == in_steps


async def positions_sealed(store: EventStore) -> list[int]:
    return [row[0] for row in await store.pool.fetch("select position from savings.seals order by position")]


async def test_the_running_chain_seals_what_is_appended_and_stops_when_told(
    store: EventStore, chain: SealChain, database_url: str
) -> None:
    running = [asyncio.create_task(SealChain(store, gathered=0.001).run()) for _ in range(2)]  # two that lead
    for _ in range(50):
        await append(store, 2)
    await until(lambda: store.pool.fetchval("select max(position) = 300 from savings.seals"))
    for task in running:
        task.cancel()
    assert all(
        isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*running, return_exceptions=True)
    )
    assert (await verified(store)).sealed == 300


async def test_events_beyond_the_last_seal_are_not_vouched_for(sealed: EventStore) -> None:
    await append(sealed, 1)
    result = await verified(sealed)
    assert (result.head.position, result.sealed) == (33, 30)


async def test_nothing_is_sealed_over_a_hole(store: EventStore, chain: SealChain) -> None:
    await append(store, 2)
    await store.pool.execute("delete from savings.events where position = 3")
    with pytest.raises(LogBroken):
        await chain.run()
    assert (await chain.head()).position == 0


async def test_who_no_longer_has_the_last_seal_cannot_go_on_from_it(sealed: EventStore, chain: SealChain) -> None:
    kept = "select savings.seal($1, $2, array[31::bigint], array['\\x00'::bytea])"
    last = await chain.head()
    assert not await sealed.pool.fetchval(kept, 27, last.digest)
    assert not await sealed.pool.fetchval(kept, last.position, b"another")
    assert await chain.head() == last


@pytest.mark.parametrize(
    "change",
    [
        "stream = stream || '0'",
        "version = version + 100",
        "id = gen_random_uuid()",
        "type = 'Withdrawn'",
        "schema = schema + 1",
        """data = '{"amount": "0.04"}'""",
        "data = data || '{\"note\": null}'",
        "meta = jsonb_set(meta, '{actor}', '\"system:other\"')",
        "recorded_at = recorded_at + interval '1 microsecond'",
        "position = position + 100",
    ],
)
@pytest.mark.parametrize("position", [1, 17, 30])
async def test_an_altered_row_is_found(sealed: EventStore, change: str, position: int) -> None:
    await sealed.pool.execute(f"update savings.events set {change} where position = $1", position)
    await broken(sealed)


async def test_a_lasting_change_to_one_character_is_found_in_every_row(sealed: EventStore, chain: SealChain) -> None:
    for position in range(1, 31):
        original = await sealed.pool.fetchval("select data from savings.events where position = $1", position)
        altered = original.replace('"0.0', '"1.0')
        change = "update savings.events set data = $2 where position = $1"
        await sealed.pool.execute(change, position, altered)
        assert await broken(sealed) == Broken(1, "events 1 to 30 are not those sealed")
        await sealed.pool.execute(change, position, original)
    assert (await verified(sealed)).head == await chain.head()


@pytest.mark.parametrize("columns", ["data", "stream, version", "id", "data, meta, type, schema, id, stream, version"])
async def test_swapped_rows_are_found(sealed: EventStore, columns: str) -> None:
    await sealed.pool.execute("alter table savings.events drop constraint events_stream_version_key")
    await sealed.pool.execute(
        f"update savings.events e set ({columns}) = "
        f"(select {columns} from savings.events o where o.position = 9 - e.position) where position in (4, 5)"
    )
    await broken(sealed)


async def test_a_removed_row_is_found(sealed: EventStore) -> None:
    await sealed.pool.execute("delete from savings.events where position = 12")
    assert await broken(sealed) == Broken(12, "position 13 comes after 11")


async def test_a_log_cut_short_is_found(sealed: EventStore) -> None:
    await sealed.pool.execute("delete from savings.events where position > 27")
    await sealed.pool.execute("delete from savings.commits where position > 27")
    assert await broken(sealed) == Broken(28, "the log ends at 27, and was sealed up to 30")


async def test_a_row_put_in_is_found(sealed: EventStore) -> None:
    await sealed.pool.execute(
        "insert into savings.events select 31, stream, version + 100, gen_random_uuid(), type, schema, data, meta, "
        "recorded_at from savings.events where position = 30"
    )
    assert (await broken(sealed)).position == 31
    await sealed.pool.execute("update savings.events set stream = 'passbook-new', version = 1 where position = 31")
    assert await broken(sealed) == Broken(31, "events at the end belong to no commit")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("update savings.commits set id = gen_random_uuid() where position = 6", "is not of its events"),
        ("update savings.commits set recorded_at = now() where position = 6", "is not of its events"),
        ("update savings.commits set stream = 'passbook-1' where position = 6", "is said to begin in passbook-1"),
        ("update savings.commits set version = 9 where position = 6", "leave it at version 9"),
        ("update savings.commits set position = 99 where position = 30", "events at the end belong to no commit"),
        ("update savings.commits set position = 99 where position = 6", "is said to begin in"),
        ("delete from savings.commits where position = 6", "is said to begin in"),
        ("insert into savings.commits select gen_random_uuid(), id, stream, 1, 99, now() from savings.commits limit 1",
         "ends with an event that is not there"),
        ("insert into savings.commits select gen_random_uuid(), id, stream, 1, 6, now() from savings.commits limit 1",
         "is said to begin in|is not of its events|comes after"),
    ],
)  # fmt: skip
async def test_commits_that_disagree_with_the_events_are_found(sealed: EventStore, change: str, why: str) -> None:
    await sealed.pool.execute(change)
    assert re.search(why, (await broken(sealed)).why)


async def test_a_removed_or_altered_seal_is_found(store: EventStore, chain: SealChain) -> None:
    await append(store, 1000)
    await chain.catch_up()
    await store.pool.execute("update savings.seals set digest = sha256(digest) where position = 2000")
    assert await broken(store) == Broken(1001, "events 1001 to 2000 are not those sealed")
    await store.pool.execute("delete from savings.seals where position = 2000")
    assert await broken(store) == Broken(2000, "the seal of this position is missing")


async def test_a_chain_made_anew_differs_from_the_seal_written_down(sealed: EventStore, chain: SealChain) -> None:
    anchor = await chain.head()
    await append(sealed, 1)
    await verified(sealed, anchors=[anchor])
    await sealed.pool.execute("""update savings.events set data = '{"amount": "9.99"}' where position = 2""")
    await sealed.pool.execute("truncate savings.seals")
    await chain.catch_up()
    await verified(sealed)
    assert await broken(sealed, anchor) == Broken(1, "events 1 to 30 are not those sealed")


async def test_a_log_and_its_seals_cut_short_differ_from_the_seal_written_down(
    sealed: EventStore, chain: SealChain
) -> None:
    anchor = await chain.head()
    await sealed.pool.execute("delete from savings.events where position > 27")
    await sealed.pool.execute("delete from savings.commits where position > 27")
    await sealed.pool.execute("truncate savings.seals")
    await chain.catch_up()
    assert await broken(sealed, anchor) == Broken(28, "the log ends at 27, and was sealed up to 30")


async def ids(store: EventStore) -> list[UUID]:
    return [row[0] for row in await store.pool.fetch("select id from savings.events order by position")]


async def published(ids: Iterable[UUID]) -> AsyncIterator[tuple[int, UUID]]:
    for sequence, id in enumerate(ids, 1):  # noqa: A001
        yield sequence, id


async def test_what_was_published_is_the_beginning_of_the_log(sealed: EventStore) -> None:
    all_ids = await ids(sealed)
    for count in (0, 12, 30):
        result = await verify(sealed, published=published(all_ids[:count]))
        assert isinstance(result, Verified)
        assert result.published == count


async def test_a_published_stream_that_differs_from_the_log_is_found(sealed: EventStore) -> None:
    good = await ids(sealed)
    swapped = [*good[:4], good[5], good[4], *good[6:]]
    for wrong, position in ((good[1:], 1), (swapped, 5), ([*good[:7], *good[8:]], 8), ([*good, new_id()], 31)):
        result = await verify(sealed, published=published(wrong))
        assert isinstance(result, Broken)
        assert result.position == position
        assert "JetStream" in result.why


async def test_the_log_and_its_publication_may_grow_while_they_are_verified(sealed: EventStore) -> None:
    async def growing() -> AsyncIterator[tuple[int, UUID]]:
        for sequence, id in enumerate(await ids(sealed), 1):  # noqa: A001
            yield sequence, id
        await append(sealed, 1)
        async for message in published(await ids(sealed)):
            if message[0] > 30:
                yield message

    result = await verify(sealed, published=growing())
    assert isinstance(result, Verified)
    assert result.head.position == 30
