"""The whole system as `niangjia up` runs it, each part of it killed -9 while members apply, draw and repay, and while
patients are settled at the hospital and claim at the desk.

Whatever was accepted is in the log once, streams hold what the logs hold, read models built anew say what the live
ones say, and nobody is told anything twice.
"""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import nats
import pytest
from nats.js import JetStreamContext

from deploy.local.demo.aid_cover import cover
from deploy.local.demo.aid_desk import PERIOD, Desk, bill
from deploy.local.demo.cases import borrower, drawn, endorsed, opened
from deploy.local.demo.dongyang import DONGYANG, county, enter_county
from deploy.local.demo.people import BANK, FEDERATION, Cast, Person, cast
from deploy.local.demo.playing import FIRST_DAY, quiet
from deploy.local.demo.stage import Stage, enter, set_up
from deploy.local.home import Home
from deploy.local.mail_folder import mails_in
from deploy.local.sms_log import MESSAGES
from deploy.local.system import LocalSystem
from shared.runtime.client import Client
from shared.runtime.clock import set_offset
from shared.runtime.settings import ClockKind
from shared.schemas.aid import ClaimId, ClaimStatus, CoverAnswer, ShowCover
from shared.schemas.ids import HouseholdId, MemberId, new_id
from shared.schemas.loan import RecordRepayment, RepaymentForm
from shared.schemas.messages import Accepted, Actor, Command
from shared.schemas.notify import DeliveryStatus
from tests.waiting import until

PROGRAMMES = ("registry", "loan", "lending", "aid", "notify")
PARTS = (*PROGRAMMES, "nats", "postgres", "mail", "sms")
AT_ONCE = 3
PATIENCE = 90.0
YUAN = 100
STAY = date(2019, 6, 3), date(2019, 6, 11)
SELF_PAID, BENEFIT = "600.00", 40 * YUAN
QUIET_LIMIT = 240.0


class RecordingStage(Stage):
    """Keeps what was accepted, by programme."""

    def __init__(self, client: Client, federation: str) -> None:
        super().__init__(client, self._stay, federation, PATIENCE)
        self.accepted: list[tuple[str, Accepted]] = []

    async def act(self, programme: str, actor: Actor, command: Command) -> Accepted:
        accepted = await super().act(programme, actor, command)
        self.accepted.append((programme, accepted))
        return accepted

    @staticmethod
    async def _stay(_span: timedelta) -> None:
        raise AssertionError("no time passes in this play")


class Clinic:
    """Patients of a county: again and again one is settled at the hospital while another claims at the desk, and both
    are paid."""

    def __init__(self, stage: RecordingStage, js: JetStreamContext) -> None:
        self.stage, self.here = stage, county()
        self.desk = Desk(stage, js)
        self.treated = 0

    async def open(self) -> None:
        """Everybody is covered, for the year that FIRST_DAY comes after."""
        await self.desk.on(date(2018, 6, 12))
        await enter_county(self.stage, self.here)
        await cover(self.desk, self.here, PERIOD)

    async def treat_until(self, killing: asyncio.Task[None]) -> None:
        while not killing.done():
            await asyncio.gather(self._settle(f"JS{self.treated}"), self._claim())
            self.treated += 1

    async def _settle(self, number: str) -> None:
        await self._pay(await self.desk.settle(self.here.discharged, STAY, bill(SELF_PAID), number))

    async def _claim(self) -> None:
        person = self.here.cirrhosis
        claim_id = await self.desk.file(person.acting(), person, STAY, bill(SELF_PAID), "肺炎")
        await self.desk.decide(claim_id)
        await self._pay(claim_id)

    async def _pay(self, claim_id: ClaimId) -> None:
        paid = await self.desk.pay(claim_id)
        assert (paid.status, paid.granted, paid.paid) == (ClaimStatus.SETTLED, BENEFIT, BENEFIT)

    async def check(self) -> None:
        """The accounts have no fen more or less than was granted."""
        assert self.treated
        for person in (self.here.discharged, self.here.cirrhosis):
            show = ShowCover(member_id=person.member_id, period=PERIOD)
            answer: CoverAnswer = await self.desk.ask(person.acting(), show)
            assert (answer.settled, answer.reserved) == (BENEFIT * self.treated, 0)


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[LocalSystem]:
    async with LocalSystem(Home(tmp_path / "home"), clock=ClockKind.SETTABLE, durable=False) as system:
        yield system


@pytest.mark.timeout(600)
async def test_each_part_is_killed_and_nothing_is_lost_or_done_twice(system: LocalSystem, tmp_path: Path) -> None:
    connection = await nats.connect(
        system.run.nats_url, max_reconnect_attempts=-1, reconnect_time_wait=1, error_cb=_passed_over
    )
    js = connection.jetstream()
    client = Client(connection, timeout=2, patience=PATIENCE)
    clinic = Clinic(RecordingStage(client, DONGYANG), js)
    await clinic.open()
    await clinic.desk.told()
    await set_offset(js, FIRST_DAY - datetime.now(UTC))
    stage = RecordingStage(client, FEDERATION)
    actors = cast()
    await set_up(stage, actors)

    killing = asyncio.create_task(_kill_each(system))
    numbers = count(100)
    borrowers = [asyncio.create_task(_borrow_until(killing, stage, actors, numbers)) for _ in range(AT_ONCE)]
    treating = asyncio.create_task(clinic.treat_until(killing))
    await killing
    lent = sum([await task for task in borrowers])
    assert lent >= AT_ONCE
    await treating
    await system.ready()
    await clinic.check()
    for told in (stage, clinic.stage):
        await quiet(told, js, QUIET_LIMIT)

    for programme in PROGRAMMES:
        accepted = [*stage.accepted, *clinic.stage.accepted]
        await _accepted_once(system, programme, [one for whose, one in accepted if whose == programme])
    assert await _niangjia(tmp_path / "home", "verify") == 0
    for programme in PROGRAMMES:
        live = await _read_models(system, programme)
        assert await _niangjia(tmp_path / "home", "rebuild", programme) == 0
        assert await _read_models(system, programme) == live
    await _everybody_was_told_once(system, tmp_path / "home")
    _no_log_names_anybody(tmp_path / "home" / "logs", actors, clinic.here)
    await connection.close()


