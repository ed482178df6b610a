"""Decisions on draws: requested by the member, paid out or refused by the bank, cancelled, expired."""

from services.loan import refusals
from services.loan.domain.desk import Desk, LoanEvent, fold
from services.loan.domain.facts import LoanFacts
from services.loan.domain.ledger import Disbursement, replay, scheduled
from services.loan.domain.line import Line, Pending
from services.loan.domain.repaying import not_after_today, settled
from services.loan.domain.standing import draw_rate, refreshed
from services.loan.interest import add_months
from shared.schemas.loan import (
    CancelDrawdown,
    Component,
    DisburseDraw,
    DrawDisbursed,
    DrawdownCancelled,
    DrawdownExpired,
    DrawdownRefused,
    DrawdownRequested,
    DrawId,
    DrawTerms,
    ExpireDrawdown,
    LineEvent,
    RefuseDrawdown,
    RequestDrawdown,
)
from shared.schemas.money import cny

__all__ = ["cancel", "disburse", "expire", "expired", "refuse", "request"]


def request(command: RequestDrawdown, line: Line, desk: Desk, facts: LoanFacts) -> list[LoanEvent]:
    """On the terms of today: a change of title that is not recorded yet is recorded first."""
    facts.must_be(line.member_id)
    if command.draw_id in line.used_ids:
        raise refusals.DRAW_ID_USED()
    _may_draw(line, facts)
    terms = _terms(command, line, facts)
    brought_up = refreshed(line, desk, facts)
    current = fold(brought_up, desk).line
    assert isinstance(current, Line)
    if command.amount > current.available:
        raise refusals.ABOVE_AVAILABLE(available=cny(current.available), amount=cny(command.amount))
    requested = DrawdownRequested(
        line_id=line.line_id,
        bank=line.bank,
        member_id=line.member_id,
        draw_id=command.draw_id,
        amount=command.amount,
        terms=terms,
        on=facts.today,
        disburse_by=facts.days_ahead(facts.policy.terms.deadlines.drawdown_days),
    )
    return [*brought_up, requested]


def _may_draw(line: Line, facts: LoanFacts) -> None:
    _in_force(line, facts)
    if line.ledger(facts.today).overdue():
        raise refusals.OVERDUE_FIRST()


def _in_force(line: Line, facts: LoanFacts) -> None:
    if line.expired or facts.today > line.expires_on:
        raise refusals.LINE_EXPIRED(expires_on=line.expires_on.isoformat())
    if line.frozen_by:
        raise refusals.LINE_FROZEN()


def _terms(command: RequestDrawdown, line: Line, facts: LoanFacts) -> DrawTerms:
    product = facts.policy.terms.product
    rate = draw_rate(line, command.months, facts)
    if command.form not in product.repayment_forms:
        raise refusals.FORM_NOT_OFFERED(form=command.form.term)
    due = add_months(facts.today, command.months)
    if due > line.expires_on:
        raise refusals.DRAW_BEYOND_LINE(due=due.isoformat(), expires_on=line.expires_on.isoformat())
    return DrawTerms(
        months=command.months,
        form=command.form,
        day_count=product.day_count,
        late_factor=product.late_factor,
        late_on=tuple(component for component in Component if component in product.late_on),
        rate=rate,
    )


def disburse(command: DisburseDraw, line: Line, facts: LoanFacts) -> list[LineEvent]:
    """The last instalment is due by the line's last day, if the bank pays out a day or so after the request."""
    facts.must_be_bank(line.bank)
    on = command.on or facts.today
    pending = _pending(line, command.draw_id)
    _in_force(line, facts)
    not_after_today(on, facts)
    if on < pending.requested_on:
        raise refusals.BEFORE_REQUEST(on=on.isoformat(), requested_on=pending.requested_on.isoformat())
    if on >= line.expires_on:
        raise refusals.LINE_EXPIRED(expires_on=line.expires_on.isoformat())
    last_due = min(add_months(on, pending.terms.months), line.expires_on)
    entry = Disbursement(command.draw_id, on, pending.amount, pending.terms, last_due)
    disbursed = DrawDisbursed(
        line_id=line.line_id,
        member_id=line.member_id,
        draw_id=command.draw_id,
        amount=pending.amount,
        terms=pending.terms,
        on=on,
        due_dates=tuple(instalment.due for instalment in scheduled(entry).instalments),
    )
    ledger = replay((*line.entries, entry), line.allocation, facts.today)
    return settled(line, [disbursed], ledger, facts)


def refuse(command: RefuseDrawdown, line: Line, facts: LoanFacts) -> list[LoanEvent]:
    facts.must_be_bank(line.bank)
    pending = _pending(line, command.draw_id)
    refused = DrawdownRefused(
        line_id=line.line_id,
        member_id=line.member_id,
        draw_id=command.draw_id,
        amount=pending.amount,
        ground=command.ground,
    )
    return [refused]


def cancel(command: CancelDrawdown, line: Line, facts: LoanFacts) -> list[LoanEvent]:
    facts.must_be(line.member_id)
    pending = _pending(line, command.draw_id)
    cancelled = DrawdownCancelled(
        line_id=line.line_id,
        bank=line.bank,
        member_id=line.member_id,
        draw_id=command.draw_id,
        amount=pending.amount,
    )
    return [cancelled]


def expire(command: ExpireDrawdown, line: Line, facts: LoanFacts) -> list[LoanEvent]:
    pending = line.pending.get(command.draw_id)
    if pending is None or facts.now < pending.disburse_by:
        return []
    return [expired(line, command.draw_id, pending)]


def expired(line: Line, draw_id: DrawId, pending: Pending) -> DrawdownExpired:
    return DrawdownExpired(
        line_id=line.line_id, bank=line.bank, member_id=line.member_id, draw_id=draw_id, amount=pending.amount
    )


def _pending(line: Line, draw_id: DrawId) -> Pending:
    """Refused (`already_disbursed`, `draw_not_pending`)."""
    if draw_id in line.draws:
        raise refusals.ALREADY_DISBURSED()
    if (pending := line.pending.get(draw_id)) is None:
        raise refusals.DRAW_NOT_PENDING()
    return pending
