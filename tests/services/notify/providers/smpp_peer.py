"""Two SMSCs: another's (smpp34, in Rust), and one of our own that fails to order."""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum, auto
from typing import Any

import smpp34

from deploy.local.ports import LOOPBACK, free_port
from services.notify.providers.smpp_pdu import OK, RESPONSE, Command, Pdu


class Smsc:
    """Takes what is submitted by whoever binds. (Its receivers' responses smpp34 1.5 does not match.)"""

    def __init__(self, server: smpp34.Server, port: int) -> None:
        self._server, self.port = server, port
        self.bound: list[smpp34.Esme] = []
        self.submitted: list[smpp34.SubmitSmEvent] = []
        self.refuses: int | None = None

    async def serve(self) -> None:
        while True:
            match await self._server.next():
                case smpp34.Esme() as esme:
                    self.bound.append(esme)
                case smpp34.SubmitSmEvent() as submitted:
                    self._submitted(submitted)

    def _submitted(self, submitted: smpp34.SubmitSmEvent) -> None:
        if self.refuses is not None:
            submitted.reject(self.refuses)
        else:
            self.submitted.append(submitted)
            submitted.accept(f"id-{len(self.submitted)}")


@asynccontextmanager
async def smsc() -> AsyncIterator[Smsc]:
    port = free_port()
    server = smpp34.Server(LOOPBACK, port, system_id="of-a-test")
    await server.start()
    peer = Smsc(server, port)
    task = asyncio.create_task(peer.serve())
    try:
        yield peer
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await server.stop()


class Fault(Enum):
    DROP = auto()  # the connection is cut when a message comes, before it is taken
    TAKE_AND_DROP = auto()  # it is taken, and the connection cut before the response
    TAKE_AND_DELAY = auto()  # it is taken, and the response waits for `late`
    REFUSE_AND_DELAY = auto()  # it is refused, and the response waits for `late`
    GARBAGE = auto()  # it is taken, and answered with what is no SMPP
    NACK = auto()  # it is not understood
    NO_ID = auto()  # it is taken, and the response has no id


class FaultySmsc:
    def __init__(self) -> None:
        self.port = 0
        self.orders: deque[Fault] = deque()
        self.bind_status = OK
        self.taken = 0
        self.deaf = False
        """Whether it answers nothing but binds and messages."""
        self.binds = 0
        self.late = asyncio.Event()
        self.writers: list[asyncio.StreamWriter] = []
        self._receiver: asyncio.StreamWriter | None = None
        self._delivered: dict[int, asyncio.Future[int]] = {}

    async def deliver(self, text: bytes, **fields: Any) -> int:
        """Deliver, as another writes it, to the receiver; the status with which it answers."""
        assert self._receiver is not None
        number = len(self._delivered) + 1
        self._delivered[number] = asyncio.get_running_loop().create_future()
        delivered = smpp34.DeliverSm("8613867201234", "10690000", text, sequence_number=number, **fields)
        self._receiver.write(delivered.encode())
        return await asyncio.wait_for(self._delivered[number], 5)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            while True:
                pdu = await Pdu.read(reader)
                if pdu.command == Command.SUBMIT_SM:
                    await self._submitted(pdu, writer)
                elif pdu.command & RESPONSE:
                    self._delivered[pdu.sequence].set_result(pdu.status)
                elif pdu.command in {Command.BIND_TRANSMITTER, Command.BIND_RECEIVER}:
                    self.binds += 1
                    if pdu.command == Command.BIND_RECEIVER:
                        self._receiver = writer
                    writer.write(pdu.response(self.bind_status, b"of-a-test\0").encode())
                elif not self.deaf:
                    writer.write(pdu.response().encode())
        except (OSError, EOFError):
            return
        finally:
            writer.close()

    async def _submitted(self, pdu: Pdu, writer: asyncio.StreamWriter) -> None:
        order = self.orders.popleft() if self.orders else None
        refused = order in {Fault.REFUSE_AND_DELAY, Fault.NACK, Fault.DROP}
        self.taken += not refused
        match order:
            case Fault.DROP | Fault.TAKE_AND_DROP:
                writer.transport.abort()
            case Fault.GARBAGE:
                writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            case Fault.NACK:
                writer.write(Pdu(Command.GENERIC_NACK, 0x3, pdu.sequence).encode())
            case Fault.NO_ID:
                writer.write(pdu.response().encode())
            case _:
                if order is not None:
                    await self.late.wait()
                writer.write((pdu.response(0x0B) if refused else pdu.response(OK, b"id-1\0")).encode())


@asynccontextmanager
async def faulty_smsc(tls: ssl.SSLContext | None = None) -> AsyncIterator[FaultySmsc]:
    peer = FaultySmsc()
    server = await asyncio.start_server(peer.serve, LOOPBACK, 0, ssl=tls)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for writer in peer.writers:
            writer.close()
