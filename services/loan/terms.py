"""The terms of the programme, as a federation's rules file has them: tiers, deadlines, product, assessment.

Everything here is shape and consistency; the figures stand in `rules/*.toml`.
"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from services.loan.assessment import AssessmentTerms, Cny
from services.loan.interest import DayCount
from services.loan.rates import RulesTable, Word
from services.loan.schedule import RepaymentForm
from shared.schemas.loan import Component, Tier
from shared.schemas.messages import Federation

__all__ = ["Component", "Deadlines", "LineTerms", "PolicyTerms", "Product", "Tier", "TierTerms"]


class TierTerms(RulesTable):
    """Who a tier is for, how much it may be, and at what rate."""

    tier: Tier
    words: Word
    rank: PositiveInt
    skilled_workers: bool = False
    """Open to members and technicians in skilled work, whatever their titles."""
    titles: frozenset[Word] = frozenset()
    titles_ending: frozenset[Word] = frozenset()
    cap: Cny
    basis: Word
    """Name of a table of rates."""
    factor: Annotated[Decimal, Field(gt=0)] = Decimal(1)
    floor: Word | None = None
    """Name of the table of rates below which the tier's rate does not go."""

    def is_for(self, titles: Iterable[str], skilled: bool) -> bool:
        return (self.skilled_workers and skilled) or any(
            title in self.titles or title.endswith(tuple(self.titles_ending)) for title in titles
        )

    @property
    def tables(self) -> frozenset[str]:
        return frozenset({self.basis} if self.floor is None else {self.basis, self.floor})


class Deadlines(RulesTable):
    """Calendar days for each step, up to the end of the last one in China."""

    recommendation_days: PositiveInt
    endorsement_days: PositiveInt
    bank_answer_days: PositiveInt
    drawdown_days: PositiveInt


class LineTerms(RulesTable):
    validity_months: PositiveInt


def _each_once(order: tuple[Component, ...]) -> tuple[Component, ...]:
    if sorted(order) != sorted(Component):
        raise ValueError("the order of allocation names penalty, interest and principal, each once")
    return order


class Product(RulesTable):
    """The terms of a draw."""

    shortest_months: PositiveInt
    longest_months: PositiveInt
    day_count: DayCount
    repayment_forms: Annotated[frozenset[RepaymentForm], Field(min_length=1)]
    allocation: Annotated[tuple[Component, ...], AfterValidator(_each_once)]
    late_factor: Annotated[Decimal, Field(ge=1)]
    """Overdue amounts bear the contract's rate times this; 1 is no penalty."""
    late_on: frozenset[Literal[Component.INTEREST, Component.PRINCIPAL]]


def _ascending(tiers: tuple[TierTerms, ...]) -> tuple[TierTerms, ...]:
    for lower, higher in pairwise(tiers):
        if higher.rank < lower.rank:
            raise ValueError(f"tiers stand lowest first, but {higher.tier} follows {lower.tier}")
        if higher.cap < lower.cap:
            raise ValueError(f"a higher title has no lower cap, but {higher.tier} is below {lower.tier}")
    if len({tier.tier for tier in tiers}) < len(tiers):
        raise ValueError("each tier stands once")
    return tiers


class PolicyTerms(RulesTable):
    """One version of a federation's rules, as its file has them."""

    kind: Literal["policy"]
    federation: Federation
    name: Word
    version: Word
    effective_from: date
    bank: Word
    tiers: Annotated[tuple[TierTerms, ...], Field(min_length=1), AfterValidator(_ascending)]
    deadlines: Deadlines
    line: LineTerms
    product: Product
    assessment: AssessmentTerms

    @model_validator(mode="after")
    def _terms_in_order(self) -> Self:
        if self.product.shortest_months > self.product.longest_months:
            raise ValueError("the shortest term of a draw is above the longest")
        return self

    @property
    def tables(self) -> frozenset[str]:
        return frozenset().union(*(tier.tables for tier in self.tiers))
