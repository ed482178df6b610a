"""The variables of a template: their types, and how people write them in 中文."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BeforeValidator, JsonValue, NonNegativeInt, StringConstraints, TypeAdapter, ValidationInfo
from pydantic_core import to_json

from shared.eventsourcing.decider import SHANGHAI
from shared.schemas.messages import Instant
from shared.schemas.money import AnnualPercent, Fen, cny

__all__ = ["Kind", "Variable", "VariableText", "Vocabulary"]

type Vocabulary = Mapping[str, Mapping[str, str]]
"""Tables of words by code. A table is never changed once used: its name ends in its version, `ground-1`."""

LONGEST_LIST: Final = 5
"""Of several values, how many are named."""
LIKELY_LIST: Final = 3

type ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class Kind(StrEnum):
    TEXT = "text"
    MONEY = "money"  # "17421.13" in JSON: 17,421.13元
    DATE = "date"  # 2026年11月24日
    INSTANT = "instant"  # in China: 2026年11月24日 09:30
    PERCENT = "percent"  # 4.35%
    MONTHS = "months"  # 12个月
    DAYS = "days"  # 7天
    COUNT = "count"  # 3
    REFERENCE = "reference"  # the end of an id, for people to name a case by: 3F2A91BC
    WORD = "word"  # a code, in the words that the vocabulary has for it


@dataclass(frozen=True, slots=True)
class Variable:
    """`words` are those of a `WORD`, by code. An optional one may be null, and is None in the template; so is one of
    `several` values where there are none."""

    kind: Kind
    optional: bool = False
    words: tuple[tuple[str, str], ...] = ()
    several: bool = False

    def written(self, value: JsonValue) -> str | None:
        """As people write it. Raises ValueError for a value that is not of this type."""
        if value is None and self.optional:
            return None
        if self.several:
            return self._listed(value)
        return self._one(value)

    def _listed(self, values: JsonValue) -> str | None:
        if not isinstance(values, list):
            raise ValueError("not a list")
        named = [self._one(value) for value in values[:LONGEST_LIST]]
        more = f"等{len(values)}项" if len(values) > LONGEST_LIST else ""
        return ("；" if self.kind is Kind.TEXT else "、").join(named) + more or None

    def _one(self, value: JsonValue) -> str:
        if self.kind is Kind.WORD:
            found = dict(self.words).get(str(value))
            if found is None:
                raise ValueError(f"there are no words for {value!r}")
            return found
        adapter, write = _KINDS[self.kind]
        return write(adapter.validate_json(to_json(value)))

    @property
    def example(self) -> str:
        """The longest likely text of its type."""
        one = max((word for _, word in self.words), key=len) if self.words else _EXAMPLES[self.kind]
        return "、".join([one] * LIKELY_LIST) if self.several else one


def _read(written: object, info: ValidationInfo) -> Variable:
    """From a template's file: `money`; `date?` where it may be missing; `text*` where there may be several or none;
    `word:ground-1`, a table of the vocabulary."""
    if isinstance(written, Variable):
        return written
    if not isinstance(written, str):
        raise ValueError("a variable is a type, such as money")
    optional, several = written.endswith("?"), written.endswith("*")
    name = written.rstrip("?*")
    kind, _, table = name.partition(":")
    if kind != Kind.WORD:
        return Variable(Kind(name), optional or several, several=several)
    vocabulary: Vocabulary = (info.context or {}).get("vocabulary", {})
    if table not in vocabulary:
        raise ValueError(f"the vocabulary has no {table}")
    return Variable(Kind.WORD, optional or several, tuple(vocabulary[table].items()), several)


type VariableText = Annotated[Variable, BeforeValidator(_read)]


def _text(text: str) -> str:
    # The brackets of a signature would make a second sender of it.
    return " ".join(text.split()).replace("【", "（").replace("】", "）")


def _money(amount: int) -> str:
    yuan, _, cents = cny(abs(amount)).partition(".")
    places = "" if cents == "00" else f".{cents}"
    return f"{'-' if amount < 0 else ''}{int(yuan):,}{places}元"


def _date(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def _instant(instant: datetime) -> str:
    local = instant.astimezone(SHANGHAI)
    return f"{_date(local.date())} {local:%H:%M}"


def _percent(percent: Decimal) -> str:
    plain = f"{percent:f}"
    return f"{plain.rstrip('0').rstrip('.') if '.' in plain else plain}%"


def _reference(identity: UUID) -> str:
    return identity.hex[-8:].upper()


_KINDS: Final[dict[Kind, tuple[TypeAdapter[Any], Callable[[Any], str]]]] = {
    Kind.TEXT: (TypeAdapter(ShortText), _text),
    Kind.MONEY: (TypeAdapter(Fen), _money),
    Kind.DATE: (TypeAdapter(date), _date),
    Kind.INSTANT: (TypeAdapter(Instant), _instant),
    Kind.PERCENT: (TypeAdapter(AnnualPercent), _percent),
    Kind.MONTHS: (TypeAdapter(NonNegativeInt), "{}个月".format),
    Kind.DAYS: (TypeAdapter(NonNegativeInt), "{}天".format),
    Kind.COUNT: (TypeAdapter(NonNegativeInt), "{}".format),
    Kind.REFERENCE: (TypeAdapter(UUID), _reference),
}

_EXAMPLES: Final = {
    Kind.TEXT: "字" * 60,
    Kind.MONEY: "1,234,567.89元",
    Kind.DATE: "2026年11月24日",
    Kind.INSTANT: "2026年11月24日 09:30",
    Kind.PERCENT: "4.785%",
    Kind.MONTHS: "36个月",
    Kind.DAYS: "30天",
    Kind.COUNT: "100",
    Kind.REFERENCE: "3F2A91BC",
}
