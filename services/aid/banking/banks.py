"""The banks through which pools pay, and the formats of their files: read from `banks.toml`."""

import tomllib
from importlib import import_module
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from services.aid.banking.formats import BankFormat

__all__ = ["BadBanks", "Bank", "banks"]

SHIPPED: Final = Path(__file__).parent / "banks.toml"

type BankCode = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{2,32}$")]


class BadBanks(ValueError):
    """The list of banks cannot be used; the message names the bank and what is wrong."""


class Bank(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, StringConstraints(min_length=1, max_length=50)]
    format_at: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"), Field(alias="format")]

    @property
    def format(self) -> BankFormat:
        """Raises BadBanks where there is none."""
        module, _, name = self.format_at.partition(":")
        try:
            found: BankFormat = getattr(import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise BadBanks(f"{self.name}: there is no format {self.format_at}") from error
        if not all(hasattr(found, needed) for needed in ("suffix", "write", "read")):
            raise BadBanks(f"{self.name}: {self.format_at} is no format of bank files")
        return found


def banks(path: Path = SHIPPED) -> dict[str, Bank]:
    """By code. Raises BadBanks, OSError."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return TypeAdapter(dict[BankCode, Bank]).validate_python(content)
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise BadBanks(f"{path.name}: {error}") from error
