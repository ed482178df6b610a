"""Text messages by a gateway that speaks JSON over HTTP, as the local SMS sink does.

`POST /messages` takes `out_id`, `to`, `text`, `template` and `at`, and answers `message_id`; a repeated `out_id` is
taken once. `GET /messages?out_id=…` says whether it was taken. So an attempt of unknown outcome can always be settled.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import httpx
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.notify.channels import OutcomeUnknown, Permanent, Sent, Sms, Technical, Temporary
from services.notify.providers.secret import Secret
from shared.schemas.notify import Channel

__all__ = ["SmsGateway", "SmsGatewayAccount", "SmsSettings"]


class SmsGatewayAccount(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    kind: Literal["sms-gateway"] = "sms-gateway"
    url: HttpUrl
    token: Secret | None = None
    """Sent as a bearer token."""
    timeout: Annotated[float, Field(gt=0)] = 10.0
    """Seconds for each reply."""


class SmsSettings(SmsGatewayAccount, BaseSettings):
    """`SMS_URL` and the rest."""

    model_config = SettingsConfigDict(env_prefix="SMS_", extra="ignore", hide_input_in_errors=True)


class _Taken(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    message_id: Annotated[str, Field(min_length=1, max_length=500)]


class _Listing(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    messages: list[_Taken]


class SmsGateway:
    channel = Channel.SMS
    at_once = 16

    def __init__(self, settings: SmsGatewayAccount, name: str = "sms-gateway") -> None:
        self.name = name
        headers = {"Authorization": f"Bearer {settings.token.get_secret_value()}"} if settings.token else {}
        self._http = httpx.AsyncClient(
            base_url=str(settings.url), headers=headers, timeout=settings.timeout, trust_env=False
        )

    async def send(self, message: Sms) -> Sent:
        content = {
            "out_id": str(message.notification_id),
            "to": message.to,
            "text": message.text,
            "template": message.template,
            "at": message.at.isoformat(),
        }
        try:
            reply = await self._http.post("messages", json=content)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Technical(f"http {type(error).__name__}") from None
        except httpx.TransportError as error:
            raise OutcomeUnknown(f"http {type(error).__name__}") from None
        return _outcome(reply)

    async def settle(self, message: Sms, _begun: datetime) -> Sent:
        taken = await self._ask(message.notification_id)
        return await self.send(message) if taken is None else taken

    async def close(self) -> None:
        await self._http.aclose()

    async def _ask(self, out_id: UUID) -> Sent | None:
        """None where the gateway does not have it. Raises OutcomeUnknown."""
        try:
            reply = await self._http.get("messages", params={"out_id": str(out_id)})
        except httpx.TransportError as error:
            raise OutcomeUnknown(f"asked: http {type(error).__name__}") from None
        if reply.status_code != httpx.codes.OK:
            raise OutcomeUnknown(f"asked: http {reply.status_code}")
        listing = _parse(_Listing, reply)
        return Sent(listing.messages[0].message_id) if listing.messages else None


def _outcome(reply: httpx.Response) -> Sent:
    """What a reply to a message means."""
    reason = f"http {reply.status_code}"
    match reply.status_code:
        case 200 | 201 | 202:
            return Sent(_parse(_Taken, reply).message_id)
        case 429:
            raise Temporary(reason)
        case 400 | 413 | 422:
            raise Permanent(reason)
        case 408 | 500 | 502 | 504:
            raise OutcomeUnknown(reason)  # it, or somebody between, failed after the message may have been taken
        case _:
            raise Technical(reason)


def _parse[M: BaseModel](model: type[M], reply: httpx.Response) -> M:
    content: Any = reply.content
    try:
        return model.model_validate_json(content)
    except ValidationError:
        raise OutcomeUnknown(f"http {reply.status_code}, not understood") from None
