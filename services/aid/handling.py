"""From a command to its streams: load what the decision rests on, decide, append to every stream in one commit."""

import asyncio
from functools import lru_cache

from services.aid.domain import publication
from services.aid.domain.claim import CLAIM
from services.aid.domain.contract import CONTRACT
from services.aid.domain.deciding import decide
from services.aid.domain.desk import Desk, stream_of
from services.aid.domain.facts import AidFacts, Concerned, FactsOf
from services.aid.domain.publication import SCHEME, PublishedSchemes
from services.aid.domain.reading import reads, subject
from services.aid.outside import facts, facts_about, patient_of
from services.aid.rules import Rulebook, city_of, shipped
from shared.eventsourcing.repository import Session
from shared.runtime.commands import Context, Handler
from shared.schemas import aid
from shared.schemas.aid import (
    ClaimCommand,
    PublishScheme,
    QuoteCommand,
    QuoteForPatient,
    QuoteSettlement,
    RenewContract,
    SubmitEnrolment,
    contract_id,
)
from shared.schemas.language import commands_of
from shared.schemas.messages import Command, Federation

__all__ = ["HANDLERS", "carry_out", "loaded", "rulebook"]


async def carry_out(
    command: Command, session: Session, rulebook: Rulebook, federation: Federation, facts_of: FactsOf
) -> None:
    """Any command but `PublishScheme` and `QuoteForPatient`. Raises Refused."""
    desk = await loaded(command, session, rulebook, federation)
    known = await facts_of(_concerned(command, desk, rulebook, federation))
    for event in decide(command, desk, known):
        aggregate, key = stream_of(event)
        session.append(aggregate, key, [event])


async def loaded(command: Command, session: Session, rulebook: Rulebook, federation: Federation) -> Desk:
    """All that the decision reads. The reply will tell of the first of its streams, whatever is decided."""
    desk = Desk()
    while missing := reads(command, desk, rulebook, federation):
        if not desk.states:
            session.append(*missing[0], [])
        states = await asyncio.gather(*(session.load(aggregate, key) for aggregate, key in missing))
        found = {aggregate.stream(key): state for (aggregate, key), state in zip(missing, states, strict=True)}
        desk = Desk({**desk.states, **found})
    return desk


def _concerned(command: Command, desk: Desk, rulebook: Rulebook, federation: Federation) -> Concerned:
    match command:
        case SubmitEnrolment(members=members):
            return Concerned(roster=members)
        case RenewContract(employer_id=employer, period=period):
            before = rulebook.period_before(federation, period)
            last = desk.of(CONTRACT, contract_id(employer, before)) if before is not None else None
            return Concerned(roster=last.covered if last is not None else ())
        case ClaimCommand(claim_id=key) if desk.has(CLAIM, key):
            return Concerned(subject=subject(command, desk), claim=desk.of(CLAIM, key))
        case _:
            return Concerned(subject=subject(command, desk))


@lru_cache(maxsize=16)
def rulebook(published: PublishedSchemes) -> Rulebook:
    """The shipped rules with what a city has published."""
    return published.on_top_of(shipped())


async def handle(command: Command, context: Context) -> None:
    rules = await _rules(context)

    async def facts_of(concerned: Concerned) -> AidFacts:
        return await facts_about(command, concerned, rules, context)

    await carry_out(command, context.session, rules, context.envelope.federation, facts_of)


async def publish(command: PublishScheme, context: Context) -> None:
    city = city_of(context.envelope.federation)
    published = await context.session.load(SCHEME, city)
    context.session.append(SCHEME, city, publication.decide(command, facts(context, rulebook(published))))


async def quote_for_patient(command: QuoteForPatient, context: Context) -> None:
    rules = await _rules(context)
    member_id = await patient_of(command, rules, context)
    told = {name: getattr(command, name) for name in QuoteCommand.model_fields}
    await handle(QuoteSettlement(**told, member_id=member_id), context)


async def _rules(context: Context) -> Rulebook:
    """As the log has them: a decision stands only if no version was published meanwhile."""
    published = await context.session.load(SCHEME, city_of(context.envelope.federation), in_turn=False)
    return rulebook(published)


HANDLERS: dict[type[Command], Handler] = {
    **dict.fromkeys(set(commands_of(aid).values()) - {PublishScheme, QuoteForPatient}, handle),
    PublishScheme: publish,
    QuoteForPatient: quote_for_patient,
}
