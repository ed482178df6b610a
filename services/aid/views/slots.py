"""The read model of appointments out of hours."""

from dataclasses import dataclass
from datetime import datetime

from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.view import View, on
from shared.schemas.aid import AppointmentBooked, AppointmentCancelled, SlotId, SlotOpened
from shared.schemas.messages import Federation

__all__ = ["SlotRow", "Slots"]


@dataclass(slots=True)
class SlotRow:
    """`booked` are appointments' ids by the member's, as text."""

    slot_id: SlotId
    federation: Federation
    place: str
    starts_at: datetime
    ends_at: datetime
    capacity: int
    booked: dict[str, str]


class Slots(View[SlotRow]):
    """Every slot, and who has booked it."""

    name, version, key = "slots", 1, ("slot_id",)
    indexes = (("federation", "starts_at"),)

    @on(SlotOpened)
    def opened(self, rows: Rows[SlotRow], event: SlotOpened, at: Recorded) -> None:
        of = (event.slot_id, event.federation, event.place, event.starts_at, event.ends_at, event.capacity)
        rows.put(SlotRow(*of, booked={}))

    @on(AppointmentBooked)
    def booked(self, rows: Rows[SlotRow], event: AppointmentBooked, at: Recorded) -> None:
        row = rows.get(event.slot_id)
        row.booked = {**row.booked, str(event.member_id): str(event.appointment_id)}

    @on(AppointmentCancelled)
    def cancelled(self, rows: Rows[SlotRow], event: AppointmentCancelled, at: Recorded) -> None:
        row = rows.get(event.slot_id)
        row.booked = {member: booking for member, booking in row.booked.items() if member != str(event.member_id)}
