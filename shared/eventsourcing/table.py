"""The table of a read model: its columns from the row's annotations, and the statements that read and write it."""

import builtins
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from operator import attrgetter
from types import NoneType, UnionType
from typing import Annotated, Any, Final, NewType, TypeAliasType, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from shared.eventsourcing.connections import Connection, Pool
from shared.eventsourcing.rows import Lookup
from shared.eventsourcing.view import View

__all__ = ["Column", "Table", "columns_of"]

SQL_TYPES: Final[Mapping[Any, str]] = {
    UUID: "uuid",
    str: "text",
    int: "bigint",
    bool: "boolean",
    float: "double precision",
    date: "date",
    datetime: "timestamptz",
    Decimal: "numeric",
    bytes: "bytea",
    dict: "jsonb",
    list: "jsonb",
}


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: str
    nullable: bool
    from_sql: Callable[[Any], Any] | None
    """From what asyncpg gives to what the row holds, where they differ; never called with None."""

    @property
    def definition(self) -> str:
        return f'"{self.name}" {self.type}{"" if self.nullable else " not null"}'

    def to_sql(self, values: Iterable[Any]) -> Sequence[Any]:
        if self.type == "jsonb":
            return [None if value is None else _to_json(value) for value in values]
        return tuple(values)


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def columns_of(row: type[Any]) -> tuple[Column, ...]:
    """The columns of a row's class. Raises TypeError where an annotation has no column type."""
    hints = get_type_hints(row)
    return tuple(_column(row, name, hints[name]) for name in (field.name for field in fields(row)))


def _column(row: type[Any], name: str, hint: Any) -> Column:
    bare, nullable = _bare(hint)
    kind = get_origin(bare) or bare
    if isinstance(kind, type) and issubclass(kind, Enum):
        if not issubclass(kind, str):
            raise TypeError(f"{row.__name__}.{name}: an enumeration of words is a StrEnum")
        return Column(name, "text", nullable, kind)
    if kind not in SQL_TYPES or (kind in (dict, list) and not _is_json(bare)):
        raise TypeError(f"{row.__name__}.{name}: no column type for {hint}")
    return Column(name, SQL_TYPES[kind], nullable, json.loads if SQL_TYPES[kind] == "jsonb" else None)


def _is_json(hint: Any) -> bool:
    """Whether what JSON gives back is what was put in: a UUID, a date or a number as a key would come back as text."""
    bare, _ = _bare(hint)
    match get_origin(bare), get_args(bare):
        case builtins.list, (item,):
            return _is_json(item)
        case builtins.dict, (key, item):
            return _is_text(_bare(key)[0]) and _is_json(item)
        case _:
            return bare in (dict, list, int, bool, float, Any) or _is_text(bare)


def _is_text(bare: Any) -> bool:
    return isinstance(bare, type) and issubclass(bare, str)


