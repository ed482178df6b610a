"""Doing what the schedule says, and healing it."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import nats.errors
from nats.js import JetStreamContext
from nats.js.errors import APIError, NotFoundError

from deploy.local.child import Child, EmbeddedServer
from tests.faults.schedule import SERVERS, Fault, How
from tests.faults.system import LinkedSystem

__all__ = ["Breaking"]

BALLAST: Final = "ballast"
SUBJECT: Final = "qry.ballast"
"""What an operator may publish on, and nobody answers."""
PIECE: Final = bytes(1_000_000)
FULL: Final = 10023
"""JetStream's code: insufficient resources."""
AT_ONCE: Final = 8
LOAD_LIMIT: Final = 20.0
PAUSE: Final = 0.2


class Breaking:
    """`js` with an operator's rights. `say` is told of each fault in a line."""

    def __init__(self, system: LinkedSystem, js: JetStreamContext, say: Callable[[str], None]) -> None:
        self._system, self._js, self._say = system, js, say
        self.done: Counter[How] = Counter()
        self.filled = 0
        """How often the broker was really full."""

    async def follow(self, faults: list[Fault]) -> None:
        """All of them, each in its time. Whatever happens, all is healed in the end."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.TaskGroup() as healing:
            for fault in faults:
                await asyncio.sleep(max(0.0, began + fault.at - loop.time()))
                self._say(f"{loop.time() - began:7.2f}  {fault}")
                healing.create_task(self._befall(fault), name=str(fault))
                self.done[fault.how] += 1

    async def _befall(self, fault: Fault) -> None:
        match fault.how:
            case How.KILL:
                self._child(fault.target).kill()
            case How.RESTART:
                self._leave(fault.target)
            case How.FREEZE:
                await self._freeze(fault)
            case How.CUT:
                link = self._system.links[fault.target]
                link.cut()
                await asyncio.sleep(fault.lasts)
                await link.heal()
            case How.STALL:
                link = self._system.links[fault.target]
                link.stall()
                await asyncio.sleep(fault.lasts)
                await link.heal()
            case How.FILL:
                await self._fill(fault)

    def _child(self, name: str) -> Child:
        return next(child for child in self._system.supervisor.children if child.name == name)

    def _leave(self, name: str) -> None:
        child = self._child(name)
        number = child.server.stop_signal if isinstance(child, EmbeddedServer) else signal.SIGTERM
        if (pid := child.pid) is not None:
            os.kill(pid, number)

    async def _freeze(self, fault: Fault) -> None:
        if (pid := self._child(fault.target).pid) is None:
            return
        frozen = [pid, *(_children(pid) if fault.target in SERVERS else ())]
        try:
            for one in frozen:
                _signal(one, signal.SIGSTOP)
            await asyncio.sleep(fault.lasts)
        finally:
            for one in frozen:
                _signal(one, signal.SIGCONT)

    async def _fill(self, fault: Fault) -> None:
        try:
            async with asyncio.timeout(LOAD_LIMIT):
                await self._load()
            self._say("         the broker is full")
            self.filled += 1
            await asyncio.sleep(fault.lasts)
        except (TimeoutError, nats.errors.Error, OSError) as error:
            self._say(f"         the broker could not be filled: {type(error).__name__}")  # another fault came between
        finally:
            await self._unload()

    async def _load(self) -> None:
        with suppress(APIError):  # there already
            await self._js.add_stream(name=BALLAST, subjects=[SUBJECT])
        while True:
            pieces = (self._js.publish(SUBJECT, PIECE, stream=BALLAST) for _ in range(AT_ONCE))
            answers = await asyncio.gather(*pieces, return_exceptions=True)
            if any(isinstance(answer, APIError) and answer.err_code == FULL for answer in answers):
                return
            if any(isinstance(answer, BaseException) for answer in answers):
                await asyncio.sleep(PAUSE)  # away by another fault

    async def _unload(self) -> None:
        """For certain: nothing works as long as the ballast is there."""
        while True:
            try:
                await self._js.delete_stream(BALLAST)
                return
            except NotFoundError:
                return
            except (nats.errors.Error, TimeoutError, OSError):
                await asyncio.sleep(PAUSE)


def _children(pid: int) -> list[int]:
    with suppress(FileNotFoundError, ProcessLookupError):
        return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    return []


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
