"""Reading reports that come as JSON."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, TypeAdapter

from services.notify.channels import Hear, NotUnderstood, Report
from shared.eventsourcing.decider import SHANGHAI

__all__ = ["Reported", "hear_all", "in_china", "notification_in"]


class Reported(BaseModel):
    """A vendor's report, as it comes. What is not looked at is left."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    def report(self, provider: str) -> Report:
        raise NotImplementedError


async def hear_all[R: Reported](body: bytes, kinds: TypeAdapter[R], provider: str, hear: Hear) -> None:
    """A JSON array of reports, or one. Raises NotUnderstood where any of them is not one of these kinds, after the
    others were heard; and what `hear` raises."""
    reports: list[Report] = []
    strange = 0
    given = _array(body)
    for each in given:
        try:
            reports.append(kinds.validate_python(each).report(provider))
        except ValueError:
            strange += 1
    if reports:
        await hear(reports)
    if strange or not given:
        raise NotUnderstood(f"{strange} of {len(given)}")


def in_china(text: str) -> datetime:
    """`2026-11-24 09:30:00`, as vendors write the time in China, to an instant. Raises ValueError."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI)


def notification_in(text: str | None) -> UUID | None:
    """The notification that a provider repeats; None where it repeats nothing, or something of others'."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _array(body: bytes) -> Sequence[Any]:
    try:
        given = json.loads(body)
    except ValueError:
        raise NotUnderstood("no JSON") from None
    return given if isinstance(given, list) else [given]
