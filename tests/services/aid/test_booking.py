"""Appointments out of hours: slots with capacity, no double booking, a reminder."""

from datetime import UTC, datetime, timedelta

from shared.schemas.aid import (
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentId,
    AppointmentReminderDue,
    BookAppointment,
    CancelAppointment,
    DiaryFreed,
    DiaryMarked,
    OpenSlot,
    RemindOfAppointment,
    SlotId,
)
from shared.schemas.ids import MemberId
from shared.schemas.messages import Event
from tests.services.aid.cases import (
    CADRE,
    CLERK,
    JANUARY,
    JINHUA,
    LI,
    SUN,
    TIMER,
    WANG,
    aid,
    named,
    noon,
    of,
    only,
    played,
    worker,
)

EVENING = datetime(2019, 1, 12, 11, tzinfo=UTC)
"""A Saturday, seven in the evening in China."""


def slot(name: str = "一") -> SlotId:
    return SlotId(named(f"时段{name}"))


def opening(name: str = "一", capacity: int = 2, starts_at: datetime = EVENING) -> OpenSlot:
    return OpenSlot(slot_id=slot(name), place="职工服务中心", starts_at=starts_at, minutes=30, capacity=capacity)


def book(member: MemberId = LI, name: str = "一") -> BookAppointment:
    return BookAppointment(slot_id=slot(name), appointment_id=AppointmentId(named(f"{member}{name}")), member_id=member)


def open_slots(*names: str, capacity: int = 2) -> tuple[Event, ...]:
    return played(*((opening(name, capacity), CLERK, JANUARY) for name in names or ("一",)))


def booked(*members: MemberId, capacity: int = 2) -> tuple[Event, ...]:
    return played(
        *((book(member), CLERK, JANUARY) for member in members), after=open_slots("一", "二", capacity=capacity)
    )


def remind(member: MemberId = LI) -> RemindOfAppointment:
    return RemindOfAppointment(slot_id=slot(), appointment_id=AppointmentId(named(f"{member}一")), member_id=member)


def test_a_worker_books_a_slot_and_is_reminded_a_day_before() -> None:
    events = aid.given(*open_slots()).when(book(), actor=of(LI)).events
    assert [type(event) for event in events] == [AppointmentBooked, DiaryMarked]
    assert only(AppointmentBooked, events).remind_at == EVENING - timedelta(hours=24)


def test_booked_on_short_notice_the_reminder_is_due_at_once() -> None:
    now = EVENING - timedelta(hours=2)
    assert only(AppointmentBooked, aid.given(*open_slots()).when(book(), actor=of(LI), now=now).events).remind_at == now


def test_an_officer_books_for_whoever_calls_and_a_cadre_for_their_workers() -> None:
    assert aid.given(*open_slots()).when(book(SUN), actor=CLERK).refusal is None
    assert aid.given(*open_slots()).when(book(SUN), actor=CADRE, worker=worker(SUN)).refusal is None
    aid.given(*open_slots()).when(book(SUN), actor=CADRE, acts_for=frozenset()).refused("not_yours")
    aid.given(*open_slots()).when(book(SUN), actor=of(LI)).refused("not_yours")


def test_nobody_books_for_whom_the_registry_does_not_know() -> None:
    aid.given(*open_slots()).when(book(SUN), actor=CLERK, worker=None).refused("not_a_member")


def test_a_slot_takes_no_more_than_its_capacity() -> None:
    aid.given(*booked(LI, WANG)).when(book(SUN)).refused("slot_full", "职工医疗互助保障 第13条")


def test_nobody_has_two_open_appointments() -> None:
    aid.given(*booked(LI)).when(book(LI)).refused("already_booked")
    aid.given(*booked(LI)).when(book(LI, "二"), actor=of(LI)).refused("already_booked")


def test_after_an_appointment_the_next_may_be_booked() -> None:
    later = played((opening("三", starts_at=EVENING + timedelta(days=7)), CLERK, JANUARY), after=booked(LI))
    assert aid.given(*later).when(book(LI, "三"), now=EVENING + timedelta(minutes=30)).refusal is None
    aid.given(*later).when(book(LI, "三"), now=EVENING + timedelta(minutes=29)).refused("already_booked")


def test_a_cancelled_appointment_frees_its_place_and_its_member() -> None:
    cancelling = CancelAppointment(slot_id=slot(), member_id=LI)
    events = aid.given(*booked(LI, WANG)).when(cancelling, actor=of(LI)).events
    assert [type(event) for event in events] == [AppointmentCancelled, DiaryFreed]
    history = played((cancelling, of(LI), JANUARY), after=booked(LI, WANG))
    assert aid.given(*history).when(book(SUN)).refusal is None
    assert aid.given(*history).when(book(LI, "二")).refusal is None
    aid.given(*history).when(cancelling, actor=of(LI)).refused("not_booked")


def test_what_has_begun_is_neither_booked_nor_cancelled() -> None:
    aid.given(*open_slots()).when(book(), now=EVENING).refused("slot_past")
    aid.given(*booked(LI)).when(CancelAppointment(slot_id=slot(), member_id=LI), now=EVENING).refused("slot_past")
    aid.given().when(opening(starts_at=noon(JANUARY))).refused("slot_past")


def test_a_slot_is_opened_once_and_is_of_its_county() -> None:
    aid.given(*open_slots()).when(opening()).refused("slot_exists")
    aid.given(*open_slots()).when(book(), federation=JINHUA).refused("unknown_slot")


def test_a_reminder_is_given_once_and_not_of_what_was_cancelled() -> None:
    due = EVENING - timedelta(hours=24)
    aid.given(*booked(LI)).when(remind(), actor=TIMER, now=due - timedelta(seconds=1)).nothing()
    reminder = only(AppointmentReminderDue, aid.given(*booked(LI)).when(remind(), actor=TIMER, now=due).events)
    assert reminder.starts_at == EVENING
    aid.given(*booked(LI), reminder).when(remind(), actor=TIMER, now=due).nothing()
    aid.given(*booked(LI)).when(remind(), actor=TIMER, now=EVENING).nothing()
    cancelled = played((CancelAppointment(slot_id=slot(), member_id=LI), CLERK, JANUARY), after=booked(LI))
    aid.given(*cancelled).when(remind(), actor=TIMER, now=due).nothing()
