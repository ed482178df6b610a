"""From a command to its streams: load what the decision rests on, decide, append to every stream in one commit."""

from collections.abc import Awaitable, Callable
from functools import lru_cache

from services.loan import refusals
from services.loan.borrowers import MemoryOfBorrowers, member_facts
from services.loan.domain import publication
from services.loan.domain.application import APPLICATION, Application, Endorsed, Filed, Recommended
from services.loan.domain.deciding import decide
from services.loan.domain.desk import Desk, stream_of
from services.loan.domain.facts import LoanFacts, MemberFacts
from services.loan.domain.household import HOUSEHOLD
from services.loan.domain.line import LINE, Line, LineState
from services.loan.domain.publication import RATES, PublishedRates
from services.loan.means import told
from services.loan.rules import Rulebook, shipped
from shared.eventsourcing.repository import Session
from shared.people import unions_of
from shared.runtime.commands import Context, Handler
from shared.schemas import loan
from shared.schemas.ids import HouseholdId, MemberId, UnionId
from shared.schemas.language import commands_of
from shared.schemas.loan import (
    AcceptLoan,
    ApplicationCommand,
    ApplicationId,
    ApplyForLoan,
    Borrower,
    ChangeLimit,
    EndorseApplication,
    LineCommand,
    PublishRates,
)
from shared.schemas.messages import Command

__all__ = ["HANDLERS", "FactsOf", "carry_out", "rulebook"]

type FactsOf = Callable[[MemberId | None, ApplicationId | None], Awaitable[LoanFacts]]
"""What is known from outside; of a borrower, or of none where the application or line has none (any more). With it what
an application says of their means, where the decision assesses it anew."""


async def carry_out(command: ApplicationCommand | LineCommand, session: Session, facts_of: FactsOf) -> None:
    """Raises Refused."""
    match command:
        case ApplicationCommand(application_id=application_id):
            application = await session.load(APPLICATION, application_id)
            desk = Desk(application=application)
            if isinstance(command, AcceptLoan):
                desk = Desk(application=application, line=await session.load(LINE, command.line_id))
            member_id, household_id = _of_application(command, application)
        case LineCommand(line_id=line_id):
            desk = Desk(line=await session.load(LINE, line_id))
            member_id, household_id = _of_line(desk.line)
    facts = await facts_of(member_id, _assessed_anew(command, desk))
    concerned = {household_id} if household_id is not None else set()
    if facts.member is not None:
        concerned.add(facts.member.household_id)
    households = {key: await session.load(HOUSEHOLD, key) for key in sorted(concerned)}
    for event in decide(command, Desk(desk.application, desk.line, households), facts):
        aggregate, key = stream_of(event)
        session.append(aggregate, key, [event])


def _of_application(
    command: ApplicationCommand, application: Application
) -> tuple[MemberId | None, HouseholdId | None]:
    match command, application:
        case _, Filed(dossier=dossier) | Recommended(dossier=dossier) | Endorsed(dossier=dossier):
            return dossier.member_id, dossier.household_id
        case ApplyForLoan(member_id=member_id), _:
            return member_id, None
        case _:
            return None, None


def _of_line(line: LineState) -> tuple[MemberId | None, HouseholdId | None]:
    return (line.member_id, line.household_id) if isinstance(line, Line) else (None, None)


def _assessed_anew(command: ApplicationCommand | LineCommand, desk: Desk) -> ApplicationId | None:
    match command, desk.line:
        case EndorseApplication(application_id=application_id), _:
            return application_id
        case ChangeLimit(limit=limit), Line() as line if limit > line.limit:
            return line.application_id
        case _:
            return None


async def handle(command: ApplicationCommand | LineCommand, context: Context) -> None:
    async def facts_of(member_id: MemberId | None, assessed_anew: ApplicationId | None) -> LoanFacts:
        rates = await context.session.load(RATES, context.envelope.federation, in_turn=False)
        member = await _member(command, member_id, context)
        means = None if assessed_anew is None else await told(assessed_anew, context)
        return _facts(context, rates, member, await unions_of(context.envelope.actor, context.read_models), means)

    await carry_out(command, context.session, facts_of)


async def publish(command: PublishRates, context: Context) -> None:
    federation = context.envelope.federation
    rates = await context.session.load(RATES, federation)
    context.session.append(RATES, federation, publication.decide(command, rates, _facts(context, rates)))


def _facts(
    context: Context,
    rates: PublishedRates,
    member: MemberFacts | None = None,
    acts_for: frozenset[UnionId] = frozenset(),
    means: Borrower | None = None,
) -> LoanFacts:
    return LoanFacts(
        now=context.now,
        actor=context.envelope.actor,
        federation=context.envelope.federation,
        rulebook=rulebook(rates),
        member=member,
        acts_for=acts_for,
        means=means,
    )


@lru_cache(maxsize=16)
def rulebook(rates: PublishedRates) -> Rulebook:
    """The shipped rules with a federation's published rates."""
    return rates.on_top_of(shipped())


async def _member(command: Command, member_id: MemberId | None, context: Context) -> MemberFacts | None:
    """The borrower; refused as unknown where they are another federation's."""
    if member_id is None:
        return None
    memory: MemoryOfBorrowers = context.resources
    row = await memory.row(member_id, context.read_models)
    if row is not None and row.federation == context.envelope.federation:
        return member_facts(row, context.facts().today)
    match command:
        case ApplyForLoan():
            return None
        case ApplicationCommand():
            raise refusals.UNKNOWN_APPLICATION()
        case _:
            raise refusals.UNKNOWN_LINE()


HANDLERS: dict[type[Command], Handler] = {
    **dict.fromkeys(set(commands_of(loan).values()) - {PublishRates}, handle),
    PublishRates: publish,
}
