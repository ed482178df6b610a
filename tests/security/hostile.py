"""Messages from the JSON Schema of a command or query: valid ones at the edge of what it allows, and spoiled ones."""

import re
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from types import ModuleType
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import to_json

from shared.schemas import aid, city, lending, loan, notify, registry
from shared.schemas.ids import new_id
from shared.schemas.language import commands_of, queries_of
from shared.schemas.messages import Command, Query

__all__ = ["LANGUAGES", "Known", "Maker", "kinds_of", "spoiled"]

type Schema = Mapping[str, Any]
type Known = Mapping[str, Sequence[Any]]
"""Values that there are, by the name of the field that they stood in."""
type Kind = type[Command] | type[Query[Any]]

LANGUAGES: Final[Mapping[str, ModuleType]] = {
    "registry": registry,
    "loan": loan,
    "lending": lending,
    "aid": aid,
    "notify": notify,
    "city": city,
}

TEXTS: Final = (
    "示例",
    "x",
    "330503",
    "330783",
    "nxbank",
    "dyrmyy",
    "1234.50",
    "13800138000",
    "91330502MA28C1234X",
    "11010519491231002X",
    "someone@example.org",
    "2019-07",
    "JBTK-000001",
    "娘" * 500,
    "x" * 500,
    "'; drop table events; --",
    "{0} {name} %s ${jndi:x} {{ 7*7 }} <script>",
    "../../etc/passwd",
    "‮abc",
    "👩‍🏭",
    "￿",
    "２０１９-07",
    "*.>",
    "a\tb\r\nc",
)
DATES: Final = ("0001-01-01", "9999-12-31", "2019-07-01", "2020-02-29", "2018-07-01", "1970-01-01", "9999-01-01")
INSTANTS: Final = (
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "2019-07-01T04:00:00Z",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+14:00",
    "2019-07-01T09:00:00+08:00",
)
AMOUNTS: Final = ("0.00", "0.01", "1.00", "1234.50", "100000.00", "9999999999999.99", "-0.01", "-9999999999999.99")
NUMBERS: Final = (0, 1, 2, 12, 100, -1, 2**31 - 1, 2**31, 2**63 - 1, 2**63, 10**30)
GARBAGE: Final[Sequence[Any]] = (
    *(None, True, False, 0, -1, 2**63, -(2**63) - 1, 10**40, 1.5, 1e308, -0.0, "", " ", "0", "null"),
    *([], {}, [[[[]]]], {"sealed": "x"}, {"sealed": None}, [None], {"": {}}),
    *("x" * 100_000, "\u202e", "9999-12-31T23:59:59-23:59", "NaN", "1e400", "-0.00", "99999999999999999.99"),
)
FEW: Final = 3
"""Items of a list that is made, at most, beyond those that it must have."""


def kinds_of(language: ModuleType) -> Iterator[Kind]:
    yield from commands_of(language).values()
    yield from queries_of(language).values()


class Maker:
    """Makes messages. Half of what it says of a field is `known` of that field, where something is."""

    def __init__(self, random: Random, known: Known | None = None) -> None:
        self._random, self._known = random, known or {}
        self._schemas: dict[type[BaseModel], Schema] = {}

    def message(self, kind: Kind) -> dict[str, Any]:
        """JSON that the schema allows; what else a type checks, it may fail."""
        schema = self._schemas.get(kind)
        if schema is None:
            schema = self._schemas[kind] = kind.model_json_schema()
        made: dict[str, Any] = self._make(schema, schema.get("$defs", {}), "")
        return made

    def known(self, name: str) -> Any:
        """Something of that name that there is; None where there is nothing."""
        values = self._known.get(name)
        return self._random.choice(values) if values else None

    def _make(self, schema: Schema, definitions: Schema, name: str) -> Any:
        random = self._random
        if "properties" not in schema and random.random() < 0.5 and (known := self.known(name)) is not None:
            return known
        match schema:
            case {"$ref": reference}:
                return self._make(definitions[reference.removeprefix("#/$defs/")], definitions, name)
            case {"const": value}:
                return value
            case {"enum": values}:
                return random.choice(values)
            case {"anyOf": choices} | {"oneOf": choices}:
                return self._make(random.choice(choices), definitions, name)
            case {"type": "object", "properties": fields}:
                needed = schema.get("required", ())
                return {
                    field: self._make(inner, definitions, field)
                    for field, inner in fields.items()
                    if field in needed or random.random() < 0.7
                }
            case {"type": "object", "additionalProperties": dict(inner)}:
                names = schema.get("propertyNames", {"type": "string"})
                return {
                    str(self._make(names, definitions, name)): self._make(inner, definitions, name)
                    for _ in range(random.randint(0, FEW))
                }
            case {"type": "array", "prefixItems": items}:
                return [self._make(inner, definitions, name) for inner in items]
            case {"type": "array", "items": inner}:
                least = schema.get("minItems", 0)
                count = random.randint(least, least + FEW)
                return [self._make(inner, definitions, name) for _ in range(count)]
            case {"type": "integer" | "number"}:
                return self._number(schema)
            case {"type": "boolean"}:
                return random.random() < 0.5
            case {"type": "null"}:
                return None
            case {"type": "string"}:
                return self._text(schema, name)
        return random.choice(GARBAGE)

    def _number(self, schema: Schema) -> Any:
        least = schema.get("minimum", schema.get("exclusiveMinimum", -(2**70)))
        most = schema.get("maximum", schema.get("exclusiveMaximum", 2**70))
        allowed = [number for number in (*NUMBERS, least, most) if least <= number <= most]
        return self._random.choice(allowed)

    def _text(self, schema: Schema, name: str) -> str:
        random = self._random
        match schema:
            case {"format": "uuid"}:
                return str(new_id())
            case {"format": "date"}:
                return random.choice(DATES)
            case {"format": "date-time"}:
                return random.choice(INSTANTS)
            case {"format": "cny"}:
                return random.choice(AMOUNTS)
        examples = schema.get("examples", ())
        if examples and random.random() < 0.5:
            return str(random.choice(examples))
        least, most = schema.get("minLength", 0), schema.get("maxLength", 2000)
        pattern = re.compile(schema.get("pattern", ""))
        fitting = [text for text in (one.ljust(least, "0")[:most] for one in TEXTS) if pattern.search(text)]
        return random.choice(fitting or TEXTS)


def spoiled(random: Random, message: Any) -> Any:
    """The message with something in it that is not as it should be."""
    match message:
        case dict() if message and random.random() < 0.9:
            name = random.choice(list(message))
            rest = {one: value for one, value in message.items() if one != name}
            match random.randrange(5):
                case 0:
                    return rest
                case 1:
                    return {**message, random.choice(("extra", "", "__class__", "x" * 1000)): random.choice(GARBAGE)}
                case _:
                    return {**message, name: spoiled(random, message[name])}
        case list() if message and random.random() < 0.7:
            place = random.randrange(len(message))
            return [spoiled(random, one) if at == place else one for at, one in enumerate(message)]
    return random.choice(GARBAGE)


def encoded(message: Any) -> bytes:
    return to_json(message)
