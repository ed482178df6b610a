"""Which event calls for which words, to whom, by which channels: rules as data, read from `rules.toml`."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import time
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, StringConstraints, ValidationError

from services.notify import digesting, templates
from services.notify.templates import Catalogue, Template
from services.notify.wording import Kind, Variable
from shared.schemas.messages import Event
from shared.schemas.notify import Channel, MessageClass, Name, RecipientKind, TemplateRef, Values

__all__ = ["Audience", "BadRules", "Rule", "Rulebook", "check_rules", "shipped"]

HERE: Final = Path(__file__).parent

type Place = Annotated[str, StringConstraints(pattern=r"^[a-z_]+(\.[a-z_]+)*$")]
"""Of a value in an event: `limit`, or `terms.rate.annual_percent`."""


class BadRules(ValueError):
    """The rules cannot be used; the message names the rule and what is wrong in it."""


class Audience(StrEnum):
    MEMBER = "member"  # the member whom `who` names
    CADRES = "cadres"  # the contacts of the union that `who` names
    OFFICERS = "officers"  # the contacts of the event's federation
    BANK = "bank"  # the desk of the bank that `who` names
    SUBSCRIBERS = "subscribers"  # who is on the list that `list` names

    @property
    def kind(self) -> RecipientKind:
        return _KIND_OF[self]


_KIND_OF: Final = {
    Audience.MEMBER: RecipientKind.MEMBER,
    Audience.CADRES: RecipientKind.CADRE,
    Audience.OFFICERS: RecipientKind.OFFICER,
    Audience.BANK: RecipientKind.BANK,
    Audience.SUBSCRIBERS: RecipientKind.SUBSCRIBER,
}
_WHO: Final[Mapping[Audience, str | None]] = {
    Audience.MEMBER: "member_id",
    Audience.CADRES: "union_id",
    Audience.OFFICERS: None,
    Audience.BANK: "bank",
    Audience.SUBSCRIBERS: None,
}


def _ref(text: object) -> object:
    if not isinstance(text, str):
        return text
    name, _, version = text.partition("@")
    return {"id": name, "version": version}


class Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Name
    programme: Name
    event: Name
    audience: Audience = Audience.MEMBER
    who: Place | None = None
    """Where the event names the audience; unless set `member_id`, `union_id` or `bank`."""
    list: Name | None = None
    """The list that subscribers are on, of the event's federation."""
    digest: time | None = None
    """When, in China, the events since are told of in one message, whose template says `count` and no more."""
    concerns: Annotated[Place | None, BeforeValidator(lambda text: text or None)] = "member_id"
    """Where the event names the person whose data the values are; empty where they are nobody's."""
    message_class: Annotated[MessageClass, Field(alias="class")]
    template: Annotated[TemplateRef, BeforeValidator(_ref)]
    """`loan-accepted@1`."""
    channels: Annotated[tuple[Channel, ...], Field(min_length=1)]
    values: dict[str, Place] = {}
    """Where a variable of the template stands in the event, unless it has the variable's own name."""
    when: dict[Place, Annotated[tuple[str, ...], Field(min_length=1)]] = {}
    """Codes by places of the event: unless one of them stands there, the rule calls for nothing."""

    @property
    def place_of_audience(self) -> str | None:
        return self.who or _WHO[self.audience]

    def place_of(self, variable: str) -> str:
        return self.values.get(variable, variable)

    def applies_to(self, event: Mapping[str, JsonValue]) -> bool:
        """Of an event as JSON has it. Raises KeyError where the event lacks a place."""
        return all(value_at(event, place) in codes for place, codes in self.when.items())

    def values_of(self, event: Mapping[str, JsonValue], template: Template) -> Values:
        """The template's variables, from an event as JSON has it. Raises KeyError where the event lacks one."""
        return {variable: value_at(event, self.place_of(variable)) for variable in template.variables}


def value_at(event: Mapping[str, JsonValue], place: str) -> JsonValue:
    """What stands at a place of an event; null beyond a null, beyond a list that of each. Raises KeyError."""
    found: JsonValue = dict(event)
    for name in place.split("."):
        found = _under(found, name)
    return found


def _under(value: Any, name: str) -> JsonValue:
    if value is None:
        return None
    if isinstance(value, list):
        return [_under(one, name) for one in value]
    found: JsonValue = value[name]
    return found


