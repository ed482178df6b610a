"""A small programme for the tests of the house: members and their passbooks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from shared.eventsourcing.codec import Codec
from shared.eventsourcing.decider import Aggregate, Facts
from shared.eventsourcing.writer import Commit, NewEvent, Write
from shared.schemas.ids import MemberId, derived_id, new_id
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
member_file: Aggregate[tuple[Enrolled, ...], Enrolled] = Aggregate("member", (), lambda state, event: (*state, event))
CODEC = Codec([Enrolled, Deposited, Withdrawn])
FACTS = Facts(now=NOON, actor=Actor(role=Role.SYSTEM, id="test"), federation="330503")


def meta(command: UUID) -> Meta:
    return Meta(federation="330503", actor="system:test", time=NOON, correlation=command, causation=command)


def commit(*writes: tuple[str, int | None, Sequence[Event]], command: UUID | None = None, body: int = 0) -> Commit:
    """A commit to (stream, expected version, events); `body` stands for what else the command says."""
    command = command or new_id()
    about = meta(command).model_dump_json()
    return Commit(
        command,
        derived_id(command, str(body)),
        [
            Write(
                stream,
                expected,
                [
                    NewEvent(new_id(), type(event).__name__, event.schema_version, CODEC.encode(event), about)
                    for event in events
                ],
            )
            for stream, expected, events in writes
        ],
    )


def deposits(*amounts: int) -> list[Deposited]:
    return [Deposited(amount=amount) for amount in amounts]
