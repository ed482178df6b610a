"""A specification holds where the programme does what it says, and fails where it does not."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.eventsourcing.decider import Facts
from shared.eventsourcing.specification import Specification
from shared.schemas.messages import Reason
from tests.shared.eventsourcing.savings import (
    FACTS,
    Deposit,
    Deposited,
    Passbook,
    PassbookEvent,
    Withdraw,
    Withdrawn,
    decide,
    passbook,
)

CLOSED = Reason("closed", "储蓄 第1条", "夜间不办理业务")

savings = Specification(passbook.fold, decide, FACTS)


def by_day(command: Deposit | Withdraw, state: Passbook, facts: Facts) -> list[PassbookEvent]:
    if facts.now.hour >= 12:
        raise CLOSED()
    return [] if command == Withdraw(amount=1) else decide(command, state, facts)


def test_what_is_decided_is_compared_in_order() -> None:
    savings.given(Deposited(amount=5)).when(Withdraw(amount=5)).then(Withdrawn(amount=5))
    with pytest.raises(AssertionError, match="expected"):
        savings.given(Deposited(amount=5)).when(Withdraw(amount=5)).then(Withdrawn(amount=4))
    with pytest.raises(AssertionError, match="expected"):
        savings.given().when(Deposit(amount=5)).nothing()


def test_a_refusal_is_named_by_its_code_and_clause() -> None:
    outcome = savings.given().when(Withdraw(amount=5))
    assert outcome.refused("overdrawn").message == "余额只有0分"
    outcome.refused("overdrawn", "储蓄 第2条")
    with pytest.raises(AssertionError):
        outcome.refused("closed")
    with pytest.raises(AssertionError):
        outcome.refused("overdrawn", "储蓄 第3条")
    with pytest.raises(AssertionError, match="refused: "):
        outcome.then(Withdrawn(amount=5))
    with pytest.raises(AssertionError, match="not refused"):
        savings.given().when(Deposit(amount=5)).refused("overdrawn")


def test_the_history_gives_the_state() -> None:
    assert savings.given().state == Passbook(0)
    assert savings.given(Deposited(amount=5), Withdrawn(amount=2)).state == Passbook(3)


def test_a_fact_named_with_the_command_stands_for_the_usual_one() -> None:
    daily = replace(savings, decide=by_day)
    daily.given().when(Deposit(amount=5)).then(Deposited(amount=5))
    daily.given().when(Deposit(amount=5), now=datetime(2025, 6, 1, 12, tzinfo=UTC)).refused("closed")
    daily.given().when(Withdraw(amount=1)).nothing()


def test_today_is_the_date_in_china() -> None:
    assert replace(FACTS, now=datetime(2025, 5, 31, 15, 59, tzinfo=UTC)).today.isoformat() == "2025-05-31"
    assert replace(FACTS, now=datetime(2025, 5, 31, 16, 0, tzinfo=UTC)).today.isoformat() == "2025-06-01"
