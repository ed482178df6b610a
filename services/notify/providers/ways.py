"""The ways to send that an installation has, and which federation uses which.

They stand in a toml that `NOTIFY_WAYS` names; secrets stand in files or variables that it names. Without it there is
one way for each channel, from `SMTP_*` and `SMS_*` in the environment.

    [email]                        # weights, for every federation that has none of its own
    smtp = 100

    [sms]
    aliyun = 80
    tencent = 20

    [federations.330503.sms]
    kannel = 100

    [callbacks]                    # the door at which providers report; none without it
    port = 8090
    url = "https://notify.nanxun.example"

    [providers.smtp]               # under names of one's own
    kind = "smtp"
    host = "mail.nanxun.example"
    password = { file = "/run/secrets/smtp" }
"""

import os
import re
import tomllib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator

from services.notify.channels import Email, Provider, Sms
from services.notify.providers.aliyun import Aliyun, AliyunAccount
from services.notify.providers.callbacks import CallbackSettings
from services.notify.providers.kannel import Kannel, KannelAccount
from services.notify.providers.secret import IN_A_FILE
from services.notify.providers.smpp import Smpp, SmppAccount
from services.notify.providers.sms_gateway import SmsGateway, SmsGatewayAccount, SmsSettings
from services.notify.providers.smtp import SmtpAccount, SmtpProvider, SmtpSettings
from services.notify.providers.tencent import Tencent, TencentAccount
from services.notify.providers.tencent_pulling import PullingTencent
from shared.schemas.messages import Federation
from shared.schemas.notify import Channel, Name

__all__ = ["BadWays", "Ways", "WaysFile", "open_ways"]

VARIABLE: Final = "NOTIFY_WAYS"
KEY: Final = re.compile(r"[A-Za-z0-9._~-]{16,128}")
"""It stands in a path."""

type Account = Annotated[
    SmtpAccount | SmsGatewayAccount | AliyunAccount | TencentAccount | KannelAccount | SmppAccount,
    Field(discriminator="kind"),
]
type AnyProvider = Provider[Sms] | Provider[Email]
type Weights = dict[Name, PositiveInt]


class BadWays(ValueError):
    """The file of ways cannot be used; the message names what is wrong in it, and no secret."""


class _Shares(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    sms: Weights = {}
    email: Weights = {}

    def of(self, channel: Channel) -> Weights:
        return self.sms if channel is Channel.SMS else self.email


class WaysFile(_Shares):
    federations: dict[Federation, _Shares] = {}
    callbacks: CallbackSettings | None = None
    providers: dict[Name, Account]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises BadWays and OSError."""
        try:
            return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")), context=IN_A_FILE)
        except tomllib.TOMLDecodeError as error:
            raise BadWays(f"{path}: {error}") from None
        except ValidationError as error:
            wrong = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_input=False)]
            raise BadWays(f"{path}: {'; '.join(wrong)}") from None

    @model_validator(mode="after")
    def _every_share_is_of_a_provider(self) -> Self:
        everybodys: list[_Shares] = [self, *self.federations.values()]
        for shares in everybodys:
            for channel in Channel:
                for name in shares.of(channel):
                    if name not in self.providers:
                        raise ValueError(f"{name} has a weight, and is no provider")
                    if (own := _channel(self.providers[name])) is not channel:
                        raise ValueError(f"{name} sends by {own}, and has a weight for {channel}")
        return self

    @model_validator(mode="after")
    def _who_calls_back_has_a_door_and_a_key_nobody_guesses(self) -> Self:
        for name, account in self.providers.items():
            if (key := getattr(account, "callback_key", None)) is not None:
                if self.callbacks is None:
                    raise ValueError(f"{name} has a callback_key, and there is no [callbacks]")
                if not KEY.fullmatch(key.get_secret_value()):
                    raise ValueError(f"the callback_key of {name} is not 16 to 128 letters, digits and -._~")
        return self


@dataclass(frozen=True, slots=True)
class Ways:
    providers: Mapping[str, AnyProvider]
    """By name."""
    shares: _Shares
    federations: Mapping[str, _Shares]
    callbacks: CallbackSettings | None = None

    def of(self, federation: str, channel: Channel) -> Mapping[str, int]:
        """Names and weights of the providers that it uses; none where nobody sends for it by that channel."""
        own = self.federations.get(federation, self.shares)
        return own.of(channel) or self.shares.of(channel)


@asynccontextmanager
async def open_ways() -> AsyncIterator[Ways]:
    """Raises BadWays, OSError and ValidationError."""
    named = os.environ.get(VARIABLE)
    file = WaysFile.load(Path(named)) if named else _from_the_environment()
    async with AsyncExitStack() as stack:
        providers: dict[str, AnyProvider] = {}
        for name, account in file.providers.items():
            providers[name] = provider = _provider(account, name, file.callbacks)
            stack.push_async_callback(provider.close)
        yield Ways(providers, file, file.federations, file.callbacks)


def _from_the_environment() -> WaysFile:
    given: dict[str, Any] = {"sms-gateway": SmsSettings(), "smtp": SmtpSettings()}
    return WaysFile(providers=given, sms={"sms-gateway": 1}, email={"smtp": 1})


def _provider(account: Account, name: str, callbacks: CallbackSettings | None) -> AnyProvider:
    match account:
        case SmtpAccount():
            return SmtpProvider(account, name)
        case SmsGatewayAccount():
            return SmsGateway(account, name)
        case AliyunAccount():
            return Aliyun(account, name)
        case TencentAccount(poll_seconds=None):
            return Tencent(account, name)
        case TencentAccount():
            return PullingTencent(account, name)
        case KannelAccount(callback_key=key):
            told = callbacks.path_of(name, key.get_secret_value()) if callbacks and key else None
            return Kannel(account, name, told)
        case SmppAccount():
            return Smpp(account, name)


def _channel(account: Account) -> Channel:
    return Channel.EMAIL if isinstance(account, SmtpAccount) else Channel.SMS
