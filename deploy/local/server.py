"""A server process of the embedded stack: started, watched until it is ready, stopped."""

import signal
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.local.account import Account
from deploy.local.leash import leashed
from deploy.local.ports import require_free

START_LIMIT = 30.0
STOP_LIMIT = 30.0
_TAIL = 3000


class ServerFailed(Exception):
    """A server did not start or did not stop; the message ends with the tail of its log."""


class Server(ABC):
    """One process on one port of 127.0.0.1, writing to one log file.

    With `die_with_parent` (Linux) the kernel ends the server when the thread that started it ends, however
    that comes about: start servers from a thread that lives as long as they should.
    """

    name: str
    ready_line: str  # what the log says once connections are taken
    stop_signal: signal.Signals
    orphan_signal: signal.Signals

    def __init__(self, port: int, log: Path, account: Account, *, die_with_parent: bool) -> None:
        self.port = port
        self.log = log
        self.account = account
        self.die_with_parent = die_with_parent
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def returncode(self) -> int | None:
        """How the last process ended; None while it runs or when there was none. Minus a signal's number."""
        return None if self._process is None else self._process.poll()

    @property
    def pid(self) -> int:
        if self._process is None:
            raise ServerFailed(f"{self.name} was not started")
        return self._process.pid

    def start(self) -> Self:
        """Start and wait until the server takes connections.

        Raises PortBusy when anybody listens on the port, ServerFailed when the server ends or is not ready
        within 30 s.
        """
        if self.running:
            raise ServerFailed(f"{self.name} is running already (pid {self.pid})")
        require_free(self.port)
        self.prepare()
        try:
            self._launch()
            self._wait_until_ready(time.monotonic() + START_LIMIT)
        except BaseException:
            self.kill()
            raise
        return self

    def _wait_until_ready(self, limit: float) -> None:
        # The log is this process's own: a connection would not tell who took it.
        while self.ready_line not in self.log_of_this_run():
            if self.running and time.monotonic() > limit:
                raise self._failed(f"was not ready within {START_LIMIT:.0f} s")
            if not self.running:
                if not self.worth_another_try() or time.monotonic() > limit:
                    raise self._failed(f"did not start (exit code {self.returncode})")
                time.sleep(0.05)
                self._launch()
            time.sleep(0.005)

    def stop(self) -> None:
        """End the server in good order; nothing to do when it has ended. Raises ServerFailed after 30 s."""
        if self._process is None or not self.running:
            return
        self._process.send_signal(self.stop_signal)
        try:
            self._process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise self._failed(f"did not stop within {STOP_LIMIT:.0f} s and was killed") from None

    def kill(self) -> None:
        """End the server at once, as a power failure would."""
        if self._process is not None and self.running:
            self._process.kill()
            self._process.wait()

    def restart(self) -> Self:
        self.stop()
        return self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @abstractmethod
    def prepare(self) -> None:
        """Make what the server needs on disk before it starts."""

    @abstractmethod
    def command(self) -> list[str]: ...

    @abstractmethod
    def folder(self) -> Path:
        """The working directory, entered before the account is taken on: its parents may be closed to it."""

    def worth_another_try(self) -> bool:
        """Whether the process ended for a cause that passes by itself."""
        return False

    def log_of_this_run(self) -> str:
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def _launch(self) -> None:
        self.log.touch(mode=0o600)
        self._log_start = self.log.stat().st_size
        with self.log.open("ab") as log:
            account = self.account
            self._process = subprocess.Popen(
                leashed(
                    self.command(),
                    self.orphan_signal if self.die_with_parent else None,
                    account.uid,
                    account.gid,
                    account.groups,
                ),
                cwd=self.folder(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C in the terminal is the supervisor's to handle
            )

    def _failed(self, what: str) -> ServerFailed:
        tail = self.log_of_this_run()[-_TAIL:].strip() or "(empty)"
        return ServerFailed(f"{self.name} on port {self.port} {what}; its log {self.log} ends:\n{tail}")
