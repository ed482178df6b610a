"""Mutual aid in a county whose city has a hub: the service as it is everywhere, which also hears the city."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from services.aid.city import CITY, CITY_CODEC, Admissions, InTheCity
from services.aid.reactions import on_city
from services.aid.service import service as alone
from shared.runtime.service import Follow
from shared.runtime.settings import Settings


@asynccontextmanager
async def in_the_city(_settings: Settings) -> AsyncIterator[InTheCity]:
    yield InTheCity()


service = replace(
    alone,
    follows=(*alone.follows, Follow(CITY, CITY_CODEC, (Admissions(),))),
    reactions=(*alone.reactions, on_city()),
    resources=in_the_city,
)

if __name__ == "__main__":
    service.main()
