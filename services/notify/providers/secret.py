"""Secrets of providers: named in a file of settings, and kept elsewhere."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, SecretStr, ValidationInfo

__all__ = ["IN_A_FILE", "Secret"]

IN_A_FILE = {"settings": "in a file"}
"""Validation context of settings that stand in a file: secrets are named there, never written."""


class _Named(BaseModel):
    """`{ file = "/run/secrets/aliyun" }` or `{ env = "ALIYUN_SECRET" }`."""

    model_config = ConfigDict(extra="forbid")

    file: Path | None = None
    env: str | None = None

    def read(self) -> str:
        match self:
            case _Named(file=Path() as file, env=None):
                secret = file.read_text(encoding="utf-8").strip()
            case _Named(file=None, env=str(name)):
                secret = os.environ.get(name, "")
            case _:
                raise ValueError("a secret is named by either file or env")
        if not secret:
            raise ValueError(f"there is no secret in {self.file or self.env}")
        return secret


def _read(given: object, info: ValidationInfo) -> object:
    if isinstance(given, dict):
        try:
            return _Named.model_validate(given).read()
        except OSError as error:
            raise ValueError(f"{error.filename}: {error.strerror}") from None
    if info.context == IN_A_FILE:
        raise ValueError("a secret is not written here: name its file or its variable")
    return given


type Secret = Annotated[SecretStr, BeforeValidator(_read)]
