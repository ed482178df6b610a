"""Decisions on applications and lines: from a command to events of one or several streams, or a refusal."""

from services.loan import refusals
from services.loan.domain import applying, drawing, keeping, repaying
from services.loan.domain.desk import Desk, LoanEvent
from services.loan.domain.facts import LoanFacts
from services.loan.domain.line import Closed, Line, NoLine
from services.loan.domain.standing import refreshed
from shared.schemas.loan import (
    ApplicationCommand,
    CancelDrawdown,
    ChangeLimit,
    CloseLine,
    DisburseDraw,
    ExpireDrawdown,
    ExpireLine,
    FreezeLine,
    LineCommand,
    LineEvent,
    RecordRepayment,
    RefreshLine,
    RefundCredit,
    RefuseDrawdown,
    RequestDrawdown,
    ReverseRepayment,
    ReviewLine,
    UnfreezeLine,
)
from shared.schemas.messages import Role

__all__ = ["decide"]


def decide(command: ApplicationCommand | LineCommand, desk: Desk, facts: LoanFacts) -> list[LoanEvent]:
    """The events belong to the streams that `desk.stream_of` names, in one commit."""
    match command, desk.line:
        case ApplicationCommand(), _:
            return applying.decide(command, desk, facts)
        case LineCommand(), Line() as line:
            return _of_line(command, line, desk, facts)
        case _, Closed() if facts.actor.role is Role.SYSTEM:
            return []
        case _, Closed():
            raise refusals.LINE_IS_CLOSED()
        case _, NoLine():
            raise refusals.UNKNOWN_LINE()


def _of_line(command: LineCommand, line: Line, desk: Desk, facts: LoanFacts) -> list[LoanEvent]:
    match command:
        case RequestDrawdown():
            return drawing.request(command, line, desk, facts)
        case CancelDrawdown():
            return drawing.cancel(command, line, facts)
        case RefuseDrawdown():
            return drawing.refuse(command, line, facts)
        case ExpireDrawdown():
            return drawing.expire(command, line, facts)
        case DisburseDraw() | RecordRepayment() | ReverseRepayment() | RefundCredit():
            noted = repaying.review(line, facts)
            return [*noted, *_of_money(command, repaying.after(line, noted), facts)]
        case ReviewLine():
            return [*repaying.review(line, facts)]
        case _:
            return _of_terms(command, line, desk, facts)


def _of_money(
    command: DisburseDraw | RecordRepayment | ReverseRepayment | RefundCredit, line: Line, facts: LoanFacts
) -> list[LineEvent]:
    """On a line where all that has fallen due by today is noted."""
    match command:
        case DisburseDraw():
            return drawing.disburse(command, line, facts)
        case RecordRepayment():
            return repaying.receive(command, line, facts)
        case ReverseRepayment():
            return repaying.reverse(command, line, facts)
        case RefundCredit():
            return repaying.refund(command, line, facts)


def _of_terms(command: LineCommand, line: Line, desk: Desk, facts: LoanFacts) -> list[LoanEvent]:
    match command:
        case ChangeLimit():
            return keeping.change_limit(command, line, desk, facts)
        case RefreshLine():
            return refreshed(line, desk, facts)
        case FreezeLine():
            return keeping.freeze(command, line, facts)
        case UnfreezeLine():
            return keeping.unfreeze(line, facts)
        case ExpireLine():
            return keeping.expire(line, desk, facts)
        case CloseLine():
            return keeping.close(line, facts)
        case _:
            raise TypeError(f"nobody decides on {type(command).__name__}")
