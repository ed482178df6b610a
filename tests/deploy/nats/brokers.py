"""Brokers with the union's accounts, in both of their forms, and those who sign in to them."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

import nats
from nats.aio.client import Client as Connection
from nats.js import JetStreamContext
from typer.testing import CliRunner, Result

from deploy.local.account import Account as Owner
from deploy.local.account import own_file, own_folder
from deploy.local.cli import app
from deploy.local.nats import FAST, NatsServer
from deploy.local.ports import LOOPBACK, free_port
from deploy.nats import accounts as accounting
from deploy.nats import keys
from deploy.nats.accounts import DOMAIN, OPERATIONS, UNION, accounts
from deploy.nats.configuration import Password, accounts_block
from deploy.nats.credentials import SYSTEM, Credentials, make
from deploy.nats.parties import Parties
from deploy.nats.streams import provide
from deploy.nats.tokens import Signer, creds_file
from shared.eventsourcing.relay import ensure_stream
from shared.runtime.broker import SignIn

SERVICES: Final = ("loan", "registry", "aid")
PARTIES: Final = Parties.model_validate(
    {
        "bank": [
            {"code": "nxbank", "name": "南浔银行", "federations": ["330503"]},
            {"code": "other", "name": "另一家银行", "federations": ["330503"]},
        ],
        "hospital": [{"code": "dyrmyy", "name": "东阳市人民医院", "federations": ["330783"]}],
    }
)
NOW: Final = datetime.now(UTC)


EVERYTHING: Final = accounting.User("everything", (">",), (">",))


class User:
    """A connection as one of the users, and what the broker denied it."""

    def __init__(self, connection: Connection, denied: asyncio.Queue[str], domain: str | None) -> None:
        self.connection, self._denied = connection, denied
        self.js: JetStreamContext = connection.jetstream(domain=domain, timeout=2)

    async def settled(self) -> None:
        """What was subscribed to is known to the broker. nats-py's flush writes its PING ahead of what waits."""
        for _ in range(2):
            await self.connection.flush()

    async def denied(self) -> str:
        async with asyncio.timeout(5):
            return await self._denied.get()

    async def denial_of_publishing(self, subject: str, body: bytes = b"{}") -> str:
        await self.connection.publish(subject, body)
        return await self.denied()

    async def denial_of_hearing(self, subject: str) -> str:
        await self.connection.subscribe(subject)
        return await self.denied()


def inboxes(user: str) -> str:
    """Where a service hears what it is answered: it may hear nothing else there."""
    return f"_INBOX.{user}" if user in SERVICES else "_INBOX"


class Broker(Protocol):
    server: NatsServer

    def options(self, user: str) -> dict[str, Any]:
        """By which nats-py connects as the user."""


class WithPasswords:
    """As in the embedded stack."""

    def __init__(self, folder: Path) -> None:
        everyone = accounts(SERVICES, PARTIES)
        secrets = {user.name: Password(f"of-{user.name}") for account in everyone for user in account.users}
        self.server = NatsServer(folder / "nats", free_port(), accounts_block(everyone, secrets), sync_interval=FAST)

    def options(self, user: str) -> dict[str, Any]:
        return {"servers": self.server.url(user, f"of-{user}"), "inbox_prefix": inboxes(user)}


class WithTokens:
    """As in a county: signed tokens, TLS."""

    def __init__(self, folder: Path) -> None:
        self.made: Credentials = make(folder / "credentials", SERVICES, PARTIES, ["127.0.0.1", "localhost"], NOW)
        self.server = NatsServer(folder / "nats", free_port(), self.users(), sync_interval=FAST)
        own_folder(self.server.directory, self.server.account)
        for name in ("server.pem", "server.key"):
            own_file(self.server.directory / name, self.server.account, (self.made.server / name).read_text("ascii"))

    def users(self) -> str:
        tls = 'tls { cert_file: "server.pem", key_file: "server.key" }'
        return (self.made.server / "accounts.conf").read_text("ascii") + tls

    def options(self, user: str) -> dict[str, Any]:
        inside = user in (*SERVICES, "operator", OPERATIONS, SYSTEM)
        creds = self.made.of(user) if inside else self.made.outside(user) / "niangjia.creds"
        trusted = self.made.server if inside else self.made.outside(user)
        context = ssl.create_default_context(cafile=trusted / "ca.pem")
        address = f"tls://{LOOPBACK}:{self.server.port}"
        return {"servers": address, "user_credentials": creds, "tls": context, "inbox_prefix": inboxes(user)}


