"""The measurement of lending's timers fires what it counts."""

from datetime import timedelta

from shared.runtime.settings import Settings
from tests.bench import lending_timers


async def test_loans_that_fall_due_in_a_second_are_each_overdue_once(database_url: str, nats_url: str) -> None:
    settings = Settings.model_validate({"database_url": database_url, "nats_url": nats_url, "clock": "settable"})
    fired = await lending_timers.fire(settings, 50, within=timedelta(seconds=1))
    assert fired.seconds > 0.9
    assert fired.after_the_last < 15
