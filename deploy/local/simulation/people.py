"""The county's enterprises and their workers. All are made up; numbers keep their standards' check characters."""

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from random import Random
from typing import Final
from uuid import UUID

from stdnum.cn import ric, uscc

from deploy.local.simulation.figures import Figures
from shared.schemas.aid import EnrolmentId
from shared.schemas.ids import EmployerId, HouseholdId, MemberId, UnionId, derived_id
from shared.schemas.messages import Actor, Role
from shared.schemas.money import Fen

__all__ = ["Enterprise", "Worker", "enterprises"]

SURNAMES: Final = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林郑"
GIVEN: Final = "伟芳娜敏静秀丽强磊军洋勇艳杰娟涛明超霞平刚桂英华玉兰建国志红"
TRADES: Final = ("木雕", "红木", "服装", "磁性材料", "建筑", "制药", "影视服务", "针织", "五金", "玩具", "包装", "机电")
OLDEST: Final = date(1962, 1, 1)
BORN_A_DAY: Final = 6
BANK: Final = "示例银行东阳支行"
SMALLEST: Final = 4


@dataclass(frozen=True, slots=True)
class Worker:
    """Their number is one over the county."""

    number: int
    enterprise: int
    name: str
    member_id: MemberId
    household_id: HouseholdId
    chair: bool

    @property
    def id_number(self) -> str:
        born = OLDEST + timedelta(days=self.number // BORN_A_DAY)
        body = f"330783{born:%Y%m%d}{self.number % BORN_A_DAY:03d}"
        return body + ric.calc_check_digit(body + "0")

    @property
    def phone(self) -> str:
        return f"139{self.number:08d}"

    @property
    def account(self) -> str:
        return f"62284800{self.number:011d}"

    @property
    def bank(self) -> str:
        return BANK

    @property
    def corrected_account(self) -> str:
        """That they state once the bank has sent a payment back."""
        return f"62284801{self.number:011d}"

    def acting(self, role: Role = Role.MEMBER) -> Actor:
        return Actor(role=role, id=str(self.member_id))


@dataclass(frozen=True, slots=True)
class Enterprise:
    """The first of its workers is chair of its union. Both parts of the premium come in by `paid_on`."""

    number: int
    name: str
    employer_id: EmployerId
    union_id: UnionId
    enrolment_id: EnrolmentId
    workers: tuple[Worker, ...]
    employer_part: Fen
    """Of the fee of each."""
    enrolled_on: date
    employer_paid_on: date
    worker_paid_on: date

    @property
    def credit_code(self) -> str:
        body = f"91330783MA2E{self.number:05d}"
        return body + uscc.calc_check_digit(body)

    @property
    def chair(self) -> Worker:
        return self.workers[0]


def enterprises(figures: Figures, fee: Fen, employer_part: Fen, root: UUID, random: Random) -> list[Enterprise]:
    """A few are large and most are small; most pay half of the fee in June, some all of it, and some late."""
    numbers, every = count(), []
    for number, size in enumerate(_sizes(figures, random)):
        workers = tuple(_worker(next(numbers), number, place == 0, root, random) for place in range(size))
        enrolled, employer_paid, worker_paid = _days(figures.period, random)
        every.append(
            Enterprise(
                number=number,
                name=f"东阳示例{number + 1:03d}{TRADES[number % len(TRADES)]}厂",
                employer_id=EmployerId(derived_id(root, f"employer {number}")),
                union_id=UnionId(derived_id(root, f"union {number}")),
                enrolment_id=EnrolmentId(derived_id(root, f"enrolment {number}")),
                workers=workers,
                employer_part=random.choices((employer_part, fee, fee * 3 // 5), (80, 15, 5))[0],
                enrolled_on=enrolled,
                employer_paid_on=employer_paid,
                worker_paid_on=worker_paid,
            )
        )
    return every


def _sizes(figures: Figures, random: Random) -> list[int]:
    """That add up to all who are insured."""
    weights = [random.lognormvariate(0, 1.1) for _ in range(figures.employers)]
    to_share = figures.insured - SMALLEST * figures.employers
    whole = sum(weights)
    sizes = [SMALLEST + int(to_share * weight / whole) for weight in weights]
    for place in range(figures.insured - sum(sizes)):
        sizes[place % len(sizes)] += 1
    return sizes


def _worker(number: int, enterprise: int, chair: bool, root: UUID, random: Random) -> Worker:
    name = random.choice(SURNAMES) + "".join(random.choices(GIVEN, k=random.choice((1, 2, 2))))
    return Worker(
        number,
        enterprise,
        name,
        MemberId(derived_id(root, f"member {number}")),
        HouseholdId(derived_id(root, f"household {number}")),
        chair,
    )


def _days(period: date, random: Random) -> tuple[date, date, date]:
    """Of the roster, the employer's receipt and the workers'."""
    roster, usual, late, very_late = (period + timedelta(days=days) for days in (-19, -6, 44, 99))
    return random.choices(
        ((roster, usual, usual), (roster, usual, late), (very_late, very_late, very_late)), (90, 8, 2)
    )[0]
