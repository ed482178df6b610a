"""The sender: takes what waits, has it made into messages, and hands these to providers; one lane a channel.

It runs under a lead. For a moment two may believe that they lead: an attempt is begun by a command that is refused
to the second of them. What an attempt left unknown is settled beside, and holds up nothing.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine, Sequence
from typing import Any, Final
from uuid import UUID

from services.notify.attempting import Attempting
from services.notify.channels import Email, Provider, Sms
from services.notify.choosing import Choosing, Later
from services.notify.door import Door
from services.notify.outlets import Outlet, Pace, Shares
from services.notify.preparing import LARGEST_PAGE, Prepared, Preparing
from services.notify.recording import Recording
from services.notify.resources import Resources
from services.notify.settling import Settling
from services.notify.views import NotificationRow, Notifications
from shared.eventsourcing.connections import is_transient
from shared.eventsourcing.tasks import end
from shared.runtime.client import NoAnswer
from shared.runtime.logs import log
from shared.runtime.metrics import PROVIDER_OPEN
from shared.runtime.service import Running
from shared.schemas.messages import Refused
from shared.schemas.notify import Channel

__all__ = ["Lane", "send_for_ever"]

BEAT: Final = 0.2
"""Seconds between looks at what is due, when there was nothing to do."""
FRESH: Final = 10.0
"""Seconds for which names and addresses are used after they were asked for."""
SETTLING_BEAT: Final = 0.5
AWAY_PAUSE: Final = 2.0
"""Seconds to wait when the registry or the database is away."""
FINISH: Final = 8.0
"""Seconds that what is under way has to end, when the sender is told to leave."""

AHEAD: Final = 64
"""Messages left of a page when the next one is begun."""
TOGETHER: Final = 0.02
"""Seconds for which a provider's pace is waited for, at least."""

_log = log(__name__)

type _Page = tuple[float, list[tuple[NotificationRow, Prepared]]]
"""When names and addresses were asked for, and messages."""


async def send_for_ever(running: Running) -> None:
    while not await running.read_models.caught_up(5.0):
        pass
    async with asyncio.TaskGroup() as lanes:
        for channel in Channel:
            lanes.create_task(Lane(running, channel).run(), name=f"lane {channel}")


class _Ahead:
    """The page that is prepared while the one before it is handed over."""

    def __init__(self) -> None:
        self._preparing: asyncio.Task[_Page] | None = None

    def begin(self, page: Coroutine[Any, Any, _Page]) -> None:
        self._preparing = asyncio.create_task(page, name="next page")

    async def take(self) -> _Page | None:
        """None where none was begun. Raises what kept it from being prepared."""
        preparing, self._preparing = self._preparing, None
        return None if preparing is None else await preparing

    async def drop(self) -> None:
        preparing, self._preparing = self._preparing, None
        if preparing is not None:
            await end(preparing)


