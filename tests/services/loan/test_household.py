"""A household's cap, over the lines of all its members: shared, whoever comes first, and freed again."""

from hypothesis import given
from hypothesis import strategies as st

from services.loan.domain.desk import LoanEvent, fold
from services.loan.domain.household import EMPTY, HOUSEHOLD, Household, Reservation
from shared.schemas.ids import MemberId
from shared.schemas.loan import (
    CapChanged,
    CapReleased,
    CapReserved,
    ChangeLimit,
    CloseLine,
    HouseholdEvent,
    LineId,
    LineMoved,
    LineRetiered,
    RefreshLine,
    Tier,
)
from shared.schemas.money import Fen, fen
from tests.services.loan.cases import (
    AT_HOME,
    BANK,
    CADRE,
    CRAFTSMAN,
    ELSEWHERE,
    ENDORSE,
    JULY,
    LI,
    LINE,
    OFFICER,
    RECOMMEND,
    TIMER,
    WANG,
    ZHAO,
    accept,
    apply,
    disburse,
    drawn,
    loan,
    member,
    named,
    of,
    of_households,
    opened,
    played,
    request,
)

MEMBERS_CAP, CRAFTSMANS_CAP = fen(100_000), fen(300_000)
REFRESH = RefreshLine(line_id=LINE)
SPOUSES_LINE = LineId(named("配偶的额度"))


def taken(amount: str, cap: Fen = MEMBERS_CAP, by: MemberId = WANG, line: LineId = SPOUSES_LINE) -> CapReserved:
    return CapReserved(household_id=AT_HOME, line_id=line, member_id=by, cap=cap, amount=fen(amount))


def endorsed(*before: HouseholdEvent) -> tuple[LoanEvent, ...]:
    """Li's application is with the bank, and then `before` happens at home."""
    filed = played((apply(), of(LI), JULY), (RECOMMEND, CADRE, JULY), (ENDORSE, OFFICER, JULY))
    return (*filed, *before)


# What there is room for


def test_a_line_takes_what_the_others_of_the_household_leave() -> None:
    loan.given(*endorsed(taken("40000"))).when(accept("60000.01"), actor=BANK).refused("household_cap", "匠心贷 第3条")
    assert loan.given(*endorsed(taken("40000"))).when(accept("60000"), actor=BANK).refusal is None


def test_the_refusal_names_the_room_that_is_left() -> None:
    refusal = loan.given(*endorsed(taken("40000"))).when(accept("80000"), actor=BANK).refused("household_cap")
    assert refusal.details == {"room": "60000.00", "amount": "80000.00"}
    assert refusal.message == "额度按单户合计，本户还可授信60000.00元，不足80000.00元"


def test_a_full_household_has_room_for_nobody() -> None:
    loan.given(*endorsed(taken("100000"))).when(accept("0.01"), actor=BANK).refused("household_cap")


def test_another_household_leaves_this_ones_cap_alone() -> None:
    elsewhere = CapReserved(
        household_id=ELSEWHERE, line_id=SPOUSES_LINE, member_id=WANG, cap=MEMBERS_CAP, amount=MEMBERS_CAP
    )
    assert loan.given(*endorsed(elsewhere)).when(accept(), actor=BANK).refusal is None


def test_nobody_has_two_lines_in_one_household() -> None:
    loan.given(*endorsed(taken("1", by=LI))).when(accept("1"), actor=BANK).refused("line_exists")


def test_a_member_beside_a_craftsman_counts_within_the_craftsmans_cap() -> None:
    household = Household({SPOUSES_LINE: Reservation(WANG, CRAFTSMANS_CAP, fen(250_000))})
    assert household.room(MEMBERS_CAP) == fen(50_000)
    assert Household().room(CRAFTSMANS_CAP) == fen(300_000)


def test_members_without_a_title_share_the_members_cap_beside_a_craftsman_too() -> None:
    household = Household(
        {
            LineId(named("一")): Reservation(WANG, CRAFTSMANS_CAP, fen(100_000)),
            LineId(named("二")): Reservation(ZHAO, MEMBERS_CAP, fen(70_000)),
        }
    )
    assert household.room(MEMBERS_CAP) == fen(30_000)
    assert household.room(CRAFTSMANS_CAP) == fen(130_000)


caps = st.sampled_from([fen(100_000), fen(200_000), fen(300_000)])


@given(st.lists(st.tuples(caps, st.integers(0, fen(300_000))), max_size=6))
def test_it_makes_no_difference_who_comes_first(lines: list[tuple[Fen, Fen]]) -> None:
    def all_fit(order: list[tuple[Fen, Fen]]) -> bool:
        household = EMPTY
        for number, (cap, amount) in enumerate(order):
            if amount > household.room(cap):
                return False
            held = Reservation(MemberId(named(f"人{number}")), cap, amount)
            household = Household({**household.lines, LineId(named(f"线{number}")): held})
        return True

    assert all_fit(lines) == all_fit(lines[::-1]) == all_fit(sorted(lines))


@given(st.lists(st.tuples(caps, st.integers(0, fen(300_000))), max_size=8))
def test_no_tier_and_no_lower_ones_together_pass_a_cap(asked: list[tuple[Fen, Fen]]) -> None:
    household = EMPTY
    for number, (cap, amount) in enumerate(asked):
        took = min(amount, household.room(cap))
        held = Reservation(MemberId(named(f"人{number}")), cap, took)
        household = Household({**household.lines, LineId(named(f"线{number}")): held})
    for level in {held.cap for held in household.lines.values()}:
        assert sum(held.amount for held in household.lines.values() if held.cap <= level) <= level


