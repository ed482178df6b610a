"""The workbook that a union gets back: its own rows, where they stood, with what came of each and why.

It may be corrected and imported again: the columns that were added are not read.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import xlsxwriter

from services.registry.roster.cells import Cell
from services.registry.roster.columns import OUTCOMES, Column
from services.registry.roster.reading import Roster, RosterSheet
from services.registry.roster.rows import Problem, RosterRow

__all__ = ["Outcome", "ResultWorkbook", "harmless"]

FORMULA_SIGNS: Final = tuple("=+-@＝＋－＠\t\r\n")
EXACT_DIGITS: Final = 10**15
"""A longer number is written as text, so that what Excel has left of it is seen in full."""

COLOURS: Final[Mapping[str, Mapping[str, Any]]] = {
    "plain": {},
    "header": {"bold": True, "bg_color": "#D9E1F2", "text_wrap": True, "valign": "vcenter"},
    "problem": {"bg_color": "#F8CBAD"},
    "warning": {"bg_color": "#FFE699"},
}


class Outcome(StrEnum):
    """What came of a row (结果)."""

    IMPORTED = "已导入"
    UPDATED = "已更新"
    UNCHANGED = "无变化"
    REFUSED = "未导入"


def harmless(text: str) -> str:
    """The text, with a quote in front where a spreadsheet could take it for a formula.

    >>> harmless("=1+1")
    "'=1+1"
    """
    return f"'{text}" if len(text) > 1 and text.lstrip(" ").startswith(FORMULA_SIGNS) else text


@dataclass(frozen=True, slots=True)
class _Target:
    """A sheet of the result, and where the columns of its source go."""

    sheet: Any
    source: RosterSheet
    columns: Mapping[int, int]
    """By place in the source's rows."""
    outcome: int
    """The column of 结果; 原因 and 提示 follow."""

    def place(self, column: Column | None) -> int:
        """Where a problem is seen: in its own column, or else at the name."""
        return self.source.header.places.get(column or Column.NAME, self.source.header.places[Column.NAME])


