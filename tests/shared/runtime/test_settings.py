"""Settings come from the environment, and secrets stay in them."""

from base64 import b64encode
from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.runtime.settings import ClockKind, Settings

KEY = bytes(range(32))


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://loan:of-postgres@127.0.0.1:5432/niangjia")
    monkeypatch.setenv("NATS_URL", "nats://loan:of-nats@127.0.0.1:4222")


def test_two_addresses_are_all_that_a_service_needs() -> None:
    settings = Settings()
    assert settings.dsn == "postgresql://loan:of-postgres@127.0.0.1:5432/niangjia"
    assert settings.clock is ClockKind.SYSTEM
    assert settings.http_host == "127.0.0.1"


def test_without_a_database_nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")
    with pytest.raises(ValidationError, match="database_url"):
        Settings()


def test_the_master_key_comes_from_the_environment_or_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "master.key"
    file.write_bytes(b64encode(KEY) + b"\n")
    monkeypatch.setenv("MASTER_KEY_FILE", str(file))
    assert Settings().wrapping_key == KEY
    monkeypatch.setenv("MASTER_KEY", b64encode(KEY[::-1]).decode())
    assert Settings().wrapping_key == KEY[::-1]


def test_a_secret_may_stand_in_a_file_and_the_environment_goes_before_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "database-url"
    file.write_text("postgresql://loan:of-a-file@db:5432/niangjia\n")
    monkeypatch.setenv("DATABASE_URL_FILE", str(file))
    assert Settings().dsn == "postgresql://loan:of-postgres@127.0.0.1:5432/niangjia"
    monkeypatch.delenv("DATABASE_URL")
    assert Settings().dsn == "postgresql://loan:of-a-file@db:5432/niangjia"
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError):
        Settings()


@pytest.mark.parametrize("given", [None, b64encode(b"short").decode()])
def test_a_missing_or_short_master_key_is_refused(monkeypatch: pytest.MonkeyPatch, given: str | None) -> None:
    if given is not None:
        monkeypatch.setenv("MASTER_KEY", given)
    with pytest.raises(ValueError, match="32 bytes"):
        assert Settings().wrapping_key


def test_no_secret_shows_in_what_settings_print(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASTER_KEY", b64encode(KEY).decode())
    shown = repr(Settings())
    assert "of-nats" not in shown
    assert b64encode(KEY).decode() not in shown
    assert "of-postgres" not in shown
