"""A process that does nothing but relay the savings, to be killed: `python -m … <database url> <broker url>`."""

import sys

import uvloop

from shared.eventsourcing.relay import Relay
from shared.eventsourcing.store import EventStore
from tests.shared.eventsourcing.breakable import connected
from tests.shared.eventsourcing.savings import CODEC


async def relay(database_url: str, nats_url: str) -> None:
    async with connected(nats_url) as nc, EventStore(database_url, "savings", CODEC) as store:
        await Relay(store, nc, "savings").run()


if __name__ == "__main__":
    uvloop.run(relay(*sys.argv[1:]))
