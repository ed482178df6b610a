"""The programmes' languages by name, for whoever types them."""

import inspect
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Final

import shared.schemas
from deploy.local.fields import Field, fields_of
from shared.schemas.language import commands_of, queries_of
from shared.schemas.messages import Command, Query

__all__ = ["Message", "Unknown", "find", "messages", "programmes"]

VERBS: Final = {"send": "cmd", "ask": "qry"}


class Unknown(Exception):
    """There is no such name; the message lists the near ones."""

    def __init__(self, what: str, name: str, known: Sequence[str]) -> None:
        by_lower = {one.lower(): one for one in known}
        near = [by_lower[one] for one in get_close_matches(name.lower(), list(by_lower), 3, 0.5)]
        near += [one for one in known if name and name.lower() in one.lower() and one not in near]
        hint = f": did you mean {' or '.join(near[:4])}?" if near else ""
        super().__init__(f"no {what} is named {name!r}{hint}")


@dataclass(frozen=True)
class Message:
    """A command or query of a programme."""

    programme: str
    kind: type[Command | Query[Any]]
    fields: dict[str, Field] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.kind.__name__

    @property
    def doc(self) -> str:
        return inspect.cleandoc(self.kind.__doc__ or "")

    @property
    def roles(self) -> list[str]:
        return sorted(role.value for role in self.kind.roles)

    def subject(self, verb: str, federation: str) -> str:
        return f"{VERBS[verb]}.{federation}.{self.programme}.{self.name}"


def programmes() -> list[str]:
    """Those that have a language."""
    return [name for _, name, _ in pkgutil.iter_modules(shared.schemas.__path__) if _defined(name, "send", "ask")]


def messages(verb: str, programme: str) -> list[str]:
    """What one may `send` to or `ask` of a programme. Raises Unknown."""
    if programme not in programmes():
        raise Unknown("programme", programme, programmes())
    return sorted(_defined(programme, verb))


def find(verb: str, programme: str, name: str) -> Message:
    """Raises Unknown."""
    known = messages(verb, programme)
    if name not in known:
        what = {"send": f"command of {programme}", "ask": f"query of {programme}"}[verb]
        raise Unknown(what, name, known)
    kind = _defined(programme, verb)[name]
    return Message(programme, kind, fields_of(kind))


def _defined(programme: str, *verbs: str) -> dict[str, type[Command | Query[Any]]]:
    module = import_module(f"shared.schemas.{programme}")
    found: dict[str, type[Command | Query[Any]]] = {}
    if "send" in verbs:
        found |= commands_of(module)
    if "ask" in verbs:
        found |= queries_of(module)
    return {name: kind for name, kind in found.items() if kind not in (Command, Query)}
