"""`niangjia replay`: events go out again, to one consumer or to a whole stream. Nothing is done twice by it.

Whatever follows from an event has an id that derives from it, so a consumer that hears it again changes nothing that it
has done; and a stream that is published anew holds the same events at the same sequences, so whoever follows it goes on
where it was.
"""

import asyncio
from typing import Annotated, Final

import typer
from nats.aio.client import Client as Connection
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo, DeliverPolicy
from nats.js.errors import NotFoundError

from deploy.local.backup import durable_consumers
from deploy.local.reach import connection, database, schemas_with
from deploy.local.terminal import err, out, wrong
from shared.eventsourcing.relay import ensure_stream
from shared.eventsourcing.wire import stream_name

__all__ = ["app"]

BEAT: Final = 0.2
PATIENCE: Final = 60.0
"""Seconds without progress after which the relay is taken to be away."""

app = typer.Typer(help="Send events again, to one consumer or a whole stream.", no_args_is_help=True)

Yes = Annotated[bool, typer.Option("--yes", "-y", help="without asking")]


@app.command()
def consumer(
    programme: Annotated[str, typer.Argument(help="whose events it hears", show_default=False)],
    name: Annotated[str, typer.Argument(help="such as loan-on-registry; see niangjia status", show_default=False)],
    start: Annotated[int, typer.Option("--from", min=1, help="the first position that it hears again")],
    yes: Yes = False,
) -> None:
    """Have a consumer hear a service's events again. What it has done stays done once; what it has missed, it does."""
    asyncio.run(_consumer(programme, name, start, yes))


@app.command()
def stream(programme: Annotated[str, typer.Argument(show_default=False)], yes: Yes = False) -> None:
    """Publish a service's whole log anew, where its stream has lost or spoilt messages (niangjia verify says so).

    The service must be running. Consumers go on where they were.
    """
    if not yes:
        typer.confirm(f"The stream {stream_name(programme)} is removed and filled from the log. Go on?", abort=True)
    asyncio.run(_stream(programme))


async def _consumer(programme: str, name: str, start: int, yes: bool) -> None:
    async with connection() as broker:
        consumers = await durable_consumers(broker, stream_name(programme))
        if name not in consumers:
            wrong(f"{programme} has no consumer {name}; it has {', '.join(sorted(consumers)) or 'none'}")
        if start > consumers[name]:
            wrong(f"{name} has heard no more than {consumers[name]}: nothing before it would be heard again")
        if not yes:
            typer.confirm(f"{name} hears {start} to {consumers[name]} of {programme} again. Go on?", abort=True)
        await broker.jetstream().reset_consumer(stream_name(programme), name, start)
        out.print(f"{name} hears {programme} again from {start}", highlight=False)


async def _stream(programme: str) -> None:
    async with database() as pool, connection() as broker:
        await schemas_with(pool, "events", programme)
        head: int = await pool.fetchval(f"select coalesce(max(position), 0) from {programme}.events")
        js = broker.jetstream()
        replicas, consumers = await _kept(js, stream_name(programme))
        await _remove(js, stream_name(programme))
        await ensure_stream(js, programme, replicas=replicas)
        for info in consumers:
            await _go_on(js, info)
        await _filled(broker, stream_name(programme), head)
        out.print(f"{programme}: {head} events are published, {len(consumers)} consumers go on", highlight=False)


async def _kept(js: JetStreamContext, name: str) -> tuple[int, list[ConsumerInfo]]:
    """How often the stream is replicated, and its durable consumers."""
    try:
        replicas = (await js.stream_info(name)).config.num_replicas or 1
        found = await js.consumers_info(name)
    except NotFoundError:
        return 1, []
    return replicas, [info for info in found if info.config.durable_name is not None]


async def _remove(js: JetStreamContext, name: str) -> None:
    try:
        await js.delete_stream(name)
    except NotFoundError:
        return


async def _go_on(js: JetStreamContext, info: ConsumerInfo) -> None:
    """The same consumer, beyond what it had acknowledged."""
    assert info.ack_floor is not None
    config = info.config.evolve(deliver_policy=DeliverPolicy.ALL)
    await js.add_consumer(info.stream_name, config)
    if info.ack_floor.stream_seq:
        await js.reset_consumer(info.stream_name, info.name, info.ack_floor.stream_seq + 1)


async def _filled(broker: Connection, name: str, head: int) -> None:
    loop, last = asyncio.get_running_loop(), -1
    deadline = loop.time() + PATIENCE
    with err.status(f"{name}"):
        while (at := (await broker.jetstream().stream_info(name)).state.last_seq) < head:
            if at > last:
                last, deadline = at, loop.time() + PATIENCE
            elif loop.time() > deadline:
                wrong(f"{name} is at {at} of {head}, and the relay does nothing: does the service run?")
            await asyncio.sleep(BEAT)
