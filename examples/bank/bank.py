"""A bank at the union's streams, in one file: it hears what the union addresses to it, decides, and answers.

    python bank.py run   --server nats://127.0.0.1:4222 --nkey bank-nxbank.nk
    python bank.py repay 0198… 5000.00 receipt-1
    python bank.py show

What it has heard and answered lies in an SQLite file, its book. It may be killed at any moment and started again:
an answer is written down, with its command id, before it is sent, and an event is acknowledged after its answer has
come through. So an event that comes again gets the same answer under the same id, which changes nothing a second time.

It needs Python 3.12 and nats-py (`pip install "nats-py[nkeys]"`), and knows the union by the published contract alone.
"""

import argparse
import asyncio
import json
import signal
import sqlite3
import ssl
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import nats
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

CHINA = ZoneInfo("Asia/Shanghai")
RECEIPTS = UUID("6f7a3b52-3a4e-5d0c-9a53-1f0c6a7e2d11")
"""The namespace of this bank's receipts: each bank makes one of its own."""
LINE_MONTHS = 36
PAUSE = 1.0
"""Seconds before something is tried again while the union, or the way there, is down."""


@dataclass(frozen=True)
class Event:
    """CloudEvents in binary mode: attributes are headers, the body is JSON."""

    id: UUID
    type: str
    federation: str
    position: int
    time: str
    data: dict[str, Any]

    @classmethod
    def of(cls, message: Msg) -> "Event":
        headers = message.headers or {}
        return cls(
            id=UUID(headers["ce-id"]),
            type=headers["ce-type"],
            federation=headers["ce-federation"],
            position=int(headers["ce-position"]),
            time=headers["ce-time"],
            data=json.loads(message.data),
        )


@dataclass(frozen=True)
class Answer:
    """A command, as it is written down before it is sent. The id makes sending it again harmless."""

    command_id: UUID
    subject: str
    body: str

    @classmethod
    def to(cls, event: Event, name: str, **fields: Any) -> "Answer":
        return cls(uuid5(event.id, name), f"cmd.{event.federation}.loan.{name}", json.dumps(fields))


# What this bank decides: the part that a real bank replaces.


def decide(event: Event, known: bool) -> Answer | None:
    """The answer to an event; None where it asks for none. `known` says whether the union told who the member is."""
    data = event.data
    match event.type:
        case "LoanEndorsed" if not known:
            return Answer.to(event, "DeclineLoan", application_id=data["application_id"], ground="documents")
        case "LoanEndorsed":
            limit = min(Decimal(data["amount"]), Decimal(data["assessed"]))
            if limit <= 0:
                return Answer.to(event, "DeclineLoan", application_id=data["application_id"], ground="income")
            return Answer.to(
                event,
                "AcceptLoan",
                application_id=data["application_id"],
                line_id=str(uuid5(event.id, "line")),
                limit=f"{limit:.2f}",
                months=LINE_MONTHS,
                annual_percent=data["rate"]["annual_percent"],
            )
        case "DrawdownRequested":  # the money is paid out here
            return Answer.to(event, "DisburseDraw", line_id=data["line_id"], draw_id=data["draw_id"], on=today())
        case _:
            return None


def today() -> str:
    return datetime.now(CHINA).date().isoformat()


# The book.


class Book:
    """What was heard and answered. Each method is one transaction, on disk when it returns."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path)
        self._db.executescript(
            """
            pragma journal_mode = wal;
            pragma synchronous = full;
            create table if not exists events (
                id text primary key, position integer, type text, federation text, time text, data text,
                deliveries integer not null default 1
            );
            create table if not exists answers (
                command_id text primary key, event_id text unique, subject text, body text, status text, reply text
            );
            """
        )

    def heard(self, event: Event) -> None:
        with self._db:
            self._db.execute(
                "insert into events values (?, ?, ?, ?, ?, ?, 1)"
                " on conflict (id) do update set deliveries = deliveries + 1",
                (str(event.id), event.position, event.type, event.federation, event.time, json.dumps(event.data)),
            )

    def answer_to(self, event: Event) -> Answer | None:
        row = self._db.execute(
            "select command_id, subject, body from answers where event_id = ?", (str(event.id),)
        ).fetchone()
        return Answer(UUID(row[0]), row[1], row[2]) if row else None

    def write(self, answer: Answer, event_id: UUID | None = None) -> bool:
        """False where there is one under its command id: that one stays."""
        with self._db:
            written = self._db.execute(
                "insert into answers values (?, ?, ?, ?, null, null) on conflict do nothing",
                (str(answer.command_id), str(event_id) if event_id else None, answer.subject, answer.body),
            )
        return written.rowcount == 1

    def came_through(self, answer: Answer, status: str, reply: str) -> None:
        with self._db:
            self._db.execute(
                "update answers set status = ?, reply = ? where command_id = ?",
                (status, reply, str(answer.command_id)),
            )

    def unsent(self) -> list[Answer]:
        rows = self._db.execute("select command_id, subject, body from answers where status is null order by rowid")
        return [Answer(UUID(one), subject, body) for one, subject, body in rows]

    def federation_of(self, line_id: str) -> str:
        row = self._db.execute(
            "select subject from answers where subject like '%.AcceptLoan' and json_extract(body, '$.line_id') = ?",
            (line_id,),
        ).fetchone()
        if row is None:
            sys.exit(f"this bank opened no line {line_id}")
        federation: str = row[0].split(".")[1]
        return federation

    def rows(self) -> list[tuple[Any, ...]]:
        """For people: event, answer, what became of it."""
        return self._db.execute(
            "select coalesce(e.position, ''), coalesce(e.type, ''), coalesce(a.subject, ''), coalesce(a.body, ''),"
            " coalesce(a.status, ''), coalesce(a.reply, '')"
            " from events e full join answers a on a.event_id = e.id order by e.position is null, e.position"
        ).fetchall()


# The wire.


async def send(client: Client, answer: Answer) -> tuple[str, str]:
    """Until the union has answered: `accepted`, `answered` or `refused`, and its reply."""
    while True:
        with suppress(nats.errors.Error, TimeoutError):
            headers = {"command-id": str(answer.command_id)}
            reply = await client.request(answer.subject, answer.body.encode(), timeout=10, headers=headers)
            status = (reply.headers or {}).get("status", "away")
            busy = status == "refused" and json.loads(reply.data)["code"] == "busy"
            if status != "away" and not busy:
                return status, reply.data.decode()
        await asyncio.sleep(PAUSE)


async def is_known(client: Client, event: Event) -> bool:
    """Whether the union tells this bank who the member is: only with the member's consent on record.

    Name and number go from here into the bank's own system; this example keeps neither.
    """
    query = Answer.to(event, "ShowIdentity", member_id=event.data["member_id"])
    subject = f"qry.{event.federation}.registry.ShowIdentity"
    status, _identity = await send(client, Answer(query.command_id, subject, query.body))
    return status == "answered"


async def handle(client: Client, book: Book, message: Msg) -> None:
    event = Event.of(message)
    book.heard(event)
    answer = book.answer_to(event)
    if answer is None:
        known = event.type == "LoanEndorsed" and await is_known(client, event)
        answer = decide(event, known)
        if answer is not None:
            book.write(answer, event.id)
    if answer is not None:
        book.came_through(answer, *await send(client, answer))
    await message.ack_sync()
    print(f"{event.position} {event.type}", f"-> {answer.subject}" if answer else "", flush=True)


async def run(options: argparse.Namespace, book: Book) -> None:
    """Take one event after the other, until told to leave: what is under way then comes again, or is answered from the
    book. The union keeps this bank's position."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    with suppress(NotImplementedError):  # on Windows, where Ctrl-C alone ends it, as an interrupt
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, told.set)
    working, leaving = asyncio.create_task(work(options, book, told)), asyncio.create_task(told.wait())
    await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
    if working.done():
        await working


