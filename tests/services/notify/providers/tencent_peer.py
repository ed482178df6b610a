"""Tencent Cloud's SMS, as its documentation has it: checks signatures (TC3-HMAC-SHA256), takes messages, tells of
them."""

import hashlib
import hmac
import json
import re
import time
from datetime import UTC, datetime
from typing import Any

from tests.services.notify.providers.http_peer import HttpPeer, Request

KEY_ID, SECRET, APP_ID = "AKID-of-a-test", "secret-of-a-test", "1400006666"
AUTHORIZATION = re.compile(
    r"TC3-HMAC-SHA256 Credential=([^/]+)/([\d-]+)/sms/tc3_request, SignedHeaders=([a-z;-]+), Signature=([0-9a-f]{64})"
)
TEMPLATES = {"1001": "{1}您好，您的匠心贷已获银行批准：额度{2}。"}


class TencentPeer(HttpPeer):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[dict[str, Any]] = []
        self.statuses: list[dict[str, Any]] = []
        """What is told of messages; those of `report` are pulled once."""
        self.replies: list[dict[str, Any]] = []
        self.refuses: str | None = None
        """The code with which it refuses each number."""

    def answer(self, request: Request) -> tuple[int, Any]:
        if (wrong := self._wrong(request)) is not None:
            return 200, _answer(Error={"Code": wrong, "Message": "of a test"})
        given = json.loads(request.body)
        assert given["SmsSdkAppId"] == APP_ID
        match request.headers["x-tc-action"]:
            case "SendSms":
                return 200, _answer(SendStatusSet=[self._send(given)])
            case "PullSmsSendStatusByPhoneNumber":
                return 200, _answer(PullSmsSendStatusSet=self._told(given))
            case "PullSmsSendStatus":
                told, self.statuses = self.statuses[: given["Limit"]], self.statuses[given["Limit"] :]
                return 200, _answer(PullSmsSendStatusSet=told)
            case "PullSmsReplyStatus":
                told, self.replies = self.replies, []
                return 200, _answer(PullSmsReplyStatusSet=told)
            case _:
                return 200, _answer(Error={"Code": "InvalidAction", "Message": ""})

    def report(
        self, sent: dict[str, Any], status: str = "SUCCESS", code: str = "DELIVRD", context: bool = True
    ) -> None:
        """The carrier says what became of a message."""
        self.statuses.append(
            {
                "UserReceiveTime": int(time.time()),
                "CountryCode": "86",
                "SubscriberNumber": sent["PhoneNumber"].removeprefix("+86"),
                "PhoneNumber": sent["PhoneNumber"],
                "SerialNo": sent["SerialNo"],
                "ReportStatus": status,
                "Description": code,
                "SessionContext": sent["SessionContext"] if context else "",
            }
        )

    def _send(self, given: dict[str, Any]) -> dict[str, Any]:
        (number,) = given["PhoneNumberSet"]
        assert re.fullmatch(r"\+86\d{11}", number)
        if self.refuses is not None:
            return {"PhoneNumber": number, "Code": self.refuses, "Message": f"of {number}", "SerialNo": "", "Fee": 0}
        words = TEMPLATES[given["TemplateId"]]
        for place, value in enumerate(given["TemplateParamSet"], start=1):
            words = words.replace(f"{{{place}}}", value)
        assert "{" not in words
        serial = f"8:{len(self.sent)}"
        content = f"【{given['SignName']}】{words}"
        self.sent.append(given | {"PhoneNumber": number, "SerialNo": serial, "Content": content})
        told = {"PhoneNumber": number, "SerialNo": serial, "Fee": 1, "SessionContext": given["SessionContext"]}
        return told | {"Code": "Ok", "Message": "send success", "IsoCode": "CN"}

    def _told(self, given: dict[str, Any]) -> list[dict[str, Any]]:
        assert given["BeginTime"] < given["EndTime"]
        own = [each for each in self.statuses if each["PhoneNumber"] == given["PhoneNumber"]]
        own = [each for each in own if given["BeginTime"] <= each["UserReceiveTime"] <= given["EndTime"]]
        return own[given["Offset"] : given["Offset"] + given["Limit"]]

    def _wrong(self, request: Request) -> str | None:
        """What is wrong with the signature of a request."""
        headers = request.headers
        if (match := AUTHORIZATION.fullmatch(headers.get("authorization", ""))) is None:
            return "AuthFailure.InvalidAuthorization"
        key_id, day, signed, signature = match.groups()
        if key_id != KEY_ID:
            return "AuthFailure.SecretIdNotFound"
        moment = headers["x-tc-timestamp"]
        if abs(time.time() - int(moment)) > 300:
            return "AuthFailure.SignatureExpire"
        if day != datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%d"):
            return "AuthFailure.SignatureFailure"
        canonical = [request.method, request.path, request.raw_query]
        canonical += [f"{name}:{headers[name].lower()}" for name in signed.split(";")]
        canonical += ["", signed, hashlib.sha256(request.body).hexdigest()]
        digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
        key = f"TC3{SECRET}".encode()
        for part in (day, "sms", "tc3_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        to_sign = f"TC3-HMAC-SHA256\n{moment}\n{day}/sms/tc3_request\n{digest}"
        expected = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
        return None if hmac.compare_digest(signature, expected) else "AuthFailure.SignatureFailure"


def _answer(**content: Any) -> dict[str, Any]:
    return {"Response": content | {"RequestId": "r-1"}}
