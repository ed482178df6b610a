"""A stay and the claim for it: where and how long, by which way it comes, when it is dealt with, what the bill says."""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final
from uuid import UUID

from deploy.local.simulation.amounts import Paid
from deploy.local.simulation.claims import Act, Case, End
from deploy.local.simulation.figures import Figures
from deploy.local.simulation.people import Worker
from services.aid.rules import Rulebook
from shared.schemas.aid import (
    Bill,
    Care,
    Channel,
    ClaimId,
    Document,
    Exclusion,
    ExclusionGround,
    HospitalCode,
    RejectionGround,
    settlement_claim,
)
from shared.schemas.ids import derived_id

__all__ = ["Stays", "may_come_back"]

ONE_STOP: Final = 0.58
CHANNELS: Final = (Channel.PROXY, Channel.COUNTER, Channel.ONLINE)
HOW_OFTEN: Final = (45, 30, 25)
ELSEWHERE: Final = ("金华市中心医院", "浙江大学医学院附属第一医院", "浙江省肿瘤医院", "义乌市中心医院")
DIAGNOSES: Final = {
    Care.INPATIENT: ("肝硬化", "肺炎", "胆囊结石", "腰椎间盘突出", "冠心病", "股骨骨折", "急性阑尾炎", "甲状腺结节"),
    Care.SPECIAL_OUTPATIENT: ("慢性肾功能衰竭透析", "恶性肿瘤放化疗", "器官移植抗排异", "慢性乙型肝炎"),
}
WAIVERS, EXCLUSIONS = 0.12, 0.03
"""Of the claims that do not come from a hospital: documents are missing; a part of the bill doesn't count."""
REJECTIONS: Final = (RejectionGround.UNTRUE, RejectionGround.OTHER_COMPENSATION, RejectionGround.NOT_ACCEPTED)
EARLIEST, LATEST = 3, 172
"""Days of the half-year on which a stay may end."""
LAST_TO_COME_BACK: Final = 160
"""The last day on which a claim may be granted whose payment is to be made twice."""
IN_TIME_TO_LOSE: Final = 120
"""The last day for a stay whose claim takes weeks to come to nothing."""


@dataclass(frozen=True, slots=True)
class _Course:
    discharged_on: date
    acts: tuple[tuple[date, Act], ...]