class AsMade(NatsServer):
    """A node on the files that `niangjia credentials` made, but for what is this machine's: `replaced` in its text."""

    def __init__(self, directory: Path, made: Path, file: str = "server.conf", **replaced: str) -> None:
        (name,) = re.findall(r"^server_name: (.*)$", (made / file).read_text("utf-8"), re.MULTILINE)
        super().__init__(directory, free_port(), name=name)
        self.made, self.file = made, file
        self.replaced = {
            "0.0.0.0:4222": f"{LOOPBACK}:{self.port}",
            "0.0.0.0": LOOPBACK,
            "/var/lib/nats": "jetstream",
            "sync_interval: always": f"sync_interval: {FAST}",
            **replaced,
        }

    @property
    def address(self) -> str:
        return f"tls://{LOOPBACK}:{self.port}"

    def prepare(self) -> None:
        own_folder(self.directory, self.account)
        for file in self.made.iterdir():
            text = file.read_text("utf-8")
            if file.name == self.file:
                for old, new in self.replaced.items():
                    text = text.replace(old, new)
            own_file(self.directory / ("server.conf" if file.name == self.file else file.name), self.account, text)

    def sign_in(self, user: str) -> SignIn:
        return SignIn(Credentials(self.made.parent).of(user), self.made / "ca.pem")

    def signed_in_as(self, user: str) -> dict[str, Any]:
        """How a service or the operator reaches it, by setting."""
        creds, ca = self.sign_in(user)
        return {"nats_url": self.address, "nats_creds_file": creds, "nats_ca_file": ca}


def typed(*arguments: str | Path, by: AsMade | None = None, env: Mapping[str, str] | None = None) -> Result:
    """`niangjia` with these arguments, as the operator of a broker where there is one."""
    signed_in = {key.upper(): str(value) for key, value in (by.signed_in_as("operator") if by else {}).items()}
    return CliRunner(env={**signed_in, **(env or {})}).invoke(app, [str(argument) for argument in arguments])


def done(*arguments: str | Path, by: AsMade | None = None) -> str:
    result = typed(*arguments, by=by)
    assert result.exit_code == 0, result.output
    return result.output


def let_in_with_every_right(broker: AsMade) -> None:
    """EVERYTHING, whom nothing holds back but the account that it is in."""
    made = Credentials(broker.made.parent)
    key = keys.kept(made.user_key(EVERYTHING.name), keys.USER)
    operator = keys.kept(made.keys / "operator.nk", keys.OPERATOR)
    signer = Signer(operator, {UNION: made.account_key(UNION)}, datetime.now(UTC))
    own_file(made.of(EVERYTHING.name), Owner(), creds_file(signer.of_user(EVERYTHING, UNION, key), key))


@contextmanager
def running(broker: Broker) -> Iterator[Broker]:
    with broker.server:
        yield broker


@asynccontextmanager
async def signed_in(broker: Broker, user: str) -> AsyncIterator[User]:
    denied: asyncio.Queue[str] = asyncio.Queue()

    async def note(error: Exception) -> None:
        denied.put_nowait(str(error).lower())

    inside = user in (*SERVICES, "operator")
    connection = await nats.connect(**broker.options(user), error_cb=note, allow_reconnect=False)
    try:
        yield User(connection, denied, None if inside else DOMAIN)
    finally:
        await connection.close()


async def make_streams(broker: Broker) -> None:
    """Of the services and of the banks."""
    for name in SERVICES:
        async with signed_in(broker, name) as user:
            await ensure_stream(user.js, name)
    async with signed_in(broker, "operator") as operator:
        await provide(operator.js, PARTIES)


__all__ = [
    "EVERYTHING",
    "PARTIES",
    "SERVICES",
    "UNION",
    "AsMade",
    "Broker",
    "User",
    "WithPasswords",
    "WithTokens",
    "done",
    "let_in_with_every_right",
    "make_streams",
    "running",
    "signed_in",
    "typed",
]
