"""An HTTP server with faults to order, on a port of this machine."""

import asyncio
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from deploy.local.ports import LOOPBACK


class Fault(Enum):
    DROP = auto()  # the connection is cut before anything is done
    TAKE_AND_DROP = auto()  # the request is carried out, the connection cut before the reply
    TAKE_AND_HALF = auto()  # it is carried out, and the connection cut in the middle of the reply
    TAKE_AND_KEEP_SILENT = auto()  # it is carried out, the reply never comes
    SLOW = auto()  # it is carried out, and the reply waits for `late`
    NOT_JSON = auto()  # nothing is done, and somebody between answers with a page


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    raw_query: str
    headers: dict[str, str]
    body: bytes

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.raw_query, keep_blank_values=True))


class HttpPeer:
    """`orders` are carried out once each, by the next requests; a pair is answered as status and body."""

    def __init__(self) -> None:
        self.port = 0
        self.orders: deque[Fault | tuple[int, Any]] = deque()
        self.connections = 0
        self.requests: list[Request] = []
        self.late = asyncio.Event()

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def answer(self, request: Request) -> tuple[int, Any]:
        """Status and body, a string or what becomes JSON."""
        raise NotImplementedError

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while (request := await _read(reader)) is not None:
                self.requests.append(request)
                if not await self._serve(request, writer):
                    break
        except ConnectionError:
            return
        finally:
            writer.close()

    async def _serve(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        order = self.orders.popleft() if self.orders else None
        if order is Fault.DROP:
            writer.transport.abort()
            return False
        if order is Fault.NOT_JSON:
            answer: tuple[int, Any] = (200, "<html>")
        else:
            answer = order if isinstance(order, tuple) else self.answer(request)
        if order is Fault.SLOW:
            await self.late.wait()
        if order is Fault.TAKE_AND_KEEP_SILENT:
            await asyncio.Event().wait()
        if order is Fault.TAKE_AND_DROP:
            writer.transport.abort()
            return False
        reply = _reply(*answer)
        writer.write(reply[: len(reply) - 5] if order is Fault.TAKE_AND_HALF else reply)
        await writer.drain()
        return order is not Fault.TAKE_AND_HALF


@asynccontextmanager
async def serving[P: HttpPeer](peer: P, tls: ssl.SSLContext | None = None) -> AsyncIterator[P]:
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(peer.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, LOOPBACK, 0, ssl=tls)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    split = urlsplit(target)
    return Request(method, split.path, split.query, headers, body)


def _reply(status: int, body: Any) -> bytes:
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    kind = "text/html" if text.startswith("<") else "application/json" if not isinstance(body, str) else "text/plain"
    content = text.encode()
    head = f"HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content
