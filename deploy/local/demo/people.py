"""Who plays: a district federation, a union of two employers, and its members. All are made up; numbers keep their
standards' check characters."""

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from stdnum.cn import ric, uscc

from shared.schemas.ids import EmployerId, HouseholdId, MemberId, UnionId, new_id
from shared.schemas.messages import Actor, Role
from shared.schemas.personal import Personal
from shared.schemas.registry import RegisterEmployer, RegisterMember
from shared.schemas.registry.values import HonourLevel

__all__ = ["BANK", "FEDERATION", "OPERATOR", "Cast", "Person", "cast"]

FEDERATION: Final = "330503"
BANK: Final = Actor(role=Role.BANK, id="nxbank")
OPERATOR: Final = Actor(role=Role.OPERATOR, id="demo")


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    born: str
    post: str
    skilled: bool = False
    titles: tuple[tuple[str, HonourLevel], ...] = ()
    number: int = 0
    member_id: MemberId = field(default_factory=lambda: MemberId(new_id()))
    household_id: HouseholdId = field(default_factory=lambda: HouseholdId(new_id()))

    @property
    def id_number(self) -> str:
        body = f"330503{self.born}{self.number:03d}"
        return body + ric.calc_check_digit(body + "0")

    @property
    def phone(self) -> str:
        return f"1380000{self.number:04d}"

    @property
    def email(self) -> str:
        return f"member{self.number}@example.org"

    def registration(self, union_id: UnionId, employer_id: EmployerId) -> RegisterMember:
        return RegisterMember(
            member_id=self.member_id,
            household_id=self.household_id,
            union_id=union_id,
            employer_id=employer_id,
            name=Personal(self.name),
            id_number=Personal(self.id_number),
            phone=Personal(self.phone),
            email=Personal(self.email),
            post=self.post,
            skilled=self.skilled,
        )

    def acting(self, role: Role = Role.MEMBER) -> Actor:
        return Actor(role=role, id=str(self.member_id))


@dataclass(frozen=True, slots=True)
class Employer:
    name: str
    number: int
    employer_id: EmployerId = field(default_factory=lambda: EmployerId(new_id()))

    @property
    def credit_code(self) -> str:
        body = f"91330503MA2D{self.number:05d}"
        return body + uscc.calc_check_digit(body)

    @property
    def registration(self) -> RegisterEmployer:
        return RegisterEmployer(employer_id=self.employer_id, name=self.name, credit_code=self.credit_code)


@dataclass(frozen=True, slots=True)
class Cast:
    """`chair` acts for the union, `officer` for the federation; the rest are borrowers, or would be."""

    employers: tuple[Employer, ...]
    union_id: UnionId
    chair: Person
    officer: Person
    cable_worker: Person
    pacesetter: Person
    craftsman: Person
    model_worker: Person
    husband: Person
    wife: Person
    clerk: Person
    declined: Person

    @property
    def people(self) -> tuple[Person, ...]:
        return (
            self.chair,
            self.officer,
            self.cable_worker,
            self.pacesetter,
            self.craftsman,
            self.model_worker,
            self.husband,
            self.wife,
            self.clerk,
            self.declined,
        )


def cast() -> Cast:
    return Cast(
        employers=(Employer("湖州南浔示例线缆有限公司", 1), Employer("湖州南浔示例木业有限公司", 2)),
        union_id=UnionId(UUID(str(new_id()))),
        chair=Person("沈秀兰", "19720518", "工会主席", number=2),
        officer=Person("周敏", "19800303", "职工服务中心", number=4),
        cable_worker=Person("李建国", "19880912", "线缆工", skilled=True, number=11),
        pacesetter=Person("王芳", "19900721", "挤塑工", True, (("技术标兵", HonourLevel.DISTRICT),), 22),
        craftsman=Person("陈海燕", "19830430", "木地板技师", True, (("南太湖工匠", HonourLevel.CITY),), 44),
        model_worker=Person("赵卫东", "19750101", "检修班长", True, (("湖州市劳动模范", HonourLevel.CITY),), 55),
        husband=Person("钱浩", "19860606", "电工", skilled=True, number=66),
        wife=Person("孙丽", "19880808", "质检技师", skilled=True, number=88),
        clerk=Person("吴梅", "19950315", "文员", number=92),
        declined=Person("郑强", "19910211", "焊工", skilled=True, number=99),
    )
