"""The programme's rules: policy tables with effective dates, a federation's own, read from `rules/*.toml`.

Code holds no figure of the programme. `Policy.at("330503", day)` is what a county's rules are on a day; `Rulebook`
holds all of them, and refuses a rates table under which a higher title would pay more.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, TypeAdapter, ValidationError

from services.loan.assessment import AssessedLimit, LimitInputs, assess
from services.loan.rates import Entry, RateTable
from services.loan.terms import PolicyTerms, Tier, TierTerms
from shared.schemas.messages import Reason, Refused
from shared.schemas.money import AnnualPercent, Fen

__all__ = [
    "NOT_MONOTONE",
    "NO_POLICY",
    "TABLE_EXISTS",
    "TERM_NOT_OFFERED",
    "UNKNOWN_TABLE",
    "BadRules",
    "Policy",
    "RateSnapshot",
    "Rulebook",
    "shipped",
]

NO_POLICY = Reason("no_policy", "匠心贷 第1条", "{federation}在{on}没有匠心贷办法")
NOT_MONOTONE = Reason(
    "rates_not_monotone",
    "匠心贷 第4条",
    "利率表不能发布：{on}起{months}个月期限，{higher}年利率{higher_percent}%高于{lower}的{lower_percent}%",
)
UNKNOWN_TABLE = Reason("unknown_rate_table", "匠心贷 第4条", "没有名为{table}的利率表")
TABLE_EXISTS = Reason("rate_table_exists", "匠心贷 第4条", "利率表{table}已有版本{version}或自{on}起生效的版本")
TERM_NOT_OFFERED = Reason("term_not_offered", "匠心贷 第5条", "期限须为{shortest}至{longest}个月，不能是{months}个月")

SHIPPED = Path(__file__).parent / "rules"
EXACT = Context(prec=28, rounding=ROUND_HALF_EVEN)
RATE_PLACES = Decimal("0.000001")
"""A tier's rate is rounded half to even to six places of a percent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateSnapshot:
    """The rate of a draw and where it comes from: kept on the draw."""

    annual_percent: AnnualPercent
    tier: Tier
    months: int
    on: date
    policy_version: str
    table: str
    table_version: str
    table_effective_from: date
    basis_percent: AnnualPercent
    factor: Decimal
    floor_table: str | None
    floor_version: str | None
    floor_percent: AnnualPercent | None
    words: str
    """Why, for people, in 中文."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A federation's rules as they stand from a day on, with the tables of rates that they rest on."""

    terms: PolicyTerms
    tables: dict[str, RateTable]

    @staticmethod
    def at(federation: str, on: date) -> "Policy":
        """The shipped rules in force in a federation on a day. Refused (`no_policy`) where there are none."""
        return shipped().at(federation, on)

    def tier_of(self, titles: Iterable[str], skilled: bool) -> Tier | None:
        """The highest tier open to who holds these titles, and is (`skilled`) a member or technician in skilled work;
        None for who may not borrow."""
        held = list(titles)
        open_to = [tier for tier in self.terms.tiers if tier.is_for(held, skilled)]
        return open_to[-1].tier if open_to else None

    def tier(self, tier: Tier) -> TierTerms:
        """Raises KeyError for a tier that the federation does not have."""
        return {terms.tier: terms for terms in self.terms.tiers}[tier]

    def cap(self, tier: Tier) -> Fen:
        """The most that a household may owe under this tier, in fen."""
        return self.tier(tier).cap

    def rate(self, tier: Tier, months: int, on: date) -> RateSnapshot:
        """The rate of a draw of `months` made on a day. Refused outside the product's terms (`term_not_offered`)
        and where a table has no rate (`no_rate`)."""
        terms, product = self.tier(tier), self.terms.product
        if not product.shortest_months <= months <= product.longest_months:
            raise TERM_NOT_OFFERED(months=months, shortest=product.shortest_months, longest=product.longest_months)
        table = self.tables[terms.basis]
        quote = table.quote(months, on)
        percent = EXACT.quantize(EXACT.multiply(quote.annual_percent, terms.factor), RATE_PLACES)
        words = f"{terms.words}：{table.words}{_percent(quote.annual_percent)}"
        if terms.factor != 1:
            words += f"×{_plain(terms.factor)}，即{_percent(percent)}"
        floor_table = None if terms.floor is None else self.tables[terms.floor]
        floor = None if floor_table is None else floor_table.quote(months, on)
        if floor_table and floor and floor.annual_percent > percent:
            percent = EXACT.quantize(floor.annual_percent, RATE_PLACES)
            words += f"，低于{floor_table.words}，按{_percent(percent)}执行"
        return RateSnapshot(
            annual_percent=percent,
            tier=tier,
            months=months,
            on=on,
            policy_version=self.terms.version,
            table=table.name,
            table_version=quote.entry.version,
            table_effective_from=quote.entry.effective_from,
            basis_percent=quote.annual_percent,
            factor=terms.factor,
            floor_table=terms.floor,
            floor_version=floor.entry.version if floor else None,
            floor_percent=floor.annual_percent if floor else None,
            words=words,
        )

    def assess(self, tier: Tier, inputs: LimitInputs) -> AssessedLimit:
        """The limit that the four inputs allow, never above the tier's cap."""
        return assess(self.terms.assessment, self.cap(tier), inputs)


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _percent(number: Decimal) -> str:
    return f"{_plain(number)}%"


