"""A burst of events, each of which calls for a text message, through a provider that takes 500 a second and fails 5 %.

The events are in the stream when notify begins to hear them, as at the renewal of a whole county. Of a hundred
messages one is refused for the moment, one meets a provider that is away, one is taken while the answer is lost, one is
refused before anybody knows, one is taken and reported on twice; all others are taken and reported on once.

The registry that names recipients is a process of its own; the provider is in this one, with notify, so that
what it does for a message, some 50 µs, counts as notify's.
"""

import asyncio
import os
import sys
import time
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from services.notify import rules
from services.notify.channels import (
    Delivered,
    Hear,
    OutcomeUnknown,
    Receipt,
    SendingRefused,
    Sent,
    Sms,
    Technical,
    Temporary,
)
from services.notify.limits import Limits
from services.notify.reactions import reactions_to
from services.notify.resources import Resources, open_with
from services.notify.service import service
from shared.eventsourcing.codec import Codec
from shared.eventsourcing.writer import Commit, NewEvent, Write
from shared.runtime import logs
from shared.runtime.service import Running, Service
from shared.runtime.settings import Settings
from shared.schemas import loan
from shared.schemas.ids import MemberId, derived_id, new_id
from shared.schemas.loan import LineId, RepaymentId, RepaymentReceived
from shared.schemas.messages import Meta
from shared.schemas.notify import Channel
from tests.bench.harness import Pace, database, nats, postgres, require
from tests.bench.memory import resident
from tests.bench.report import Finding
from tests.waiting import until

__all__ = ["Burst", "measure", "run", "settings_for"]

MESSAGES: Final = int(os.environ.get("MESSAGES", "100000"))
PER_SECOND: Final = 500.0
ANSWER: Final = 0.02
"""Seconds that the provider takes for an answer."""
STEADY: Final = 50
"""Events a second, one by one, for the time from an event to the provider."""
STEADY_SECONDS: Final = 20.0
LIMIT: Final = 3_600.0
NAMESPACE: Final = UUID(int=7 << 76 | 2 << 62)
ENDED: Final = ("sent", "delivered", "unconfirmed", "failed", "expired", "suppressed")
TOGETHER: Final = 500
LOAN: Final = Service(programme="loan", codec=Codec.of(loan), commands={})


@asynccontextmanager
async def _registry(settings: Settings) -> AsyncIterator[None]:
    """In a process of its own: what it takes is none of notify's time."""
    given = {"DATABASE_URL": settings.dsn, "NATS_URL": settings.nats_url.get_secret_value(), "LOG_LEVEL": "ERROR"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.contacts_service", env={**os.environ, **given}
    )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


@dataclass
class Provider:
    """Keeps whatever it takes, and can be asked."""

    hearing: asyncio.Queue[Receipt] = field(default_factory=asyncio.Queue)
    taken: Counter[UUID] = field(default_factory=Counter)
    at: dict[UUID, float] = field(default_factory=dict)
    tried: set[UUID] = field(default_factory=set)
    faults: Counter[str] = field(default_factory=Counter)
    channel: Channel = Channel.SMS
    name: str = "limited"
    at_once: int = 64
    begun: float = float("-inf")
    in_this_second: int = 0

    async def send(self, message: Sms) -> Sent:
        own = message.notification_id
        await asyncio.sleep(ANSWER)
        fault = own.int % 100 if own not in self.tried else -1
        self.tried.add(own)
        self._count()
        match fault:
            case 0:
                raise self._refused("temporary", Temporary("busy"))
            case 1:
                raise self._refused("away", Technical("http 503"))
            case 2:
                self._take(own)
                raise self._refused("answer lost", OutcomeUnknown("no reply"))
            case 3:
                raise self._refused("no answer", OutcomeUnknown("no reply"))
            case 4:
                self.faults["reported twice"] += 1
                self._report(own)
        return self._take(own)

    async def settle(self, message: Sms, _begun: datetime) -> Sent:
        own = message.notification_id
        return Sent(str(own)) if self.taken[own] else await self.send(message)

    async def listen(self, hear: Hear) -> None:
        while True:
            reports = [await self.hearing.get()]
            while not self.hearing.empty() and len(reports) < TOGETHER:
                reports.append(self.hearing.get_nowait())
            await hear(reports)

    async def close(self) -> None:
        """Nothing is open."""

    def _count(self) -> None:
        now = time.monotonic()
        if now - self.begun >= 1:
            self.begun, self.in_this_second = now, 0
        self.in_this_second += 1
        if self.in_this_second > PER_SECOND * 1.1:
            self.faults["too fast"] += 1
            raise Temporary("too many a second")

    def _refused[E: SendingRefused | OutcomeUnknown](self, name: str, error: E) -> E:
        self.faults[name] += 1
        return error

    def _take(self, own: UUID) -> Sent:
        self.taken[own] += 1
        self.at.setdefault(own, time.time())
        self._report(own)
        return Sent(str(own))

    def _report(self, own: UUID) -> None:
        receipt = Receipt(
            provider=self.name,
            provider_message_id=str(own),
            notification_id=own,
            outcome=Delivered(),
            at=datetime.now(UTC),
        )
        self.hearing.put_nowait(receipt)


