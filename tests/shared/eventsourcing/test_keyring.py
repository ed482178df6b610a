"""Personal data is readable to its owner alone, until it is erased."""

import asyncio
import os
from collections.abc import Sequence
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.eventsourcing.codec import Codec
from shared.eventsourcing.keyring import KeyMissing, Keyring, MasterKeys, NotOfItsType, SealBroken
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.store import EventStore
from shared.schemas.ids import MemberId, new_id
from shared.schemas.messages import Event, Refused
from shared.schemas.personal import NotReadable, Personal
from tests.shared.eventsourcing.savings import CODEC, NOON, Deposited, Enrolled, meta

MASTER = bytes(range(32))


@pytest.fixture
async def keyring(store: EventStore) -> Keyring:
    keyring = Keyring(store, {1: MASTER})
    await keyring.install()
    return keyring


def member() -> MemberId:
    return MemberId(new_id())


def enrolled(of: MemberId, name: str = "李娟", phone: str | None = "13800138000") -> Enrolled:
    return Enrolled(member=of, union="织里总工会", name=Personal(name), phone=Personal(phone) if phone else None)


def recorded(ids: Sequence[UUID], events: Sequence[Event], codec: Codec = CODEC) -> list[Recorded]:
    """As the log would hold them."""
    return [
        Recorded(
            *(codec, n, f"member-{own}", 1, own, type(event).__name__, event.schema_version),
            *(CODEC.encode(event), meta(own), NOON),
        )
        for n, (own, event) in enumerate(zip(ids, events, strict=True), 1)
    ]


async def kept(keyring: Keyring, *events: Event) -> list[Recorded]:
    ids = [new_id() for _ in events]
    return recorded(ids, await keyring.seal(ids, events))


async def test_what_was_sealed_opens_again(keyring: Keyring) -> None:
    events = [enrolled(member()), Deposited(amount=5), enrolled(member(), "Aygül", phone=None)]
    log = await kept(keyring, *events)
    assert "李娟" not in str(log[0].data)
    assert "138" not in log[0].event.model_dump_json(include={"phone"})
    assert await keyring.open(log) == events


async def test_events_without_personal_data_pass_untouched(store: EventStore) -> None:
    keyring = Keyring(store, {1: MASTER})  # nothing is installed: a query would fail
    events: list[Event] = [Deposited(amount=5)]
    assert await keyring.seal([new_id()], events) is events
    assert await keyring.open(recorded([new_id()], events)) == events


async def test_an_erased_person_reads_as_erased_and_others_stay(keyring: Keyring) -> None:
    li, wang = member(), member()
    log = await kept(keyring, enrolled(li), enrolled(wang, "王强"))
    await keyring.erase(li)
    first, second = await keyring.open(log)
    assert isinstance(first, Enrolled)
    assert first.name.is_erased
    assert first.phone is not None
    assert first.phone.is_erased
    assert first.union == "织里总工会"
    assert second == enrolled(wang, "王强")


async def test_nothing_is_sealed_for_an_erased_person(keyring: Keyring) -> None:
    li, never_seen = member(), member()
    await kept(keyring, enrolled(li))
    for person in (li, never_seen):
        await keyring.erase(person)
        await keyring.erase(person)
        with pytest.raises(Refused, match="person_erased"):
            await kept(keyring, enrolled(person))


async def test_an_erasure_holds_at_once_in_every_process(keyring: Keyring, database_url: str) -> None:
    li = member()
    async with EventStore(database_url, "savings", CODEC) as other_store:
        other = Keyring(other_store, {1: MASTER})
        log = await kept(other, enrolled(li))
        assert await other.open(log) == [enrolled(li)]
        await keyring.erase(li)
        (event,) = await other.open(log)
        assert isinstance(event, Enrolled)
        assert event.name.is_erased
        with pytest.raises(Refused):
            await kept(other, enrolled(li))


async def test_concurrent_sealing_makes_one_key_a_person(keyring: Keyring, store: EventStore) -> None:
    others = Keyring(store, {1: MASTER})
    people = [member() for _ in range(20)]
    logs = await asyncio.gather(
        *(
            kept(ring, *(enrolled(person) for person in people[turn:] + people[:turn]))
            for turn in range(20)
            for ring in (keyring, others)
        )
    )
    assert await store.pool.fetchval("select count(*) from savings.keys") == 20
    for log in logs:
        assert {event.name.clear for event in await keyring.open(log) if isinstance(event, Enrolled)} == {"李娟"}


async def test_who_leaves_early_takes_nobody_along(keyring: Keyring) -> None:
    leaving = [asyncio.create_task(kept(keyring, enrolled(member()))) for _ in range(5)]
    staying = [asyncio.create_task(kept(keyring, enrolled(member()))) for _ in range(5)]
    await asyncio.sleep(0)
    for task in leaving:
        task.cancel()
    for log in await asyncio.gather(*staying):
        assert [event.name.clear for event in await keyring.open(log) if isinstance(event, Enrolled)] == ["李娟"]