class ResultWorkbook:
    """Writes the result of an import, row by row in the roster's order; there is a file when the `with` block ends.

    Where the block raises there is none: what looks complete is.
    """

    def __init__(self, path: Path, roster: Roster, outcomes: type[StrEnum] = Outcome) -> None:
        """`outcomes` are all that may come of a row, in 中文, in the order of the summary."""
        self._book = xlsxwriter.Workbook(path, {"constant_memory": True})
        self._formats = {name: self._book.add_format(dict(colour)) for name, colour in COLOURS.items() if colour}
        self._dates = {
            name: self._book.add_format({"num_format": "yyyy-mm-dd", **colour}) for name, colour in COLOURS.items()
        }
        self._path, self._roster = path, roster
        summary = "导入结果"
        while summary in {sheet.name for sheet in roster.sheets}:
            summary += "_"
        self._summary = self._book.add_worksheet(summary)
        self._targets = {sheet.name: self._target(sheet) for sheet in roster.sheets}
        self._kinds = outcomes
        self._outcomes: Counter[StrEnum] = Counter()
        self._reasons: Counter[tuple[str, str, str]] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self._write_summary()
        self._book.close()
        if kind is not None:
            self._path.unlink(missing_ok=True)

    def write(self, row: RosterRow, outcome: StrEnum, refusals: Sequence[Problem] = ()) -> None:
        """A row, with what came of it; `refusals` are those of the import, beside the row's own problems."""
        target, problems = self._targets[row.sheet], (*row.problems, *refusals)
        marks = {target.place(warning.column): "warning" for warning in row.warnings}
        marks |= {target.place(problem.column): "problem" for problem in problems}
        index = row.number - 1
        for place, column in target.columns.items():
            self._write(target.sheet, index, column, row.cells[place], marks.get(place, "plain"))
        mark = self._formats.get("problem" if problems else "warning" if row.warnings else "plain")
        for offset, words in enumerate((outcome.value, _words(problems), _words(row.warnings))):
            if words:
                target.sheet.write_string(index, target.outcome + offset, words, mark)
        self._outcomes[outcome] += 1
        self._reasons.update(_grouped(OUTCOMES[1], problems))
        self._reasons.update(_grouped(OUTCOMES[2], row.warnings))

    def _target(self, source: RosterSheet) -> _Target:
        sheet, header = self._book.add_worksheet(source.name), source.header
        kept = [place for place in range(len(source.opening[-1])) if place not in header.outcomes]
        columns = {place: source.first_column + number for number, place in enumerate(kept)}
        target = _Target(sheet, source, columns, source.first_column + len(kept))
        for index, row in enumerate(source.opening):
            for place, column in columns.items():
                self._write(sheet, index, column, row[place], "header" if index >= header.first_row else "plain")
        sheet.write_row(header.last_row, target.outcome, OUTCOMES, self._formats["header"])
        sheet.freeze_panes(header.last_row + 1, 0)
        sheet.autofilter(header.last_row, source.first_column, source.last_row - 1, target.outcome + 2)
        sheet.set_column(source.first_column, target.outcome, 16)
        sheet.set_column(target.outcome + 1, target.outcome + 2, 48)
        return target

    def _write(self, sheet: Any, row: int, column: int, cell: Cell, colour: str) -> None:
        match cell:
            case "":
                if colour in self._formats:
                    sheet.write_blank(row, column, None, self._formats.get(colour))
            case str():
                sheet.write_string(row, column, harmless(cell), self._formats.get(colour))
            case bool():
                sheet.write_boolean(row, column, cell, self._formats.get(colour))
            case date():
                sheet.write_datetime(row, column, cell, self._dates[colour])
            case float() | int() if abs(cell) < EXACT_DIGITS:
                sheet.write_number(row, column, cell, self._formats.get(colour))
            case _:
                sheet.write_string(
                    row, column, f"{cell:.0f}" if isinstance(cell, float) else str(cell), self._formats.get(colour)
                )

    def _write_summary(self) -> None:
        lines: list[Sequence[str | int]] = [
            ("导入结果", ""),
            *((outcome.value, self._outcomes[outcome]) for outcome in self._kinds),
            ("合计", self._outcomes.total()),
            ("", ""),
            ("类别", "栏目", "说明", "行数"),
            *((kind, column, words, count) for (kind, column, words), count in self._by_frequency()),
            ("", ""),
            *(("未导入的工作表（没有名册表头）", name) for name in self._roster.skipped),
            *(
                (f"工作表“{sheet.name}”中未使用的栏目", "、".join(sheet.header.unread))
                for sheet in self._roster.sheets
                if sheet.header.unread
            ),
        ]
        headings = {"导入结果", "类别"}
        for index, line in enumerate(lines):
            colour = self._formats.get("header" if line[0] in headings else "plain")
            for column, value in enumerate(line):
                if isinstance(value, int):
                    self._summary.write_number(index, column, value, colour)
                elif value:
                    self._summary.write_string(index, column, harmless(value), colour)
        self._summary.set_column(0, 1, 16)
        self._summary.set_column(2, 2, 60)

    def _by_frequency(self) -> list[tuple[tuple[str, str, str], int]]:
        return sorted(self._reasons.items(), key=lambda counted: (counted[0][0], -counted[1]))


def _words(problems: Iterable[Problem]) -> str:
    return "；".join(problem.words for problem in problems)


def _grouped(kind: str, problems: Iterable[Problem]) -> Iterable[tuple[str, str, str]]:
    """Problems for counting: those that name another row are alike."""
    return (
        (
            kind,
            problem.column.label if problem.column else "",
            re.sub(r"(工作表“.*?”)?第[0-9]+行", "另一行", problem.words),
        )
        for problem in problems
    )
