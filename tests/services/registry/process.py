"""The registry as a process of its own, as it is deployed."""

import asyncio
import os
import signal
import sys
from base64 import b64encode
from pathlib import Path

import httpx

from deploy.local.ports import free_port
from shared.runtime.settings import Settings
from tests.waiting import until

__all__ = ["Process"]


class Process:
    """`async with Process(settings, log) as process: …`: ready at the start, ended by SIGTERM."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self.log = log
        self.port = free_port()
        assert settings.master_key is not None
        self._environment = os.environ | {
            "DATABASE_URL": settings.dsn,
            "NATS_URL": settings.nats_url.get_secret_value(),
            "MASTER_KEY": b64encode(settings.master_key).decode(),
            "HTTP_PORT": str(self.port),
            "LOG_LEVEL": "DEBUG",
        }
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> "Process":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "services.registry.service"), stdout=log, stderr=log, env=self._environment
            )
        await until(self._ready, 30)

    async def stop(self) -> int:
        """As it is told to leave; its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self._process.wait(), 20)

    async def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def metrics(self) -> str:
        async with httpx.AsyncClient() as client:
            return (await client.get(f"http://127.0.0.1:{self.port}/metrics")).text

    async def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.returncode is None, self.log.read_text(encoding="utf-8")[-2000:]
        async with httpx.AsyncClient() as client:
            try:
                answer = await client.get(f"http://127.0.0.1:{self.port}/health/ready")
            except httpx.TransportError:
                return False
        return answer.status_code == 200
