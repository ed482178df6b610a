"""The golden events: one recorded example of each (type, schema) ever published, with its JSON Schema.

`python -m tests.shared.schemas.golden` records what is new, and refuses what would make recorded events unreadable.
What is recorded is kept for ever: a log may hold it.
"""

import json
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import shared.schemas
from shared.schemas.language import events_of
from shared.schemas.messages import Event
from tests.shared.schemas.compatibility import bare, incompatibilities
from tests.shared.schemas.examples import NoExample, example_of

__all__ = ["GOLDEN", "Example", "Incompatible", "examples", "languages", "record", "unrecorded"]

GOLDEN: Final = Path(shared.schemas.__file__).with_name("golden")

HOW_TO: Final = """{name} schema {schema} was published, and {programme}'s logs may hold it.
This would not be understood any more:
{changes}
What is recorded can't be changed. To change the event all the same:
  1. raise its schema number: `schema_version: ClassVar[int] = {next}`
  2. in shared.schemas.{programme}, UPCASTERS[("{name}", {schema})] lifts what was recorded to the new form
  3. `make golden`, and commit what it records
(Where {name} schema {schema} never left a development machine: delete {path}* and `make golden`.)"""

GONE: Final = """{name} schema {schema} was published, and {programme}'s logs may hold it,
but there is no such event in shared.schemas.{programme} any more.
Keep the class under its old name, even if nothing new is recorded by it."""


class Incompatible(Exception):
    """An event was changed in a way that recorded ones do not bear; the message says what and how to go about it."""


@dataclass(frozen=True, slots=True)
class Example:
    """A recorded example."""

    programme: str
    type: str
    schema: int
    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / self.programme / f"{self.type}.{self.schema}.json"

    @property
    def schema_path(self) -> Path:
        return self.path.with_suffix(".schema.json")

    @property
    def data(self) -> str:
        return self.path.read_text("utf-8")


def languages() -> dict[str, dict[str, type[Event]]]:
    """The events of each programme that has some, by name."""
    found = {
        name: events_of(import_module(f"shared.schemas.{name}"))
        for _, name, _ in pkgutil.iter_modules(shared.schemas.__path__)
        if name != "messages"
    }
    return {programme: events for programme, events in found.items() if events}


def examples(folder: Path = GOLDEN) -> list[Example]:
    """All that are recorded."""
    return [
        Example(path.parent.name, *_type_and_schema(path), folder)
        for path in sorted(folder.glob("*/*.json"))
        if not path.name.endswith(".schema.json")
    ]


def unrecorded(programme: str, events: Mapping[str, type[Event]], folder: Path = GOLDEN) -> Iterator[Example]:
    """Events whose newest form is not recorded as it is now. Raises Incompatible where it must not be."""
    for recorded in examples(folder):
        if recorded.programme == programme and recorded.schema > getattr(
            events.get(recorded.type), "schema_version", 0
        ):
            raise Incompatible(GONE.format(programme=programme, name=recorded.type, schema=recorded.schema))
    for name, event in sorted(events.items()):
        newest = Example(programme, name, event.schema_version, folder)
        now = schema_of(event)
        if newest.path.exists() and newest.schema_path.exists():
            was = json.loads(newest.schema_path.read_text("utf-8"))
            if changes := incompatibilities(was, now) + _changes_of_marks(was, now):
                raise Incompatible(_how_to(newest, changes))
            if was == now:
                continue
        yield newest


def record(programme: str, events: Mapping[str, type[Event]], folder: Path = GOLDEN) -> list[Path]:
    """Record what is new; an example that is there stays. Raises Incompatible, NoExample."""
    written = []
    for new in list(unrecorded(programme, events, folder)):
        event = events[new.type]
        new.path.parent.mkdir(parents=True, exist_ok=True)
        if not new.path.exists():
            try:
                new.path.write_text(example_of(event), "utf-8")
            except NoExample as error:
                raise NoExample(f"{error}\nWrite {new.path} by hand, then `make golden` again.") from error
            written.append(new.path)
        new.schema_path.write_text(json.dumps(schema_of(event), indent=2, ensure_ascii=False) + "\n", "utf-8")
        written.append(new.schema_path)
    return written


def schema_of(event: type[Event]) -> Any:
    """An event's JSON Schema without words for people, with whose data it is and to whom it is addressed."""
    schema = bare(event.model_json_schema())
    marks = {"x-subject": event.subject, "x-addressed-to": event.addressed_to}
    return {**schema, **{mark: value for mark, value in marks.items() if value}}


def _changes_of_marks(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    subject = was.get("x-subject")
    if subject is None or subject == now.get("x-subject"):
        return []
    return [f"the subject was {subject}, is {now.get('x-subject')}: sealed fields would not open"]


def _how_to(newest: Example, changes: list[str]) -> str:
    return HOW_TO.format(
        programme=newest.programme,
        name=newest.type,
        schema=newest.schema,
        next=newest.schema + 1,
        changes="\n".join(f"  - {change}" for change in changes),
        path=newest.path.with_suffix("").name,
    )


def _type_and_schema(path: Path) -> tuple[str, int]:
    name, schema, _ = path.name.split(".")
    return name, int(schema)


def main() -> int:
    failed = False
    for programme, events in languages().items():
        try:
            for path in record(programme, events):
                print(path.relative_to(GOLDEN.parent.parent.parent))
        except (Incompatible, NoExample) as error:
            print(error, file=sys.stderr)
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
