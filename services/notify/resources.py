"""What notify works with: rules, templates, senders, banks' desks, limits, prices, and the ways to send."""

import tomllib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter

from services.notify import limits, prices, rules, senders, templates
from services.notify.delivering import Delivery
from services.notify.limits import Limits
from services.notify.numbers import Pseudonyms
from services.notify.prices import Prices
from services.notify.providers.ways import Ways, open_ways
from services.notify.requesting import Requesting
from services.notify.rules import Rulebook
from services.notify.senders import Sender
from services.notify.templates import Catalogue
from shared.eventsourcing.connections import connected
from shared.eventsourcing.installing import install_on
from shared.runtime.settings import Settings

__all__ = ["Desk", "Resources", "desks", "open_with", "resources"]

HERE: Final = Path(__file__).parent


class Desk(BaseModel):
    """Where a bank reads what is meant for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, StringConstraints(min_length=1, max_length=50)]
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")]


@dataclass(frozen=True, slots=True)
class Resources:
    rules: Rulebook
    catalogue: Catalogue
    senders: Mapping[str, Sender]
    desks: Mapping[str, Desk]
    delivery: Delivery
    limits: Mapping[str, Limits]
    prices: Prices
    pseudonyms: Pseudonyms
    ways: Ways
    requesting: Requesting

    def limits_of(self, provider: str) -> Limits:
        return self.limits.get(provider, Limits())


@cache
def desks() -> dict[str, Desk]:
    """Of banks, by their codes."""
    return TypeAdapter(dict[str, Desk]).validate_python(
        tomllib.loads((HERE / "banks.toml").read_text(encoding="utf-8"))
    )


@asynccontextmanager
async def resources(settings: Settings) -> AsyncIterator[Resources]:
    """With the ways to send that the environment names."""
    async with open_ways() as ways:
        yield await open_with(settings, ways)


async def open_with(settings: Settings, ways: Ways) -> Resources:
    """What is shipped, and these ways to send."""
    async with connected(settings.dsn) as connection:
        await install_on(connection, "notify", "ledger", package="services.notify")
    return Resources(
        rules=rules.shipped(),
        catalogue=templates.shipped(),
        senders=senders.shipped(),
        desks=desks(),
        delivery=Delivery.load(),
        limits=limits.shipped(),
        prices=prices.shipped(),
        pseudonyms=Pseudonyms(settings.wrapping_key),
        ways=ways,
        requesting=Requesting(),
    )
