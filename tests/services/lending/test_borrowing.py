"""Borrowing, returning and extending: each decision and each refusal."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.lending.domain.deciding import decide
from services.lending.domain.stock import Point
from services.lending.refusals import BORROWING, CARE, RETURNING, SCANS, WHO
from shared.eventsourcing.specification import Specification
from shared.schemas.lending import (
    Damaged,
    Disinfected,
    ExtendLoan,
    Found,
    HelmetReturned,
    Inspected,
    LoanExtended,
    Lost,
    OverdueWithdrawn,
    WrittenOff,
)
from shared.schemas.messages import Event
from tests.services.lending.cases import (
    CADRE,
    CANTEEN,
    CODE,
    DUE,
    FACTS,
    GATE,
    HELMET,
    HOUR,
    LI,
    MS,
    NOON,
    OFFICER,
    OUT,
    OVERDUE,
    PLACED,
    SECOND,
    WANG,
    borrow,
    borrowed,
    bound,
    fold,
    freed,
    give_back,
    lending,
    loan,
    of,
    returned,
)
from tests.services.lending.cases import (
    CARE as STEPS,
)

LOST: Event = Lost(**HELMET, point_id=GATE, loan_id=None, member_id=None, lost_at=NOON)
LOST_BY_LI = (*OVERDUE, Lost(**HELMET, point_id=GATE, loan_id=loan()["loan_id"], member_id=LI, lost_at=DUE + HOUR))
CARED = (Inspected(**HELMET, point_id=CANTEEN), Disinfected(**HELMET, point_id=CANTEEN))


# Borrowing


def test_a_worker_borrows_what_is_on_the_shelf_for_48_hours() -> None:
    lending.given(PLACED).when(borrow()).then(borrowed(), bound())


def test_an_offline_scan_counts_from_when_it_was_made() -> None:
    lending.given(PLACED).when(borrow(at=NOON - HOUR)).then(borrowed(at=NOON - HOUR), bound())


def test_a_device_whose_clock_is_a_little_ahead_scans_now() -> None:
    lending.given(PLACED).when(borrow(at=NOON + timedelta(minutes=5))).then(borrowed(), bound())


def test_staff_enter_a_worker_s_borrowing() -> None:
    lending.given(PLACED).when(borrow(), actor=CADRE).then(borrowed(), bound())


def test_after_the_care_it_is_borrowed_again() -> None:
    history = (*OUT, returned(NOON + HOUR), freed(), *CARED)
    outcome = lending.given(*history).when(borrow(SECOND), now=NOON + 2 * HOUR)
    outcome.then(borrowed(SECOND, at=NOON + 2 * HOUR, from_=CANTEEN), bound(SECOND))


@pytest.mark.parametrize(
    ("history", "code", "clause"),
    [
        ((), "unknown_code", BORROWING),
        ((PLACED, borrowed(member_id=WANG), bound(member_id=WANG)), "item_out", BORROWING),
        ((*OVERDUE,), "item_out", BORROWING),
        ((*OUT, returned(NOON), freed()), "not_ready", CARE),
        ((*OUT, returned(NOON), freed(), CARED[0]), "not_ready", CARE),
        ((PLACED, Damaged(**HELMET, point_id=GATE, note="裂")), "not_lendable", BORROWING),
        ((PLACED, LOST), "not_lendable", BORROWING),
        ((PLACED, LOST, WrittenOff(**HELMET, point_id=GATE, note="找不到")), "not_lendable", BORROWING),
        ((PLACED, bound(SECOND)), "one_each", BORROWING),
    ],
)
def test_what_is_not_there_to_be_borrowed_is_refused(history: tuple[Event, ...], code: str, clause: str) -> None:
    lending.given(*history).when(borrow(), now=NOON + HOUR).refused(code, clause)


def test_who_is_no_member_or_borrows_for_another_is_refused() -> None:
    lending.given(PLACED).when(borrow(), member=None).refused("not_a_member", WHO)
    lending.given(PLACED).when(borrow(), actor=of(WANG)).refused("not_yours", WHO)


def test_a_federation_without_rules_and_a_day_before_them_lend_nothing() -> None:
    lending.given(PLACED).when(borrow(), federation="330503").refused("no_policy", WHO)
    lending.given(PLACED).when(borrow(), now=NOON - timedelta(days=1000)).refused("no_policy", WHO)


def test_a_scan_from_the_future_from_long_ago_or_from_before_the_last_return_is_refused() -> None:
    lending.given(PLACED).when(borrow(at=NOON + timedelta(minutes=5) + MS)).refused("scanned_ahead", SCANS)
    lending.given(PLACED).when(borrow(at=NOON - 168 * HOUR - MS)).refused("scanned_long_ago", SCANS)
    history = (*OUT, returned(NOON + HOUR), freed(), *CARED)
    refused = lending.given(*history).when(borrow(SECOND, at=NOON), now=NOON + 2 * HOUR)
    refused.refused("scan_out_of_order", SCANS)


# Returning


def test_returned_at_the_due_instant_it_is_on_time_and_a_millisecond_after_it_is_late() -> None:
    lending.given(*OUT).when(give_back(), now=DUE).then(returned(DUE), freed())
    (event, _) = lending.given(*OUT).when(give_back(), now=DUE + MS).events
    assert isinstance(event, HelmetReturned)
    assert event.late
    assert not returned(DUE).late


def test_a_neighbour_may_bring_it() -> None:
    lending.given(*OUT).when(give_back(), actor=of(WANG)).then(returned(NOON), freed())


def test_what_is_overdue_is_returned_late() -> None:
    lending.given(*OVERDUE).when(give_back(), now=DUE + HOUR).then(returned(DUE + HOUR), freed())


def test_a_scan_that_arrives_late_and_was_in_time_withdraws_the_overdue() -> None:
    withdrawn = OverdueWithdrawn(**loan(), due_at=DUE, returned_at=DUE)
    lending.given(*OVERDUE).when(give_back(DUE), now=DUE + HOUR).then(returned(DUE), freed(), withdrawn)


def test_a_scan_in_time_that_arrives_after_a_late_one_withdraws_the_overdue_too_and_once() -> None:
    history = (*OVERDUE, returned(DUE + HOUR), freed())
    withdrawn = OverdueWithdrawn(**loan(), due_at=DUE, returned_at=DUE - HOUR)
    lending.given(*history).when(give_back(DUE - HOUR), now=DUE + 2 * HOUR).then(withdrawn)
    lending.given(*history, withdrawn).when(give_back(DUE - HOUR), now=DUE + 2 * HOUR).nothing()


def test_a_scan_of_the_loan_before_withdraws_that_one_s_overdue_and_leaves_this_loan() -> None:
    next_loan = borrowed(SECOND, WANG, DUE + 2 * HOUR, CANTEEN)
    history = (*OVERDUE, returned(DUE + HOUR), freed(), *CARED, next_loan)
    withdrawn = OverdueWithdrawn(**loan(), due_at=DUE, returned_at=DUE - HOUR)
    lending.given(*history).when(give_back(DUE - HOUR), now=DUE + 3 * HOUR).then(withdrawn)
    lending.given(*history, withdrawn).when(give_back(DUE - HOUR), now=DUE + 3 * HOUR).nothing()


def test_a_second_return_scan_changes_nothing() -> None:
    history = (*OUT, returned(NOON + HOUR), freed())
    lending.given(*history).when(give_back(), now=NOON + 2 * HOUR).nothing()
    lending.given(*history, *CARED).when(give_back(), now=NOON + 2 * HOUR).nothing()


def test_what_is_lost_and_scanned_at_a_point_is_found() -> None:
    found = Found(**HELMET, from_point_id=GATE, point_id=CANTEEN, care=STEPS)
    lending.given(PLACED, LOST).when(give_back(), now=NOON + HOUR).then(found)
    lending.given(*LOST_BY_LI).when(give_back(), now=DUE + 2 * HOUR).then(found)
    withdrawn = OverdueWithdrawn(**loan(), due_at=DUE, returned_at=DUE)
    lending.given(*LOST_BY_LI).when(give_back(DUE), now=DUE + 2 * HOUR).then(found, withdrawn)


def test_a_late_scan_of_a_return_before_the_loss_finds_nothing() -> None:
    history = (*OUT, returned(NOON), freed(), LOST)
    lending.given(*history).when(give_back(NOON), now=NOON + HOUR).nothing()


def test_the_return_of_what_is_not_out_is_refused() -> None:
    lending.given().when(give_back()).refused("unknown_code", BORROWING)
    lending.given(PLACED).when(give_back()).refused("not_out", RETURNING)
    gone = WrittenOff(**HELMET, point_id=GATE, note="找不到")
    lending.given(PLACED, LOST, gone).when(give_back()).refused("written_off")


def test_a_point_that_nobody_opened_takes_nothing() -> None:

    nowhere = Specification(lambda history: replace(fold(history), there=Point()), decide, FACTS)
    nowhere.given(*OUT).when(give_back()).refused("unknown_point", RETURNING)


# Extending


def extended(due: int = 96) -> LoanExtended:
    at = NOON + due * HOUR
    return LoanExtended(**loan(), due_at=at, remind_at=at - 6 * HOUR, escalate_at=at + 24 * HOUR)


def test_staff_extend_a_loan_once_before_it_is_overdue() -> None:
    extend = ExtendLoan(code=CODE)
    lending.given(*OUT).when(extend, actor=OFFICER, now=DUE).then(extended())
    lending.given(*OUT).when(extend, actor=CADRE, now=DUE).then(extended())
    lending.given(*OUT).when(extend, actor=CADRE, acts_for=frozenset()).refused("not_your_union")
    lending.given(*OUT, extended()).when(extend, actor=OFFICER).refused("extended_enough")
    lending.given(*OUT).when(extend, actor=OFFICER, now=DUE + MS).refused("already_overdue")
    lending.given(*OVERDUE).when(extend, actor=OFFICER).refused("already_overdue")
    lending.given(PLACED).when(extend, actor=OFFICER).refused("not_out")
    lending.given().when(extend, actor=OFFICER).refused("unknown_code")


def test_an_extended_loan_is_on_time_until_its_new_due_instant() -> None:
    (event, _) = lending.given(*OUT, extended()).when(give_back(), now=NOON + 96 * HOUR).events
    assert isinstance(event, HelmetReturned)
    assert not event.late
