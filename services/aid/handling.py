"""From a command to its streams: load what the decision rests on, decide, append to every stream in one commit."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.aid.domain.claim import CLAIM, Claim
from services.aid.domain.contract import CONTRACT
from services.aid.domain.deciding import decide
from services.aid.domain.desk import Desk, stream_of
from services.aid.domain.facts import AidFacts
from services.aid.domain.reading import reads, subject
from services.aid.rules import Rulebook
from shared.eventsourcing.repository import Session
from shared.schemas.aid import ClaimCommand, RenewContract, SubmitEnrolment, contract_id
from shared.schemas.ids import MemberId
from shared.schemas.messages import Command, Federation

__all__ = ["Concerned", "FactsOf", "carry_out", "loaded"]


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
