"""From a command to its streams: load what the decision rests on, decide, append to every stream in one commit."""

from collections.abc import Awaitable, Callable

from services.loan.domain.application import APPLICATION, Application, Endorsed, Filed, Recommended
from services.loan.domain.deciding import decide
from services.loan.domain.desk import Desk, stream_of
from services.loan.domain.facts import LoanFacts
from services.loan.domain.household import HOUSEHOLD
from services.loan.domain.line import LINE, Line, LineState
from shared.eventsourcing.repository import Session
from shared.schemas.ids import HouseholdId, MemberId
from shared.schemas.loan import AcceptLoan, ApplicationCommand, ApplyForLoan, LineCommand

__all__ = ["FactsOf", "carry_out"]

type FactsOf = Callable[[MemberId | None], Awaitable[LoanFacts]]
"""What is known from outside; of a borrower, or of none where the application or line has none (any more)."""


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
    facts = await facts_of(member_id)
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
