"""Who listens to every stream while it happens: what was once published stays so, with nothing between."""

import asyncio
from contextlib import aclosing
from uuid import UUID

from nats.aio.client import Client as Connection

from shared.eventsourcing.codec import Codec
from shared.eventsourcing.feed import StreamFeed
from shared.eventsourcing.wire import stream_name
from tests.faults.schedule import PROGRAMMES

__all__ = ["Witness"]


class Witness:
    """`heard` by programme: the id of each event, by position, from the first one on without a gap."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.heard: dict[str, list[UUID]] = {programme: [] for programme in PROGRAMMES}

    async def listen(self) -> None:
        """For ever. Raises StreamBroken where a stream has a hole."""
        async with asyncio.TaskGroup() as group:
            for programme in PROGRAMMES:
                group.create_task(self._listen_to(programme))

    async def _listen_to(self, programme: str) -> None:
        feed = StreamFeed(self._connection, stream_name(programme), f"witness-{programme}", Codec([]))
        heard = self.heard[programme]
        async with aclosing(feed.pages()) as pages:
            async for page in pages:
                heard += [recorded.id for recorded in page]
