"""Email by SMTP: one connection, kept and renewed.

SMTP has no question "did you take it?". When the connection is lost or time runs out after the message's last line
was written, or the process is killed, the server may have it. `settle` then sends again only to a server that says
in its greeting that it takes a repeated `Message-ID` once (`X-ONCE`, as the local mailbox does). Towards any other
server a message is sent at most once, and such an attempt stays unconfirmed.
"""

import asyncio
import re
import ssl
from contextlib import suppress
from datetime import datetime
from email.headerregistry import Address
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from uuid import UUID

import aiosmtplib
from aiosmtplib import SMTP
from pydantic import BaseModel, ConfigDict, Field, model_validator
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
    Temporary,
    Unknowable,
)
from services.notify.mail import BadAddress, address_on_the_wire, compose, message_id
from services.notify.providers.bounces import receipts_in
from services.notify.providers.secret import Secret
from shared.schemas.notify import Channel

__all__ = ["Security", "SmtpAccount", "SmtpProvider", "SmtpSettings"]

ONCE: Final = "x-once"
CLOSING: Final = 421
NOT_LET_IN: Final = frozenset({530, 535})
"""Replies about our own account, whichever command they answer."""
ENHANCED = re.compile(r"\d\.\d{1,3}\.\d{1,3}(?=\s|$)")


class Security(StrEnum):
    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


class SmtpAccount(BaseModel):
    """A mail server, and who we are there."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    kind: Literal["smtp"] = "smtp"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Security = Security.STARTTLS
    ca_file: Path | None = None
    """Certificates to trust in place of the system's."""
    username: str | None = None
    password: Secret | None = None
    from_address: str
    return_path: str | None = None
    """Where bounces go, `from_address` unless set. `{id}` in it becomes the notification's id: `bounces+{id}@…`."""
    callback_key: Secret | None = None
    """With it the mail server brings what comes to `return_path` to our door, and is asked for receipts."""
    local_hostname: str = "localhost"
    """The name we greet the server with."""
    timeout: Annotated[float, Field(gt=0)] = 30.0
    """Seconds for each reply."""

    @model_validator(mode="after")
    def _passwords_travel_sealed(self) -> Self:
        if self.username is not None and self.security is Security.NONE:
            raise ValueError("a username needs security tls or starttls: a password does not travel in clear")
        return self

    @property
    def domain(self) -> str:
        return Address(addr_spec=self.from_address).domain

    def bounces_to(self, notification_id: UUID) -> str:
        return (self.return_path or self.from_address).replace("{id}", notification_id.hex)


class SmtpSettings(SmtpAccount, BaseSettings):
    """`SMTP_HOST`, `SMTP_PORT` and the rest."""

    model_config = SettingsConfigDict(env_prefix="SMTP_", extra="ignore", hide_input_in_errors=True)


