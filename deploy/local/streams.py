"""`niangjia streams`: each stream of the broker, and whether every copy of it is there."""

import asyncio
import json
from dataclasses import asdict, dataclass
from typing import Annotated

import typer
from nats.js.api import StreamInfo
from rich.table import Table
from rich.text import Text

from deploy.local.reach import connection
from deploy.local.terminal import WRONG, Output, out

__all__ = ["Kept", "streams"]


@dataclass(frozen=True, slots=True)
class Kept:
    """How a stream is kept. `copies` are those that are up to date, of `replicas` that it is to have."""

    stream: str
    messages: int
    replicas: int
    copies: int
    leader: str
    behind: tuple[str, ...]
    """Nodes whose copy is not up to date."""

    @classmethod
    def of(cls, info: StreamInfo) -> "Kept":
        replicas, cluster = int(info.config.num_replicas or 1), info.cluster
        name, messages = str(info.config.name), int(info.state.messages)
        if cluster is None:  # a broker of one node
            return cls(name, messages, replicas, 1, "", ())
        others = cluster.replicas or []
        behind = tuple(str(other.name) for other in others if not other.current or other.offline)
        copies = (1 if cluster.leader else 0) + len(others) - len(behind)
        return cls(name, messages, replicas, copies, cluster.leader or "", behind)

    def has(self, replicas: int) -> bool:
        return self.replicas >= replicas and self.copies >= self.replicas


def streams(
    replicas: Annotated[
        int, typer.Option(min=1, max=5, envvar="STREAM_REPLICAS", help="copies that each is to have at least")
    ] = 1,
    output: Output = "text",
) -> None:
    """Each stream of the broker, on which nodes it is, and whether every copy is up to date; exit code 1 if not."""
    found = asyncio.run(_streams())
    short = [one for one in found if not one.has(replicas)]
    if output == "json":
        out.print_json(json.dumps([asdict(one) | {"well": one.has(replicas)} for one in found]))
    else:
        _tell(found, replicas)
    raise typer.Exit(WRONG if short else 0)


async def _streams() -> list[Kept]:
    async with connection() as broker:
        return sorted((Kept.of(info) for info in await broker.jetstream().streams_info()), key=lambda one: one.stream)


def _tell(found: list[Kept], replicas: int) -> None:
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for heading in ("stream", "events", "copies", "led by", "not up to date"):
        table.add_column(heading, justify="right" if heading == "events" else "left")
    for one in found:
        copies = Text(f"{one.copies} of {max(one.replicas, replicas)}", "" if one.has(replicas) else "red")
        table.add_row(one.stream, f"{one.messages:,}", copies, one.leader, ", ".join(one.behind))
    out.print(table)
