"""`niangjia provision`: streams and consumers that outsiders live on. The embedded stack does it at its start."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from deploy.local.outsiders import parties_in
from deploy.local.reach import connection
from deploy.local.terminal import out
from deploy.nats.parties import SHIPPED, Parties
from deploy.nats.streams import provide

__all__ = ["Replicas", "provision"]

Replicas = Annotated[
    int, typer.Option(min=1, max=5, envvar="STREAM_REPLICAS", help="copies that a cluster keeps of a stream")
]
"""As for services: what one makes thrice the other must not bring back to one."""


def provision(
    parties: Annotated[Path, typer.Option(help="banks and hospitals, TOML")] = SHIPPED,
    replicas: Replicas = 1,
) -> None:
    """Make each bank's stream and consumer where they are missing. May be repeated; what is there stays."""
    named = parties_in(parties)
    asyncio.run(_provide(named, replicas))
    for bank in named.bank:
        out.print(f"{bank.name}  {bank.stream}", soft_wrap=True)


async def _provide(parties: Parties, replicas: int) -> None:
    async with connection() as broker:
        await provide(broker.jetstream(), parties, replicas)
