"""The `eventsourcing` package: the same line of credit in its own terms.

Its settings are the fastest of its safe ones, found by trying:

- the PostgreSQL application recorder takes the table lock that keeps readers from passing over events:
  `enable_db_functions` takes none, and loses events to them;
- the aggregate cache is on, and reads what others may have appended since: told not to (`AGGREGATE_CACHE_FASTFORWARD`),
  it never notices another process's events, and whatever they touched fails in this one from then on;
- its pool of connections as it comes, 5 to 15: more of them only wait for the lock;
- psycopg in C.

It is synchronous, so its callers are threads.
"""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any, Final, cast
from urllib.parse import urlsplit
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate

from shared.schemas.ids import new_id
from tests.bench.contestants import STREAMS_OF_A_CALLER, Contestant
from tests.bench.line import ACTOR, BANK, EXCEEDED, FEDERATION, LIMIT, SEEDED, START

SETTINGS: Final = {
    "PERSISTENCE_MODULE": "eventsourcing.postgres",
    "AGGREGATE_CACHE_MAXSIZE": "20000",
    "AGGREGATE_CACHE_FASTFORWARD": "y",
}


class Line(Aggregate):
    class Opened(Aggregate.Created):
        member: UUID

    class Moved(Aggregate.Event):
        line: UUID
        member: UUID
        bank: str
        amount: int
        at: datetime
        federation: str
        actor: str
        correlation: UUID
        causation: UUID

    class Drawn(Moved):
        drawdown: UUID
        purpose: str

        def apply(self, aggregate: Aggregate) -> None:
            cast("Line", aggregate).used += self.amount

    class Repaid(Moved):
        repayment: UUID
        principal: int
        interest: int
        credit: int

        def apply(self, aggregate: Aggregate) -> None:
            line = cast("Line", aggregate)
            line.used -= self.principal
            line.credit = self.credit

    def __init__(self, member: UUID) -> None:
        self.member = member
        self.used = 0
        self.credit = 0

    @classmethod
    def open(cls, member: UUID) -> "Line":
        return cls._create(cls.Opened, member=member)

    def draw(self, amount: int, command: UUID) -> None:
        if self.used + amount > LIMIT:
            raise EXCEEDED(available=LIMIT - self.used)
        purpose = "进货:春季面料二十匹、辅料一批"
        self.trigger_event(self.Drawn, drawdown=new_id(), purpose=purpose, **self._common(amount, command))

    def repay(self, amount: int, command: UUID) -> None:
        principal = min(amount, self.used)
        self.trigger_event(
            self.Repaid,
            repayment=new_id(),
            principal=principal,
            interest=0,
            credit=self.credit + amount - principal,
            **self._common(amount, command),
        )

    def move(self, turn: int) -> None:
        """Drawing and repaying in turn."""
        (self.draw if turn % 2 == 0 else self.repay)(120_000, new_id())

    def _common(self, amount: int, command: UUID) -> dict[str, Any]:
        return {
            "line": self.id,
            "member": self.member,
            "bank": BANK,
            "amount": amount,
            "at": START,
            "federation": FEDERATION,
            "actor": ACTOR,
            "correlation": command,
            "causation": command,
        }


class Lending(Application[UUID]):
    def open_lines(self, member: UUID, number: int, movements: int) -> list[UUID]:
        opened = [Line.open(member) for _ in range(number)]
        for line in opened:
            for turn in range(movements):
                line.move(turn)
        self.save(*opened)
        return [line.id for line in opened]

    def carry_out(self, line_id: UUID, turn: int) -> None:
        line: Line = self.repository.get(line_id)
        line.move(turn)
        self.save(line)


def settings(dsn: str) -> dict[str, str]:
    url = urlsplit(dsn)
    return {
        **SETTINGS,
        "POSTGRES_HOST": url.hostname or "",
        "POSTGRES_PORT": str(url.port),
        "POSTGRES_USER": url.username or "",
        "POSTGRES_PASSWORD": url.password or "",
        "POSTGRES_DBNAME": url.path.lstrip("/"),
    }


class Package(Contestant):
    name = "eventsourcing"

    async def open(self, dsn: str, most_callers: int, stack: AsyncExitStack) -> None:
        self.lending = Lending(settings(dsn))
        stack.callback(self.lending.close)
        self.threads = stack.enter_context(ThreadPoolExecutor(most_callers))
        await asyncio.to_thread(self._seed, most_callers)

    def _seed(self, most_callers: int) -> None:
        member = new_id()
        self.keys = [self.lending.open_lines(member, STREAMS_OF_A_CALLER, SEEDED - 1) for _ in range(most_callers)]

    async def work(self, number: int, seconds: float) -> float:
        return await asyncio.to_thread(self._work, number, seconds)

    def _work(self, number: int, seconds: float) -> float:
        started = time.perf_counter()
        made = sum(self.threads.map(lambda caller: self._call(caller, started + seconds), range(number)))
        self.appended += made
        return made / (time.perf_counter() - started)

    def _call(self, caller: int, deadline: float) -> int:
        turn, keys = 0, self.keys[caller]
        while time.perf_counter() < deadline:
            self.lending.carry_out(keys[turn % STREAMS_OF_A_CALLER], turn // STREAMS_OF_A_CALLER)
            turn += 1
        return turn

    async def stored(self) -> int:
        return await asyncio.to_thread(self._stored)

    def _stored(self) -> int:
        with self.lending.factory.datastore.cursor() as cursor:  # type: ignore[attr-defined]
            cursor.execute("select count(*) as n from lending_events")
            return int(cursor.fetchone()["n"])
