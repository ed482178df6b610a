"""Scheme versions as they are published, on top of those that are shipped."""

from dataclasses import dataclass
from typing import Final

from services.aid import refusals
from services.aid.domain.facts import AidFacts
from services.aid.rules import Rulebook, city_of
from shared.eventsourcing.decider import Aggregate
from shared.schemas.aid import PublishScheme, SchemeEvent, SchemePublished, SchemeTerms

__all__ = ["SCHEME", "PublishedSchemes", "decide", "evolve"]


@dataclass(frozen=True, slots=True)
class PublishedSchemes:
    versions: tuple[SchemeTerms, ...] = ()

    def on_top_of(self, shipped: Rulebook) -> Rulebook:
        """The shipped rules with all that was published; a version that is shipped by now counts once."""
        known = {(terms.pool, terms.version) for terms in shipped.schemes}
        new = [terms for terms in self.versions if (terms.pool, terms.version) not in known]
        return shipped.with_schemes(new) if new else shipped


def decide(command: PublishScheme, facts: AidFacts) -> list[SchemeEvent]:
    """`facts.rulebook` has all that was published before. What has been filed is judged as it was: a version begins
    after the day it is published on."""
    terms = command.terms
    if facts.federation != terms.pool:
        raise refusals.NOT_YOUR_POOL(pool=terms.pool)
    if terms.effective_from <= facts.today:
        raise refusals.SCHEME_IN_PAST(on=terms.effective_from.isoformat())
    facts.rulebook.published(terms)
    return [SchemePublished(city=city_of(terms.pool), terms=terms, by=facts.actor.id)]


def evolve(state: PublishedSchemes, event: SchemeEvent) -> PublishedSchemes:
    match event:
        case SchemePublished(terms=terms):
            return PublishedSchemes((*state.versions, terms))
        case _:
            return state


SCHEME: Final[Aggregate[PublishedSchemes, SchemeEvent]] = Aggregate("scheme", PublishedSchemes(), evolve)
"""Its key is the code of the city: all versions of its own and its counties' pools."""
