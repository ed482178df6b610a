"""The measurement of notify's burst sends what it counts, whatever a provider does."""

import pytest

from shared.runtime.settings import Settings
from tests.bench import notify_burst
from tests.services.notify.post_office import AWAKE


async def test_a_burst_through_a_provider_that_fails_arrives_once_each(
    database_url: str, nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_DELIVERY", str(AWAKE))
    settings: Settings = notify_burst.settings_for(database_url, nats_url)
    burst = await notify_burst.run(settings, 600, 0.5)
    assert burst.statuses == {"delivered": 600}
    assert set(burst.faults) >= {"away", "temporary", "answer lost", "no answer", "reported twice"}
    assert len(burst.latencies) > 10
