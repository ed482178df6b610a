"""Aliyun's SMS, as its documentation has it: checks signatures (ACS3-HMAC-SHA256), takes messages, lists them."""

import hashlib
import hmac
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from shared.eventsourcing.decider import SHANGHAI
from tests.services.notify.providers.http_peer import HttpPeer, Request

KEY_ID, SECRET = "LTAI-of-a-test", "secret-of-a-test"
AUTHORIZATION = re.compile(r"ACS3-HMAC-SHA256 Credential=([^,]+),\s?SignedHeaders=([^,]+),\s?Signature=([0-9a-f]{64})")
TEMPLATES = {
    "SMS_1": "${name}您好，您的匠心贷已获银行批准：额度${limit}。",
    "SMS_2": "${name}您好，您的匠心贷已获银行批准。",
}


class AliyunPeer(HttpPeer):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[dict[str, str]] = []
        self.lists = True
        self.more_listed = 0
        """Other messages to the same number, listed before ours."""

    def answer(self, request: Request) -> tuple[int, Any]:
        if (wrong := self._wrong(request)) is not None:
            return 400, {"Code": wrong, "Message": "of a test", "RequestId": "r-1", "HostId": self.address}
        query = request.query
        match request.headers["x-acs-action"]:
            case "SendSms":
                return 200, self._send(query)
            case "QuerySendDetails":
                return 200, self._list(query)
            case _:
                return 404, {"Code": "InvalidAction.NotFound", "Message": "", "RequestId": "r-1"}

    def _send(self, query: dict[str, str]) -> dict[str, str]:
        if not re.fullmatch(r"1\d{10}", query["PhoneNumbers"]):
            return {"Code": "isv.MOBILE_NUMBER_ILLEGAL", "Message": query["PhoneNumbers"], "RequestId": "r-1"}
        if query["SignName"] != "南浔区总工会":
            return {"Code": "isv.SMS_SIGNATURE_ILLEGAL", "Message": "", "RequestId": "r-1"}
        words = TEMPLATES[query["TemplateCode"]]
        for name, value in json.loads(query.get("TemplateParam", "{}")).items():
            words = words.replace(f"${{{name}}}", value)
        assert "${" not in words
        self.sent.append(query | {"Content": f"【{query['SignName']}】{words}", "BizId": f"{len(self.sent)}^0"})
        return {"Code": "OK", "Message": "OK", "BizId": self.sent[-1]["BizId"], "RequestId": "r-1"}

    def _list(self, query: dict[str, str]) -> dict[str, Any]:
        today = datetime.now(SHANGHAI).strftime("%Y%m%d")
        own = [each for each in self.sent if each["PhoneNumbers"] == query["PhoneNumber"]]
        others = [{"OutId": f"other-{number}"} for number in range(self.more_listed)]
        every = [*others, *own] if self.lists and query["SendDate"] == today else []
        size, page = int(query["PageSize"]), int(query["CurrentPage"])
        assert size <= 50
        shown = [
            {"OutId": each.get("OutId"), "PhoneNum": query["PhoneNumber"], "SendStatus": 1, "ErrCode": ""}
            for each in every[(page - 1) * size : page * size]
        ]
        details = {"SmsSendDetailDTO": shown}
        return {"Code": "OK", "Message": "OK", "SmsSendDetailDTOs": details, "TotalCount": str(len(every))}

    def _wrong(self, request: Request) -> str | None:
        """What is wrong with the signature of a request."""
        headers = request.headers
        if (match := AUTHORIZATION.fullmatch(headers.get("authorization", ""))) is None:
            return "IncompleteSignature"
        key_id, signed, signature = match.groups()
        if key_id != KEY_ID:
            return "InvalidAccessKeyId.NotFound"
        signed_at = datetime.strptime(headers["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        if abs(datetime.now(UTC) - signed_at) > timedelta(minutes=15):
            return "InvalidTimeStamp.Expired"
        payload = hashlib.sha256(request.body).hexdigest()
        if headers["x-acs-content-sha256"] != payload or not {"host", "x-acs-date"} <= set(signed.split(";")):
            return "SignatureDoesNotMatch"
        query = "&".join(
            f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in sorted(request.query.items())
        )
        canonical = [request.method, request.path, query]
        canonical += [f"{name}:{headers[name]}" for name in signed.split(";")]
        canonical += ["", signed, payload]
        digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
        expected = hmac.new(SECRET.encode(), f"ACS3-HMAC-SHA256\n{digest}".encode(), hashlib.sha256).hexdigest()
        return None if hmac.compare_digest(signature, expected) else "SignatureDoesNotMatch"
