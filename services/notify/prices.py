"""What text messages cost, by provider and day, as `prices.toml` says."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from services.notify.segments import Counting, parts_of
from shared.schemas.money import Fen
from shared.schemas.notify import Name

__all__ = ["Price", "Prices", "shipped"]

HERE: Final = Path(__file__).parent
LI_IN_A_FEN: Final = 10


class Price(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    since: date
    """A day in China."""
    li: Annotated[int, Field(ge=0)]
    """For a part, in 厘: a tenth of a fen, since vendors ask for 4.5 fen and the like."""
    counting: Counting

    def parts(self, text: str) -> int:
        """Of a text with its signature. Raises TooLong."""
        return parts_of(text, self.counting)

    def of(self, parts: int) -> Fen:
        """Of so many parts in all, to the nearest fen, half a fen upwards. Add parts up before: each rounding of a
        single message would be off by up to half a fen.

        >>> Price(since=date(2026, 1, 1), li=45, counting=Counting.BILLED).of(1000)
        4500
        """
        return (parts * self.li + LI_IN_A_FEN // 2) // LI_IN_A_FEN


_prices = TypeAdapter(dict[Name, Annotated[tuple[Price, ...], Field(min_length=1)]])


@dataclass(frozen=True, slots=True)
class Prices:
    prices: Mapping[str, Sequence[Price]]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises ValueError."""
        return cls(_prices.validate_python(tomllib.loads(path.read_text(encoding="utf-8"))))

    def on(self, day: date, provider: str) -> Price | None:
        """What counts on that day; None where nothing is known of the provider then."""
        known = [price for price in self.prices.get(provider, ()) if price.since <= day]
        return max(known, key=lambda price: price.since, default=None)


@cache
def shipped() -> Prices:
    return Prices.load(HERE / "prices.toml")