@dataclass(frozen=True)
class Rulebook:
    version: str
    rules: tuple[Rule, ...]

    @classmethod
    def load(cls, path: Path, catalogue: Catalogue) -> Self:
        """Raises BadRules for what cannot be read, and where rules and templates do not fit together."""
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        try:
            rules = tuple(Rule.model_validate(rule) for rule in content["rules"])
        except ValidationError as error:
            raise BadRules(f"{path.name}: {error}") from error
        ids = [rule.id for rule in rules]
        if repeated := sorted({name for name in ids if ids.count(name) > 1}):
            raise BadRules(f"{path.name}: more than one rule named {', '.join(repeated)}")
        for rule in rules:
            template = catalogue.templates.get(rule.template)
            if template is None:
                raise BadRules(f"{rule.id}: there is no template {rule.template}")
            if missing := sorted(set(rule.channels) - template.channels):
                raise BadRules(f"{rule.id}: {rule.template} has no words for {', '.join(missing)}")
            if (rule.audience is Audience.SUBSCRIBERS) is not (rule.list is not None):
                raise BadRules(f"{rule.id}: subscribers are those of a list, and nobody else is")
            if rule.digest is not None and not template.variables.keys() <= digesting.VARIABLES:
                raise BadRules(f"{rule.id}: a digest says {', '.join(digesting.VARIABLES)} and no more")
            if unknown := sorted(rule.values.keys() - template.variables.keys()):
                raise BadRules(f"{rule.id}: {rule.template} has no variable {', '.join(unknown)}")
        return cls(str(content["version"]), rules)

    def of(self, programme: str, event: str) -> tuple[Rule, ...]:
        return self._by_event.get((programme, event), ())

    @property
    def events(self) -> frozenset[tuple[str, str]]:
        """Programmes and events that call for anything."""
        return frozenset(self._by_event)

    @cached_property
    def _by_event(self) -> dict[tuple[str, str], tuple[Rule, ...]]:
        found: dict[tuple[str, str], tuple[Rule, ...]] = {}
        for rule in self.rules:
            named = rule.programme, rule.event
            found[named] = (*found.get(named, ()), rule)
        return found


@cache
def shipped() -> Rulebook:
    return Rulebook.load(HERE / "rules.toml", templates.shipped())


def check_rules(book: Rulebook, catalogue: Catalogue, languages: Mapping[str, Mapping[str, type[Event]]]) -> list[str]:
    """What in the rules does not fit the events of these programmes, a sentence each; rules of others are passed over.

    `languages` are event classes by programme and name: `{"loan": events_of(shared.schemas.loan)}`.
    """
    return [
        f"{rule.id}: {problem}"
        for rule in book.rules
        if rule.programme in languages
        for problem in _problems(rule, catalogue[rule.template], languages[rule.programme].get(rule.event))
    ]


def _problems(rule: Rule, template: Template, event: type[Event] | None) -> Iterator[str]:
    if event is None:
        yield f"{rule.programme} has no event {rule.event}"
        return
    schema = event.model_json_schema()
    for place in (rule.place_of_audience, rule.concerns):
        if place is not None and not _at(schema, place):
            yield f"{rule.event} has no {place}"
    for place, codes in rule.when.items():
        known = {code for one in _at(schema, place) for code in _codes(one)}
        yield from (f"{rule.event}.{place} is never {code}" for code in codes if code not in known)
    for name, variable in template.variables.items() if rule.digest is None else ():
        place = rule.place_of(name)
        found = [one for one in _at(schema, place) if place not in rule.when or one.get("type") != "null"]
        if not found:
            yield f"{rule.event} has no {place}"
        elif wrong := [one for one in found if not _fits(variable, one)]:
            yield f"{rule.event}.{place} may be {wrong[0]}, which is no {name} ({variable.kind})"


type Schema = dict[str, Any]


def _at(schema: Schema, place: str) -> list[Schema]:
    """The alternatives that a JSON schema has at a place, in the manner of `value_at`."""
    found = [schema]
    for name in place.split("."):
        found = [leaf for one in found for leaf in _below(one, name, schema.get("$defs", {}))]
    return found


def _below(schema: Schema, name: str, definitions: Mapping[str, Schema]) -> list[Schema]:
    if schema.get("type") == "null":
        return [schema]
    if schema.get("type") == "array":
        return [_list_of(one) for one in _below(schema["items"], name, definitions)]
    inner = schema.get("properties", {}).get(name)
    return [] if inner is None else _alternatives(inner, definitions)


def _list_of(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def _alternatives(schema: Schema, definitions: Mapping[str, Schema]) -> list[Schema]:
    if "$ref" in schema:
        return _alternatives(definitions[schema["$ref"].removeprefix("#/$defs/")], definitions)
    if "anyOf" in schema:
        return [leaf for one in schema["anyOf"] for leaf in _alternatives(one, definitions)]
    if schema.get("type") == "array":
        return [_list_of(one) for one in _alternatives(schema.get("items", {}), definitions)]
    return [] if "sealed" in schema.get("properties", {}) else [schema]


def _codes(schema: Schema) -> set[str]:
    return set(schema.get("enum", [schema["const"]] if "const" in schema else []))


def _fits(variable: Variable, schema: Schema) -> bool:
    kind, form = schema.get("type"), schema.get("format")
    if kind == "null":
        return variable.optional
    if variable.several:
        return kind == "array" and _fits(replace(variable, several=False), schema["items"])
    match variable.kind:
        case Kind.TEXT:
            return kind == "string" and form is None and "enum" not in schema
        case Kind.WORD:
            codes = _codes(schema)
            return bool(codes) and codes <= dict(variable.words).keys()
        case Kind.MONEY:
            return form == "cny"
        case Kind.PERCENT:
            return kind in {"number", "string"} and form is None and "enum" not in schema
        case Kind.DATE:
            return form == "date"
        case Kind.INSTANT:
            return form == "date-time"
        case Kind.REFERENCE:
            return form == "uuid"
        case Kind.MONTHS | Kind.DAYS | Kind.COUNT:
            return kind == "integer"
