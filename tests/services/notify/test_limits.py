"""Budgets: no window ever holds more than it may, and what waits does not wait longer than the window."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.ledger import Ledger, Line
from services.notify.limits import Budget, Per, Spending, Winding, Window, shipped
from shared.eventsourcing.codec import Codec
from shared.eventsourcing.store import EventStore
from shared.schemas import notify
from shared.schemas.ids import new_id

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
NUMBER, OTHER = b"one", b"other"

budgets = st.builds(
    Budget,
    per=st.sampled_from(Per),
    limit=st.integers(1, 4),
    window=st.sampled_from(Window),
    kind=st.sampled_from(Winding),
)


def spending(budget: Budget, now: datetime, sent: Iterable[tuple[str, bytes, datetime]]) -> Spending:
    """As the ledger would tell it."""
    counting = Spending(budget, now, {})
    for template, number, at in sent:
        if at > budget.since(now):
            key = budget.key(template, number)
            count, oldest = counting.spent.get(key, (0, at))
            counting.spent[key] = (count + 1, min(oldest, at))
    return counting


@given(budget=budgets, gaps=st.lists(st.integers(0, 3_000), min_size=1, max_size=30))
def test_no_window_holds_more_than_it_may_and_waiting_helps(budget: Budget, gaps: list[int]) -> None:
    sent: list[datetime] = []
    now = NOON
    for gap in gaps:
        now += timedelta(seconds=gap)
        for _ in range(len(gaps)):
            counted = spending(budget, now, [("a", NUMBER, at) for at in sent])
            until = counted.exhausted_until("a", NUMBER)
            if until is None:
                break
            assert now < until <= now + budget.window.span
            now = until
        else:
            pytest.fail("it waits for ever")
        sent.append(now)
    for at in sent:
        since = budget.since(at)
        assert len([one for one in sent if since < one <= at]) <= budget.limit


@pytest.mark.parametrize(
    ("per", "others"),
    [
        (Per.PROVIDER, {("a", NUMBER), ("a", OTHER), ("b", NUMBER), ("b", OTHER)}),
        (Per.TEMPLATE, {("a", NUMBER), ("a", OTHER)}),
        (Per.NUMBER, {("a", NUMBER), ("b", NUMBER)}),
        (Per.TEMPLATE_NUMBER, {("a", NUMBER)}),
    ],
)
def test_a_message_counts_for_what_its_budget_is_of(per: Per, others: set[tuple[str, bytes]]) -> None:
    budget = Budget(per=per, limit=1, window=Window.DAY, kind=Winding.ROLLING)
    counted = Spending(budget, NOON, {})
    counted.spend("a", NUMBER)
    exhausted = {(t, n) for t in ("a", "b") for n in (NUMBER, OTHER) if counted.exhausted_until(t, n)}
    assert exhausted == others


def test_a_natural_day_begins_at_midnight_in_china() -> None:
    natural = Budget(per=Per.NUMBER, limit=1, window=Window.DAY, kind=Winding.NATURAL)
    assert natural.since(NOON) == datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
    assert natural.until(NOON, NOON) == datetime(2026, 11, 24, 16, 0, tzinfo=UTC)


def test_the_shipped_limits_are_of_the_vendors_that_approve() -> None:
    assert {name for name, limits in shipped().items() if limits.needs_approval} == {"aliyun", "tencent"}


async def test_the_ledger_counts_what_was_handed_over_in_a_window(database_url: str) -> None:
    async with EventStore(database_url, "notify", Codec.of(notify)) as store:
        await store.install("ledger", package="services.notify")
        ledger = Ledger(store.pool)

        async def sent(template: str, number: bytes, hours_ago: float) -> None:
            at = NOON - timedelta(hours=hours_ago)
            await ledger.write(Line(new_id(), 1, "aliyun", template, number, "330503", "somebody", at))

        await sent("a", NUMBER, 25)
        await sent("a", NUMBER, 23)
        await sent("a", NUMBER, 1)
        await sent("b", NUMBER, 1)
        await sent("a", OTHER, 1)
        for per, count in ((Per.PROVIDER, 4), (Per.TEMPLATE, 3), (Per.NUMBER, 3), (Per.TEMPLATE_NUMBER, 2)):
            budget = Budget(per=per, limit=count, window=Window.DAY, kind=Winding.ROLLING)
            counted = await ledger.spending("aliyun", budget, [NUMBER, OTHER], NOON)
            assert counted.exhausted_until("a", NUMBER) == NOON + timedelta(hours=1), per
            assert await ledger.standing("aliyun", budget, NOON) == (count, 1, NOON + timedelta(hours=1)), per
            more = budget.model_copy(update={"limit": count + 1})
            assert (await ledger.spending("aliyun", more, [NUMBER], NOON)).exhausted_until("a", NUMBER) is None
            assert await ledger.standing("aliyun", more, NOON) == (count, 0, None)
            assert (await ledger.spending("tencent", budget, [NUMBER], NOON)).spent == {}
        assert await ledger.whose(NUMBER) == ("somebody", "330503")
        await ledger.forget("somebody")
        assert await ledger.whose(NUMBER) is None
