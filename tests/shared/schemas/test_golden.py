"""Every event that was ever published can be read and folded; no event is changed so that it could not."""

import json
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_type_hints
from uuid import UUID

import pytest
from pydantic import BaseModel, Field

from shared.eventsourcing.codec import Codec
from shared.eventsourcing.decider import Aggregate
from shared.schemas.language import upcasters_of
from shared.schemas.messages import Event, Federation, Instant
from shared.schemas.money import AnnualPercent, Fen, PositiveFen
from shared.schemas.personal import Personal
from tests.shared.schemas.examples import NoExample, example_of
from tests.shared.schemas.golden import (
    GOLDEN,
    Example,
    Incompatible,
    examples,
    languages,
    record,
    schema_of,
    unrecorded,
)

RECORDED = examples()


def codec(programme: str) -> Codec:
    return Codec.of(import_module(f"shared.schemas.{programme}"))


def aggregates(programme: str) -> Iterator[Aggregate[Any, Any]]:
    """Those that a programme's domain defines."""
    if find_spec(f"services.{programme}") is None:
        return
    domain = import_module(f"services.{programme}.domain")
    names = [name for _, name, _ in pkgutil.iter_modules(getattr(domain, "__path__", ()))]
    for module in (domain, *(import_module(f"{domain.__name__}.{name}") for name in names)):
        yield from (thing for thing in vars(module).values() if isinstance(thing, Aggregate))


def takes(aggregate: Aggregate[Any, Any], event: Event) -> bool:
    """Whether the event is among those that `evolve(state, event)` says it takes."""
    _, kind, *_ = get_type_hints(aggregate.evolve).values()
    return isinstance(event, getattr(kind, "__value__", kind))


@pytest.mark.parametrize("programme", languages())
def test_the_newest_form_of_every_event_is_recorded_and_compatible(programme: str) -> None:
    new = [f"{one.type} schema {one.schema}" for one in unrecorded(programme, languages()[programme])]
    assert not new, f"not recorded as they are now: {', '.join(new)}. Run `make golden` and commit what it records."


@pytest.mark.parametrize(
    "example", RECORDED, ids=lambda example: f"{example.programme}-{example.type}-{example.schema}"
)
def test_a_recorded_event_is_read_and_folded(example: Example) -> None:
    event = codec(example.programme).decode(example.type, example.schema, example.data)
    assert type(event).__name__ == example.type
    if event.schema_version == example.schema:
        known = json.loads(event.model_dump_json(context={"clear": True}))
        lost = json.loads(example.data).keys() - known.keys()
        assert not lost, f"fields that are recorded and not understood: {lost}"
    for aggregate in aggregates(example.programme):
        if takes(aggregate, event):
            aggregate.fold([event])


def test_every_programme_has_upcasters_for_its_own_events_alone() -> None:
    for programme, events in languages().items():
        for name, schema in upcasters_of(import_module(f"shared.schemas.{programme}")):
            assert name in events, f"{programme} has an upcaster for {name}, which is not its event"
            assert schema < events[name].schema_version, f"{name} is not past schema {schema}"


def test_every_recorded_example_has_its_json_schema() -> None:
    assert {one.schema_path for one in examples()} == set(GOLDEN.glob("*/*.schema.json"))


class Level(BaseModel):
    name: str
    rank: int = 1


class Honoured(Event):
    subject = "member"

    member: UUID
    name: Personal[str]
    title: str
    level: Literal["county", "city"]
    amount: Fen
    places: tuple[str, ...]
    levels: dict[str, Level] = Field(default={})
    note: str | None = None
    months: Annotated[int, Field(le=36)] = 12


def changed(**fields: Any) -> type[Event]:
    """Honoured with some fields of another type (and default); those that are None are left out."""
    kept = {name: info for name, info in Honoured.model_fields.items() if name not in fields}
    defaults = {name: info.default for name, info in kept.items() if not info.is_required()}
    annotations = {name: Honoured.__annotations__[name] for name in kept}
    for name, kind in fields.items():
        match kind:
            case None:
                pass
            case (annotation, default):
                annotations[name], defaults[name] = annotation, default
            case annotation:
                annotations[name] = annotation
    body = {"__module__": __name__, "__annotations__": annotations, "subject": Honoured.subject, **defaults}
    return type("Honoured", (Event,), body)


