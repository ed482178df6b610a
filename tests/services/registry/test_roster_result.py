"""What a union gets back: its own rows where they stood, what came of each, and nothing that could harm a reader."""

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from services.registry.roster import Column, Outcome, Problem, ResultWorkbook, open_roster
from services.registry.roster.result import FORMULA_SIGNS, harmless
from tests.services.registry.rosters import id_number, people, write_roster, write_sheet

TODAY = date(2019, 7, 1)
LI = id_number("330503", date(1990, 1, 1), 123)
WANG = id_number("330503", date(1985, 6, 2), 124)
HEADERS = ("序号", "姓名", "身份证号", "手机号", "入会时间", "备注")
RED, YELLOW = "FFF8CBAD", "FFFFE699"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return tmp_path / "名册.xlsx"


def give_back(book: Path, refusals: dict[int, Problem] | None = None) -> Path:
    """The result of an import in which every good row went in, but for those refused by row number."""
    roster = open_roster(book)
    path = book.with_name("结果.xlsx")
    with ResultWorkbook(path, roster) as result:
        for row in roster.rows(TODAY):
            refused = [(refusals or {})[row.number]] if row.number in (refusals or {}) else []
            result.write(row, Outcome.REFUSED if refused or row.problems else Outcome.IMPORTED, refused)
    return path


def cells_of(path: Path, sheet: str) -> dict[int, list[Any]]:
    """Its rows, numbered as Excel shows them, from column A."""
    content = CalamineWorkbook.from_path(path).get_sheet_by_name(sheet)
    start = content.start
    assert start is not None
    rows = enumerate(content.iter_rows(), start=1)
    return {number: [""] * start[1] + list(row) for number, row in rows if any(cell != "" for cell in row)}


def colour_of(path: Path, sheet: int, cell: str) -> str | None:
    """A cell's background, from the workbook's own XML; `sheet` counts from 1."""
    space = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    with ZipFile(path) as archive:
        styles = ElementTree.fromstring(archive.read("xl/styles.xml"))
        content = ElementTree.fromstring(archive.read(f"xl/worksheets/sheet{sheet}.xml"))
    found = content.find(f".//m:c[@r='{cell}']", space)
    assert found is not None
    form = styles.findall("m:cellXfs/m:xf", space)[int(found.get("s", "0"))]
    fill = styles.findall("m:fills/m:fill", space)[int(form.get("fillId", "0"))]
    colour = fill.find("m:patternFill/m:fgColor", space)
    return None if colour is None else colour.get("rgb")


def roster_with_faults(book: Path) -> Path:
    rows: dict[int, Sequence[Any]] = {
        1: ["南浔电缆有限公司工会会员花名册"],
        3: HEADERS,
        4: [1, "李建国", LI, "13800000000", date(2018, 7, 1), '=HYPERLINK("http://example.com")'],
        6: [2, "王芳", WANG[:-1], "13800000001", "", ""],
        7: ["合计", "2人", "", "", "", ""],
        9: [3, "赵强", id_number("330503", date(1979, 12, 31), 7), "0572-3912345", "", ""],
    }
    return write_sheet(book, rows, sheet_name="名册")


def test_rows_stand_where_they_stood_with_what_came_of_each(book: Path) -> None:
    found = cells_of(give_back(roster_with_faults(book)), "名册")
    assert list(found) == [1, 3, 4, 6, 9]
    assert found[3] == [*HEADERS, "结果", "原因", "提示"]
    assert found[4][:5] == [1, "李建国", LI, "13800000000", date(2018, 7, 1)]
    assert found[4][6:] == ["已导入", "", ""]
    assert found[6][6:] == ["未导入", "身份证号码须为18位，这里是17位", ""]
    assert found[9][6:] == ["已导入", "", "这是固定电话，收不到短信，须填写手机号码"]


def test_a_problem_is_red_and_a_warning_yellow_where_they_are(book: Path) -> None:
    result = give_back(roster_with_faults(book))
    assert colour_of(result, 2, "C6") == RED
    assert colour_of(result, 2, "G6") == RED
    assert colour_of(result, 2, "B6") is None
    assert colour_of(result, 2, "D9") == YELLOW
    assert colour_of(result, 2, "C4") is None


def test_an_empty_cell_that_should_not_be_is_red_too(book: Path) -> None:
    write_sheet(book, {1: ["姓名", "身份证号"], 2: ["李建国", ""]}, sheet_name="名册")
    assert colour_of(give_back(book), 2, "B2") == RED


