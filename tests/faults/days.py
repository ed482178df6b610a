"""The clock of a run: half a day at a time, all programmes together."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

import nats.errors
from nats.js import JetStreamContext

from deploy.local.demo.people import OPERATOR
from deploy.local.demo.playing import FIRST_DAY
from shared.runtime.clock import set_offset
from shared.schemas.lending import ShowTimerLag, TimerLag
from tests.faults.recording import RecordingStage

__all__ = ["Days"]

STEP: Final = timedelta(hours=12)
MOST_STEPS: Final = 120
"""Claims of the run can be filed until then: their patients left the hospital before it began."""


class Days:
    def __init__(self, stage: RecordingStage, js: JetStreamContext, seconds: float) -> None:
        self._stage, self._js = stage, js
        self._beat = max(1.5, seconds / MOST_STEPS)
        self._offset = FIRST_DAY - datetime.now(UTC)
        self.steps = 0
        self._stepped = asyncio.Event()

    @property
    def now(self) -> datetime:
        """That every service has reached or is about to: a scan made now is not ahead of lending's clock."""
        return datetime.now(UTC) + self._offset

    async def begin(self) -> None:
        await self._move(self._offset)

    async def pass_until(self, over: asyncio.Event) -> None:
        while not over.is_set() and self.steps < MOST_STEPS:
            await self.step()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._beat):
                    await over.wait()

    async def step(self) -> None:
        await self._move(self._offset + STEP)
        self.steps += 1
        stepped, self._stepped = self._stepped, asyncio.Event()
        stepped.set()

    async def passed(self, steps: int) -> None:
        """Half days from now."""
        until = self.steps + steps
        while self.steps < until:
            await self._stepped.wait()

    async def _move(self, offset: timedelta) -> None:
        """Until lending has it, and has fired what was due."""
        while True:
            try:
                await set_offset(self._js, offset)
                break
            except (nats.errors.Error, TimeoutError, OSError):
                await asyncio.sleep(0.2)  # away, or full
        reached = datetime.now(UTC) + offset

        async def fired() -> TimerLag | None:
            lag: TimerLag = await self._stage.ask("lending", OPERATOR, ShowTimerLag())
            return lag if lag.at >= reached and not lag.late else None

        await self._stage.until(fired)
        self._offset = offset
