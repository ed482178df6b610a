"""A person's cover in a period. There is one such stream a person and period, so that whoever enrols them, they are
covered once."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from services.aid import refusals
from shared.eventsourcing.decider import Aggregate
from shared.schemas.aid import (
    ContractId,
    CoverageEnded,
    CoverageStarted,
    EnrolmentId,
    MemberEnrolled,
    MemberReleased,
    MembershipEvent,
)
from shared.schemas.ids import EmployerId
from shared.schemas.messages import Federation

__all__ = ["MEMBERSHIP", "Cover", "Membership", "covered", "evolve"]


@dataclass(frozen=True, slots=True)
class Cover:
    """Of stays that begin from `benefits_from` to `last`."""

    first: date
    last: date
    benefits_from: date


@dataclass(frozen=True, slots=True)
class Membership:
    """`cover` is None until both parts of the premium are in."""

    contract_id: ContractId
    enrolment_id: EnrolmentId
    employer_id: EmployerId
    county: Federation
    pool: Federation
    continuous: bool
    cover: Cover | None = None


def covered(membership: Membership | None, pool: Federation, on: date) -> Membership:
    """The membership that covers a stay that begins on a day. Refused where none does."""
    if membership is None or membership.pool != pool:
        raise refusals.NOT_COVERED(on=on.isoformat())
    if (cover := membership.cover) is None:
        raise refusals.NOT_PAID_UP()
    if not cover.first <= on <= cover.last:
        raise refusals.NOT_COVERED(on=on.isoformat())
    if on < cover.benefits_from:
        last = date.fromordinal(cover.benefits_from.toordinal() - 1)
        raise refusals.IN_WAITING_TIME(last=last.isoformat(), on=on.isoformat())
    return membership


def evolve(state: Membership | None, event: MembershipEvent) -> Membership | None:
    match event, state:
        case MemberEnrolled(), _:
            return Membership(
                event.contract_id,
                event.enrolment_id,
                event.employer_id,
                event.county,
                event.pool,
                event.continuous,
            )
        case MemberReleased(enrolment_id=enrolment), Membership(enrolment_id=held, cover=None) if enrolment == held:
            return None
        case CoverageStarted(first=first, last=last, benefits_from=benefits_from), Membership():
            return replace(state, cover=Cover(first, last, benefits_from))
        case CoverageEnded(last=last), Membership(cover=Cover() as cover):
            return replace(state, cover=replace(cover, last=last))
        case _:
            return state


MEMBERSHIP: Final[Aggregate[Membership | None, MembershipEvent]] = Aggregate("membership", None, evolve)
