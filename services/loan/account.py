"""A line as its member sees it, on a day: worked out from the folded stream, to the fen and without any lag."""

from collections.abc import Sequence

from services.loan.domain.facts import LoanFacts
from services.loan.domain.ledger import Account, Disbursement, Ledger
from services.loan.domain.line import Closed, Line
from services.loan.domain.standing import draw_rate
from services.loan.interest import add_months
from services.loan.views import DrawRow
from shared.schemas.ids import UnionId
from shared.schemas.loan import (
    ApplicationId,
    DrawAnswer,
    DrawStatus,
    DrawTerms,
    LineAnswer,
    LineStatus,
    NextDue,
    Rate,
)
from shared.schemas.messages import Refused
from shared.schemas.money import Fen

__all__ = ["answer", "open_to_draw", "overdue"]


def answer(
    state: Line | Closed,
    application_id: ApplicationId,
    union_id: UnionId,
    draws: Sequence[DrawRow],
    facts: LoanFacts,
) -> LineAnswer:
    """To the day of `facts`; `draws` are those of the line, oldest first."""
    line, status = _standing(state)
    paid_out = line.draws
    ledger = line.ledger(facts.today)
    late = ledger.overdue().values()
    return LineAnswer(
        line_id=line.line_id,
        application_id=application_id,
        member_id=line.member_id,
        household_id=line.household_id,
        union_id=union_id,
        bank=line.bank,
        status=status,
        on=facts.today,
        tier=line.tier,
        limit=line.limit,
        ceiling=line.ceiling,
        used=line.used,
        pending=line.held,
        available=open_to_draw(status, line.available),
        credit=line.credit,
        payoff=ledger.owed,
        granted_percent=line.granted_percent,
        rate=_rate(line, facts) if status is LineStatus.OPEN and not late else None,
        next_due=_next_due(ledger),
        overdue_since=min((due.due for due in late), default=None),
        overdue=overdue(ledger),
        to_cure=ledger.penalty + sum(due.principal + due.interest for due in ledger.due()) if late else 0,
        opened_on=line.opened_on,
        expires_on=line.expires_on,
        draws=tuple(_draw(row, paid_out.get(row.draw_id), ledger) for row in draws),
    )


def open_to_draw(status: LineStatus, left: Fen) -> Fen:
    """What may be drawn of what limit and ceiling leave."""
    return max(0, left) if status is LineStatus.OPEN else 0


def overdue(ledger: Ledger) -> Fen:
    """Principal and interest of instalments that are overdue, without penalty interest."""
    return sum(due.principal + due.interest for due in ledger.overdue().values())


def _standing(state: Line | Closed) -> tuple[Line, LineStatus]:
    match state:
        case Closed(line=line):
            return line, LineStatus.CLOSED
        case Line(expired=True):
            return state, LineStatus.EXPIRED
        case Line(frozen_by=by) if by:
            return state, LineStatus.FROZEN
        case Line():
            return state, LineStatus.OPEN


def _rate(line: Line, facts: LoanFacts) -> Rate | None:
    """Of the longest draw that can be made today; None for one who may not borrow, or where no term fits any more."""
    try:
        product = facts.policy.terms.product
        terms = range(product.longest_months, product.shortest_months - 1, -1)
        fitting = (months for months in terms if add_months(facts.today, months) <= line.expires_on)
        months = next(fitting, None)
        return None if months is None else draw_rate(line, months, facts)
    except Refused:
        return None


def _next_due(ledger: Ledger) -> tuple[NextDue, ...]:
    coming = [due for account in ledger.accounts.values() if (due := _next_of(account, ledger)) is not None]
    return tuple(sorted(coming, key=lambda due: (due.due, due.draw_id)))


def _next_of(account: Account, ledger: Ledger) -> NextDue | None:
    """The first instalment that is due today or later, and not paid."""
    for due in account.due:
        if due.due == ledger.on:
            return NextDue(
                draw_id=account.draw_id, number=due.number, due=due.due, principal=due.principal, interest=due.interest
            )
    for instalment in account.schedule.after(ledger.on):
        if instalment.amount:
            return NextDue(
                draw_id=account.draw_id,
                number=instalment.number,
                due=instalment.due,
                principal=instalment.principal,
                interest=instalment.interest,
            )
    return None


def _draw(row: DrawRow, paid_out: Disbursement | None, ledger: Ledger) -> DrawAnswer:
    """What the stream says of a draw that was paid out; of another, what the row says."""
    account = ledger.accounts.get(row.draw_id)
    status, principal = row.status, 0
    if account is not None:
        principal = account.principal
        owed = principal + account.interest(ledger.on) + account.penalty(ledger.on)
        status = DrawStatus.DISBURSED if owed else DrawStatus.REPAID
    return DrawAnswer(
        draw_id=row.draw_id,
        status=status,
        amount=row.amount,
        principal=principal,
        terms=DrawTerms.model_validate_json(row.terms),
        requested_on=row.requested_on,
        disbursed_on=None if paid_out is None else paid_out.on,
        last_due=None if paid_out is None else paid_out.last_due,
    )
