"""A backup, a loss, and the way on: nothing is lost that was published, and nobody who was erased comes back."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import asyncpg
import nats
import pytest
from typer.testing import CliRunner

from deploy.local.cli import app
from deploy.local.home import Home
from deploy.local.system import LocalSystem, Programme
from shared.runtime.client import Client
from shared.runtime.service import Running
from shared.schemas.ids import MemberId
from shared.schemas.personal import Personal
from shared.schemas.registry import EraseMember, ErasureGround, RegisterMember
from tests.deploy.local.command_line import Niangjia, away
from tests.services.registry.desk import NANXUN, Desk
from tests.waiting import until

REGISTRY = (Programme.of("registry"),)


@pytest.fixture
def path() -> Any:
    with TemporaryDirectory(prefix="niangjia-tests-", ignore_cleanup_errors=True) as folder:
        yield Path(folder) / "home"


@pytest.fixture
def operator(path: Path) -> Niangjia:
    def run(*arguments: str, given: str | None = None) -> Any:
        environment = {"NIANGJIA_HOME": str(path), "COLUMNS": "200", "DATABASE_URL": None, "NATS_URL": None}
        return CliRunner().invoke(app, list(arguments), input=given, env=environment)

    return run


@asynccontextmanager
async def up(path: Path) -> AsyncIterator[tuple[LocalSystem, Desk]]:
    async with LocalSystem(Home(path), programmes=REGISTRY, durable=False) as system, system.client() as client:
        yield system, desk(client)


def desk(client: Client) -> Desk:
    return Desk(client, cast("Running", None), NANXUN)


async def said(operator: Niangjia, *arguments: str) -> str:
    result = await away(operator, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


async def members(desk: Desk) -> dict[str, RegisterMember]:
    await desk.opens()
    employer = await desk.employer()
    union = await desk.union(employer)
    people = {name: desk.somebody(union, employer, name=name) for name in ("王芳", "陈静", "赵磊")}
    await desk.send(people["王芳"])
    await desk.send(people["陈静"])
    return people


def erasing(person: RegisterMember) -> EraseMember:
    return EraseMember(member_id=person.member_id, ground=ErasureGround.CONSENT_WITHDRAWN)


async def keyless(url: str) -> set[MemberId]:
    connection = await asyncpg.connect(url)
    try:
        return {row[0] for row in await connection.fetch("select subject from registry.keys where wrapped is null")}
    finally:
        await connection.close()


async def test_a_restored_database_stops_the_service_loudly_and_takes_back_from_the_stream_what_it_lacks(
    path: Path, operator: Niangjia
) -> None:
    async with up(path) as (system, counter):
        people = await members(counter)
        await said(operator, "backup")
        await counter.send(people["赵磊"])
        await counter.send(erasing(people["王芳"]))
        await until(lambda: _is_erased(system, people["王芳"]))
        seal = (await said(operator, "verify", "registry")).splitlines()[-1]

    (dump,) = (path / "backups").glob("*.dump")
    restored = await said(operator, "restore", str(dump), "--yes")
    assert "next: start the system, then niangjia recover" in restored

    async with _started(path) as system:
        log = system.home.log("registry")
        await until(lambda: "StreamAhead" in log.read_text(), 60)
        assert "stream REGISTRY is at 13, the log of registry at 9: see niangjia recover" in log.read_text()
        assert await keyless(system.run.database_url) == {people["王芳"].member_id}  # though the copy has her key
        recovered = await said(operator, "recover")
        assert "registry: 4 events taken back" in recovered
        assert "1 persons are erased" in recovered
        assert re.search(r"registry-erasure hears REGISTRY again from 1 to 12", recovered)
        await system.ready()
        async with system.client() as client:
            counter = desk(client)
            counter.position = 13
            assert (await counter.shown(people["赵磊"].member_id)).name == Personal("赵磊")
            assert (await counter.shown(people["陈静"].member_id)).name == Personal("陈静")
            assert await keyless(system.run.database_url) == {people["王芳"].member_id}
        assert seal in await said(operator, "verify", "registry")
        assert not (path / "restored.json").exists()


async def test_whose_key_no_copy_has_reads_as_erased_once_that_is_said(path: Path, operator: Niangjia) -> None:
    async with up(path) as (system, counter):
        people = await members(counter)
        await said(operator, "backup")
        await counter.send(people["赵磊"])
        published = counter.position
        await until(lambda: _is_published(system, published))
    (path / "postgres").rename(path / "postgres-that-burnt-down")
    (dump,) = (path / "backups").glob("*.dump")
    await said(operator, "restore", str(dump), "--yes")

    async with _started(path) as system:
        halfway = await away(operator, "recover")
        assert halfway.exit_code == 1
        assert "no copy has the keys of 1 persons" in halfway.stderr
        await said(operator, "recover", "--give-up-keys")
        await system.ready()
        async with system.client() as client:
            counter = desk(client)
            counter.position = published
            assert (await counter.shown(people["陈静"].member_id)).name == Personal("陈静")
            assert await keyless(system.run.database_url) == {people["赵磊"].member_id}


async def test_a_backup_that_was_changed_is_not_restored(path: Path, operator: Niangjia) -> None:
    async with up(path) as (_, counter):
        await counter.opens()
        await said(operator, "backup")
        (dump,) = (path / "backups").glob("*.dump")
        in_use = await away(operator, "restore", str(dump), "--yes")
        assert "is up already" in in_use.stderr
    with dump.open("ab") as file:
        file.write(b"x")
    changed = await away(operator, "restore", str(dump), "--yes")
    assert changed.exit_code == 1
    assert "was changed or cut short" in changed.stderr


async def _is_published(system: LocalSystem, position: int) -> bool:
    connection = await nats.connect(system.run.nats_url)
    try:
        return (await connection.jetstream().stream_info("REGISTRY")).state.last_seq >= position
    finally:
        await connection.close()


async def _is_erased(system: LocalSystem, person: RegisterMember) -> bool:
    return person.member_id in await keyless(system.run.database_url)


@asynccontextmanager
async def _started(path: Path) -> AsyncIterator[LocalSystem]:
    """Not ready yet: the registry does not get so."""
    system = LocalSystem(Home(path), programmes=REGISTRY, durable=False)
    try:
        await system.start()
        yield system
    finally:
        await system.stop()