@dataclass
class NoMail(Provider):
    channel: Channel = Channel.EMAIL
    name: str = "mail"


@dataclass(frozen=True)
class _Ways:
    providers: Mapping[str, Any]
    federations: Mapping[str, Any] = field(default_factory=dict)
    callbacks: None = None

    def of(self, _federation: str, channel: Channel) -> dict[str, int]:
        return {name: 1 for name, provider in self.providers.items() if provider.channel is channel}


@dataclass(frozen=True, slots=True)
class Burst:
    messages: int
    seconds: float
    """From when notify begins to hear until every notification has ended."""
    cpu: float
    """Seconds of this process in that time."""
    faults: Counter[str]
    memory: tuple[float, float]
    """Megabytes at a quarter of the way, and at the end."""
    statuses: Mapping[str, int]
    latencies: list[float]
    """Seconds from an event to the provider, of those that came one by one afterwards; sorted."""

    @property
    def p99(self) -> float:
        return self.latencies[int(len(self.latencies) * 0.99)]


async def measure(_pace: Pace) -> list[Finding]:
    logs.configure(service.programme, "ERROR")
    with postgres() as server, nats() as broker:
        async with database(server) as dsn:
            burst = await run(settings_for(dsn, broker.url()), MESSAGES, STEADY_SECONDS)
    faults = {name: f"{number:,}" for name, number in sorted(burst.faults.items())}
    faults["time of this process for one"] = f"{burst.cpu / burst.messages * 1000:.2f} ms"
    early, late = burst.memory
    case = f"{burst.messages:,} notifications of one burst, until all have ended"
    return [
        Finding("notify", case, faults, burst.messages / burst.seconds, "/s", PER_SECOND * 0.9),
        Finding(
            "notify",
            "memory at the end, over that at a quarter",
            {"MB": f"{late:.0f}"},
            late - early,
            " MB",
            64,
            "less",
        ),
        Finding(
            "notify",
            f"event to provider, {STEADY} a second, 99th of a hundred",
            {"median": f"{burst.latencies[len(burst.latencies) // 2] * 1000:.0f} ms"},
            burst.p99 * 1000,
            " ms",
            1_000,
            "less",
        ),
    ]


def settings_for(dsn: str, nats_url: str) -> Settings:
    key = b64encode(os.urandom(32)).decode()
    return Settings.model_validate({"database_url": dsn, "nats_url": nats_url, "master_key": key})


