"""A line's limit, freeze, expiry and close."""

from datetime import date, timedelta

import pytest

from services.loan.domain.desk import LoanEvent, fold, stream_of
from services.loan.domain.household import EMPTY
from services.loan.domain.line import LINE as LINES
from services.loan.domain.line import Closed, NoLine
from shared.schemas.loan import (
    CapChanged,
    CapReleased,
    ChangeLimit,
    CloseLine,
    DrawdownExpired,
    ExpireDrawdown,
    ExpireLine,
    FreezeLine,
    Ground,
    LimitChanged,
    LineClosed,
    LineCommand,
    LineEvent,
    LineExpired,
    LineFrozen,
    LineRetiered,
    LineUnfrozen,
    RefreshLine,
    ReviewLine,
    Tier,
    UnfreezeLine,
)
from shared.schemas.messages import Actor, Role
from shared.schemas.money import fen
from tests.services.loan.cases import (
    AT_HOME,
    BANK,
    CRAFTSMAN,
    JULY,
    LI,
    LINE,
    OFFICER,
    TIMER,
    WANG,
    borrower,
    draw,
    drawn,
    line_of,
    loan,
    member,
    noon,
    of,
    opened,
    owed,
    pay,
    played,
    request,
    reverse,
)

OTHER_BANK = Actor(role=Role.BANK, id="otherbank")
CLOSE, EXPIRE = CloseLine(line_id=LINE), ExpireLine(line_id=LINE)
FREEZE, UNFREEZE = FreezeLine(line_id=LINE, ground=Ground.DISPUTE), UnfreezeLine(line_id=LINE)
CLOSED = (
    LineClosed(line_id=LINE, bank="nxbank", member_id=LI),
    CapReleased(household_id=AT_HOME, line_id=LINE),
)


def limit(amount: str) -> ChangeLimit:
    return ChangeLimit(line_id=LINE, limit=fen(amount))


# The limit


def test_the_bank_lowers_a_limit_to_what_is_used_and_no_further() -> None:
    history = drawn("40000")
    loan.given(*history).when(limit("39999.99"), actor=BANK).refused("below_used", "匠心贷 第3条")
    loan.given(*history).when(limit("40000"), actor=BANK).then(
        LimitChanged(line_id=LINE, member_id=LI, limit=fen(40_000), was=fen(100_000), ceiling=fen(40_000)),
        CapChanged(household_id=AT_HOME, line_id=LINE, cap=fen(100_000), amount=fen(40_000)),
    )


def test_the_bank_raises_a_limit_within_the_tiers_cap() -> None:
    history = opened("50000")
    loan.given(*history).when(limit("100000.01"), actor=BANK).refused("above_tier_cap", "匠心贷 第3条")
    raised = line_of((*history, *loan.given(*history).when(limit("100000"), actor=BANK).events))
    assert (raised.limit, raised.available) == (fen(100_000), fen(100_000))


def test_a_limit_is_raised_no_further_than_the_assessment_allows() -> None:
    history, poorer = opened("50000"), borrower(standing="fair")
    loan.given(*history).when(limit("60000.01"), actor=BANK, means=poorer).refused("above_assessed", "匠心贷 第3条")
    assert loan.given(*history).when(limit("60000"), actor=BANK, means=poorer).refusal is None


def test_a_limit_is_not_raised_on_means_that_are_erased_and_lowered_all_the_same() -> None:
    refused = loan.given(*opened("50000")).when(limit("60000"), actor=BANK, means=None, member=None)
    refused.refused("means_erased", "个人信息保护法 第47条")
    assert loan.given(*opened("50000")).when(limit("40000"), actor=BANK, means=None, member=None).refusal is None


def test_a_new_title_lets_the_bank_raise_the_limit_and_is_recorded_with_it() -> None:
    retiered, recounted, changed, reserved = (
        loan.given(*opened()).when(limit("250000"), actor=BANK, member=CRAFTSMAN).events
    )
    assert isinstance(retiered, LineRetiered)
    assert retiered.tier is Tier.CRAFTSMAN
    assert isinstance(recounted, CapChanged)
    assert changed == LimitChanged(
        line_id=LINE, member_id=LI, limit=fen(250_000), was=fen(100_000), ceiling=fen(250_000)
    )
    assert reserved == CapChanged(household_id=AT_HOME, line_id=LINE, cap=fen(300_000), amount=fen(250_000))


