"""What the service is set up with."""

from datetime import UTC, datetime, timedelta

from services.notify.delivering import Delivery
from services.notify.resources import desks


def test_the_shipped_pauses_outlast_a_weekend() -> None:
    begun = now = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
    retries = Delivery.load().retries
    for attempt in range(1, retries.attempts):
        assert timedelta(seconds=5) <= retries.after(attempt, now, 0.0) - now <= timedelta(hours=1)
        now = retries.after(attempt, now, 0.0)
    assert timedelta(days=2.5) < now - begun < timedelta(days=3)
    assert Delivery.load().asking == timedelta(days=3)


def test_the_bank_of_the_shipped_rules_has_a_desk() -> None:
    assert desks()["nxbank"].email == "loans@nxbank.example"
