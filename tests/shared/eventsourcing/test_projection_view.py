"""How a read model is declared, what its columns are, and what its specification finds out."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any, ClassVar
from uuid import UUID

import pytest

from shared.eventsourcing.folding import CannotFold
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import MissingRow, NotLoaded, Rows
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.table import columns_of
from shared.eventsourcing.view import STREAM, View, on, stream_id
from shared.eventsourcing.view_specification import ViewSpecification, happened
from shared.schemas.ids import MemberId, new_id
from shared.schemas.messages import Event
from shared.schemas.money import Fen
from tests.shared.eventsourcing.savings import CODEC, Deposited, Enrolled, Withdrawn

LI, WANG = new_id(), new_id()
JUNE = datetime(2025, 6, 3, 4, 0, tzinfo=UTC)


class Transferred(Event):
    source: UUID
    target: UUID
    amount: Fen


@dataclass(slots=True)
class BookRow:
    book: UUID
    balance: Fen = 0
    last: datetime | None = None


class Books(View[BookRow]):
    """Balances of passbooks, which their streams name."""

    name, version, key = "books", 1, ("book",)
    by = STREAM

    @on(Deposited, Withdrawn)
    def moved(self, rows: Rows[BookRow], event: Deposited | Withdrawn, at: Recorded) -> None:
        row = rows.find(stream_id(at))
        if row is None:
            row = BookRow(stream_id(at))
            rows.put(row)
        row.balance += event.amount if isinstance(event, Deposited) else -event.amount
        row.last = at.meta.time

    @on(Transferred, by=lambda event: [event.source, event.target])
    def transferred(self, rows: Rows[BookRow], event: Transferred, at: Recorded) -> None:
        rows.get(event.source).balance -= event.amount
        rows.get(event.target).balance += event.amount


books = ViewSpecification(Books(), stream=f"passbook-{LI}", at=JUNE)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[EventStore]:
    async with EventStore(database_url, "savings", CODEC) as store:
        yield store


def test_a_balance_follows_what_is_paid_in_and_out() -> None:
    books.given(Deposited(amount=900), Withdrawn(amount=200)).shows(BookRow(LI, 700, JUNE))


def test_rows_are_named_by_the_stream_or_by_the_event() -> None:
    wang = f"passbook-{WANG}"
    later = datetime(2025, 7, 1, tzinfo=UTC)
    books.given(
        Deposited(amount=900),
        happened(Deposited(amount=50), stream=wang, at=later),
        Transferred(source=LI, target=WANG, amount=300),
    ).shows(BookRow(LI, 600, JUNE), BookRow(WANG, 350, later))


async def test_a_specification_is_checked_in_postgresql_too(store: EventStore) -> None:
    given = books.given(Deposited(amount=900), Withdrawn(amount=200))
    await given.shows_in(store, BookRow(LI, 700, JUNE))
    with pytest.raises(AssertionError):
        await given.shows_in(store, BookRow(LI, 900, JUNE))


def test_a_specification_names_the_rows_that_differ() -> None:
    with pytest.raises(AssertionError, match="balance=700"):
        books.given(Deposited(amount=700)).shows(BookRow(LI, 900, JUNE))


def test_a_row_that_is_missing_cannot_be_changed() -> None:
    with pytest.raises(CannotFold) as failed:
        books.given(Transferred(source=LI, target=WANG, amount=1)).shows()
    assert isinstance(failed.value.error, MissingRow)


def test_a_handler_that_keeps_something_to_itself_is_found_out() -> None:
    class Counting(View[BookRow]):
        name, version, key = "counting", 1, ("book",)
        seen = 0

        @on(Deposited, by=())
        def deposited(self, rows: Rows[BookRow], event: Deposited, at: Recorded) -> None:
            self.seen += 1
            rows.put(BookRow(stream_id(at), self.seen))

    with pytest.raises(AssertionError, match="folded twice"):
        ViewSpecification(Counting()).given(Deposited(amount=1)).shows(BookRow(LI, 1))


def test_a_handler_that_looks_at_more_than_it_says_is_found_out() -> None:
    class Nosy(View[BookRow]):
        name, version, key = "nosy", 1, ("book",)
        by = STREAM

        @on(Deposited)
        def deposited(self, rows: Rows[BookRow], event: Deposited, at: Recorded) -> None:
            rows.put(BookRow(stream_id(at)))
            rows.find(WANG)

    with pytest.raises(CannotFold) as failed:
        ViewSpecification(Nosy()).given(Deposited(amount=1)).shows()
    assert isinstance(failed.value.error, NotLoaded)


def test_a_handler_that_finds_rows_by_more_than_it_says_is_found_out() -> None:
    class Nosy(View[BookRow]):
        name, version, key = "nosy", 1, ("book",)

        @on(Transferred, where={"balance": "amount"})
        def transferred(self, rows: Rows[BookRow], event: Transferred, at: Recorded) -> None:
            rows.where(balance=event.amount + 1)

    with pytest.raises(CannotFold) as failed:
        ViewSpecification(Nosy()).given(Transferred(source=LI, target=WANG, amount=1)).shows()
    assert isinstance(failed.value.error, NotLoaded)


class Restored(Event):
    last: datetime | None


async def test_no_value_finds_no_rows(store: EventStore) -> None:
    class Forgetful(View[BookRow]):
        name, version, key = "forgetful", 1, ("book",)

        @on(Deposited, by=())
        def deposited(self, rows: Rows[BookRow], event: Deposited, at: Recorded) -> None:
            rows.put(BookRow(stream_id(at), event.amount))

        @on(Restored, where={"last": "last"})
        def restored(self, rows: Rows[BookRow], event: Restored, at: Recorded) -> None:
            for row in rows.where(last=event.last):
                rows.remove(row.book)

    given = ViewSpecification(Forgetful(), stream=f"passbook-{LI}").given(Deposited(amount=5), Restored(last=None))
    given.shows(BookRow(LI, 5))
    await given.shows_in(store, BookRow(LI, 5))


def test_a_column_by_which_rows_are_found_is_not_changed_in_place() -> None:
    @dataclass(slots=True)
    class MemberRow:
        member: UUID
        union: str

    class Members(View[MemberRow]):
        name, version, key = "members", 1, ("member",)

        @on(Enrolled)
        def enrolled(self, rows: Rows[MemberRow], event: Enrolled, at: Recorded) -> None:
            row = MemberRow(event.member, event.union)
            rows.put(row)
            row.union = "another"

        @on(Transferred, where={"union": "source"})
        def transferred(self, rows: Rows[MemberRow], event: Transferred, at: Recorded) -> None:
            rows.where(union=event.source)

    with pytest.raises(CannotFold) as failed:
        ViewSpecification(Members()).given(Enrolled(member=MemberId(LI), union="cable", name="李")).shows()
    assert isinstance(failed.value.error, TypeError)


def test_a_handler_must_say_which_rows_it_touches() -> None:
    class Silent(View[BookRow]):
        name, version, key = "silent", 1, ("book",)

        @on(Deposited)
        def deposited(self, rows: Rows[BookRow], event: Deposited, at: Recorded) -> None: ...

    with pytest.raises(TypeError, match="Deposited has no book"):
        Silent()


def test_an_event_has_one_handler_in_a_view() -> None:
    class Twice(View[BookRow]):
        name, version, key = "twice", 1, ("book",)
        by = STREAM

        @on(Deposited)
        def one(self, rows: Rows[BookRow], event: Deposited, at: Recorded) -> None: ...

        @on(Deposited)
        def other(self, rows: Rows[BookRow], event: Deposited, at: Recorded) -> None: ...

    with pytest.raises(TypeError, match="twice"):
        Twice()


def test_a_view_of_an_unknown_column_is_refused() -> None:
    with pytest.raises(TypeError, match="balace"):

        class Misspelt(View[BookRow]):
            name, version, key = "misspelt", 1, ("book",)
            indexes = (("balace",),)


class Colour(StrEnum):
    RED = "red"


@dataclass(slots=True)
class EveryColumn:
    id: UUID
    member: MemberId | None
    text: str
    count: int
    money: Fen
    flag: bool
    share: float
    day: date
    instant: datetime
    rate: Decimal
    raw: bytes
    colour: Colour
    some_colour: Colour | None
    numbers: list[int]
    words: dict[str, list[str | None]] | None
    order: int | None = None

    note: ClassVar[str] = "no column"


class Everything(View[EveryColumn]):
    name, version, key = "everything", 1, ("id",)

    @on(Deposited, by=())
    def deposited(self, rows: Rows[EveryColumn], event: Deposited, at: Recorded) -> None:
        rows.put(
            EveryColumn(
                *(LI, MemberId(WANG), "娘家", 2**62, event.amount, True, 0.1, JUNE.date(), at.meta.time),
                *(Decimal("4.350"), b"\x00\x01", Colour.RED, None, [1, 2], {"匠心贷": ["工匠", None]}, None),
            )
        )

    @on(Transferred, by="source")
    def transferred(self, rows: Rows[EveryColumn], event: Transferred, at: Recorded) -> None:
        row = rows.get(event.source)
        assert isinstance(row.colour, Colour)
        row.member, row.some_colour, row.words = None, row.colour, None


async def test_every_type_of_column_comes_back_as_it_was(store: EventStore) -> None:
    specification = ViewSpecification(Everything(), at=JUNE)
    row = EveryColumn(
        *(LI, MemberId(WANG), "娘家", 2**62, 900, True, 0.1, JUNE.date(), JUNE, Decimal("4.350"), b"\x00\x01"),
        *(Colour.RED, None, [1, 2], {"匠心贷": ["工匠", None]}),
    )
    await specification.given(Deposited(amount=900)).shows_in(store, row)
    row.member, row.some_colour, row.words = None, Colour.RED, None
    changed = specification.given(Deposited(amount=900), Transferred(source=LI, target=WANG, amount=1))
    changed.shows(row)
    await changed.shows_in(store, row)


@pytest.mark.parametrize(
    "kind", [object, int | str, tuple, set[str], list[Decimal], dict[str, list[UUID]], dict[int, str]]
)
def test_a_field_that_no_column_holds_is_refused(kind: Any) -> None:
    @dataclass
    class Row:
        id: UUID
        odd: kind

    with pytest.raises(TypeError, match=r"Row\.odd"):
        columns_of(Row)


def test_an_enumeration_of_other_than_words_is_refused() -> None:
    class Level(Enum):
        ONE = 1

    @dataclass
    class Row:
        level: Level

    with pytest.raises(TypeError, match="StrEnum"):
        columns_of(Row)