def test_a_limit_is_not_raised_for_one_who_may_not_borrow() -> None:
    loan.given(*opened("50000")).when(limit("60000"), actor=BANK, member=member(skilled=False)).refused("not_eligible")
    assert loan.given(*opened("50000")).when(limit("40000"), actor=BANK, member=None).refusal is None


def test_a_lower_limit_does_not_lift_the_ceiling_of_a_revoked_title() -> None:
    craftsman = opened("300000", rate="4.75", borrower=CRAFTSMAN)
    revoked = played((RefreshLine(line_id=LINE), TIMER, JULY), after=craftsman)
    lowered = line_of(played((limit("200000"), BANK, JULY), after=revoked))
    assert (lowered.limit, lowered.available) == (fen(200_000), fen(100_000))


def test_the_same_limit_again_changes_nothing() -> None:
    loan.given(*opened()).when(limit("100000"), actor=BANK).nothing()


def test_only_the_lines_bank_changes_its_limit() -> None:
    loan.given(*opened()).when(limit("1"), actor=OTHER_BANK).refused("not_your_bank")


def test_the_limit_of_a_line_that_is_over_stays() -> None:
    assert loan.given(*opened()).when(limit("1"), actor=BANK, now=noon(date(2022, 7, 1))).refusal is None
    loan.given(*opened()).when(limit("1"), actor=BANK, now=noon(date(2022, 7, 2))).refused("line_expired")


# Frozen


def test_a_frozen_line_is_not_drawn_on_and_can_still_be_repaid() -> None:
    history = drawn("40000")
    (frozen,) = loan.given(*history).when(FREEZE, actor=OFFICER).events
    assert frozen == LineFrozen(line_id=LINE, bank="nxbank", member_id=LI, by=Role.OFFICER, ground=Ground.DISPUTE)
    loan.given(*history, frozen).when(request("1", "二")).refused("line_frozen", "匠心贷 第7条")
    assert loan.given(*history, frozen).when(pay("100"), actor=BANK).refusal is None


def test_who_froze_a_line_lifts_it() -> None:
    frozen = played((FREEZE, OFFICER, JULY), after=opened())
    loan.given(*frozen).when(UNFREEZE, actor=BANK).refused("not_frozen_by_you", "匠心贷 第9条")
    (lifted,) = loan.given(*frozen).when(UNFREEZE, actor=OFFICER).events
    assert lifted == LineUnfrozen(line_id=LINE, bank="nxbank", member_id=LI, by=Role.OFFICER)
    assert loan.given(*frozen, lifted).when(request("1")).refusal is None


def test_a_line_frozen_by_both_stays_so_until_both_lift_it() -> None:
    both = played((FREEZE, OFFICER, JULY), (FREEZE, BANK, JULY), (UNFREEZE, BANK, JULY), after=opened())
    loan.given(*both).when(request("1")).refused("line_frozen")


def test_nobody_freezes_twice() -> None:
    frozen = played((FREEZE, BANK, JULY), after=opened())
    loan.given(*frozen).when(FREEZE, actor=BANK).refused("already_frozen", "匠心贷 第9条")


def test_nobody_freezes_or_unfreezes_their_own_line() -> None:
    li_as_officer = Actor(role=Role.OFFICER, id=str(LI))
    loan.given(*opened()).when(FREEZE, actor=li_as_officer).refused("own_line", "匠心贷 第6条（四眼原则）")
    frozen = played((FREEZE, OFFICER, JULY), after=opened())
    loan.given(*frozen).when(UNFREEZE, actor=li_as_officer).refused("own_line")
    loan.given(*opened()).when(FREEZE, actor=OTHER_BANK).refused("not_your_bank")


# Expired


def test_a_line_expires_when_its_last_day_is_over() -> None:
    loan.given(*drawn("1000")).when(EXPIRE, actor=TIMER, now=noon(date(2022, 7, 1))).nothing()
    events = loan.given(*drawn("1000")).when(EXPIRE, actor=TIMER, now=noon(date(2022, 7, 2))).events
    assert events == (
        LineExpired(line_id=LINE, bank="nxbank", member_id=LI, principal=fen(1_000)),
        CapChanged(household_id=AT_HOME, line_id=LINE, cap=fen(100_000), amount=fen(1_000)),
    )


def test_an_expired_line_on_which_nothing_is_owed_closes() -> None:
    expired = LineExpired(line_id=LINE, bank="nxbank", member_id=LI, principal=0)
    loan.given(*opened()).when(EXPIRE, actor=TIMER, now=noon(date(2022, 7, 2))).then(expired, *CLOSED)


