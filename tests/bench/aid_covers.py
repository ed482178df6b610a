"""The read models of mutual aid while a county enrols: 72,388 workers of 903 employers, each enrolled and then paid up.

- `live`: all read models at work while the events come in, an employer's roster a commit, its two premiums another;
  until every cover can be read. Events a second, appended and folded.
- `memberships`: the largest of them filled anew from the first event, and swapped in.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime
from itertools import groupby
from statistics import median
from typing import Final

from services.aid.domain.desk import stream_of
from services.aid.domain.pool import Share
from services.aid.service import CODEC
from services.aid.views import VIEWS, Memberships
from shared.eventsourcing.projector import Projector
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.writer import Commit, NewEvent, Write
from shared.schemas.aid import (
    CoverageStarted,
    EmployerPremiumReceived,
    EnrolmentId,
    EnrolmentSubmitted,
    MemberEnrolled,
    PostingKind,
    WorkerPremiumReceived,
    contract_id,
    membership_id,
)
from shared.schemas.ids import EmployerId, MemberId, new_id
from shared.schemas.messages import Event, Meta
from shared.schemas.money import Fen
from tests.bench.harness import Pace, database, postgres, require
from tests.bench.report import Finding, rate
from tests.bench.seeding import settle

__all__ = ["enrolled", "measure"]

INSURED: Final = 72_388
EMPLOYERS: Final = 903
COUNTY: Final = "330783"
PERIOD: Final = date(2018, 7, 1)
LAST: Final = date(2019, 6, 30)
PAID_ON: Final = date(2018, 6, 20)
PART: Final[Fen] = 25_00
BEFORE: Final = datetime(2018, 6, 20, tzinfo=UTC)
LIMIT: Final = 300.0
"""Seconds that the read models may take."""


async def measure(pace: Pace) -> list[Finding]:
    with postgres() as server:
        async with database(server) as dsn:
            live, rebuilt = await enrolled(dsn, INSURED, EMPLOYERS, pace.rounds)
    return [
        Finding("mutual aid", f"{INSURED:,} enrolled and covered, read models live", {}, live, "/s"),
        Finding("mutual aid", "memberships rebuilt", {"fastest round": rate(max(rebuilt))}, median(rebuilt), "/s"),
    ]


async def enrolled(dsn: str, insured: int, employers: int, rounds: int) -> tuple[float, list[float]]:
    """Events a second, live and of each rebuild. Raises Wrong."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(EventStore(dsn, "aid", CODEC))
        projector = await stack.enter_async_context(Projector(store, VIEWS))
        running = asyncio.create_task(projector.run())
        stack.callback(running.cancel)
        began = time.perf_counter()
        for number in range(employers):
            for events in _enrols(insured // employers + (number < insured % employers)):
                await store.append(Commit(new_id(), new_id(), list(_writes(events))))
        head = await store.head()
        await projector.reached(head, timeout=LIMIT)
        live = head / (time.perf_counter() - began)
        await settle(dsn, "aid.events")
        rebuilt = []
        for _ in range(rounds):
            began = time.perf_counter()
            await projector.rebuild(Memberships)
            rebuilt.append(head / (time.perf_counter() - began))
        [row] = await store.pool.fetch("select count(*), count(first) from aid.memberships")
        require(tuple(row) == (insured, insured), f"{tuple(row)} are enrolled and covered")
        return live, rebuilt


def _enrols(size: int) -> Iterator[list[Event]]:
    """An employer's roster, and its two premiums."""
    employer, enrolment = EmployerId(new_id()), EnrolmentId(new_id())
    key, share = contract_id(employer, PERIOD), Share(COUNTY, COUNTY, PERIOD)
    members = [MemberId(new_id()) for _ in range(size)]
    contract = {"contract_id": key, "employer_id": employer, "period": PERIOD, "enrolment_id": enrolment}
    submitted = EnrolmentSubmitted.model_validate(
        contract
        | {"county": COUNTY, "pool": COUNTY, "scheme": "bench", "members": members, "left_out": (), "by": "bench"}
        | {"employer_part": PART, "worker_part": PART, "employer_due": PART * size, "worker_due": PART * size}
        | {"renewal_of": None, "pay_by": BEFORE}
    )
    enrolled = contract | {"county": COUNTY, "pool": COUNTY, "continuous": False}
    yield [submitted, *(MemberEnrolled.model_validate(enrolled | _member(member)) for member in members)]
    paid = contract | {"amount": PART * size, "on": PAID_ON, "reference": "bench"}
    covered = {"employer_id": employer, "first": PERIOD, "last": LAST, "benefits_from": PERIOD, "period": PERIOD}
    yield [
        EmployerPremiumReceived.model_validate(paid),
        WorkerPremiumReceived.model_validate(paid),
        *share.post(PostingKind.CONTRIBUTION, PART * size, PAID_ON, contract_id=key),
        *share.post(PostingKind.CONTRIBUTION, PART * size, PAID_ON, contract_id=key),
        *(CoverageStarted.model_validate(covered | _member(member)) for member in members),
    ]


def _member(member_id: MemberId) -> dict[str, object]:
    return {"membership_id": membership_id(member_id, PERIOD), "member_id": member_id}


def _writes(events: list[Event]) -> Iterator[Write]:
    meta = Meta(federation=COUNTY, actor="officer:bench", time=BEFORE, correlation=new_id(), causation=new_id())
    written = meta.model_dump_json()
    for stream, group in groupby(events, _stream):
        yield Write(stream, None, [_new(event, written) for event in group])


def _new(event: Event, meta: str) -> NewEvent:
    return NewEvent(new_id(), type(event).__name__, event.schema_version, event.model_dump_json(), meta)


def _stream(event: Event) -> str:
    aggregate, key = stream_of(event)
    return aggregate.stream(key)
