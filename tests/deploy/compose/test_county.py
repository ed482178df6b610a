"""The county as deploy/compose has it, without containers: the same secrets, the same settings, the same steps."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest
from typer.testing import CliRunner

from deploy.local.cli import app
from deploy.local.county import ADMIN
from deploy.local.ports import LOOPBACK, free_port
from tests.deploy.compose.test_compose import CONTAINERS, SERVICES, secrets
from tests.deploy.nats.brokers import WithTokens, running
from tests.waiting import until


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[WithTokens]:
    with running(WithTokens(tmp_path)) as broker:
        assert isinstance(broker, WithTokens)
        yield broker


@pytest.fixture
async def prepared(tmp_path: Path, database_url: str) -> AsyncIterator[Path]:
    """The folder of secrets, once the database is prepared with them."""
    folder, database = tmp_path / "secrets", database_url.rpartition("/")[2]
    address = database_url.partition("@")[2].partition("/")[0]
    assert CliRunner().invoke(app, ["county-secrets", str(folder), "--database", address]).exit_code == 0
    for file in folder.glob("database-url-*"):
        file.write_text(re.sub(r"/niangjia$", f"/{database}", file.read_text().strip()))
    (folder / f"database-url-{ADMIN}").write_text(database_url)
    environment = {"DATABASE_URL": None, "DATABASE_URL_FILE": str(folder / f"database-url-{ADMIN}")}
    for _ in range(2):  # at each start
        done = await asyncio.to_thread(CliRunner().invoke, app, ["install", str(folder)], env=environment)
        assert done.exit_code == 0, done.output
    yield folder
    admin = await asyncpg.connect(database_url)
    for name in SERVICES:
        for role in (name, f"{name}_owner"):
            await admin.execute(f"drop owned by {role} cascade; drop role {role}")
    await admin.close()


@asynccontextmanager
async def container(name: str, prepared: Path, broker: WithTokens, log: Path) -> AsyncIterator[str]:
    """A service's process with the settings of its container; the address at which it answers."""
    source = {
        "master-key": prepared / "master.key",
        "nats-ca": broker.made.server / "ca.pem",
        f"database-url-{name}": prepared / f"database-url-{name}",
        f"nats-creds-{name}": broker.made.of(name),
    }
    held = {f"/run/secrets/{target}": source[which] for target, which in secrets(CONTAINERS[name]).items()}
    port = free_port()
    given: dict[str, str] = CONTAINERS[name]["environment"]
    environment = {
        setting: str(held[value]) if value in held else re.sub(r"\$\{\w+:-(.*)\}", r"\1", value)
        for setting, value in given.items()
    }
    environment |= {"NATS_URL": f"tls://{LOOPBACK}:{broker.server.port}", "HTTP_PORT": str(port)}
    (module,) = CONTAINERS[name]["command"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module),
        env={"PATH": os.environ["PATH"], **environment},
        stdout=log.open("ab"),
        stderr=2,
    )
    try:
        yield f"http://{LOOPBACK}:{port}"
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 20) == 0


def told(folder: Path) -> list[str]:
    return [file.read_text().strip() for file in folder.iterdir()]


async def test_a_service_gets_ready_with_the_secrets_and_settings_of_its_container(
    prepared: Path, broker: WithTokens, tmp_path: Path, database_url: str
) -> None:
    async with (
        container("registry", prepared, broker, tmp_path / "registry.log") as address,
        httpx.AsyncClient(trust_env=False) as http,
    ):

        async def ready() -> bool:
            try:
                return (await http.get(f"{address}/health/ready")).status_code == 200
            except httpx.HTTPError:
                return False

        await until(ready, 60)
        assert 'niangjia_ready{programme="registry"} 1.0' in (await http.get(f"{address}/metrics")).text
    log = (tmp_path / "registry.log").read_text()
    assert [secret for secret in told(prepared) if secret in log] == []
    owner = await asyncpg.connect(database_url)
    whose = "select tableowner from pg_tables where schemaname = 'registry' and tablename = $1"
    assert await owner.fetchval(whose, "events") == "registry_owner"
    assert await owner.fetchval(whose, "members") == "registry"
    await owner.close()
