"""From a command to its streams: load what the decision rests on, decide, append to every stream in one commit."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from services.aid.domain import publication
from services.aid.domain.claim import CLAIM, Claim
from services.aid.domain.contract import CONTRACT
from services.aid.domain.deciding import decide
from services.aid.domain.desk import Desk, stream_of
from services.aid.domain.facts import AidFacts, Worker
from services.aid.domain.publication import SCHEME, PublishedSchemes
from services.aid.domain.reading import reads, subject
from services.aid.people import Workers, as_worker, employers_of, unions_of
from services.aid.rules import Rulebook, city_of, shipped
from shared.eventsourcing.repository import Session
from shared.runtime.commands import Context, Handler
from shared.schemas import aid
from shared.schemas.aid import (
    ClaimCommand,
    ContractCommand,
    PublishScheme,
    RenewContract,
    SubmitEnrolment,
    contract_id,
)
from shared.schemas.ids import EmployerId, MemberId
from shared.schemas.language import commands_of
from shared.schemas.messages import Command, Federation

__all__ = ["HANDLERS", "Concerned", "FactsOf", "carry_out", "loaded", "rulebook"]


@dataclass(frozen=True, slots=True)
class Concerned:
    """About whom facts are wanted."""

    subject: MemberId | None = None
    """Whose claim, cover or appointment it is."""
    roster: tuple[MemberId, ...] = ()
    """Those whom an enrolment names, or a renewal may take along."""
    claim: Claim | None = None
    """Where it names a successor, `AidFacts.account` is the successor's: see `SuccessorNamed`."""


type FactsOf = Callable[[Concerned], Awaitable[AidFacts]]
"""What is known from outside, with the same rulebook and federation."""


async def carry_out(
    command: Command, session: Session, rulebook: Rulebook, federation: Federation, facts_of: FactsOf
) -> None:
    """Any command but `PublishScheme`. Raises Refused."""
    desk = await loaded(command, session, rulebook, federation)
    facts = await facts_of(_concerned(command, desk, rulebook, federation))
    for event in decide(command, desk, facts):
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
    federation = context.envelope.federation
    published = await context.session.load(SCHEME, city_of(federation), in_turn=False)
    rules = rulebook(published)

    async def facts_of(concerned: Concerned) -> AidFacts:
        return await _known(command, concerned, rules, context)

    await carry_out(command, context.session, rules, federation, facts_of)


async def publish(command: PublishScheme, context: Context) -> None:
    city = city_of(context.envelope.federation)
    published = await context.session.load(SCHEME, city)
    context.session.append(SCHEME, city, publication.decide(command, _facts(context, rulebook(published))))


async def _known(command: Command, concerned: Concerned, rules: Rulebook, context: Context) -> AidFacts:
    acts_for = await unions_of(context.envelope.actor, context.read_models)
    employers: frozenset[EmployerId] = frozenset()
    if isinstance(command, ContractCommand):
        employers = await employers_of(acts_for, context.read_models)
    return replace(
        _facts(context, rules),
        worker=await _worker(concerned.subject, context),
        workers=await _workers(concerned.roster, context),
        acts_for=acts_for,
        acts_for_employers=employers,
    )


def _facts(context: Context, rules: Rulebook) -> AidFacts:
    return AidFacts(
        now=context.now,
        actor=context.envelope.actor,
        federation=context.envelope.federation,
        rulebook=rules,
    )


async def _worker(member_id: MemberId | None, context: Context) -> Worker | None:
    """Of any county of the city: a claim may be taken in another county of the pool."""
    if member_id is None:
        return None
    row = await context.read_models.one(Workers, member_id)
    if row is None or city_of(row.federation) != city_of(context.envelope.federation):
        return None
    return as_worker(row, context.facts().today)


async def _workers(roster: Sequence[MemberId], context: Context) -> dict[MemberId, Worker]:
    """Those of this federation: it shares in the fund for whom it enrols."""
    if not roster:
        return {}
    here = "member_id = any($1) and federation = $2"
    rows = await context.read_models.some(Workers, here, list(roster), context.envelope.federation)
    today = context.facts().today
    return {row.member_id: as_worker(row, today) for row in rows}


HANDLERS: dict[type[Command], Handler] = {
    **dict.fromkeys(set(commands_of(aid).values()) - {PublishScheme}, handle),
    PublishScheme: publish,
}
