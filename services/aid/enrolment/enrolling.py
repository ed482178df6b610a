"""Enrolling rosters, of one employer or of a whole county: who is listed is found in the registry, and each employer's
workers are enrolled by one command, or by several where there are more than it takes.

    enrolled = await enrol(lines, period, registry, aid)

The same lines again change nothing: whoever is enrolled is left as they are. An enrolment that was broken off is done
again, under callers of their own.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import batched
from typing import Any, Final

from services.aid import refusals
from services.aid.enrolment import reasons
from shared.runtime.calling import Caller, side_by_side
from shared.runtime.envelope import NOT_ALLOWED
from shared.schemas.aid import (
    EnrolmentId,
    EnrolmentLinesAnswer,
    LeftOut,
    LeftOutReason,
    PeriodStart,
    ShowEnrolmentLines,
    SubmitEnrolment,
)
from shared.schemas.ids import EmployerId, MemberId, derived_id
from shared.schemas.messages import Refusal, Refused
from shared.schemas.money import Fen
from shared.schemas.personal import Personal
from shared.schemas.registry import EmployerAnswer, FindEmployer, FindMembers, FoundMember, SoughtMember

__all__ = ["Enrolled", "Entry", "Line", "Outcome", "Premiums", "Stage", "enrol"]

SOUGHT: Final = 500
"""Lines that the registry looks up at once."""
SUBMITTED: Final = 5000
"""Workers that one command takes."""
AT_ONCE: Final = 6
"""Of such calls, each as large as hundreds of others."""
HEARING: Final = 15.0
"""Seconds in which mutual aid hears of whom the registry has just taken in."""
PAUSE: Final = 0.3

OF_EVERY_LINE: Final = frozenset(
    {NOT_ALLOWED.code, refusals.NOT_A_PERIOD.code, refusals.PERIOD_OVER.code, refusals.ABOVE_FEE.code}
)
"""Refusals that no line could escape: they end it all."""


class Stage(StrEnum):
    FINDING = "核对会员"
    SUBMITTING = "提交参保"


class Outcome(StrEnum):
    """What came of a line (结果)."""

    ENROLLED = "已参保"
    UNCHANGED = "无变化"
    LEFT_OUT = "未参保"


@dataclass(frozen=True, slots=True)
class Line:
    """A line that could be read."""

    place: str
    """Where it stands, for people: 第3行."""
    name: Personal[str]
    id_number: Personal[str]
    employer: str
    """Its unified social credit code."""


@dataclass(slots=True)
class Entry:
    """A line, and what came of it."""

    line: Line
    outcome: Outcome = Outcome.LEFT_OUT
    refusal: Refusal | None = None
    """Why it was left out."""
    doubt: Refusal | None = None
    """What somebody should look at, although it was enrolled."""
    member_id: MemberId | None = None


@dataclass(frozen=True, slots=True)
class Premiums:
    """An enrolment that was accepted, and the two parts that are due of it."""

    employer: str
    """Its unified social credit code."""
    employer_id: EmployerId
    enrolment_id: EnrolmentId
    members: int
    employer_due: Fen
    worker_due: Fen


@dataclass(frozen=True, slots=True)
class Enrolled:
    entries: list[Entry]
    """In the order of the lines."""
    premiums: list[Premiums]
    """By employer."""


type Progress = Callable[[Stage, int, int], None]
"""Called with the stage, and with how many lines are through, of how many."""


async def enrol(
    lines: Sequence[Line],
    period: PeriodStart,
    registry: Caller,
    aid: Caller,
    employer_part: Fen | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> Enrolled:
    """Raises Refused for what no line could escape; NoAnswer where a service is away: what is enrolled stays.

    `employer_part` is of the fee of each; where it isn't said, the contract's so far, or the scheme's.
    """
    entries = [Entry(line) for line in lines]
    employers = await _employers({line.employer for line in lines}, registry)
    await _find(entries, employers, registry, progress)
    enrolling = _Enrolling(aid, period, employer_part, progress, sum(1 for one in entries if one.refusal is None))
    await side_by_side(_by_employer(entries, employers), enrolling.employer, AT_ONCE)
    return Enrolled(entries, sorted(enrolling.premiums, key=lambda one: one.employer))


async def _employers(codes: set[str], registry: Caller) -> dict[str, EmployerAnswer | None]:
    found: dict[str, EmployerAnswer | None] = {}

    async def find(code: str) -> None:
        found[code] = await registry.ask(FindEmployer(credit_code=code))

    await side_by_side(sorted(codes), find)
    return found


async def _find(
    entries: Sequence[Entry], employers: Mapping[str, EmployerAnswer | None], registry: Caller, progress: Progress
) -> None:
    done = 0
    first: dict[MemberId, Entry] = {}

    async def find(some: Sequence[Entry]) -> None:
        nonlocal done
        sought = tuple(SoughtMember(name=one.line.name, id_number=one.line.id_number) for one in some)
        for entry, found in zip(some, await registry.ask(FindMembers(sought=sought)), strict=True):
            _identify(entry, found, employers[entry.line.employer])
        done += len(some)
        progress(Stage.FINDING, done, len(entries))

    await side_by_side(batched(entries, SOUGHT), find, AT_ONCE)
    for entry in sorted(entries, key=lambda one: one.doubt is not None):  # first by whom the registry has them at
        if entry.member_id is not None and (earlier := first.setdefault(entry.member_id, entry)) is not entry:
            entry.refusal = reasons.REPEATED(place=earlier.line.place).refusal


def _identify(entry: Entry, found: FoundMember | None, employer: EmployerAnswer | None) -> None:
    refused: Refused | None = None
    if employer is None:
        refused = reasons.EMPLOYER_UNKNOWN()
    elif found is None:
        refused = reasons.NOT_REGISTERED()
    elif not found.same_name:
        refused = reasons.NAME_DIFFERS()
    elif not found.active:
        refused = reasons.MEMBERSHIP_ENDED()
    else:
        entry.member_id = found.member_id
        if found.employer_id != employer.employer_id:
            entry.doubt = reasons.WORKS_ELSEWHERE().refusal
    entry.refusal = None if refused is None else refused.refusal


def _by_employer(
    entries: Sequence[Entry], employers: Mapping[str, EmployerAnswer | None]
) -> Iterator[tuple[EmployerId, list[Entry]]]:
    by_code: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.refusal is None:
            by_code.setdefault(entry.line.employer, []).append(entry)
    for code, some in by_code.items():
        employer = employers[code]
        assert employer is not None
        yield employer.employer_id, some


@dataclass(slots=True)
class _Enrolling:
    aid: Caller
    period: PeriodStart
    employer_part: Fen | None
    progress: Progress
    total: int
    premiums: list[Premiums] = field(default_factory=list)
    _done: int = 0

    async def employer(self, one: tuple[EmployerId, list[Entry]]) -> None:
        employer_id, entries = one
        for number, some in enumerate(batched(entries, SUBMITTED)):
            await self._submitted(employer_id, number, some)
            self._done += len(some)
            self.progress(Stage.SUBMITTING, self._done, self.total)

    async def _submitted(self, employer_id: EmployerId, number: int, entries: Sequence[Entry]) -> None:
        """Whom the registry knows and mutual aid does not yet are submitted again, until it has heard of them."""
        waiting = {one.member_id: one for one in entries if one.member_id is not None}
        deadline, attempt = time.monotonic() + HEARING, 0
        while waiting:
            left_out = await self._attempt(employer_id, f"{employer_id} {number} {attempt}", waiting)
            waiting = {key: entry for key, entry in waiting.items() if left_out.get(key) is LeftOutReason.NOT_A_MEMBER}
            if not waiting or time.monotonic() > deadline:
                return
            attempt += 1
            await asyncio.sleep(PAUSE)

    async def _attempt(
        self, employer_id: EmployerId, name: str, entries: Mapping[MemberId, Entry]
    ) -> dict[MemberId, LeftOutReason]:
        """Submit them, and say of each what came of it; who was left out, and why."""
        command = SubmitEnrolment(
            employer_id=employer_id,
            period=self.period,
            enrolment_id=EnrolmentId(derived_id(self.aid.id, f"enrolment {name}")),
            members=tuple(entries),
            employer_part=self.employer_part,
        )
        try:
            await self.aid.send(command, name)
        except Refused as refused:
            if refused.refusal.code in OF_EVERY_LINE:
                raise
            if refused.refusal.code != refusals.NOBODY_TO_ENROL.code:
                for entry in entries.values():
                    entry.refusal = refused.refusal
                return {}
            left_out = _left_out(refused.refusal.details)
        else:
            left_out = await self._accepted(command, next(iter(entries.values())).line.employer)
        for member, entry in entries.items():
            _conclude(entry, left_out.get(member))
        return left_out

    async def _accepted(self, command: SubmitEnrolment, employer: str) -> dict[MemberId, LeftOutReason]:
        shown = await self._shown(command)
        self.premiums.append(
            Premiums(
                employer,
                command.employer_id,
                shown.enrolment_id,
                len(shown.members),
                shown.employer_due,
                shown.worker_due,
            )
        )
        return {line.member_id: line.reason for line in shown.left_out}

    async def _shown(self, command: SubmitEnrolment) -> EnrolmentLinesAnswer:
        """It stands in the log: no read model needs to have seen it."""
        query = ShowEnrolmentLines(
            employer_id=command.employer_id, period=command.period, enrolment_id=command.enrolment_id
        )
        asking, deadline = replace(self.aid, position=0), time.monotonic() + HEARING
        while True:
            try:
                shown: EnrolmentLinesAnswer = await asking.ask(query)
            except Refused as refused:
                if refused.refusal.code != refusals.UNKNOWN_EMPLOYER.code or time.monotonic() > deadline:
                    raise
            else:
                return shown
            await asyncio.sleep(PAUSE)


def _left_out(details: Mapping[str, Any]) -> dict[MemberId, LeftOutReason]:
    lines = [LeftOut.model_validate(line) for line in details["left_out"]]
    return {line.member_id: line.reason for line in lines}


def _conclude(entry: Entry, left_out: LeftOutReason | None) -> None:
    match left_out:
        case None:
            entry.outcome, entry.refusal = Outcome.ENROLLED, None
        case LeftOutReason.ENROLLED_HERE:
            entry.outcome, entry.refusal = Outcome.UNCHANGED, None
        case reason:
            entry.refusal = reasons.LEFT_OUT[reason]().refusal
