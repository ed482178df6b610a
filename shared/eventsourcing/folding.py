"""Folding a page of events into the rows of a view."""

from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, Protocol

from shared.eventsourcing.reader import LogBroken
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Lookup, Rows
from shared.eventsourcing.view import Plan, View
from shared.schemas.messages import Event

__all__ = ["CannotFold", "Opener", "Source", "fold"]


class Opener(Protocol):
    """`keyring.open`: events with their personal fields in clear, or erased."""

    async def __call__(self, recorded: Sequence[Recorded]) -> Sequence[Event]: ...


class Source[R](Protocol):
    """Where rows come from that are not in memory."""

    def load(self, keys: Sequence[Any]) -> Awaitable[list[R]]: ...

    def look_up(self, lookup: Lookup, values: Sequence[Any]) -> Awaitable[list[R]]: ...


class CannotFold(Exception):
    """A view's code failed on an event. Nothing of its page was written, and nothing is skipped."""

    def __init__(self, view: str, recorded: Recorded, error: Exception) -> None:
        super().__init__(f"{view} cannot fold {recorded.type} at {recorded.position}: {type(error).__name__}")
        self.view, self.type, self.position, self.error = view, recorded.type, recorded.position, error


async def fold[R](
    view: View[R],
    rows: Rows[R],
    page: Sequence[Recorded],
    after: int,
    source: Source[R] | None = None,
    opener: Opener | None = None,
) -> int:
    """Fold the page that follows a position; the last position of it.

    Raises LogBroken where the page does not follow without a gap, CannotFold where the view's code fails, and what
    the source and the opener raise.
    """
    work: list[tuple[Plan, Recorded]] = []
    plans = view.plans
    for recorded in page:
        after += 1
        if recorded.position != after:
            raise LogBroken(f"{view.name}: {recorded.position} came for {after}")
        plan = plans.get(recorded.type)
        if plan is not None:
            work.append((plan, recorded))
    if not work:
        return after
    events = await _events(view, work, opener)
    if not rows.complete:
        assert source is not None
        await _load(view, rows, work, events, source)
    recorded = work[0][1]
    try:
        for (plan, recorded), event in zip(work, events, strict=True):
            plan.handle(rows, event, recorded)
        rows.check()
    except Exception as error:
        raise CannotFold(view.name, recorded, error) from error
    return after


async def _events[R](view: View[R], work: list[tuple[Plan, Recorded]], opener: Opener | None) -> Sequence[Event]:
    recorded = work[0][1]
    try:
        events = [recorded.event for _, recorded in work]
    except Exception as error:
        raise CannotFold(view.name, recorded, error) from error
    if view.personal and opener is not None:
        return await opener([recorded for _, recorded in work])
    return events


async def _load[R](
    view: View[R], rows: Rows[R], work: list[tuple[Plan, Recorded]], events: Sequence[Event], source: Source[R]
) -> None:
    """Have in memory what the page touches."""
    keys: dict[Any, None] = {}
    wanted: dict[Lookup, dict[Any, None]] = {}
    held = rows.held
    recorded = work[0][1]
    try:
        for (plan, recorded), event in zip(work, events, strict=True):
            for key in plan.keys(event, recorded):
                if key not in held:
                    keys[key] = None
            for lookup, value in plan.lookups:
                wanted.setdefault(lookup, {})[value(event)] = None
    except Exception as error:
        raise CannotFold(view.name, recorded, error) from error
    if keys:
        rows.add_loaded(keys, await source.load(list(keys)))
    for lookup, values in wanted.items():
        await _look_up(rows, lookup, values, source)


async def _look_up[R](rows: Rows[R], lookup: Lookup, values: Iterable[Any], source: Source[R]) -> None:
    if unasked := rows.unasked(lookup, values):
        rows.add_found(lookup, unasked, await source.look_up(lookup, list(unasked)))
