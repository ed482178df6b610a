"""The door of a service: commands on `cmd.<federation>.<programme>.<Command>`, queries on `qry.…`, replies typed.

Every call is answered: with what was accepted, with the answer, or with a refusal. An error of our own is answered
as the refusal `failed`, with the number under which the log has it; while PostgreSQL is away the caller is
told to call again.

What an outside party asks comes in on `from.<role>.<code>.cmd.…`: the broker writes role and code there for the
account that the party signed in to (`deploy.nats`). They say who acts, whatever the headers say.

The calls are nats-py's own: FastStream's way to a handler takes a third of the time that a command takes in all.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final, NamedTuple

import nats.errors
from nats.aio.client import Client as Connection
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from shared.eventsourcing.connections import is_transient
from shared.runtime.commands import Commands
from shared.runtime.envelope import (
    ANSWER_TOO_LARGE,
    AWAY,
    FAILED,
    MALFORMED,
    STATUS,
    UNKNOWN,
    Envelope,
    parse,
)
from shared.runtime.logs import log
from shared.runtime.queries import Queries
from shared.schemas.ids import new_id
from shared.schemas.messages import Refused

__all__ = ["answering"]

AT_ONCE: Final = 128
"""Commands under way at once, and queries; what comes beyond waits."""
HEAD: Final = 1024
"""Bytes that a reply has besides its content, at most."""
INBOXES: Final = ("_INBOX.", "_R_.")
"""Where an answer may go: to a caller's own inbox, or by way of the broker to one in another account. A service's right
to answer is none to publish what its caller may not."""
LONGEST_AFTER: Final = len(str(2**63 - 1))
GRACE: Final = 15.0
"""Seconds that calls under way are given to end when the service leaves."""

_log = log(__name__)


class Reply(NamedTuple):
    status: str
    body: bytes


class Call(NamedTuple):
    federation: str
    name: str
    """Of the command or query."""
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def of(cls, message: Msg) -> "Call":
        headers = message.headers or {}
        match message.subject.split("."):
            case ["from", role, code, _, federation, _, name]:
                return cls(federation, name, {**headers, "actor": f"{role}:{code}"}, message.data)
            case [_, federation, _, name]:
                return cls(federation, name, headers, message.data)
        raise ValueError(message.subject)


type Answer = Callable[[Call], Awaitable[Reply]]


@asynccontextmanager
async def answering(
    connection: Connection, programme: str, commands: Commands, queries: Queries
) -> AsyncIterator[None]:
    """Calls are answered as long as the context lasts, in the service's queue group: each goes to one instance. Those
    that were taken are finished before it ends."""

    async def command(call: Call) -> Reply:
        kind = commands.by_name.get(call.name)
        if kind is None:
            raise UNKNOWN(name=call.name)
        envelope = Envelope.received(call.federation, call.headers)
        accepted = await commands.carry_out(parse(kind, call.body), envelope)
        return Reply("accepted", accepted.model_dump_json().encode())

    async def query(call: Call) -> Reply:
        kind = queries.by_name.get(call.name)
        if kind is None:
            raise UNKNOWN(name=call.name)
        envelope = Envelope.received(call.federation, call.headers)
        answer = await queries.answer(parse(kind, call.body), envelope, _position(call.headers.get("after", "0")))
        return Reply("answered", kind.answers().dump_json(answer, context={"clear": True}))

    doors = _Door(connection, command), _Door(connection, query)
    for door, verb in zip(doors, ("cmd", "qry"), strict=True):
        for subject in (f"{verb}.*.{programme}.*", f"from.*.*.{verb}.*.{programme}.*"):
            await door.open(subject, programme)
    await _known(connection)
    try:
        yield
    finally:
        await asyncio.gather(*(door.close() for door in doors))


async def _known(connection: Connection) -> None:
    """Until the broker knows of what was subscribed to. A flush's PING may go ahead of what waits: hence two."""
    with suppress(nats.errors.Error, TimeoutError):  # the broker is away: it is told again when it is back
        for _ in range(2):
            await connection.flush()


class _Door:
    """Subscriptions whose calls are answered side by side."""

    def __init__(self, connection: Connection, answer: Answer) -> None:
        self._connection, self._answer = connection, answer
        self._free = asyncio.Semaphore(AT_ONCE)
        self._under_way: set[asyncio.Task[None]] = set()
        self._subscriptions: list[Subscription] = []

    async def open(self, subject: str, group: str) -> None:
        self._subscriptions.append(await self._connection.subscribe(subject, queue=group, cb=self._take))

    async def close(self) -> None:
        """Take no more, and finish what was taken."""
        with suppress(nats.errors.Error, TimeoutError):
            async with asyncio.timeout(GRACE):
                for subscription in self._subscriptions:
                    await subscription.drain()  # type: ignore[no-untyped-call]
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=GRACE)
            for task in late:
                task.cancel()

    async def _take(self, message: Msg) -> None:
        if message.reply and not message.reply.startswith(INBOXES):
            _log.warning("call not taken: it wants its answer elsewhere than in an inbox", message=_name(message))
            return
        await self._free.acquire()
        task = asyncio.create_task(self._reply(message))
        self._under_way.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._free.release()
        self._under_way.discard(task)

    async def _reply(self, message: Msg) -> None:
        status, body = await _answered(self._answer, message)
        if len(body) + HEAD > self._connection.max_payload:
            _log.warning("answer too large", message=_name(message), bytes=len(body))
            status, body = _refusal(ANSWER_TOO_LARGE())
        try:
            await self._connection.publish(message.reply, body, headers={STATUS: status})
        except nats.errors.Error as error:  # the caller calls again
            _log.warning("reply lost", message=_name(message), error=type(error).__name__)


async def _answered(answer: Answer, message: Msg) -> Reply:
    name = _name(message)
    try:
        return await answer(Call.of(message))
    except Refused as refused:
        return _refusal(refused)
    except Exception as error:
        if is_transient(error):
            _log.warning("call not answered", message=name, error=type(error).__name__)
            return Reply(AWAY, b"{}")
        incident = str(new_id())
        _log.error("call failed", message=name, incident=incident, error=type(error).__name__, exc_info=True)
        return _refusal(FAILED(incident=incident))


def _refusal(refused: Refused) -> Reply:
    return Reply("refused", refused.refusal.model_dump_json().encode())


def _position(text: str) -> int:
    """Raises Refused(malformed)."""
    if not (text.isascii() and text.isdecimal() and len(text) <= LONGEST_AFTER):
        raise MALFORMED(name="after")
    return int(text)


def _name(message: Msg) -> str:
    """Of the command or query: it stands in the log, whoever called."""
    return message.subject.rpartition(".")[2]
