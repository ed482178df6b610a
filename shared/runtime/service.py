"""A service: what a programme declares, and the shell that runs it.

service = Service(programme="loan", codec=…, commands={…}, queries={…}, views=(…))

if __name__ == "__main__":
    service.main()
"""

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import uvloop
from nats.aio.client import Client as Connection

from shared.eventsourcing import relay as relaying
from shared.eventsourcing.codec import Codec
from shared.eventsourcing.connections import persistently
from shared.eventsourcing.feed import StreamFeed
from shared.eventsourcing.installing import NotInstalled
from shared.eventsourcing.keyring import Keyring
from shared.eventsourcing.projector import Projector
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.repository import Repository
from shared.eventsourcing.seal_chain import SealChain
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.tasks import end
from shared.eventsourcing.timers import Deadlines, Timers
from shared.eventsourcing.view import View
from shared.eventsourcing.wire import stream_name
from shared.runtime import clock as clocks
from shared.runtime import logs, rpc, tracing
from shared.runtime.broker import connect
from shared.runtime.client import Client
from shared.runtime.clock import Clock
from shared.runtime.commands import Commands, Handler
from shared.runtime.envelope import Envelope
from shared.runtime.http import serving
from shared.runtime.leadership import Leadership, Work
from shared.runtime.letters import Letters, Patience
from shared.runtime.measuring import Measuring
from shared.runtime.queries import Answers, Queries
from shared.runtime.reactions import Reacting, Reaction, Reactions
from shared.runtime.read_models import ReadModels
from shared.runtime.settings import ClockKind, Settings
from shared.schemas.messages import Accepted, Actor, Command, Meta, Query, Role

__all__ = ["Follow", "Running", "Service"]

_log = logs.log(__name__)


@dataclass(frozen=True)
class Follow:
    """Read models that a service keeps of another programme's events."""

    programme: str
    codec: Codec
    views: tuple[View[Any], ...]


