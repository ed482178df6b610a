"""Events to rows and back; old schemas are lifted to the newest on reading."""

from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

from pydantic_core import from_json, to_json

from shared.schemas.language import Upcaster, events_of, upcasters_of
from shared.schemas.messages import Event

__all__ = ["Codec", "UnknownEvent"]


class UnknownEvent(Exception):
    """The log holds an event that this code does not know: it was written by newer code, or its class is gone."""


class Codec:
    """The event classes of one language, with the upcasters `(type, from schema) -> function` for its old ones."""

    def __init__(
        self, events: Iterable[type[Event]], upcasters: Mapping[tuple[str, int], Upcaster] | None = None
    ) -> None:
        self.events = {event.__name__: event for event in events}
        self._upcasters = dict(upcasters or {})
        self._decoders: dict[tuple[str, int], Callable[[str | bytes], Any]] = {
            (name, event.schema_version): event.__pydantic_validator__.validate_json
            for name, event in self.events.items()
        }
        for name, event in self.events.items():
            for schema in range(event.schema_version - 1, 0, -1):
                if (name, schema) not in self._upcasters:
                    raise TypeError(f"{name} is at schema {event.schema_version}: no upcaster from {schema}")
                self._decoders[name, schema] = self._lifting(event, schema)

    @classmethod
    def of(cls, language: ModuleType) -> "Codec":
        """Of all events of a programme's language."""
        return cls(events_of(language).values(), upcasters_of(language))

    def knows(self, kind: str) -> bool:
        return kind in self.events

    def decode(self, kind: str, schema: int, data: str | bytes) -> Event:
        """An event from its stored JSON. Raises UnknownEvent."""
        try:
            decoder = self._decoders[kind, schema]
        except KeyError:
            raise UnknownEvent(f"{kind} schema {schema}") from None
        event: Event = decoder(data)
        return event

    @staticmethod
    def encode(event: Event) -> str:
        """An event's JSON. Raises where a personal field is not sealed."""
        return event.__pydantic_serializer__.to_json(event).decode()

    def _lifting(self, event: type[Event], schema: int) -> Callable[[str | bytes], Event]:
        steps = [self._upcasters[event.__name__, number] for number in range(schema, event.schema_version)]

        def decode(data: str | bytes) -> Event:
            content = from_json(data)
            for lift in steps:
                content = lift(content)
            return event.model_validate_json(to_json(content))

        return decode
