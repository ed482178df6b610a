"""Text messages by Tencent Cloud (腾讯云短信, 2021-01-11), through its own SDK, whose async client stands on httpx.

An attempt of unknown outcome: `PullSmsSendStatusByPhoneNumber` tells what became of messages to a number, with our
`SessionContext`, once there is something to tell, and of those accounts alone for which Tencent has been asked to
repeat it. A message that is there was sent; of one that is not there nothing can be said.

Reports come by callback; see `tencent_pulling.py` for an account for which Tencent has opened pulling.
"""

import logging
import re
import time
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal, Self

import httpx
from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, model_validator
from starlette.responses import JSONResponse, Response
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.sms.v20210111 import models
from tencentcloud.sms.v20210111.sms_client_async import SmsClient

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
    Technical,
)
from services.notify.providers.codes import codes_of
from services.notify.providers.numbers import bare, with_country
from services.notify.providers.reporting import Reported, hear_all, in_china, notification_in
from services.notify.providers.secret import Secret
from services.notify.providers.wording import Approvals
from shared.runtime.logs import log
from shared.schemas.notify import Channel

__all__ = ["PULLED", "Tencent", "TencentAccount", "answered", "outcome_of"]

ALLOWANCE: Final = timedelta(minutes=5)
"""By which its clock and ours may differ."""
PULLED: Final = 100
"""Reports at a time, at most."""
STRANGE: Final = re.compile(r"^(ServerNetworkError|Client\w*Error)$")
"""What its SDK calls answers and requests that it does not understand."""

logging.getLogger("tencentcloud_sdk_common").setLevel(logging.ERROR)  # at DEBUG it writes requests, with their numbers

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
        self.name = name
        self.callback_key = account.callback_key.get_secret_value() if account.callback_key else None
        self.account = account
        http = HttpProfile(
            protocol=account.protocol, endpoint=account.endpoint, reqTimeout=account.timeout, keepAlive=True
        )
        credential = Credential(account.secret_id, account.secret_key.get_secret_value())
        # Its region breaker would send a request again elsewhere.
        self.sdk = SmsClient(credential, account.region, ClientProfile(httpProfile=http, disable_region_breaker=True))

    async def send(self, message: Sms) -> Sent:
        number = with_country(message.to)
        worded = self.account.worded(message)
        request = models.SendSmsRequest()
        request.PhoneNumberSet = [number]
        request.SmsSdkAppId = self.account.app_id
        request.SignName = worded.signature
        request.TemplateId = worded.code
        request.TemplateParamSet = [worded.values[place] for place in sorted(worded.values, key=int)]
        request.SessionContext = str(message.notification_id)
        answer = await answered(self.sdk.SendSms(request))
        if not answer.SendStatusSet:
            raise OutcomeUnknown("tencent: an answer not understood")
        status = answer.SendStatusSet[0]
        if status.Code != "Ok":
            raise codes_of("tencent").answered(str(status.Code))
        if not status.SerialNo:
            raise OutcomeUnknown("tencent: an answer not understood")
        return Sent(str(status.SerialNo))

    async def settle(self, message: Sms, begun: datetime) -> Sent:
        request = models.PullSmsSendStatusByPhoneNumberRequest()
        request.SmsSdkAppId = self.account.app_id
        try:
            request.PhoneNumber = with_country(message.to)
        except Permanent as strange:  # it was another when the attempt was begun
            raise OutcomeUnknown(strange.reason) from strange
        request.BeginTime = int((begun - ALLOWANCE).timestamp())
        request.EndTime = max(int(time.time()), request.BeginTime + 1)
        request.Limit = PULLED
        for request.Offset in range(0, 10 * PULLED, PULLED):
            try:
                answer = await answered(self.sdk.PullSmsSendStatusByPhoneNumber(request))
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


async def answered(call: Awaitable[Any]) -> Any:
    """Raises what a refusal means. Nothing of an error is passed on: its text may hold the request."""
    try:
        return await call
    except TencentCloudSDKException as error:
        code = str(error.code)
        if STRANGE.match(code):
            raise OutcomeUnknown(f"tencent {code}") from None
        raise codes_of("tencent").answered(code) from None
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise Technical(f"tencent {type(error).__name__}") from None
    except Exception as error:
        raise OutcomeUnknown(f"tencent {type(error).__name__}") from None


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
