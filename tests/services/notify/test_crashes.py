"""Notify as a process of its own, killed at any instant in mid-burst, and so the sinks: each message arrives once."""

import os
import random
import sys
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import asyncpg
from nats.js import JetStreamContext

from deploy.local.child import EmbeddedServer, Program
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.supervisor import Supervisor
from tests.services.notify.post_office import ENDED, MEMBER_NAME, County, Sinks, repaid
from tests.waiting import until

EVENTS: Final = 97
PEOPLE: Final = 6
MESSAGES: Final = PEOPLE + 2 * EVENTS
NOTIFY: Final = """
from services.notify.service import service
from shared.runtime import reactions
reactions.ACK_WAIT = 1.0
service.main()
"""
"""An event that a killed process had in hand is handed over again after a second, which else takes thirty."""
AMOUNTS: Final = range(1_742_113, 1_742_113 + EVENTS)
"""Fen, one for each event."""


@dataclass
class Street:
    """Notify and the sinks, each a process that is started again when it ends."""

    here: County
    sinks: Sinks
    folder: Path
    supervisor: Supervisor
    kills: Counter[str] = field(default_factory=Counter)

    @property
    def logs(self) -> str:
        return "".join(path.read_text(errors="replace") for path in self.folder.glob("*.log"))

    async def query(self, sql: str) -> list[Any]:
        return list(await self.here.loan.store.pool.fetch(sql))

    async def standing(self) -> Counter[str]:
        """Notifications by their status."""
        try:
            rows = await self.query("select status, count(*) from notify.notifications group by 1")
        except asyncpg.UndefinedTableError:
            rows = []
        return Counter({row[0]: row[1] for row in rows})

    async def tables(self) -> str:
        """All that notify's schema holds."""
        names = await self.query("select table_name from information_schema.tables where table_schema = 'notify'")
        tables = [await self.query(f"select t::text from notify.{name} t") for (name,) in names]
        return "\n".join(row[0] for table in tables for row in table)

    async def stream(self) -> str:
        """All that notify published, with its headers."""
        js = self.here.registry.connection.jetstream()
        await until(partial(self._published, js))
        info = await js.stream_info("NOTIFY")
        messages = [await js.get_msg("NOTIFY", seq=seq) for seq in range(1, info.state.messages + 1)]
        return "\n".join(f"{message.headers}{(message.data or b'').decode()}" for message in messages)

    async def _published(self, js: JetStreamContext) -> bool:
        ((head,),) = await self.query("select max(position) from notify.events")
        return bool((await js.stream_info("NOTIFY")).state.last_seq == head)

    async def has_sent(self, number: int) -> bool:
        sent: int = (await self.standing())["sent"]
        return sent >= number

    def kill(self, name: str) -> None:
        next(child for child in self.supervisor.children if child.name == name).kill()
        self.kills[name] += 1

    def is_back(self, name: str) -> bool:
        """Whether it was started again after each kill; a sink takes connections by then."""
        return self.supervisor.restarts[name] >= self.kills[name]

    async def is_done(self) -> bool:
        standing = await self.standing()
        return standing.total() == MESSAGES and set(standing) <= set(ENDED)


@asynccontextmanager
async def street(here: County, folder: Path) -> AsyncIterator[Street]:
    sinks, settings, port = Sinks.at(folder), here.settings, free_port()
    environment = {
        **os.environ,
        **sinks.environment,
        "DATABASE_URL": settings.dsn,
        "NATS_URL": settings.nats_url.get_secret_value(),
        "MASTER_KEY": b64encode(settings.wrapping_key).decode(),
        "HTTP_PORT": str(port),
    }
    command, health = (sys.executable, "-c", NOTIFY), f"http://{LOOPBACK}:{port}/health/ready"
    supervisor = Supervisor(lambda _line: None)
    try:
        await supervisor.start(
            EmbeddedServer("mail", sinks.mailbox, folder / "mail.log"),
            EmbeddedServer("sms", sinks.sms, folder / "sms.log"),
            Program("notify", command, environment, folder / "notify.log", health),
        )
        yield Street(here, sinks, folder, supervisor)
    finally:
        await supervisor.stop()


async def test_whoever_is_killed_in_mid_burst_each_message_arrives_once_and_no_trace_of_anybody_is_left(
    here: County, tmp_path: Path
) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    victims = ["notify", "sms", "notify", "mail", "notify"]
    chance.shuffle(victims)
    print(f"seed {seed}: {victims}")
    people = [await here.person() for _ in range(PEOPLE)]
    async with street(here, tmp_path) as work:
        await here.happens(*(repaid(people[n % PEOPLE].member_id, amount) for n, amount in enumerate(AMOUNTS)))
        for number, victim in zip(sorted(chance.sample(range(1, MESSAGES - 20), 5)), victims, strict=True):
            await until(partial(work.has_sent, number), seconds=30)
            await until(partial(work.is_back, victim))
            work.kill(victim)
        await until(work.is_done, seconds=60)
        await until(lambda: all(map(work.is_back, victims)))

        assert await work.standing() == {"sent": MESSAGES}
        ids = {row[0]: row[1] for row in await work.query("select notification_id, channel from notify.notifications")}
        texts, mails = await work.sinks.texts(), work.sinks.mails()
        assert Counter(text["out_id"] for text in texts) == Counter(str(own) for own, by in ids.items() if by == "sms")
        assert Counter(mail.message_id.strip("<>").partition("@")[0] for mail in mails) == Counter(
            str(own) for own, by in ids.items() if by == "email"
        )
        again = sum(text["repeats"] for text in texts), work.sinks.mails_repeated()
        attempts = sum(row[0] for row in await work.query("select attempts from notify.notifications"))
        print(f"{MESSAGES} messages in {attempts} attempts; came again: {again[0]} texts, {again[1]} mails")

        personal = {MEMBER_NAME, *(text["to"] for text in texts), *(mail.to for mail in mails)}
        personal |= {form for fen in AMOUNTS for form in (f"{fen / 100:.2f}", f"{fen / 100:,.2f}")}
        assert any(trace in text["text"] for text in texts for trace in personal)
        for place, content in {"log": work.logs, "tables": await work.tables(), "stream": await work.stream()}.items():
            assert content, place
            assert not {trace for trace in personal if trace in content}, place
