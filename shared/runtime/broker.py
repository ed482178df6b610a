"""Connections to the broker: restored whenever they are lost. Should one end for good, so must the process."""

import asyncio
import ssl
from pathlib import Path
from typing import Any, Final, NamedTuple

import nats.errors
from nats.aio.client import Client as Connection

from shared.runtime.logs import log

__all__ = ["SignIn", "connect"]

CONNECT_PAUSE: Final = 0.2
"""Seconds between attempts to reach the broker."""

_log = log(__name__)


class SignIn(NamedTuple):
    """With what to sign in where no password stands in the URL, and whom to believe to be the broker."""

    creds: Path | None = None
    """A `.creds` file, as `niangjia credentials` makes it."""
    ca: Path | None = None
    """Certificates of the authority that the broker's is signed by; the system's own without it."""

    def options(self) -> dict[str, Any]:
        """For `nats.connect`."""
        options: dict[str, Any] = {}
        if self.creds is not None:
            options["user_credentials"] = self.creds
        if self.ca is not None:
            options["tls"] = self._trusting()
        return options

    def _trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca)


class _Reading(Connection):
    """nats-py reads nothing any more, for good, once a message has a head that it can't decode, and whoever may call a
    service can send it one. Such a message is passed over."""

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        try:
            await super()._process_msg(sid, subject, reply, data, headers)
        except Exception as error:
            _log.warning("message passed over", error=type(error).__name__)


WITH_THE_URL: Final = SignIn()


async def connect(
    urls: str, name: str, ended: asyncio.Event, sign_in: SignIn = WITH_THE_URL, owner: str = ""
) -> Connection:
    """A connection that is restored whenever it is lost; should it end for good, so must the process.

    `urls` are those of a cluster's nodes, parted by commas: one that is up is found. Answers come to inboxes of the
    `owner`, which nobody else may hear where the broker knows its users.
    """

    async def closed() -> None:
        ended.set()

    while True:
        connection = _Reading()
        try:
            await connection.connect(
                urls.split(","),
                name=name,
                inbox_prefix=f"_INBOX.{owner}" if owner else "_INBOX",
                max_reconnect_attempts=-1,
                reconnect_time_wait=CONNECT_PAUSE,  # type: ignore[arg-type]  # takes parts of a second too
                error_cb=_on_error,
                closed_cb=closed,
                **sign_in.options(),
            )
            return connection
        except (OSError, nats.errors.Error, TimeoutError) as error:
            _log.warning("broker is away", error=type(error).__name__)
            await asyncio.sleep(CONNECT_PAUSE)


async def _on_error(error: Exception) -> None:
    _log.warning("broker", error=type(error).__name__, detail=str(error)[:200])
