"""Passes over a whole log: read models filled anew, seals proved."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from importlib import import_module
from typing import Any
from uuid import UUID

from nats.aio.client import Client as Connection
from nats.js.errors import NotFoundError

from deploy.local.bars import bars
from deploy.local.reach import connection, database, master_key_file, schemas_with, urls_of
from deploy.local.terminal import wrong
from shared.eventsourcing.codec import Codec
from shared.eventsourcing.feed import StreamFeed
from shared.eventsourcing.folding import CannotFold
from shared.eventsourcing.keyring import Keyring
from shared.eventsourcing.projector import Projector
from shared.eventsourcing.rebuild import BeingBuilt
from shared.eventsourcing.seal_chain import Seal
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.verification import Broken, Verified, verify
from shared.eventsourcing.view import View
from shared.eventsourcing.wire import stream_name
from shared.runtime.service import Service
from shared.runtime.settings import Settings

__all__ = ["rebuild_views", "service_of", "verify_logs"]


def service_of(programme: str) -> Service:
    """What the programme declares in its `service.py`. Ends the command where there is none."""
    try:
        module = import_module(f"services.{programme}.service")
    except ModuleNotFoundError:
        wrong(f"there is no service {programme}")
    return next(thing for thing in vars(module).values() if isinstance(thing, Service))


def _views(service: Service) -> list[View[Any]]:
    return [*service.views, *(view for follow in service.follows for view in follow.views)]


async def rebuild_views(programme: str, only: str) -> None:
    """Fill one read model of a programme anew, or all. Ends the command where that can't be done."""
    service = service_of(programme)
    names = [view.name for view in _views(service)]
    if only and only not in names:
        wrong(f"{programme} has no read model {only}; it has {', '.join(names)}")
    async with _projectors(service) as projectors:
        with bars() as stages:
            for projector, view in projectors:
                if only and view.name != only:
                    continue
                try:
                    position = await projector.rebuild(type(view), stages.stage(view.name))
                except BeingBuilt:
                    wrong(f"{view.name} is being filled by somebody else just now")
                except CannotFold as error:
                    wrong(f"{view.name} stops at position {error.position}, {error.type}: {type(error.error).__name__}")
                stages(view.name, position, position)


@asynccontextmanager
async def _projectors(service: Service) -> AsyncIterator[list[tuple[Projector, View[Any]]]]:
    """Each view with the projector that can fill it."""
    database_url, nats_url = urls_of(service.programme)
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(connection())
        store = await stack.enter_async_context(EventStore(database_url, service.programme, service.codec))
        opener = None
        if service.keeps_personal_data:
            given = {"database_url": database_url, "nats_url": nats_url, "master_key_file": master_key_file()}
            opener = Keyring(store, {0: Settings.model_validate(given).wrapping_key}).open
        own = await stack.enter_async_context(Projector(store, service.views, opener=opener))
        found = [(own, view) for view in service.views]
        for follow in service.follows:
            log = StreamFeed(broker, stream_name(follow.programme), f"{service.programme}-rebuild", follow.codec)
            other = await stack.enter_async_context(Projector(store, follow.views, log=log))
            found += [(other, view) for view in follow.views]
        yield found


async def verify_logs(programme: str, anchors: list[Seal]) -> dict[str, Verified | Broken]:
    """Of one programme, or of all that have sealed."""
    results: dict[str, Verified | Broken] = {}
    async with database() as pool, connection() as broker:
        names = await schemas_with(pool, "seals", programme)
        with bars() as stages:
            for name in names:
                async with (
                    EventStore(urls_of(name)[0], name, Codec([])) as store,
                    aclosing(_published(broker, name)) as sent,
                ):
                    results[name] = await verify(
                        store,
                        stages.stage(name),
                        anchors=anchors,
                        published=sent,
                    )
    return results


async def _published(broker: Connection, programme: str) -> AsyncGenerator[tuple[int, UUID]]:
    """What the service's JetStream stream holds now."""
    feed = StreamFeed(broker, stream_name(programme), f"{programme}-verify", Codec([]))
    try:
        head = await feed.head()
    except NotFoundError:
        return
    if head:
        async with aclosing(feed.pages()) as pages:
            async for page in pages:
                for recorded in page:
                    yield recorded.position, recorded.id
                if page[-1].position >= head:
                    return
