"""What was handed to which provider lately, by keyed hashes of numbers: for budgets, and for replies.

A line is written before an attempt begins, so that a budget may be counted too high by what a killed process had in
hand, and never too low.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.notify.limits import Budget, Per, Spending
from shared.eventsourcing.connections import Pool
from shared.eventsourcing.rounds import Rounds

__all__ = ["Ledger", "Line"]

INSERT: Final = (
    "insert into notify.ledger (notification_id, attempt, provider, template, number, federation, recipient, at)"
    " select * from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::bytea[], $6::text[], $7::text[],"
    " $8::timestamptz[]) on conflict do nothing"
)


@dataclass(frozen=True, slots=True)
class Line:
    notification_id: UUID
    attempt: int
    provider: str
    template: str
    """Its id: budgets are of a template in all its versions."""
    number: bytes
    federation: str
    recipient: str
    at: datetime


class Ledger:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._lines: Rounds[list[Line], None] = Rounds(list, self._insert)

    async def write(self, line: Line) -> None:
        """Together with whatever else is to be written now."""
        await self._lines.ask(lambda lines: lines.append(line))

    async def _insert(self, lines: Sequence[Line]) -> None:
        columns = zip(
            *(
                (
                    *(one.notification_id, one.attempt, one.provider, one.template),
                    *(one.number, one.federation, one.recipient, one.at),
                )
                for one in lines
            ),
            strict=True,
        )
        await self._pool.execute(INSERT, *map(list, columns))

    async def spending(self, provider: str, budget: Budget, numbers: Sequence[bytes], now: datetime) -> Spending:
        """What was spent of a budget, as far as messages to these numbers count for it."""
        template = "template" if budget.per in {Per.TEMPLATE, Per.TEMPLATE_NUMBER} else "''"
        of_numbers = budget.per in {Per.NUMBER, Per.TEMPLATE_NUMBER}
        number, which = ("number", "number = any ($3)") if of_numbers else ("''::bytea", "$3::bytea[] is not null")
        rows = await self._pool.fetch(
            f"select {template}, {number}, count(*), min(at) from notify.ledger"
            f" where provider = $1 and at > $2 and {which} group by 1, 2",
            provider,
            budget.since(now),
            list(numbers),
        )
        return Spending(budget, now, {(row[0], bytes(row[1])): (row[2], row[3]) for row in rows})

    async def standing(self, provider: str, budget: Budget, now: datetime) -> tuple[int, int, datetime | None]:
        """Of a budget: what is spent most, how many have exhausted it, and when the first of them has room again."""
        template = "template" if budget.per in {Per.TEMPLATE, Per.TEMPLATE_NUMBER} else "''"
        number = "number" if budget.per in {Per.NUMBER, Per.TEMPLATE_NUMBER} else "''::bytea"
        [(most, exhausted, first)] = await self._pool.fetch(
            "select coalesce(max(n), 0), count(*) filter (where n >= $3), min(first) filter (where n >= $3)"
            f" from (select {template}, {number}, count(*), min(at) from notify.ledger where provider = $1 and at > $2"
            " group by 1, 2) spent (template, number, n, first)",
            provider,
            budget.since(now),
            budget.limit,
        )
        return most, exhausted, None if first is None else budget.until(now, first)

    async def number_of(self, notification_id: UUID, attempt: int) -> bytes | None:
        """Whom an attempt was addressed to; None where nobody knows any more."""
        row = await self._pool.fetchrow(
            "select number from notify.ledger where notification_id = $1 and attempt = $2", notification_id, attempt
        )
        return None if row is None else bytes(row[0])

    async def whose(self, number: bytes) -> tuple[str, str] | None:
        """The member to whom the last message to a number went, and the federation in whose name."""
        row = await self._pool.fetchrow(
            "select recipient, federation from notify.ledger where number = $1 order by at desc limit 1", number
        )
        return None if row is None else (row[0], row[1])

    async def forget(self, recipient: str) -> None:
        await self._pool.execute("delete from notify.ledger where recipient = $1", recipient)

    async def drop_before(self, instant: datetime) -> None:
        await self._pool.execute("delete from notify.ledger where at < $1", instant)
