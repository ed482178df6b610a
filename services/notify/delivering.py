"""How messages are delivered, as `delivery.toml` says, and over it a county's own file that NOTIFY_DELIVERY names: it
holds what is other there, with whole tables."""

import os
import tomllib
from datetime import time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, StringConstraints

from services.notify.policy import Patience, Quiet, Retries
from services.notify.preferences import Words
from shared.schemas.notify import Channel, MessageClass

__all__ = ["Delivery", "Health"]

VARIABLE: Final = "NOTIFY_DELIVERY"
SHIPPED: Final = Path(__file__).with_name("delivery.toml")

type Said = Annotated[str, StringConstraints(pattern=r"^[^\sa-z]{1,20}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Quiet(_Part):
    begins: time
    ends: time
    channels: frozenset[Channel]


class _Replies(_Part):
    opt_out: frozenset[Said]
    opt_in: frozenset[Said]


class Health(_Part):
    errors: PositiveInt
    window_seconds: PositiveInt
    slow_ms: PositiveInt
    step: Annotated[int, Field(ge=1, le=100)]
    drift_seconds: PositiveInt


class Delivery(_Part):
    attempts: Annotated[int, Field(ge=1, le=1000)]
    first_pause_seconds: PositiveInt
    longest_pause_seconds: PositiveInt
    jitter: Annotated[float, Field(ge=0, le=1)]
    asking_hours: Annotated[int, Field(ge=1, le=1000)]
    receipt_hours: Annotated[int, Field(ge=1, le=1000)]
    content_months: NonNegativeInt
    refusable: tuple[MessageClass, ...]
    lifetime_hours: dict[MessageClass, PositiveInt]
    quiet: _Quiet
    replies: _Replies
    health: Health

    @classmethod
    def load(cls) -> Self:
        """Raises ValueError, OSError."""
        own = os.environ.get(VARIABLE)
        return cls.model_validate(_toml(SHIPPED) | (_toml(Path(own)) if own else {}))

    @cached_property
    def retries(self) -> Retries:
        first, longest = timedelta(seconds=self.first_pause_seconds), timedelta(seconds=self.longest_pause_seconds)
        return Retries(self.attempts, first, longest, self.jitter)

    @cached_property
    def asking(self) -> timedelta:
        """How long after an attempt of unknown outcome its provider is asked what became of it."""
        return timedelta(hours=self.asking_hours)

    @cached_property
    def hours(self) -> Quiet:
        return Quiet(self.quiet.begins, self.quiet.ends, self.quiet.channels)

    @cached_property
    def patience(self) -> Patience:
        lifetimes = {one: timedelta(hours=self.lifetime_hours[one]) for one in MessageClass}
        return Patience(lifetimes, timedelta(hours=self.receipt_hours))

    @cached_property
    def words(self) -> Words:
        return Words(self.replies.opt_out, self.replies.opt_in)


def _toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))
