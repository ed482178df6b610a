"""A line between a client and a server on this machine that can be cut, or on which bytes stand still."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from deploy.local.ports import LOOPBACK, free_port

__all__ = ["Link"]


@dataclass
class Link:
    """Every byte from `port` to the port `target`, and back, goes through here. Cut until it is healed first."""

    target: int
    port: int = field(default_factory=free_port)
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _whole: bool = False
    _flowing: asyncio.Event = field(default_factory=asyncio.Event)

    async def heal(self) -> None:
        """Connections are taken from now on; what stood still flows on."""
        self._whole = True
        self._flowing.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._carry, LOOPBACK, self.port)

    def cut(self) -> None:
        """Connections end, and new ones end at once."""
        self._whole = False
        for writer in list(self._open):
            writer.transport.abort()
        self._open.clear()

    def stall(self) -> None:
        """Connections stay, and new ones are taken; nothing arrives at either end."""
        self._flowing.clear()

    def close(self) -> None:
        """For good."""
        self.cut()
        if self._server is not None:
            self._server.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._whole:
            writer.transport.abort()
            return
        self._open.add(writer)
        try:
            there, thither = await asyncio.open_connection(LOOPBACK, self.target)
        except OSError:
            writer.close()
            self._open.discard(writer)
            return
        self._open.add(thither)
        with suppress(OSError):
            await asyncio.gather(self._pump(reader, thither), self._pump(there, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()
            self._open.discard(writer)