@given(st.data())
def test_a_wrapped_key_belongs_to_one_person(data: st.DataObject) -> None:
    masters = MasterKeys({7: MASTER})
    key, li, wang = os.urandom(32), new_id(), new_id()
    wrapped = bytearray(masters.wrap(li, key))
    assert masters.unwrap(li, bytes(wrapped)) == key
    with pytest.raises(SealBroken):
        masters.unwrap(wang, bytes(wrapped))
    wrapped[data.draw(st.integers(0, len(wrapped) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises((SealBroken, KeyMissing)):
        masters.unwrap(li, bytes(wrapped))


async def test_an_altered_token_is_found_whatever_character_was_changed(keyring: Keyring) -> None:
    own, li = new_id(), member()
    (event,) = await keyring.seal([own], [enrolled(li)])
    assert isinstance(event, Enrolled)
    token = event.name.token
    altered = [token[:n] + ("A" if token[n] != "A" else "B") + token[n + 1 :] for n in range(len(token))]
    for wrong in [*altered, "", "é", token[:-1], token + "A", token + "=", token + "\n", token[:10] + "!" + token[10:]]:
        forged = event.model_copy(update={"name": Personal.from_sealed(wrong)})
        with pytest.raises(SealBroken, match="name of event"):
            await keyring.open(recorded([own], [forged]))


async def test_a_token_opens_nowhere_but_in_its_place(keyring: Keyring) -> None:
    own, other_id, li, wang = new_id(), new_id(), member(), member()
    event, other = await keyring.seal([own, other_id], [enrolled(li), enrolled(wang)])
    assert isinstance(event, Enrolled)
    assert isinstance(other, Enrolled)
    elsewhere: list[tuple[UUID, Event]] = [
        (other_id, event),  # another event
        (own, event.model_copy(update={"member": wang})),  # another person
        (own, event.model_copy(update={"phone": event.name})),  # another field
        (own, event.model_copy(update={"name": other.name})),  # another's datum
    ]
    for place, moved in elsewhere:
        with pytest.raises(SealBroken):
            await keyring.open(recorded([place], [moved]))


async def test_a_sealed_field_is_not_carried_into_another_event(keyring: Keyring) -> None:
    (event,) = await keyring.seal([new_id()], [enrolled(member())])
    with pytest.raises(NotReadable, match="sealed"):
        await keyring.seal([new_id()], [event])


async def test_a_lost_key_is_no_erasure(keyring: Keyring, store: EventStore) -> None:
    log = await kept(keyring, enrolled(member()))
    await store.pool.execute("delete from savings.keys")
    with pytest.raises(KeyMissing):
        await keyring.open(log)


async def test_the_table_holds_a_key_or_an_erasure_never_both(keyring: Keyring, store: EventStore) -> None:
    await kept(keyring, enrolled(member()))
    with pytest.raises(asyncpg.CheckViolationError):
        await store.pool.execute("update savings.keys set erased_at = now()")


async def test_a_narrowed_type_says_so_without_showing_the_datum(keyring: Keyring) -> None:
    class Narrowed(Event):
        subject = "member"

        member: MemberId
        name: Personal[int]

    narrowed = Codec([type("Enrolled", (Narrowed,), {"__module__": __name__})])
    own, li = new_id(), member()
    (event,) = await keyring.seal([own], [enrolled(li)])
    with pytest.raises(NotOfItsType, match="name of event") as raised:
        await keyring.open(recorded([own], [event], narrowed))
    assert "李娟" not in repr(raised.value)
    assert raised.value.__cause__ is None


async def test_keys_are_wrapped_anew_when_the_master_key_changes(keyring: Keyring, store: EventStore) -> None:
    li, erased = member(), member()
    log = await kept(keyring, enrolled(li), enrolled(erased))
    await keyring.erase(erased)
    new_master = os.urandom(32)
    both = Keyring(store, {1: MASTER, 2: new_master})
    assert (await both.open(log))[0] == enrolled(li)
    assert await both.rewrap() == 1
    assert await both.rewrap() == 0
    alone = Keyring(store, {2: new_master})
    first, second = await alone.open(log)
    assert first == enrolled(li)
    assert isinstance(second, Enrolled)
    assert second.name.is_erased
    with pytest.raises(KeyMissing, match="master key 2"):
        await keyring.open(log)
    with pytest.raises(SealBroken):
        await Keyring(store, {2: MASTER}).open(log)


def test_a_master_key_has_32_bytes_and_a_number() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        MasterKeys({1: b"short"})
    with pytest.raises(ValueError, match="0 to 255"):
        MasterKeys({256: MASTER})
    with pytest.raises(ValueError, match="no master key 3"):
        MasterKeys({1: MASTER}, current=3)
