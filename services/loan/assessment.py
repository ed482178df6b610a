"""The assessed limit (核定额度): what production cycle, credit standing, purpose and ability to repay allow.

Each input allows an amount, and the lowest of them is the limit; no share is above 1, so it is never above the cap:
credit standing allows a share of the cap, purpose a share of what it costs, ability to repay what can be set aside
from income over some months, and the production cycle a share of that, for money that comes back later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PositiveInt

from services.loan.rates import RulesTable, Word
from shared.schemas.loan import LimitInput
from shared.schemas.messages import Reason
from shared.schemas.money import Fen, cny, fen

__all__ = [
    "UNKNOWN_PURPOSE",
    "UNKNOWN_STANDING",
    "AssessedLimit",
    "AssessmentTerms",
    "Cny",
    "Finding",
    "LimitInput",
    "LimitInputs",
    "assess",
]

UNKNOWN_PURPOSE = Reason("unknown_purpose", "匠心贷 第2条", "贷款用途“{purpose}”不在支持范围内，可选：{known}")
UNKNOWN_STANDING = Reason("unknown_standing", "匠心贷 第3条", "信用状况“{standing}”不在评定等级内，可选：{known}")

type Cny = Annotated[Fen, BeforeValidator(fen), Field(ge=0)]
"""CNY in a rules file, fen in Python."""

type Share = Annotated[Decimal, Field(ge=0, le=1)]


class StandingTerms(RulesTable):
    standing: Word
    words: Word
    share: Share


class PurposeTerms(RulesTable):
    purpose: Word
    words: Word
    share: Share


class CycleTerms(RulesTable):
    up_to_months: PositiveInt | None = None
    share: Share


def _covering(cycles: Sequence[CycleTerms]) -> Sequence[CycleTerms]:
    if cycles[-1].up_to_months is not None:
        raise ValueError("the last production cycle stands for all longer ones, without up_to_months")
    limits = [cycle.up_to_months for cycle in cycles[:-1]]
    if None in limits or any(later <= earlier for earlier, later in pairwise(n for n in limits if n is not None)):
        raise ValueError("production cycles ascend, and only the last is without up_to_months")
    return cycles


class AssessmentTerms(RulesTable):
    """The figures of the assessment, as a county's rules file has them."""

    step: Annotated[Cny, Field(gt=0)]
    income_share: Share
    months: PositiveInt
    standings: Annotated[tuple[StandingTerms, ...], Field(min_length=1)]
    purposes: Annotated[tuple[PurposeTerms, ...], Field(min_length=1)]
    cycles: Annotated[tuple[CycleTerms, ...], Field(min_length=1), AfterValidator(_covering)]

    def standing(self, code: str) -> StandingTerms:
        for known in self.standings:
            if known.standing == code:
                return known
        raise UNKNOWN_STANDING(standing=code, known="、".join(known.standing for known in self.standings))

    def purpose(self, code: str) -> PurposeTerms:
        for known in self.purposes:
            if known.purpose == code:
                return known
        raise UNKNOWN_PURPOSE(purpose=code, known="、".join(known.purpose for known in self.purposes))

    def cycle(self, months: int) -> CycleTerms:
        return next(cycle for cycle in self.cycles if cycle.up_to_months is None or months <= cycle.up_to_months)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitInputs:
    """What is known of the borrower. Amounts in fen; `purpose` and `standing` are codes of the rules file."""

    cycle_months: int
    """From outlay to income in the borrower's trade; 1 for a wage earner."""
    standing: str
    purpose: str
    purpose_cost: Fen
    monthly_income: Fen
    monthly_obligations: Fen = 0
    """What the borrower has to pay each month on other debts."""

    def __post_init__(self) -> None:
        if min(self.cycle_months, self.purpose_cost, self.monthly_income, self.monthly_obligations) < 0:
            raise ValueError("no input of an assessment is negative")


@dataclass(frozen=True, slots=True)
class Finding:
    """What one input allows, and why."""

    input: LimitInput
    allows: Fen
    words: str
    """For people, in 中文."""


@dataclass(frozen=True, slots=True)
class AssessedLimit:
    limit: Fen
    """A whole number of the rules' steps; it can be zero."""
    cap: Fen
    """Of the tier."""
    findings: tuple[Finding, ...]
    """Four, one an input."""
    decisive: LimitInput | None
    """The input that allows least; None when that is the tier's cap."""


def assess(terms: AssessmentTerms, cap: Fen, inputs: LimitInputs) -> AssessedLimit:
    """Refused for a purpose (`unknown_purpose`) or standing (`unknown_standing`) that the rules do not know."""
    standing, purpose, cycle = (
        terms.standing(inputs.standing),
        terms.purpose(inputs.purpose),
        terms.cycle(inputs.cycle_months),
    )
    by_standing = _share(cap, standing.share)
    by_purpose = _share(inputs.purpose_cost, purpose.share)
    set_aside = max(0, _share(inputs.monthly_income, terms.income_share) - inputs.monthly_obligations)
    by_ability = set_aside * terms.months
    by_cycle = _share(by_ability, cycle.share)
    findings = (
        Finding(
            LimitInput.CREDIT_STANDING,
            by_standing,
            f"信用状况{standing.words}：档位上限{cny(cap)}元×{standing.share:.0%}，可核{cny(by_standing)}元",
        ),
        Finding(
            LimitInput.PURPOSE,
            by_purpose,
            f"用途{purpose.words}：所需{cny(inputs.purpose_cost)}元×{purpose.share:.0%}，可核{cny(by_purpose)}元",
        ),
        Finding(
            LimitInput.ABILITY_TO_REPAY,
            by_ability,
            f"偿还能力：月收入{cny(inputs.monthly_income)}元×{terms.income_share:.0%}"
            f"，扣除月负债{cny(inputs.monthly_obligations)}元，{terms.months}个月可核{cny(by_ability)}元",
        ),
        Finding(
            LimitInput.PRODUCTION_CYCLE,
            by_cycle,
            f"生产周期{inputs.cycle_months}个月：偿还能力×{cycle.share:.0%}，可核{cny(by_cycle)}元",
        ),
    )
    lowest = min(findings, key=lambda finding: finding.allows)
    limit = lowest.allows // terms.step * terms.step
    return AssessedLimit(limit, cap, findings, lowest.input if lowest.allows < cap else None)


def _share(amount: Fen, share: Decimal) -> Fen:
    """Rounded down."""
    return int(amount * Fraction(share))
