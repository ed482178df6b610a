"""Letters: events that a consumer could not react to.

A letter is retried with growing pauses, a bounded number of times; then it is dead, and an operator retries or
skips it. Until it is out of the way, later events of the same stream wait behind it, parked, and other streams go
on. Letters stand in the consumer's own database: a crash loses none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic_core import from_json, to_json

from shared.eventsourcing.connections import Pool
from shared.eventsourcing.rounds import Rounds

__all__ = ["Letter", "Letters", "Patience"]


@dataclass(frozen=True, slots=True)
class Patience:
    """How often an event is tried, and the seconds before it is tried again: doubled each time. As it stands, the
    last attempt comes about a minute after the first."""

    attempts: int = 8
    first_pause: float = 0.5
    longest_pause: float = 60.0

    def pause(self, attempts: int) -> float:
        """Seconds to wait after so many attempts."""
        return min(self.first_pause * 2.0 ** (attempts - 1), self.longest_pause) if attempts else 0.0


@dataclass(frozen=True, slots=True)
class Letter:
    """`sequence` is the event's in the stream it came from; `error` names a kind of error, never content."""

    consumer: str
    sequence: int
    stream: str
    subject: str
    headers: Mapping[str, str]
    body: bytes
    state: str
    attempts: int
    error: str | None
    arrived_at: datetime


class Letters:
    """The letters of one service."""

    def __init__(self, pool: Pool, schema: str, patience: Patience | None = None) -> None:
        self._pool, self._table = pool, f"{schema}.letters"
        self._patience = patience or Patience()
        self._held: Rounds[set[tuple[str, str]], set[tuple[str, str]]] = Rounds(set, self._held_among)

    async def is_held(self, consumer: str, stream: str) -> bool:
        """Whether an earlier event of this stream is still in the way."""
        return (consumer, stream) in await self._held.ask(lambda wanted: wanted.add((consumer, stream)))

    async def _held_among(self, wanted: set[tuple[str, str]]) -> set[tuple[str, str]]:
        rows = await self._pool.fetch(
            f"select distinct w.consumer, w.stream from unnest($1::text[], $2::text[]) as w (consumer, stream)"
            f" join {self._table} l on l.consumer = w.consumer and l.stream = w.stream and l.state <> 'skipped'",
            [consumer for consumer, _ in wanted],
            [stream for _, stream in wanted],
        )
        return {(row[0], row[1]) for row in rows}

    async def put(self, letter: Letter) -> None:
        """Keep a letter; one that is there already stays as it is."""
        await self._pool.execute(
            f"insert into {self._table} (consumer, sequence, stream, subject, headers, body, state, attempts, error,"
            " next_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, now() + make_interval(secs => $10))"
            " on conflict do nothing",
            letter.consumer,
            letter.sequence,
            letter.stream,
            letter.subject,
            to_json(dict(letter.headers)).decode(),
            letter.body.decode(),
            letter.state,
            letter.attempts,
            letter.error,
            self._patience.pause(letter.attempts),
        )

    async def due(self, limit: int = 100) -> list[Letter]:
        """The first letter of each held stream, where it may be tried now."""
        rows = await self._pool.fetch(
            f"select * from (select distinct on (consumer, stream) * from {self._table} where state <> 'skipped'"
            " order by consumer, stream, sequence) as heads"
            " where state in ('retrying', 'parked') and next_at <= now() order by next_at limit $1",
            limit,
        )
        return [_letter(row) for row in rows]

    async def delivered(self, letter: Letter) -> None:
        """It was reacted to: out of the way."""
        await self._pool.execute(
            f"delete from {self._table} where consumer = $1 and sequence = $2", letter.consumer, letter.sequence
        )

    async def failed(self, letter: Letter, error: str) -> str:
        """It failed once more. Returns its state now: `retrying`, or `dead` after the last attempt."""
        attempts = letter.attempts + 1
        state = "dead" if attempts >= self._patience.attempts else "retrying"
        await self._pool.execute(
            f"update {self._table} set state = $3, attempts = $4, error = $5,"
            " next_at = now() + make_interval(secs => $6)"
            " where consumer = $1 and sequence = $2 and state <> 'skipped'",  # an operator may have been quicker
            letter.consumer,
            letter.sequence,
            state,
            attempts,
            error,
            self._patience.pause(attempts),
        )
        return state

    async def all(self, limit: int = 500) -> list[Letter]:
        """For an operator: every letter, the oldest first."""
        rows = await self._pool.fetch(f"select * from {self._table} order by arrived_at, sequence limit $1", limit)
        return [_letter(row) for row in rows]

    async def retry(self, consumer: str, sequence: int) -> bool:
        """An operator has a dead letter tried again. False where there is no such dead letter."""
        done = await self._pool.execute(
            f"update {self._table} set state = 'retrying', attempts = 0, next_at = now()"
            " where consumer = $1 and sequence = $2 and state = 'dead'",
            consumer,
            sequence,
        )
        return str(done) == "UPDATE 1"

    async def skip(self, consumer: str, sequence: int) -> bool:
        """An operator gives a letter up; it is kept for the record, and what waits behind it goes on."""
        done = await self._pool.execute(
            f"update {self._table} set state = 'skipped' where consumer = $1 and sequence = $2 and state <> 'skipped'",
            consumer,
            sequence,
        )
        return str(done) == "UPDATE 1"

    async def counts(self) -> dict[tuple[str, str], int]:
        """Letters by (consumer, state)."""
        rows = await self._pool.fetch(f"select consumer, state, count(*) from {self._table} group by 1, 2")
        return {(row[0], row[1]): row[2] for row in rows}

    async def ages(self) -> dict[tuple[str, str], float]:
        """By (consumer, state), the seconds since the first of their events was published."""
        age = "extract(epoch from now() - min(arrived_at))::float8"
        rows = await self._pool.fetch(f"select consumer, state, {age} from {self._table} group by 1, 2")
        return {(row[0], row[1]): row[2] for row in rows}


def _letter(row: Mapping[str, object]) -> Letter:
    fields = {name: row[name] for name in Letter.__slots__ if name not in ("headers", "body")}
    return Letter(headers=from_json(str(row["headers"])), body=str(row["body"]).encode(), **fields)  # type: ignore[arg-type]
