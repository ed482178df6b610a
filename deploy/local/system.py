"""The whole system of one checkout: servers, sinks for its messages, and every service as its own process."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

import asyncpg
import nats

from deploy.local.child import Child, EmbeddedServer, Program
from deploy.local.home import Home, Place, Run
from deploy.local.nats import DURABLE as NATS_DURABLE
from deploy.local.nats import FAST as NATS_FAST
from deploy.local.nats import NatsServer
from deploy.local.outsiders import accounts_of, provide_streams
from deploy.local.ports import LOOPBACK
from deploy.local.postgres import FAST as POSTGRES_FAST
from deploy.local.postgres import PostgresServer
from deploy.local.rights import grant
from deploy.local.supervisor import Supervisor
from deploy.nats.accounts import OPERATOR
from deploy.nats.parties import Parties
from shared.runtime.client import Client
from shared.runtime.settings import ClockKind

__all__ = ["PROGRAMMES", "LocalSystem", "Programme"]

DATABASE: Final = "niangjia"
MAIL: Final = "mail"
SMS: Final = "sms"
FROM_ADDRESS: Final = "niangjia@localhost.localdomain"
READY_LIMIT: Final = 60.0


@dataclass(frozen=True, slots=True)
class Programme:
    """A service: its name is that of its schema and its subjects."""

    name: str
    command: tuple[str, ...]

    @classmethod
    def of(cls, name: str) -> Self:
        return cls(name, (sys.executable, "-m", f"services.{name}.service"))


AT_EVERY_HOUR: Final = Path(__file__).with_name("at_every_hour.toml")
"""How messages are delivered where the clock can be set."""
PROGRAMMES: Final = tuple(Programme.of(name) for name in ("registry", "loan", "lending", "aid", "notify"))


class LocalSystem:
    """`async with LocalSystem(Home(path)) as system: …`: started, ready, and stopped at the end; the data stay.

    `DATABASE_URL` and `NATS_URL` in `environment` name servers to use in place of embedded ones. `say` is told of
    each change in a line. Without `durable` a power failure loses the last of the data: for tests.
    """

    def __init__(
        self,
        home: Home,
        *,
        programmes: Sequence[Programme] = PROGRAMMES,
        clock: ClockKind = ClockKind.SYSTEM,
        say: Callable[[str], None] = lambda line: None,
        durable: bool = True,
        environment: Mapping[str, str] = os.environ,
        ready_limit: float = READY_LIMIT,
    ) -> None:
        self.home, self.programmes, self.clock, self.durable = home, programmes, clock, durable
        self._ready_limit = ready_limit
        self.supervisor = Supervisor(say, self._record)
        self._environment = dict(environment)
        self._held = ExitStack()
        self._run: Run | None = None
        self._ports: dict[str, int] = {}
        self._parties = Parties.read()

    async def __aenter__(self) -> Self:
        try:
            await self.start()
            await self.ready()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def run(self) -> Run:
        """What runs where. Raises RuntimeError before the start."""
        if self._run is None:
            raise RuntimeError("the system was not started")
        return self._run

    async def start(self) -> None:
        """Start everything, without waiting until it is ready. Raises AlreadyUp, ServerFailed, PortBusy."""
        self._held.enter_context(self.home.make().taken())
        self._ports = self.home.ports(["postgres", "nats", MAIL, SMS, *(one.name for one in self.programmes)])
        postgres, broker = self._servers()
        servers = [("postgres", postgres), ("nats", broker)]
        await asyncio.gather(  # side by side, but each stops after those that follow it
            *(
                self.supervisor.start(EmbeddedServer(name, server, self.home.log(name)))
                for name, server in servers
                if server is not None
            ),
            self.supervisor.start(*self._sinks()),
        )
        self._run = await self._addresses(postgres, broker)
        await self.supervisor.start(*(self._service(programme) for programme in self.programmes))

    async def ready(self) -> None:
        """Until every part is ready. Raises NotReady after `ready_limit` seconds."""
        await self.supervisor.ready(self._ready_limit)

    async def stop(self) -> None:
        """End everything in good order: services finish and leave first, the database goes last."""
        await self.supervisor.stop()
        self._held.close()

    def kill(self) -> None:
        """End everything at once; a `stop` under way then has nothing to wait for."""
        self.supervisor.kill()

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """For commands and queries."""
        connection = await nats.connect(self.run.nats_url, name="operator")
        try:
            yield Client(connection)
        finally:
            await connection.close()

    def _servers(self) -> tuple[PostgresServer | None, NatsServer | None]:
        postgres, broker = None, None
        if "DATABASE_URL" not in self._environment:
            settings = {} if self.durable else POSTGRES_FAST
            postgres = PostgresServer(self.home.path / "postgres", self._ports["postgres"], settings)
        if "NATS_URL" not in self._environment:
            sync = NATS_DURABLE if self.durable else NATS_FAST
            passwords, services = self._passwords("nats", OPERATOR), [one.name for one in self.programmes]
            users = accounts_of(self.home, passwords, services, self._parties)
            broker = NatsServer(self.home.path / "nats", self._ports["nats"], users, sync_interval=sync)
        return postgres, broker

    async def _addresses(self, postgres: PostgresServer | None, broker: NatsServer | None) -> Run:
        """How the servers are reached, by an operator and by each service."""
        run = Run(
            pid=os.getpid(),
            since=datetime.now(UTC),
            clock=self.clock.value,
            database_url=self._environment.get("DATABASE_URL", ""),
            nats_url=self._environment.get("NATS_URL", ""),
        )
        if postgres is not None:
            run.database_url = await _database(postgres)
            passwords = self._passwords("postgres")
            await grant(run.database_url, DATABASE, passwords)
            run.database_urls = {name: postgres.url(DATABASE, name, word) for name, word in passwords.items()}
        if broker is not None:
            passwords = self._passwords("nats", OPERATOR)
            run.nats_url = broker.url(OPERATOR, passwords[OPERATOR])
            run.nats_urls = {name: broker.url(name, word) for name, word in passwords.items()}
            await provide_streams(run.nats_url, self._parties)
        return run

    def _passwords(self, server: str, *more: str) -> dict[str, str]:
        return self.home.secrets(server, [*more, *(programme.name for programme in self.programmes)])

    def _sinks(self) -> list[Child]:
        """Where messages go as long as no real mail server or SMS gateway is named."""
        mail, sms = self.home.path / MAIL, self.home.path / SMS
        sinks: list[Child] = []
        if "SMTP_HOST" not in self._environment:
            port = self._ports[MAIL]
            command = [sys.executable, "-m", "deploy.local.mailbox", "--port", str(port), "--dir", str(mail)]
            sinks.append(Program(MAIL, command, self._environment, self.home.log(MAIL), _tcp(port)))
        if "SMS_URL" not in self._environment:
            port = self._ports[SMS]
            command = [sys.executable, "-m", "deploy.local.sms_sink", "--port", str(port)]
            command += ["--dir", str(sms), "--mail", str(mail)]
            sinks.append(Program(SMS, command, self._environment, self.home.log(SMS), _http(port, "messages")))
        return sinks

    def _senders(self) -> dict[str, str]:
        """Settings of whoever sends messages."""
        settings: dict[str, str] = {}
        if "SMTP_HOST" not in self._environment:
            settings |= {"SMTP_HOST": LOOPBACK, "SMTP_PORT": str(self._ports[MAIL]), "SMTP_SECURITY": "none"}
            settings |= {"SMTP_FROM_ADDRESS": FROM_ADDRESS}
        if "SMS_URL" not in self._environment:
            settings |= {"SMS_URL": f"http://{LOOPBACK}:{self._ports[SMS]}"}
        if self.clock is ClockKind.SETTABLE and "NOTIFY_DELIVERY" not in self._environment:
            settings |= {"NOTIFY_DELIVERY": str(AT_EVERY_HOUR)}
        return settings

    def _service(self, programme: Programme) -> Child:
        port = self._ports[programme.name]
        environment = {
            **self._environment,
            **self._senders(),
            "DATABASE_URL": self.run.database_url_of(programme.name),
            "NATS_URL": self.run.nats_url_of(programme.name),
            "MASTER_KEY_FILE": str(self.home.key_file),
            "HTTP_PORT": str(port),
            "CLOCK": self.clock.value,
        }
        health = _http(port, "health/ready")
        return Program(programme.name, programme.command, environment, self.home.log(programme.name), health)

    def _record(self) -> None:
        if self._run is None:
            return
        self._run.places = [self._place(child) for child in self.supervisor.children]
        self.home.record(self._run)

    def _place(self, child: Child) -> Place:
        where, note = _for_people(child)
        restarts = self.supervisor.restarts[child.name]
        return Place(name=child.name, pid=child.pid, restarts=restarts, health=child.health, where=where, note=note)


async def _database(postgres: PostgresServer) -> str:
    """The URL of the system's database, made where it is missing."""
    admin = await asyncpg.connect(postgres.url())
    try:
        if not await admin.fetchval("select true from pg_database where datname = $1", DATABASE):
            await admin.execute(f"create database {DATABASE} template template0 strategy file_copy")
    finally:
        await admin.close()
    return postgres.url(DATABASE)


def _tcp(port: int) -> str:
    return f"tcp://{LOOPBACK}:{port}"


def _http(port: int, path: str = "") -> str:
    return f"http://{LOOPBACK}:{port}/{path}"


def _for_people(child: Child) -> tuple[str, str]:
    """What to open or to give to a client, and what is there."""
    address = urlsplit(child.health).netloc
    match child.name:
        case "postgres":
            return address, f"database {DATABASE}"
        case "nats":
            return address, "outsiders sign in by keys under outside/"
        case "mail":
            return address, "takes mail, SMTP"
        case "sms":
            return f"http://{address}/", "texts and mails, to read"
    return f"http://{address}/metrics", ""
