"""What happens to appointments."""

from shared.schemas.aid.terms import (
    AppointmentId,
    SlotId,
)
from shared.schemas.ids import MemberId
from shared.schemas.messages import Event, Federation, Instant

__all__ = [
    "AppointmentBooked",
    "AppointmentCancelled",
    "AppointmentReminderDue",
    "DiaryEvent",
    "DiaryFreed",
    "DiaryMarked",
    "SlotEvent",
    "SlotOpened",
]


class SlotEvent(Event):
    """Kept in the stream of the slot."""

    slot_id: SlotId


class SlotOpened(SlotEvent):
    federation: Federation
    place: str
    starts_at: Instant
    ends_at: Instant
    capacity: int


class AppointmentBooked(SlotEvent):
    appointment_id: AppointmentId
    member_id: MemberId
    place: str
    starts_at: Instant
    remind_at: Instant
    by: str


class AppointmentCancelled(SlotEvent):
    appointment_id: AppointmentId
    member_id: MemberId


class AppointmentReminderDue(SlotEvent):
    appointment_id: AppointmentId
    member_id: MemberId
    place: str
    starts_at: Instant


class DiaryEvent(Event):
    """Kept in the stream of a member's diary, and written in one commit with the slot's."""

    member_id: MemberId


class DiaryMarked(DiaryEvent):
    slot_id: SlotId
    ends_at: Instant


class DiaryFreed(DiaryEvent):
    slot_id: SlotId
