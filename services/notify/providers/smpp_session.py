"""One SMPP session: a connection, bound, kept alive, with requests and responses matched."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Final, Self

from services.notify.providers.smpp_pdu import OK, RESPONSE, Command, MalformedPdu, Pdu

__all__ = ["BindRefused", "Lost", "Session"]

ALIVE_EVERY: Final = 30.0
"""Seconds of silence after which the other side is asked whether it is there."""
NOT_SUPPORTED: Final = 0x00000003
"""ESME_RINVCMDID."""
LAST_SEQUENCE: Final = 0x7FFFFFFF

type Serve = Callable[[Pdu], Awaitable[Pdu]]
"""Answers a deliver_sm."""


class BindRefused(Exception):
    """With a status such as ESME_RBINDFAIL."""

    def __init__(self, status: int) -> None:
        super().__init__(f"0x{status:08X}")


class Lost(ConnectionError):
    """The session is over, and no response comes any more."""


class Session:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, serve: Serve | None) -> None:
        self._reader, self._writer, self._serve = reader, writer, serve
        self._sequence = 0
        self._pending: dict[int, asyncio.Future[Pdu]] = {}
        self._serving: set[asyncio.Task[None]] = set()
        self._heard = asyncio.get_running_loop().time()
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._keep_alive())]
        self.over = asyncio.Event()

    @classmethod
    async def bind(
        cls,
        host: str,
        port: int,
        context: ssl.SSLContext | None,
        command: Command,
        body: bytes,
        patience: float,
        serve: Serve | None = None,
    ) -> Self:
        """Raises OSError, TimeoutError and BindRefused. `patience` is in seconds."""
        async with asyncio.timeout(patience):
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
            session = cls(reader, writer, serve)
            try:
                answer = await session.ask(command, body)
                if answer.status != OK:
                    raise BindRefused(answer.status)
            except BaseException:
                session.drop()
                raise
        return session

    def ask(self, command: Command, body: bytes = b"") -> "asyncio.Future[Pdu]":
        """Write a request. Its response comes as the future's result, however late; Lost when the session ends before.
        Raises Lost where it has ended already, and nothing was written."""
        if self.over.is_set():
            raise Lost
        self._sequence = self._sequence % LAST_SEQUENCE + 1
        answer: asyncio.Future[Pdu] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may be waiting any more
        self._pending[self._sequence] = answer
        self._writer.write(Pdu(command, OK, self._sequence, body).encode())
        return answer

    async def close(self) -> None:
        """Take leave, for a second at most."""
        if not self.over.is_set():
            try:
                async with asyncio.timeout(1):
                    await self.ask(Command.UNBIND)
            except (OSError, TimeoutError):
                pass
        self.drop()
        await asyncio.gather(*self._tasks, *self._serving, return_exceptions=True)

    def drop(self) -> None:
        if self.over.is_set():
            return
        self.over.set()
        self._writer.transport.abort()
        for task in (*self._tasks, *self._serving):
            if task is not asyncio.current_task():
                task.cancel()
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(Lost())
        self._pending.clear()

    async def _read(self) -> None:
        try:
            while True:
                pdu = await Pdu.read(self._reader)
                self._heard = asyncio.get_running_loop().time()
                if pdu.command & RESPONSE:
                    answer = self._pending.pop(pdu.sequence, None)
                    if answer is not None and not answer.done():
                        answer.set_result(pdu)
                elif not self._answer(pdu):
                    return
        except (OSError, EOFError, MalformedPdu):
            return
        finally:
            self.drop()

    def _answer(self, pdu: Pdu) -> bool:
        """Whether the session goes on."""
        match pdu.command:
            case Command.DELIVER_SM if self._serve is not None:
                task = asyncio.create_task(self._serve_one(self._serve, pdu))
                self._serving.add(task)
                task.add_done_callback(self._serving.discard)
            case Command.ENQUIRE_LINK | Command.UNBIND:
                self._writer.write(pdu.response().encode())
            case _:
                self._writer.write(Pdu(Command.GENERIC_NACK, NOT_SUPPORTED, pdu.sequence).encode())
        return pdu.command != Command.UNBIND

    async def _serve_one(self, serve: Serve, pdu: Pdu) -> None:
        answer = await serve(pdu)
        self._writer.write(answer.encode())

    async def _keep_alive(self) -> None:
        """Ask whether the other side is there; end the session where it says nothing."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                await asyncio.sleep(max(0.0, self._heard + ALIVE_EVERY - loop.time()))
                if loop.time() - self._heard >= ALIVE_EVERY:
                    async with asyncio.timeout(ALIVE_EVERY):
                        await self.ask(Command.ENQUIRE_LINK)
        except (Lost, TimeoutError):
            self.drop()
