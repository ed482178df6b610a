"""The fields of a command or query, read from its JSON Schema for the command line."""

import ast
import inspect
import json
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from textwrap import dedent
from typing import Any

from shared.eventsourcing.decider import SHANGHAI
from shared.schemas.ids import new_id
from shared.schemas.messages import Command, Query

__all__ = ["Field", "fields_of"]

type Schema = dict[str, Any]


@dataclass(frozen=True)
class Field:
    """One field. Its schema is without references, null, and the sealed form of personal data."""

    name: str
    schema: Schema
    required: bool
    doc: str

    @property
    def option(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def words(self) -> str:
        """Its type, for a person."""
        return _words(self.schema)

    @property
    def is_flag(self) -> bool:
        return self.schema.get("type") == "boolean"

    @property
    def is_list(self) -> bool:
        return self.schema.get("type") == "array"

    def on_the_command_line(self) -> str:
        """The option with a value that could stand there."""
        value = _example(self.schema)
        if self.is_flag:
            return self.option
        if self.is_list and value and isinstance(value[0], str):
            value = value[0]
        return f"{self.option} {shlex.quote(value if isinstance(value, str) else _compact(value))}"

    def read(self, text: str) -> Any:
        """From the command line to JSON. What does not fit goes as text: the service says what is wrong with it."""
        if _kinds(self.schema) == {"string"} or (self.is_list and _kinds(self.schema["items"]) == {"string"}):
            return text
        try:
            return json.loads(text)
        except ValueError:
            return text


def fields_of(kind: type[Command | Query[Any]]) -> dict[str, Field]:
    """By name."""
    schema = kind.model_json_schema()
    required, docs = schema.get("required", []), _docs(kind)
    fields = {}
    for name, given in schema.get("properties", {}).items():
        plain = _plain(given, schema.get("$defs", {}))
        doc = docs.get(name) or plain.get("description", "")
        fields[name] = Field(name, plain, name in required, doc.partition("\n\n")[0].replace("\n", " "))
    return fields


def _plain(schema: Schema, definitions: dict[str, Schema]) -> Schema:
    if reference := schema.get("$ref"):
        return _plain({**definitions[reference.rpartition("/")[2]], **_beside(schema, "$ref")}, definitions)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            branches = [_plain(one, definitions) for one in schema[key] if not _is_set_aside(one)]
            inner = branches[0] if len(branches) == 1 else {"anyOf": branches}
            return {**inner, **_beside(schema, key)}
    inside = {key: _plain(schema[key], definitions) for key in ("items",) if key in schema}
    if "properties" in schema:
        inside["properties"] = {name: _plain(one, definitions) for name, one in schema["properties"].items()}
    return {**schema, **inside}


def _beside(schema: Schema, key: str) -> Schema:
    return {name: value for name, value in schema.items() if name not in (key, "title", "default")}


def _is_set_aside(schema: Schema) -> bool:
    """Null is left out on the command line; the sealed form of personal data is not for people to type."""
    return schema.get("type") == "null" or list(schema.get("properties", ())) == ["sealed"]


def _kinds(schema: Schema) -> set[str]:
    """The JSON types that a value may have."""
    if "anyOf" in schema:
        return {kind for branch in schema["anyOf"] for kind in _kinds(branch)}
    return {schema.get("type", "string" if "enum" in schema else "any")}


def _words(schema: Schema) -> str:
    match schema:
        case {"enum": values}:
            return " | ".join(map(str, values))
        case {"const": value}:
            return str(value)
        case {"format": "cny"}:
            return "CNY, 1234.50"
        case {"format": "date-time"}:
            return "instant"
        case {"format": str(form)}:
            return form
        case {"type": "array", "items": {"type": "object"} | {"type": "array"}}:
            return "JSON, a list"
        case {"type": "array", "items": items}:
            return f"{_words(items)}, several times"
        case {"type": "object"}:
            return "JSON, an object"
        case {"type": "boolean"}:
            return "yes or no"
        case {"type": "string"}:
            return "text"
        case {"type": "integer", "minimum": least, "maximum": most}:
            return f"integer, {least} to {most}"
        case {"anyOf": branches} if "number" in _kinds(schema):
            return "number" if _kinds(schema) <= {"number", "string"} else " or ".join(map(_words, branches))
        case {"anyOf": branches}:
            return " or ".join(dict.fromkeys(map(_words, branches)))
    return str(schema.get("type", "JSON"))


def _example(schema: Schema) -> Any:
    """A value of the right shape."""
    match schema:
        case {"examples": [first, *_]} | {"enum": [first, *_]} | {"const": first} | {"default": first} if first:
            return first
        case {"anyOf": [first, *_]}:
            return _example(first)
        case {"format": "uuid"}:
            return str(new_id())
        case {"format": "date"}:
            return datetime.now(SHANGHAI).date().isoformat()
        case {"format": "date-time"}:
            return datetime.now(UTC).isoformat(timespec="seconds")
        case {"pattern": r"^\d{6}$"}:
            return "330503"
        case {"type": "integer" | "number"}:
            return schema.get("minimum", 1)
        case {"type": "boolean"}:
            return True
        case {"type": "array", "items": items}:
            return [_example(items)]
        case {"type": "object"}:
            needed = schema.get("required", list(schema.get("properties", {})))
            return {name: _example(one) for name, one in schema.get("properties", {}).items() if name in needed}
    return "…"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def _docs(kind: type) -> dict[str, str]:
    """The docstrings that follow fields, in the class and those it builds on."""
    docs: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        if not one.__module__.startswith("shared.schemas.") or "[" in one.__name__:  # Query[…] has no source
            continue
        (node,) = ast.parse(dedent(inspect.getsource(one))).body
        body = node.body if isinstance(node, ast.ClassDef) else []
        for statement, following in pairwise(body):
            match statement, following:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    docs[name] = " ".join(text.split())
    return docs
