"""Text messages by Kannel, or a gateway that speaks as its smsbox does: for a county with a carrier's line of its own.

`POST /cgi-bin/sendsms` with the text as its body and the rest in headers: in a path they would be logged on the way.
Kannel calls back for each message with the notification's id. It cannot be asked what it has: an attempt without an
answer is never sent again, and only a receipt tells that it was taken.
"""

from datetime import UTC, datetime
from enum import IntFlag
from typing import Annotated, Final, Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, StringConstraints, ValidationError
from starlette.responses import Response

from services.notify.channels import (
    Call,
    Delivered,
    Failed,
    Hear,
    InboundReply,
    NotUnderstood,
    OutcomeUnknown,
    Receipt,
    Report,
    Sent,
    Sms,
    Technical,
    Unknowable,
)
from services.notify.providers.codes import codes_of
from services.notify.providers.numbers import bare, with_country
from services.notify.providers.reporting import notification_in
from services.notify.providers.secret import Secret
from shared.schemas.notify import Channel

__all__ = ["Kannel", "KannelAccount"]


class _Type(IntFlag):
    """Of a receipt."""

    DELIVERED = 1
    UNDELIVERED = 2
    REJECTED = 16


LAST_WORDS: Final = _Type.DELIVERED | _Type.UNDELIVERED | _Type.REJECTED
"""What it is asked to report; not that a message waits, and not that the line took it."""
TAKEN: Final = ("0:", "3:")
"""How its answer begins: accepted, queued."""
UTF16: Final = "2"


class KannelAccount(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    kind: Literal["kannel"] = "kannel"
    url: HttpUrl
    """Of sendsms: `http://127.0.0.1:13013/cgi-bin/sendsms`."""
    username: str
    password: Secret
    sender: Annotated[str, StringConstraints(pattern=r"^\d{3,20}$")]
    """The number (端口号) that the carrier gave the county."""
    callback_key: Secret | None = None
    timeout: Annotated[float, Field(gt=0)] = 10.0
    """Seconds for each reply."""


class Kannel:
    channel = Channel.SMS
    at_once = 16

    def __init__(self, account: KannelAccount, name: str = "kannel", reports_to: str | None = None) -> None:
        """`reports_to` is where our door is, with the key; no receipts without it."""
        self.name = name
        self.callback_key = account.callback_key.get_secret_value() if account.callback_key else None
        self._account = account
        self._reports_to = reports_to
        self._http = httpx.AsyncClient(timeout=account.timeout, trust_env=False)

    async def send(self, message: Sms) -> Sent:
        with_country(message.to)
        headers = {
            "X-Kannel-Username": self._account.username,
            "X-Kannel-Password": self._account.password.get_secret_value(),
            "X-Kannel-From": self._account.sender,
            "X-Kannel-To": bare(message.to),
            "X-Kannel-Coding": UTF16,
            "Content-Type": "text/plain; charset=UTF-8",
        }
        if self._reports_to is not None:
            headers["X-Kannel-DLR-Mask"] = str(int(LAST_WORDS))
            headers["X-Kannel-DLR-Url"] = f"{self._reports_to}?id={message.notification_id}&type=%d&at=%T"
        try:
            reply = await self._http.post(str(self._account.url), content=message.text.encode(), headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Technical(f"kannel {type(error).__name__}") from None
        except httpx.TransportError as error:
            raise OutcomeUnknown(f"kannel {type(error).__name__}") from None
        if reply.status_code == httpx.codes.ACCEPTED and reply.text.startswith(TAKEN):
            return Sent(str(message.notification_id))
        if reply.is_success and reply.status_code != httpx.codes.ACCEPTED:
            raise OutcomeUnknown(f"kannel {reply.status_code}")
        raise codes_of("kannel").answered(str(reply.status_code))

    async def settle(self, _message: Sms, _begun: datetime) -> Sent:
        raise Unknowable("kannel cannot be asked")

    async def called(self, call: Call, hear: Hear) -> Response:
        """A receipt, or what somebody wrote back: see the README for the `sms-service` that sends those here."""
        try:
            report = (_Delivery if "type" in call.query else _Written).model_validate(call.query).report(self.name)
        except ValidationError as error:
            raise NotUnderstood(f"{error.error_count()} wrong") from None
        if report is not None:
            await hear([report])
        return Response()  # whatever stood here, Kannel would send back as a text message

    async def close(self) -> None:
        await self._http.aclose()


class _Delivery(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    id: str
    type: int
    at: Annotated[int, Field(ge=0, le=2**40)]

    def report(self, provider: str) -> Report | None:
        """None of what is not its last word."""
        outcome: Delivered | Failed
        match self.type:
            case _Type.DELIVERED:
                outcome = Delivered()
            case _Type.UNDELIVERED:
                outcome = codes_of("kannel").failed("undelivered")
            case _Type.REJECTED:
                outcome = codes_of("kannel").failed("rejected")
            case _:
                return None
        return Receipt(
            provider=provider,
            provider_message_id=self.id,
            notification_id=notification_in(self.id),
            outcome=outcome,
            at=datetime.fromtimestamp(self.at, UTC),
        )


class _Written(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    number: Annotated[str, Field(alias="from", min_length=1)]
    text: str
    coding: str
    at: Annotated[int, Field(ge=0, le=2**40)]

    def report(self, provider: str) -> Report:
        at = datetime.fromtimestamp(self.at, UTC)
        content = self.text.encode("utf-8", "surrogateescape")
        text = content.decode("utf-16-be" if self.coding == UTF16 else "utf-8", "replace")
        return InboundReply(provider=provider, from_number=bare(self.number), text=text, at=at)
