"""Whether all that one JSON Schema allowed means the same to another."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

__all__ = ["bare", "incompatibilities"]

type Schema = Mapping[str, Any]

WORDS: Final = frozenset({"title", "description", "examples"})
"""What a schema says for people alone."""


def bare(schema: Any) -> Any:
    """A schema without words for people, the same however its fields are ordered."""
    match schema:
        case dict():
            return {key: _bare_entry(key, value) for key, value in sorted(schema.items()) if key not in WORDS}
        case list():
            return [bare(inner) for inner in schema]
        case _:
            return schema


def _bare_entry(key: str, value: Any) -> Any:
    match key:
        case "properties" | "$defs":
            return {name: bare(inner) for name, inner in sorted(value.items())}
        case "required":
            return sorted(value)
        case _:
            return bare(value)


def incompatibilities(old: Schema, new: Schema) -> list[str]:
    """What was allowed by `old` and is refused, lost or otherwise understood by `new`: a line each."""
    return list(_Comparison(old.get("$defs", {}), new.get("$defs", {})).differences(old, new, ""))


class _Comparison:
    def __init__(self, old: Schema, new: Schema) -> None:
        self._old, self._new = old, new
        self._under_way: set[tuple[str, str]] = set()

    def differences(self, old: Schema, new: Schema, at: str) -> Iterator[str]:
        references = (old.get("$ref", ""), new.get("$ref", ""))
        if references in self._under_way:
            return
        if all(references):
            self._under_way.add(references)
        if (was := old.get("default")) is not None and "default" in new and new["default"] != was:
            yield f"{at}: what is not said meant {was!r}, and would mean {new['default']!r}"
        olds, news = _alternatives(old, self._old), _alternatives(new, self._new)
        for one in olds:
            found = [list(self._of_one(one, other, at)) for other in news]
            if all(found):
                alike = [lines for lines, other in zip(found, news, strict=True) if _kind(other) == _kind(one)]
                nearest = found if len(olds) == 1 and not alike else alike
                yield from nearest[0] if len(nearest) == 1 else [f"{at}: {_kind(one)} is no longer accepted"]
        self._under_way.discard(references)

    def _of_one(self, old: Schema, new: Schema, at: str) -> Iterator[str]:
        """Of two schemas without alternatives."""
        values = _values(old)
        if (allowed := _values(new)) is not None:
            if values is None:
                yield f"{at}: any {_kind(old)} was accepted, now only {allowed}"
            elif gone := [value for value in values if value not in allowed]:
                yield f"{at}: {gone} is no longer accepted"
            return
        if "type" in new and _kind(old) != _kind(new) and (_kind(old), _kind(new)) != ("integer", "number"):
            yield f"{at}: was {_kind(old)}, is {_kind(new)}"
            return
        yield from _bounds(old, new, at)
        if _kind(new) == "object":
            yield from self._of_objects(old, new, at)
        if "items" in new or "prefixItems" in new:
            yield from self._of_arrays(old, new, at)

    def _of_objects(self, old: Schema, new: Schema, at: str) -> Iterator[str]:
        was, now = old.get("properties", {}), new.get("properties", {})
        for name in was.keys() - now.keys():
            like = [other for other in now.keys() - was.keys() if now[other] == was[name]]
            renamed = f": was it renamed to {like[0]}?" if len(like) == 1 else ""
            yield f"{_inside(at, name)}: field removed{renamed}"
        for name in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
            yield f"{_inside(at, name)}: {'now' if name in was else 'new and'} required, and not in what was recorded"
        for name in was.keys() & now.keys():
            yield from self.differences(was[name], now[name], _inside(at, name))
        match old.get("additionalProperties", True), new.get("additionalProperties", True):
            case (dict() as inner, dict() as other):
                yield from self.differences(inner, other, _inside(at, "*"))
            case (dict() | True, False) | (True, dict()):
                yield f"{at}: other fields were accepted"

    def _of_arrays(self, old: Schema, new: Schema, at: str) -> Iterator[str]:
        was, now = old.get("prefixItems", ()), new.get("prefixItems", ())
        if len(was) != len(now):
            yield f"{at}: had {len(was)} items in order, has {len(now)}"
        for n, (one, other) in enumerate(zip(was, now, strict=False)):
            yield from self.differences(one, other, _inside(at, str(n)))
        if isinstance(old.get("items"), dict) and isinstance(new.get("items"), dict):
            yield from self.differences(old["items"], new["items"], _inside(at, "*"))


def _alternatives(schema: Schema, definitions: Schema) -> list[Schema]:
    """The schemas of which a value may satisfy any, references followed."""
    if "$ref" in schema:
        return _alternatives(definitions[schema["$ref"].removeprefix("#/$defs/")], definitions)
    choices = schema.get("anyOf") or schema.get("oneOf")
    return [schema] if choices is None else [one for choice in choices for one in _alternatives(choice, definitions)]


def _values(schema: Schema) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _kind(schema: Schema) -> str:
    return str(schema.get("type", "anything"))


def _inside(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _bounds(old: Schema, new: Schema, at: str) -> Iterator[str]:
    for least in ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"):
        if least in new and old.get(least, float("-inf")) < new[least]:
            yield f"{at}: {least} is {new[least]}, was {old.get(least, 'none')}"
    for most in ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"):
        if most in new and old.get(most, float("inf")) > new[most]:
            yield f"{at}: {most} is {new[most]}, was {old.get(most, 'none')}"
    for form in ("pattern", "multipleOf", "uniqueItems"):
        if form in new and old.get(form) != new[form]:
            yield f"{at}: {form} is {new[form]}, was {old.get(form, 'none')}"
    if "type" in new and old.get("format") != new.get("format"):
        yield f"{at}: format is {new.get('format', 'none')}, was {old.get('format', 'none')}"
