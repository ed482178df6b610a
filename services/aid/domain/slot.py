"""Appointments out of hours: slots with a capacity, and a member's diary, which has one open appointment."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from shared.eventsourcing.decider import Aggregate
from shared.schemas.aid import (
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentId,
    AppointmentReminderDue,
    DiaryEvent,
    DiaryFreed,
    DiaryMarked,
    SlotEvent,
    SlotId,
    SlotOpened,
)
from shared.schemas.ids import MemberId
from shared.schemas.messages import Federation

__all__ = ["DIARY", "SLOT", "Booking", "Entry", "Slot", "evolve"]


@dataclass(frozen=True, slots=True)
class Booking:
    appointment_id: AppointmentId
    remind_at: datetime
    reminded: bool = False


@dataclass(frozen=True, slots=True)
class Slot:
    slot_id: SlotId
    federation: Federation
    place: str
    starts_at: datetime
    ends_at: datetime
    capacity: int
    bookings: Mapping[MemberId, Booking] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """A member's appointment."""

    slot_id: SlotId
    ends_at: datetime


def evolve(state: Slot | None, event: SlotEvent) -> Slot | None:
    match event, state:
        case SlotOpened(), _:
            return Slot(event.slot_id, event.federation, event.place, event.starts_at, event.ends_at, event.capacity)
        case AppointmentBooked(member_id=member, appointment_id=appointment, remind_at=remind_at), Slot():
            return replace(state, bookings={**state.bookings, member: Booking(appointment, remind_at)})
        case AppointmentCancelled(member_id=member), Slot():
            left = {each: booking for each, booking in state.bookings.items() if each != member}
            return replace(state, bookings=left)
        case AppointmentReminderDue(member_id=member), Slot() if member in state.bookings:
            return replace(state, bookings={**state.bookings, member: replace(state.bookings[member], reminded=True)})
        case _:
            return state


def evolve_diary(state: Entry | None, event: DiaryEvent) -> Entry | None:
    match event:
        case DiaryMarked(slot_id=slot, ends_at=ends_at):
            return Entry(slot, ends_at)
        case DiaryFreed(slot_id=slot) if state is not None and state.slot_id == slot:
            return None
        case _:
            return state


SLOT: Final[Aggregate[Slot | None, SlotEvent]] = Aggregate("slot", None, evolve)
DIARY: Final[Aggregate[Entry | None, DiaryEvent]] = Aggregate("diary", None, evolve_diary)
