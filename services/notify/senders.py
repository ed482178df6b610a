"""Who speaks: the federations, by division code, read from `senders.toml`."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter

from shared.schemas.messages import Federation

__all__ = ["Sender", "shipped"]

HERE: Final = Path(__file__).parent


class Sender(BaseModel):
    """A federation as people know it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, StringConstraints(pattern=r"^[^【】]{2,16}$")]
    """Also its signature on text messages: vendors take 2 to 16 characters."""
    hotline: Annotated[str, StringConstraints(pattern=r"^[0-9-]{3,20}$")]


_senders = TypeAdapter(dict[Federation, Sender])


@cache
def shipped() -> dict[str, Sender]:
    return _senders.validate_python(tomllib.loads((HERE / "senders.toml").read_text(encoding="utf-8")))
