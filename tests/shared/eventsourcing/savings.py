"""A small programme for the tests of the house: members and their passbooks."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from shared.eventsourcing.codec import Codec
from shared.eventsourcing.decider import Aggregate, Facts
from shared.schemas.ids import MemberId
from shared.schemas.messages import Actor, Command, Event, Meta, Reason, Role
from shared.schemas.money import PositiveFen
from shared.schemas.personal import Personal

NOON = datetime(2025, 6, 1, 4, 0, tzinfo=UTC)
OVERDRAWN = Reason("overdrawn", "储蓄 第2条", "余额只有{balance}分")


class Enrolled(Event):
    subject = "member"

    member: MemberId
    union: str
    name: Personal[str]
    phone: Personal[str] | None = None


class Deposited(Event):
    amount: PositiveFen


class Withdrawn(Event):
    amount: PositiveFen


class Deposit(Command):
    amount: PositiveFen


class Withdraw(Command):
    amount: PositiveFen


type PassbookEvent = Deposited | Withdrawn


@dataclass(frozen=True, slots=True)
class Passbook:
    balance: int = 0


def decide(command: Deposit | Withdraw, state: Passbook, facts: Facts) -> list[PassbookEvent]:
    match command:
        case Deposit(amount=amount):
            return [Deposited(amount=amount)]
        case Withdraw(amount=amount) if amount > state.balance:
            raise OVERDRAWN(balance=state.balance)
        case Withdraw(amount=amount):
            return [Withdrawn(amount=amount)]


def evolve(state: Passbook, event: PassbookEvent) -> Passbook:
    match event:
        case Deposited(amount=amount):
            return Passbook(state.balance + amount)
        case Withdrawn(amount=amount):
            return Passbook(state.balance - amount)


passbook: Aggregate[Passbook, PassbookEvent] = Aggregate("passbook", Passbook(), evolve)
CODEC = Codec([Enrolled, Deposited, Withdrawn])
FACTS = Facts(now=NOON, actor=Actor(role=Role.SYSTEM, id="test"), federation="330503")


def meta(command: UUID) -> Meta:
    return Meta(federation="330503", actor="system:test", time=NOON, correlation=command, causation=command)