def _bare(hint: Any) -> tuple[Any, bool]:
    """The type behind aliases, NewType and Annotated, and whether None is allowed beside it."""
    if isinstance(hint, TypeAliasType):
        return _bare(hint.__value__)
    if isinstance(hint, NewType):
        return _bare(hint.__supertype__)
    if get_origin(hint) is Annotated:
        return _bare(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        some = [part for part in get_args(hint) if part is not NoneType]
        if len(some) == 1:
            return _bare(some[0])[0], True
    return hint, False


class Table[R]:
    """One table that holds a view's rows: `lines`, or `lines__next` while that one is filled."""

    def __init__(self, schema: str, view: View[R], suffix: str = "") -> None:
        self.schema, self.view = schema, view
        self.name = f"{view.name}{suffix}"
        self.columns = columns_of(view.row)
        self._types = {column.name: column.type for column in self.columns}
        self._key = attrgetter(*view.key)
        self._tuple = attrgetter(*(column.name for column in self.columns))
        self._converted = [(n, column.from_sql) for n, column in enumerate(self.columns) if column.from_sql]
        self._names = _quoted(self._types)
        self._load = self._by_values(view.key)
        self._write = self._write_statement()

    @property
    def qualified(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def shape(self) -> str:
        """Tells a table of other columns, key or indexes from this one."""
        said = (*(column.definition for column in self.columns), self.view.key, *self._indexes())
        return hashlib.sha256(repr(said).encode()).hexdigest()[:16]

    def create(self) -> str:
        definitions = ", ".join(column.definition for column in self.columns)
        return f"create table {self.qualified} ({definitions}) with (fillfactor = 85)"

    def constrain(self) -> str:
        """The key and the indexes: made after the rows are in."""
        return "; ".join(
            (
                f"alter table {self.qualified} add primary key ({_quoted(self.view.key)})",
                *(f"create index on {self.qualified} ({_quoted(columns)})" for columns in self._indexes()),
            )
        )

    async def load(self, connection: Connection, keys: Sequence[Any]) -> list[R]:
        """The rows that there are with these keys."""
        return self._rows(await connection.fetch(self._load, *self._by_column(self.view.key, keys)))

    async def look_up(self, connection: Connection, lookup: Lookup, values: Sequence[Any]) -> list[R]:
        """The rows with these values in these columns."""
        return self._rows(await connection.fetch(self._by_values(lookup), *self._by_column(lookup, values)))

    async def write(
        self, connection: Connection, build: UUID, was: int, position: int, written: Sequence[R], removed: Sequence[Any]
    ) -> bool:
        """Rows, removals and the new position, all or nothing. False where the position is not where it `was`."""
        moved: bool | None = await connection.fetchval(
            self._write,
            position,
            build,
            was,
            f"{self.name} {position}",
            *self._by_column(self.view.key, removed),
            *self._in_columns(written),
        )
        return moved is not None

    async def copy(self, connection: Connection, rows: Sequence[R]) -> None:
        """Add rows that are not in the table yet."""
        await connection.copy_records_to_table(
            self.name,
            schema_name=self.schema,
            columns=list(self._types),
            records=list(zip(*self._in_columns(rows), strict=True)),
        )

    async def select(self, pool: Pool | Connection, condition: str, *arguments: Any) -> list[R]:
        """Rows by a condition on the columns, which may go on with `order by` and `limit`."""
        return self._rows(await pool.fetch(f"select {self._names} from {self.qualified} where {condition}", *arguments))

    def _rows(self, records: Iterable[Any]) -> list[R]:
        row = self.view.row
        if not self._converted:
            return [row(*record) for record in records]
        made = []
        for record in records:
            values = list(record)
            for n, convert in self._converted:
                if values[n] is not None:
                    values[n] = convert(values[n])
            made.append(row(*values))
        return made

    def _in_columns(self, rows: Sequence[R]) -> list[Sequence[Any]]:
        if not rows:
            return [()] * len(self.columns)
        if len(self.columns) == 1:
            return [self.columns[0].to_sql(map(self._tuple, rows))]
        across = zip(*map(self._tuple, rows), strict=True)
        return [column.to_sql(values) for column, values in zip(self.columns, across, strict=True)]

    @staticmethod
    def _by_column(columns: Sequence[str], values: Sequence[Any]) -> list[Sequence[Any]]:
        if len(columns) == 1:
            return [values]
        return list(zip(*values, strict=True)) if values else [()] * len(columns)

    def _indexes(self) -> tuple[tuple[str, ...], ...]:
        covered = self.view.indexes
        wanted = [
            lookup
            for lookup in self.view.lookups
            if not any(sorted(index[: len(lookup)]) == list(lookup) for index in (self.view.key, *covered))
        ]
        return (*covered, *wanted)

    def _unnest(self, columns: Iterable[str], first: int) -> str:
        return "unnest(" + ", ".join(f"${n}::{self._types[c]}[]" for n, c in enumerate(columns, first)) + ")"

    def _by_values(self, columns: Sequence[str]) -> str:
        if len(columns) == 1:
            condition = f"{_quoted(columns)} = any ($1::{self._types[columns[0]]}[])"
        else:
            condition = f"({_quoted(columns)}) in (select * from {self._unnest(columns, 1)})"
        return f"select {self._names} from {self.qualified} where {condition}"

    def _write_statement(self) -> str:
        key = self.view.key
        others = [name for name in self._types if name not in key]
        update = ", ".join(f'"{name}" = excluded."{name}"' for name in others)
        same = " and ".join(f't."{name}" = k."{name}"' for name in key)
        return f"""
            with moved as (
                update {self.schema}.read_models set position = $1
                where name = '{self.name}' and build = $2 and position = $3 returning true as done
            ), gone as (
                delete from {self.qualified} t using moved, {self._unnest(key, 5)} as k ({_quoted(key)})
                where {same}
            ), put as (
                insert into {self.qualified} ({self._names})
                select r.* from moved, {self._unnest(self._types, 5 + len(key))} as r
                on conflict ({_quoted(key)}) do {f"update set {update}" if others else "nothing"}
            )
            select done, pg_notify('{self.schema}_views', $4) from moved
        """
