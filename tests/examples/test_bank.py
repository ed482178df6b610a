"""The sample bank as a process of its own, against the embedded stack: it hears, decides and answers, is killed and
started again, and nothing is lost or done twice."""

import asyncio
import json
import os
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import nats
import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator
from nats.aio.client import Client as Connection
from nats.js.api import ConsumerConfig

from deploy.local.demo.people import Cast
from deploy.local.demo.stage import Stage
from deploy.local.demo.union_side import anew, borrow, endorsed, found, somebody_else
from deploy.local.home import Home
from deploy.local.outsiders import key_file
from deploy.local.reconcile import of_bank
from deploy.local.system import LocalSystem, Programme
from deploy.nats.contract import CONTRACTS
from deploy.nats.parties import Parties
from deploy.nats.reconciliation import DifferenceKind, Reconciled
from shared.eventsourcing.decider import SHANGHAI
from shared.runtime.client import Client
from shared.schemas import loan
from shared.schemas.language import events_of
from shared.schemas.loan import ApplicationAnswer, ApplicationStatus, Ground, ShowApplication
from shared.schemas.registry import MemberAnswer, ShowMember, WithdrawConsent
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

BANK: Final = Path(__file__).parents[2] / "examples/bank/bank.py"
MEMBERS: Final = 4
KILLS: Final = 3


