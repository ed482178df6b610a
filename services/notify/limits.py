"""What providers ask of those who send by them: approval, a rate, and budgets, as `limits.toml` says."""

import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, TypeAdapter

from shared.eventsourcing.decider import SHANGHAI
from shared.schemas.notify import Name

__all__ = ["Budget", "Limits", "Per", "Spending", "Winding", "Window", "limits_in", "shipped"]

HERE: Final = Path(__file__).parent


class Per(StrEnum):
    """What a budget is of."""

    PROVIDER = "provider"
    TEMPLATE = "template"
    NUMBER = "number"
    TEMPLATE_NUMBER = "template_number"

    @property
    def is_wide(self) -> bool:
        """Whether it holds up all messages of a provider or a template alike, whoever they are for."""
        return self in {Per.PROVIDER, Per.TEMPLATE}


class Window(StrEnum):
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"

    @property
    def span(self) -> timedelta:
        return {Window.MINUTE: timedelta(minutes=1), Window.HOUR: timedelta(hours=1), Window.DAY: timedelta(days=1)}[
            self
        ]


class Winding(StrEnum):
    """How a window moves on."""

    NATURAL = "natural"  # by the clock in China
    ROLLING = "rolling"  # with each message


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Budget(_Part):
    per: Per
    limit: PositiveInt
    window: Window
    kind: Winding

    def since(self, now: datetime) -> datetime:
        """From when on messages count. In a rolling window those of exactly its length ago do not."""
        if self.kind is Winding.ROLLING:
            return now - self.window.span
        local = now.astimezone(SHANGHAI)
        match self.window:
            case Window.MINUTE:
                return local.replace(second=0, microsecond=0)
            case Window.HOUR:
                return local.replace(minute=0, second=0, microsecond=0)
            case Window.DAY:
                return local.replace(hour=0, minute=0, second=0, microsecond=0)

    def until(self, now: datetime, oldest: datetime) -> datetime:
        """When there is room again, where it is exhausted: `oldest` is the first that counts."""
        return (oldest if self.kind is Winding.ROLLING else self.since(now)) + self.window.span

    def key(self, template: str, number: bytes) -> tuple[str, bytes]:
        """What a message counts for."""
        return (
            template if self.per in {Per.TEMPLATE, Per.TEMPLATE_NUMBER} else "",
            number if self.per in {Per.NUMBER, Per.TEMPLATE_NUMBER} else b"",
        )


class Limits(_Part):
    needs_approval: bool = False
    per_second: Annotated[float, Field(gt=0)] | None = None
    budgets: tuple[Budget, ...] = ()


@dataclass(slots=True)
class Spending:
    """What was spent of one budget within its window as of `now`, by key: how many, and when the first."""

    budget: Budget
    now: datetime
    spent: dict[tuple[str, bytes], tuple[int, datetime]]

    def exhausted_until(self, template: str, number: bytes) -> datetime | None:
        """When another such message may be sent, where not now."""
        count, oldest = self.spent.get(self.budget.key(template, number), (0, self.now))
        return self.budget.until(self.now, oldest) if count >= self.budget.limit else None

    def spend(self, template: str, number: bytes) -> None:
        key = self.budget.key(template, number)
        count, oldest = self.spent.get(key, (0, self.now))
        self.spent[key] = (count + 1, oldest)


_limits = TypeAdapter(dict[Name, Limits])


def limits_in(path: Path) -> dict[str, Limits]:
    """Raises ValueError."""
    return _limits.validate_python(tomllib.loads(path.read_text(encoding="utf-8")))


@cache
def shipped() -> dict[str, Limits]:
    return limits_in(HERE / "limits.toml")
