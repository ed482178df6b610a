"""What a language module defines: its commands, events and queries, by name.

Where an event's schema number was raised, the module's `UPCASTERS` lift what was recorded under the old ones:
`UPCASTERS = {("HonourGranted", 1): a_function_from_the_old_json_to_the_new}`.
"""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from shared.schemas.messages import Command, Event, Query

__all__ = ["Upcaster", "commands_of", "events_of", "queries_of", "upcasters_of"]

type Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
"""Lifts an event's JSON by one schema number."""


def events_of(module: ModuleType) -> dict[str, type[Event]]:
    return _defined(module, Event)


def commands_of(module: ModuleType) -> dict[str, type[Command]]:
    return _defined(module, Command)


def queries_of(module: ModuleType) -> dict[str, type[Query[Any]]]:
    return _defined(module, Query)


def upcasters_of(module: ModuleType) -> Mapping[tuple[str, int], Upcaster]:
    """By (type, schema number that is lifted)."""
    upcasters: Mapping[tuple[str, int], Upcaster] = getattr(module, "UPCASTERS", {})
    return upcasters


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
