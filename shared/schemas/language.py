"""What a language module defines: its commands, events and queries, by name."""

from types import ModuleType
from typing import Any

from shared.schemas.messages import Command, Event, Query

__all__ = ["commands_of", "events_of", "queries_of"]


def events_of(module: ModuleType) -> dict[str, type[Event]]:
    return _defined(module, Event)


def commands_of(module: ModuleType) -> dict[str, type[Command]]:
    return _defined(module, Command)


def queries_of(module: ModuleType) -> dict[str, type[Query[Any]]]:
    return _defined(module, Query)


def _defined[M](module: ModuleType, kind: type[M]) -> dict[str, type[M]]:
    """The leaves among a kind's classes in a module: a class that others there build on is no message itself."""
    found = {
        name: thing
        for name, thing in vars(module).items()
        if isinstance(thing, type)
        and issubclass(thing, kind)
        and (thing.__module__ == module.__name__ or thing.__module__.startswith(module.__name__ + "."))
    }
    return {
        name: thing
        for name, thing in found.items()
        if not any(other is not thing and issubclass(other, thing) for other in found.values())
    }
