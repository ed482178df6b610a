"""Settings of a service, from the environment alone."""

import os
from base64 import b64decode
from enum import StrEnum
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Base64Bytes, Field, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from shared.runtime.broker import SignIn

__all__ = ["ClockKind", "Settings"]


KEY_BYTES: Final = 32


class ClockKind(StrEnum):
    SYSTEM = "system"
    SETTABLE = "settable"
    """For tests and demonstrations: whoever may publish on `clock.set` decides what time it is."""


class _FromFiles(PydanticBaseSettingsSource):
    """`DATABASE_URL_FILE` names a file that holds what `DATABASE_URL` would."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{field_name.upper()}_FILE")
        own = f"{field_name}_file" in self.settings_cls.model_fields
        return (Path(path).read_text(encoding="utf-8").strip() if path and not own else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


class Settings(BaseSettings):
    """`DATABASE_URL`, `NATS_URL` and the rest. Each may stand in a file, named by `DATABASE_URL_FILE` and the like."""

    model_config = SettingsConfigDict(extra="ignore", hide_input_in_errors=True, env_ignore_empty=True)

    database_url: SecretStr
    nats_url: SecretStr
    nats_creds_file: Path | None = None
    """By which to sign in to the broker, where the URL holds no password."""
    nats_ca_file: Path | None = None
    """The authority that the broker's certificate is signed by, where it is one of our own."""
    master_key: Base64Bytes | None = Field(default=None, repr=False)
    """32 bytes, base64: wraps the keys of persons. Only a service that keeps personal data needs it."""
    master_key_file: Path | None = None
    http_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Health, readiness and metrics, on 127.0.0.1 unless `http_host` says otherwise; 0 for none."""
    http_host: str = "127.0.0.1"
    stream_replicas: Annotated[int, Field(ge=1, le=5)] = 1
    clock: ClockKind = ClockKind.SYSTEM
    log_level: str = "INFO"
    otlp_endpoint: str | None = None
    """Where traces go, OTLP over HTTP; none where it is not set."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _FromFiles(settings_cls)

    @property
    def dsn(self) -> str:
        return self.database_url.get_secret_value()

    @property
    def sign_in(self) -> SignIn:
        return SignIn(self.nats_creds_file, self.nats_ca_file)

    @property
    def wrapping_key(self) -> bytes:
        """The master key. Raises ValueError where none is set, or not one of 32 bytes."""
        key = self.master_key
        if key is None and self.master_key_file is not None:
            key = b64decode(self.master_key_file.read_text().strip())
        if key is None or len(key) != KEY_BYTES:
            raise ValueError("MASTER_KEY or MASTER_KEY_FILE must hold 32 bytes in base64")
        return key

    @property
    def fingerprint_key(self) -> bytes:
        """What commands that may name somebody are told apart by: it follows from the master key."""
        return blake2b(b"fingerprints of commands", key=self.wrapping_key, digest_size=KEY_BYTES).digest()
