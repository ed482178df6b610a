"""What mutual aid knows of the registry: workers and who acts on their behalf, and employers. It names nobody."""

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from services.aid.domain.facts import Worker
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.view import View, on
from shared.people import in_force, with_given, without_withdrawn
from shared.runtime.read_models import ReadModels
from shared.schemas.ids import EmployerId, MemberId, UnionId
from shared.schemas.registry import (
    BankAccountRecorded,
    BankAccountRemoved,
    ConsentGiven,
    ConsentPurpose,
    ConsentWithdrawn,
    EmployerAdmitted,
    EmployerRegistered,
    EmployerReleased,
    EndOfMembership,
    MemberErased,
    MemberMoved,
    MemberRegistered,
    MembershipEnded,
    UnionDissolved,
    UnionEstablished,
)

__all__ = ["EmployerRow", "Employers", "WorkerRow", "Workers", "as_worker", "employers_of"]


@dataclass(slots=True)
class WorkerRow:
    """`agents` are the consents to act on the worker's behalf."""

    member_id: MemberId
    federation: str
    employer_id: EmployerId
    union_id: UnionId
    ended: bool = False
    deceased: bool = False
    agents: list[dict[str, Any]] = field(default_factory=list)
    account_position: int = 0
    """In the registry's stream, of the last change of the worker's bank account."""


class Workers(View[WorkerRow]):
    """Everybody whom the registry has, or had, as a member."""

    name, version, key = "workers", 2, ("member_id",)
    indexes = (("union_id",), ("employer_id",))

    @on(MemberRegistered)
    def registered(self, rows: Rows[WorkerRow], event: MemberRegistered, at: Recorded) -> None:
        rows.put(WorkerRow(event.member_id, at.meta.federation, event.employer_id, event.union_id))

    @on(MemberMoved)
    def moved(self, rows: Rows[WorkerRow], event: MemberMoved, at: Recorded) -> None:
        row = rows.get(event.member_id)
        row.employer_id, row.union_id = event.employer_id, event.union_id
        row.ended = row.deceased = False

    @on(MembershipEnded)
    def ended(self, rows: Rows[WorkerRow], event: MembershipEnded, at: Recorded) -> None:
        row = rows.get(event.member_id)
        row.ended, row.deceased = True, event.ground is EndOfMembership.DECEASED

    @on(ConsentGiven)
    def consented(self, rows: Rows[WorkerRow], event: ConsentGiven, at: Recorded) -> None:
        if event.purpose is ConsentPurpose.ACT_ON_BEHALF:
            row = rows.get(event.member_id)
            row.agents = with_given(row.agents, event)

    @on(ConsentWithdrawn)
    def withdrawn(self, rows: Rows[WorkerRow], event: ConsentWithdrawn, at: Recorded) -> None:
        row = rows.get(event.member_id)
        row.agents = without_withdrawn(row.agents, event)

    @on(BankAccountRecorded, BankAccountRemoved)
    def banked(self, rows: Rows[WorkerRow], event: BankAccountRecorded | BankAccountRemoved, at: Recorded) -> None:
        rows.get(event.member_id).account_position = at.position

    @on(MemberErased)
    def erased(self, rows: Rows[WorkerRow], event: MemberErased, at: Recorded) -> None:
        row = rows.get(event.member_id)
        row.ended, row.agents = True, []


def as_worker(row: WorkerRow, today: date) -> Worker:
    """With the consents in force on a day. A consent goes by its id: where it can be proved, the registry has."""
    return Worker(
        member_id=row.member_id,
        employer_id=row.employer_id,
        union_id=row.union_id,
        active=not row.ended,
        deceased=row.deceased,
        agents={given["to"]: given["consent_id"] for given in in_force(row.agents, today)},
    )


@dataclass(slots=True)
class EmployerRow:
    employer_id: EmployerId
    federation: str
    union_id: UnionId | None = None


class Employers(View[EmployerRow]):
    """Every employer, with the union that covers it."""

    name, version, key = "employers", 1, ("employer_id",)
    indexes = (("union_id",),)

    @on(EmployerRegistered)
    def registered(self, rows: Rows[EmployerRow], event: EmployerRegistered, at: Recorded) -> None:
        rows.put(EmployerRow(event.employer_id, event.federation))

    @on(UnionEstablished, by=lambda event: event.employer_ids)
    def established(self, rows: Rows[EmployerRow], event: UnionEstablished, at: Recorded) -> None:
        for employer_id in event.employer_ids:
            _of_union(rows, rows.get(employer_id), event.union_id)

    @on(EmployerAdmitted)
    def admitted(self, rows: Rows[EmployerRow], event: EmployerAdmitted, at: Recorded) -> None:
        _of_union(rows, rows.get(event.employer_id), event.union_id)

    @on(EmployerReleased)
    def released(self, rows: Rows[EmployerRow], event: EmployerReleased, at: Recorded) -> None:
        _of_union(rows, rows.get(event.employer_id), None)

    @on(UnionDissolved, where={"union_id": "union_id"})
    def dissolved(self, rows: Rows[EmployerRow], event: UnionDissolved, at: Recorded) -> None:
        for row in rows.where(union_id=event.union_id):
            _of_union(rows, row, None)


def _of_union(rows: Rows[EmployerRow], row: EmployerRow, union_id: UnionId | None) -> None:
    rows.put(replace(row, union_id=union_id))


async def employers_of(unions: frozenset[UnionId], read_models: ReadModels) -> frozenset[EmployerId]:
    """Those that these unions cover."""
    if not unions:
        return frozenset()
    return frozenset(row.employer_id for row in await read_models.some(Employers, "union_id = any($1)", list(unions)))