class Stays:
    """Drawn in turn from one source."""

    def __init__(self, figures: Figures, random: Random, rulebook: Rulebook) -> None:
        self._figures, self._random = figures, random
        self._joined: list[tuple[HospitalCode, str]] = [
            (hospital.code, hospital.name)
            for hospital in rulebook.hospitals.values()
            if hospital.has_joined(figures.first)
        ]

    def case(self, number: int, root: UUID, patient: Worker, end: End, paid: Paid, turn: int, of: int) -> Case:
        """Of a patient's claims `turn` is the one before which so many come; each is dealt with before the next."""
        random = self._random
        care = Care.SPECIAL_OUTPATIENT if of > 2 or random.random() < 0.2 else Care.INPATIENT
        one_stop = end.by_hospital or (end is End.PAID and random.random() < ONE_STOP)
        channel = Channel.HOSPITAL if one_stop else random.choices(CHANNELS, HOW_OFTEN)[0]
        if channel is Channel.PROXY and patient.chair:
            channel = Channel.ONLINE
        code, hospital = random.choice(self._joined)
        if not one_stop and random.random() < 0.6:
            hospital = random.choice(ELSEWHERE)
        waived = not one_stop and (end is End.NOT_SUPPLIED or (of == 1 and random.random() < WAIVERS))
        course = self._course(end, one_stop, waived and end is not End.NOT_SUPPLIED, turn, of)
        length = (
            0 if care is Care.SPECIAL_OUTPATIENT else min(2 + int(random.expovariate(1 / 8)), 25 if of == 1 else 12)
        )
        settlement = f"JS2019{number:06d}"
        bill, exclusion = self._bill(number, paid, one_stop)
        return Case(
            number=number,
            claim_id=settlement_claim(code, settlement) if one_stop else ClaimId(derived_id(root, f"claim {number}")),
            patient=patient,
            care=care,
            channel=channel,
            end=end,
            admitted_on=course.discharged_on - timedelta(days=length),
            discharged_on=course.discharged_on,
            hospital=hospital,
            code=code if one_stop else None,
            settlement_number=settlement,
            diagnosis=random.choice(DIAGNOSES[care]),
            bill=bill,
            exclusion=exclusion,
            benefit=paid.benefit,
            granted=paid.granted,
            missing=random.choice((Document.INVOICE, Document.SETTLEMENT_SHEET)) if waived else None,
            ground=random.choice(REJECTIONS) if end is End.REJECTED else None,
            returned=None,
            acts=course.acts,
        )

    def _course(self, end: End, one_stop: bool, supplied_later: bool, turn: int, of: int) -> _Course:
        span = (LATEST if end is not End.REPAID and end is not End.NOT_SUPPLIED else IN_TIME_TO_LOSE) // of
        slack = 0 if one_stop else min(10, span // 2) if of > 1 else 32 if supplied_later else 17
        discharged = EARLIEST + turn * span + self._random.randrange(max(1, span - slack - EARLIEST))
        left = self._day(discharged)
        if one_stop:
            return _Course(left, _at_the_hospital(end, left))
        filed = self._workday(discharged + 1 + self._random.randrange(3 if of > 1 else 12))
        later = self._workday(filed + (2 + self._random.randrange(12) if supplied_later else 1))
        acts: list[tuple[date, Act]] = [(self._day(filed), Act.FILE)]
        if supplied_later:
            acts.append((self._day(later), Act.SUPPLY))
        last = {End.PAID: Act.DECIDE, End.REJECTED: Act.REJECT, End.WITHDRAWN: Act.WITHDRAW}.get(end)
        if last is not None:
            acts.append((self._day(later), last))
        return _Course(left, tuple(acts))

    def _bill(self, number: int, paid: Paid, one_stop: bool) -> tuple[Bill, Exclusion | None]:
        random = self._random
        excluded = random.randrange(50_00, 800_00) if not one_stop and random.random() < EXCLUSIONS else 0
        self_paid = paid.counted + excluded
        total = int(self_paid / random.uniform(0.22, 0.5))
        others = random.randrange(total // 20) if random.random() < 0.05 else 0
        bill = Bill(
            invoices=(f"3307201900{number:08d}",),
            total=total,
            insurance_paid=total - self_paid - others,
            other_paid=others,
        )
        return bill, Exclusion(amount=excluded, ground=ExclusionGround.NOT_ACCEPTED) if excluded else None

    def _day(self, number: int) -> date:
        return self._figures.first + timedelta(days=number)

    def _workday(self, number: int) -> int:
        weekday = self._day(number).isoweekday()
        return number + (8 - weekday if weekday > 5 else 0)


def _at_the_hospital(end: End, left: date) -> tuple[tuple[date, Act], ...]:
    acts = [(left, Act.QUOTE)]
    if end is not End.LAPSED:
        acts.append((left, Act.CONFIRM))
    if end is End.CANCELLED:
        acts.append((left, Act.CANCEL))
    if end is End.REPAID:
        acts += [(left + timedelta(days=25), Act.CANCEL), (left + timedelta(days=32), Act.REPAY)]
    return tuple(acts)


def may_come_back(case: Case) -> bool:
    """Whether a payment goes to the worker, and early enough to be made again before the half-year is over."""
    decided = case.acts[-1][0]
    return (
        case.end is End.PAID
        and case.channel is not Channel.HOSPITAL
        and (decided - decided.replace(month=1, day=1)).days <= LAST_TO_COME_BACK
    )
