"""What a pool's benefits come to by the end of a period, from what its log tells until a day.

The method is Benktander's (G. Benktander, "An approach to credibility in calculating IBNR for casualty excess
reinsurance", The Actuarial Review, 1976): a mixture of chain ladder and Bornhuetter-Ferguson in which the period's own
experience weighs as much as the part of it that has passed.

    C    benefits granted until the day, less what was undone
    g    the part of a period's benefits that is granted by such a day
    U₀   what one would expect without this period's experience: insured days × the cost of an insured day
    U    = C + (1 − g)·(C + (1 − g)·U₀), the projection

- **With earlier periods** of its counties in the log, g is what they had granted by the same day of the period, of what
  they had by its end, all taken together: so it has the seasons, and the weeks between a stay and its approval. The
  cost of an insured day is theirs.
- **Without**, g is the part of the period's insured days that has passed, and U = C / g, chain ladder alone: benefits
  arise evenly over insured days. In a pool's first months this is too low, since claims come in after the stay.

On the last day g is 1 and U is C. What is granted after it, of stays before, comes on top as it is granted, and is not
projected. No figure stands in this code: all come from the log. Who joins later is unknown until then: insured days to
come are those of whoever is covered, or is to be, on the day.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from functools import cached_property
from itertools import accumulate

from shared.schemas.aid import Period, ProjectionBasis
from shared.schemas.money import Fen

__all__ = ["Experience", "Outlook", "Point", "outlook", "ratio"]


class _Running:
    """Amounts by day, added up."""

    def __init__(self, amounts: Mapping[date, Fen]) -> None:
        self._days = sorted(amounts)
        self._sums = list(accumulate((amounts[day] for day in self._days), initial=0))

    def until(self, day: date) -> Fen:
        """The day included."""
        return self._sums[bisect_right(self._days, day)]


@dataclass(frozen=True)
class Experience:
    """Of a pool in a period, by day: amounts that were contributed and granted, and how many covers began and ended.

    A cover that ends on a day counts for it; its end stands at the day after.
    """

    period: Period
    contributions: Mapping[date, Fen]
    benefits: Mapping[date, Fen]
    covers: Mapping[date, int]

    def granted(self, until: date) -> Fen:
        return self._benefits.until(until)

    def contributed(self, until: date) -> Fen:
        return self._contributions.until(until)

    def teaches(self, on: date) -> bool:
        """Whether the period was over by the end of a day, with something granted, and somebody insured."""
        last = self.period.last
        return last <= on and self.granted(last) > 0 and self.insured_days(last) > 0

    def insured_days(self, until: date) -> int:
        """From the beginning of the period, the day included."""
        return sum(
            change * ((until - max(day, self.period.first)).days + 1)
            for day, change in self.covers.items()
            if day <= until
        )

    @cached_property
    def _benefits(self) -> _Running:
        return _Running(self.benefits)

    @cached_property
    def _contributions(self) -> _Running:
        return _Running(self.contributions)


@dataclass(frozen=True, slots=True)
class Point:
    """All until the end of a day."""

    until: date
    contributions: Fen
    benefits: Fen
    projected: bool


@dataclass(frozen=True, slots=True)
class Outlook:
    """`benefits` are those projected at the end of the period, None where nothing is known; `basis` is what they rest
    on, None once the period is over. `exhausted_on` is the first day on which benefits are above contributions, or
    would be."""

    benefits: Fen | None
    basis: ProjectionBasis | None
    exhausted_on: date | None
    months: tuple[Point, ...]


def ratio(benefits: Fen, contributions: Fen) -> float | None:
    """To four places; None without contributions."""
    return round(benefits / contributions, 4) if contributions else None


def outlook(own: Experience, earlier: Sequence[Experience], on: date) -> Outlook:
    """As of the end of a day. Of `earlier` periods those are left out that had not ended by then."""
    known = [each for each in earlier if each.teaches(on)]
    pattern = _Pattern(own, known)
    last = own.period.last
    so_far, expected = own.granted(min(on, last)), _projected(own, known, pattern, on)
    final = None if expected is None else round(expected)
    course = _Course(own, pattern, min(on, last), Fraction(so_far), expected)
    return Outlook(
        benefits=final,
        basis=None if final is None or on >= last else pattern.basis,
        exhausted_on=next((day for day in _days(own.period) if course.benefits(day) > course.contributions(day)), None),
        months=tuple(
            Point(day, course.contributions(day), round(course.benefits(day)), day > on)
            for day in _month_ends(own.period)
            if day <= on or expected is not None
        ),
    )


def _projected(own: Experience, known: Sequence[Experience], pattern: "_Pattern", on: date) -> Fraction | None:
    passed = pattern.part(min(on, own.period.last))
    granted = own.granted(min(on, own.period.last))
    if passed == 1:
        return Fraction(granted)
    if not known:
        return granted / passed if passed and granted > 0 else None
    days = sum(each.insured_days(each.period.last) for each in known)
    a_day = Fraction(sum(each.granted(each.period.last) for each in known), days)
    before = a_day * own.insured_days(own.period.last)
    left = 1 - passed
    return granted + left * (granted + left * before)


@dataclass(frozen=True, slots=True)
class _Pattern:
    """Which part of a period's benefits is granted by a day."""

    own: Experience
    known: Sequence[Experience]

    @property
    def basis(self) -> ProjectionBasis:
        return ProjectionBasis.EARLIER_PERIODS if self.known else ProjectionBasis.EXPOSURE

    def part(self, day: date) -> Fraction:
        if day >= self.own.period.last:
            return Fraction(1)
        if self.known:
            passed = day - self.own.period.first
            by_then = sum(each.granted(min(each.period.first + passed, each.period.last)) for each in self.known)
            return Fraction(by_then, sum(each.granted(each.period.last) for each in self.known))
        whole = self.own.insured_days(self.own.period.last)
        return Fraction(self.own.insured_days(day), whole) if whole else Fraction(0)


@dataclass(frozen=True, slots=True)
class _Course:
    """The period day by day: as it was until a day, then what is still expected, spread as the pattern has it."""

    own: Experience
    pattern: _Pattern
    on: date
    so_far: Fraction
    expected: Fraction | None

    def contributions(self, day: date) -> Fen:
        return self.own.contributed(min(day, self.on))

    def benefits(self, day: date) -> Fraction:
        if day <= self.on or self.expected is None:
            return Fraction(self.own.granted(min(day, self.on)))
        passed, then = self.pattern.part(self.on), self.pattern.part(day)
        spread = (then - passed) / (1 - passed) if passed < 1 else Fraction(1)
        return self.so_far + (self.expected - self.so_far) * spread


def _days(period: Period) -> Iterator[date]:
    day = period.first
    while day <= period.last:
        yield day
        day += timedelta(days=1)


def _month_ends(period: Period) -> Iterator[date]:
    return (day for day in _days(period) if day == period.last or (day + timedelta(days=1)).day == 1)