# What is freed


def test_a_lower_limit_frees_the_difference() -> None:
    changed = loan.given(*opened()).when(ChangeLimit(line_id=LINE, limit=fen(30_000)), actor=BANK).events[-1]
    assert changed == CapChanged(household_id=AT_HOME, line_id=LINE, cap=MEMBERS_CAP, amount=fen(30_000))


def test_a_higher_limit_needs_room_at_home() -> None:
    history = (*opened("50000"), taken("40000"))
    raise_ = ChangeLimit(line_id=LINE, limit=fen(60_001))
    loan.given(*history).when(raise_, actor=BANK).refused("household_cap", "匠心贷 第3条")
    events = loan.given(*history).when(ChangeLimit(line_id=LINE, limit=fen(60_000)), actor=BANK).events
    assert events[-1] == CapChanged(household_id=AT_HOME, line_id=LINE, cap=MEMBERS_CAP, amount=fen(60_000))


def test_a_closed_line_frees_all_it_took() -> None:
    events = loan.given(*opened()).when(CloseLine(line_id=LINE)).events
    assert events[-1] == CapReleased(household_id=AT_HOME, line_id=LINE)
    assert fold([*opened(), *events]).household(AT_HOME) == EMPTY


# Titles and households that change


def test_a_title_revoked_frees_what_may_not_be_drawn_any_more() -> None:
    craftsman = opened("300000", rate="4.75", borrower=CRAFTSMAN)
    loan.given(*craftsman).when(REFRESH, actor=TIMER).then(
        LineRetiered(
            line_id=LINE,
            bank="nxbank",
            member_id=LI,
            tier=Tier.MEMBER,
            cap=MEMBERS_CAP,
            ceiling=MEMBERS_CAP,
        ),
        CapChanged(household_id=AT_HOME, line_id=LINE, cap=MEMBERS_CAP, amount=MEMBERS_CAP),
    )


def test_what_is_drawn_stays_reserved_when_a_title_is_revoked() -> None:
    craftsman = opened("300000", rate="4.75", borrower=CRAFTSMAN)
    used = played((request("180000"), of(LI), JULY), (disburse(), BANK, JULY), after=craftsman, borrower=CRAFTSMAN)
    changed = loan.given(*used).when(REFRESH, actor=TIMER).events[-1]
    assert changed == CapChanged(household_id=AT_HOME, line_id=LINE, cap=MEMBERS_CAP, amount=fen(180_000))


def test_a_request_that_waits_for_the_bank_stays_reserved_too() -> None:
    craftsman = opened("300000", rate="4.75", borrower=CRAFTSMAN)
    asked = played((request("120000"), of(LI), JULY), after=craftsman, borrower=CRAFTSMAN)
    changed = loan.given(*asked).when(REFRESH, actor=TIMER).events[-1]
    assert changed == CapChanged(household_id=AT_HOME, line_id=LINE, cap=MEMBERS_CAP, amount=fen(120_000))


def test_a_revoked_title_leaves_what_the_spouse_leaves() -> None:
    craftsman = opened("200000", rate="4.75", borrower=CRAFTSMAN)
    history = (*craftsman, taken("70000"))
    retiered = loan.given(*history).when(REFRESH, actor=TIMER).events[0]
    assert isinstance(retiered, LineRetiered)
    assert retiered.ceiling == fen(30_000)


def test_a_line_moves_with_its_member_to_another_household() -> None:
    moved = member(household_id=ELSEWHERE)
    loan.given(*opened()).when(REFRESH, actor=TIMER, member=moved).then(
        LineMoved(line_id=LINE, member_id=LI, household_id=ELSEWHERE, from_household_id=AT_HOME),
        CapReleased(household_id=AT_HOME, line_id=LINE),
        CapReserved(household_id=ELSEWHERE, line_id=LINE, member_id=LI, cap=MEMBERS_CAP, amount=fen(100_000)),
    )


def test_a_line_that_moves_to_a_full_household_draws_no_more() -> None:
    full = CapReserved(
        household_id=ELSEWHERE, line_id=SPOUSES_LINE, member_id=WANG, cap=MEMBERS_CAP, amount=fen(90_000)
    )
    history = (*drawn("20000"), full)
    events = loan.given(*history).when(REFRESH, actor=TIMER, member=member(household_id=ELSEWHERE)).events
    moved, retiered, released, reserved = events
    assert isinstance(moved, LineMoved)
    assert isinstance(retiered, LineRetiered)
    assert isinstance(released, CapReleased)
    assert isinstance(reserved, CapReserved)
    assert (retiered.ceiling, reserved.amount) == (fen(10_000), fen(20_000))


def test_a_line_that_is_up_to_date_stays_as_it_is() -> None:
    loan.given(*opened()).when(REFRESH, actor=TIMER).nothing()


# Folding


def test_what_others_report_of_lines_it_does_not_hold_changes_nothing() -> None:
    unknown = CapChanged(household_id=AT_HOME, line_id=LINE, cap=MEMBERS_CAP, amount=1)
    assert HOUSEHOLD.fold([unknown, CapReleased(household_id=AT_HOME, line_id=LINE)]) == EMPTY


def test_what_is_reserved_is_what_the_lines_events_say() -> None:
    assert fold(opened()).household(AT_HOME).lines == {LINE: Reservation(LI, MEMBERS_CAP, fen(100_000))}
    assert of_households(opened())[-1] == taken("100000", by=LI, line=LINE)
