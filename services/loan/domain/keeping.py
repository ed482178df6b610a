"""Decisions on a line itself: its limit, freeze, expiry and close."""

from services.loan import refusals
from services.loan.domain.desk import Desk, LoanEvent, fold
from services.loan.domain.drawing import expired
from services.loan.domain.facts import LoanFacts, assessed
from services.loan.domain.line import Line
from services.loan.domain.standing import refreshed, reserved
from shared.schemas.loan import (
    CapReleased,
    ChangeLimit,
    FreezeLine,
    LimitChanged,
    LineClosed,
    LineExpired,
    LineFrozen,
    LineUnfrozen,
)
from shared.schemas.messages import Role
from shared.schemas.money import Fen, cny

__all__ = ["change_limit", "close", "expire", "freeze", "unfreeze"]


def change_limit(command: ChangeLimit, line: Line, desk: Desk, facts: LoanFacts) -> list[LoanEvent]:
    """A lower limit needs no more than to cover what is used and held; a higher one is within today's rules: the tier's
    cap, what its assessment allows, and the household's cap."""
    facts.must_be_bank(line.bank)
    if line.expired or facts.today > line.expires_on:
        raise refusals.LINE_EXPIRED(expires_on=line.expires_on.isoformat())
    if command.limit < line.used + line.held:
        raise refusals.BELOW_USED(used=cny(line.used), pending=cny(line.held))
    if command.limit == line.limit:
        return []
    if command.limit < line.limit:
        return _with_limit(command.limit, min(line.ceiling, command.limit), line, desk)
    brought_up = refreshed(line, desk, facts)
    desk = fold(brought_up, desk)
    assert isinstance(desk.line, Line)
    _within_rules(command.limit, desk.line, desk, facts)
    return [*brought_up, *_with_limit(command.limit, command.limit, desk.line, desk)]


def _within_rules(limit: Fen, line: Line, desk: Desk, facts: LoanFacts) -> None:
    means, tier, policy = facts.known_means, facts.eligible_tier(), facts.policy
    cap = policy.cap(tier)
    if limit > cap:
        raise refusals.ABOVE_TIER_CAP(tier=tier.term, cap=cny(cap), amount=cny(limit))
    allowed = assessed(policy, tier, means).limit
    if limit > allowed:
        raise refusals.ABOVE_ASSESSED(assessed=cny(allowed))
    desk.household(line.household_id).must_have_room(cap, limit, besides=line.line_id)


def _with_limit(limit: Fen, ceiling: Fen, line: Line, desk: Desk) -> list[LoanEvent]:
    changed = LimitChanged(line_id=line.line_id, member_id=line.member_id, limit=limit, was=line.limit, ceiling=ceiling)
    return [changed, *_recounted(fold([changed], desk))]


def _recounted(desk: Desk) -> list[LoanEvent]:
    line = desk.line
    assert isinstance(line, Line)
    household = desk.household(line.household_id)
    held = household.lines.get(line.line_id)
    return [*household.changed(line.household_id, line.line_id, held.cap, reserved(line))] if held else []


def freeze(command: FreezeLine, line: Line, facts: LoanFacts) -> list[LoanEvent]:
    _party(line, facts)
    if facts.actor.role in line.frozen_by:
        raise refusals.ALREADY_FROZEN()
    frozen = LineFrozen(
        line_id=line.line_id,
        bank=line.bank,
        member_id=line.member_id,
        by=facts.actor.role,
        ground=command.ground,
    )
    return [frozen]


def unfreeze(line: Line, facts: LoanFacts) -> list[LoanEvent]:
    _party(line, facts)
    if facts.actor.role not in line.frozen_by:
        raise refusals.NOT_FROZEN_BY_YOU()
    return [LineUnfrozen(line_id=line.line_id, bank=line.bank, member_id=line.member_id, by=facts.actor.role)]


def _party(line: Line, facts: LoanFacts) -> None:
    if facts.actor.role is Role.BANK:
        facts.must_be_bank(line.bank)
    elif facts.actor.id == str(line.member_id):
        raise refusals.OWN_LINE()


def expire(line: Line, desk: Desk, facts: LoanFacts) -> list[LoanEvent]:
    """Draws that are not paid out expire with it; a line that is settled closes with it."""
    if line.expired or facts.today <= line.expires_on:
        return []
    events: list[LoanEvent] = [
        *(expired(line, draw_id, pending) for draw_id, pending in line.pending.items()),
        LineExpired(line_id=line.line_id, bank=line.bank, member_id=line.member_id, principal=line.used),
    ]
    if line.ledger(facts.today).owed or line.credit:
        return [*events, *_recounted(fold(events, desk))]
    return [*events, *_closed(line)]


def close(line: Line, facts: LoanFacts) -> list[LoanEvent]:
    if facts.actor.role is Role.MEMBER:
        facts.must_be(line.member_id)
    else:
        facts.must_be_bank(line.bank)
    if line.pending:
        raise refusals.DRAW_PENDING()
    if owed := line.ledger(facts.today).owed:
        raise refusals.STILL_OWED(owed=cny(owed))
    if line.credit:
        raise refusals.CREDIT_LEFT(credit=cny(line.credit))
    return _closed(line)


def _closed(line: Line) -> list[LoanEvent]:
    return [
        LineClosed(line_id=line.line_id, bank=line.bank, member_id=line.member_id),
        CapReleased(household_id=line.household_id, line_id=line.line_id),
    ]
