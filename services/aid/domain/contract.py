"""An employer's enrolment for a period: batches of workers, each with two parts to be paid."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final

from shared.eventsourcing.decider import Aggregate
from shared.schemas.aid import (
    ContractEvent,
    EmployerPremiumReceived,
    EnrolmentEnded,
    EnrolmentId,
    EnrolmentSubmitted,
    WorkerPremiumReceived,
)
from shared.schemas.ids import MemberId
from shared.schemas.messages import Federation
from shared.schemas.money import Fen

__all__ = ["CONTRACT", "Contract", "Enrolment", "Part", "evolve"]


@dataclass(frozen=True, slots=True)
class Part:
    """The employer's or the workers' part of a premium, and the day it came in."""

    due: Fen
    paid_on: date | None = None

    @property
    def is_in(self) -> bool:
        return self.due == 0 or self.paid_on is not None


@dataclass(frozen=True, slots=True)
class Enrolment:
    county: Federation
    pool: Federation
    scheme: str
    members: tuple[MemberId, ...]
    employer: Part
    worker: Part
    pay_by: datetime
    ended: bool = False

    @property
    def paid_up_on(self) -> date | None:
        """The day the later part came in; None before."""
        days = [part.paid_on for part in (self.employer, self.worker) if part.paid_on is not None]
        return max(days) if self.employer.is_in and self.worker.is_in else None

    @property
    def untouched(self) -> bool:
        """Nothing was paid."""
        return self.employer.paid_on is None and self.worker.paid_on is None


@dataclass(frozen=True, slots=True)
class Contract:
    enrolments: Mapping[EnrolmentId, Enrolment] = field(default_factory=dict)
    employer_part: Fen | None = None
    """Of the fee a head, as the first enrolment that stands agreed it."""

    @property
    def covered(self) -> tuple[MemberId, ...]:
        """Everybody in an enrolment that is paid up."""
        return tuple(
            member
            for enrolment in self.enrolments.values()
            if enrolment.paid_up_on is not None
            for member in enrolment.members
        )


def evolve(state: Contract, event: ContractEvent) -> Contract:
    match event:
        case EnrolmentSubmitted():
            enrolment = Enrolment(
                event.county,
                event.pool,
                event.scheme,
                event.members,
                Part(event.employer_due),
                Part(event.worker_due),
                event.pay_by,
            )
            return Contract({**state.enrolments, event.enrolment_id: enrolment}, event.employer_part)
        case EmployerPremiumReceived(enrolment_id=key, on=on) if key in state.enrolments:
            enrolment = state.enrolments[key]
            return _with(state, key, replace(enrolment, employer=replace(enrolment.employer, paid_on=on)))
        case WorkerPremiumReceived(enrolment_id=key, on=on) if key in state.enrolments:
            enrolment = state.enrolments[key]
            return _with(state, key, replace(enrolment, worker=replace(enrolment.worker, paid_on=on)))
        case EnrolmentEnded(enrolment_id=key) if key in state.enrolments:
            left = _with(state, key, replace(state.enrolments[key], ended=True))
            stands = any(not enrolment.ended for enrolment in left.enrolments.values())
            return left if stands else replace(left, employer_part=None)
        case _:
            return state


def _with(state: Contract, key: EnrolmentId, enrolment: Enrolment) -> Contract:
    return replace(state, enrolments={**state.enrolments, key: enrolment})


CONTRACT: Final[Aggregate[Contract, ContractEvent]] = Aggregate("contract", Contract(), evolve)
