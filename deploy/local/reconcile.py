"""`niangjia reconcile bank`: a bank's day, three ways, from the loan's log and the bank's stream."""

import asyncio
import json
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple
from uuid import UUID

import asyncpg
import typer
from nats.aio.client import Client as Connection
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError
from rich.table import Table
from rich.text import Text

from deploy.local.outsiders import parties_in
from deploy.local.reach import connection, database
from deploy.local.terminal import WRONG, Output, out, wrong
from deploy.nats.parties import CONSUMER, SHIPPED, Bank
from deploy.nats.reconciliation import (
    ANSWERS,
    QUESTIONS,
    TAKEN_BACK,
    Ending,
    Held,
    Reconciled,
    Sent,
    reconcile,
)
from shared.eventsourcing.decider import SHANGHAI

__all__ = ["app", "of_bank"]

PAGE: Final = 500
READ_LIMIT: Final = 10.0
ENDINGS: Final = {**ANSWERS, **TAKEN_BACK}
ABOUT: Final = "coalesce(data->>'draw_id', data->>'application_id')"
TIME: Final = "(meta->>'time')::timestamptz"

app = typer.Typer(help="What was sent to others, what they took, and what they answered.", no_args_is_help=True)


@app.command()
def bank(
    day: Annotated[str, typer.Argument(metavar="DATE", help="in China, such as 2026-11-24", show_default=False)],
    code: Annotated[str, typer.Option("--bank", help="the bank's code")] = "nxbank",
    parties: Annotated[Path, typer.Option(help="banks and hospitals, TOML")] = SHIPPED,
    output: Output = "text",
) -> None:
    """What was sent to a bank on a day, what it took of it, what it answered; exit code 1 where they differ."""
    banks = {party.code: party for party in parties_in(parties).bank}
    if code not in banks:
        wrong(f"no bank is named {code!r}: {', '.join(banks)}")
    try:
        on = date.fromisoformat(day)
    except ValueError:
        wrong(f"{day!r} is no date such as 2026-11-24")
    reconciled = asyncio.run(_reconcile(banks[code], on))
    if output == "json":
        out.print_json(json.dumps(asdict(reconciled)))
    else:
        _tell(banks[code], on, reconciled)
    raise typer.Exit(WRONG if reconciled.differences else 0)


async def _reconcile(party: Bank, on: date) -> Reconciled:
    async with database() as pool, connection() as broker:
        return await of_bank(pool, broker, party, on, datetime.now(UTC))


async def of_bank(pool: asyncpg.Pool, broker: Connection, party: Bank, on: date, now: datetime) -> Reconciled:
    """Raises what asyncpg and nats-py raise."""
    js = broker.jetstream()
    begin = datetime(on.year, on.month, on.day, tzinfo=SHANGHAI)
    end = begin + timedelta(days=1)
    head: int = await pool.fetchval("select coalesce(max(position), 0) from loan.events")
    sent = await _sent(pool, party, begin, end, head)
    acknowledged, messages = await _stream(js, party, begin)
    own = {event.id for event in sent}
    held = [one.held for one in messages if one.held.id in own or (begin <= one.time < end and one.position <= head)]
    questions = [event.about for event in sent if event.about is not None]
    given = await _answers(pool, party, begin, end)
    endings = {ending.position: ending for ending in (*given, *await _endings(pool, questions))}
    before = await _asked(pool, party, {ending.about for ending in endings.values()} - set(questions))
    return reconcile(sent, held, acknowledged, [endings[one] for one in sorted(endings)], before, now)


async def _sent(pool: asyncpg.Pool, party: Bank, begin: datetime, end: datetime, head: int) -> list[Sent]:
    rows = await pool.fetch(
        "select position, id, type, data from loan.events where type = any($1) and data->>'bank' = $2"
        f" and {TIME} >= $3 and {TIME} < $4 and position <= $5 order by position",
        [kind.__name__ for kind in party.events],
        party.code,
        begin,
        end,
        head,
    )
    return [Sent(row["position"], row["id"], row["type"], json.loads(row["data"])) for row in rows]


async def _answers(pool: asyncpg.Pool, party: Bank, begin: datetime, end: datetime) -> list[Ending]:
    """Given by the bank on the day, whatever day they were asked for."""
    rows = await pool.fetch(
        "select position, type, data from loan.events where type = any($1) and meta->>'actor' = $2"
        f" and {TIME} >= $3 and {TIME} < $4",
        list(ANSWERS),
        f"{party.role}:{party.code}",
        begin,
        end,
    )
    return [_ending(row) for row in rows]


async def _endings(pool: asyncpg.Pool, about: list[str]) -> list[Ending]:
    rows = await pool.fetch(
        f"select position, type, data from loan.events where type = any($1) and {ABOUT} = any($2)",
        list(ENDINGS),
        about,
    )
    return [_ending(row) for row in rows]


def _ending(row: asyncpg.Record) -> Ending:
    data: dict[str, Any] = json.loads(row["data"])
    return Ending(row["position"], row["type"], str(data[ENDINGS[row["type"]]]))


async def _asked(pool: asyncpg.Pool, party: Bank, about: set[str]) -> list[str]:
    """Which of these the bank was ever asked about."""
    rows = await pool.fetch(
        f"select {ABOUT} from loan.events where type = any($1) and data->>'bank' = $2 and {ABOUT} = any($3)",
        list(QUESTIONS),
        party.code,
        list(about),
    )
    return [row[0] for row in rows]


class _Message(NamedTuple):
    """With the position in the loan's log, and when it happened: it came into the bank's stream no earlier."""

    held: Held
    position: int
    time: datetime


async def _stream(js: JetStreamContext, party: Bank, since: datetime) -> tuple[int, list[_Message]]:
    """The acknowledged sequence, and what came into the bank's stream since then."""
    try:
        acknowledged = int((await js.consumer_info(party.stream, CONSUMER)).ack_floor.stream_seq)
    except NotFoundError:
        wrong(f"there is no stream {party.stream}: niangjia provision makes it")
    config = ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_TIME,
        opt_start_time=since.astimezone(UTC),
        ack_policy=AckPolicy.NONE,
        inactive_threshold=READ_LIMIT * 3,
    )
    subscription = await js.pull_subscribe("", stream=party.stream, config=config)
    left = int((await subscription.consumer_info()).num_pending or 0)
    messages: list[_Message] = []
    while left > 0:
        for message in await subscription.fetch(min(left, PAGE), timeout=READ_LIMIT):
            headers = message.headers or {}
            sequence = message.metadata.sequence.stream
            held = Held(sequence, UUID(headers["ce-id"]), headers["ce-type"], json.loads(message.data))
            time = datetime.fromisoformat(headers["ce-time"])
            messages.append(_Message(held, int(headers["ce-position"]), time))
            left -= 1
    await subscription.unsubscribe()
    return acknowledged, messages


def _tell(party: Bank, on: date, reconciled: Reconciled) -> None:
    out.print(
        Text.assemble(
            (f"{party.name} {on}", "bold"),
            f": {reconciled.sent} sent, {reconciled.taken} taken;"
            f" of {reconciled.questions} questions {reconciled.answered} answered,"
            f" {reconciled.taken_back} taken back, {reconciled.waiting} waiting",
        ),
        soft_wrap=True,
    )
    if not reconciled.differences:
        out.print(Text("✓ no difference", "bold green"))
        return
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for heading in ("difference", "", "event", "where", "about"):
        table.add_column(heading, overflow="fold")
    for one in reconciled.differences:
        table.add_row(Text(one.kind, "red"), one.kind.term, one.what, one.where, one.about or "")
    out.print(table)
