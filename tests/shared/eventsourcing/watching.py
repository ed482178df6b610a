"""What a test of timers looks at: reminders in the log, records in the table, and whether all is done."""

import asyncio
from datetime import datetime
from uuid import UUID

from shared.eventsourcing.store import EventStore
from shared.eventsourcing.timers import Timers
from shared.schemas.ids import new_id
from tests.shared.eventsourcing.lending import Reminded, lending
from tests.waiting import until

BOOK = new_id()


async def settle(worker: Timers, store: EventStore, seconds: float = 15) -> None:
    """Wait until the worker has folded the whole log and nothing that is due is left."""

    async def settled() -> bool:
        return worker.folded >= await store.head() and await worker.overdue() == (0, 0.0)

    await until(settled, seconds)


async def reminders(store: EventStore, book: UUID = BOOK) -> int:
    return sum(isinstance(recorded.event, Reminded) for recorded in await store.stream(f"book-{book}"))


async def all_reminders(store: EventStore) -> tuple[int, int]:
    """How many reminders there are, and of how many books."""
    row = await store.pool.fetchrow(
        "select count(*), count(distinct stream) from lending.events where type = 'Reminded'"
    )
    assert row is not None
    return row[0], row[1]


async def record_of(store: EventStore, book: UUID = BOOK) -> tuple[datetime | None, str | None, int]:
    found = await store.pool.fetchrow(
        "select fired_at, outcome, attempts from lending.timers where key = $1", f"remind-{book}"
    )
    assert found is not None
    return found["fired_at"], found["outcome"], found["attempts"]


async def lend(store: EventStore, many: int, due: datetime) -> list[UUID]:
    """Lend so many books, a hundred in a commit."""
    lent = [new_id() for _ in range(many)]
    await asyncio.gather(*(store.append(lending(lent[first : first + 100], due)) for first in range(0, many, 100)))
    return lent


async def pending(worker: Timers, count: int) -> bool:
    return len(await worker.pending(1_000)) == count
