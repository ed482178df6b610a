"""One example of an event, made from its JSON Schema: the same today and tomorrow."""

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID, uuid5

from pydantic import ValidationError
from pydantic_core import to_json

from shared.schemas.messages import Event

__all__ = ["NoExample", "example_of"]

type Schema = Mapping[str, Any]

SOURCE: Final = UUID("8f0c6f0e-2f3b-5c58-9d0e-6f5a5a3a7c11")

TEXTS: Final = ("示例", "example", "330503", "1234.50", "13800138000", "91330502MA28C1234X", "someone@example.org")


class NoExample(Exception):
    """The types do not say enough to make an example of them."""


def example_of(event: type[Event]) -> str:
    """An event's JSON as the log would hold it, personal data in clear. Every field is there, every list has an item.

    Raises NoExample where the event refuses what its schema allows.
    """
    schema = event.model_json_schema()
    content = _Maker(schema.get("$defs", {})).make(schema, event.__name__)
    try:
        made = event.model_validate_json(to_json(content))
    except ValidationError as error:
        raise NoExample(f"{event.__name__}: {error}") from error
    return made.model_dump_json(indent=2, context={"clear": True}) + "\n"


class _Maker:
    def __init__(self, definitions: Schema) -> None:
        self._definitions = definitions

    def make(self, schema: Schema, name: str) -> Any:
        """A value of a schema; `name` is that of the field."""
        match schema:
            case {"$ref": reference}:
                return self.make(self._definitions[reference.removeprefix("#/$defs/")], name)
            case {"examples": [first, *_]}:
                return first
            case {"const": value} | {"enum": [value, *_]}:
                return value
            case {"anyOf": choices} | {"oneOf": choices}:
                return self.make(next(filter(_is_a_value, choices), choices[0]), name)
            case {"type": "object", "properties": fields}:
                return {field: self.make(inner, field) for field, inner in fields.items()}
            case {"type": "object", "additionalProperties": dict(inner)}:
                return {self.make(schema.get("propertyNames", {"type": "string"}), name): self.make(inner, name)}
            case {"type": "object"}:
                return {}
            case {"type": "array", "prefixItems": items}:
                return [self.make(inner, f"{name}.{n}") for n, inner in enumerate(items)]
            case {"type": "array", "items": inner}:
                return [self.make(inner, f"{name}.{n}") for n in range(max(1, schema.get("minItems", 0)))]
            case {"type": "integer" | "number"}:
                return _number(schema)
            case {"type": "boolean"}:
                return True
            case {"type": "null"}:
                return None
            case {"type": "string"}:
                return _text(schema, name)
            case _ if schema.keys() <= {"title", "description", "default"}:
                return TEXTS[0]
            case _:
                raise NoExample(f"{name}: no example is known of {schema}")


def _is_a_value(schema: Schema) -> bool:
    """Neither nothing nor a sealed token."""
    return schema.get("type") != "null" and "sealed" not in schema.get("properties", {})


def _number(schema: Schema) -> Any:
    least = max(schema.get("minimum", 1), schema.get("exclusiveMinimum", 0) + 1, 1)
    return min(least, schema.get("maximum", least), schema.get("exclusiveMaximum", least + 1) - 1)


def _text(schema: Schema, name: str) -> str:
    match schema.get("format"):
        case "uuid":
            return str(uuid5(SOURCE, name))
        case "date":
            return "2025-06-01"
        case "date-time":
            return "2025-06-01T04:00:00Z"
    least, most = schema.get("minLength", 0), schema.get("maxLength", 10_000)
    for text in TEXTS:
        filled = text.ljust(least, "0")[:most]
        if re.search(schema.get("pattern", ""), filled):
            return filled
    raise NoExample(f"{name}: no text is known of {schema}; name one by Field(examples=[…])")