type Resources = Callable[[Any], AbstractAsyncContextManager[Any]]
"""Opens what a service needs besides, such as its rules or a mail server, from its settings."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """What a programme declares."""

    programme: str
    codec: Codec
    commands: Mapping[type[Command], Handler]
    queries: Mapping[type[Query[Any]], Answers] = field(default_factory=dict)
    views: tuple[View[Any], ...] = ()
    follows: tuple[Follow, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    deadlines: Deadlines | None = None
    works: Mapping[str, Callable[["Running"], Awaitable[None]]] = field(default_factory=dict)
    """What else a service does by itself, for ever, in the instance that leads: by name of the role."""
    patience: Patience = field(default_factory=Patience)
    """With reactions that fail."""
    keeps_personal_data: bool = False
    settings: type[Settings] = Settings
    resources: Resources = nullcontext

    def main(self) -> None:
        """Run until SIGTERM or SIGINT, then finish what is under way and leave."""
        settings = self.settings()
        logs.configure(self.programme, settings.log_level)
        tracing.configure(self.programme, settings.otlp_endpoint)
        try:
            uvloop.run(self._until_told(settings))
        except (NotInstalled, relaying.StreamAhead) as error:  # an operator's to mend
            _log.error("not started", error=type(error).__name__, detail=str(error))
            raise SystemExit(1) from None

    async def _until_told(self, settings: Settings) -> None:
        told = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, told.set)
        async with self.running(settings) as running:
            http = (
                serving(settings.http_host, settings.http_port, running.missing, running.measure)
                if settings.http_port
                else nullcontext()
            )
            async with http:
                gc.collect()
                gc.freeze()  # modules, models and plans live as long as the process: no collection goes through them
                _log.info("ready", position=await running.store.head())
                await _either(told, running.ended)
                _log.info("leaving", told=told.is_set())
            if running.ended.is_set():
                raise SystemExit(1)

    @asynccontextmanager
    async def running(self, settings: Settings) -> AsyncIterator["Running"]:
        """The service at work in this process, for as long as the context lasts."""
        async with AsyncExitStack() as stack:
            running = await Running.start(self, settings, stack)
            yield running


@dataclass(kw_only=True)
class Running:
    """A service at work."""

    service: Service
    store: EventStore
    repository: Repository
    clock: Clock
    commands: Commands
    queries: Queries
    client: Client
    letters: Letters
    read_models: ReadModels
    relay: relaying.Relay
    timers: Timers | None
    keyring: Keyring | None
    resources: Any
    leadership: Leadership
    connection: Connection
    measuring: Measuring
    reacting: asyncio.Event
    """Set once every reaction has its consumer."""
    ended: asyncio.Event
    """Set when the service can't go on: the process must end and be started anew."""

    @classmethod
    async def start(cls, service: Service, settings: Settings, stack: AsyncExitStack) -> "Running":
        """Open everything in order; `stack` closes it in reverse."""
        programme, dsn, ended = service.programme, settings.dsn, asyncio.Event()
        connection = await connect(settings.nats_url.get_secret_value(), programme, ended, settings.sign_in, programme)
        stack.push_async_callback(connection.close)
        js = connection.jetstream()
        store = EventStore(dsn, programme, service.codec)
        await persistently(store.open)
        stack.push_async_callback(store.close)
        await store.install("letters", package="shared.runtime")
        keyring = Keyring(store, {0: settings.wrapping_key}) if service.keeps_personal_data else None
        if keyring is not None:
            await keyring.install()
        await relaying.ensure_stream(js, programme, replicas=settings.stream_replicas)
        await relaying.require_log_of(store, js, programme)

        clock = Clock()
        if settings.clock is ClockKind.SETTABLE:
            clock.move(await clocks.shared_offset(js))
            _spawn(stack, clocks.follow(clock, js), "clock", ended)
        resources = await stack.enter_async_context(service.resources(settings))

        own = await stack.enter_async_context(
            Projector(store, service.views, opener=keyring.open if keyring is not None else None)
        )
        others = {}
        for follow in service.follows:
            log = StreamFeed(connection, stream_name(follow.programme), f"{programme}-views", follow.codec)
            others[follow.programme] = await stack.enter_async_context(Projector(store, follow.views, log=log))
        of = {type(view): follow.programme for follow in service.follows for view in follow.views}
        read_models = ReadModels(store, own, others, of)

        repository = Repository(store, seal=keyring.seal if keyring is not None else None)
        client = Client(connection)
        commands = Commands(
            *(programme, service.commands, repository, clock, read_models, client, resources, keyring),
            secret=settings.fingerprint_key if service.keeps_personal_data else b"",
        )
        queries = Queries(programme, service.queries, clock, read_models, repository, resources, keyring)
        letters = Letters(store.pool, programme, service.patience)

        def reacting_to(recorded: Recorded, source: str) -> Reacting:
            return Reacting(recorded, source, commands.carry_out, client, read_models, resources, programme, keyring)

        reactions = Reactions(service.reactions, letters, reacting_to, programme)
        timers = None
        if service.deadlines is not None:
            timers = Timers(store, service.deadlines, commands.by_name, _firing(commands, programme), clock)
            await timers.install()
        relay = relaying.Relay(store, connection, programme)
        seals = SealChain(store)
        await seals.install()
        roles: dict[str, Work] = {
            "relay": relay.run,
            "views": own.run,
            **{f"views of {name}": projector.run for name, projector in others.items()},
            "letters": reactions.retry_letters,
            "seal": seals.run,
        }
        if timers is not None:
            roles["timers"] = timers.run
        leadership = Leadership(dsn, programme, roles)
        reacting = asyncio.Event()
        running = cls(
            service=service,
            store=store,
            repository=repository,
            clock=clock,
            commands=commands,
            queries=queries,
            client=client,
            letters=letters,
            read_models=read_models,
            relay=relay,
            timers=timers,
            keyring=keyring,
            resources=resources,
            leadership=leadership,
            connection=connection,
            measuring=Measuring(store, js, read_models, reactions, letters, timers),
            reacting=reacting,
            ended=ended,
        )
        roles |= {name: partial(work, running) for name, work in service.works.items()}
        _spawn(stack, leadership.run(), "leadership", ended)

        door = await connect(
            settings.nats_url.get_secret_value(), f"{programme}-door", ended, settings.sign_in, programme
        )
        stack.push_async_callback(door.close)
        await stack.enter_async_context(rpc.answering(connection, programme, commands, queries))
        _spawn(stack, reactions.run(door, js, reacting), "reactions", ended)
        return running

    async def missing(self) -> dict[str, str]:
        """What keeps the service from being ready; empty when it is."""
        missing = self.leadership.failing | self.read_models.failures()
        if not self.connection.is_connected:
            missing["nats"] = "not connected"
        if not self.reacting.is_set():
            missing["reactions"] = "waiting for their streams"
        try:
            async with asyncio.timeout(2):
                await self.store.head()
        except Exception as error:
            missing["postgresql"] = type(error).__name__
        return missing

    async def measure(self) -> None:
        """Bring the gauges up to date."""
        await self.measuring.measure(await self.missing())


async def _either(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


def _firing(commands: Commands, programme: str) -> Callable[..., Any]:
    actor = Actor(role=Role.SYSTEM, id=f"{programme}-timers")

    async def fire(recorded_id: Any, key: str, command: Command, meta: Meta) -> Accepted:
        return await commands.carry_out(command, Envelope.following(recorded_id, meta, key, actor))

    return fire


def _spawn(stack: AsyncExitStack, work: Coroutine[Any, Any, None], name: str, ended: asyncio.Event) -> None:
    """A task for as long as the stack is open; should it fail, the process must end and be started anew."""

    def over(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("part failed", part=name, error=type(error).__name__, exc_info=error)
            ended.set()

    task = asyncio.create_task(work, name=name)
    task.add_done_callback(over)
    stack.push_async_callback(end, task)
