"""The rows of a read model, as the handlers of its view see them."""

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, Final

__all__ = ["Lookup", "MissingRow", "NotLoaded", "Rows"]

type Key = Any
"""The value of a key of one column, a tuple for several."""

type Lookup = tuple[str, ...]
"""Columns by whose values rows are found, in alphabetical order."""

HELD: Final = 5_000
"""Rows that stay in memory between pages."""


class MissingRow(KeyError):
    """There is no such row."""


class NotLoaded(Exception):
    """A handler looked at a row that its `on(…)` does not say it touches: say so by `by` or `where`."""


class Rows[R]:
    """The rows that a page touches. What is taken out by `get`, `find` or `where` may be changed in place.

    A key is given as its columns' values, in order: `rows.get(line_id)`, `rows.get(line_id, number)`.
    """

    def __init__(self, key: tuple[str, ...], lookups: Iterable[Lookup] = (), *, complete: bool = False) -> None:
        self.held: dict[Key, R | None] = {}
        """What is known of the table; None: there is no such row."""
        self.changed: dict[Key, None] = {}
        """Keys whose rows may differ from the table's; not kept where all do, for the table is empty."""
        self.complete = complete
        """Whether everything is in memory: what is not held does not exist."""
        self._single = len(key) == 1
        self._key: Callable[[R], Key] = attrgetter(*key)
        self._lookups: dict[Lookup, Callable[[R], Any]] = {columns: attrgetter(*columns) for columns in lookups}
        self._found: dict[tuple[Lookup, Any], dict[Key, None]] = {}
        self._asked: set[tuple[Lookup, Any]] = set()
        self._filed: dict[Key, list[Any]] = {}

    def find(self, *key: Any) -> R | None:
        """The row, None where there is none."""
        at: Key = key[0] if self._single else key
        try:
            row = self.held[at]
        except KeyError:
            if self.complete:
                return None
            raise NotLoaded from None
        if row is not None:
            if not self.complete:
                self.changed[at] = None
            if self._lookups:
                self._file(at, row)
        return row

    def get(self, *key: Any) -> R:
        """The row. Raises MissingRow."""
        row = self.find(*key)
        if row is None:
            raise MissingRow
        return row

    def put(self, row: R) -> None:
        """Put a row in, in place of the one with its key."""
        at = self._key(row)
        self.held[at] = row
        self.changed[at] = None
        if self._lookups:
            self._filed.pop(at, None)
            self._file(at, row)

    def remove(self, *key: Any) -> None:
        """Take a row out, if there is one."""
        at: Key = key[0] if self._single else key
        self.held[at] = None
        self.changed[at] = None
        self._filed.pop(at, None)

    def where(self, **columns: Any) -> list[R]:
        """The rows with these values in these columns, in no order. None is no value: it finds nothing."""
        lookup = tuple(sorted(columns))
        values = columns[lookup[0]] if len(lookup) == 1 else tuple(columns[name] for name in lookup)
        if lookup not in self._lookups or not (self.complete or (lookup, values) in self._asked):
            raise NotLoaded
        if None in columns.values():
            return []
        of = self._lookups[lookup]
        rows = []
        for at in self._found.get((lookup, values), ()):
            row = self.held[at]
            if row is not None and of(row) == values:
                self.changed[at] = None
                self._file(at, row)
                rows.append(row)
        return rows

    def add_loaded(self, keys: Iterable[Key], rows: Iterable[R]) -> None:
        """What the table holds of these keys."""
        self.held.update(dict.fromkeys(keys))
        for row in rows:
            self.held[self._key(row)] = row

    def add_found(self, lookup: Lookup, values: Iterable[Any], rows: Iterable[R]) -> None:
        """What the table holds for these values of a lookup; a row that is held already is newer."""
        self._asked.update((lookup, value) for value in values)
        of = self._lookups[lookup]
        for row in rows:
            at = self._key(row)
            self.held.setdefault(at, row)
            self._found.setdefault((lookup, of(row)), {})[at] = None

    def unasked(self, lookup: Lookup, values: Iterable[Any]) -> set[Any]:
        """Those of these values whose rows were not looked for yet."""
        return {value for value in values if (lookup, value) not in self._asked}

    def take(self) -> tuple[list[R], list[Key]]:
        """The rows to write and the keys to delete since the last time."""
        self.check()
        changed, self.changed = (self.held if self.complete else self.changed), {}
        written: list[R] = []
        removed: list[Key] = []
        for at in changed:
            row = self.held[at]
            if row is None:
                removed.append(at)
            else:
                written.append(row)
        if not self.complete:
            self._found.clear()
            self._asked.clear()
            if len(self.held) > HELD:
                self.held = {at: self.held[at] for at in changed}
        return written, removed

    def check(self) -> None:
        """Raise TypeError where a handler changed, in place, a value by which the row is found."""
        for at, filed in self._filed.items():
            row = self.held[at]
            if row is not None and [of(row) for of in self._lookups.values()] != filed:
                raise TypeError("a column of `where` is changed by `rows.put(replace(row, …))`, not in place")
        self._filed.clear()

    def _file(self, at: Key, row: R) -> None:
        if at not in self._filed:
            self._filed[at] = filed = [of(row) for of in self._lookups.values()]
            for lookup, value in zip(self._lookups, filed, strict=True):
                self._found.setdefault((lookup, value), {})[at] = None
