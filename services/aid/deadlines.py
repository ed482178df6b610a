"""When what must have happened: timers that follow from events.

Timers of what was settled meanwhile fire and change nothing.
"""

from collections.abc import Iterable, Iterator

from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.timers import Cancel, Schedule
from shared.schemas.aid import (
    AppointmentBooked,
    AppointmentCancelled,
    ClaimId,
    ClaimRejected,
    ClaimWithdrawn,
    CloseIncompleteClaim,
    DocumentMissingNoted,
    DocumentSupplied,
    EmployerPremiumReceived,
    EnrolmentEnded,
    EnrolmentId,
    EnrolmentSubmitted,
    HospitalSettlementCancelled,
    HospitalSettlementConfirmed,
    HospitalSettlementLapsed,
    HospitalSettlementQuoted,
    LapseEnrolment,
    LapseQuote,
    RemindOfAppointment,
    WorkerPremiumReceived,
)

__all__ = ["deadlines"]


def deadlines(recorded: Recorded) -> Iterable[Schedule | Cancel]:
    """What an event schedules and cancels."""
    match recorded.event:
        case EnrolmentSubmitted() as event:
            lapse = LapseEnrolment(employer_id=event.employer_id, period=event.period, enrolment_id=event.enrolment_id)
            yield Schedule(_premium(event.enrolment_id), event.pay_by, lapse)
        case EmployerPremiumReceived() | WorkerPremiumReceived() | EnrolmentEnded() as event:
            yield Cancel(_premium(event.enrolment_id))
        case AppointmentBooked() as event:
            remind = RemindOfAppointment(
                slot_id=event.slot_id, appointment_id=event.appointment_id, member_id=event.member_id
            )
            yield Schedule(f"appointment {event.appointment_id}", event.remind_at, remind)
        case AppointmentCancelled(appointment_id=appointment):
            yield Cancel(f"appointment {appointment}")
        case event:
            yield from _of_claims(event)


def _of_claims(event: object) -> Iterator[Schedule | Cancel]:
    match event:
        case HospitalSettlementQuoted(claim_id=claim, valid_until=instant):
            yield Schedule(_quote(claim), instant, LapseQuote(claim_id=claim))
        case (
            HospitalSettlementConfirmed(claim_id=claim)
            | HospitalSettlementCancelled(claim_id=claim)
            | HospitalSettlementLapsed(claim_id=claim)
        ):
            yield Cancel(_quote(claim))
        case DocumentMissingNoted(claim_id=claim, supply_by=instant):
            yield Schedule(_documents(claim), instant, CloseIncompleteClaim(claim_id=claim))
        case DocumentSupplied(claim_id=claim, missing=()):
            yield Cancel(_documents(claim))
        case ClaimRejected(claim_id=claim) | ClaimWithdrawn(claim_id=claim):
            yield Cancel(_documents(claim))


def _premium(enrolment: EnrolmentId) -> str:
    return f"enrolment {enrolment} premium"


def _quote(claim: ClaimId) -> str:
    return f"claim {claim} quote"


def _documents(claim: ClaimId) -> str:
    return f"claim {claim} documents"
