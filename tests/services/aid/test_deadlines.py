"""Timers that follow from events, and what the commands that they fire are."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from services.aid.deadlines import deadlines
from shared.eventsourcing.codec import Codec
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.timers import Cancel, Schedule
from shared.schemas import aid
from shared.schemas.aid import (
    BookAppointment,
    CancelAppointment,
    CloseIncompleteClaim,
    Document,
    EnrolmentSubmitted,
    HospitalSettlementQuoted,
    LapseEnrolment,
    LapseQuote,
    OpenSlot,
    RejectClaim,
    RejectionGround,
    RemindOfAppointment,
    SlotId,
    SupplyDocuments,
)
from shared.schemas.language import events_of
from shared.schemas.messages import Event, Meta
from tests.services.aid.cases import (
    ALL_DOCUMENTS,
    AT_THE_HOSPITAL,
    CLERK,
    COVERED,
    DONGYANG,
    HEAD,
    JANUARY,
    JUNE,
    LI,
    TIMER,
    cancel,
    claim,
    confirm,
    employer_pays,
    enrol,
    file,
    named,
    noon,
    of,
    only,
    played,
    quote,
)

CODEC = Codec(events_of(aid).values())


def recorded(event: Event) -> Recorded:
    key, kind = UUID(int=1), type(event)
    meta = Meta(federation=DONGYANG, actor=str(CLERK), time=noon(JANUARY), correlation=key, causation=key)
    data = event.__pydantic_serializer__.to_json(event, context={"clear": True})
    return Recorded(CODEC, 1, "x", 1, key, kind.__name__, kind.schema_version, data, meta, None)


def pending(events: Sequence[Event]) -> dict[str, Schedule]:
    """The timers that stand after a history."""
    standing: dict[str, Schedule] = {}
    for event in events:
        for step in deadlines(recorded(event)):
            match step:
                case Schedule(key=key):
                    standing[key] = step
                case Cancel(key=key):
                    standing.pop(key, None)
    return standing


def test_an_enrolment_lapses_unless_something_is_paid() -> None:
    history = played((enrol(LI), CLERK, JUNE))
    (timer,) = pending(history).values()
    assert isinstance(timer.command, LapseEnrolment)
    assert timer.due == only(EnrolmentSubmitted, history).pay_by
    assert not pending(played((employer_pays(), CLERK, JUNE), after=history))


def test_a_quote_lapses_unless_it_is_confirmed_or_cancelled() -> None:
    quoted = played((quote(), AT_THE_HOSPITAL, JANUARY), after=COVERED)
    (timer,) = pending(quoted).values()
    assert timer.due == only(HospitalSettlementQuoted, quoted).valid_until
    for answer in (confirm(), cancel()):
        assert not pending(played((answer, AT_THE_HOSPITAL, JANUARY), after=quoted))
    lapse = timer.command
    assert isinstance(lapse, LapseQuote)
    assert not pending(played((lapse, TIMER, JANUARY + timedelta(days=1)), after=quoted))


def test_missing_documents_fall_due_unless_all_are_supplied() -> None:
    filed = played((file(documents=(Document.IDENTITY,)), of(LI), JANUARY), after=COVERED)
    (timer,) = pending(filed).values()
    assert isinstance(timer.command, CloseIncompleteClaim)
    some = SupplyDocuments(claim_id=claim(), documents=(Document.INVOICE,))
    assert pending(played((some, of(LI), JANUARY), after=filed))
    all_of_them = SupplyDocuments(claim_id=claim(), documents=ALL_DOCUMENTS)
    assert not pending(played((all_of_them, of(LI), JANUARY), after=filed))
    rejected = RejectClaim(claim_id=claim(), ground=RejectionGround.UNTRUE)
    assert not pending(played((rejected, HEAD, JANUARY), after=filed))


def test_an_appointment_is_reminded_of_unless_it_is_cancelled() -> None:
    slot = SlotId(named("时段"))
    opened = OpenSlot(slot_id=slot, place="中心", starts_at=noon(JANUARY + timedelta(days=3)), minutes=30, capacity=1)
    booked = played((opened, CLERK, JANUARY), (BookAppointment(slot_id=slot, member_id=LI), of(LI), JANUARY))
    (timer,) = pending(booked).values()
    assert isinstance(timer.command, RemindOfAppointment)
    assert timer.due == noon(JANUARY + timedelta(days=2))
    cancelled = CancelAppointment(slot_id=slot, member_id=LI)
    assert not pending(played((cancelled, of(LI), JANUARY), after=booked))