async def work(options: argparse.Namespace, book: Book, told: asyncio.Event) -> None:
    client = await connect(options)
    for answer in book.unsent():
        book.came_through(answer, *await send(client, answer))
    stream = f"BANK_{options.bank.upper()}"
    union = client.jetstream(domain="union")
    events = await union.pull_subscribe_bind(consumer="bank", stream=stream)
    while not told.is_set():
        try:
            for message in await events.fetch(1, timeout=30):
                await handle(client, book, message)
        except TimeoutError:
            continue  # nothing happened, or an acknowledgement got lost: then the event comes again
        except (nats.errors.Error, nats.js.errors.Error) as error:
            print(f"the union is away: {type(error).__name__}", file=sys.stderr, flush=True)
            await asyncio.sleep(PAUSE)


async def repay(options: argparse.Namespace, book: Book) -> None:
    """Tell of money received, once for a receipt of this bank's."""
    subject = f"cmd.{book.federation_of(options.line)}.loan.RecordRepayment"
    fields = {
        "line_id": options.line,
        "repayment_id": str(uuid5(RECEIPTS, options.receipt)),
        "amount": options.amount,
        "on": today(),
    }
    if not book.write(Answer(uuid5(RECEIPTS, f"command {options.receipt}"), subject, json.dumps(fields))):
        print(f"receipt {options.receipt} is in the book already")
    client = await connect(options)
    for answer in book.unsent():
        status, reply = await send(client, answer)
        book.came_through(answer, status, reply)
        print(status, reply)
    await client.close()


def show(book: Book) -> None:
    for row in book.rows():
        print(*row, sep="\t")


async def connect(options: argparse.Namespace) -> Client:
    async def say(error: Exception) -> None:
        print(f"nats: {error}", file=sys.stderr, flush=True)

    sign_in: dict[str, Any] = {"user_credentials": options.creds} if options.creds else {"nkeys_seed": options.nkey}
    if options.ca:
        sign_in["tls"] = ssl.create_default_context(cafile=options.ca)
    return await nats.connect(options.server, error_cb=say, max_reconnect_attempts=-1, **sign_in)


def main() -> None:
    parser = argparse.ArgumentParser(description="A bank at the union's streams.")
    parser.add_argument("--book", type=Path, default=Path("bank.sqlite"), help="what was heard and answered")
    commands = parser.add_subparsers(dest="command", required=True)
    wire = argparse.ArgumentParser(add_help=False)
    wire.add_argument("--server", default="nats://127.0.0.1:4222")
    wire.add_argument("--bank", default="nxbank", help="this bank's code at the union")
    wire.add_argument("--creds", help="niangjia.creds, as the union gave it")
    wire.add_argument("--ca", help="ca.pem, as the union gave it")
    wire.add_argument("--nkey", help="bank-….nk of an embedded stack, in place of creds")
    commands.add_parser("run", parents=[wire], help="hear and answer, until stopped")
    repaid = commands.add_parser("repay", parents=[wire], help="tell of money received")
    for name in ("line", "amount", "receipt"):
        repaid.add_argument(name)
    commands.add_parser("show", help="what was heard and answered")
    options = parser.parse_args()
    book = Book(options.book)
    with suppress(KeyboardInterrupt):
        match options.command:
            case "run":
                asyncio.run(run(options, book))
            case "repay":
                asyncio.run(repay(options, book))
            case "show":
                show(book)


if __name__ == "__main__":
    main()