def golden(folder: Path, event: type[Event]) -> list[str]:
    return [path.name for path in record("honours", {event.__name__: event}, folder)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With Honoured recorded."""
    assert golden(tmp_path, Honoured) == ["Honoured.1.json", "Honoured.1.schema.json"]
    return tmp_path


def test_what_is_recorded_is_not_recorded_again(folder: Path) -> None:
    assert golden(folder, Honoured) == []


def test_an_example_holds_every_field_in_clear(folder: Path) -> None:
    (example,) = examples(folder)
    event = Honoured.model_validate_json(example.data)
    assert event.name.clear == "示例"
    assert event.levels == {"示例": Level(name="示例", rank=1)}
    assert (event.note, event.amount) == ("示例", 123450)
    assert example_of(Honoured) == example.data


@pytest.mark.parametrize(
    ("fields", "change"),
    [
        ({"title": None}, "title: field removed"),
        ({"title": None, "honour": str}, "title: field removed: was it renamed to honour?"),
        ({"by": str}, "by: new and required"),
        ({"months": int}, "months: now required"),
        ({"note": str}, "note: null is no longer accepted"),
        ({"note": (str, "")}, "note: null is no longer accepted"),
        ({"title": int}, "title: was string, is integer"),
        ({"title": Annotated[str, Field(max_length=10)]}, "title: maxLength is 10, was none"),
        ({"title": Federation}, r"title: pattern is \^"),
        ({"title": Instant}, "title: format is date-time"),
        ({"title": Literal["匠人"]}, "title: any string was accepted"),
        ({"level": Literal["county"]}, "level: .'city'. is no longer accepted"),
        ({"amount": PositiveFen}, "amount: pattern is "),
        ({"amount": AnnualPercent}, "amount: format is none, was cny"),
        ({"months": (Annotated[int, Field(le=24)], 12)}, "months: maximum is 24, was 36"),
        ({"months": (Annotated[int, Field(le=36)], 6)}, "months: what is not said meant 12, and would mean 6"),
        ({"places": tuple[int, ...]}, r"places.\*: was string, is integer"),
        ({"places": Annotated[tuple[str, ...], Field(min_length=2)]}, "places: minItems is 2"),
        ({"places": tuple[str, str]}, "places"),
        ({"places": str}, "places: was array, is string"),
        ({"levels": (dict[str, str], {})}, r"levels.\*: was object, is string"),
        ({"name": str}, "name: object is no longer accepted"),
        ({"name": Personal[Annotated[str, Field(max_length=10)]]}, "name: "),
        ({"member": Personal[str], "title": UUID}, "title: format is uuid"),
    ],
)
def test_an_incompatible_change_is_refused(folder: Path, fields: dict[str, Any], change: str) -> None:
    event = changed(**fields)
    with pytest.raises(Incompatible, match=change) as raised:
        golden(folder, event)
    assert "schema_version: ClassVar[int] = 2" in str(raised.value)
    assert 'UPCASTERS[("Honoured", 1)]' in str(raised.value)
    assert json.loads((folder / "honours" / "Honoured.1.schema.json").read_text()) == schema_of(Honoured)


@pytest.mark.parametrize(
    "fields",
    [
        {"by": (str | None, None)},
        {"level": Literal["county", "city", "province"]},
        {"level": str},
        {"title": str | None},
        {"months": (int, 12)},
        {"places": tuple[str | int, ...]},
        {"title": Any},
    ],
)
def test_a_compatible_change_is_recorded_beside_the_old_example(folder: Path, fields: dict[str, Any]) -> None:
    event = changed(**fields)
    assert [one.type for one in unrecorded("honours", {"Honoured": event}, folder)] == ["Honoured"]
    assert golden(folder, event) == ["Honoured.1.schema.json"]
    assert golden(folder, event) == []


def test_a_nested_object_is_held_to_the_same(folder: Path) -> None:
    class Ranked(BaseModel):
        name: str
        rank: str = ""

    with pytest.raises(Incompatible, match=r"levels\.\*\.rank: was integer, is string"):
        golden(folder, changed(levels=(dict[str, Ranked], {})))


def test_another_subject_is_refused(folder: Path) -> None:
    event = changed(giver=(UUID | None, None))
    event.subject = "giver"
    with pytest.raises(Incompatible, match="the subject was member, is giver"):
        golden(folder, event)


def test_words_for_people_may_change(folder: Path) -> None:
    event = changed(title=Annotated[str, Field(title="称号", description="The honour's name")])
    event.__doc__ = "Somebody is honoured."
    assert golden(folder, event) == []


def test_a_removed_event_is_refused(folder: Path) -> None:
    with pytest.raises(Incompatible, match=r"(?s)Honoured schema 1 was published.*no such event"):
        record("honours", {}, folder)
    assert record("others", {}, folder) == []


def test_a_lowered_schema_number_is_refused(folder: Path) -> None:
    class Raised(Event):
        schema_version: ClassVar[int] = 2

        title: str

    raised = type("Honoured", (Raised,), {"__module__": __name__})
    assert golden(folder, raised) == ["Honoured.2.json", "Honoured.2.schema.json"]
    with pytest.raises(Incompatible, match="Honoured schema 2 was published"):
        golden(folder, Honoured)


def test_with_a_new_schema_number_and_an_upcaster_anything_may_change(folder: Path) -> None:
    class Raised(Event):
        schema_version: ClassVar[int] = 2

        honour: str

    raised = type("Honoured", (Raised,), {"__module__": __name__})
    golden(folder, raised)
    old, new = examples(folder)
    lifted = Codec([raised], {("Honoured", 1): lambda data: {"honour": data["title"]}})
    assert (old.schema, new.schema) == (1, 2)
    assert lifted.decode("Honoured", old.schema, old.data) == lifted.decode("Honoured", new.schema, new.data)


def test_an_example_that_cannot_be_made_is_asked_for(tmp_path: Path) -> None:
    class Coded(Event):
        code: Annotated[str, Field(pattern=r"^[A-Z]{3}-\d{4}-[xyz]$")]

    with pytest.raises(NoExample, match=r"(?s)no text is known of.*Write .*Coded.1.json by hand"):
        golden(tmp_path, Coded)
    (tmp_path / "honours" / "Coded.1.json").write_text('{"code": "ABC-1234-x"}')
    assert golden(tmp_path, Coded) == ["Coded.1.schema.json"]
