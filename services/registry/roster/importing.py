"""Importing a roster: every good row becomes a member of the registry, every bad one is given back with its reason.

    outcomes = await import_roster(roster, today, caller, union_id, result=Path("结果.xlsx"))

A row is one command, which changes what the roster says otherwise than the registry, and nothing else: a roster
imported again, or after the import was broken off, changes only what is not so yet.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Final
from uuid import UUID

from services.registry.domain.member import first_household
from services.registry.refusals import MEMBER_ERASED, NAME_DIFFERS, NO_SUCH_UNION, NOT_YOURS, UNION_DISSOLVED
from services.registry.roster.columns import Column
from services.registry.roster.employers import Employers
from services.registry.roster.households import Lodging, lodgings
from services.registry.roster.reading import Roster
from services.registry.roster.result import Outcome, ResultWorkbook
from services.registry.roster.rows import ListedMember, Problem, RosterRow
from shared.runtime.calling import Caller, side_by_side
from shared.runtime.envelope import NOT_ALLOWED
from shared.schemas.ids import EmployerId, HouseholdId, MemberId, UnionId, new_id
from shared.schemas.messages import Reason, Refused
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    EnterRosterRow,
    FindMember,
    JoinHousehold,
    MemberAnswer,
    ShowMember,
    ShowUnion,
    UnionAnswer,
)

__all__ = ["Progress", "Stage", "import_roster"]

UNION_DIFFERS = Reason("union_differs", "会员名册", "所属工会与导入到的“{name}”不同，请核对")
HEAD_UNKNOWN = Reason("head_unknown", "会员名册", "户主没有登记，未合并为一户")

SEEN_AT: Final[Mapping[str, Column]] = {
    NAME_DIFFERS.code: Column.NAME,
    MEMBER_ERASED.code: Column.ID_NUMBER,
}
"""The column in which a refusal of the registry's is seen."""

OF_EVERY_ROW: Final = frozenset({NOT_ALLOWED.code, NOT_YOURS.code, NO_SUCH_UNION.code, UNION_DISSOLVED.code})
"""Refusals that no row could escape: they end the import."""


class Stage(StrEnum):
    ENTERING = "登记会员"
    HOUSEHOLDS = "合并家庭"
    WRITING = "写结果"


type Progress = Callable[[Stage, int, int], None]
"""Called with the stage, and with how many rows or members are done, of how many at most."""


@dataclass(slots=True)
class Entry:
    """A row, and what came of it."""

    row: RosterRow
    outcome: Outcome = Outcome.REFUSED
    problems: tuple[Problem, ...] = ()
    """Those of the import, beside the row's own."""
    warnings: list[Problem] = field(default_factory=list)
    member_id: MemberId | None = None
    household_id: HouseholdId | None = None
    """Of somebody new."""
    ended: bool = False


