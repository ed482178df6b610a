"""Two small services for the tests of the shell: tills that hold money, and a bell that rings when some is taken."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel

from shared.eventsourcing.codec import Codec
from shared.eventsourcing.decider import Aggregate, Facts
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.timers import Cancel, Schedule
from shared.eventsourcing.view import View, on
from shared.runtime.commands import decides
from shared.runtime.letters import Patience
from shared.runtime.queries import Asked
from shared.runtime.reactions import Reacting, Reaction
from shared.runtime.service import Follow, Service
from shared.schemas.messages import Command, Event, Query, Reason, Role
from shared.schemas.money import Fen, PositiveFen

EMPTY = Reason("till_empty", "备用金 第1条", "备用金只有{balance}分")
UNLOCKED_FOR = timedelta(hours=1)


class MoneyPut(Event):
    till_id: UUID
    amount: PositiveFen


class MoneyTaken(Event):
    till_id: UUID
    amount: PositiveFen


class TillChecked(Event):
    till_id: UUID
    balance: Fen


class PutMoney(Command):
    till_id: UUID
    amount: PositiveFen


class TakeMoney(Command):
    roles: ClassVar[frozenset[Role]] = frozenset({Role.OFFICER, Role.CADRE})

    till_id: UUID
    amount: PositiveFen
    note: str = ""


class CheckTill(Command):
    """What a timer asks for, an hour after money was taken last."""

    till_id: UUID


def decide(command: Command, balance: int, facts: Facts) -> list[Event]:
    match command:
        case PutMoney(till_id=till, amount=amount):
            return [MoneyPut(till_id=till, amount=amount)]
        case TakeMoney(amount=amount) if amount > balance:
            raise EMPTY(balance=balance)
        case TakeMoney(till_id=till, amount=amount):
            return [MoneyTaken(till_id=till, amount=amount)]
        case CheckTill(till_id=till):
            return [TillChecked(till_id=till, balance=balance)]
        case _:
            raise TypeError(type(command).__name__)


def evolve(balance: int, event: Event) -> int:
    match event:
        case MoneyPut(amount=amount):
            return balance + amount
        case MoneyTaken(amount=amount):
            return balance - amount
        case _:
            return balance


till: Aggregate[int, Event] = Aggregate("till", 0, evolve)


@dataclass(slots=True)
class TillRow:
    till_id: UUID
    balance: int = 0
    checked: int = 0


class Tills(View[TillRow]):
    name, version, key = "tills", 1, ("till_id",)

    @on(MoneyPut)
    def put(self, rows: Rows[TillRow], event: MoneyPut, at: Recorded) -> None:
        row = rows.find(event.till_id) or TillRow(event.till_id)
        row.balance += event.amount
        rows.put(row)

    @on(MoneyTaken)
    def taken(self, rows: Rows[TillRow], event: MoneyTaken, at: Recorded) -> None:
        rows.get(event.till_id).balance -= event.amount

    @on(TillChecked)
    def checked(self, rows: Rows[TillRow], event: TillChecked, at: Recorded) -> None:
        rows.get(event.till_id).checked += 1


class TillAnswer(BaseModel):
    balance: Fen
    checked: int


class ShowTill(Query[TillAnswer]):
    till_id: UUID


async def show_till(query: ShowTill, asked: Asked) -> TillAnswer:
    row = await asked.read_models.one(Tills, query.till_id)
    return TillAnswer(balance=row.balance, checked=row.checked) if row else TillAnswer(balance=0, checked=0)


def deadlines(recorded: Recorded) -> list[Schedule | Cancel]:
    match recorded.event:
        case MoneyTaken(till_id=till_id):
            return [Schedule(f"check-{till_id}", recorded.meta.time + UNLOCKED_FOR, CheckTill(till_id=till_id))]
        case _:
            return []


CODEC = Codec([MoneyPut, MoneyTaken, TillChecked])

TILLS = Service(
    programme="till",
    codec=CODEC,
    commands={kind: decides(till, decide, by="till_id") for kind in (PutMoney, TakeMoney, CheckTill)},
    queries={ShowTill: show_till},
    views=(Tills(),),
    deadlines=deadlines,
)


# The bell


class BellRung(Event):
    till_id: UUID
    amount: PositiveFen


class RingBell(Command):
    till_id: UUID
    amount: PositiveFen


bell: Aggregate[tuple[int, ...], BellRung] = Aggregate("bell", (), lambda rung, event: (*rung, event.amount))


def ring(command: RingBell, _rung: tuple[int, ...], _facts: Facts) -> list[BellRung]:
    return [BellRung(till_id=command.till_id, amount=command.amount)]


class Clapper:
    """What may be broken about a bell: it fails on an amount as long as it is `stuck` on it."""

    def __init__(self) -> None:
        self.stuck: set[int] = set()
        self.struck: list[int] = []
        self.slow: asyncio.Event | None = None
        """What a stroke waits for, where it is set."""


class Rung(Exception):
    """The clapper is stuck."""


async def on_money_taken(event: MoneyTaken, reacting: Reacting) -> None:
    clapper: Clapper = reacting.resources
    clapper.struck.append(event.amount)
    if event.amount in clapper.stuck:
        raise Rung
    if clapper.slow is not None:
        await clapper.slow.wait()
    await reacting.command(RingBell(till_id=event.till_id, amount=event.amount))


def bells(clapper: Clapper) -> Service:
    @asynccontextmanager
    async def resources(_settings: Any) -> AsyncIterator[Clapper]:
        yield clapper

    return Service(
        programme="bell",
        codec=Codec([BellRung]),
        commands={RingBell: decides(bell, ring, by="till_id")},
        follows=(Follow("till", CODEC, (Tills(),)),),
        reactions=(Reaction("bell-on-till", "till", CODEC, {MoneyTaken: on_money_taken}),),
        resources=resources,
        patience=Patience(attempts=3, first_pause=0.05),
    )
