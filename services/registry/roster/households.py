"""Who lives with whom, as a roster says: by the head's identity number (户主身份证号), else by the union's own number
of the household (家庭编号)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from services.registry.roster.rows import ListedMember

__all__ = ["Lodging", "lodgings"]


@dataclass(frozen=True, slots=True)
class Lodging:
    """That a listed member lives in the household of a head, who need not be on the roster."""

    id_number: str = field(repr=False)
    head: str = field(repr=False)
    """The head's identity number."""


def lodgings(members: Iterable[ListedMember]) -> list[Lodging]:
    """Of those who live with somebody else, in the roster's order.

    Of the members of a numbered household the first is taken for its head. A head who lives with yet another is
    none: that other is. Of those who name one another in a ring the first is the head.
    """
    listed = list(members)
    firsts: dict[str, str] = {}
    for member in listed:
        if member.household is not None:
            firsts.setdefault(member.household, member.id_number.number)
    named = {member.id_number.number: _named(member, firsts) for member in listed}
    heads = _heads(named)
    return [Lodging(number, heads[number]) for number in named if heads[number] != number]


def _named(member: ListedMember, firsts: Mapping[str, str]) -> str:
    """Whose household the member's row names; their own where it names none."""
    own = member.id_number.number
    if member.head_id_number is not None:
        return member.head_id_number
    return own if member.household is None else firsts[member.household]


def _heads(named: Mapping[str, str]) -> dict[str, str]:
    """Whom each gets to, from the one they name to the one that that one names, and so on."""
    order = {number: place for place, number in enumerate(named)}
    heads: dict[str, str] = {}
    for number in named:
        passed: dict[str, None] = {}
        at = number
        while at not in heads and at not in passed and named.get(at, at) != at:
            passed[at] = None
            at = named[at]
        if at in passed:
            way = list(passed)
            at = min(way[way.index(at) :], key=order.__getitem__)
        heads |= dict.fromkeys((*passed, number), heads.get(at, at))
    return heads