class SmtpProvider:
    """Sends one message at a time."""

    channel = Channel.EMAIL
    at_once = 1

    def __init__(self, settings: SmtpAccount, name: str = "smtp") -> None:
        self.name = name
        self.callback_key = settings.callback_key.get_secret_value() if settings.callback_key else None
        self._settings = settings
        self._turn = asyncio.Lock()
        self._client = self._new_client()

    async def send(self, message: Email) -> Sent:
        content = self._compose(message)
        async with self._turn:
            return await self._deliver(message, content)

    async def settle(self, message: Email, _begun: datetime) -> Sent:
        try:
            content = self._compose(message)
        except Permanent as strange:  # it was another when the attempt was begun
            raise OutcomeUnknown(strange.reason) from strange
        async with self._turn:
            try:
                await self._connect()
            except Technical as unreachable:
                raise OutcomeUnknown(unreachable.reason) from unreachable
            if not self._client.supports_extension(ONCE):
                raise Unknowable("smtp cannot be asked")
            try:
                return await self._deliver(message, content)
            except SendingRefused as refused:  # which says nothing of the attempt before this one
                raise OutcomeUnknown(refused.reason) from refused

    async def called(self, call: Call, hear: Hear) -> Response:
        """A mail that came to `return_path`, as it is (RFC 3464); its server need not understand the answer."""
        receipts = receipts_in(call.body, self.name, self._settings.domain)
        if receipts:
            await hear(receipts)
        return Response()

    async def close(self) -> None:
        async with self._turn:
            if self._client.is_connected:
                with suppress(aiosmtplib.SMTPException, OSError):
                    await self._client.quit(timeout=1)
            self._client.close()

    def _compose(self, message: Email) -> bytes:
        try:
            return compose(message, self._settings.from_address)
        except BadAddress as bad:
            raise Permanent("not an address") from bad

    async def _deliver(self, message: Email, content: bytes) -> Sent:
        try:
            reused = await self._connect()
            try:
                await self._address(message)
            except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPResponseException) as error:
                # A kept connection that the server has had enough of; nothing was sent on it.
                if not reused or (isinstance(error, aiosmtplib.SMTPResponseException) and error.code != CLOSING):
                    raise
                self._drop()
                await self._connect()
                await self._address(message)
        except aiosmtplib.SMTPRecipientRefused as refused:
            await self._reset()
            raise _refusal(refused) from None  # its text holds the address
        except aiosmtplib.SMTPResponseException as refused:
            self._drop()
            raise Technical(_code(refused)) from None
        except OSError as lost:
            self._drop()
            raise Technical(f"smtp {type(lost).__name__}") from None
        except BaseException:
            self._drop()
            raise
        return await self._hand_over(message, content)

    async def _hand_over(self, message: Email, content: bytes) -> Sent:
        try:
            await self._client.data(content)
        except aiosmtplib.SMTPDataError as refused:
            if refused.code < 400:
                self._drop()
                raise OutcomeUnknown(_code(refused)) from None
            await self._reset()
            raise _refusal(refused) from None
        except (aiosmtplib.SMTPException, OSError) as lost:
            self._drop()
            raise OutcomeUnknown(f"smtp {type(lost).__name__}") from None
        except BaseException:
            self._drop()
            raise
        return Sent(message_id(message.notification_id, self._settings.domain))

    async def _address(self, message: Email) -> None:
        sender = self._settings.bounces_to(message.notification_id)
        to = address_on_the_wire(message.to)
        options, wanted = [], []
        if self.callback_key is not None and self._client.supports_extension("dsn"):
            options, wanted = ["RET=HDRS", f"ENVID={message.notification_id.hex}"], ["NOTIFY=SUCCESS,FAILURE"]
        if to.isascii():
            await self._client.mail(sender, options=options)
            await self._client.rcpt(to, options=wanted)
        elif self._client.supports_extension("smtputf8"):
            await self._client.mail(sender, options=[*options, "BODY=8BITMIME", "SMTPUTF8"], encoding="utf-8")
            await self._client.rcpt(to, options=wanted, encoding="utf-8")
        else:
            raise Permanent("smtputf8 not offered")

    async def _connect(self) -> bool:
        """Whether the connection was there before. Raises Technical."""
        if self._client.is_connected:
            return True
        self._client.close()
        try:
            await self._client.connect()
            if self._client.is_ehlo_or_helo_needed:
                await self._greet()
        except aiosmtplib.SMTPResponseException as refused:
            self._drop()
            raise Technical(_code(refused)) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            self._drop()
            raise Technical(f"smtp {type(error).__name__}") from None
        return False

    async def _greet(self) -> None:
        try:
            await self._client.ehlo()
        except aiosmtplib.SMTPHeloError:
            await self._client.helo()

    async def _reset(self) -> None:
        try:
            await self._client.rset()
        except (aiosmtplib.SMTPException, OSError):
            self._drop()

    def _drop(self) -> None:
        self._client.close()

    def _new_client(self) -> SMTP:
        settings = self._settings
        context = None
        if settings.security is not Security.NONE:
            context = ssl.create_default_context(cafile=settings.ca_file)
        return SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.username,
            password=settings.password.get_secret_value() if settings.password else None,
            use_tls=settings.security is Security.TLS,
            start_tls=settings.security is Security.STARTTLS,
            tls_context=context,
            local_hostname=settings.local_hostname,
            timeout=settings.timeout,
        )


def _refusal(refused: aiosmtplib.SMTPResponseException) -> SendingRefused:
    """What a reply to RCPT or to the message means."""
    reason = _code(refused)
    if refused.code in NOT_LET_IN or refused.code < 400:
        return Technical(reason)
    return Permanent(reason) if refused.code >= 500 else Temporary(reason)


def _code(refused: aiosmtplib.SMTPResponseException) -> str:
    """The reply's codes alone: its words may repeat the address."""
    enhanced = ENHANCED.match(refused.message)
    return f"smtp {refused.code} {enhanced.group()}" if enhanced else f"smtp {refused.code}"
