"""What notify works with: rules, templates, senders, banks' desks, and the ways to send."""

import tomllib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from services.notify import rules, senders, templates
from services.notify.channels import Email, Provider, Sms
from services.notify.domain import Retries
from services.notify.providers.sms_gateway import SmsGateway, SmsSettings
from services.notify.providers.smtp import SmtpProvider, SmtpSettings
from services.notify.rules import Rulebook
from services.notify.senders import Sender
from services.notify.templates import Catalogue
from shared.runtime.settings import Settings

__all__ = ["Delivery", "Desk", "Resources", "delivery", "desks", "resources"]

HERE: Final = Path(__file__).parent


class Desk(BaseModel):
    """Where a bank reads what is meant for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, StringConstraints(min_length=1, max_length=50)]
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")]


class Delivery(BaseModel):
    """How persistently messages are sent, as `delivery.toml` says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    attempts: Annotated[int, Field(ge=1, le=1000)]
    first_pause_seconds: Annotated[int, Field(ge=1)]
    longest_pause_seconds: Annotated[int, Field(ge=1)]
    asking_hours: Annotated[int, Field(ge=1, le=1000)]

    @property
    def retries(self) -> Retries:
        return Retries(
            self.attempts, timedelta(seconds=self.first_pause_seconds), timedelta(seconds=self.longest_pause_seconds)
        )

    @property
    def asking(self) -> timedelta:
        return timedelta(hours=self.asking_hours)


@dataclass(frozen=True, slots=True)
class Resources:
    rules: Rulebook
    catalogue: Catalogue
    senders: Mapping[str, Sender]
    desks: Mapping[str, Desk]
    retries: Retries
    asking: timedelta
    """How long after an attempt of unknown outcome its provider is asked what became of it."""
    sms: Provider[Sms]
    email: Provider[Email]


@cache
def desks() -> dict[str, Desk]:
    """Of banks, by their codes."""
    return TypeAdapter(dict[str, Desk]).validate_python(_toml("banks.toml"))


@cache
def delivery() -> Delivery:
    return Delivery.model_validate(_toml("delivery.toml"))


def _toml(name: str) -> object:
    return tomllib.loads((HERE / name).read_text(encoding="utf-8"))


@asynccontextmanager
async def resources(_settings: Settings) -> AsyncIterator[Resources]:
    """Open the ways to send, from `SMTP_*` and `SMS_*` in the environment."""
    sms, email = SmsGateway(SmsSettings()), SmtpProvider(SmtpSettings())
    try:
        yield Resources(
            rules=rules.shipped(),
            catalogue=templates.shipped(),
            senders=senders.shipped(),
            desks=desks(),
            retries=delivery().retries,
            asking=delivery().asking,
            sms=sms,
            email=email,
        )
    finally:
        await sms.close()
        await email.close()
