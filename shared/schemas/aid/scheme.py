"""A version of the scheme: every figure of the programme, in force from a day in the counties of a pool.

The same shape is read from `services/aid/rules/*.toml` and carried by `SchemePublished`.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, model_validator

from shared.schemas.aid.terms import Care, Document, PeriodStart
from shared.schemas.messages import Federation
from shared.schemas.money import Fen, NonNegativeFen, PositiveFen

__all__ = ["BenefitBand", "BenefitTable", "Period", "RequiredDocument", "SchemeTerms"]

type Word = Annotated[str, Field(min_length=1, max_length=100)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Period(_Table):
    """From the beginning of the first day to the end of the last, in China."""

    first: PeriodStart
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


class BenefitBand(_Table):
    """The share that is paid of what lies within a band: above the one before it, up to and including `up_to`; of all
    that is beyond without it."""

    up_to: PositiveFen | None = None
    percent: Annotated[Decimal, Field(ge=0, le=100, max_digits=7, decimal_places=4)]


def _ascending(bands: tuple[BenefitBand, ...]) -> tuple[BenefitBand, ...]:
    for lower, higher in pairwise(bands):
        if lower.up_to is None:
            raise ValueError("only the last band may be without up_to")
        if higher.up_to is not None and higher.up_to <= lower.up_to:
            raise ValueError("bands ascend")
    if bands[-1].up_to is not None:
        raise ValueError("the last band has no up_to: what is beyond it would be nobody's")
    return bands


class BenefitTable(_Table):
    """Bands over what the worker pays after social insurance, beyond the deductible (起付线)."""

    deductible: NonNegativeFen
    bands: Annotated[tuple[BenefitBand, ...], Field(min_length=1), AfterValidator(_ascending)]

    @model_validator(mode="after")
    def _deductible_first(self) -> Self:
        first = self.bands[0].up_to
        if first is not None and first <= self.deductible:
            raise ValueError("the first band ends above the deductible")
        return self

    def ranges(self) -> Iterator[tuple[Fen, Fen | None, Decimal]]:
        """Above, up to, percent; the first is above the deductible."""
        above = self.deductible
        for band in self.bands:
            yield above, band.up_to, band.percent
            above = band.up_to or above


class RequiredDocument(_Table):
    document: Document
    care: Annotated[tuple[Care, ...], Field(min_length=1)]
    """For which kinds of care."""


class SchemeTerms(_Table):
    """Figures in days are calendar days, up to the end of the last one in China."""

    pool: Federation
    """Whose fund it is."""
    counties: Annotated[tuple[Federation, ...], Field(min_length=1)]
    name: Word
    version: Word
    effective_from: date
    """For stays that begin on this day or later, and for periods that do."""
    period_month: Annotated[int, Field(ge=1, le=12)]
    period_day: Annotated[int, Field(ge=1, le=28)]
    """The first day of each period: a year."""
    fee: PositiveFen
    """A head, a period."""
    employer_part: NonNegativeFen
    """Of the fee, where the employer agreed no other split; the rest is the worker's."""
    premium_days: PositiveInt
    """An enrolment of which nothing was paid by then lapses."""
    ceiling: PositiveFen
    """A member, a period."""
    waiting_days: NonNegativeInt
    """From the beginning of cover, for who was not covered to the end of the period before."""
    filing_days: PositiveInt
    """From discharge."""
    waiver_days: PositiveInt
    """For documents that were missing when a claim was filed (容缺)."""
    quote_minutes: PositiveInt
    """A hospital's quote lapses after so many."""
    four_eyes_above: NonNegativeFen
    """A benefit above this needs a review, by another person than whoever assessed it; and so does its approval."""
    reminder_hours: PositiveInt
    """Before an appointment."""
    care: Annotated[tuple[Care, ...], Field(min_length=1)]
    """What is covered."""
    documents: Annotated[tuple[RequiredDocument, ...], Field(min_length=1)]
    benefit: BenefitTable

    @model_validator(mode="after")
    def _within(self) -> Self:
        if self.employer_part > self.fee:
            raise ValueError("the employer's part is above the fee")
        if any(county[:4] != self.pool[:4] for county in self.counties):
            raise ValueError("a pool's counties are of one city")
        return self

    def period(self, day: date) -> Period:
        """The period that a day falls in."""
        first = date(day.year, self.period_month, self.period_day)
        if day < first:
            first = first.replace(year=day.year - 1)
        return Period(first=first, last=first.replace(year=first.year + 1) - timedelta(days=1))

    def required(self, care: Care) -> frozenset[Document]:
        return frozenset(required.document for required in self.documents if care in required.care)
