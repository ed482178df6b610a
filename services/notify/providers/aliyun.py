"""Text messages by Aliyun (阿里云短信, dysmsapi 2017-05-25), through its own SDK.

An attempt of unknown outcome: a request carries the time at which it was signed, and is refused once that is a
quarter of an hour ago (InvalidTimeStamp.Expired). `QuerySendDetails` lists what was sent to a number on a day, with
our `OutId`. So a message that is there was sent; one that is not there after `FINAL` was not, and never will be.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, model_validator
from starlette.responses import JSONResponse, Response

from services.notify.channels import (
    Call,
    Delivered,
    Failed,
    Hear,
    InboundReply,
    OutcomeUnknown,
    Receipt,
    SendingRefused,
    Sent,
    Sms,
    Temporary,
)
from services.notify.providers.codes import codes_of
from services.notify.providers.numbers import bare, with_country
from services.notify.providers.reporting import Reported, hear_all, in_china, notification_in
from services.notify.providers.secret import Secret
from services.notify.providers.wording import Approvals
from shared.eventsourcing.decider import SHANGHAI
from shared.schemas.notify import Channel

__all__ = ["Aliyun", "AliyunAccount"]

FINAL: Final = timedelta(minutes=45)
"""After it began, an attempt that is not listed sent nothing: 15 minutes for which a signature holds, as much for a
clock that is wrong (by more, all requests are refused), and as much until it is signed and until it is listed."""
PAGE: Final = 50
"""Messages that QuerySendDetails lists at a time."""
ENOUGH_PAGES: Final = 20


class AliyunAccount(Approvals):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    kind: Literal["aliyun"] = "aliyun"
    endpoint: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]+(:\d+)?$")] = "dysmsapi.aliyuncs.com"
    protocol: Literal["https", "http"] = "https"
    access_key_id: str
    access_key_secret: Secret
    callback_key: Secret | None = None
    timeout: Annotated[float, Field(gt=0)] = 10.0
    """Seconds to connect, and for a reply."""

    @model_validator(mode="after")
    def _texts_travel_sealed(self) -> Self:
        if self.protocol == "http" and not self.endpoint.startswith("127.0.0.1:"):
            raise ValueError("http is for a peer on this machine: texts do not travel in clear")
        return self


class Aliyun:
    channel = Channel.SMS
    at_once = 16

    def __init__(self, account: AliyunAccount, name: str = "aliyun") -> None:
        from services.notify.providers.aliyun_sdk import Sdk  # a second and 35 MB, for those who use it

        self.name = name
        self.callback_key = account.callback_key.get_secret_value() if account.callback_key else None
        self._account = account
        self._sdk = Sdk(
            account.endpoint,
            account.protocol,
            account.access_key_id,
            account.access_key_secret.get_secret_value(),
            threads=self.at_once,
            timeout=account.timeout,
            name=name,
        )

    async def send(self, message: Sms) -> Sent:
        number = bare(with_country(message.to))
        worded = self._account.worded(message)
        values = json.dumps(worded.values, ensure_ascii=False) if worded.values else None
        out_id = str(message.notification_id)
        return Sent(await self._sdk.send(number, worded.signature, worded.code, values, out_id))

    async def settle(self, message: Sms, begun: datetime) -> Sent:
        for day in sorted({_day(begun), _day(begun + timedelta(minutes=15))}):
            if await self._lists(message, day):
                return Sent(f"out_id {message.notification_id}")  # it does not list its own number for it
        if datetime.now(UTC) - begun < FINAL:  # the vendor's time, whatever ours is set to
            raise OutcomeUnknown("not listed yet")
        raise Temporary("never taken")

    async def called(self, call: Call, hear: Hear) -> Response:
        """SmsReport and SmsUp, in one array or in two."""
        await hear_all(call.body, _reports, self.name, hear)
        return JSONResponse({"code": 0, "msg": "接收成功"})

    async def close(self) -> None:
        self._sdk.close()

    async def _lists(self, message: Sms, day: str) -> bool:
        """Whether a message is among those sent to its number on a day. Raises OutcomeUnknown."""
        for page in range(1, ENOUGH_PAGES + 1):
            try:
                listed = await self._sdk.listed(bare(message.to), day, page, PAGE)
            except SendingRefused as refused:
                raise OutcomeUnknown(f"asked: {refused.reason}") from refused
            if str(message.notification_id) in listed:
                return True
            if len(listed) < PAGE:
                return False
        raise OutcomeUnknown("asked: too many to look through")


def _day(instant: datetime) -> str:
    return instant.astimezone(SHANGHAI).strftime("%Y%m%d")


class _SmsReport(Reported):
    success: bool
    err_code: str | None = None
    report_time: str
    biz_id: Annotated[str, Field(min_length=1, max_length=200)]
    out_id: str | None = None

    def report(self, provider: str) -> Receipt:
        outcome: Delivered | Failed = Delivered()
        if not self.success:
            outcome = codes_of("aliyun").failed(self.err_code or "UNKNOWN")
        return Receipt(
            provider=provider,
            provider_message_id=self.biz_id,
            notification_id=notification_in(self.out_id),
            outcome=outcome,
            at=in_china(self.report_time),
        )


class _SmsUp(Reported):
    phone_number: str
    content: str
    send_time: str

    def report(self, provider: str) -> InboundReply:
        number = bare(self.phone_number)
        return InboundReply(provider=provider, from_number=number, text=self.content, at=in_china(self.send_time))


_reports: Final = TypeAdapter[_SmsReport | _SmsUp](_SmsReport | _SmsUp)
