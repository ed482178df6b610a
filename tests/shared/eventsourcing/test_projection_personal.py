"""Read models of personal data: opened by the keyring, purged when the person is erased."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from shared.eventsourcing.codec import Codec
from shared.eventsourcing.keyring import Keyring
from shared.eventsourcing.projector import Projector
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.view import View, on
from shared.eventsourcing.writer import Commit, NewEvent, Receipt, Write
from shared.schemas.ids import MemberId, new_id
from shared.schemas.messages import Event
from shared.schemas.personal import Personal
from tests.shared.eventsourcing.savings import Enrolled, meta
from tests.shared.eventsourcing.test_projection import running
from tests.shared.eventsourcing.toolshed import BorrowerErased

CODEC = Codec([Enrolled, BorrowerErased])
LI, WANG = MemberId(new_id()), MemberId(new_id())


@dataclass(slots=True)
class ContactRow:
    member: MemberId
    name: str | None


class Contacts(View[ContactRow]):
    name, version, key = "contacts", 1, ("member",)
    personal = True

    @on(Enrolled)
    def enrolled(self, rows: Rows[ContactRow], event: Enrolled, at: Recorded) -> None:
        rows.put(ContactRow(event.member, event.name.clear if event.name.is_clear else None))

    @on(BorrowerErased)
    def erased(self, rows: Rows[ContactRow], event: BorrowerErased, at: Recorded) -> None:
        rows.remove(event.member)


class Unions(View[ContactRow]):
    """Knows no names, though it folds the same events."""

    name, version, key = "unions", 1, ("member",)

    @on(Enrolled)
    def enrolled(self, rows: Rows[ContactRow], event: Enrolled, at: Recorded) -> None:
        rows.put(ContactRow(event.member, "clear" if event.name.is_clear else "sealed"))


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[EventStore]:
    async with EventStore(database_url, "registry", CODEC) as store:
        yield store


@pytest.fixture
async def keyring(store: EventStore) -> Keyring:
    keyring = Keyring(store, {1: bytes(range(32))})
    await keyring.install()
    return keyring


async def record(store: EventStore, keyring: Keyring, event: Event) -> Receipt:
    own = new_id()
    [sealed] = await keyring.seal([own], [event])
    data = Codec.encode(sealed)
    new = NewEvent(own, type(event).__name__, 1, data, meta(own).model_dump_json())
    return await store.append(Commit(own, own, [Write("member-1", None, [new])]))


def enrolled(member: MemberId, name: str) -> Enrolled:
    return Enrolled(member=member, union="织里", name=Personal(name))


async def test_a_view_of_personal_data_reads_it_in_clear_and_no_other_does(store: EventStore, keyring: Keyring) -> None:
    async with running(Projector(store, [Contacts(), Unions()], opener=keyring.open)) as projector:
        receipt = await record(store, keyring, enrolled(LI, "李娟"))
        await projector.reached(receipt.position)
        assert await projector.some(Contacts, "true") == [ContactRow(LI, "李娟")]
        assert await projector.some(Unions, "true") == [ContactRow(LI, "sealed")]


async def test_whoever_is_erased_is_purged_and_stays_so_when_the_view_is_rebuilt(
    store: EventStore, keyring: Keyring
) -> None:
    async with running(Projector(store, [Contacts()], opener=keyring.open)) as projector:
        await record(store, keyring, enrolled(LI, "李娟"))
        await record(store, keyring, enrolled(WANG, "王强"))
        await keyring.erase(LI)
        receipt = await record(store, keyring, BorrowerErased(member=LI))
        await projector.reached(receipt.position)
        assert await projector.some(Contacts, "true") == [ContactRow(WANG, "王强")]
        await projector.rebuild(Contacts)
        assert await projector.some(Contacts, "true") == [ContactRow(WANG, "王强")]


async def test_a_view_of_personal_data_needs_a_keyring(store: EventStore) -> None:
    with pytest.raises(ValueError, match="contacts"):
        Projector(store, [Contacts()])
