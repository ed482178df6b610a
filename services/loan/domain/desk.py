"""What a decision rests on, when it reaches over streams: an application, a line, and the households they count in.

Decisions on applications and lines return events of several streams, to be written in one commit; `stream_of` says
which belongs where.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from services.loan.domain import application, household, line
from services.loan.domain.application import APPLICATION, Application, NoApplication
from services.loan.domain.household import EMPTY, HOUSEHOLD, Household
from services.loan.domain.line import LINE, LineState, NoLine
from shared.eventsourcing.decider import Aggregate
from shared.schemas.ids import HouseholdId
from shared.schemas.loan import ApplicationEvent, HouseholdEvent, LineEvent

__all__ = ["Desk", "LoanEvent", "fold", "stream_of"]

type LoanEvent = ApplicationEvent | LineEvent | HouseholdEvent


@dataclass(frozen=True, slots=True)
class Desk:
    application: Application = field(default_factory=NoApplication)
    line: LineState = field(default_factory=NoLine)
    households: Mapping[HouseholdId, Household] = field(default_factory=dict)

    def household(self, household_id: HouseholdId) -> Household:
        return self.households.get(household_id, EMPTY)


def stream_of(event: LoanEvent) -> tuple[Aggregate[Any, Any], UUID]:
    """The aggregate and key of an event's stream."""
    match event:
        case ApplicationEvent(application_id=application_id):
            return APPLICATION, application_id
        case LineEvent(line_id=line_id):
            return LINE, line_id
        case HouseholdEvent(household_id=household_id):
            return HOUSEHOLD, household_id


def fold(events: Iterable[LoanEvent], desk: Desk | None = None) -> Desk:
    """The desk after events of one application and one line, and of any households."""
    desk = desk or Desk()
    for event in events:
        match event:
            case ApplicationEvent():
                desk = replace(desk, application=application.evolve(desk.application, event))
            case LineEvent():
                desk = replace(desk, line=line.evolve(desk.line, event))
            case HouseholdEvent(household_id=key):
                changed = household.evolve(desk.household(key), event)
                desk = replace(desk, households={**desk.households, key: changed})
    return desk
