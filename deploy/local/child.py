"""The parts of a local system as its supervisor sees them: servers, and programs of our own."""

import asyncio
import json
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import SplitResult, urlsplit

from deploy.local.leash import leashed
from deploy.local.ports import LOOPBACK
from deploy.local.server import Server

__all__ = ["Child", "EmbeddedServer", "Program", "missing_at"]

BEAT: Final = 0.05
PROBE_LIMIT: Final = 3.0
STOP_LIMIT: Final = 20.0
"""Seconds that a program has to finish what it is doing, before it is killed."""


class Child(Protocol):
    """A process that can be started any number of times, one at a time."""

    name: str
    log: Path
    health: str
    """Where its health can be asked for: see `missing_at`."""

    @property
    def pid(self) -> int | None:
        """None while it is not running."""

    async def start(self) -> None:
        """Raises what keeps it from starting."""

    async def ended(self) -> int:
        """Its return code, once it has ended: minus the number of the signal that ended it."""

    async def missing(self) -> str:
        """What keeps it from being ready; empty when it is."""

    async def stop(self) -> None:
        """End it in good order, by force where that takes too long."""

    def kill(self) -> None: ...


class EmbeddedServer:
    """An embedded server. It is started from a thread of its own: when that thread ends, so does the server."""

    def __init__(self, name: str, server: Server, log: Path) -> None:
        self.name, self.log, self.server = name, log, server
        self.health = f"tcp://{LOOPBACK}:{server.port}"
        server.log = log
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    @property
    def pid(self) -> int | None:
        return self.server.pid if self.server.running else None

    async def start(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self.server.start)

    async def ended(self) -> int:
        while True:
            if (code := self.server.returncode) is not None:
                return code
            await asyncio.sleep(BEAT)

    async def missing(self) -> str:
        return "" if self.server.running else "not running"

    async def stop(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self.server.stop)  # after a start under way
        self._thread.shutdown(wait=False)

    def kill(self) -> None:
        self.server.kill()


class Program:
    """A program of ours: told to stop by SIGTERM, logging to its standard output."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        health: str,
        stop_limit: float = STOP_LIMIT,
    ) -> None:
        self.name, self.log, self.health = name, log, health
        self._command, self._environment, self._stop_limit = command, environment, stop_limit
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def start(self) -> None:
        self.log.touch(mode=0o600)
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *leashed(self._command, signal.SIGKILL),
                env=dict(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C in the terminal is the supervisor's to handle
            )

    async def ended(self) -> int:
        assert self._process is not None
        return await self._process.wait()

    async def missing(self) -> str:
        return await missing_at(self.health) if self.pid is not None else "not running"

    async def stop(self) -> None:
        if self._process is None or self.pid is None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), self._stop_limit)
        except TimeoutError:
            self.kill()
            await self._process.wait()

    def kill(self) -> None:
        if self._process is not None and self.pid is not None:
            self._process.kill()


async def missing_at(address: str) -> str:
    """What keeps a part from being ready; empty when it is.

    `tcp://…` is ready when it takes connections, `http://…` when it answers 200; else its answer says what is
    missing, by part.
    """
    return await asyncio.to_thread(_missing_at, urlsplit(address))


def _missing_at(address: SplitResult) -> str:
    assert address.hostname is not None
    try:
        if address.scheme == "tcp":
            socket.create_connection((address.hostname, address.port or 0), PROBE_LIMIT).close()
            return ""
        with closing(HTTPConnection(address.hostname, address.port, timeout=PROBE_LIMIT)) as connection:
            connection.request("GET", address.path)
            answer = connection.getresponse()
            return "" if answer.status == HTTPStatus.OK else _named(answer.status, answer.read())
    except (OSError, HTTPException) as error:
        return "not answering" if isinstance(error, ConnectionError) else type(error).__name__


def _named(status: int, body: bytes) -> str:
    try:
        parts: dict[str, str] = json.loads(body)
        return ", ".join(f"{part}: {why}" for part, why in parts.items())
    except (ValueError, AttributeError):
        return f"HTTP {status}"
