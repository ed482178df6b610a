"""`niangjia recover`: what a restored database lacks comes back from the streams, and what was done outside of the
logs since the backup is done again."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import typer
from nats.aio.client import Client as Connection
from nats.js.errors import NotFoundError
from pydantic_core import from_json

from deploy.local.backup import Manifest, durable_consumers
from deploy.local.home import default_home
from deploy.local.reach import connection, database, schemas_with, urls_of
from deploy.local.restore import RESTORED
from deploy.local.terminal import out, wrong
from shared.eventsourcing.codec import Codec
from shared.eventsourcing.feed import StreamFeed
from shared.eventsourcing.keyring import erase_all
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.recovery import Diverged, take_back
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.wire import stream_name
from shared.schemas.registry import MemberErased

__all__ = ["recover"]

ERASURES: Final = "registry"
"""The programme whose event it is that somebody was erased."""


def recover(
    backup: Annotated[
        Path | None, typer.Option(help="the .json of the backup that was restored; else every consumer hears all again")
    ] = None,
    give_up_keys: Annotated[
        bool, typer.Option("--give-up-keys", help="persons whose keys no copy has read as erased, for good")
    ] = False,
) -> None:
    """Take back from the streams what the logs lack, erase again who was erased, and have consumers hear again what
    they did since. The services wait for it; they start by themselves afterwards. May be repeated."""
    kept = default_home().path / RESTORED
    file = backup or (kept if kept.exists() else None)
    manifest = Manifest.model_validate_json(file.read_bytes()) if file is not None else None
    asyncio.run(_recover(manifest, give_up_keys))
    kept.unlink(missing_ok=True)


async def _recover(manifest: Manifest | None, give_up_keys: bool) -> None:
    async with database() as pool, connection() as broker:
        programmes = await schemas_with(pool, "events")
        lost: dict[str, list[UUID]] = {}
        for programme in programmes:
            try:
                taken, lost[programme] = await _take_back(programme, broker, manifest)
            except Diverged as error:
                wrong(f"{programme}: {error}; it was appended to after the restoration, and nothing can be taken back")
            out.print(f"{programme}: {taken} events taken back", highlight=False)
        erased = await _erased(broker)
        for schema in await schemas_with(pool, "keys"):
            await erase_all(pool, schema, [*erased, *(lost.get(schema, []) if give_up_keys else ())])
        out.print(f"{len(erased)} persons are erased")
        for programme in programmes:
            await _hear_again(broker, stream_name(programme), manifest)
    if not give_up_keys and (missing := {subject for subjects in lost.values() for subject in subjects}):
        wrong(f"no copy has the keys of {len(missing)} persons: copy the newest in, or --give-up-keys")


async def _take_back(programme: str, broker: Connection, manifest: Manifest | None) -> tuple[int, list[UUID]]:
    """How many events, and the persons in those since the backup whose keys are not there."""
    backed_up = manifest.positions.get(programme, 0) if manifest is not None else 0
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(EventStore(urls_of(programme)[0], programme, Codec([])))
        pages = await stack.enter_async_context(aclosing(_published(broker, programme, await store.head())))
        return await take_back(store, pages), await _keyless(store, backed_up)


async def _keyless(store: EventStore, after: int) -> list[UUID]:
    """Who is in a later event with a sealed field, and has no key nor a trace of its erasure."""
    sealed = """position > $1 and data::text like '%"sealed": "%'"""
    rows = await store.pool.fetch(f"select type, schema, data from {store.schema}.events where {sealed}", after)
    if not rows:
        return []
    from deploy.local.passes import service_of  # the services' own libraries take half a second to load

    codec = service_of(store.schema).codec
    subjects = {
        getattr(event, event.subject)
        for event in (codec.decode(*row) for row in rows)
        if event.personal_fields and event.subject is not None
    }
    have = await store.pool.fetch(f"select subject from {store.schema}.keys where subject = any ($1)", list(subjects))
    return sorted(subjects - {row[0] for row in have})


async def _published(broker: Connection, programme: str, head: int) -> AsyncGenerator[Sequence[Recorded]]:
    """A programme's stream as it stands now, from the log's last event on."""
    feed = StreamFeed(broker, stream_name(programme), "recovery", Codec([]))
    try:
        last = await feed.head()
    except NotFoundError:
        return
    if last > head:
        async with aclosing(feed.pages(max(head - 1, 0))) as pages:
            async for page in pages:
                yield page
                if page[-1].position >= last:
                    return


async def _erased(broker: Connection) -> list[UUID]:
    """All who were ever erased, as the registry's stream has it."""
    subject, js = f"evt.*.{ERASURES}.{MemberErased.__name__}", broker.jetstream()
    try:
        info = await js.stream_info(stream_name(ERASURES), subjects_filter=subject)
    except NotFoundError:
        return []
    awaited = sum((info.state.subjects or {}).values())
    found: list[UUID] = []
    if awaited:
        feed = StreamFeed(broker, stream_name(ERASURES), "recovery", Codec([]), [subject])
        async with aclosing(feed.pages()) as pages:
            async for page in pages:
                found += [UUID(from_json(recorded.data)["member_id"]) for recorded in page]
                if len(found) >= awaited:
                    break
    return found


async def _hear_again(broker: Connection, stream: str, manifest: Manifest | None) -> None:
    """Have every consumer go back to where it was at the backup: what it did since has the same ids, and stays done."""
    for consumer, floor in (await durable_consumers(broker, stream)).items():
        was = manifest.consumers.get(stream, {}).get(consumer, 0) if manifest is not None else 0
        if was < floor:
            await broker.jetstream().reset_consumer(stream, consumer, was + 1)
            out.print(f"{consumer} hears {stream} again from {was + 1} to {floor}", highlight=False)
