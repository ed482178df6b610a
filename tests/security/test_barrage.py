"""The whole system under hostile calls of every kind, and what its logs say afterwards."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import httpx
import nats
import pytest
from nats.aio.client import Client as Connection

from deploy.local.home import Home
from deploy.local.system import LocalSystem
from shared.eventsourcing.wire import stream_name
from shared.runtime.settings import ClockKind
from tests.security.barrage import barrage
from tests.security.world import PROGRAMMES, enliven, known_in
from tests.waiting import until

SEED: Final = 7
EACH: Final = 6
OF_OUR_OWN: Final = "failed"
"""As what an error of ours is refused."""


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[LocalSystem]:
    async with LocalSystem(Home(tmp_path / "home"), clock=ClockKind.SETTABLE, durable=False) as system:
        yield system


@pytest.fixture
async def operator(system: LocalSystem) -> AsyncIterator[Connection]:
    connection = await nats.connect(system.run.nats_url)
    yield connection
    await connection.close()


@pytest.mark.timeout(180)
async def test_whatever_is_sent_is_answered_in_words_and_everything_goes_on(
    system: LocalSystem, operator: Connection
) -> None:
    await enliven(operator)
    secrets, people = _secrets(system), await _people(system)
    answered = await barrage(operator, await known_in(system), SEED, EACH)
    assert {one.status for one in answered} == {"accepted", "answered", "refused"}
    assert [one for one in answered if one.code == OF_OUR_OWN] == []
    for one in answered:
        if one.refusal is not None:
            assert one.refusal.code, one
            assert one.refusal.clause, one
            assert one.refusal.message, one
    await asyncio.gather(*(_goes_on(system, operator, programme) for programme in PROGRAMMES))
    assert not system.supervisor.restarts
    logs = {path.name: path.read_text("utf-8", "replace") for path in system.home.logs.glob("*.log")}
    assert len(logs) == len(system.supervisor.children)
    assert [name for name, text in logs.items() if "Traceback" in text or '"exception"' in text] == []
    assert [(name, kind) for name, text in logs.items() for kind, secret in secrets if secret in text] == []
    assert [(name, person) for name, text in logs.items() for person in people if person in text] == []


async def _goes_on(system: LocalSystem, operator: Connection, programme: str) -> None:
    """What the log holds is published, every read model has it, and no part of the service fails."""
    admin = await asyncpg.connect(system.run.database_url)
    js = operator.jetstream()
    place = system.run.place(programme)
    assert place is not None

    async def published() -> bool:
        head = await admin.fetchval(f"select max(position) from {programme}.events")
        return bool((await js.stream_info(stream_name(programme))).state.last_seq == head)

    await until(published, 30)
    async with httpx.AsyncClient(trust_env=False) as http:

        async def is_ready() -> bool:
            return (await http.get(place.health)).status_code == 200

        await until(is_ready, 30)
        lags = (await http.get(place.health.replace("/health/ready", "/metrics"))).text
    assert [line for line in lags.splitlines() if re.match(r"niangjia_part_failing\{.*\} [1-9]", line)] == []
    assert await admin.fetch(f"select consumer, error from {programme}.letters where state = 'dead'") == []
    await admin.close()


def _secrets(system: LocalSystem) -> list[tuple[str, str]]:
    """What only the owner of the home may know: by what it opens."""
    run = system.run
    urls = [run.database_url, run.nats_url, *run.database_urls.values(), *run.nats_urls.values()]
    outside = [path for path in (system.home.path / "outside").rglob("*") if path.is_file()]
    seeds = [re.search(r"S[UA][A-Z2-7]{56}", path.read_text("utf-8", "replace")) for path in outside]
    secrets = [
        *(("password", urlsplit(url).password or "") for url in urls),
        ("master key", system.home.key_file.read_text().strip()),
        *((path.name, path.read_text().strip()) for path in (system.home.path / "secrets").iterdir()),
        *(("seed", seed[0]) for seed in seeds if seed is not None),
    ]
    assert all(secret for _, secret in secrets)
    assert len(secrets) > len(urls) + 2
    return secrets


async def _people(system: LocalSystem) -> set[str]:
    """Names, numbers and addresses that the registry keeps."""
    admin = await asyncpg.connect(system.run.database_url)
    rows: list[Any] = await admin.fetch("select name, id_number, phone, email from registry.members")
    await admin.close()
    assert rows
    return {value for row in rows for value in row if value and len(value) > 3}
