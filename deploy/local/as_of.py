"""`niangjia as-of`: what a stream's state was at a position or an instant, and the events that made it so."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from importlib import import_module
from pkgutil import walk_packages
from sys import maxsize
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from pydantic_core import to_jsonable_python
from rich.console import Group, RenderableType
from rich.text import Text
from rich.tree import Tree

from deploy.local.reach import database, master_key_file, schemas_with, urls_of
from deploy.local.terminal import Output, out, shanghai, wrong
from shared.eventsourcing.decider import SHANGHAI, Aggregate
from shared.eventsourcing.keyring import Keyring
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.store import EventStore
from shared.runtime.settings import Settings
from shared.schemas.messages import Event
from shared.schemas.personal import Personal

__all__ = ["as_of"]


def as_of(
    moment: Annotated[
        str, typer.Argument(help="a position of the service's log; or 2027-03-01, 2027-03-01T09:00 in China; or now")
    ],
    stream: Annotated[str, typer.Argument(help="such as line-0198…", show_default=False)],
    programme: Annotated[str, typer.Option(help="the service, where several have such a stream")] = "",
    in_clear: Annotated[
        bool, typer.Option("--in-clear", help="personal data too: needs the service's role and its master key")
    ] = False,
    output: Output = "text",
) -> None:
    """The state of a stream as it was then, and why: each event with its time, who acted, and what caused it.

    Names and numbers stay sealed unless --in-clear opens them. An instant is the services' own time.
    """
    name, events = asyncio.run(_events(stream, programme, _until(moment), in_clear))
    if not events:
        wrong(f"{stream} was not there yet at {moment}")
    state = _state(name, stream, [event for _, event in events])
    if output == "json":
        out.print_json(
            json.dumps({"programme": name, "state": _plain(state), "events": [_json(*one) for one in events]})
        )
    else:
        out.print(_shown(name, stream, state, events))


type Until = int | datetime
type Told = list[tuple[Recorded, Event]]


def _until(moment: str) -> Until:
    if moment == "now":
        return maxsize
    if moment.isdecimal():
        return int(moment)
    try:
        given = datetime.fromisoformat(moment)
    except ValueError:
        wrong(f"{moment!r} is no position and no instant such as 2027-03-01T09:00")
    return given if given.tzinfo is not None else given.replace(tzinfo=SHANGHAI)


async def _events(
    stream: str, programme: str, until: Until, in_clear: bool
) -> tuple[str, list[tuple[Recorded, Event]]]:
    async with database() as pool:
        names = [
            name
            for name in await schemas_with(pool, "events", programme)
            if await pool.fetchval(f"select exists (select from {name}.events where stream = $1)", stream)
        ]
    if len(names) != 1:
        wrong(f"no service has a stream {stream}" if not names else f"{' and '.join(names)} have it: --programme")
    from deploy.local.passes import service_of  # the services' own libraries take half a second to load

    (name,) = names
    service = service_of(name)
    async with EventStore(urls_of(name)[0], name, service.codec) as store:
        recorded = [one for one in await store.stream(stream) if _is_by(one, until)]
        if in_clear and service.keeps_personal_data:
            opened = await _keyring(store).open(recorded)
        else:
            opened = [one.event for one in recorded]
    return name, list(zip(recorded, opened, strict=True))


def _is_by(recorded: Recorded, until: Until) -> bool:
    return recorded.position <= until if isinstance(until, int) else recorded.meta.time <= until


def _keyring(store: EventStore) -> Keyring:
    given = {"database_url": store.dsn, "nats_url": "nats://unused", "master_key_file": master_key_file()}
    try:
        return Keyring(store, {0: Settings.model_validate(given).wrapping_key})
    except (OSError, ValueError) as error:
        wrong(f"personal data stay sealed: {error}")


def _state(programme: str, stream: str, events: Sequence[Event]) -> Any:
    """Folded by the programme's own aggregate; None where its events fold into no state of their own."""
    aggregate = _aggregates(programme).get(stream.partition("-")[0])
    return aggregate.fold(events) if aggregate is not None else None


