"""Where one checkout's system keeps its things: data, logs, secrets, and the record of what runs where."""

import fcntl
import os
import random
import secrets
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, TypeAdapter

from deploy.local.account import Account, own_file, own_folder
from deploy.local.ports import PortBusy, require_free
from deploy.local.secret import kept_secret

__all__ = ["AlreadyUp", "Home", "Place", "Run", "default_home"]

NAME: Final = ".niangjia"
KEY_BYTES: Final = 32
FIRST_PORT: Final = 10_000
"""Ports are taken between this and the range that the system gives to outgoing connections: a client that keeps
calling a server while it is away could else be given the server's own port, and keep it."""


class AlreadyUp(Exception):
    """Another process runs the system of this home."""

    def __init__(self, home: Path, pid: int | None) -> None:
        super().__init__(f"the system in {home} is up already" + (f" (pid {pid})" if pid else ""))
        self.pid = pid


class Place(BaseModel):
    """One part of the running system."""

    name: str
    pid: int | None = None
    """None while it is not running."""
    restarts: int = 0
    health: str = ""
    """Where its health can be asked for, `tcp://…` or `http://…`."""
    where: str = ""
    """An address for people, without a password."""
    note: str = ""


class Run(BaseModel):
    """What runs where. Holds passwords."""

    pid: int
    since: datetime
    clock: str
    database_url: str
    """With the rights of an operator."""
    nats_url: str
    """With the rights of an operator."""
    database_urls: dict[str, str] = {}
    nats_urls: dict[str, str] = {}
    """By service, with the rights of each."""
    places: list[Place] = []

    def database_url_of(self, service: str) -> str:
        return self.database_urls.get(service, self.database_url)

    def nats_url_of(self, service: str) -> str:
        return self.nats_urls.get(service, self.nats_url)

    def place(self, name: str) -> Place | None:
        return next((place for place in self.places if place.name == name), None)


class Home:
    """The folder, open to its owner alone. One system at a time uses it (`taken`)."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.logs = self.path / "logs"
        self.run_file = self.path / "run.json"
        self.key_file = self.path / "master.key"
        self._secrets = self.path / "secrets"
        self._lock_file = self.path / "lock"
        self._ports_file = self.path / "ports.json"

    def make(self) -> Self:
        own_folder(self.path, Account())
        own_folder(self.logs, Account())
        own_folder(self._secrets, Account())
        if not self.key_file.exists():
            own_file(self.key_file, Account(), b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n")
        return self

    def secrets(self, kind: str, names: Iterable[str]) -> dict[str, str]:
        """A password for each name, made once."""
        return {name: kept_secret(self._secrets / f"{kind}-{name}") for name in names}

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Keep every other system out for as long as the context lasts. Raises AlreadyUp.

        The lock ends with the process, however it ends.
        """
        with self._lock_file.open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                run = self._recorded()
                raise AlreadyUp(self.path, run.pid if run else None) from None
            self.run_file.unlink(missing_ok=True)
            try:
                yield
            finally:
                self.run_file.unlink(missing_ok=True)

    def record(self, run: Run) -> None:
        own_file(self.run_file, Account(), run.model_dump_json(indent=2) + "\n")

    def run(self) -> Run | None:
        """What runs now; None when nothing does."""
        try:
            with self._lock_file.open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return None
        except BlockingIOError:
            return self._recorded()
        return None

    def _recorded(self) -> Run | None:
        try:
            return Run.model_validate_json(self.run_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def ports(self, names: list[str]) -> dict[str, int]:
        """A port for each part: the one it had the last time where that is free."""
        kept: dict[str, int] = {}
        if self._ports_file.exists():
            kept = TypeAdapter(dict[str, int]).validate_json(self._ports_file.read_bytes())
        ports: dict[str, int] = {}
        for name in names:
            port = kept.get(name)
            while port is None or port in ports.values() or not _is_free(port):
                port = random.randrange(FIRST_PORT, _first_outgoing_port())  # noqa: S311 - not a secret
            ports[name] = port
        own_file(self._ports_file, Account(), TypeAdapter(dict[str, int]).dump_json({**kept, **ports}).decode())
        return ports


def default_home() -> Home:
    """`NIANGJIA_HOME`, else `.niangjia` in the checkout, else `.niangjia` in the present folder."""
    if given := os.environ.get("NIANGJIA_HOME"):
        return Home(Path(given))
    checkout = Path(__file__).resolve().parents[2]
    return Home((checkout if (checkout / "pyproject.toml").exists() else Path.cwd()) / NAME)


def _is_free(port: int) -> bool:
    try:
        require_free(port)
    except PortBusy:
        return False
    return True


def _first_outgoing_port() -> int:
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError):
        first = 32_768
    return first if first > FIRST_PORT + 1_000 else 65_536