async def _passed_over(_error: Exception) -> None:
    """The broker is killed on purpose; the client goes on by itself."""


async def _kill_each(system: LocalSystem) -> None:
    """Kill -9 each part in turn, the next as soon as the last is well again."""
    for name in PARTS:
        (child,) = (child for child in system.supervisor.children if child.name == name)
        before, restarts = child.pid, system.supervisor.restarts[name]
        child.kill()

        async def well_again(child: Any = child, before: int | None = before, restarts: int = restarts) -> bool:
            risen = system.supervisor.restarts[child.name] > restarts and child.pid not in (None, before)
            return risen and not await child.missing()

        await until(well_again, seconds=60)


async def _borrow_until(killing: asyncio.Task[None], stage: Stage, actors: Cast, numbers: Any) -> int:
    """New members borrow, draw and repay, one after the other, as long as parts are being killed."""
    lent = 0
    while not killing.done():
        number = next(numbers)
        person = replace(
            actors.cable_worker,
            number=number,
            member_id=MemberId(new_id()),
            household_id=HouseholdId(new_id()),
        )
        await _borrow(stage, actors, person)
        lent += 1
    return lent


async def _borrow(stage: Stage, actors: Cast, person: Person) -> None:
    await enter(stage, actors, person)
    approved = await endorsed(stage, actors, person, 50_000, borrower("renovation", 60_000))
    line_id = await opened(stage, approved, approved.amount)
    line = await drawn(stage, person, line_id, 20_000, 12, RepaymentForm.ON_DEMAND)
    assert line.used == 20_000 * YUAN
    await stage.act("loan", BANK, RecordRepayment(line_id=line_id, amount=5_000 * YUAN))


async def _accepted_once(system: LocalSystem, programme: str, accepted: list[Accepted]) -> None:
    """Every acknowledged command has its events in the log, once, and the log has no holes."""
    connection = await asyncpg.connect(system.run.database_url_of(programme))
    try:
        rows = await connection.fetch(f"select position, stream, version from {programme}.events")
        places = Counter((row["position"], row["stream"]) for row in rows)
        assert sorted(row["position"] for row in rows) == list(range(1, len(rows) + 1))
        commits = await connection.fetch(f"select stream, version, position from {programme}.commits")
        known = Counter((row["stream"], row["version"], row["position"]) for row in commits)
        for one in accepted:
            if one.changed:
                assert known[one.stream, one.version, one.position] == 1, one
        assert set(places.values()) <= {1}
    finally:
        await connection.close()


async def _read_models(system: LocalSystem, programme: str) -> dict[str, list[tuple[Any, ...]]]:
    connection = await asyncpg.connect(system.run.database_url_of(programme))
    try:
        names = [row["name"] for row in await connection.fetch(f"select name from {programme}.read_models")]
        return {
            name: sorted(tuple(map(repr, row)) for row in await connection.fetch(f"select * from {programme}.{name}"))
            for name in names
        }
    finally:
        await connection.close()


async def _niangjia(home: Path, *arguments: str) -> int:
    """The command line as an operator runs it."""
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("niangjia")), *arguments),
        env=os.environ | {"NIANGJIA_HOME": str(home)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    if process.returncode:
        sys.stderr.write(said.decode())
    return process.returncode or 0


async def _everybody_was_told_once(system: LocalSystem, home: Path) -> None:
    """Each notification was sent, and the sinks hold one message for each."""
    connection = await asyncpg.connect(system.run.database_url_of("notify"))
    try:
        rows = await connection.fetch("select notification_id, channel, status from notify.notifications")
    finally:
        await connection.close()
    assert {row["status"] for row in rows} == {DeliveryStatus.SENT.value}
    wanted: dict[str, set[str]] = {"sms": set(), "email": set()}
    for row in rows:
        wanted[row["channel"]].add(str(row["notification_id"]))
    lines = (home / "sms" / MESSAGES).read_text().splitlines()
    texts = Counter(json.loads(line)["out_id"] for line in lines)
    assert set(texts) == wanted["sms"]
    assert set(texts.values()) == {1}
    mails = Counter(str(UUID(mail.message_id.strip("<>").partition("@")[0])) for mail in mails_in(home / "mail"))
    assert set(mails) == wanted["email"]
    assert set(mails.values()) == {1}


def _no_log_names_anybody(logs: Path, *casts: Any) -> None:
    """Whatever was killed, no log of the run has a name, a number or an address of anybody who took part."""
    people = [one for play in casts for field in fields(play) for one in _people_in(getattr(play, field.name))]
    traces = {trace for one in people for trace in (one.name, one.phone, one.email, one.id_number)}
    written = {path.name: path.read_text(encoding="utf-8", errors="replace") for path in logs.glob("*.log")}
    assert len(people) > 10
    assert "notify.log" in written
    assert {name: [trace for trace in traces if trace in text] for name, text in written.items()} == {
        name: [] for name in written
    }


def _people_in(value: Any) -> list[Person]:
    if isinstance(value, Person):
        return [value]
    return [one for one in value if isinstance(one, Person)] if isinstance(value, list | tuple) else []
