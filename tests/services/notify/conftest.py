from collections.abc import AsyncIterator, Iterator

import pytest

from shared.runtime.settings import Settings
from tests.services.notify.post_office import AWAKE, County, PostOffice, Sinks, county, settings_for


@pytest.fixture(scope="session")
def shared_sinks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sinks]:
    with Sinks.at(tmp_path_factory.mktemp("sinks")) as sinks:
        yield sinks


@pytest.fixture
def sinks(shared_sinks: Sinks, monkeypatch: pytest.MonkeyPatch) -> Sinks:
    """Where notify sends to. Kill or stop only sinks of your own."""
    for name, value in shared_sinks.environment.items():
        monkeypatch.setenv(name, value)
    return shared_sinks


@pytest.fixture
def settings(database_url: str, nats_url: str) -> Settings:
    return settings_for(database_url, nats_url)


@pytest.fixture(autouse=True)
def awake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_DELIVERY", str(AWAKE))


@pytest.fixture
async def here(settings: Settings) -> AsyncIterator[County]:
    async with county(settings) as county_at_work:
        yield county_at_work


@pytest.fixture
async def office(here: County, sinks: Sinks) -> AsyncIterator[PostOffice]:
    async with PostOffice.of(here) as office:
        yield office
