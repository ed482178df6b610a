"""What every contestant keeps: a line of credit that is drawn on and repaid, with events of about 300 bytes."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from shared.eventsourcing.codec import Codec
from shared.eventsourcing.decider import Aggregate
from shared.schemas.ids import new_id
from shared.schemas.messages import Command, Event, Instant, Meta, Reason
from shared.schemas.money import Fen, NonNegativeFen, PositiveFen

SEEDED: Final = 10
"""Events that every stream has before anything is measured."""

LIMIT: Final = 10_000_000
FEDERATION: Final = "330503"
ACTOR: Final = "bank:nxbank"
BANK: Final = "nxbank"
START: Final = datetime(2025, 6, 1, 4, 0, tzinfo=UTC)
EXCEEDED: Final = Reason("limit_exceeded", "测试 第1条", "可用额度只有{available}分")


class Drawn(Event):
    line: UUID
    drawdown: UUID
    member: UUID
    bank: str
    amount: PositiveFen
    purpose: str
    at: Instant


class Repaid(Event):
    line: UUID
    repayment: UUID
    member: UUID
    bank: str
    amount: PositiveFen
    principal: NonNegativeFen
    interest: NonNegativeFen
    credit: Fen
    at: Instant


class Draw(Command):
    line: UUID
    amount: PositiveFen


class Repay(Command):
    line: UUID
    amount: PositiveFen


type LineEvent = Drawn | Repaid
type LineCommand = Draw | Repay


@dataclass(frozen=True, slots=True)
class Line:
    used: int = 0
    credit: int = 0
    movements: int = 0


def decide(command: LineCommand, state: Line, member: UUID) -> list[LineEvent]:
    match command:
        case Draw(line=line, amount=amount):
            if state.used + amount > LIMIT:
                raise EXCEEDED(available=LIMIT - state.used)
            return [
                Drawn(
                    line=line,
                    drawdown=new_id(),
                    member=member,
                    bank=BANK,
                    amount=amount,
                    purpose="进货:春季面料二十匹、辅料一批",
                    at=START,
                )
            ]
        case Repay(line=line, amount=amount):
            principal = min(amount, state.used)
            return [
                Repaid(
                    line=line,
                    repayment=new_id(),
                    member=member,
                    bank=BANK,
                    amount=amount,
                    principal=principal,
                    interest=0,
                    credit=state.credit + amount - principal,
                    at=START,
                )
            ]


def evolve(state: Line, event: LineEvent) -> Line:
    match event:
        case Drawn(amount=amount):
            return Line(state.used + amount, state.credit, state.movements + 1)
        case Repaid(principal=principal, credit=credit):
            return Line(state.used - principal, credit, state.movements + 1)


lines: Final[Aggregate[Line, LineEvent]] = Aggregate("line", Line(), evolve)
CODEC: Final = Codec([Drawn, Repaid])


def next_command(line: UUID, turn: int) -> LineCommand:
    """Drawing and repaying in turn: a line never fills."""
    return Draw(line=line, amount=120_000) if turn % 2 == 0 else Repay(line=line, amount=120_000)


def history(line: UUID, member: UUID, events: int = SEEDED) -> list[LineEvent]:
    """The first events of a line."""
    state, made = Line(), list[LineEvent]()
    for turn in range(events):
        made += decide(next_command(line, turn), state, member)
        state = evolve(state, made[-1])
    return made


def meta_of(command: UUID) -> Meta:
    return Meta(federation=FEDERATION, actor=ACTOR, time=START, correlation=command, causation=command)
