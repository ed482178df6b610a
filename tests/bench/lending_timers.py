"""Timers: 100,000 loans fall due within one minute, and each is marked overdue once.

The loans are appended beforehand with nothing else to come due; the service runs in this process, its clock is set to
just before the minute, and goes on at its own pace.
"""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import nats as nats_client

from services.lending.service import CODEC, service
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.writer import Commit, NewEvent, Write
from shared.runtime import logs
from shared.runtime.clock import set_offset
from shared.runtime.service import Running
from shared.runtime.settings import Settings
from shared.schemas.ids import MemberId, UnionId, derived_id, new_id
from shared.schemas.lending import (
    CampaignId,
    HelmetBorrowed,
    ItemEvent,
    ItemPlaced,
    LoanId,
    PointId,
    PointOpened,
    code_of,
    item_id,
)
from shared.schemas.messages import Event, Meta
from tests.bench.harness import Pace, database, nats, postgres, require
from tests.bench.report import Finding, rate
from tests.waiting import until

__all__ = ["Fired", "fire", "measure"]

LOANS: Final = 100_000
AIM: Final = 60.0
"""Seconds after the last fell due."""
FEDERATION: Final = "330205"
ALONE: Final = replace(service, follows=())
"""Nobody is asked about in the registry."""
MINUTE: Final = datetime(2020, 6, 3, 4, 0, tzinfo=UTC)
BEFORE: Final = timedelta(seconds=1)
NEVER: Final = datetime(2100, 1, 1, tzinfo=UTC)
TOGETHER: Final = 500
"""Loans in one commit."""
LIMIT: Final = 900.0


@dataclass(frozen=True, slots=True)
class Fired:
    seconds: float
    """From the beginning of the minute until all had fired."""
    after_the_last: float


async def measure(_pace: Pace) -> list[Finding]:
    logs.configure(service.programme, "WARNING")
    with postgres() as server, nats() as broker:
        async with database(server) as dsn:
            settings = Settings.model_validate({"database_url": dsn, "nats_url": broker.url(), "clock": "settable"})
            fired = await fire(settings, LOANS)
    figures = {"all within": f"{fired.seconds:.0f} s", "at": rate(LOANS / fired.seconds)}
    case = f"{LOANS:,} due in one minute, until all are overdue"
    return [Finding("lending's timers", case, figures, fired.after_the_last, " s", AIM, "less")]


async def fire(settings: Settings, loans: int, within: timedelta = timedelta(minutes=1)) -> Fired:
    """Have so many loans fall due, evenly over a span."""
    async with AsyncExitStack() as stack:
        connection = await nats_client.connect(settings.nats_url.get_secret_value())
        stack.push_async_callback(connection.close)
        await set_offset(connection.jetstream(), MINUTE - timedelta(hours=1) - datetime.now(UTC))
        async with EventStore(settings.dsn, service.programme, CODEC) as store:
            await _lend(store, loans, within)
        running = await stack.enter_async_context(ALONE.running(settings))
        head = await running.store.head()
        await until(lambda: _all_folded(running, head), seconds=LIMIT)
        running.clock.move(MINUTE - BEFORE - datetime.now(UTC))
        began = time.perf_counter() + BEFORE.total_seconds()
        await until(lambda: _at(running, head + loans), seconds=LIMIT)
        seconds = time.perf_counter() - began
        await _check(running, loans)
    return Fired(seconds, max(0.0, seconds - within.total_seconds()))


async def _all_folded(running: Running, head: int) -> bool:
    assert running.timers is not None
    folded = min(running.timers.folded, running.relay.published, *running.read_models.own.positions().values())
    await asyncio.sleep(0.1)
    return folded >= head


async def _at(running: Running, position: int) -> bool:
    await asyncio.sleep(0.1)
    return await running.store.head() >= position


async def _check(running: Running, loans: int) -> None:
    [(overdue, items)] = await running.store.pool.fetch(
        "select count(*), count(distinct stream) from lending.events where type = 'HelmetOverdue'"
    )
    require(overdue == items == loans, f"{overdue} overdue of {items} items, {loans} loans")


async def _lend(store: EventStore, loans: int, within: timedelta) -> None:
    """A point, and items there that are all out."""
    point_id, union_id = PointId(new_id()), UnionId(new_id())
    meta = Meta(
        federation=FEDERATION,
        actor="officer:bench",
        time=MINUTE - timedelta(hours=48),
        correlation=new_id(),
        causation=new_id(),
    ).model_dump_json()
    opened = PointOpened(point_id=point_id, federation=FEDERATION, union_id=union_id, name="大门")
    await store.append(Commit(new_id(), new_id(), [_write(f"point-{point_id}", [opened], meta)]))
    for first in range(0, loans, TOGETHER):
        numbers = range(first, min(first + TOGETHER, loans))
        writes = []
        for number in numbers:
            due = MINUTE + within * number / loans
            events = _loan(number + 1, point_id, union_id, due)
            writes.append(_write(f"item-{events[0].item_id}", events, meta))
        await store.append(Commit(new_id(), new_id(), writes))


def _loan(number: int, point_id: PointId, union_id: UnionId, due: datetime) -> list[ItemEvent]:
    code = code_of("BN", number)
    of = {
        "item_id": item_id(FEDERATION, code),
        "code": code,
        "kind": "helmet",
        "name": "共享头盔",
        "point_id": point_id,
    }
    who = derived_id(UUID(int=number), "worker")
    placed = ItemPlaced.model_validate({**of, "campaign_id": CampaignId(union_id)})
    loan = {"loan_id": LoanId(derived_id(who, "loan")), "member_id": MemberId(who), "union_id": union_id}
    times = {"borrowed_at": due - timedelta(hours=48), "due_at": due, "remind_at": NEVER, "escalate_at": NEVER}
    return [placed, HelmetBorrowed.model_validate({**of, **loan, **times})]


def _write(stream: str, events: list[ItemEvent] | list[PointOpened], meta: str) -> Write:
    return Write(stream, 0, [_row(event, meta) for event in events])


def _row(event: Event, meta: str) -> NewEvent:
    return NewEvent(new_id(), type(event).__name__, event.schema_version, event.model_dump_json(), meta)
