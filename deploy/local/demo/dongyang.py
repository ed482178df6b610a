"""Who plays the story of mutual aid: Dongyang's federation, two enterprises with a union each, their workers, and the
people at the service centre. All are made up."""

from dataclasses import dataclass, fields
from typing import Final

from deploy.local.demo.people import OPERATOR, Employer, Person
from deploy.local.demo.stage import Stage
from shared.schemas.ids import MemberId, UnionId, new_id
from shared.schemas.messages import Actor, Role
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    AppointFederationContact,
    AppointUnionContact,
    EstablishUnion,
    RecordBankAccount,
    RegisterFederation,
)
from shared.schemas.registry.values import FederationLevel, UnionKind, UnionPost

__all__ = ["CLERK", "DONGYANG", "HEAD", "HOSPITAL", "REVIEWER", "County", "county", "enter_county"]

DONGYANG: Final = "330783"
HOSPITAL: Final = Actor(role=Role.HOSPITAL, id="dyrmyy")
CLERK, REVIEWER, HEAD = (Actor(role=Role.OFFICER, id=id) for id in ("jinbanren", "fuheren", "shenpiren"))  # noqa: A001
"""经办人, 复核人, 审批人."""
BANK: Final = "示例银行东阳支行"


@dataclass(frozen=True, slots=True)
class County:
    """`chair` acts for the union; the rest fall ill."""

    employer: Employer
    union_id: UnionId
    officer: Person
    chair: Person
    cirrhosis: Person
    discharged: Person
    bedridden: Person
    forgetful: Person
    careless: Person
    twice_ill: Person
    moved_bank: Person
    cancelled: Person
    over_midsummer: Person
    late: Person

    @property
    def people(self) -> tuple[Person, ...]:
        every = (getattr(self, one.name) for one in fields(self))
        return tuple(one for one in every if isinstance(one, Person))

    @property
    def members(self) -> tuple[MemberId, ...]:
        return tuple(person.member_id for person in self.people)


def county() -> County:
    return County(
        employer=Employer("东阳示例磁业有限公司", 301),
        union_id=UnionId(new_id()),
        officer=Person("许静", "19790909", "职工服务中心", number=301),
        chair=Person("蔡秀英", "19700412", "工会主席", number=302),
        cirrhosis=Person("王建军", "19680203", "压制工", number=311),
        discharged=Person("张红", "19850617", "质检员", number=312),
        bedridden=Person("楼国强", "19720830", "烧结工", number=313),
        forgetful=Person("陈丽", "19910121", "包装工", number=314),
        careless=Person("吴刚", "19880726", "叉车工", number=315),
        twice_ill=Person("何明", "19660505", "机修工", number=316),
        moved_bank=Person("金霞", "19830314", "会计", number=317),
        cancelled=Person("卢伟", "19900916", "磨床工", number=318),
        over_midsummer=Person("杜娟", "19761111", "仓管员", number=319),
        late=Person("徐勇", "19630228", "电工", number=320),
    )


async def enter_county(stage: Stage, here: County) -> None:
    """The federation, the enterprise's union and its workers, each with a bank account."""
    officer = here.officer.acting(Role.OFFICER)
    federation = RegisterFederation(code=DONGYANG, name="东阳市总工会", level=FederationLevel.COUNTY)
    await stage.act("registry", OPERATOR, federation)
    await stage.act("registry", officer, here.employer.registration)
    union = EstablishUnion(
        union_id=here.union_id,
        name=f"{here.employer.name}工会",
        kind=UnionKind.SINGLE,
        employer_ids=(here.employer.employer_id,),
    )
    await stage.act("registry", officer, union)
    for person in here.people:
        await _enter(stage, here, person)
    chair = AppointUnionContact(union_id=here.union_id, member_id=here.chair.member_id, post=UnionPost.CHAIR)
    await stage.act("registry", officer, chair)
    contact = AppointFederationContact(code=DONGYANG, member_id=here.officer.member_id)
    await stage.act("registry", officer, contact)


async def _enter(stage: Stage, here: County, person: Person) -> None:
    officer = here.officer.acting(Role.OFFICER)
    await stage.act("registry", officer, person.registration(here.union_id, here.employer.employer_id))
    account = RecordBankAccount(
        member_id=person.member_id, account=Personal(f"622848000000{person.number:07d}"), bank=Personal(BANK)
    )
    await stage.act("registry", person.acting(), account)
