"""A county's half-year, drawn from a seed: the same seed gives the same plan, and the same commands, ids and all."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from hashlib import blake2b
from random import Random
from typing import Final
from uuid import UUID

from deploy.local.simulation.amounts import Draw, Paid, amounts
from deploy.local.simulation.claims import Act, Case, End
from deploy.local.simulation.figures import Figures
from deploy.local.simulation.people import Enterprise, Worker, enterprises
from deploy.local.simulation.stays import Stays, may_come_back
from services.aid.rules import Rulebook
from shared.schemas.aid import ReturnGround
from shared.schemas.ids import derived_id
from shared.schemas.money import Fen

__all__ = ["Plan", "drawn"]

ROOT: Final = UUID("0198c0de-0000-7000-8000-00002019aaaa")
IN_A_ROW: Final = ((1, 86), (2, 8), (3, 3), (4, 2), (5, 1))
"""How many claims a patient has, and how often, in a hundred."""
SPREAD: Final = 1.25
"""Of the lognormal distribution of what patients pay."""
HEAVY: Final = 1.5
"""In a thousand: bills above what the ceiling meets."""
COME_TO_NOTHING: Final[Mapping[End, float]] = {
    End.REJECTED: 18,
    End.NOT_SUPPLIED: 5,
    End.WITHDRAWN: 3,
    End.LAPSED: 6,
    End.CANCELLED: 4,
    End.REPAID: 1,
}
"""Beside a thousand claims that are paid."""
RETURN_GROUNDS: Final = (ReturnGround.ACCOUNT_CLOSED, ReturnGround.NAME_MISMATCH, ReturnGround.ACCOUNT_UNKNOWN)
COME_BACK: Final = 15
"""In a thousand: payments that the bank sends back."""


@dataclass(frozen=True, slots=True)
class Plan:
    figures: Figures
    root: UUID
    enterprises: tuple[Enterprise, ...]
    cases: tuple[Case, ...]
    fee: Fen
    agenda: Mapping[date, tuple[tuple[Case, tuple[Act, ...]], ...]] = field(repr=False)
    """What is done on each day; a case's acts in their order."""

    @property
    def workers(self) -> Iterator[Worker]:
        return (worker for enterprise in self.enterprises for worker in enterprise.workers)

    @property
    def days(self) -> Iterator[date]:
        return (self.figures.first + timedelta(days=day) for day in range(self._length))

    @property
    def _length(self) -> int:
        return (self.figures.last - self.figures.first).days + 1

    def of(self, *ends: End) -> list[Case]:
        return [case for case in self.cases if case.end in ends]

    @property
    def ends(self) -> Counter[End]:
        return Counter(case.end for case in self.cases)

    @property
    def digest(self) -> str:
        """By which two plans can be compared."""
        return blake2b(repr((self.enterprises, self.cases)).encode(), digest_size=4).hexdigest()


def drawn(figures: Figures, seed: int, rulebook: Rulebook) -> Plan:
    """Raises ValueError where the claims can't come to the sum."""
    random, root = Random(seed), derived_id(ROOT, f"{figures} {seed}")  # noqa: S311 - a play, not a secret
    scheme = rulebook.at(figures.federation, figures.period)
    county = enterprises(figures, scheme.fee, scheme.employer_part, root, random)
    ends = [End.PAID] * figures.claims
    ends += [end for end, rate in COME_TO_NOTHING.items() for _ in range(_share(figures.claims, rate))]
    in_a_row = _in_a_row(figures.claims, random)
    everybody = [worker for enterprise in county for worker in enterprise.workers]
    patients = random.sample(everybody, len(in_a_row) + len(ends) - figures.claims)
    stays = Stays(figures, random, rulebook)
    places = [place for place, number in enumerate(in_a_row) for _ in range(number)]
    draws = _draws(places, figures.claims, random)
    paid = amounts(draws, scheme.benefit, scheme.ceiling, figures.paid)
    paid += _amounts_of_others(paid, len(ends) - len(paid), len(in_a_row), random)
    turns: Counter[int] = Counter()
    cases = []
    for number, (end, amount) in enumerate(zip(ends, paid, strict=True)):
        of = in_a_row[amount.patient] if end is End.PAID else 1
        cases.append(stays.case(number, root, patients[amount.patient], end, amount, turns[amount.patient], of))
        turns[amount.patient] += 1
    _send_back(cases, _share(figures.claims, COME_BACK), random)
    return Plan(figures, root, tuple(county), tuple(cases), scheme.fee, _agenda(cases))


def _share(claims: int, in_a_thousand: float) -> int:
    return max(1, round(claims * in_a_thousand / 1000))


def _in_a_row(claims: int, random: Random) -> list[int]:
    """Claims of each patient, of so many claims in all."""
    numbers, weights = zip(*IN_A_ROW, strict=True)
    rows: list[int] = []
    left = claims
    while left:
        rows.append(min(left, random.choices(numbers, weights)[0]))
        left -= rows[-1]
    return rows


def _draws(places: list[int], claims: int, random: Random) -> list[Draw]:
    """By patient; heavy ones are the last of theirs."""
    last = {patient: index for index, patient in enumerate(places)}
    heavy = set(random.sample(sorted(last.values()), _share(claims, HEAVY)))
    return [
        Draw(patient, fixed=random.randrange(60_000_00, 160_000_00))
        if index in heavy
        else Draw(patient, weight=random.lognormvariate(0, SPREAD) / 100)
        for index, patient in enumerate(places)
    ]


def _amounts_of_others(paid: list[Paid], number: int, first: int, random: Random) -> list[Paid]:
    """As heavy as any that the ceiling does not meet, each of another patient."""
    unreduced = [one for one in paid if one.granted == one.benefit]
    chosen = [random.choice(unreduced) for _ in range(number)]
    return [Paid(first + place, one.counted, one.benefit, one.granted) for place, one in enumerate(chosen)]


def _send_back(cases: list[Case], number: int, random: Random) -> None:
    """So many payments to workers come back, early enough to be made again."""
    for case in random.sample([case for case in cases if may_come_back(case)], number):
        cases[case.number] = replace(case, returned=random.choice(RETURN_GROUNDS))


def _agenda(cases: list[Case]) -> Mapping[date, tuple[tuple[Case, tuple[Act, ...]], ...]]:
    by_day: dict[date, dict[int, list[Act]]] = defaultdict(lambda: defaultdict(list))
    for case in cases:
        for day, act in case.acts:
            by_day[day][case.number].append(act)
    return {
        day: tuple((cases[number], tuple(acts)) for number, acts in of_day.items())
        for day, of_day in sorted(by_day.items())
    }
