"""What the loan knows of the registry's members, as borrowers. It names nobody."""

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from services.loan.domain.facts import HeldTitle, MemberFacts
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.view import View, on
from shared.people import REGISTRY, in_force, with_given, without_withdrawn
from shared.runtime.read_models import ReadModels
from shared.schemas.ids import HouseholdId, MemberId, UnionId
from shared.schemas.registry import (
    ConsentGiven,
    ConsentPurpose,
    ConsentWithdrawn,
    HonourGranted,
    HonourRevoked,
    HouseholdJoined,
    HouseholdLeft,
    MemberErased,
    MemberMoved,
    MemberRegistered,
    MembershipEnded,
    TradeRecorded,
)

__all__ = ["BorrowerRow", "Borrowers", "MemoryOfBorrowers", "consents_to", "member_facts"]

REMEMBERED = 5_000
"""Borrowers that stay in memory."""


@dataclass(slots=True)
class BorrowerRow:
    """`titles` as their events have them, dates as ISO text; one that was revoked has its day."""

    member_id: MemberId
    federation: str
    union_id: UnionId
    household_id: HouseholdId
    skilled: bool = False
    titles: list[dict[str, Any]] = field(default_factory=list)
    consents: list[dict[str, Any]] = field(default_factory=list)
    ended: bool = False
    erased: bool = False


class Borrowers(View[BorrowerRow]):
    """Everybody whom the registry has, or had, as a member."""

    name, version, key = "borrowers", 1, ("member_id",)
    indexes = (("union_id",),)

    @on(MemberRegistered)
    def registered(self, rows: Rows[BorrowerRow], event: MemberRegistered, at: Recorded) -> None:
        rows.put(BorrowerRow(event.member_id, at.meta.federation, event.union_id, event.household_id))

    @on(MemberMoved)
    def moved(self, rows: Rows[BorrowerRow], event: MemberMoved, at: Recorded) -> None:
        row = rows.get(event.member_id)
        row.union_id, row.ended = event.union_id, False

    @on(MembershipEnded)
    def ended(self, rows: Rows[BorrowerRow], event: MembershipEnded, at: Recorded) -> None:
        rows.get(event.member_id).ended = True

    @on(TradeRecorded)
    def traded(self, rows: Rows[BorrowerRow], event: TradeRecorded, at: Recorded) -> None:
        rows.get(event.member_id).skilled = event.skilled

    @on(HouseholdJoined, HouseholdLeft)
    def housed(self, rows: Rows[BorrowerRow], event: HouseholdJoined | HouseholdLeft, at: Recorded) -> None:
        rows.get(event.member_id).household_id = event.household_id

    @on(HonourGranted)
    def honoured(self, rows: Rows[BorrowerRow], event: HonourGranted, at: Recorded) -> None:
        granted = event.model_dump(mode="json", include={"honour_id", "title", "on", "until"})
        row = rows.get(event.member_id)
        row.titles = [*row.titles, {**granted, "revoked_on": None}]

    @on(HonourRevoked)
    def dishonoured(self, rows: Rows[BorrowerRow], event: HonourRevoked, at: Recorded) -> None:
        row, revoked = rows.get(event.member_id), str(event.honour_id)
        row.titles = [
            {**title, "revoked_on": event.on.isoformat()} if title["honour_id"] == revoked else title
            for title in row.titles
        ]

    @on(ConsentGiven)
    def consented(self, rows: Rows[BorrowerRow], event: ConsentGiven, at: Recorded) -> None:
        if event.purpose is ConsentPurpose.SHARE_WITH_BANK:
            row = rows.get(event.member_id)
            row.consents = with_given(row.consents, event)

    @on(ConsentWithdrawn)
    def withdrawn(self, rows: Rows[BorrowerRow], event: ConsentWithdrawn, at: Recorded) -> None:
        row = rows.get(event.member_id)
        row.consents = without_withdrawn(row.consents, event)

    @on(MemberErased)
    def erased(self, rows: Rows[BorrowerRow], event: MemberErased, at: Recorded) -> None:
        row = rows.get(event.member_id)
        rows.put(replace(row, skilled=False, titles=[], consents=[], erased=True))


def member_facts(row: BorrowerRow, today: date) -> MemberFacts | None:
    """None for one who is no member now."""
    if row.ended or row.erased:
        return None
    return MemberFacts(
        member_id=row.member_id,
        union_id=row.union_id,
        household_id=row.household_id,
        skilled=row.skilled,
        titles=tuple(
            HeldTitle(
                title=title["title"],
                since=date.fromisoformat(title["on"]),
                until=_day(title["until"]),
                revoked_on=_day(title["revoked_on"]),
            )
            for title in row.titles
        ),
        shares_with=consents_to(row, today),
    )


def consents_to(row: BorrowerRow, today: date) -> frozenset[str]:
    """Codes of the banks that the member's consent to share with is in force for."""
    return frozenset(consent["to"] for consent in in_force(row.consents, today))


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


class MemoryOfBorrowers:
    """Rows of `Borrowers`, kept as long as the view stands where it stood when they were read."""

    def __init__(self) -> None:
        self._at = -1
        self._rows: dict[MemberId, BorrowerRow | None] = {}

    async def row(self, member_id: MemberId, read_models: ReadModels) -> BorrowerRow | None:
        at = read_models.others[REGISTRY].positions()[Borrowers.name]
        if at != self._at or len(self._rows) >= REMEMBERED:
            self._at, self._rows = at, {}
        rows = self._rows
        if member_id not in rows:
            rows[member_id] = await read_models.one(Borrowers, member_id)
        return rows[member_id]
