"""What each patient had to pay, so that the benefits of all come to a sum exactly, by the benefit table alone.

Amounts are drawn, then all are scaled until the table pays for them just less than the sum: what is missing is a few
hundred fen, and so many patients each pay a fen or two more, for which the table grants one fen. Any sum can be met
so: one fen more to pay is never more than one fen more of benefit, and each amount of benefit is some bill's.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from services.aid.benefit import benefit
from shared.schemas.aid import BenefitTable
from shared.schemas.money import Fen

__all__ = ["Draw", "Paid", "amounts", "least_self_paid"]

LEAST: Fen = 2_00
"""Beyond the deductible: below it nothing is granted, and there would be no claim."""
WHOLE = 2**24
"""The scale is a fraction of this: fine enough that what is missing in the end is less than a fen a claim."""


@dataclass(frozen=True, slots=True)
class Draw:
    """One claim: how heavy it is beside others, or, where it is as heavy as it is, what the worker paid."""

    patient: int
    weight: float = 0.0
    fixed: Fen | None = None


@dataclass(frozen=True, slots=True)
class Paid:
    """What a patient paid, what the table gives for it, and what the ceiling leaves of that."""

    patient: int
    counted: Fen
    benefit: Fen
    granted: Fen


def least_self_paid(table: BenefitTable, wanted: Fen) -> Fen:
    """The least amount for which the table pays so much."""
    highest = 1
    while benefit(table, highest) < wanted:
        highest *= 2
    return bisect_left(range(highest + 1), wanted, key=lambda counted: benefit(table, counted))


def amounts(draws: Sequence[Draw], table: BenefitTable, ceiling: Fen, total: Fen) -> list[Paid]:
    """Of each draw, in their order, in which those of a patient also come. Raises ValueError where no amounts would do.

    Of several claims of a patient only the last may meet the ceiling: a claim for which nothing is left is no claim.
    """
    most = _most(draws, table, ceiling)

    def counted(scale: int) -> list[Fen]:
        return [_counted(draw, scale, table, cap) for draw, cap in zip(draws, most, strict=True)]

    def granted(scale: int) -> Fen:
        return sum(paid.granted for paid in _granted(draws, counted(scale), table, ceiling))

    scale = bisect_left(range(WHOLE), total + 1, key=granted) - 1
    if scale < 0:
        raise ValueError("the claims alone, as light as they can be, come to more than the sum")
    return _closed(_granted(draws, counted(scale), table, ceiling), table, ceiling, total)


def _most(draws: Sequence[Draw], table: BenefitTable, ceiling: Fen) -> list[Fen | None]:
    """What each may count at most: of n claims of a patient all but the last take less than an nth of the ceiling."""
    ahead: dict[int, int] = {}
    for draw in draws:
        ahead[draw.patient] = ahead.get(draw.patient, 0) + 1
    caps = {number: least_self_paid(table, ceiling // number) for number in {*ahead.values()}}
    seen: dict[int, int] = {}
    most: list[Fen | None] = []
    for draw in draws:
        seen[draw.patient] = seen.get(draw.patient, 0) + 1
        number = ahead[draw.patient]
        most.append(caps[number] if seen[draw.patient] < number else None)
    return most


def _counted(draw: Draw, scale: int, table: BenefitTable, cap: Fen | None) -> Fen:
    wanted = table.deductible + LEAST + int(draw.weight * scale) if draw.fixed is None else draw.fixed
    return wanted if cap is None else min(wanted, cap)


def _granted(draws: Iterable[Draw], counted: Iterable[Fen], table: BenefitTable, ceiling: Fen) -> list[Paid]:
    used: dict[int, Fen] = {}
    every = []
    for draw, amount in zip(draws, counted, strict=True):
        by_table = benefit(table, amount)
        before = used.get(draw.patient, 0)
        granted = min(by_table, ceiling - before)
        used[draw.patient] = before + granted
        every.append(Paid(draw.patient, amount, by_table, granted))
    return every


def _closed(every: list[Paid], table: BenefitTable, ceiling: Fen, total: Fen) -> list[Paid]:
    """What is missing, a fen each, of those who are below the ceiling."""
    missing = total - sum(paid.granted for paid in every)
    used = {patient: sum(paid.granted for paid in of) for patient, of in groupby(sorted(every, key=_who), key=_who)}
    closed = []
    for paid in every:
        if missing and paid.granted == paid.benefit and used[paid.patient] < ceiling:
            counted = paid.counted
            while benefit(table, counted) <= paid.benefit:
                counted += 1
            paid = replace(paid, counted=counted, benefit=paid.benefit + 1, granted=paid.granted + 1)
            used[paid.patient] += 1
            missing -= 1
        closed.append(paid)
    if missing:
        raise ValueError(f"{missing} fen are left: no claims take them up")
    return closed


def _who(paid: Paid) -> int:
    return paid.patient