class Lane:
    """The notifications of one channel, through its providers."""

    def __init__(self, running: Running, channel: Channel) -> None:
        self._running, self._channel = running, channel
        self._resources: Resources = running.resources
        self._preparing = Preparing(running)
        self._now = asyncio.get_running_loop().time
        self._outlets = {
            provider.name: self._outlet(provider)
            for provider in self._resources.ways.providers.values()
            if provider.channel is channel
        }
        self._recording = Recording(running, self._now)
        self._settling = Settling(running, channel, self._outlets, self._recording, self._now)
        self._choosing = Choosing(running, channel, self._outlets)
        self._attempting = Attempting(running, self._recording, self._settling, self._choosing)
        self._ahead = _Ahead()
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._ended = asyncio.Event()

    def _outlet(self, provider: Provider[Any]) -> Outlet:
        limits, now, door = self._resources.limits_of(provider.name), self._now, Door(self._now)
        shares = Shares(self._resources.delivery.health, now)
        told = PROVIDER_OPEN.labels(self._running.service.programme, self._channel.value, provider.name)
        told.set_function(lambda: float(door.is_wide))
        return Outlet(provider, limits, shares, door, Pace(limits.per_second, now), now)

    async def run(self) -> None:
        """For ever. Cancelled, it begins nothing more and lets what is under way end."""
        await self._choosing.restore()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._persist(self._send_due, BEAT), name=f"{self._channel} sends")
                group.create_task(self._persist(self._settle_due, SETTLING_BEAT), name=f"{self._channel} settles")
                group.create_task(self._persist(self._choosing.shift, 1.0), name=f"{self._channel} shifts")
        finally:
            await self._ahead.drop()
            await self._finish()

    async def _persist(self, work: Any, beat: float) -> None:
        """Do a piece of work again and again, with a pause where there was nothing to do or somebody is away."""
        while True:
            try:
                pause = 0.0 if await work() else beat
            except Exception as error:
                if not (is_transient(error) or isinstance(error, NoAnswer | Refused | TimeoutError)):
                    raise
                _log.warning("waiting", channel=self._channel.value, error=type(error).__name__)
                pause = AWAY_PAUSE
            await asyncio.sleep(pause)

    async def _finish(self) -> None:
        if self._tasks:
            _, late = await asyncio.wait(self._tasks.values(), timeout=FINISH)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _settle_due(self) -> bool:
        return await self._settling.settle_due(self._hidden())

    async def _send_due(self) -> bool:
        """A page of what is due; few messages while all providers are in doubt. Whether there was any."""
        if not any(outlet.is_open(self._running.clock.now()) for outlet in self._outlets.values()):
            await self._ahead.drop()
            return False
        asked, prepared = await self._ahead.take() or await self._page()
        await self._choosing.look(prepared)
        left = deque(prepared)
        while left:
            if len(left) == AHEAD and len(prepared) == LARGEST_PAGE:
                self._ahead.begin(self._page([row.notification_id for row, _ in left]))
            if self._now() - asked > FRESH or not await self._hand_over(*left.popleft()):
                await self._ahead.drop()  # what is left of this page goes before it
                break
        return bool(prepared)

    async def _page(self, in_hand: Sequence[UUID] = ()) -> _Page:
        """What is due besides, made into messages, and since when names and addresses in it are known."""
        opened = [outlet for outlet in self._outlets.values() if outlet.is_open(self._running.clock.now())]
        limit = LARGEST_PAGE if any(outlet.door.is_wide for outlet in opened) else len(opened)
        rows = await self._due(limit, in_hand)
        asked = self._now()
        return asked, await self._preparing.prepare(rows)

    async def _due(self, limit: int, in_hand: Sequence[UUID] = ()) -> list[NotificationRow]:
        rows: list[NotificationRow] = []
        hidden = [*self._hidden(), *in_hand]
        where, which = self._choosing.federations()
        for urgent in (True, False):
            if len(rows) < limit:
                rows += await self._running.read_models.first(
                    Notifications,
                    "channel = $1 and urgent = $2 and due_at <= $3 and notification_id <> all ($4::uuid[])"
                    f"{where} order by due_at limit $5",
                    self._channel.value,
                    urgent,
                    self._running.clock.now(),
                    hidden,
                    limit - len(rows),
                    *which,
                )
        return rows

    def _hidden(self) -> list[UUID]:
        return [*self._tasks, *self._recording.left()]

    async def _hand_over(self, row: NotificationRow, message: Prepared) -> bool:
        """Begin to see to a message once a provider has room for it. False where none of the page's can be."""
        if not isinstance(message, Sms | Email):
            self._begin(row, message, None)
            return True
        while True:
            match self._choosing.choose(row, message):
                case Outlet() as outlet:
                    if (wait := outlet.wait()) == 0.0:
                        self._begin(row, message, outlet)
                        return True
                    await self._room(wait)
                case Later() as later:
                    self._begin(row, later, None)
                    return True
                case None:
                    self._recording.leave(row, seconds=1.0)
                    return self._any_open()

    def _any_open(self) -> bool:
        return any(outlet.is_open(self._running.clock.now()) for outlet in self._outlets.values())

    async def _room(self, seconds: float) -> None:
        """For so many seconds, or a little longer: what goes together is recorded together. Where that is not known or
        long, until something that is under way has ended."""
        if seconds < FRESH:
            return await asyncio.sleep(max(seconds, TOGETHER))
        self._ended.clear()
        try:
            async with asyncio.timeout(FRESH):
                await self._ended.wait()
        except TimeoutError:
            pass
        return None

    def _begin(self, row: NotificationRow, message: Prepared | Later, outlet: Outlet | None) -> None:
        own = row.notification_id
        if outlet is not None:
            assert isinstance(message, Sms | Email)
            self._choosing.spend(outlet, row, message)
            outlet.under_way += 1
            outlet.pace.go()
        task = asyncio.create_task(self._attempting.see_to(row, message, outlet), name=f"notification {own}")
        self._tasks[own] = task

        def over(_task: asyncio.Task[None]) -> None:
            del self._tasks[own]
            if outlet is not None:
                outlet.under_way -= 1
            self._ended.set()

        task.add_done_callback(over)
