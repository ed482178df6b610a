"""How a line stands under the rules of the day: the member's tier, the household's cap, and what they leave."""

from dataclasses import replace

from services.loan.domain.desk import Desk, LoanEvent
from services.loan.domain.facts import LoanFacts, plain
from services.loan.domain.line import Line
from shared.schemas.loan import CapReleased, CapReserved, LineMoved, LineRetiered, Rate
from shared.schemas.money import Fen

__all__ = ["draw_rate", "refreshed", "reserved"]


def reserved(line: Line) -> Fen:
    """What a line takes of its household's cap: what may be owed on it; of an expired one, what is."""
    owed = line.used + line.held
    return owed if line.expired else max(owed, min(line.limit, line.ceiling))


def refreshed(line: Line, desk: Desk, facts: LoanFacts) -> list[LoanEvent]:
    """What brings a line up to date with the registry: nothing, mostly.

    Under a lower cap nothing owed is called in; new draws stop at what the household's cap leaves for the line.
    """
    tier = facts.tier
    cap = facts.policy.cap(tier) if tier is not None else 0
    household_id = facts.member.household_id if facts.member is not None else line.household_id
    ceiling = min(line.limit, desk.household(household_id).room(cap, besides=line.line_id))
    now = replace(line, tier=tier, ceiling=ceiling, household_id=household_id)
    events: list[LoanEvent] = []
    if household_id != line.household_id:
        events.append(
            LineMoved(
                line_id=line.line_id,
                member_id=line.member_id,
                household_id=household_id,
                from_household_id=line.household_id,
            )
        )
    if (now.tier, now.ceiling) != (line.tier, line.ceiling):
        events.append(
            LineRetiered(
                line_id=line.line_id,
                bank=line.bank,
                member_id=line.member_id,
                tier=tier,
                cap=cap,
                ceiling=ceiling,
            )
        )
    return [*events, *_recounted(line, now, cap, desk)]


def _recounted(was: Line, now: Line, cap: Fen, desk: Desk) -> list[LoanEvent]:
    amount = reserved(now)
    if now.household_id == was.household_id:
        return [*desk.household(now.household_id).changed(now.household_id, now.line_id, cap, amount)]
    return [
        CapReleased(household_id=was.household_id, line_id=was.line_id),
        CapReserved(
            household_id=now.household_id, line_id=now.line_id, member_id=now.member_id, cap=cap, amount=amount
        ),
    ]


def draw_rate(line: Line, months: int, facts: LoanFacts) -> Rate:
    """Of a draw made today: the tier's for its term; or the bank's for the line, where that is lower, as long as the
    member is of the tier it was granted for, or a higher one. Refused for one who may not borrow, and for a term not
    on offer."""
    tier, policy = facts.eligible_tier(), facts.policy
    rate = Rate.model_validate(policy.rate(tier, months, facts.today))
    ranks = {terms.tier: terms.rank for terms in policy.terms.tiers}
    as_good = line.granted_tier in ranks and ranks[tier] >= ranks[line.granted_tier]
    if not as_good or line.granted_percent >= rate.annual_percent:
        return rate
    return rate.model_copy(
        update={
            "annual_percent": line.granted_percent,
            "granted_percent": line.granted_percent,
            "words": f"{rate.words}；银行核定额度年利率{plain(line.granted_percent)}%，低于此，从其低",
        }
    )
