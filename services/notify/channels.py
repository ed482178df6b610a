"""What every way to a recipient offers, and how an attempt can end.

Once-only rests on three things:

- a notification's id follows from (event, rule, channel, recipient), and goes with the message: as `out_id` of a
  text message, as `Message-ID` of an email;
- `SendingStarted` is recorded before a provider is spoken to, so that an attempt of which no outcome is recorded
  (time-out, dropped connection, killed process) is known;
- after such an attempt nothing is sent by `send`, and by no other provider. `settle` finds out what became of it,
  or sends where the receiver itself keeps a repeat from arriving, or raises OutcomeUnknown.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable
from uuid import UUID

from starlette.responses import Response

from shared.schemas.notify import Channel, FailureKind

__all__ = [
    "Call",
    "CalledBack",
    "Delivered",
    "Email",
    "Failed",
    "Hear",
    "InboundReply",
    "Listening",
    "NotServed",
    "NotUnderstood",
    "OutcomeUnknown",
    "OverBudget",
    "Permanent",
    "Provider",
    "Receipt",
    "Report",
    "SendingRefused",
    "Sent",
    "Sms",
    "Technical",
    "Temporary",
    "Unknowable",
    "Window",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sms:
    notification_id: UUID
    to: str
    """A telephone number, as the registry has it."""
    text: str
    """With the signature 【…】 at its head."""
    template: str
    """Such as `loan-approved@1`: vendors approve texts by template."""
    at: datetime
    """When it was requested."""

    def __repr__(self) -> str:
        return f"Sms({self.notification_id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    notification_id: UUID
    to: str
    to_name: str
    subject: str
    text: str
    html: str
    from_name: str
    at: datetime
    """When it was requested: its `Date`, the same at each attempt."""

    def __repr__(self) -> str:
        return f"Email({self.notification_id})"


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider has it."""

    provider_message_id: str


class SendingRefused(Exception):
    """Certainly nothing was sent. `reason` is a code that names no person."""

    failure: FailureKind

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Temporary(SendingRefused):
    """The recipient, or the provider for this message, cannot take it now; later may do."""

    failure = FailureKind.TEMPORARY


class Window(StrEnum):
    """Over what time a provider counts messages."""

    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


class OverBudget(Temporary):
    """The provider counts messages, and has had enough of these for now. It says nothing of recipient or health."""

    def __init__(self, reason: str, window: Window) -> None:
        super().__init__(reason)
        self.window = window


class Permanent(SendingRefused):
    """This message will never be taken for this recipient."""

    failure = FailureKind.PERMANENT


class Technical(SendingRefused):
    """The provider cannot be reached or does not serve us; it says nothing of the recipient."""

    failure = FailureKind.TECHNICAL


class NotServed(Technical):
    """The provider does not take such messages from us: it has no approved template for these words, or does not
    know the signature. Another provider may. It says nothing of its health."""


class OutcomeUnknown(Exception):
    """The provider may have taken the message, or not: only `settle` may follow."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unknowable(OutcomeUnknown):
    """Nor can it ever be found out: there is nobody to ask."""


class Provider[M: (Sms, Email)](Protocol):
    """A way to send. Both calls may run concurrently, and raise SendingRefused or OutcomeUnknown."""

    name: str
    channel: Channel
    at_once: int
    """Messages that it takes at a time. A killed process leaves so many attempts of unknown outcome, at most."""

    async def send(self, message: M) -> Sent:
        """Send a message of which no attempt has an unknown outcome."""

    async def settle(self, message: M, begun: datetime, /) -> Sent:
        """After an attempt of unknown outcome, which was begun then: Sent where the provider has the message, by that
        attempt or by this call; SendingRefused where neither sent anything, nor will. OutcomeUnknown where it cannot
        be found out now, and Unknowable where it never can, and sending again might make the message arrive twice."""

    async def close(self) -> None: ...


# What a provider reports afterwards.


@dataclass(frozen=True, slots=True)
class Delivered:
    """It reached the recipient's telephone or mailbox."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It did not, and will not. `reason` is a code that names no person."""

    kind: FailureKind
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A provider's last word on a message; what says that it is still under way is none. It may come before the
    attempt's own answer, again, late, and once for each part of a long text."""

    provider: str
    provider_message_id: str
    """As in `Sent`; where an attempt's outcome stayed unknown, nobody has seen it before."""
    notification_id: UUID | None
    """None where the provider does not repeat it: then it goes by `provider_message_id`."""
    outcome: Delivered | Failed
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundReply:
    """What somebody wrote back."""

    provider: str
    from_number: str
    """As the registry has mainland numbers: without country code."""
    text: str
    at: datetime

    def __repr__(self) -> str:
        return f"InboundReply(by {self.provider} at {self.at.isoformat()})"


type Report = Receipt | InboundReply

type Hear = Callable[[Sequence[Report]], Awaitable[None]]
"""Keeps reports. When it returns they are kept, and the provider forgets them; whatever it raises, the provider is
told or left to report them again. So a report may be heard any number of times."""


@dataclass(frozen=True, slots=True)
class Call:
    """A provider's HTTP request to us."""

    query: Mapping[str, str]
    """Bytes that are not UTF-8 stand in it as `surrogateescape` has them."""
    content_type: str
    body: bytes

    def __repr__(self) -> str:
        return f"Call({self.content_type}, {len(self.body)} bytes)"


class NotUnderstood(Exception):
    """A call that is no report of this provider."""


@runtime_checkable
class CalledBack(Protocol):
    """A provider that reports by calling us: see `providers/callbacks.py`, which is the door."""

    name: str
    callback_key: str | None
    """What its calls are known by: the last part of their path. None where it does not call us."""

    async def called(self, call: Call, hear: Hear) -> Response:
        """The answer that it expects, once what it reports was heard. Raises NotUnderstood, and what `hear` raises."""


@runtime_checkable
class Listening(Protocol):
    """A provider whose reports are fetched, or come by the connection on which messages go out."""

    name: str

    async def listen(self, hear: Hear) -> None:
        """For ever, under a lead: one process at a time. It raises where the provider cannot be listened to any more:
        call it again."""
