"""Who plays the story of the shared helmets: a district federation and fifty enterprises, each with its union, a chair
and its workers. All are made up."""

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Final

from deploy.local.demo.people import OPERATOR, Employer, Person
from deploy.local.demo.stage import Stage
from shared.schemas.ids import UnionId, new_id
from shared.schemas.lending import OpenPoint, PointId
from shared.schemas.messages import Accepted, Role
from shared.schemas.registry import (
    AppointFederationContact,
    AppointUnionContact,
    EstablishUnion,
    RegisterFederation,
)
from shared.schemas.registry.values import FederationLevel, UnionKind, UnionPost

__all__ = ["ENTERPRISES", "JIANGBEI", "District", "Works", "all_of", "district", "enter_district"]

JIANGBEI: Final = "330205"
ENTERPRISES: Final = 50
AT_ONCE: Final = 24
SURNAMES: Final = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨"


@dataclass(frozen=True, slots=True)
class Works:
    """An enterprise, its union, and its stock point."""

    number: int
    employer: Employer
    union_id: UnionId
    point_id: PointId
    chair: Person
    workers: tuple[Person, ...]

    @property
    def name(self) -> str:
        return self.employer.name


@dataclass(frozen=True, slots=True)
class District:
    officer: Person
    works: tuple[Works, ...]


def district(workers_of: Iterable[int]) -> District:
    """With so many workers at each enterprise."""
    numbers = count(1)

    def person(post: str) -> Person:
        number = next(numbers)
        return Person(f"{SURNAMES[number % len(SURNAMES)]}师傅", "19850615", post, number=number)

    officer = person("职工服务中心")
    works = [
        Works(
            number,
            Employer(f"江北示例{number + 1:02d}厂", 100 + number),
            UnionId(new_id()),
            PointId(new_id()),
            person("工会主席"),
            tuple(person("操作工") for _ in range(workers)),
        )
        for number, workers in enumerate(workers_of)
    ]
    return District(officer, tuple(works))


async def all_of[T](calls: Iterable[Awaitable[T]]) -> list[T]:
    """Side by side, some at a time."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(call: Awaitable[T]) -> T:
        async with room:
            return await call

    return list(await asyncio.gather(*(one(call) for call in calls)))


async def enter_district(stage: Stage, here: District) -> None:
    """Enter everybody in the registry, and open a stock point at each enterprise."""
    federation = RegisterFederation(code=JIANGBEI, name="江北区总工会", level=FederationLevel.COUNTY)
    await stage.act("registry", OPERATOR, federation)
    await all_of(_enter_works(stage, here, works) for works in here.works)
    await _enter(stage, here, here.works[0], here.officer)
    contact = AppointFederationContact(code=JIANGBEI, member_id=here.officer.member_id)
    await stage.act("registry", here.officer.acting(Role.OFFICER), contact)


async def _enter_works(stage: Stage, here: District, works: Works) -> None:
    officer = here.officer.acting(Role.OFFICER)
    await stage.act("registry", officer, works.employer.registration)
    union = EstablishUnion(
        union_id=works.union_id,
        name=f"{works.name}工会",
        kind=UnionKind.SINGLE,
        employer_ids=(works.employer.employer_id,),
    )
    await stage.act("registry", officer, union)
    for person in (works.chair, *works.workers):
        await _enter(stage, here, works, person)
    chair = AppointUnionContact(union_id=works.union_id, member_id=works.chair.member_id, post=UnionPost.CHAIR)
    await stage.act("registry", officer, chair)
    point = OpenPoint(point_id=works.point_id, name=works.name, union_id=works.union_id)
    await stage.act("lending", officer, point)


async def _enter(stage: Stage, here: District, works: Works, person: Person) -> Accepted:
    registered = person.registration(works.union_id, works.employer.employer_id)
    return await stage.act("registry", here.officer.acting(Role.OFFICER), registered)
