"""What every way to a recipient offers, and how an attempt can end.

Once-only rests on three things:

- a notification's id follows from (event, rule, channel, recipient), and goes with the message: as `out_id` of a
  text message, as `Message-ID` of an email;
- `SendingStarted` is recorded before a provider is spoken to, so that an attempt of which no outcome is recorded
  (time-out, dropped connection, killed process) is known;
- after such an attempt nothing is sent by `send`, and by no other provider. `settle` finds out what became of it,
  or sends where the receiver itself keeps a repeat from arriving, or raises OutcomeUnknown.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared.schemas.notify import Channel, FailureKind

__all__ = [
    "Email",
    "OutcomeUnknown",
    "Permanent",
    "Provider",
    "SendingRefused",
    "Sent",
    "Sms",
    "Technical",
    "Temporary",
    "Unknowable",
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


class Permanent(SendingRefused):
    """This message will never be taken for this recipient."""

    failure = FailureKind.PERMANENT


class Technical(SendingRefused):
    """The provider cannot be reached or does not serve us; it says nothing of the recipient."""

    failure = FailureKind.TECHNICAL


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

    async def settle(self, message: M) -> Sent:
        """After an attempt of unknown outcome: Sent where the provider has the message, by that attempt or by this
        call; SendingRefused where neither sent anything, nor will. OutcomeUnknown where it cannot be found out now, and
        Unknowable where it never can, and sending again might make the message arrive twice."""

    async def close(self) -> None: ...
