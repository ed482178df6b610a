"""Where the embedded stack's messages go: the local mailbox and the local SMS sink, as servers to start and stop."""

import signal
import sys
from pathlib import Path

from deploy.local.account import Account
from deploy.local.ports import LOOPBACK
from deploy.local.server import Server

__all__ = ["MailboxServer", "SmsSinkServer"]


class _Sink(Server):
    stop_signal = signal.SIGTERM
    orphan_signal = signal.SIGTERM

    def __init__(self, directory: Path, port: int, *, die_with_parent: bool = True) -> None:
        self.directory = directory.resolve()
        log = self.directory.with_name(f"{self.directory.name}.log")
        super().__init__(port, log, Account(), die_with_parent=die_with_parent)

    def prepare(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def folder(self) -> Path:
        return self.directory


class MailboxServer(_Sink):
    """The SMTP server `deploy.local.mailbox` over the folder `directory`; its log lies in `<directory>.log`."""

    name = "mailbox"
    ready_line = "mailbox is open"

    def command(self) -> list[str]:
        return [sys.executable, "-m", "deploy.local.mailbox", "--port", str(self.port), "--dir", str(self.directory)]


class SmsSinkServer(_Sink):
    """The gateway `deploy.local.sms_sink` over the folder `directory`, which shows the mail of the folder `mail` too;
    its log lies in `<directory>.log`."""

    name = "sms-sink"
    ready_line = "Uvicorn running on"

    def __init__(self, directory: Path, port: int, mail: Path | None = None, *, die_with_parent: bool = True) -> None:
        super().__init__(directory, port, die_with_parent=die_with_parent)
        self.mail = mail.resolve() if mail else None

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/"

    def command(self) -> list[str]:
        arguments = ["--port", str(self.port), "--dir", str(self.directory)]
        mail = ["--mail", str(self.mail)] if self.mail else []
        return [sys.executable, "-m", "deploy.local.sms_sink", *arguments, *mail]
