"""Text messages by Tencent Cloud (腾讯云短信, 2021-01-11), through its own SDK.

An attempt of unknown outcome: `PullSmsSendStatusByPhoneNumber` tells what became of messages to a number, with our
`SessionContext`, once there is something to tell, and of those accounts alone for which Tencent has been asked to
repeat it. A message that is there was sent; of one that is not there nothing can be said.

Reports come by callback; see `tencent_pulling.py` for an account for which Tencent has opened pulling.
"""

import time
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
    Permanent,
    Receipt,
    SendingRefused,
    Sent,
    Sms,
)
from services.notify.providers.codes import codes_of
from services.notify.providers.numbers import bare, with_country
from services.notify.providers.reporting import Reported, hear_all, in_china, notification_in
from services.notify.providers.secret import Secret
from services.notify.providers.wording import Approvals
from shared.runtime.logs import log
from shared.schemas.notify import Channel

__all__ = ["PULLED", "Tencent", "TencentAccount", "outcome_of"]

ALLOWANCE: Final = timedelta(minutes=5)
"""By which its clock and ours may differ."""
PULLED: Final = 100
"""Reports at a time, at most."""

_log = log(__name__)


class TencentAccount(Approvals):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    kind: Literal["tencent"] = "tencent"
    endpoint: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]+(:\d+)?$")] = "sms.tencentcloudapi.com"
    protocol: Literal["https", "http"] = "https"
    region: str = "ap-guangzhou"
    secret_id: str
    secret_key: Secret
    app_id: Annotated[str, StringConstraints(pattern=r"^\d+$")]
    """SmsSdkAppId."""
    callback_key: Secret | None = None
    poll_seconds: Annotated[float, Field(gt=0)] | None = None
    timeout: Annotated[float, Field(gt=0)] = 10.0
    """Seconds to connect, and for a reply."""

    @model_validator(mode="after")
    def _texts_travel_sealed(self) -> Self:
        if self.protocol == "http" and not self.endpoint.startswith("127.0.0.1:"):
            raise ValueError("http is for a peer on this machine: texts do not travel in clear")
        return self


class Tencent:
    channel = Channel.SMS
    at_once = 16

    def __init__(self, account: TencentAccount, name: str = "tencent") -> None:
        from services.notify.providers.tencent_sdk import Sdk  # half a second, for those who use it

        self.name = name
        self.callback_key = account.callback_key.get_secret_value() if account.callback_key else None
        self.account = account
        self.sdk = Sdk(
            account.endpoint,
            account.protocol,
            account.region,
            account.secret_id,
            account.secret_key.get_secret_value(),
            timeout=account.timeout,
        )

    async def send(self, message: Sms) -> Sent:
        number = with_country(message.to)
        worded = self.account.worded(message)
        answer = await self.sdk.ask(
            "SendSms",
            PhoneNumberSet=[number],
            SmsSdkAppId=self.account.app_id,
            SignName=worded.signature,
            TemplateId=worded.code,
            TemplateParamSet=[worded.values[place] for place in sorted(worded.values, key=int)],
            SessionContext=str(message.notification_id),
        )
        if not answer.SendStatusSet:
            raise OutcomeUnknown("tencent: an answer not understood")
        status = answer.SendStatusSet[0]
        if status.Code != "Ok":
            raise codes_of("tencent").answered(str(status.Code))
        if not status.SerialNo:
            raise OutcomeUnknown("tencent: an answer not understood")
        return Sent(str(status.SerialNo))

    async def settle(self, message: Sms, begun: datetime) -> Sent:
        try:
            number = with_country(message.to)
        except Permanent as strange:  # it was another when the attempt was begun
            raise OutcomeUnknown(strange.reason) from strange
        since = int((begun - ALLOWANCE).timestamp())
        for offset in range(0, 10 * PULLED, PULLED):
            try:
                answer = await self.sdk.ask(
                    "PullSmsSendStatusByPhoneNumber",
                    SmsSdkAppId=self.account.app_id,
                    PhoneNumber=number,
                    BeginTime=since,
                    EndTime=max(int(time.time()), since + 1),
                    Limit=PULLED,
                    Offset=offset,
                )
            except SendingRefused as refused:
                raise OutcomeUnknown(f"asked: {refused.reason}") from refused
            statuses = answer.PullSmsSendStatusSet or []
            for status in statuses:
                if notification_in(status.SessionContext) == message.notification_id:
                    return Sent(str(status.SerialNo))
            if len(statuses) < PULLED:
                break
        raise OutcomeUnknown("nothing is told of it")

    async def called(self, call: Call, hear: Hear) -> Response:
        await hear_all(call.body, _reports, self.name, hear)
        return JSONResponse({"result": 0, "errmsg": "OK"})

    async def close(self) -> None:
        await self.sdk.close()


def outcome_of(status: str, code: str) -> Delivered | Failed:
    return Delivered() if status == "SUCCESS" else codes_of("tencent").failed(code)


class _Status(Reported):
    user_receive_time: str
    report_status: Literal["SUCCESS", "FAIL"]
    errmsg: str = "UNKNOWN"
    sid: Annotated[str, Field(min_length=1, max_length=200)]

    def report(self, provider: str) -> Receipt:
        return Receipt(
            provider=provider,
            provider_message_id=self.sid,
            notification_id=None,
            outcome=outcome_of(self.report_status, self.errmsg),
            at=in_china(self.user_receive_time),
        )


class _Reply(Reported):
    mobile: str
    nationcode: str
    text: str
    time: int

    def report(self, provider: str) -> InboundReply:
        number, at = bare(f"+{self.nationcode}{self.mobile}"), datetime.fromtimestamp(self.time, UTC)
        return InboundReply(provider=provider, from_number=number, text=self.text, at=at)


_reports: Final = TypeAdapter[_Status | _Reply](_Status | _Reply)
