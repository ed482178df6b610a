"""A process that keeps the toolshed's read models up with its log until it is killed: `… <database url> <page>`."""

import asyncio
import sys

from shared.eventsourcing.projection import OwnLog
from shared.eventsourcing.projector import Projector
from shared.eventsourcing.store import EventStore
from tests.shared.eventsourcing.toolshed import CODEC, Lendings, Tools


async def main(url: str, page: int) -> None:
    async with (
        EventStore(url, "shed", CODEC) as store,
        Projector(store, [Tools(), Lendings()], OwnLog(store, page)) as projector,
    ):
        await projector.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
