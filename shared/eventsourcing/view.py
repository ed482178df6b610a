"""Read models: a table, and how events change its rows.

A row is a dataclass, and its annotations are the columns:

    @dataclass(slots=True)
    class LineRow:
        line_id: LineId
        member_id: MemberId
        status: Status
        used: Fen = 0
        due: date | None = None

    class Lines(View[LineRow]):
        \"\"\"Every line of credit, for the member who holds it.\"\"\"

        name, version, key = "lines", 1, ("line_id",)
        indexes = (("member_id", "status"),)

        @on(LineOpened)
        def opened(self, rows: Rows[LineRow], event: LineOpened, at: Recorded) -> None:
            rows.put(LineRow(event.line_id, event.member_id, Status.OPEN))

        @on(DrawdownDisbursed)
        def disbursed(self, rows: Rows[LineRow], event: DrawdownDisbursed, at: Recorded) -> None:
            rows.get(event.line_id).used += event.amount

        @on(MemberErased, where={"member_id": "member_id"})
        def erased(self, rows: Rows[LineRow], event: MemberErased, at: Recorded) -> None:
            for row in rows.where(member_id=event.member_id):
                rows.remove(row.line_id)

A handler is pure but for the rows it is given: it reads no clock, makes no id and keeps nothing in `self`, since a
page may be folded again after a crash, and everything is when the view is rebuilt. `at.meta.time` is when it
happened.

Which rows an event touches must be known before its page is folded, to load them with one query:
- by default those that the event's own fields named like the key give;
- `by="line"` (or `("household", "line")`, in the key's order) names other fields; `STREAM` stands for the id in the
  stream's name, so `by=STREAM` or `by=(STREAM, "number")`; `by=lambda event: [...]` gives any number of keys;
- `where={"member_id": "borrower"}` finds the rows whose column has what a field of the event holds;
- `by=()` touches none: the handler only puts rows.
A view may set another default for all its handlers, such as `by = STREAM`.

Change `version` whenever the row, the key, the indexes or what a handler does changes: the table is then filled anew
beside the old one, and takes its place.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from operator import attrgetter
from typing import Any, ClassVar, Final, get_args, get_origin, overload
from uuid import UUID

from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.rows import Lookup, Rows
from shared.schemas.messages import Event

__all__ = ["STREAM", "Plan", "View", "on", "stream_id"]

STREAM: Final = "@stream"

type By[E: Event] = str | Sequence[str] | Callable[[E], Iterable[Any]]
type Handler[V, R, E: Event] = Callable[[V, Rows[R], E, Recorded], None]


def stream_id(recorded: Recorded) -> UUID:
    """The id in the name of the stream that an event stands in, `<category>-<uuid>`."""
    return UUID(recorded.stream[-36:])


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done with one type of event."""

    handle: Callable[[Any, Event, Recorded], None]
    keys: Callable[[Event, Recorded], Iterable[Any]]
    lookups: tuple[tuple[Lookup, Callable[[Event], Any]], ...]
    """Columns by whose values rows are found, and the event's values for them."""


@dataclass(frozen=True, slots=True)
class _Declared:
    events: tuple[type[Event], ...]
    by: By[Any] | None
    where: Mapping[str, str]


class _On[E: Event]:
    def __init__(self, declared: _Declared) -> None:
        self._declared = declared

    def __call__[V, R](self, handler: Handler[V, R, E]) -> Handler[V, R, E]:
        vars(handler).setdefault("declared", []).append(self._declared)
        return handler


@overload
def on[A: Event](a: type[A], /, *, by: By[A] | None = ..., where: Mapping[str, str] = ...) -> _On[A]: ...
@overload
def on[A: Event, B: Event](
    a: type[A], b: type[B], /, *, by: By[A | B] | None = ..., where: Mapping[str, str] = ...
) -> _On[A | B]: ...
@overload
def on[A: Event, B: Event, C: Event](
    a: type[A], b: type[B], c: type[C], /, *, by: By[A | B | C] | None = ..., where: Mapping[str, str] = ...
) -> _On[A | B | C]: ...
@overload
def on(*events: type[Event], by: By[Any] | None = ..., where: Mapping[str, str] = ...) -> _On[Any]: ...
def on(*events: type[Event], by: By[Any] | None = None, where: Mapping[str, str] | None = None) -> _On[Any]:
    """Mark the method that folds these types of event; see the module for `by` and `where`."""
    return _On(_Declared(events, by, where or {}))


