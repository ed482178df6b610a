"""The door of a service: commands on `cmd.<federation>.<programme>.<Command>`, queries on `qry.…`, replies typed.

Every call is answered: with what was accepted, with the answer, or with a refusal. An error of our own is answered
as the refusal `failed`, with the number under which the log has it; while PostgreSQL is away the caller is
told to call again.

The calls are nats-py's own: FastStream's way to a handler takes a third of the time that a command takes in all.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, NamedTuple

import nats.errors
from nats.aio.client import Client as Connection
from nats.aio.msg import Msg
from pydantic import TypeAdapter

from shared.eventsourcing.connections import is_transient
from shared.runtime.commands import Commands
from shared.runtime.envelope import AWAY, FAILED, STATUS, UNKNOWN, Envelope, parse
from shared.runtime.logs import log
from shared.runtime.queries import Queries
from shared.schemas.ids import new_id
from shared.schemas.messages import Refused

__all__ = ["answering"]

AT_ONCE: Final = 128
"""Commands under way at once, and queries; what comes beyond waits."""
GRACE: Final = 15.0
"""Seconds that calls under way are given to end when the service leaves."""

_log = log(__name__)
_answers: dict[type, TypeAdapter[Any]] = {}


class Reply(NamedTuple):
    status: str
    body: bytes


type Answer = Callable[[Msg, str, str], Awaitable[Reply]]
"""Of a call, with the federation and the name in its subject."""


@asynccontextmanager
async def answering(
    connection: Connection, programme: str, commands: Commands, queries: Queries
) -> AsyncIterator[None]:
    """Calls are answered as long as the context lasts, in the service's queue group: each goes to one instance. Those
    that were taken are finished before it ends."""

    async def command(message: Msg, federation: str, name: str) -> Reply:
        kind = commands.by_name.get(name)
        if kind is None:
            raise UNKNOWN(name=name)
        envelope = Envelope.received(federation, message.headers or {})
        accepted = await commands.carry_out(parse(kind, message.data), envelope)
        return Reply("accepted", accepted.model_dump_json().encode())

    async def query(message: Msg, federation: str, name: str) -> Reply:
        kind = queries.by_name.get(name)
        if kind is None:
            raise UNKNOWN(name=name)
        headers = message.headers or {}
        after = headers.get("after", "0")
        envelope = Envelope.received(federation, headers)
        answer = await queries.answer(parse(kind, message.data), envelope, int(after) if after.isdecimal() else 0)
        adapter = _answers.setdefault(kind, TypeAdapter(kind.answer_type()))
        return Reply("answered", adapter.dump_json(answer, context={"clear": True}))

    doors = _Door(connection, command), _Door(connection, query)
    for door, verb in zip(doors, ("cmd", "qry"), strict=True):
        await door.open(f"{verb}.*.{programme}.*", programme)
    try:
        yield
    finally:
        await asyncio.gather(*(door.close() for door in doors))


class _Door:
    """One subscription, whose calls are answered side by side."""

    def __init__(self, connection: Connection, answer: Answer) -> None:
        self._connection, self._answer = connection, answer
        self._free = asyncio.Semaphore(AT_ONCE)
        self._under_way: set[asyncio.Task[None]] = set()

    async def open(self, subject: str, group: str) -> None:
        self._subscription = await self._connection.subscribe(subject, queue=group, cb=self._take)

    async def close(self) -> None:
        """Take no more, and finish what was taken."""
        with suppress(nats.errors.Error, TimeoutError):
            async with asyncio.timeout(GRACE):
                await self._subscription.drain()  # type: ignore[no-untyped-call]
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=GRACE)
            for task in late:
                task.cancel()

    async def _take(self, message: Msg) -> None:
        await self._free.acquire()
        task = asyncio.create_task(self._reply(message))
        self._under_way.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._free.release()
        self._under_way.discard(task)

    async def _reply(self, message: Msg) -> None:
        status, body = await _answered(self._answer, message)
        try:
            await self._connection.publish(message.reply, body, headers={STATUS: status})
        except nats.errors.Error as error:  # the caller calls again
            _log.warning("reply lost", message=message.subject.rpartition(".")[2], error=type(error).__name__)


async def _answered(answer: Answer, message: Msg) -> Reply:
    _, federation, _, name = message.subject.split(".")
    try:
        return await answer(message, federation, name)
    except Refused as refused:
        refusal = refused.refusal
    except Exception as error:
        if is_transient(error):
            _log.warning("call not answered", message=name, error=type(error).__name__)
            return Reply(AWAY, b"{}")
        incident = str(new_id())
        _log.error("call failed", message=name, incident=incident, error=type(error).__name__, exc_info=True)
        refusal = FAILED(incident=incident).refusal
    return Reply("refused", refusal.model_dump_json().encode())
