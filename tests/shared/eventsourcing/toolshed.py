"""A small programme for the tests of projections: tools that members borrow, at depots. With it, what its read
models must show after any history, told without them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from itertools import groupby
from uuid import UUID

from hypothesis import strategies as st

from shared.eventsourcing.codec import Codec
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.view import View, on
from shared.eventsourcing.writer import Commit, NewEvent, Receipt, Write
from shared.schemas.ids import MemberId, new_id
from shared.schemas.messages import Event, Meta
from shared.schemas.money import Fen
from tests.shared.eventsourcing.savings import NOON

JUNE = date(2025, 6, 3)


class Kind(StrEnum):
    DRILL = "drill"
    LADDER = "ladder"


class Bought(Event):
    tool: UUID
    kind: Kind
    depot: str
    price: Fen


class Lent(Event):
    tool: UUID
    number: int
    borrower: MemberId
    on: date


class Returned(Event):
    tool: UUID
    number: int
    remark: str | None = None


class DepotClosed(Event):
    depot: str
    into: str


class DepotInspected(Event):
    depot: str
    on: date


class Scrapped(Event):
    tool: UUID


class BorrowerErased(Event):
    member: MemberId


class StocktakeHeld(Event):
    depot: str


CODEC = Codec([Bought, Lent, Returned, DepotClosed, DepotInspected, Scrapped, BorrowerErased, StocktakeHeld])


@dataclass(slots=True)
class ToolRow:
    tool: UUID
    kind: Kind
    depot: str
    price: Fen
    borrower: MemberId | None = None
    lent_on: date | None = None
    times_lent: int = 0
    inspected_on: date | None = None
    remarks: list[str] = field(default_factory=list)


class Tools(View[ToolRow]):
    """Every tool that there is, and who has it."""

    name, version, key = "tools", 1, ("tool",)
    indexes = (("kind", "depot"),)

    @on(Bought)
    def bought(self, rows: Rows[ToolRow], event: Bought, at: Recorded) -> None:
        rows.put(ToolRow(event.tool, event.kind, event.depot, event.price))

    @on(Lent)
    def lent(self, rows: Rows[ToolRow], event: Lent, at: Recorded) -> None:
        row = rows.get(event.tool)
        rows.put(replace(row, borrower=event.borrower, lent_on=event.on, times_lent=row.times_lent + 1))

    @on(Returned)
    def returned(self, rows: Rows[ToolRow], event: Returned, at: Recorded) -> None:
        row = rows.get(event.tool)
        row = replace(row, borrower=None, lent_on=None)
        if event.remark is not None:
            row.remarks = [*row.remarks, event.remark]
        rows.put(row)

    @on(DepotClosed, where={"depot": "depot"})
    def depot_closed(self, rows: Rows[ToolRow], event: DepotClosed, at: Recorded) -> None:
        for row in rows.where(depot=event.depot):
            rows.put(replace(row, depot=event.into))

    @on(DepotInspected, where={"depot": "depot"})
    def depot_inspected(self, rows: Rows[ToolRow], event: DepotInspected, at: Recorded) -> None:
        for row in rows.where(depot=event.depot):
            row.inspected_on = event.on

    @on(BorrowerErased, where={"borrower": "member"})
    def borrower_erased(self, rows: Rows[ToolRow], event: BorrowerErased, at: Recorded) -> None:
        for row in rows.where(borrower=event.member):
            rows.put(replace(row, borrower=None))

    @on(Scrapped)
    def scrapped(self, rows: Rows[ToolRow], event: Scrapped, at: Recorded) -> None:
        rows.remove(event.tool)


@dataclass(slots=True)
class LendingRow:
    tool: UUID
    number: int
    on: date
    returned: bool = False


class Lendings(View[LendingRow]):
    """The lendings of each tool, as long as there is the tool."""

    name, version, key = "lendings", 1, ("tool", "number")

    @on(Lent, by=())
    def lent(self, rows: Rows[LendingRow], event: Lent, at: Recorded) -> None:
        rows.put(LendingRow(event.tool, event.number, event.on))

    @on(Returned)
    def returned(self, rows: Rows[LendingRow], event: Returned, at: Recorded) -> None:
        rows.get(event.tool, event.number).returned = True

    @on(Scrapped, where={"tool": "tool"})
    def scrapped(self, rows: Rows[LendingRow], event: Scrapped, at: Recorded) -> None:
        for row in rows.where(tool=event.tool):
            rows.remove(row.tool, row.number)


@dataclass
class Shed:
    """What is true after some events, and what may happen next."""

    tools: dict[UUID, ToolRow] = field(default_factory=dict)
    lendings: dict[tuple[UUID, int], LendingRow] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def happens(self, event: Event) -> None:
        self.events.append(event)
        match event:
            case Bought(tool=tool):
                self.tools[tool] = ToolRow(tool, event.kind, event.depot, event.price)
            case Lent(tool=tool):
                row = self.tools[tool]
                row.borrower, row.lent_on, row.times_lent = event.borrower, event.on, event.number
                self.lendings[tool, event.number] = LendingRow(tool, event.number, event.on)
            case Returned(tool=tool):
                row = self.tools[tool]
                row.borrower = row.lent_on = None
                row.remarks += [] if event.remark is None else [event.remark]
                self.lendings[tool, event.number].returned = True
            case Scrapped(tool=tool):
                del self.tools[tool]
                self.lendings = {key: row for key, row in self.lendings.items() if key[0] != tool}
            case DepotClosed():
                for row in self.tools.values():
                    row.depot = event.into if row.depot == event.depot else row.depot
            case DepotInspected():
                for row in self.tools.values():
                    row.inspected_on = event.on if row.depot == event.depot else row.inspected_on
            case BorrowerErased():
                for row in self.tools.values():
                    row.borrower = None if row.borrower == event.member else row.borrower


MEMBERS = [MemberId(new_id()) for _ in range(3)]
DEPOTS = ["north", "south", "east"]


@st.composite
def sheds(draw: st.DrawFn, most: int = 40) -> Shed:
    """Histories of up to `most` events, with what is true after them."""
    shed = Shed()
    for _ in range(draw(st.integers(0, most))):
        shed.happens(draw(st.sampled_from(_possible(shed))))
    return shed


def _possible(shed: Shed) -> list[Event]:
    events: list[Event] = [
        Bought(tool=new_id(), kind=kind, depot=depot, price=9900) for kind in Kind for depot in DEPOTS
    ]
    for tool, row in shed.tools.items():
        if row.lent_on is None:
            events += [Lent(tool=tool, number=row.times_lent + 1, borrower=member, on=JUNE) for member in MEMBERS]
        else:
            events.append(Returned(tool=tool, number=row.times_lent))
            events.append(Returned(tool=tool, number=row.times_lent, remark="缺一个钻头"))
        events.append(Scrapped(tool=tool))
    events += [DepotClosed(depot=one, into=other) for one in DEPOTS for other in DEPOTS if one != other]
    events += [BorrowerErased(member=member) for member in MEMBERS]
    events += [DepotInspected(depot=depot, on=JUNE) for depot in DEPOTS]
    events.append(StocktakeHeld(depot="north"))
    return events


def busy_shed(tools: int, lendings: int) -> Shed:
    """One long history: tools that are bought, then lent and returned in turn, some with a remark."""
    shed = Shed()
    ids = [new_id() for _ in range(tools)]
    for n, tool in enumerate(ids):
        shed.happens(Bought(tool=tool, kind=Kind.DRILL, depot=DEPOTS[n % 3], price=n))
    for n in range(lendings):
        tool, number = ids[n % tools], n // tools + 1
        shed.happens(Lent(tool=tool, number=number, borrower=MEMBERS[n % 3], on=JUNE))
        shed.happens(Returned(tool=tool, number=number, remark="旧" if n % 7 == 0 else None))
    return shed


def history(events: Sequence[Event]) -> list[Recorded]:
    """Events as a log would hold them."""
    return [
        Recorded(
            CODEC,
            position,
            "shed-1",
            position,
            new_id(),
            type(event).__name__,
            1,
            Codec.encode(event),
            _meta(),
            NOON,
        )
        for position, event in enumerate(events, 1)
    ]


async def record(store: EventStore, events: Sequence[Event], at_once: int = 200) -> Receipt:
    """Append events to the store's log, so many a commit; the last receipt."""
    meta = _meta().model_dump_json()
    for _, group in groupby(enumerate(events), lambda numbered: numbered[0] // at_once):
        new = [NewEvent(new_id(), type(event).__name__, 1, Codec.encode(event), meta) for _, event in group]
        command = new_id()
        receipt = await store.append(Commit(command, command, [Write("shed-1", None, new)]))
    return receipt


def _meta() -> Meta:
    command = UUID(int=1)
    return Meta(federation="330503", actor="system:test", time=NOON, correlation=command, causation=command)
