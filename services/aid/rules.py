"""The programme's rules: scheme versions with effective dates, read from `rules/*.toml` and published since.

Code holds no figure of the programme. A stay is judged by the version in force in the county on the day of admission.
"""

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

from pydantic import BaseModel, ValidationError

from services.aid.refusals import NO_SCHEME, NOT_A_PERIOD, SCHEME_EXISTS
from services.aid.terms import BenefitFile, Hospital, HospitalsFile, SchemeFile
from shared.schemas.aid import BenefitTable, HospitalCode, Period, PeriodStart, SchemeTerms
from shared.schemas.messages import Federation

__all__ = ["BadRules", "Rulebook", "city_of", "shipped"]

SHIPPED: Final = Path(__file__).parent / "rules"


class BadRules(ValueError):
    """A rules file cannot be used; the message names the file and what is wrong in it."""


def city_of(federation: Federation) -> Federation:
    """The city that a county belongs to, by its division code: `city_of("330783") == "330700"`."""
    return federation[:4] + "00"


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Scheme versions in order of their first day, benefit tables by name, hospitals by code."""

    schemes: tuple[SchemeTerms, ...]
    tables: Mapping[str, BenefitTable]
    hospitals: Mapping[HospitalCode, Hospital]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """All `*.toml` of a folder. Raises BadRules for what cannot be read or does not fit together."""
        contents = {path.name: _read(path) for path in sorted(folder.glob("*.toml"))}
        tables = _tables(contents)
        schemes: list[SchemeTerms] = []
        hospitals: dict[HospitalCode, Hospital] = {}
        for name, content in contents.items():
            match content.get("kind"):
                case "benefit":
                    pass
                case "scheme":
                    schemes.append(_scheme(content, tables, name))
                case "hospitals":
                    for hospital in _shaped(HospitalsFile, content, name).hospitals:
                        if hospital.code in hospitals:
                            raise BadRules(f"{name}: a hospital {hospital.code} stands twice")
                        hospitals[hospital.code] = hospital
                case kind:
                    raise BadRules(f"{name}: no such kind of rules: {kind}")
        _check_once(schemes)
        return cls(_in_order(schemes), tables, hospitals)

    def at(self, county: Federation, on: date) -> SchemeTerms:
        """The version in force in a county on a day. Refused (`no_scheme`) where there is none."""
        in_force = [terms for terms in self.schemes if county in terms.counties and terms.effective_from <= on]
        if not in_force:
            raise NO_SCHEME(federation=county, on=on.isoformat())
        return in_force[-1]

    def version(self, pool: Federation, version: str) -> SchemeTerms:
        """A version by name. Raises KeyError where there is none."""
        for terms in self.schemes:
            if (terms.pool, terms.version) == (pool, version):
                return terms
        raise KeyError(f"{pool} {version}")

    def period(self, county: Federation, first: PeriodStart) -> tuple[SchemeTerms, Period]:
        """The period that begins on a day, and the version in force then. Refused where none begins on it."""
        terms = self.at(county, first)
        period = terms.period(first)
        if period.first != first:
            raise NOT_A_PERIOD(first=period.first.isoformat(), period=first.isoformat())
        return terms, period

    def period_before(self, county: Federation, first: PeriodStart) -> PeriodStart | None:
        """The first day of the period before one; None where the programme did not run yet."""
        day = first - timedelta(days=1)
        in_force = [terms for terms in self.schemes if county in terms.counties and terms.effective_from <= day]
        return in_force[-1].period(day).first if in_force else None

    def hospital(self, code: HospitalCode) -> Hospital | None:
        return self.hospitals.get(code)

    def published(self, terms: SchemeTerms) -> "Rulebook":
        """With one more version. Refused (`scheme_exists`) for a version's name or first day that the pool has."""
        for known in self.schemes:
            if known.pool == terms.pool and (
                known.version == terms.version or known.effective_from == terms.effective_from
            ):
                raise SCHEME_EXISTS(pool=terms.pool, version=terms.version, on=terms.effective_from.isoformat())
        return self.with_schemes([terms])

    def with_schemes(self, more: Iterable[SchemeTerms]) -> "Rulebook":
        return replace(self, schemes=_in_order((*self.schemes, *more)))


@cache
def shipped() -> Rulebook:
    """The rules that come with the programme."""
    return Rulebook.load(SHIPPED)


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise BadRules(f"{path.name}: {error}") from error


def _shaped[T: BaseModel](shape: type[T], content: dict[str, Any], name: str) -> T:
    """Read as if it came over the wire: amounts are CNY. An unknown key is refused."""
    try:
        return shape.model_validate_json(json.dumps(content, default=str), extra="forbid")
    except ValidationError as error:
        raise BadRules(f"{name}: {error}") from error


def _tables(contents: Mapping[str, dict[str, Any]]) -> dict[str, BenefitTable]:
    tables: dict[str, BenefitTable] = {}
    for name, content in contents.items():
        if content.get("kind") == "benefit":
            table = _shaped(BenefitFile, content, name)
            if table.name in tables:
                raise BadRules(f"{name}: a benefit table {table.name} stands in another file")
            tables[table.name] = BenefitTable(deductible=table.deductible, bands=table.bands)
    return tables


def _scheme(content: dict[str, Any], tables: Mapping[str, BenefitTable], name: str) -> SchemeTerms:
    """Where its file names a benefit table, that table becomes a part of it."""
    named = content.get("benefit")
    if isinstance(named, str):
        if named not in tables:
            raise BadRules(f"{name}: no benefit table named {named}")
        content = {**content, "benefit": tables[named].model_dump(mode="json")}
    return _shaped(SchemeFile, content, name).terms


def _check_once(schemes: Iterable[SchemeTerms]) -> None:
    versions: set[tuple[str, str]] = set()
    first_days: set[tuple[str, date]] = set()
    for terms in schemes:
        if (terms.pool, terms.version) in versions:
            raise BadRules(f"{terms.pool}: two schemes of version {terms.version}")
        for county in terms.counties:
            if (county, terms.effective_from) in first_days:
                raise BadRules(f"{county}: two schemes from {terms.effective_from}")
            first_days.add((county, terms.effective_from))
        versions.add((terms.pool, terms.version))


def _in_order(schemes: Iterable[SchemeTerms]) -> tuple[SchemeTerms, ...]:
    return tuple(sorted(schemes, key=lambda terms: terms.effective_from))