def test_a_request_that_is_not_paid_out_expires_with_the_line() -> None:
    asked = played((request("500", months=1), of(LI), date(2022, 6, 1)), after=opened())
    first, second, *closed = loan.given(*asked).when(EXPIRE, actor=TIMER, now=noon(date(2022, 7, 2))).events
    assert first == DrawdownExpired(line_id=LINE, bank="nxbank", member_id=LI, draw_id=draw(), amount=fen(500))
    assert isinstance(second, LineExpired)
    assert tuple(closed) == CLOSED


def test_what_is_owed_on_an_expired_line_is_repaid_and_then_it_is_closed() -> None:
    expired = played((EXPIRE, TIMER, date(2022, 7, 2)), after=drawn("1000"))
    loan.given(*expired).when(EXPIRE, actor=TIMER, now=noon(date(2022, 7, 3))).nothing()
    last = date(2022, 7, 10)
    payment = pay("1").model_copy(update={"amount": owed(expired, last)})
    settled = played((payment, BANK, last), (CLOSE, BANK, last), after=expired)
    assert isinstance(fold(settled).line, Closed)


# Closed


@pytest.mark.parametrize("actor", [of(LI), BANK])
def test_a_line_on_which_nothing_is_owed_is_closed_by_the_member_or_the_bank(actor: Actor) -> None:
    loan.given(*opened()).when(CLOSE, actor=actor).then(*CLOSED)


def test_nobody_else_closes_it() -> None:
    loan.given(*opened()).when(CLOSE, actor=of(WANG)).refused("not_yours")
    loan.given(*opened()).when(CLOSE, actor=OTHER_BANK).refused("not_your_bank")


def test_a_line_is_not_closed_while_anything_is_open() -> None:
    asked = played((request("1"), of(LI), JULY), after=opened())
    loan.given(*asked).when(CLOSE).refused("draw_pending", "匠心贷 第9条")
    loan.given(*drawn("1000")).when(CLOSE).refused("still_owed", "匠心贷 第9条")
    overpaid = played((pay("1"), BANK, JULY), after=opened())
    loan.given(*overpaid).when(CLOSE).refused("credit_left", "匠心贷 第9条")


def test_the_refusal_names_what_pays_it_off_today() -> None:
    refusal = loan.given(*drawn("36000")).when(CLOSE, now=noon(date(2019, 7, 31))).refused("still_owed")
    assert refusal.details == {"owed": "36186.62"}


def test_a_closed_line_is_neither_drawn_on_nor_repaid_nor_reversed() -> None:
    closed = played((pay("100"), BANK, JULY), (CLOSE, BANK, JULY), after=drawn("100"))
    for command in (request("1", "二"), pay("1", "二"), reverse(), limit("1"), FREEZE, CLOSE):
        loan.given(*closed).when(command, actor=BANK).refused("line_closed", "匠心贷 第9条")


TOO_LATE = [ReviewLine(line_id=LINE), EXPIRE, ExpireDrawdown(line_id=LINE, draw_id=draw()), RefreshLine(line_id=LINE)]


@pytest.mark.parametrize("command", TOO_LATE)
def test_a_timer_that_comes_too_late_changes_nothing(command: LineCommand) -> None:
    closed = played((CLOSE, BANK, JULY), after=opened())
    loan.given(*closed).when(command, actor=TIMER, now=noon(date(2023, 1, 1))).nothing()


@pytest.mark.parametrize("command", [FREEZE, CLOSE, limit("1"), pay("1"), UNFREEZE])
def test_nothing_is_done_to_a_line_that_there_is_not(command: LineCommand) -> None:
    loan.given().when(command, actor=BANK).refused("unknown_line")


# Folding


def test_events_of_a_line_that_never_opened_change_nothing() -> None:
    events = [event for event in drawn("1000") if isinstance(event, LineEvent)][1:]
    assert LINES.fold(events) == NoLine()


def test_each_event_knows_its_stream() -> None:
    history: tuple[LoanEvent, ...] = opened()
    streams = {f"{aggregate.stream(key).split('-')[0]}" for aggregate, key in map(stream_of, history)}
    assert streams == {"application", "line", "household"}


def test_a_household_is_empty_once_its_lines_are_closed() -> None:
    history = played((CLOSE, of(LI), JULY + timedelta(days=1)), after=opened())
    assert fold(history).household(AT_HOME) == EMPTY