def test_a_row_that_the_import_refused_says_why(book: Path) -> None:
    write_roster(book, people(3))
    refused = Problem(Column.EMPLOYER, "employer_unknown", "单位没有登记")
    result = give_back(book, {5: refused})
    assert cells_of(result, "会员名册")[5][-3:] == ["未导入", "单位没有登记", ""]
    assert colour_of(result, 2, "F5") == RED


def test_a_refusal_of_no_column_is_seen_at_the_name(book: Path) -> None:
    write_roster(book, people(1))
    assert colour_of(give_back(book, {4: Problem(None, "busy", "请重试")}), 2, "B4") == RED


def test_a_table_that_begins_further_right_keeps_its_columns(book: Path) -> None:
    write_sheet(book, {2: ["姓名", "身份证号"], 3: ["李建国", LI[:-1]]}, column=3, sheet_name="名册")
    result = give_back(book)
    assert cells_of(result, "名册")[3] == [
        "",
        "",
        "",
        "李建国",
        LI[:-1],
        "未导入",
        "身份证号码须为18位，这里是17位",
        "",
    ]
    assert colour_of(result, 2, "E3") == RED


def test_what_looks_like_a_formula_is_text(book: Path) -> None:
    result = give_back(roster_with_faults(book))
    assert cells_of(result, "名册")[4][5] == '\'=HYPERLINK("http://example.com")'
    with ZipFile(result) as archive:
        assert not re.search(rb"<f>|<hyperlink", b"".join(archive.read(name) for name in archive.namelist()))


@given(st.text(max_size=30))
def test_nothing_written_begins_like_a_formula(text: str) -> None:
    written = harmless(text)
    assert len(written) <= 1 or not written.lstrip(" ").startswith(FORMULA_SIGNS)
    assert written.removeprefix("'") == text.removeprefix("'")


def test_a_number_that_excel_cut_short_is_shown_in_full(book: Path) -> None:
    write_sheet(book, {1: ["姓名", "身份证号"], 2: ["李建国", 330503199001011232]}, sheet_name="名册")
    shown = cells_of(give_back(book), "名册")[2][1]
    assert re.fullmatch(r"3305031990010112\d\d", shown)


def test_the_result_corrected_and_imported_again_is_the_roster(book: Path) -> None:
    listed = list(people(40))
    first = give_back(write_roster(book, listed))
    roster = open_roster(first)
    assert (roster.skipped, [sheet.name for sheet in roster.sheets]) == (["导入结果"], ["会员名册"])
    again = [row.member for row in roster.rows(TODAY)]
    assert again == [row.member for row in open_roster(book).rows(TODAY)]
    assert roster.sheets[0].header.unread == open_roster(book).sheets[0].header.unread
    second = give_back(first.rename(book.with_name("改正.xlsx")))
    assert cells_of(second, "会员名册")[3] == cells_of(book.with_name("改正.xlsx"), "会员名册")[3]


def test_the_summary_counts_outcomes_and_reasons(book: Path) -> None:
    rows: dict[int, Sequence[Any]] = {
        1: ["姓名", "身份证号", "籍贯"],
        2: ["李建国", LI, "湖州"],
        3: ["王芳", WANG[:-1], "湖州"],
        4: ["李建国", LI, "湖州"],
        5: ["李建国", LI, "湖州"],
    }
    summary = cells_of(give_back(write_sheet(book, rows)), "导入结果")
    lines = [[cell for cell in line if cell != ""] for line in summary.values()]
    assert ["已导入", 1] in lines
    assert ["未导入", 3] in lines
    assert ["合计", 4] in lines
    assert ["原因", "身份证号", "身份证号与另一行重复", 2] in lines
    assert ["原因", "身份证号", "身份证号码须为18位，这里是17位", 1] in lines
    assert ["工作表“Sheet1”中未使用的栏目", "籍贯"] in lines


def test_a_roster_on_a_sheet_named_like_the_summary_is_given_back_too(book: Path) -> None:
    write_sheet(book, {1: ["姓名", "身份证号"], 2: ["李建国", LI]}, sheet_name="导入结果")
    assert cells_of(give_back(book), "导入结果")[2] == ["李建国", LI, "已导入", "", ""]


def test_an_import_that_fails_leaves_no_result_that_looks_complete(book: Path) -> None:
    roster = open_roster(write_roster(book, people(3)))
    path = book.with_name("结果.xlsx")
    with pytest.raises(ConnectionError), ResultWorkbook(path, roster):
        raise ConnectionError
    assert not path.exists()
