"""Appointments out of hours: which slots are free. Who has booked is for the federation alone."""

from datetime import datetime, time
from uuid import UUID

from services.aid.views import SlotRow, Slots
from shared.eventsourcing.decider import SHANGHAI
from shared.runtime.queries import Asked
from shared.schemas.aid import AppointmentId, BookedAppointment, FindSlots, SlotAnswer
from shared.schemas.ids import MemberId
from shared.schemas.messages import Role

__all__ = ["find_slots"]

EVERYBODY = frozenset({Role.OFFICER, Role.OPERATOR, Role.SYSTEM})


async def find_slots(query: FindSlots, asked: Asked) -> tuple[SlotAnswer, ...]:
    """Those that begin from now on, or from the beginning of a day in China."""
    since = asked.now if query.since is None else datetime.combine(query.since, time(), SHANGHAI)
    rows = await asked.read_models.some(
        Slots, "federation = $1 and starts_at >= $2 order by starts_at, slot_id", asked.federation, since
    )
    return tuple(_slot(row, asked) for row in rows)


def _slot(row: SlotRow, asked: Asked) -> SlotAnswer:
    shown = [
        BookedAppointment(appointment_id=AppointmentId(UUID(appointment)), member_id=MemberId(UUID(member)))
        for member, appointment in row.booked.items()
        if asked.actor.role in EVERYBODY or asked.actor.id == member
    ]
    return SlotAnswer(
        slot_id=row.slot_id,
        place=row.place,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        left=row.capacity - len(row.booked),
        booked=tuple(shown),
    )
