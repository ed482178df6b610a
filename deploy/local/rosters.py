"""Rosters as mutual aid enrols them: rows of workbooks made lines, and given back with what came of each.

A row is of the employer whose credit code it names, else of the one whose code stands above the sheet's header or in
the file's name.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

import xlsxwriter

from services.aid.enrolment import Entry, Line, Outcome, Premiums
from services.aid.refusals import ENROLMENT
from services.registry.identity import compact, read_credit_code
from services.registry.roster import Column, Problem, ResultWorkbook, Roster, RosterRow, open_roster
from services.registry.roster.reading import RosterSheet
from shared.schemas.messages import Reason, Refused
from shared.schemas.money import cny
from shared.schemas.personal import Personal

__all__ = ["RESULT", "Book", "books", "give_back", "write_premiums"]

RESULT: Final = "参保结果"
"""In the name of a result workbook: such are no rosters."""
OF_ENROLMENT: Final = frozenset({Column.NAME, Column.ID_NUMBER})
"""Columns without which nobody is enrolled. What is wrong in others is the registry's to say."""

EMPLOYER_MISSING = Reason(
    "line_employer_missing", ENROLMENT, "没有单位的统一社会信用代码：可以写在本行、表头上方或文件名里"
)
EMPLOYER_OTHER = Reason("line_employer_other", ENROLMENT, "统一社会信用代码不是正在参保的单位")

_CODE: Final = re.compile(r"(?<![0-9A-Z])[0-9A-Z]{18}(?![0-9A-Z])")


@dataclass(slots=True)
class Book:
    """A workbook: its rows, and by their index the lines that can be enrolled."""

    path: Path
    roster: Roster
    rows: list[RosterRow]
    lines: dict[int, Line]


def books(paths: Sequence[Path], today: date, employer: str | None) -> list[Book]:
    """Of files and of folders. With `employer`, a credit code, all rows are of that one. Raises Refused, with the file
    named, for what is no roster; OSError."""
    files = [file for path in paths for file in _files(path)]
    several = len(files) > 1
    return [_book(file, today, employer, f"{file.name} " if several else "") for file in files]


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for file in sorted(path.rglob("*.xlsx")):
        if RESULT not in file.stem and not file.name.startswith(("~$", ".")):
            yield file


def _book(file: Path, today: date, employer: str | None, within: str) -> Book:
    try:
        roster = open_roster(file)
    except Refused as refused:
        refusal = refused.refusal
        raise Refused(refusal.model_copy(update={"message": f"{file.name}：{refusal.message}"})) from None
    above = {sheet.name: employer or _code_of(sheet, file) for sheet in roster.sheets}
    rows, lines = [], {}
    for index, row in enumerate(roster.rows(today)):
        row, code = _for_enrolment(row, above[row.sheet], employer)
        rows.append(row)
        if not row.problems:
            listed = row.listed
            sheet = f"工作表“{row.sheet}”" if len(roster.sheets) > 1 else ""
            place = f"{within}{sheet}第{row.number}行"
            lines[index] = Line(place, Personal(listed.name), Personal(listed.id_number.number), code)
    return Book(file, roster, rows, lines)


def _code_of(sheet: RosterSheet, file: Path) -> str | None:
    """That stands above a sheet's header, or in the name of the file."""
    above = (cell for row in sheet.opening[: sheet.header.first_row] for cell in row if isinstance(cell, str))
    for text in (*above, file.stem):
        for found in _CODE.findall(compact(text).upper()):
            try:
                code = read_credit_code(found)
            except Refused:
                continue
            if not code.is_of_a_grassroots_union:
                return code.code
    return None


def _for_enrolment(row: RosterRow, above: str | None, employer: str | None) -> tuple[RosterRow, str]:
    """The row with the problems and warnings that concern enrolment, and whose it is."""
    kept = OF_ENROLMENT if employer else OF_ENROLMENT | {Column.CREDIT_CODE}
    problems = [problem for problem in row.problems if problem.column in kept]
    warnings = tuple(warning for warning in row.warnings if warning.column in OF_ENROLMENT)
    listed = row.listed.credit_code.code if row.listed.credit_code else None
    code = employer or listed or above
    if code is None and not problems:
        problems.append(Problem.of(Column.CREDIT_CODE, EMPLOYER_MISSING()))
    if employer is not None and listed not in (None, employer):
        problems.append(Problem.of(Column.CREDIT_CODE, EMPLOYER_OTHER()))
    return replace(row, problems=tuple(problems), warnings=warnings), code or ""


def give_back(book: Book, entries: Mapping[int, Entry], path: Path) -> None:
    """The workbook of a roster, with what came of each row: `entries` by the indexes of `book.lines`."""
    with ResultWorkbook(path, book.roster, Outcome) as workbook:
        for index, row in enumerate(book.rows):
            entry = entries.get(index)
            if entry is None:
                workbook.write(row, Outcome.LEFT_OUT)
                continue
            if entry.doubt is not None:
                row = replace(row, warnings=(*row.warnings, Problem.of(None, Refused(entry.doubt))))
            refusals = [] if entry.refusal is None else [Problem.of(None, Refused(entry.refusal))]
            workbook.write(row, entry.outcome, refusals)


def write_premiums(premiums: Sequence[Premiums], path: Path) -> None:
    """What is due of each enrolment, for whoever records what comes in."""
    headings = ("统一社会信用代码", "单位编号", "参保批次编号", "人数", "单位应缴", "个人应缴")
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("应缴")
    sheet.write_row(0, 0, headings, book.add_format({"bold": True}))
    for number, due in enumerate(premiums, 1):
        ids = (due.employer, str(due.employer_id), str(due.enrolment_id))
        for column, text in enumerate(ids):
            sheet.write_string(number, column, text)
        sheet.write_number(number, 3, due.members)
        sheet.write_string(number, 4, cny(due.employer_due))
        sheet.write_string(number, 5, cny(due.worker_due))
    sheet.set_column(0, 2, 38)
    book.close()
