"""What goes wrong, and when: drawn from a seed. The same seed and length give the same schedule."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from random import Random
from typing import Final

__all__ = ["PARTS", "PROGRAMMES", "SERVERS", "Fault", "How", "Profile", "schedule"]

PROGRAMMES: Final = ("registry", "loan", "lending", "aid", "notify")
SERVERS: Final = ("postgres", "nats")
PARTS: Final = (*PROGRAMMES, *SERVERS, "mail", "sms")
LINKS: Final = tuple(f"{programme}-{server}" for programme in PROGRAMMES for server in SERVERS)
"""Each service's line to each server."""


class How(StrEnum):
    KILL = "kill"
    RESTART = "restart"
    FREEZE = "freeze"
    CUT = "cut"
    STALL = "stall"
    FILL = "fill"


@dataclass(frozen=True, slots=True)
class Kind:
    """How it is done, to which targets, how it is healed, and whether it lasts until then."""

    done: str
    targets: tuple[str, ...]
    healed: str
    lasts: bool


KINDS: Final[dict[How, Kind]] = {
    How.KILL: Kind("SIGKILL", PARTS, "the supervisor starts it again", lasts=False),
    How.RESTART: Kind("the signal to leave in good order", PARTS, "the supervisor starts it again", lasts=False),
    How.FREEZE: Kind("SIGSTOP, to its children too", PARTS, "SIGCONT", lasts=True),
    How.CUT: Kind("connections are reset, and refused", LINKS, "they are taken again", lasts=True),
    How.STALL: Kind("connections stay, no byte arrives", LINKS, "bytes flow on", lasts=True),
    How.FILL: Kind("streams up to the broker's limit of storage", ("nats",), "the ballast is deleted", lasts=True),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """At `at` seconds from the beginning; healed `lasts` seconds later."""

    at: float
    how: How
    target: str
    lasts: float = 0.0

    def __str__(self) -> str:
        return f"{self.how} {self.target}" + (f" for {self.lasts:.1f} s" if self.lasts else "")


@dataclass(frozen=True, slots=True)
class Profile:
    seconds: float
    gap: float
    """Seconds between faults, in the mean."""
    longest: float
    """Seconds that a fault lasts at most."""

    @classmethod
    def of(cls, seconds: float) -> "Profile":
        return cls(seconds, 1.0, 3.0) if seconds <= 60 else cls(seconds, 4.0, 15.0)


def schedule(seed: int, profile: Profile) -> list[Fault]:
    """In order. Every part is killed in the first round; then anything befalls anything."""
    chance, at = Random(seed), 0.0
    faults: list[Fault] = []
    for how, target in _deck(chance):
        at += chance.expovariate(1 / profile.gap)
        if at > profile.seconds:
            return faults
        lasts = chance.uniform(0.2, profile.longest) if KINDS[how].lasts else 0.0
        faults.append(Fault(round(at, 3), how, target, round(lasts, 3)))
    raise AssertionError("the deck has no end")


def _deck(chance: Random) -> Iterator[tuple[How, str]]:
    for number in count():
        cards = _first_round(chance) if number == 0 else _round(chance)
        chance.shuffle(cards)
        yield from cards


def _first_round(chance: Random) -> list[tuple[How, str]]:
    others = (How.FREEZE, How.CUT, How.STALL, How.FILL)
    return [*((How.KILL, part) for part in PARTS), *((how, chance.choice(KINDS[how].targets)) for how in others)]


def _round(chance: Random) -> list[tuple[How, str]]:
    """A fault for each part, of two in three of the lines, and full storage."""
    parts: Sequence[How] = (How.KILL, How.RESTART, How.FREEZE)
    links: Sequence[How] = (How.CUT, How.STALL)
    return [
        *((chance.choice(parts), part) for part in PARTS),
        *((chance.choice(links), link) for link in chance.sample(LINKS, 6)),
        (How.FILL, "nats"),
    ]