class BadRules(ValueError):
    """A rules file cannot be used; the message names the file and what is wrong in it."""


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Tables of rates by name, and each federation's policy versions in order of their first day."""

    tables: dict[str, RateTable]
    policies: dict[str, tuple[PolicyTerms, ...]]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """All `*.toml` of a folder. Raises BadRules for what cannot be read, does not fit together, or has rates
        that are not monotone in title."""
        tables: dict[str, RateTable] = {}
        policies: dict[str, list[PolicyTerms]] = {}
        for path in sorted(folder.glob("*.toml")):
            match _read(path):
                case RateTable() as table if table.name in tables:
                    raise BadRules(f"{path.name}: a rates table {table.name} stands in another file")
                case RateTable() as table:
                    tables[table.name] = table
                case policy:
                    policies.setdefault(policy.federation, []).append(policy)
        book = cls(tables, {code: _in_order(versions) for code, versions in policies.items()})
        book._check_references()
        try:
            book._check_monotone(tables)
        except Refused as refused:
            raise BadRules(str(refused)) from refused
        return book

    def at(self, federation: str, on: date) -> Policy:
        """The rules in force in a federation on a day. Refused (`no_policy`) where there are none."""
        in_force = [terms for terms in self.policies.get(federation, ()) if terms.effective_from <= on]
        if not in_force:
            raise NO_POLICY(federation=federation, on=on.isoformat())
        return Policy(in_force[-1], self.tables)

    def published(self, table: str, entry: Entry) -> "Rulebook":
        """The rules with one more entry in a rates table. Refused when any federation's rates were no longer monotone
        in title (`rates_not_monotone`), and for an unknown table, a second entry of one day, or a version used."""
        if table not in self.tables:
            raise UNKNOWN_TABLE(table=table)
        for existing in self.tables[table].entries:
            if existing.version == entry.version or existing.effective_from == entry.effective_from:
                raise TABLE_EXISTS(table=table, version=entry.version, on=entry.effective_from.isoformat())
        book = Rulebook({**self.tables, table: self.tables[table].with_entry(entry)}, self.policies)
        book._check_monotone({table})
        return book

    def _check_references(self) -> None:
        for versions in self.policies.values():
            for terms in versions:
                if missing := sorted(terms.tables - self.tables.keys()):
                    raise BadRules(f"{terms.federation} {terms.version}: no rates table named {', '.join(missing)}")

    def _check_monotone(self, changed: Iterable[str]) -> None:
        """A higher title never pays more, for any term on any day, in any policy that rests on a changed table."""
        names = frozenset(changed)
        for versions in self.policies.values():
            for terms, following in pairwise([*versions, None]):
                if terms is not None and terms.tables & names:
                    self._check_policy(Policy(terms, self.tables), following.effective_from if following else date.max)

    def _check_policy(self, policy: Policy, until: date) -> None:
        used = [entry for name in policy.terms.tables for entry in self.tables[name].entries]
        since, product = policy.terms.effective_from, policy.terms.product
        days = {since} | {entry.effective_from for entry in used if since < entry.effective_from < until}
        limits = {band.up_to_months for entry in used for band in entry.bands if band.up_to_months is not None}
        probes = {product.longest_months} | {
            months for months in limits if product.shortest_months <= months < product.longest_months
        }
        for on in sorted(days):
            for months in sorted(probes):
                self._check_term(policy, months, on)

    def _check_term(self, policy: Policy, months: int, on: date) -> None:
        rates = [(terms, policy.rate(terms.tier, months, on).annual_percent) for terms in policy.terms.tiers]
        for lower, lower_percent in rates:
            for higher, higher_percent in rates:
                if higher.rank > lower.rank and higher_percent > lower_percent:
                    raise NOT_MONOTONE(
                        on=on.isoformat(),
                        months=months,
                        higher=higher.words,
                        higher_percent=str(higher_percent),
                        lower=lower.words,
                        lower_percent=str(lower_percent),
                    )


@cache
def shipped() -> Rulebook:
    """The rules that come with the programme."""
    return Rulebook.load(SHIPPED)


type RulesFile = Annotated[RateTable | PolicyTerms, Field(discriminator="kind")]

RULES_FILE: TypeAdapter[RateTable | PolicyTerms] = TypeAdapter(RulesFile)


def _read(path: Path) -> RateTable | PolicyTerms:
    try:
        with path.open("rb") as file:
            return RULES_FILE.validate_python(tomllib.load(file, parse_float=Decimal))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise BadRules(f"{path.name}: {error}") from error


def _in_order(versions: list[PolicyTerms]) -> tuple[PolicyTerms, ...]:
    ordered = sorted(versions, key=lambda terms: terms.effective_from)
    for earlier, later in pairwise(ordered):
        if later.effective_from == earlier.effective_from:
            raise BadRules(f"{later.federation}: two versions from {later.effective_from}")
    if len({terms.version for terms in ordered}) < len(ordered):
        raise BadRules(f"{ordered[0].federation}: two policies of one version")
    return tuple(ordered)
