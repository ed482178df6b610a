"""What a vendor's codes mean: data, one file a vendor in this folder."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, StringConstraints

from services.notify.channels import (
    Failed,
    NotServed,
    OutcomeUnknown,
    OverBudget,
    Permanent,
    SendingRefused,
    Technical,
    Temporary,
    Window,
)
from shared.schemas.notify import FailureKind

__all__ = ["Codes", "codes_of"]

HERE: Final = Path(__file__).parent
PRINTABLE: Final = re.compile(r"[A-Za-z0-9._:-]{1,60}")

type _Answer = Annotated[
    str,
    StringConstraints(pattern=r"^(temporary|permanent|technical|not_served|unknown|budget:(second|minute|hour|day))$"),
]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    answers: dict[str, _Answer]
    windows: dict[str, Window] = {}
    receipts: dict[str, FailureKind]


@dataclass(frozen=True, slots=True)
class Codes:
    vendor: str
    answers: Mapping[str, str]
    windows: Mapping[str, Window]
    """Words of a refusal that say which window it is about."""
    receipts: Mapping[str, FailureKind]

    def answered(self, code: str, words: str = "") -> SendingRefused | OutcomeUnknown:
        """What a vendor's answer to a message means, to be raised. Its words are looked at and go nowhere."""
        reason = f"{self.vendor} {_shown(code)}"
        match _longest(self.answers, code) or "unknown":
            case "temporary":
                return Temporary(reason)
            case "permanent":
                return Permanent(reason)
            case "technical":
                return Technical(reason)
            case "not_served":
                return NotServed(reason)
            case "unknown":
                return OutcomeUnknown(reason)
            case budget:
                named = next((window for word, window in self.windows.items() if word in words), None)
                return OverBudget(reason, named or Window(budget.partition(":")[2]))

    def failed(self, code: str) -> Failed:
        """What a receipt means that says a message did not arrive."""
        return Failed(_longest(self.receipts, code) or FailureKind.TEMPORARY, f"{self.vendor} {_shown(code)}")


@cache
def codes_of(vendor: str) -> Codes:
    """Raises OSError and ValidationError."""
    file = _File.model_validate(tomllib.loads((HERE / f"{vendor}.toml").read_text(encoding="utf-8")))
    return Codes(vendor, file.answers, file.windows, file.receipts)


def _longest[T](table: Mapping[str, T], code: str) -> T | None:
    if code in table:
        return table[code]
    fitting = [entry for entry in table if entry.endswith("*") and code.startswith(entry[:-1])]
    return table[max(fitting, key=len)] if fitting else None


def _shown(code: str) -> str:
    """A code is kept as it came where it is one."""
    return code if PRINTABLE.fullmatch(code) else "code not understood"
