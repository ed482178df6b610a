"""Keeps processes running: one that ends is started again, after a pause that grows while it keeps ending."""

import asyncio
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from deploy.local.child import Child

__all__ = ["NotReady", "Supervisor"]

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 15.0
STEADY: Final = 20.0
"""Seconds: the pause before a restart doubles with each end in a row, and is the first again after a run this long."""
READY_BEAT: Final = 0.1
LOG_BEAT: Final = 5.0
LARGEST_LOG: Final = 16 * 2**20
"""Bytes: a larger log becomes `<name>.log.1`, in place of the one before."""


class NotReady(Exception):
    """Parts of the system were not ready in time; says which, why, and how their logs end."""


class Supervisor:
    """Children in the order of their start. `say` is told each change in a line, `changed` that there was one."""

    def __init__(self, say: Callable[[str], None], changed: Callable[[], None] = lambda: None) -> None:
        self._say, self._changed = say, changed
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._ages: list[Sequence[Child]] = []
        self._logs: asyncio.Task[None] | None = None
        self._killed = False
        self.restarts: Counter[str] = Counter()

    @property
    def children(self) -> list[Child]:
        return [child for age in self._ages for child in age]

    async def start(self, *children: Child) -> None:
        """Start them side by side, and keep them running from now on. Raises what keeps one from starting at all."""
        self._logs = self._logs or asyncio.create_task(self._bound_logs(), name="log sizes")
        self._ages.append(children)
        begun = await asyncio.gather(*(child.start() for child in children), return_exceptions=True)
        for error in begun:
            if error is not None:
                raise error
        for child in children:
            self._keepers[child.name] = asyncio.create_task(self._keep(child), name=f"keep {child.name}")
        self._changed()

    async def ready(self, limit: float) -> None:
        """Until all are ready. Raises NotReady after `limit` seconds."""
        missing: dict[str, str] = {}
        with suppress(TimeoutError):
            async with asyncio.timeout(limit):
                for child in self.children:
                    while why := await child.missing():
                        missing[child.name] = why
                        await asyncio.sleep(READY_BEAT)
                    missing.pop(child.name, None)
                return
        late = [(child, why) for child in self.children if (why := await child.missing())]
        raise NotReady("\n".join(f"{child.name} is not ready: {why}{_end_of(child.log)}" for child, why in late))

    async def stop(self) -> None:
        """End them in good order: what started together ends together, the last first."""
        await _cancelled([*self._keepers.values(), *([self._logs] if self._logs else [])])
        for age in reversed(self._ages):
            ends = await asyncio.gather(*(self._end(child) for child in age), return_exceptions=True)
            for child, error in zip(age, ends, strict=True):
                if isinstance(error, BaseException):
                    self._say(f"{child.name}: {error}")
            self._changed()
        self._ages.clear()

    def kill(self) -> None:
        """End them all at once: `stop`, called before or after, has nothing to wait for."""
        self._killed = True
        for keeper in self._keepers.values():
            keeper.cancel()
        for child in self.children:
            child.kill()

    async def _end(self, child: Child) -> None:
        if child.pid is not None and not self._killed:
            self._say(f"{child.name} stops")
        if self._killed:
            child.kill()
        await child.stop()

    async def _keep(self, child: Child) -> None:
        clock, pause = asyncio.get_running_loop().time, FIRST_PAUSE
        while True:
            began = clock()
            code = await child.ended()
            self._changed()
            if clock() - began > STEADY:
                pause = FIRST_PAUSE
            what = _how_it_ended(code)
            while what:
                self._say(f"{child.name} {what}; starts again in {pause:g} s")
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                try:
                    await child.start()
                    what = ""
                except Exception as error:
                    what = f"did not start: {str(error).partition('\n')[0]}"
            self.restarts[child.name] += 1
            self._say(f"{child.name} is started again (pid {child.pid})")
            self._changed()

    async def _bound_logs(self) -> None:
        while True:
            await asyncio.sleep(LOG_BEAT)
            for child in self.children:
                bound(child.log)


def bound(log: Path, largest: int = LARGEST_LOG) -> None:
    """Set a log aside that has grown too large. Whoever writes to it appends, and goes on at its new end."""
    with suppress(FileNotFoundError):
        if log.stat().st_size > largest:
            shutil.copy2(log, log.with_name(f"{log.name}.1"))
            with log.open("r+b") as file:
                file.truncate()


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return f"ended (exit code {code})"
    with suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by signal {-code}"


def _end_of(log: Path, lines: int = 15) -> str:
    with suppress(FileNotFoundError):
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
        return f"; {log} ends:\n" + "\n".join(tail) if tail else ""
    return ""


async def _cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
