"""What the loan knows of the registry: its members as borrowers, and who acts for which union. It names nobody.

Ids, unions, households, trade, titles and consents stand in clear in the registry's events; what names or reaches a
person is sealed in them, and is not looked at here.
"""

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from services.loan.domain.facts import HeldTitle, MemberFacts
from shared.eventsourcing.codec import Codec
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Rows
from shared.eventsourcing.view import View, on
from shared.runtime.read_models import ReadModels
from shared.schemas import registry
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
    UnionContactAppointed,
    UnionContactRelieved,
    UnionDissolved,
)

__all__ = [
    "REGISTRY",
    "REGISTRY_CODEC",
    "BorrowerRow",
    "Borrowers",
    "CadreRow",
    "Cadres",
    "MemoryOfBorrowers",
    "consents_to",
    "member_facts",
    "unions_of",
]

REGISTRY = "registry"
REGISTRY_CODEC = Codec.of(registry)

REMEMBERED = 5_000
"""Borrowers that stay in memory."""


@dataclass(slots=True)
class BorrowerRow:
    """`titles` and `consents` as their events have them, dates as ISO text; a title that was revoked has its day."""

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
            row.consents = [*row.consents, event.model_dump(mode="json", include={"consent_id", "to", "on", "until"})]

    @on(ConsentWithdrawn)
    def withdrawn(self, rows: Rows[BorrowerRow], event: ConsentWithdrawn, at: Recorded) -> None:
        row = rows.get(event.member_id)
        row.consents = [consent for consent in row.consents if consent["consent_id"] != str(event.consent_id)]

    @on(MemberErased)
    def erased(self, rows: Rows[BorrowerRow], event: MemberErased, at: Recorded) -> None:
        row = rows.get(event.member_id)
        rows.put(replace(row, skilled=False, titles=[], consents=[], erased=True))


@dataclass(slots=True)
class CadreRow:
    union_id: UnionId
    member_id: MemberId


class Cadres(View[CadreRow]):
    """Who acts for a union: its chair, vice-chairs and cadres."""

    name, version, key = "cadres", 1, ("union_id", "member_id")
    indexes = (("member_id",),)

    @on(UnionContactAppointed)
    def appointed(self, rows: Rows[CadreRow], event: UnionContactAppointed, at: Recorded) -> None:
        rows.put(CadreRow(event.union_id, event.member_id))

    @on(UnionContactRelieved)
    def relieved(self, rows: Rows[CadreRow], event: UnionContactRelieved, at: Recorded) -> None:
        rows.remove(event.union_id, event.member_id)

    @on(UnionDissolved, where={"union_id": "union_id"})
    def dissolved(self, rows: Rows[CadreRow], event: UnionDissolved, at: Recorded) -> None:
        for row in rows.where(union_id=event.union_id):
            rows.remove(row.union_id, row.member_id)


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
    return frozenset(
        consent["to"]
        for consent in row.consents
        if consent["on"] <= today.isoformat() <= (consent["until"] or today.isoformat())
    )


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


async def unions_of(member_id: MemberId, read_models: ReadModels) -> frozenset[UnionId]:
    """The unions that a member acts for."""
    return frozenset(row.union_id for row in await read_models.some(Cadres, "member_id = $1", member_id))


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