@dataclass
class Town:
    system: LocalSystem
    stage: Stage
    people: Cast
    connection: Connection
    book: Path
    begun: int = 0

    async def log(self, *types: str) -> list[dict[str, Any]]:
        """The loan's events of these types: data and meta."""
        connection = await asyncpg.connect(self.system.run.database_url)
        try:
            rows = await connection.fetch(
                "select type, data, meta from loan.events where type = any($1) and position > $2 order by position",
                list(types),
                self.begun,
            )
        finally:
            await connection.close()
        return [{"type": row["type"], **json.loads(row["data"]), "meta": json.loads(row["meta"])} for row in rows]

    @asynccontextmanager
    async def bank(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """The bank's process; killed, not stopped, at the end."""
        process = await self.command("run")
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def command(self, *arguments: str) -> asyncio.subprocess.Process:
        """The bank's program, as its developer starts it."""
        address = urlsplit(self.system.run.nats_url).netloc.rpartition("@")[2]
        key = key_file(self.system.home, "bank-nxbank")
        command, rest = arguments[0], arguments[1:]
        return await asyncio.create_subprocess_exec(
            *(sys.executable, str(BANK), "--book", str(self.book), command),
            *("--server", f"nats://{address}", "--nkey", str(key), *rest),
            env={"PATH": os.environ["PATH"]},
            cwd=self.book.parent,
            stdout=asyncio.subprocess.PIPE,
        )

    def entries(self, query: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(f"file:{self.book}?mode=ro", uri=True) as book:
            return book.execute(query).fetchall()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    tmp_path = tmp_path_factory.mktemp("town")
    programmes = (Programme.of("registry"), Programme.of("loan"))
    async with LocalSystem(Home(tmp_path / "home"), programmes=programmes, durable=False) as system:
        connection = await nats.connect(system.run.nats_url)
        info = await connection.jetstream().consumer_info("BANK_NXBANK", "bank")
        soon = ConsumerConfig(**{**info.config.__dict__, "ack_wait": 1.0})
        await connection.jetstream().add_consumer("BANK_NXBANK", soon)

        async def no_time_passes(_span: timedelta) -> None:
            raise AssertionError

        stage, people = Stage(Client(connection), no_time_passes), somebody_else()
        await found(stage, people)
        yield Town(system, stage, people, connection, tmp_path / "bank.sqlite")
        await connection.close()


@pytest_asyncio.fixture(loop_scope="module")
async def town(running: Town, tmp_path: Path) -> Town:
    """One system for all tests of this file; each sees the log from its own beginning, and keeps its own book."""
    connection = await asyncpg.connect(running.system.run.database_url)
    begun = await connection.fetchval("select coalesce(max(position), 0) from loan.events")
    await connection.close()
    return replace(running, book=tmp_path / "bank.sqlite", begun=begun)


async def test_a_bank_that_is_killed_again_and_again_opens_each_line_and_pays_each_draw_once(town: Town) -> None:
    members = [anew(town.people.cable_worker) for _ in range(MEMBERS)]
    borrowing = [
        asyncio.create_task(borrow(town.stage, town.people, member, 90, lambda line: None)) for member in members
    ]
    for kills in range(1, KILLS + 1):
        async with town.bank():

            async def answered(at_least: int = 2 * kills - 1) -> bool:
                """The loan has an answer that the bank may not know of yet: now it is killed."""
                return len(await town.log("LoanAccepted", "DrawDisbursed")) >= at_least

            await until(answered, 30)
    async with town.bank():
        lines = [done for done in await asyncio.gather(*borrowing) if done is not None]
        assert len(lines) == MEMBERS

        async def all_acknowledged() -> bool:
            info = await town.connection.jetstream().consumer_info("BANK_NXBANK", "bank")
            return (info.num_pending, info.num_ack_pending) == (0, 0)

        await until(all_acknowledged, 30)

    reconciled = await reconciled_today(town)
    assert reconciled.differences == ()
    assert (reconciled.sent, reconciled.taken) == (2 * MEMBERS, 2 * MEMBERS)
    assert (reconciled.answered, reconciled.waiting) == (2 * MEMBERS, 0)

    message = await town.connection.jetstream().get_msg("BANK_NXBANK", seq=1)
    published("CloudEvent").validate(dict(message.headers or {}))
    assert (message.headers or {})["ce-type"] == "LoanEndorsed"
    for kind, data in town.entries("select type, data from events"):
        published(f"{kind}.{events_of(loan)[kind].schema_version}").validate(json.loads(data))
    for subject, body in town.entries("select subject, body from answers"):
        published(subject.rpartition(".")[2]).validate(json.loads(body))

    answers = await town.log("LoanAccepted", "DrawDisbursed")
    assert Counter(answer["type"] for answer in answers) == {"LoanAccepted": MEMBERS, "DrawDisbursed": MEMBERS}
    assert {answer["meta"]["actor"] for answer in answers} == {"bank:nxbank"}
    assert len({answer.get("draw_id") or answer["application_id"] for answer in answers}) == 2 * MEMBERS
    in_book = {one for (one,) in town.entries("select command_id from answers where status = 'accepted'")}
    assert {answer["meta"]["causation"] for answer in answers} == in_book
    sent = [event["application_id"] for event in await town.log("LoanEndorsed")]
    heard = town.entries(
        "select json_extract(data, '$.application_id') from events where type = 'LoanEndorsed' order by position"
    )
    assert [one for (one,) in heard] == sent


def published(name: str) -> Draft202012Validator:
    """The schema of an event or command, as banks have it."""
    return Draft202012Validator(json.loads((CONTRACTS / f"schemas/{name}.json").read_text("utf-8")))


async def reconciled_today(town: Town) -> Reconciled:
    (bank,) = Parties.read().bank
    now = datetime.now(SHANGHAI)
    pool = await asyncpg.create_pool(town.system.run.database_url, min_size=1, max_size=1)
    try:
        return await of_bank(pool, town.connection, bank, now.date(), now)
    finally:
        await pool.close()


async def test_what_the_bank_has_not_taken_is_a_difference_and_what_it_has_not_answered_waits(town: Town) -> None:
    before = await reconciled_today(town)
    await endorsed(town.stage, town.people, anew(town.people.cable_worker))

    async def in_stream() -> bool:
        info = await town.connection.jetstream().consumer_info("BANK_NXBANK", "bank")
        return bool(info.num_pending)

    await until(in_stream)
    reconciled = await reconciled_today(town)
    assert [(one.kind, one.what) for one in reconciled.differences] == [(DifferenceKind.NOT_TAKEN, "LoanEndorsed")]
    assert (reconciled.sent, reconciled.taken, reconciled.waiting) == (before.sent + 1, before.taken, 1)


async def test_a_repayment_is_recorded_once_for_a_receipt(town: Town) -> None:
    async with town.bank():
        line = await borrow(town.stage, town.people, anew(town.people.cable_worker), 60, lambda line: None)
        assert line is not None
    for amount in ("5000.00", "5000.00", "6000.00"):
        process = await town.command("repay", str(line[0]), amount, "receipt-1")
        assert await process.wait() == 0
    (repaid,) = await town.log("RepaymentReceived")
    assert (repaid["amount"], repaid["meta"]["actor"]) == ("5000.00", "bank:nxbank")


async def test_a_bank_is_told_nobody_s_name_without_their_consent_and_declines(town: Town) -> None:
    member = anew(town.people.cable_worker)
    application_id, position = await endorsed(town.stage, town.people, member)
    shown: MemberAnswer = await town.stage.ask("registry", member.acting(), ShowMember(member_id=member.member_id))
    (consent,) = shown.consents
    withdraw = WithdrawConsent(member_id=member.member_id, consent_id=consent.consent_id)
    await town.stage.act("registry", member.acting(), withdraw)

    async def declined() -> ApplicationAnswer | None:
        show = ShowApplication(application_id=application_id)
        found: ApplicationAnswer = await town.stage.ask("loan", member.acting(), show, position)
        return found if found.status is ApplicationStatus.DECLINED else None

    async with town.bank():
        answer = await town.stage.until(declined)
    assert answer.ground is Ground.DOCUMENTS


async def test_the_bank_leaves_in_good_order_when_it_is_told_to(town: Town) -> None:
    async with town.bank() as process:
        await endorsed(town.stage, town.people, anew(town.people.cable_worker))
        assert process.stdout is not None
        assert b"LoanEndorsed" in await asyncio.wait_for(process.stdout.readline(), 30)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
