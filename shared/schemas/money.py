"""Money and rates.

In Python an amount is a whole number of fen (`Fen`, an `int`); on the wire it is a CNY decimal string with
two places, `"1234.50"`. A rate is an annual percentage (`AnnualPercent`), `Decimal("4.35")`.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Any, Final

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

__all__ = ["AnnualPercent", "Fen", "NonNegativeFen", "PositiveFen", "cny", "fen", "round_fen"]

LARGEST_FEN: Final = 10**15
"""Ten trillion CNY: larger amounts are malformed, not rich."""
LONGEST_CANONICAL: Final = len("9999999999999.99")


_AMOUNT: Final = re.compile(r"-?[0-9]{1,13}(?:\.[0-9]{1,2})?")


def fen(amount: str | int | float | Decimal) -> int:
    """CNY to fen: `fen("1234.50") == 123450`. Raises ValueError beyond two places or ten trillion CNY."""
    text = amount if type(amount) is str else f"{amount:f}" if isinstance(amount, Decimal) else str(amount)
    if _AMOUNT.fullmatch(text) is None:
        raise ValueError("an amount is CNY with at most two places, such as 1234.50")
    whole, _, part = text.partition(".")
    return int(whole + (part if len(part) == 2 else part.ljust(2, "0")))


def cny(amount: int) -> str:
    """Fen to CNY: `cny(123450) == "1234.50"`."""
    sign, whole = ("-", -amount) if amount < 0 else ("", amount)
    return f"{sign}{whole // 100}.{whole % 100:02d}"


def round_fen(exact: Decimal) -> int:
    """An exact amount in fen to whole fen, half to even."""
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


@dataclass(frozen=True, slots=True)
class _CnyOnTheWire:
    """Bounds are those of the integer: where they are annotated beside it, they are checked several times slower."""

    least: int = -LARGEST_FEN
    pattern: str = r"^-?\d+(\.\d{1,2})?$"

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        amount = core_schema.int_schema(strict=True, ge=self.least, le=LARGEST_FEN)
        return core_schema.json_or_python_schema(
            json_schema=core_schema.no_info_before_validator_function(_from_wire, amount),
            python_schema=amount,
            serialization=core_schema.plain_serializer_function_ser_schema(cny, when_used="json"),
        )

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "format": "cny", "pattern": self.pattern, "examples": ["1234.50"]}


def _from_wire(value: Any) -> int:
    if type(value) is str:
        if value[-3:-2] == "." and len(value) <= LONGEST_CANONICAL:  # as `cny` writes it: events are full of these
            digits = value[:-3] + value[-2:]
            if digits.isdigit() and digits.isascii():
                return int(digits)
    elif isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("an amount is a string, such as 1234.50")
    return fen(value)


type Fen = Annotated[int, _CnyOnTheWire()]
type PositiveFen = Annotated[int, _CnyOnTheWire(1, r"^(?!0+(\.0+)?$)\d+(\.\d{1,2})?$")]
type NonNegativeFen = Annotated[int, _CnyOnTheWire(0, r"^\d+(\.\d{1,2})?$")]
type AnnualPercent = Annotated[Decimal, Field(ge=0, le=100, max_digits=9, decimal_places=6)]
