"""Aliyun's own SDK, as far as it is used: typed, with its errors told apart.

Its blocking calls run in threads of our own, one for each message under way: its async ones open a connection and load
all certificates anew for each message, 90 ms that stop everything else. It takes a second and 35 MB to import, so
that only who uses Aliyun imports this.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from alibabacloud_dysmsapi20170525.client import Client
from alibabacloud_dysmsapi20170525.models import QuerySendDetailsRequest, SendSmsRequest
from alibabacloud_tea_openapi.models import Config
from darabonba.runtime import RuntimeOptions
from requests.exceptions import ConnectTimeout
from urllib3.exceptions import NewConnectionError

from services.notify.channels import OutcomeUnknown, Technical
from services.notify.providers.codes import codes_of

__all__ = ["Sdk"]

LATE: Final = 300.0
"""Seconds after which a request is not signed any more."""

for _chatty in ("darabonba-core", "urllib3.connectionpool"):  # they write requests, with their numbers
    logging.getLogger(_chatty).setLevel(logging.ERROR)


class Sdk:
    """`timeout` is in seconds, to connect and for a reply."""

    def __init__(
        self, endpoint: str, protocol: str, key_id: str, secret: str, *, threads: int, timeout: float, name: str
    ) -> None:
        self._client = Client(
            Config(access_key_id=key_id, access_key_secret=secret, endpoint=endpoint, protocol=protocol)
        )
        milliseconds = int(timeout * 1000)
        self._runtime = RuntimeOptions(connect_timeout=milliseconds, read_timeout=milliseconds)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def send(self, number: str, signature: str, template: str, values: str | None, out_id: str) -> str:
        """The vendor's id of the message. Raises SendingRefused and OutcomeUnknown."""
        request = SendSmsRequest(
            phone_numbers=number, sign_name=signature, template_code=template, template_param=values, out_id=out_id
        )
        answer = await self._call(lambda: self._client.send_sms_with_options(request, self._runtime))
        if not answer.biz_id:
            raise OutcomeUnknown("aliyun: an answer not understood")
        return str(answer.biz_id)

    async def listed(self, number: str, day: str, page: int, size: int) -> list[str]:
        """The `OutId` of what was sent to a number on a day `YYYYmmdd`. Raises SendingRefused and OutcomeUnknown."""
        request = QuerySendDetailsRequest(phone_number=number, send_date=day, page_size=size, current_page=page)
        answer = await self._call(lambda: self._client.query_send_details_with_options(request, self._runtime))
        details = answer.sms_send_detail_dtos
        return [str(each.out_id) for each in (details and details.sms_send_detail_dto) or []]

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _call(self, call: Callable[[], Any]) -> Any:
        """The body of an answer that says OK. Nothing of an error is passed on: its text holds the request."""
        asked = time.time()

        def in_time() -> Any:
            if time.time() - asked > LATE:  # this process stood still, and somebody else may have settled it
                raise Technical("too late")
            return call()

        try:
            answer = await asyncio.get_running_loop().run_in_executor(self._threads, in_time)
        except Technical:
            raise
        except Exception as error:
            raise _meaning(error) from None
        if answer.body is None or not answer.body.code:
            raise OutcomeUnknown("aliyun: an answer not understood")
        if answer.body.code != "OK":
            raise codes_of("aliyun").answered(str(answer.body.code), str(answer.body.message))
        return answer.body


def _meaning(error: Exception) -> Exception:
    if code := getattr(error, "code", None):
        return codes_of("aliyun").answered(str(code), str(getattr(error, "message", "")))
    reasons: list[BaseException] = []
    reason: BaseException | None = getattr(error, "inner_exception", None)
    while reason is not None:
        reasons.append(reason)
        reason = reason.__cause__ or reason.__context__
    if any(isinstance(each, NewConnectionError | ConnectTimeout) for each in reasons):
        return Technical("aliyun cannot be reached")
    last = type(reasons[-1]).__name__ if reasons else type(error).__name__
    if last == "SSLCertVerificationError":
        return Technical(f"aliyun {last}")
    return OutcomeUnknown(f"aliyun {last}")
