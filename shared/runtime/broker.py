"""Connections to the broker: restored whenever they are lost. Should one end for good, so must the process."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import nats
import nats.errors
from faststream.nats import NatsBroker
from nats.aio.client import Client as Connection

from shared.runtime.logs import log

__all__ = ["connect", "door"]

CONNECT_PAUSE: Final = 0.2
"""Seconds between attempts to reach the broker."""

_log = log(__name__)


async def connect(urls: str, name: str, ended: asyncio.Event) -> Connection:
    """A connection that is restored whenever it is lost; should it end for good, so must the process.

    `urls` are those of a cluster's nodes, parted by commas: one that is up is found.
    """

    async def closed() -> None:
        ended.set()

    return await _until_there(
        lambda: nats.connect(
            urls.split(","),
            name=name,
            max_reconnect_attempts=-1,
            reconnect_time_wait=CONNECT_PAUSE,
            error_cb=_on_error,
            closed_cb=closed,
        )
    )


async def door(urls: str, name: str, ended: asyncio.Event) -> NatsBroker:
    """FastStream's broker, on a connection of its own, for reactions."""

    async def closed() -> None:
        ended.set()

    broker = NatsBroker(
        urls.split(","),
        name=f"{name}-door",
        max_reconnect_attempts=-1,
        reconnect_time_wait=CONNECT_PAUSE,  # type: ignore[arg-type] # seconds, and nats-py takes fractions of one
        error_cb=_on_error,
        closed_cb=closed,
        apply_types=False,
        logger=None,
    )
    await _until_there(broker.connect)
    return broker


async def _until_there[T](connect: Callable[[], Awaitable[T]]) -> T:
    while True:
        try:
            return await connect()
        except (OSError, nats.errors.Error, TimeoutError) as error:
            _log.warning("broker is away", error=type(error).__name__)
            await asyncio.sleep(CONNECT_PAUSE)


async def _on_error(error: Exception) -> None:
    _log.warning("broker", error=type(error).__name__, detail=str(error)[:200])
