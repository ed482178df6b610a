"""The registry as a process: started as it is deployed, killed, and told to leave."""

import asyncio
import os
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client as Connection
from typer.testing import CliRunner, Result

from deploy.local.cli import app
from services.registry.roster import Outcome, Stage, import_roster, open_roster
from services.registry.service import CODEC
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.verification import Verified, verify
from shared.runtime.calling import Caller
from shared.runtime.client import Client
from shared.runtime.envelope import Envelope
from shared.runtime.settings import Settings
from shared.schemas.ids import new_id
from shared.schemas.messages import Accepted, Command
from shared.schemas.registry import (
    EstablishUnion,
    FederationLevel,
    RegisterEmployer,
    RegisterFederation,
    ShowRoster,
    UnionKind,
)
from tests.services.registry.desk import NANXUN, OFFICER, OPERATOR, company, number
from tests.services.registry.process import Process
from tests.services.registry.rosters import people, write_roster, write_sheet

TODAY = date(2019, 7, 1)


@pytest.fixture
def settings(database_url: str, nats_url: str) -> Settings:
    key = b64encode(os.urandom(32)).decode()
    return Settings.model_validate({"database_url": database_url, "nats_url": nats_url, "master_key": key})


@pytest.fixture
async def connection(nats_url: str) -> AsyncIterator[Connection]:
    connection = await nats.connect(nats_url)
    yield connection
    await connection.close()


def calling(client: Client, after: Accepted) -> Caller:
    return Caller(client=client, programme="registry", actor=OFFICER, federation=NANXUN, position=after.position)


async def founded(client: Client) -> tuple[EstablishUnion, Accepted]:
    """A federation and a joint union of one employer."""

    async def send(command: Command) -> Accepted:
        actor = OPERATOR if isinstance(command, RegisterFederation) else OFFICER
        return await client.send("registry", command, Envelope.fresh(actor, NANXUN))

    await send(RegisterFederation(code=NANXUN, name="南浔区总工会", level=FederationLevel.COUNTY))
    employer = RegisterEmployer(name="电缆厂", credit_code=company(1))
    await send(employer)
    union = EstablishUnion(name="联合工会", kind=UnionKind.JOINT, employer_ids=(employer.employer_id,))
    return union, await send(union)


async def test_a_roster_goes_in_whole_though_the_registry_is_killed_on_the_way(
    settings: Settings, connection: Connection, tmp_path: Path
) -> None:
    client = Client(connection, timeout=2, patience=60)
    listed = list(people(600))
    book = write_roster(tmp_path / "名册.xlsx", listed)
    async with Process(settings, tmp_path / "registry.log") as process:
        union, accepted = await founded(client)
        caller = calling(client, accepted)
        reached = {200: asyncio.Event(), 400: asyncio.Event()}

        def progress(stage: Stage, done: int, total: int) -> None:
            if stage is Stage.ENTERING and done in reached:
                reached[done].set()

        result = tmp_path / "结果.xlsx"
        importing = asyncio.create_task(
            import_roster(open_roster(book), TODAY, caller, union.union_id, result, progress)
        )
        for so_far in reached.values():
            await asyncio.wait_for(so_far.wait(), 60)
            await process.kill()
            await process.start()
        assert await importing == {Outcome.IMPORTED: 600}
        envelope = Envelope.fresh(OFFICER, NANXUN)
        roster = await client.ask("registry", ShowRoster(union_id=union.union_id), envelope, caller.position)
        assert roster.total == 600
        assert await process.stop() == 0
    async with EventStore(settings.dsn, "registry", CODEC) as store:
        assert isinstance(await verify(store), Verified)
        names = await store.pool.fetch("select name, id_number, phone from registry.members")
        assert sorted(map(tuple, names)) == sorted((p.name, p.id_number, p.phone) for p in listed)
    printed = (tmp_path / "registry.log").read_text(encoding="utf-8")
    assert "ready" in printed
    assert [p.name for p in listed if any(s in printed for s in (p.id_number, p.phone, p.account))] == []


async def test_a_registry_that_is_told_to_leave_does_so_and_its_metrics_name_nobody(
    settings: Settings, connection: Connection, tmp_path: Path
) -> None:
    client = Client(connection, timeout=2, patience=30)
    async with Process(settings, tmp_path / "registry.log") as process:
        union, accepted = await founded(client)
        caller = calling(client, accepted)
        listed = list(people(20))
        book = write_roster(tmp_path / "名册.xlsx", listed)
        await import_roster(open_roster(book), TODAY, caller, union.union_id)
        metrics = await process.metrics()
        assert (
            'niangjia_commands_total{command="EnterRosterRow",outcome="accepted",programme="registry"} 20.0' in metrics
        )
        for person in listed:
            assert person.id_number not in metrics
            assert person.name not in metrics
        assert await process.stop() == 0


async def test_a_roster_is_imported_from_the_command_line(
    settings: Settings, connection: Connection, nats_url: str, tmp_path: Path
) -> None:
    async with Process(settings, tmp_path / "registry.log"):
        union, _ = await founded(Client(connection))
        book = write_roster(tmp_path / "名册.xlsx", people(30))

        async def niangjia(*arguments: str) -> Result:
            runner = CliRunner(env={"NATS_URL": nats_url, "COLUMNS": "160"})
            return await asyncio.to_thread(runner.invoke, app, ["import-roster", *arguments])

        first = await niangjia(str(book), "--union", str(union.union_id), "--as", "officer:zhou")
        assert (first.exit_code, re.findall(r"已导入 +(\d+)", first.stdout)) == (0, ["30"]), first.output
        assert (tmp_path / "名册-导入结果.xlsx").exists()
        bad = {1: ["姓名", "身份证号"], 2: ["李建国", number(1)], 3: ["王芳", number(2)[:-1]]}
        result = tmp_path / "何处.xlsx"
        again = await niangjia(
            str(write_sheet(tmp_path / "另一册.xlsx", bad)), "--union", str(union.union_id), "--result", str(result)
        )
        assert again.exit_code == 2
        assert re.findall(r"未导入 +(\d+)", again.stdout) == ["2"]  # one has no employer, of which there are several
        assert result.exists()
        nowhere = await niangjia(str(book), "--union", str(new_id()))
        assert (nowhere.exit_code, "没有登记这个基层工会" in nowhere.stderr) == (2, True)
        for wrong in (["没有.xlsx"], [str(tmp_path / "registry.log")], [str(book), "--result", str(book)]):
            assert (await niangjia(*wrong, "--union", str(union.union_id))).exit_code in (1, 2)
        printed = first.output + again.output + nowhere.output
        assert "李建国" not in printed
        assert not any(person.id_number in printed for person in people(30))