class View[R]:
    """A read model: subclass it with the row's class, as the module shows."""

    name: ClassVar[str]
    """Of the table. It lies in the service's schema."""
    version: ClassVar[int]
    key: ClassVar[tuple[str, ...]]
    indexes: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Columns that queries look rows up by. Those of `where` have an index anyway."""
    by: ClassVar[By[Any] | None] = None
    """The default for handlers that say neither `by` nor `where`."""
    personal: ClassVar[bool] = False
    """Whether events are opened by the keyring before they are folded. A field of an erased person reads as erased,
    at any event of theirs: `event.name.clear if event.name.is_clear else None`."""

    in_sql: ClassVar[str] = ""
    """For a model of sums and counts: a `select` of all its rows by PostgreSQL alone, which a rebuild then uses.

    It names its columns in the row's order and reads `{events}`, the service's log as far as the rebuild goes, with its
    columns `position`, `stream`, `version`, `type`, `data`, `meta`; `{schema}.fen(text)` reads an amount. It must give
    what the handlers give: a specification's `shows_in` compares the two. It reads contents as they were stored, so it
    is left aside once a type that the view folds has an older schema."""

    row: ClassVar[type[Any]]
    lookups: ClassVar[tuple[Lookup, ...]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.row = _row_of(cls)
        named = {column for columns in (cls.key, *cls.indexes) for column in columns}
        unknown = named - set(cls.row.__dataclass_fields__)
        if unknown or not cls.key:
            raise TypeError(f"{cls.__name__}: its key and indexes are columns of its row, not {unknown or 'nothing'}")
        if not (cls.name.isidentifier() and cls.name.islower()):
            raise TypeError(f"{cls.__name__}: its name is a table's, in small letters, not {cls.name!r}")
        cls.lookups = tuple({tuple(sorted(d.where)): None for _, d in _handlers(cls) if d.where})

    def __init__(self) -> None:
        self.plans: dict[str, Plan] = {}
        """By the type of event."""
        for attribute, declared in _handlers(type(self)):
            for event in declared.events:
                if event.__name__ in self.plans:
                    raise TypeError(f"{type(self).__name__} folds {event.__name__} twice")
                self.plans[event.__name__] = self._plan(attribute, event, declared)

    def _plan(self, attribute: str, event: type[Event], declared: _Declared) -> Plan:
        by = declared.by
        if by is None:
            by = () if declared.where else self.by if self.by is not None else self.key
        where = dict(sorted(declared.where.items()))
        named = (*(() if callable(by) else [by] if isinstance(by, str) else by), *where.values())
        if missing := [name for name in named if name != STREAM and name not in event.model_fields]:
            raise TypeError(
                f"{type(self).__name__}.{attribute}: {event.__name__} has no {', '.join(missing)}. "
                "Which rows it touches is said by `by` or `where`."
            )
        lookups = ((tuple(where), attrgetter(*where.values())),) if where else ()
        return Plan(getattr(self, attribute), _keys(by, len(self.key)), lookups)


def _row_of(cls: type[View[Any]]) -> type[Any]:
    for base in getattr(cls, "__orig_bases__", ()):
        if get_origin(base) is View:
            (row,) = get_args(base)
            if is_dataclass(row) and isinstance(row, type):
                return row
    raise TypeError(f"{cls.__name__} is a View[…] of a dataclass")


def _handlers(cls: type[View[Any]]) -> list[tuple[str, _Declared]]:
    members = {name: member for base in reversed(cls.__mro__) for name, member in vars(base).items()}
    return [(name, declared) for name, member in members.items() for declared in getattr(member, "declared", ())]


def _keys(by: By[Any], columns: int) -> Callable[[Event, Recorded], Iterable[Any]]:
    """The keys that an event names. A key of one column is its value, of several a tuple."""
    if callable(by):
        return lambda event, _: by(event)
    names = (by,) if isinstance(by, str) else tuple(by)
    if not names:
        return lambda _event, _recorded: ()
    if len(names) != columns:
        raise TypeError(f"a key of {columns} columns is not given by {names}")
    if names == (STREAM,):
        return lambda _, recorded: (stream_id(recorded),)
    if STREAM in names:
        return lambda event, recorded: (
            tuple(stream_id(recorded) if name == STREAM else getattr(event, name) for name in names),
        )
    get = attrgetter(*names)
    return lambda event, _: (get(event),)
