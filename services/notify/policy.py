"""What decisions about notifications rest on: how often one is tried, when nobody is disturbed, how long it lives."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from shared.eventsourcing.decider import SHANGHAI, Facts
from shared.schemas.notify import Channel, MessageClass

__all__ = ["NotifyFacts", "Patience", "Quiet", "Retries"]


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a message that was certainly not sent is tried, and how long after: doubled each time, and up to
    `jitter` of it longer, so that what failed together does not come back together."""

    attempts: int
    first_pause: timedelta
    longest_pause: timedelta
    jitter: float = 0.0

    def after(self, attempt: int, now: datetime, chance: float) -> datetime:
        """`chance` is from 0 to 1."""
        doubled: timedelta = self.first_pause * 2 ** min(attempt - 1, 32)
        return now + min(doubled, self.longest_pause) * (1 + self.jitter * chance)


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of the day in China in which nobody is disturbed by what is not urgent; none where they are equal."""

    begins: time
    ends: time
    channels: frozenset[Channel]

    def over_at(self, instant: datetime, channel: Channel, message_class: MessageClass) -> datetime | None:
        """When it may be sent, where not at this instant."""
        if message_class.urgent or channel not in self.channels:
            return None
        local = instant.astimezone(SHANGHAI)
        now, night = local.time(), self.begins > self.ends
        if not (now >= self.begins or now < self.ends if night else self.begins <= now < self.ends):
            return None
        day = local.date() + timedelta(days=1 if night and now >= self.begins else 0)
        return datetime.combine(day, self.ends, SHANGHAI)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a message of a class is worth sending, and how long a receipt is waited for."""

    lifetimes: dict[MessageClass, timedelta]
    receipts: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyFacts(Facts):
    retries: Retries
    quiet: Quiet
    patience: Patience
    chance: float = 0.0
    """From 0 to 1, anew for each decision."""
    unwanted: frozenset[MessageClass] = frozenset()
    """What the recipient does not want to be told."""
    forgotten: bool = False
    """Whether the recipient or the person concerned was erased."""
