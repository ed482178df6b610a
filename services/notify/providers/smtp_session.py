"""A conversation with a mail server: one connection, kept and renewed, one message at a time."""

import re
import ssl
from contextlib import suppress
from typing import Final

import aiosmtplib
from aiosmtplib import SMTP

from services.notify.channels import Email, OutcomeUnknown, Permanent, SendingRefused, Sent, Technical, Temporary
from services.notify.mail import address_on_the_wire, message_id
from services.notify.providers.smtp_account import Security, SmtpAccount

__all__ = ["SmtpSession"]

ONCE: Final = "x-once"
CLOSING: Final = 421
NOT_LET_IN: Final = frozenset({530, 535})
"""Replies about our own account, whichever command they answer."""
ENHANCED = re.compile(r"\d\.\d{1,3}\.\d{1,3}(?=\s|$)")


class SmtpSession:
    def __init__(self, settings: SmtpAccount) -> None:
        self._settings = settings
        self._client = self._new_client()

    @property
    def takes_a_repeat_once(self) -> bool:
        """Whether the server that is connected says that it does."""
        return self._client.supports_extension(ONCE)

    async def close(self) -> None:
        if self._client.is_connected:
            with suppress(aiosmtplib.SMTPException, OSError):
                await self._client.quit(timeout=1)
        self._client.close()

    async def deliver(self, message: Email, content: bytes) -> Sent:
        try:
            reused = await self.connect()
            try:
                await self._address(message)
            except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPResponseException) as error:
                # A kept connection that the server has had enough of; nothing was sent on it.
                if not reused or (isinstance(error, aiosmtplib.SMTPResponseException) and error.code != CLOSING):
                    raise
                self._drop()
                await self.connect()
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
        if self._settings.callback_key is not None and self._client.supports_extension("dsn"):
            options, wanted = ["RET=HDRS", f"ENVID={message.notification_id.hex}"], ["NOTIFY=SUCCESS,FAILURE"]
        if to.isascii():
            await self._client.mail(sender, options=options)
            await self._client.rcpt(to, options=wanted)
        elif self._client.supports_extension("smtputf8"):
            await self._client.mail(sender, options=[*options, "BODY=8BITMIME", "SMTPUTF8"], encoding="utf-8")
            await self._client.rcpt(to, options=wanted, encoding="utf-8")
        else:
            raise Permanent("smtputf8 not offered")

    async def connect(self) -> bool:
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
