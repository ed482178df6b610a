"""Rates as they are published: further entries of the tables that the shipped rules begin with."""

from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from services.loan import refusals
from services.loan.domain.facts import LoanFacts
from services.loan.rates import Band, Entry, RateTable
from services.loan.rules import UNKNOWN_TABLE, Rulebook
from shared.eventsourcing.decider import Aggregate
from shared.schemas.loan import PublishRates, RatesEvent, RatesPublished
from shared.schemas.messages import Role

__all__ = ["RATES", "PublishedRates", "decide", "evolve"]


@dataclass(frozen=True, slots=True)
class PublishedRates:
    """What was published in a federation since the shipped rules."""

    entries: tuple[RatesPublished, ...] = ()

    def on_top_of(self, shipped: Rulebook) -> Rulebook:
        """The shipped rules with all that was published; an entry that is shipped by now counts once."""
        tables = dict(shipped.tables)
        for published in self.entries:
            table = tables.get(published.table)
            if table is not None and not _has(table, published):
                tables[published.table] = table.with_entry(_entry(published))
        return Rulebook(tables, shipped.policies)


def _has(table: RateTable, published: RatesPublished) -> bool:
    return any(
        entry.version == published.version or entry.effective_from == published.effective_from
        for entry in table.entries
    )


def _entry(published: RatesPublished | PublishRates) -> Entry:
    bands = tuple(Band(up_to_months=band.up_to_months, annual_percent=band.annual_percent) for band in published.bands)
    return Entry(version=published.version, effective_from=published.effective_from, bands=bands)


def decide(command: PublishRates, state: PublishedRates, facts: LoanFacts) -> list[RatesEvent]:
    """`facts.rulebook` is that of the state. Refused where a higher title would pay more (`rates_not_monotone`)."""
    table = facts.rulebook.tables.get(command.table)
    if table is None:
        raise UNKNOWN_TABLE(table=command.table)
    _publisher(table, facts)
    if command.effective_from < facts.today:
        raise refusals.RATES_IN_PAST(on=command.effective_from.isoformat())
    try:
        entry = _entry(command)
    except ValidationError as error:
        raise refusals.MALFORMED_BANDS() from error
    facts.rulebook.published(command.table, entry)
    published = RatesPublished(
        table=command.table,
        version=command.version,
        effective_from=command.effective_from,
        bands=command.bands,
    )
    return [published]


def _publisher(table: RateTable, facts: LoanFacts) -> None:
    """A bank publishes its own rates, the federation all others."""
    publisher = table.bank or "总工会"
    allowed = facts.actor.id == table.bank if facts.actor.role is Role.BANK else table.bank is None
    if not allowed:
        raise refusals.NOT_YOUR_RATES(table=table.words, publisher=publisher)


def evolve(state: PublishedRates, event: RatesEvent) -> PublishedRates:
    match event:
        case RatesPublished():
            return PublishedRates((*state.entries, event))
        case _:
            return state


RATES: Final[Aggregate[PublishedRates, RatesEvent]] = Aggregate("rates", PublishedRates(), evolve)
"""Its key is the federation's code."""