async def run(settings: Settings, messages: int, steady_seconds: float) -> Burst:
    """Send so many, and then some one by one."""
    provider = Provider()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(_registry(settings))
        async with LOAN.running(settings) as source:
            await _repay(source, messages)
            await until(lambda: _published(source), LIMIT)
        began, busy = time.perf_counter(), time.process_time()
        running = await stack.enter_async_context(_notify(provider).running(settings))
        await until(lambda: _ended(running, messages // 4), LIMIT)
        early = resident(os.getpid())
        await until(lambda: _ended(running, messages), LIMIT)
        seconds, late = time.perf_counter() - began, resident(os.getpid())
        cpu = time.process_time() - busy
        _check(provider, messages)
        statuses = await _statuses(running)
        source = await stack.enter_async_context(LOAN.running(settings))
        latencies = await _one_by_one(source, running, provider, messages, steady_seconds)
    return Burst(messages, seconds, cpu, provider.faults, (early, late), statuses, latencies)


def _notify(provider: Provider) -> Service:
    book = rules.shipped()
    (rule,) = book.of("loan", "RepaymentReceived")
    book = replace(book, rules=(rule.model_copy(update={"channels": (Channel.SMS,)}),))
    ways = _Ways({"limited": provider, "mail": NoMail()})

    @asynccontextmanager
    async def resources(settings: Settings) -> AsyncIterator[Resources]:
        known = await open_with(settings, ways)  # type: ignore[arg-type]
        yield replace(known, rules=book, limits={"limited": Limits(per_second=PER_SECOND)})

    return replace(service, resources=resources, reactions=reactions_to(book.events))


async def _repay(source: Running, number: int, first: int = 0) -> None:
    """So many members repay, each once."""
    meta = Meta(
        federation="330503",
        actor="bank:nxbank",
        time=source.clock.now(),
        correlation=new_id(),
        causation=new_id(),
    ).model_dump_json()
    for start in range(first, first + number, TOGETHER):
        writes = [
            Write(
                f"line-{event.line_id}", 0, [NewEvent(new_id(), "RepaymentReceived", 1, event.model_dump_json(), meta)]
            )
            for event in map(_repaid, range(start, min(start + TOGETHER, first + number)))
        ]
        await source.store.append(Commit(new_id(), new_id(), writes))


def _repaid(number: int) -> RepaymentReceived:
    return RepaymentReceived(
        line_id=LineId(derived_id(NAMESPACE, f"line {number}")),
        member_id=MemberId(derived_id(NAMESPACE, f"member {number}")),
        repayment_id=RepaymentId(new_id()),
        amount=1_742_113,
        on=date(2026, 11, 24),
        toward=None,
        allocations=(),
        credit=0,
        principal=0,
    )


def _row(event: RepaymentReceived, meta: str) -> NewEvent:
    return NewEvent(new_id(), type(event).__name__, 1, event.model_dump_json(), meta)


async def _one_by_one(
    source: Running, running: Running, provider: Provider, already: int, seconds: float
) -> list[float]:
    happened: dict[UUID, float] = {}
    known = set(provider.at)
    number = int(seconds * STEADY)
    begun = time.perf_counter()
    for count in range(number):
        await asyncio.sleep(max(0.0, begun + count / STEADY - time.perf_counter()))
        await _repay(source, 1, already + count)
    await until(lambda: _ended(running, already + number), LIMIT)
    events = await source.store.pool.fetch(
        "select id, meta->>'time' as at from loan.events where position > $1 order by position", already
    )
    happened = {row["id"]: datetime.fromisoformat(row["at"]).timestamp() for row in events}
    rows = await running.read_models.pool.fetch("select notification_id, cause from notify.notifications")
    causes = {row["notification_id"]: row["cause"] for row in rows}
    return sorted(
        at - happened[causes[own]]
        for own, at in provider.at.items()
        if own not in known and own.int % 100 > 3  # of what fails at first the pauses say nothing
    )


async def _published(source: Running) -> bool:
    await asyncio.sleep(0.1)
    return source.relay.published >= await source.store.head()


async def _statuses(running: Running) -> dict[str, int]:
    rows = await running.read_models.pool.fetch("select status, count(*) from notify.notifications group by 1")
    return {row[0]: row[1] for row in rows}


async def _ended(running: Running, number: int) -> bool:
    """Whether so many are delivered, or at another end."""
    await asyncio.sleep(0.25)
    statuses = await _statuses(running)
    return sum(statuses.get(status, 0) for status in ENDED if status != "sent") >= number


def _check(provider: Provider, messages: int) -> None:
    """Each was taken once."""
    twice = [own for own, count in provider.taken.items() if count > 1]
    require(not twice, f"{len(twice)} messages were sent twice")
    require(len(provider.taken) == messages, f"{len(provider.taken)} of {messages} messages were sent")
