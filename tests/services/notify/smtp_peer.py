"""An SMTP server with faults to order, on a port of this machine."""

import asyncio
import ssl
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from enum import Enum, auto
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from deploy.local.ports import LOOPBACK


class Fault(Enum):
    DROP = auto()  # the connection is cut before anything is done
    TAKE_AND_DROP = auto()  # the message is taken, the connection cut before the reply
    TAKE_AND_KEEP_SILENT = auto()  # the message is taken, the reply never comes


class SmtpPeer:
    """`replies` are given once each, in order, to the next MAIL, RCPT or DATA; after them all is well."""

    def __init__(self, *, once: bool = False, dsn: bool = False) -> None:
        self.port = 0
        self.once = once
        self.dsn = dsn
        self.asked: list[str] = []
        self.replies: dict[str, deque[str | Fault]] = defaultdict(deque)
        self.taken: list[bytes] = []
        self.senders: list[str] = []
        self.recipients: list[str] = []
        self.logins = 0
        self.connections = 0
        self._open: set[SMTP] = set()

    def order(self, verb: str, *replies: str | Fault) -> None:
        self.replies[verb].extend(replies)

    def hang_up(self) -> None:
        """Close every connection, as a server does that has waited long enough."""
        for server in self._open:
            if server.transport is not None:
                server.transport.close()
        self._open.clear()

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.connections += server not in self._open
        self._open.add(server)
        more = [*(["250-X-ONCE"] if self.once else []), *(["250-DSN"] if self.dsn else [])]
        return [*responses[:-1], *more, responses[-1]]

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if reply := self._next("MAIL", server):
            return reply
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if reply := self._next("RCPT", server):
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        ordered = self.replies["DATA"].popleft() if self.replies["DATA"] else None
        if isinstance(ordered, str):
            return ordered
        if ordered is Fault.DROP:
            self._cut(server)
        assert isinstance(envelope.content, bytes)
        self.taken.append(envelope.content)
        self.senders.append(envelope.mail_from or "")
        self.recipients.extend(envelope.rcpt_tos)
        if ordered is Fault.TAKE_AND_DROP:
            self._cut(server)
        if ordered is Fault.TAKE_AND_KEEP_SILENT:
            await asyncio.Event().wait()
        return "250 2.0.0 taken"

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, method: str, data: Any) -> AuthResult:
        self.logins += 1
        good = isinstance(data, LoginPassword) and data.password == b"right"
        return AuthResult(success=good, handled=False)

    def _next(self, verb: str, server: SMTP) -> str | None:
        ordered = self.replies[verb].popleft() if self.replies[verb] else None
        if isinstance(ordered, Fault):
            self._cut(server)
        return ordered if isinstance(ordered, str) else None

    def _cut(self, server: SMTP) -> None:
        assert server.transport is not None
        server.transport.abort()  # type: ignore[attr-defined]
        raise asyncio.CancelledError


class _Server(SMTP):
    """Which takes the parameters of RFC 3461, where they are offered."""

    def _getparams(self, params: Sequence[str]) -> dict[str, str | bool] | None:
        peer: SmtpPeer = self.event_handler
        ours = [each for each in params if peer.dsn and each.partition("=")[0] in {"ENVID", "RET", "NOTIFY"}]
        peer.asked += ours
        given: dict[str, str | bool] | None = super()._getparams([each for each in params if each not in ours])
        return given


@asynccontextmanager
async def smtp_peer(
    *, once: bool = False, tls: ssl.SSLContext | None = None, implicit: bool = False, dsn: bool = False
) -> AsyncIterator[SmtpPeer]:
    """With `tls` it wants the password `right`, and offers STARTTLS unless `implicit`: then all is TLS. With `dsn` it
    offers receipts (RFC 3461), and keeps what is asked of them in `asked`."""
    peer = SmtpPeer(once=once, dsn=dsn)
    loop = asyncio.get_running_loop()

    def connection() -> Any:
        return _Server(
            peer,
            hostname="peer.test",
            enable_SMTPUTF8=True,
            tls_context=None if implicit else tls,
            require_starttls=tls is not None and not implicit,
            auth_required=tls is not None,
            auth_require_tls=not implicit,
            authenticator=peer.authenticate,
            loop=loop,
        )

    server = await loop.create_server(connection, LOOPBACK, 0, ssl=tls if implicit else None)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        peer.hang_up()
        server.close()