async def import_roster(
    roster: Roster,
    today: date,
    caller: Caller,
    union_id: UnionId,
    result: Path | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> Counter[Outcome]:
    """What came of the rows of a roster of one union, by outcome. With `result`, a workbook that says it row by row.

    `today` is a date in China. Raises Refused where there is no such union, or the caller may not act for it;
    NoAnswer where the registry is away: what went in stays, and the import may be done again.
    """
    union: UnionAnswer = await caller.ask(ShowUnion(union_id=union_id))
    if union.dissolved_on is not None:
        raise UNION_DISSOLVED()
    importing = _Import(caller, union, progress)
    entries = await importing.enter(roster, today)
    await importing.house([entry for entry in entries if entry.member_id is not None])
    if result is not None:
        _write(result, roster, entries, progress)
    return Counter(entry.outcome for entry in entries)


class _Import:
    def __init__(self, caller: Caller, union: UnionAnswer, progress: Progress) -> None:
        self._caller, self._union, self._progress = caller, union, progress
        self._employers = Employers(caller, union)
        self._begun: dict[str, Entry] = {}
        """By identity number."""
        self._firsts: dict[str, str] = {}
        """The first identity number of each numbered household."""
        self._awaited: dict[str, asyncio.Event] = {}

    async def enter(self, roster: Roster, today: date) -> list[Entry]:
        """All rows, in their order; those that can be are entered."""
        entries: list[Entry] = []
        done = 0

        async def work(row: RosterRow) -> None:
            nonlocal done
            entries.append(entry := Entry(row))
            if row.member is not None:
                await self._enter(entry, row.member)
            done += 1
            self._progress(Stage.ENTERING, done, roster.size)

        await side_by_side(roster.rows(today), work)
        self._progress(Stage.ENTERING, len(entries), len(entries))
        return entries

    async def _enter(self, entry: Entry, listed: ListedMember) -> None:
        own = listed.id_number.number
        self._begun[own] = entry
        head = self._named(listed)
        try:
            await self._entered(entry, listed, None if head is None else await self._new_home(head))
        finally:
            entry.ended = True
            if (awaited := self._awaited.pop(own, None)) is not None:
                awaited.set()

    async def _entered(self, entry: Entry, listed: ListedMember, home: HouseholdId | None) -> None:
        if listed.union is not None and listed.union != self._union.name:
            entry.warnings.append(Problem.of(Column.UNION, UNION_DIFFERS(name=self._union.name)))
        column: Column | None = Column.CREDIT_CODE
        try:
            employer_id = await self._employers.of(listed)
            command, column = self._command(listed, employer_id, home), None
            accepted = await self._caller.send(command, f"{entry.row.sheet} {entry.row.number}")
        except Refused as refused:
            if refused.refusal.code in OF_EVERY_ROW:
                raise
            entry.problems = (Problem.of(SEEN_AT.get(refused.refusal.code, column), refused),)
            return
        entry.member_id = MemberId(UUID(accepted.stream.removeprefix("member-")))
        if entry.member_id == command.member_id:
            entry.household_id, entry.outcome = command.household_id, Outcome.IMPORTED
        else:
            entry.outcome = Outcome.UPDATED if accepted.changed else Outcome.UNCHANGED

    def _named(self, listed: ListedMember) -> str | None:
        """The head of a household, where the row names one in a row before it."""
        head = listed.head_id_number
        if listed.household is not None:
            first = self._firsts.setdefault(listed.household, listed.id_number.number)
            head = head or first
        return head if head in self._begun and head != listed.id_number.number else None

    async def _new_home(self, head: str) -> HouseholdId | None:
        """Where a head lives whose row came before, once it is in; None where they were in before the import. Who
        lives with anybody else is seen to at the end."""
        entry = self._begun[head]
        if not entry.ended:
            await self._awaited.setdefault(head, asyncio.Event()).wait()
        return entry.household_id

    def _command(self, listed: ListedMember, employer_id: EmployerId, home: HouseholdId | None) -> EnterRosterRow:
        member_id = MemberId(new_id())
        return EnterRosterRow(
            member_id=member_id,
            household_id=home or first_household(member_id),
            union_id=self._union.union_id,
            employer_id=employer_id,
            name=Personal(listed.name),
            id_number=Personal(listed.id_number.number),
            phone=_personal(listed.phone),
            email=_personal(listed.email),
            post=listed.post,
            trade=listed.trade,
            skill_level=listed.skill_level,
            skilled=listed.skilled,
            joined_on=listed.joined_on,
            account=_personal(listed.account),
            bank=_personal(listed.bank),
        )

    async def house(self, entries: list[Entry]) -> None:
        """Take those who live with others into their households."""
        by_number = {entry.row.member.id_number.number: entry for entry in entries if entry.row.member is not None}
        lodging = lodgings(entry.row.member for entry in entries if entry.row.member is not None)
        homes: dict[str, HouseholdId | None] = {}

        async def look(head: str) -> None:
            homes[head] = await self._home(head, by_number.get(head))

        await side_by_side({one.head for one in lodging}, look)
        done = 0

        async def work(one: Lodging) -> None:
            nonlocal done
            await self._join(by_number[one.id_number], homes[one.head])
            done += 1
            self._progress(Stage.HOUSEHOLDS, done, len(lodging))

        await side_by_side(lodging, work)

    async def _home(self, head: str, entry: Entry | None) -> HouseholdId | None:
        """Where the head of a household lives; None where nobody has that number."""
        if entry is None:
            found: MemberAnswer | None = await self._caller.ask(FindMember(id_number=Personal(head)))
            return None if found is None else found.household_id
        if entry.household_id is not None:
            return entry.household_id
        assert entry.member_id is not None
        shown: MemberAnswer = await self._caller.ask(ShowMember(member_id=entry.member_id))
        return shown.household_id

    async def _join(self, entry: Entry, household_id: HouseholdId | None) -> None:
        """A household that can't be joined is a warning: the member is in."""
        assert entry.member_id is not None
        if household_id is not None and entry.household_id == household_id:
            return
        try:
            if household_id is None:
                raise HEAD_UNKNOWN()
            command = JoinHousehold(member_id=entry.member_id, household_id=household_id)
            accepted = await self._caller.send(command, str(entry.member_id))
        except Refused as refused:
            entry.warnings.append(Problem.of(Column.HEAD_ID_NUMBER, refused))
        else:
            if accepted.changed and entry.outcome is Outcome.UNCHANGED:
                entry.outcome = Outcome.UPDATED


def _write(path: Path, roster: Roster, entries: list[Entry], progress: Progress) -> None:
    with ResultWorkbook(path, roster) as workbook:
        for done, entry in enumerate(entries, 1):
            row = entry.row
            if entry.warnings:
                row = replace(row, warnings=(*row.warnings, *entry.warnings))
            workbook.write(row, entry.outcome, entry.problems)
            progress(Stage.WRITING, done, len(entries))


def _personal(value: str | None) -> Personal[str] | None:
    return None if value is None else Personal(value)
