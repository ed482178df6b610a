"""Tables of rates by term, each entry in force from a date until the next: reference rates and the banks' own."""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveInt

from shared.schemas.messages import Reason
from shared.schemas.money import AnnualPercent

__all__ = ["NO_RATE", "Band", "Entry", "Quote", "RateTable", "RulesTable", "Word"]

NO_RATE = Reason("no_rate", "匠心贷 第4条", "{on}没有适用于{months}个月期限的{table}")


class RulesTable(BaseModel):
    """A table of a rules file: an unknown or missing key is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


type Word = Annotated[str, Field(min_length=1, max_length=100)]


class Band(RulesTable):
    """The rate of terms up to and including a number of months; of all longer ones without it."""

    up_to_months: PositiveInt | None = None
    annual_percent: AnnualPercent


def _ascending(bands: Sequence[Band]) -> Sequence[Band]:
    for shorter, longer in pairwise(bands):
        if shorter.up_to_months is None:
            raise ValueError("only the last band may be without up_to_months")
        if longer.up_to_months is not None and longer.up_to_months <= shorter.up_to_months:
            raise ValueError(f"bands ascend, but {longer.up_to_months} months follow {shorter.up_to_months}")
    return bands


class Entry(RulesTable):
    """The rates in force from a day on."""

    version: Word
    effective_from: date
    bands: Annotated[tuple[Band, ...], Field(min_length=1), AfterValidator(_ascending)]

    def annual_percent(self, months: int) -> AnnualPercent | None:
        for band in self.bands:
            if band.up_to_months is None or months <= band.up_to_months:
                return band.annual_percent
        return None


def _in_order(entries: Sequence[Entry]) -> Sequence[Entry]:
    for earlier, later in pairwise(entries):
        if later.effective_from <= earlier.effective_from:
            raise ValueError(f"entries follow each other in time, but {later.version} is not after {earlier.version}")
    if len({entry.version for entry in entries}) < len(entries):
        raise ValueError("each entry has a version of its own")
    return entries


class Quote(NamedTuple):
    """What a table says for one term on one day."""

    entry: Entry
    annual_percent: AnnualPercent


class RateTable(RulesTable):
    """A named series of rates, such as the PBoC benchmark, LPR, or a bank's own."""

    kind: Literal["rates"]
    name: Word
    words: Word
    """Its name for people, in 中文."""
    bank: Word | None = None
    """The bank whose own rates these are, and who publishes them."""
    entries: Annotated[tuple[Entry, ...], Field(min_length=1), AfterValidator(_in_order)]

    def quote(self, months: int, on: date) -> Quote:
        """The rate for a term of `months` on a day. Refused (`no_rate`) when none is in force."""
        in_force = [entry for entry in self.entries if entry.effective_from <= on]
        percent = in_force[-1].annual_percent(months) if in_force else None
        if percent is None:
            raise NO_RATE(table=self.words, months=months, on=on.isoformat())
        return Quote(in_force[-1], percent)

    def with_entry(self, entry: Entry) -> "RateTable":
        """Raises pydantic.ValidationError for a second entry of one day or one version."""
        entries = sorted((*self.entries, entry), key=lambda each: each.effective_from)
        return RateTable(kind="rates", name=self.name, words=self.words, bank=self.bank, entries=tuple(entries))
