"""The cap of a household (单户), counted over the lines of all its members.

A tier's cap is what a household may owe under that tier and those with lower caps together: two members without a
title share 100,000 CNY, and beside a craftsman's line everything together stays within 300,000. So it makes no
difference who comes first. What a line may take is reserved in one commit with the line's own event.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from services.loan.refusals import APPLICATION_UNDER_WAY, HOUSEHOLD_CAP, LINE_EXISTS
from shared.eventsourcing.decider import Aggregate
from shared.schemas.ids import HouseholdId, MemberId
from shared.schemas.loan import (
    ApplicationEnded,
    ApplicationId,
    ApplicationNoted,
    CapChanged,
    CapReleased,
    CapReserved,
    HouseholdEvent,
    LineId,
)
from shared.schemas.money import Fen, cny

__all__ = ["EMPTY", "HOUSEHOLD", "Household", "Reservation", "evolve"]


@dataclass(frozen=True, slots=True)
class Reservation:
    """What a line takes of its household's cap. `cap` is that of the line's tier."""

    member_id: MemberId
    cap: Fen
    amount: Fen


@dataclass(frozen=True, slots=True)
class Household:
    lines: Mapping[LineId, Reservation] = field(default_factory=dict)
    applications: Mapping[MemberId, ApplicationId] = field(default_factory=dict)
    """Under way, one a member."""

    def room(self, cap: Fen, besides: LineId | None = None) -> Fen:
        """The most that a line of a tier with this cap may take, its own reservation left aside."""
        others = [reserved for line, reserved in self.lines.items() if line != besides]
        levels = {cap} | {reserved.cap for reserved in others if reserved.cap > cap}
        return max(0, min(level - sum(other.amount for other in others if other.cap <= level) for level in levels))

    def may_apply(self, member_id: MemberId) -> None:
        """Refused while the member has an application under way, or a line."""
        if member_id in self.applications:
            raise APPLICATION_UNDER_WAY()
        self.has_no_line(member_id)

    def has_no_line(self, member_id: MemberId) -> None:
        if any(reserved.member_id == member_id for reserved in self.lines.values()):
            raise LINE_EXISTS()

    def must_have_room(self, cap: Fen, amount: Fen, besides: LineId | None = None) -> None:
        room = self.room(cap, besides)
        if amount > room:
            raise HOUSEHOLD_CAP(room=cny(room), amount=cny(amount))

    def changed(self, household_id: HouseholdId, line_id: LineId, cap: Fen, amount: Fen) -> list[HouseholdEvent]:
        """Of what a line takes; nothing where it takes that already."""
        held = self.lines.get(line_id)
        if held is not None and (held.cap, held.amount) == (cap, amount):
            return []
        return [CapChanged(household_id=household_id, line_id=line_id, cap=cap, amount=amount)]


EMPTY: Final = Household()


def evolve(state: Household, event: HouseholdEvent) -> Household:
    match event:
        case ApplicationNoted(member_id=member, application_id=application):
            return Household(state.lines, {**state.applications, member: application})
        case ApplicationEnded(member_id=member):
            rest = {each: application for each, application in state.applications.items() if each != member}
            return Household(state.lines, rest)
        case CapReserved(line_id=line, member_id=member, cap=cap, amount=amount):
            return Household({**state.lines, line: Reservation(member, cap, amount)}, state.applications)
        case CapChanged(line_id=line, cap=cap, amount=amount) if line in state.lines:
            changed = Reservation(state.lines[line].member_id, cap, amount)
            return Household({**state.lines, line: changed}, state.applications)
        case CapReleased(line_id=line):
            return Household({each: held for each, held in state.lines.items() if each != line}, state.applications)
        case _:
            return state


HOUSEHOLD: Final = Aggregate("household", EMPTY, evolve)
