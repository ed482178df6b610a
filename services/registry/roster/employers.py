"""Which employer a row's member works for: by credit code, else by name among the union's own.

An employer that isn't registered is, and one that no union covers is admitted, where the union is a joint one.
"""

import asyncio
from typing import Final

from services.registry.refusals import CREDIT_CODE_TAKEN, EMPLOYER_COVERED, ONE_EMPLOYER_ONLY
from services.registry.roster.rows import ListedMember
from shared.runtime.calling import Caller
from shared.schemas.ids import EmployerId, derived_id
from shared.schemas.messages import Reason, Refused
from shared.schemas.registry import (
    AdmitEmployer,
    EmployerAnswer,
    FindEmployer,
    RegisterEmployer,
    ShowEmployer,
    UnionAnswer,
    UnionKind,
)

__all__ = ["Employers"]

EMPLOYER_MISSING = Reason("employer_missing", "会员名册", "没有填写单位和统一社会信用代码")
EMPLOYER_UNKNOWN = Reason("employer_unknown", "会员名册", "没有填写统一社会信用代码，本工会也没有叫这个名称的单位")
EMPLOYER_NAMELESS = Reason("employer_nameless", "会员名册", "单位还没有登记，须填写单位名称")

LOOKS: Final = 20
PAUSE: Final = 0.2


class Employers:
    """Of one union, for one import. What was found out once is remembered, refusals too."""

    def __init__(self, caller: Caller, union: UnionAnswer) -> None:
        self._caller, self._union = caller, union
        self._by_code: dict[str, asyncio.Task[EmployerId]] = {}
        self._by_name: asyncio.Task[dict[str, EmployerId | None]] | None = None

    async def of(self, listed: ListedMember) -> EmployerId:
        """Raises Refused, NoAnswer."""
        if listed.credit_code is not None:
            code = listed.credit_code.code
            found = self._by_code.get(code)
            if found is None:
                found = self._by_code[code] = asyncio.ensure_future(self._coded(code, listed.employer))
            return await asyncio.shield(found)
        if listed.employer is not None:
            if self._by_name is None:
                self._by_name = asyncio.ensure_future(self._named())
            named = (await asyncio.shield(self._by_name)).get(listed.employer)
            if named is None:
                raise EMPLOYER_UNKNOWN()
            return named
        if len(self._union.employer_ids) == 1:
            return self._union.employer_ids[0]
        raise EMPLOYER_MISSING()

    async def _named(self) -> dict[str, EmployerId | None]:
        """The union's employers by name; None where several go by it."""
        by_name: dict[str, EmployerId | None] = {}
        for employer_id in self._union.employer_ids:
            employer: EmployerAnswer = await self._caller.ask(ShowEmployer(employer_id=employer_id))
            by_name[employer.name] = None if employer.name in by_name else employer_id
        return by_name

    async def _coded(self, code: str, name: str | None) -> EmployerId:
        found = await self._find(code)
        if found is not None and found.union_id == self._union.union_id:
            return found.employer_id
        if self._union.kind is UnionKind.SINGLE:
            raise ONE_EMPLOYER_ONLY()
        if found is not None and found.union_id is not None:
            raise EMPLOYER_COVERED()
        employer_id = found.employer_id if found is not None else await self._register(code, name)
        await self._caller.send(AdmitEmployer(union_id=self._union.union_id, employer_id=employer_id), code)
        return employer_id

    async def _register(self, code: str, name: str | None) -> EmployerId:
        if name is None:
            raise EMPLOYER_NAMELESS()
        employer_id = EmployerId(derived_id(self._caller.id, f"employer {code}"))
        try:
            await self._caller.send(RegisterEmployer(employer_id=employer_id, name=name, credit_code=code), code)
        except Refused as refused:
            if refused.refusal.code != CREDIT_CODE_TAKEN.code:
                raise
            return await self._somebody_elses(code, refused)
        return employer_id

    async def _somebody_elses(self, code: str, refused: Refused) -> EmployerId:
        """Of an employer that was registered by others at this moment: as soon as it can be found."""
        for _ in range(LOOKS):
            if (found := await self._find(code)) is not None:
                return found.employer_id
            await asyncio.sleep(PAUSE)
        raise refused

    async def _find(self, code: str) -> EmployerAnswer | None:
        found: EmployerAnswer | None = await self._caller.ask(FindEmployer(credit_code=code))
        return found
