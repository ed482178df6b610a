"""What happens to schemes, to employers' enrolments, and to a person's cover."""

from datetime import date

from shared.schemas.aid.scheme import SchemeTerms
from shared.schemas.aid.terms import (
    ContractId,
    EndOfCover,
    EnrolmentId,
    LeftOut,
    MembershipId,
    PeriodStart,
    Reference,
)
from shared.schemas.ids import EmployerId, MemberId
from shared.schemas.messages import Event, Federation, Instant
from shared.schemas.money import NonNegativeFen, PositiveFen

__all__ = [
    "ContractEvent",
    "CoverageEnded",
    "CoverageStarted",
    "EmployerPremiumReceived",
    "EnrolmentEnded",
    "EnrolmentSubmitted",
    "MemberEnrolled",
    "MemberReleased",
    "MembershipEvent",
    "SchemeEvent",
    "SchemePublished",
    "WorkerPremiumReceived",
]


# The scheme


class SchemeEvent(Event):
    """Kept in the stream of the city's schemes."""

    city: Federation


class SchemePublished(SchemeEvent):
    """In force from a day after this one, until the next."""

    terms: SchemeTerms
    by: str
    """Id of the actor."""


# An employer's enrolment for a period


class ContractEvent(Event):
    """Kept in the stream of the contract: an employer and a period."""

    contract_id: ContractId
    employer_id: EmployerId
    period: PeriodStart


class EnrolmentSubmitted(ContractEvent):
    """`members` are enrolled; there is no cover until both parts are in."""

    enrolment_id: EnrolmentId
    county: Federation
    pool: Federation
    scheme: str
    members: tuple[MemberId, ...]
    left_out: tuple[LeftOut, ...]
    employer_part: NonNegativeFen
    """Of the fee of each."""
    worker_part: NonNegativeFen
    employer_due: NonNegativeFen
    worker_due: NonNegativeFen
    renewal_of: ContractId | None
    pay_by: Instant
    """Unless something was paid before then, the enrolment lapses."""
    by: str


class EmployerPremiumReceived(ContractEvent):
    enrolment_id: EnrolmentId
    amount: PositiveFen
    on: date
    reference: Reference


class WorkerPremiumReceived(ContractEvent):
    enrolment_id: EnrolmentId
    amount: PositiveFen
    on: date
    reference: Reference


class EnrolmentEnded(ContractEvent):
    """Withdrawn, or lapsed, before anything was paid: its members may be enrolled by others."""

    enrolment_id: EnrolmentId
    lapsed: bool


# A person's cover in a period


class MembershipEvent(Event):
    """Kept in the stream of the membership: a person and a period."""

    membership_id: MembershipId
    member_id: MemberId
    period: PeriodStart


class MemberEnrolled(MembershipEvent):
    contract_id: ContractId
    enrolment_id: EnrolmentId
    employer_id: EmployerId
    county: Federation
    """Which shares in the fund for this person."""
    pool: Federation
    continuous: bool
    """Whether cover in the period before goes on to its end: there is no waiting time then."""


class MemberReleased(MembershipEvent):
    """The enrolment ended before there was cover."""

    enrolment_id: EnrolmentId


class CoverageStarted(MembershipEvent):
    """Both parts are in: stays that begin from `benefits_from` to `last` are covered."""

    employer_id: EmployerId
    first: date
    last: date
    benefits_from: date


class CoverageEnded(MembershipEvent):
    """`last` is the last day of cover."""

    ground: EndOfCover
    last: date
