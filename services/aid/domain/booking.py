"""Decisions on appointments: a slot takes as many as its capacity; a member has one that is open."""

from datetime import timedelta

from services.aid import refusals
from services.aid.domain.desk import AidEvent, Desk
from services.aid.domain.facts import AidFacts
from services.aid.domain.slot import DIARY, SLOT, Slot
from shared.schemas.aid import (
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentReminderDue,
    BookAppointment,
    CancelAppointment,
    DiaryFreed,
    DiaryMarked,
    OpenSlot,
    RemindOfAppointment,
    SlotCommand,
    SlotOpened,
)
from shared.schemas.ids import MemberId
from shared.schemas.messages import Role

__all__ = ["decide"]


def decide(command: SlotCommand, desk: Desk, facts: AidFacts) -> list[AidEvent]:
    slot = desk.of(SLOT, command.slot_id)
    if isinstance(command, OpenSlot):
        return _open(command, slot, facts)
    if slot is None or slot.federation != facts.federation:
        raise refusals.UNKNOWN_SLOT()
    match command:
        case BookAppointment():
            return _book(command, slot, desk, facts)
        case CancelAppointment():
            return _cancel(command, slot, facts)
        case RemindOfAppointment():
            return _remind(command, slot, facts)
        case _:
            raise TypeError(f"nobody decides on {type(command).__name__}")


def _open(command: OpenSlot, slot: Slot | None, facts: AidFacts) -> list[AidEvent]:
    if slot is not None:
        raise refusals.SLOT_EXISTS()
    if command.starts_at <= facts.now:
        raise refusals.SLOT_PAST()
    opened = SlotOpened(
        slot_id=command.slot_id,
        federation=facts.federation,
        place=command.place,
        starts_at=command.starts_at,
        ends_at=command.starts_at + timedelta(minutes=command.minutes),
        capacity=command.capacity,
    )
    return [opened]


def _book(command: BookAppointment, slot: Slot, desk: Desk, facts: AidFacts) -> list[AidEvent]:
    _may_speak_for(command.member_id, facts)
    if facts.now >= slot.starts_at:
        raise refusals.SLOT_PAST()
    held = desk.of(DIARY, command.member_id)
    if held is not None and facts.now < held.ends_at:
        raise refusals.ALREADY_BOOKED()
    if len(slot.bookings) >= slot.capacity:
        raise refusals.SLOT_FULL()
    ahead = timedelta(hours=facts.rulebook.at(facts.federation, facts.today).reminder_hours)
    booked = AppointmentBooked(
        slot_id=slot.slot_id,
        appointment_id=command.appointment_id,
        member_id=command.member_id,
        place=slot.place,
        starts_at=slot.starts_at,
        remind_at=max(facts.now, slot.starts_at - ahead),
        by=facts.actor.id,
    )
    return [booked, DiaryMarked(member_id=command.member_id, slot_id=slot.slot_id, ends_at=slot.ends_at)]


def _cancel(command: CancelAppointment, slot: Slot, facts: AidFacts) -> list[AidEvent]:
    _may_speak_for(command.member_id, facts)
    booking = slot.bookings.get(command.member_id)
    if booking is None:
        raise refusals.NOT_BOOKED()
    if facts.now >= slot.starts_at:
        raise refusals.SLOT_PAST()
    return [
        AppointmentCancelled(slot_id=slot.slot_id, appointment_id=booking.appointment_id, member_id=command.member_id),
        DiaryFreed(member_id=command.member_id, slot_id=slot.slot_id),
    ]


def _remind(command: RemindOfAppointment, slot: Slot, facts: AidFacts) -> list[AidEvent]:
    """Once, and not of what was cancelled, or has begun."""
    booking = slot.bookings.get(command.member_id)
    if (
        booking is None
        or booking.appointment_id != command.appointment_id
        or booking.reminded
        or not booking.remind_at <= facts.now < slot.starts_at
    ):
        return []
    return [
        AppointmentReminderDue(
            slot_id=slot.slot_id,
            appointment_id=booking.appointment_id,
            member_id=command.member_id,
            place=slot.place,
            starts_at=slot.starts_at,
        )
    ]


def _may_speak_for(member: MemberId, facts: AidFacts) -> None:
    """The member; an officer, for whoever calls; a cadre, for a worker of their union."""
    match facts.actor.role:
        case Role.OFFICER:
            if facts.worker is None:
                raise refusals.NOT_A_MEMBER()
        case Role.CADRE if facts.worker is not None and facts.worker.union_id in facts.acts_for:
            return
        case _ if facts.actor.id == str(member):
            return
        case _:
            raise refusals.NOT_YOURS()