def _aggregates(programme: str) -> dict[str, Aggregate[Any, Any]]:
    """By category, whatever the programme's domain declares."""
    domain = import_module(f"services.{programme}.domain")
    within = walk_packages(getattr(domain, "__path__", []), f"{domain.__name__}.")
    modules = [domain, *(import_module(found.name) for found in within)]
    declared = [thing for module in modules for thing in vars(module).values() if isinstance(thing, Aggregate)]
    return {aggregate.category: aggregate for aggregate in declared}


# What a person sees


def _shown(programme: str, stream: str, state: Any, events: Sequence[tuple[Recorded, Event]]) -> RenderableType:
    last, _ = events[-1]
    head = Text.assemble(
        (stream, "bold"),
        f" of {programme}, version {last.version}, since position {last.position}, ",
        shanghai(last.meta.time),
    )
    tree = Tree(Text(type(state).__name__ if state is not None else "(its events fold into no state)", "bold cyan"))
    _branch(tree, state)
    why: list[RenderableType] = []
    for recorded, event in events:
        why += [Text(), _event(recorded, event)]
    return Group(head, Text(), tree, *why)


def _event(recorded: Recorded, event: Event) -> RenderableType:
    meta = recorded.meta
    cause = f", after event {meta.cause}" if meta.cause is not None else ""
    tree = Tree(
        Text.assemble(
            (f"{recorded.position} ", "dim"),
            (recorded.type, "bold"),
            f"  {shanghai(meta.time)}  by {meta.actor}\n",
            (f"command {meta.causation}{cause}, story {meta.correlation}", "dim"),
        )
    )
    _branch(tree, event)
    return tree


def _branch(tree: Tree, value: Any) -> None:
    """The fields of an object, one a line; what is empty is left out."""
    for name, inner in _fields(value):
        if inner is None or inner == () or inner == {}:
            continue
        if _is_nested(inner):
            _branch(tree.add(Text(name, "cyan")), inner)
        else:
            tree.add(Text.assemble((f"{name} ", "cyan"), _word(inner)))


def _fields(value: Any) -> list[tuple[str, Any]]:
    match value:
        case Personal():
            return []
        case BaseModel():
            return [(name, getattr(value, name)) for name in type(value).model_fields]
        case dict():
            return [(_word(key), inner) for key, inner in value.items()]
        case list() | tuple() | set() | frozenset():
            return [(str(number), inner) for number, inner in enumerate(value, 1)]
        case _ if is_dataclass(value):
            return [(field.name, getattr(value, field.name)) for field in fields(value)]
    return []


def _is_nested(value: Any) -> bool:
    return isinstance(value, BaseModel | dict | list | tuple | set | frozenset) or (
        is_dataclass(value) and not isinstance(value, type)
    )


def _word(value: Any) -> str:
    match value:
        case Personal():
            return str(value.clear) if value.is_clear else "(erased)" if value.is_erased else "(sealed)"
        case datetime():
            return shanghai(value)
    return str(value)


# What a script reads


def _plain(value: Any) -> Any:
    if _is_nested(value) and not isinstance(value, list | tuple | set | frozenset):
        return {name: _plain(inner) for name, inner in _fields(value)}
    if _is_nested(value):
        return [_plain(inner) for inner in value]
    return _word(value) if isinstance(value, Personal) else to_jsonable_python(value, fallback=str)


def _json(recorded: Recorded, event: Event) -> dict[str, Any]:
    meta = recorded.meta
    return {
        "position": recorded.position,
        "version": recorded.version,
        "type": recorded.type,
        "time": meta.time.isoformat(),
        "actor": meta.actor,
        "command": str(meta.causation),
        "cause": str(meta.cause) if meta.cause is not None else None,
        "correlation": str(meta.correlation),
        "content": _plain(event),
    }
