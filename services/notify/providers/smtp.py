"""Email by SMTP, on a few connections that are kept.

SMTP has no question "did you take it?". When the connection is lost or time runs out after the message's last line
was written, or the process is killed, the server may have it. `settle` then sends again only to a server that says
in its greeting that it takes a repeated `Message-ID` once (`X-ONCE`, as the local mailbox does). Towards any other
server a message is sent at most once, and such an attempt stays unconfirmed.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from pydantic_settings import BaseSettings, SettingsConfigDict
from starlette.responses import Response

from services.notify.channels import (
    Call,
    Email,
    Hear,
    OutcomeUnknown,
    Permanent,
    SendingRefused,
    Sent,
    Technical,
    Unknowable,
)
from services.notify.mail import BadAddress, compose
from services.notify.providers.bounces import receipts_in
from services.notify.providers.smtp_account import Security, SmtpAccount
from services.notify.providers.smtp_session import SmtpSession
from shared.schemas.notify import Channel

__all__ = ["Security", "SmtpAccount", "SmtpProvider", "SmtpSettings"]


class SmtpSettings(SmtpAccount, BaseSettings):
    """`SMTP_HOST`, `SMTP_PORT` and the rest."""

    model_config = SettingsConfigDict(env_prefix="SMTP_", extra="ignore", hide_input_in_errors=True)


class SmtpProvider:
    channel = Channel.EMAIL

    def __init__(self, settings: SmtpAccount, name: str = "smtp") -> None:
        self.name, self.at_once = name, settings.connections
        self.callback_key = settings.callback_key.get_secret_value() if settings.callback_key else None
        self._settings = settings
        self._free: asyncio.LifoQueue[SmtpSession] = asyncio.LifoQueue()
        """The one used last comes first: it is open."""
        for _ in range(settings.connections):
            self._free.put_nowait(SmtpSession(settings))

    async def send(self, message: Email) -> Sent:
        content = self._compose(message)
        async with self._session() as session:
            return await session.deliver(message, content)

    async def settle(self, message: Email, _begun: datetime) -> Sent:
        try:
            content = self._compose(message)
        except Permanent as strange:  # it was another when the attempt was begun
            raise OutcomeUnknown(strange.reason) from strange
        async with self._session() as session:
            try:
                await session.connect()
            except Technical as unreachable:
                raise OutcomeUnknown(unreachable.reason) from unreachable
            if not session.takes_a_repeat_once:
                raise Unknowable("smtp cannot be asked")
            try:
                return await session.deliver(message, content)
            except SendingRefused as refused:  # which says nothing of the attempt before this one
                raise OutcomeUnknown(refused.reason) from refused

    async def called(self, call: Call, hear: Hear) -> Response:
        """A mail that came to `return_path`, as it is (RFC 3464); its server need not understand the answer."""
        receipts = receipts_in(call.body, self.name, self._settings.domain)
        if receipts:
            await hear(receipts)
        return Response()

    async def close(self) -> None:
        """Once what is under way has ended."""
        for session in [await self._free.get() for _ in range(self.at_once)]:
            await session.close()
            self._free.put_nowait(session)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[SmtpSession]:
        session = await self._free.get()
        try:
            yield session
        finally:
            self._free.put_nowait(session)

    def _compose(self, message: Email) -> bytes:
        try:
            return compose(message, self._settings.from_address)
        except BadAddress as bad:
            raise Permanent("not an address") from bad
