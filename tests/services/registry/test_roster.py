"""Rosters as unions really keep them: what is read, what is refused and where, what is doubtful."""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.registry.identity import Sex
from services.registry.roster import Column, ListedMember, RosterRow, open_roster
from services.registry.roster.cells import as_date, as_text, lost_digits
from services.registry.roster.columns import HEADERS, find_header
from shared.schemas.messages import Refused
from shared.schemas.registry import SkillLevel
from tests.services.registry.rosters import (
    card_number,
    credit_code,
    id_number,
    people,
    write_roster,
    write_sheet,
)

TODAY = date(2019, 7, 1)
LI = id_number("330503", date(1990, 1, 1), 123)
WANG = id_number("330503", date(1985, 6, 2), 124)
ZHAO = id_number("330522", date(1979, 12, 31), 7)
CABLE = credit_code("91330503MA2000001")
UNION_CODE = credit_code("81330503MC1234567")
BASIC = ("姓名", "身份证号", "手机号")


def read(path: Path) -> list[RosterRow]:
    return list(open_roster(path).rows(TODAY))


def one_row(path: Path, **cells: Any) -> RosterRow:
    """The reading of a roster of one row; `cells` are by column, beside Li's name, number and phone."""
    row = {Column.NAME: "李建国", Column.ID_NUMBER: LI, Column.PHONE: "13800000000"}
    row |= {Column(name): value for name, value in cells.items()}
    write_sheet(path, {1: [column.label for column in row], 2: list(row.values())})
    (only,) = read(path)
    return only


def codes(found: Iterable[Any]) -> list[tuple[Column | None, str]]:
    return [(problem.column, problem.code) for problem in found]


def refusal(source: Path | BytesIO) -> str:
    with pytest.raises(Refused) as refused:
        open_roster(source)
    return refused.value.refusal.code


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return tmp_path / "名册.xlsx"


# A roster as it should be


def test_every_member_of_a_tidy_roster_is_read(book: Path) -> None:
    listed = list(people(120))
    rows = read(write_roster(book, listed))
    assert [row.number for row in rows] == list(range(4, 124))
    assert [problem for row in rows for problem in (*row.problems, *row.warnings)] == []
    for person, row in zip(listed, rows, strict=True):
        member = row.member
        assert member is not None
        assert (member.name, member.id_number.number, member.phone) == (person.name, person.id_number, person.phone)
        assert member.credit_code is not None
        assert (member.employer, member.credit_code.code) == (person.employer, person.credit_code)
        assert (member.post, member.trade) == (person.post, person.trade or None)
        assert (member.skilled, member.joined_on) == (bool(person.skill_level), person.joined_on)
        assert (member.head_id_number, member.account, member.bank) == (person.head, person.account, person.bank)
        assert member.email == (person.email or None)


def test_the_size_of_a_roster_is_known_before_it_is_read(book: Path) -> None:
    assert open_roster(write_roster(book, people(75))).size == 75


def test_a_roster_is_read_from_its_bytes_too(book: Path) -> None:
    write_roster(book, people(3))
    assert len(list(open_roster(BytesIO(book.read_bytes())).rows(TODAY))) == 3


# Headers


@pytest.mark.parametrize(
    ("column", "words"), [(column, words) for column, variants in HEADERS.items() for words in variants]
)
@pytest.mark.parametrize("written", ["{}", "*{}（必填）", " {}：\n", "{}【18位】"])
def test_each_column_goes_by_its_usual_headers(column: Column, words: str, written: str) -> None:
    header = find_header([["姓名", "身份证号", "备注", written.format(words)]])
    assert header is not None
    assert header.places[column] == {Column.NAME: 0, Column.ID_NUMBER: 1}.get(column, 3) or words in {
        "姓名",
        "身份证号",
    }


def test_headers_are_written_with_spaces_and_in_full_width() -> None:
    header = find_header([["姓　名", "身 份 证 号 码", "Ｅ－ｍａｉｌ", "手机/电话"]])
    assert header is not None
    assert header.places == {Column.NAME: 0, Column.ID_NUMBER: 1, Column.EMAIL: 2, Column.PHONE: 3}


def test_of_several_columns_for_one_thing_the_plainest_is_read() -> None:
    header = find_header([["姓名", "身份证号", "联系电话", "手机号", "职务", "岗位", "籍贯"]])
    assert header is not None
    assert (header.places[Column.PHONE], header.places[Column.POST]) == (3, 5)
    assert header.unread == ("联系电话", "职务", "籍贯")


@pytest.mark.parametrize("row", [1, 2, 5, 20])
def test_the_header_is_found_below_titles(book: Path, row: int) -> None:
    above: dict[int, Sequence[Any]] = {
        number: ["单位：", "南浔电缆有限公司", "填表日期：2019年6月"] for number in range(1, row)
    }
    table: dict[int, Sequence[Any]] = {row: BASIC, row + 1: ["李建国", LI, "13800000000"]}
    (only,) = read(write_sheet(book, above | table))
    assert (only.number, only.problems) == (row + 1, ())


def test_group_headings_may_stand_above_headers(book: Path) -> None:
    rows: dict[int, Sequence[Any]] = {
        1: ["会员花名册"],
        2: ["序号", "姓名", "身份证号", "联系方式", "", "单位"],
        3: ["", "", "", "邮箱", "手机", ""],
        4: [1, "李建国", LI, "li@example.com", "13800000000", "南浔电缆有限公司"],
    }
    (only,) = read(write_sheet(book, rows))
    assert only.member is not None
    assert (only.member.phone, only.member.email, only.member.employer) == (
        "13800000000",
        "li@example.com",
        "南浔电缆有限公司",
    )


@pytest.mark.parametrize("below", [["", "姓名"], ["", "", "姓名"], ["", "", "身份证号"]])
def test_a_row_below_the_header_takes_neither_name_nor_number_from_it(book: Path, below: list[str]) -> None:
    rows: dict[int, Sequence[Any]] = {1: BASIC, 2: below, 3: ["李建国", LI, "13800000000"]}
    (only,) = [row for row in read(write_sheet(book, rows)) if row.member is not None]
    assert only.number == 3


def test_a_heading_over_all_columns_is_no_header(book: Path) -> None:
    (only,) = read(write_sheet(book, {1: ["基本信息", "", "手机"], 2: BASIC, 3: ["李建国", LI, "13800000000"]}))
    assert only.number == 3


def test_rows_are_numbered_as_excel_shows_them_wherever_the_table_stands(book: Path) -> None:
    (only,) = read(write_sheet(book, {7: BASIC, 12: ["李建国", LI, "13800000000"]}, column=3))
    assert only.number == 12
    assert only.member is not None
    assert only.member.phone == "13800000000"


@pytest.mark.parametrize(
    "rows",
    [
        {1: ["姓名", "手机号"], 2: ["李建国", "13800000000"]},
        {1: ["会员花名册"]},
        {},
        {21: BASIC, 22: ["李建国", LI, "13800000000"]},
    ],
)
def test_a_workbook_without_names_and_numbers_is_no_roster(book: Path, rows: Mapping[int, Sequence[Any]]) -> None:
    assert refusal(write_sheet(book, rows)) == "roster_no_header"


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 and no more", b"\xd0\xcf\x11\xe0 and no more", "姓名,身份证号".encode()]
)
def test_a_file_that_is_no_workbook_is_refused(content: bytes) -> None:
    assert refusal(BytesIO(content)) == "roster_unreadable"


def test_a_workbook_with_a_password_says_so(book: Path) -> None:
    book.write_bytes(encrypted_workbook())
    assert refusal(book) == "roster_protected"


def test_visible_sheets_are_read_as_one_roster_and_others_left_alone(book: Path) -> None:
    with xlsxwriter.Workbook(book) as workbook:
        sheets: dict[str, list[Sequence[Any]]] = {
            "一车间": [BASIC, ("李建国", LI, "13800000000")],
            "填表说明": [("身份证号为18位",)],
            "二车间": [("会员",), BASIC, ("王芳", WANG, "13800000001"), ("李建国", LI, "13800000000")],
            "去年": [BASIC, ("赵强", ZHAO, "13800000002")],
        }
        for name, rows in sheets.items():
            sheet = workbook.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
        sheet.hide()
    roster = open_roster(book)
    assert ([sheet.name for sheet in roster.sheets], roster.skipped) == (["一车间", "二车间"], ["填表说明"])
    found = list(roster.rows(TODAY))
    assert [(row.sheet, row.number) for row in found] == [("一车间", 2), ("二车间", 3), ("二车间", 4)]
    assert found[2].problems[0].words == "身份证号与工作表“一车间”第2行重复"


# Rows that tell of nobody


@pytest.mark.parametrize(
    "cells",
    [
        [],
        ["", "", "", ""],
        [2, "", "", ""],
        [" ", "\u3000", "\n", ""],
        ["合计", "", "", 1],
        [2, "合 计：120人", "", ""],
        ["", "共 1 人", "", ""],
        ["填表人：王芳　　审核人：赵强", "", "", ""],
        ["", "备注：以上人员均已核对", "", ""],
        ["序号", "姓名", "身份证号", "手机号"],
    ],
)
def test_blank_rows_totals_notes_and_repeated_headers_are_skipped(book: Path, cells: list[Any]) -> None:
    rows: dict[int, Sequence[Any]] = {
        1: ["序号", *BASIC],
        2: [1, "李建国", LI, "13800000000"],
        3: cells,
        4: [3, "王芳", WANG, "13800000001"],
    }
    found = read(write_sheet(book, rows))
    assert [(row.number, row.problems) for row in found] == [(2, ()), (4, ())]


@pytest.mark.parametrize("cells", [["王芳", "", "13800000001"], ["", WANG, "13800000001"], ["", "", "13800000001"]])
def test_a_row_that_tells_of_somebody_is_never_skipped(book: Path, cells: list[Any]) -> None:
    (only,) = read(write_sheet(book, {1: BASIC, 2: cells}))
    missing = [column for column, cell in zip((Column.NAME, Column.ID_NUMBER), cells, strict=False) if not cell]
    assert codes(only.problems) == [(column, "missing") for column in missing]
    assert only.member is None


def test_an_employer_in_a_cell_merged_over_several_members_is_that_of_each(book: Path) -> None:
    with xlsxwriter.Workbook(book) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(1, 1, ["单位", "统一社会信用代码", "姓名", "身份证号"])
        sheet.merge_range(2, 1, 3, 1, "南浔电缆有限公司")
        sheet.merge_range(2, 2, 3, 2, CABLE)
        for number, (name, own) in enumerate([("李建国", LI), ("王芳", WANG), ("赵强", ZHAO)], start=2):
            sheet.write_row(number, 3, [name, own])
    employers = [(row.member.employer, row.member.credit_code) for row in read(book) if row.member]
    assert [employer for employer, _ in employers] == ["南浔电缆有限公司", "南浔电缆有限公司", None]
    assert [code and code.code for _, code in employers] == [CABLE, CABLE, None]


# What is wrong with a row: it is not imported


@pytest.mark.parametrize(
    ("column", "cell", "code"),
    [
        ("name", "李建国（退休）", "name_malformed"),
        ("id_number", LI[:-1] + "3", "id_number_check"),
        ("id_number", 330503199001011232, "digits_lost"),
        ("id_number", "3.30503E+17", "digits_lost"),
        ("id_number", "330503900101123", "id_number_first_generation"),
        ("id_number", "330503********1232", "id_number_masked"),
        ("phone", "1380000000", "mobile_malformed"),
        ("employer", "厂" * 101, "too_long"),
        ("credit_code", CABLE[:-1] + ("0" if CABLE[-1] != "0" else "1"), "credit_code_check"),
        ("credit_code", UNION_CODE, "credit_code_of_union"),
        ("head_id_number", WANG[:-1], "id_number_length"),
    ],
)
def test_a_problem_names_its_column_and_reason(book: Path, column: str, cell: Any, code: str) -> None:
    row = one_row(book, **{column: cell})
    assert codes(row.problems) == [(Column(column), code)]
    assert row.member is None
    assert all(word not in row.problems[0].words for word in (LI[:-1], WANG[:-1]))


def test_all_that_is_wrong_with_a_row_is_said_at_once(book: Path) -> None:
    row = one_row(book, name="", id_number="123", phone="456", credit_code="789")
    assert {problem.column for problem in row.problems} == {
        Column.NAME,
        Column.ID_NUMBER,
        Column.PHONE,
        Column.CREDIT_CODE,
    }


def test_who_is_listed_twice_is_imported_once(book: Path) -> None:
    rows = read(
        write_sheet(book, {1: BASIC, 2: ["李建国", LI, ""], 3: ["王芳", WANG, ""], 5: ["李建国", f" {LI.lower()}", ""]})
    )
    assert [codes(row.problems) for row in rows] == [[], [], [(Column.ID_NUMBER, "id_number_repeated")]]
    assert rows[2].problems[0].words == "身份证号与第2行重复"


# What is doubtful: the row is imported


@pytest.mark.parametrize(
    ("column", "cell", "code"),
    [
        ("id_number", id_number("333300", date(1990, 1, 1), 123), "place_unknown"),
        ("id_number", id_number("330503", date(2003, 7, 2), 123), "under_age"),
        ("sex", "女", "sex_differs"),
        ("phone", "", "phone_missing"),
        ("phone", "0572-3912345", "mobile_landline"),
        ("email", "li@", "email_malformed"),
        ("account", 6222021234567890, "digits_lost"),
        ("account", "card", "account_malformed"),
        ("account", "6222020000000000001", "account_doubtful"),
        ("joined_on", "去年", "date_unreadable"),
        ("joined_on", 2018.1, "date_unreadable"),
        ("joined_on", "2019-07-02", "joined_later"),
        ("skill_level", "工程师", "skill_level_unknown"),
        ("post", "岗" * 501, "too_long"),
    ],
)
def test_a_doubt_is_a_warning_and_no_more(book: Path, column: str, cell: Any, code: str) -> None:
    row = one_row(book, **{column: cell})
    assert codes(row.warnings) == [(Column(column), code)]
    assert row.problems == ()
    assert row.member is not None


def test_what_could_not_be_read_is_left_out(book: Path) -> None:
    row = one_row(book, phone="0572-3912345", email="li@", account="card", joined_on="去年", skill_level="工程师")
    assert row.member is not None
    assert (row.member.phone, row.member.email, row.member.account) == (None, None, None)
    assert (row.member.joined_on, row.member.skill_level, row.member.skilled) == (None, None, False)


def test_a_phone_or_account_of_two_people_is_doubtful_and_so_is_a_code_of_two_names(book: Path) -> None:
    card = card_number("622202123456789")
    headers = [*BASIC, "银行卡号", "单位", "信用代码"]
    rows = read(
        write_sheet(
            book,
            {
                1: headers,
                2: ["李建国", LI, "13800000000", card, "南浔电缆有限公司", CABLE],
                3: ["王芳", WANG, "138 0000 0000", card, "南浔电缆厂", CABLE],
            },
        )
    )
    assert codes(rows[1].warnings) == [
        (Column.PHONE, "phone_repeated"),
        (Column.ACCOUNT, "account_repeated"),
        (Column.EMPLOYER, "employer_differs"),
    ]
    assert (rows[0].warnings, rows[1].problems) == ((), ())


def test_a_roster_without_a_column_for_phones_does_not_miss_them(book: Path) -> None:
    (only,) = read(write_sheet(book, {1: ["姓名", "身份证号"], 2: ["李建国", LI]}))
    assert only.warnings == ()


# Cells


def test_numbers_kept_as_numbers_are_read_as_long_as_they_are_whole(book: Path) -> None:
    row = one_row(book, phone=13800000000, account=622202123456, household=12, joined_on=43282)
    assert row.member is not None
    assert (row.member.phone, row.member.account) == ("13800000000", "622202123456")
    assert (row.member.household, row.member.joined_on) == ("12", date(2018, 7, 1))


@pytest.mark.parametrize("nothing", ["", "无", "-", "—", "/", "　", "N/A"])
def test_what_says_that_there_is_nothing_is_nothing(book: Path, nothing: str) -> None:
    row = one_row(book, email=nothing, account=nothing, joined_on=nothing, credit_code=nothing, skill_level=nothing)
    assert (row.problems, row.warnings) == ((), ())
    assert row.member is not None
    assert row.member.credit_code is None


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        (date(2018, 7, 1), date(2018, 7, 1)),
        (datetime(2018, 7, 1, 23, 59), date(2018, 7, 1)),  # noqa: DTZ001 - Excel's dates have no time zone
        (43282.0, date(2018, 7, 1)),
        (20180701.0, date(2018, 7, 1)),
        (201807.0, date(2018, 7, 1)),
        ("2018-07-01", date(2018, 7, 1)),
        ("2018/7/1", date(2018, 7, 1)),
        ("2018.7.1", date(2018, 7, 1)),
        ("2018。7。1", date(2018, 7, 1)),
        ("２０１８年７月１日", date(2018, 7, 1)),
        ("2018年 7月 15日", date(2018, 7, 15)),
        ("2018年7月", date(2018, 7, 1)),
        ("2018.10", date(2018, 10, 1)),
        ("20180715", date(2018, 7, 15)),
        ("2018-07-15 00:00:00", date(2018, 7, 15)),
    ],
)
def test_a_date_is_read_however_it_is_written(cell: Any, day: date) -> None:
    assert as_date(cell) == day


@pytest.mark.parametrize("cell", ["", "2018", 2018.0, 2018.1, "2018-13-01", "2018-02-30", "7.1.2018", "20181301", True])
def test_what_is_no_date_is_refused(cell: Any) -> None:
    with pytest.raises(Refused) as refused:
        as_date(cell)
    assert refused.value.refusal.code == "date_unreadable"


@given(
    st.dates(date(1950, 1, 1), date(2099, 12, 31)), st.sampled_from(["%Y-%m-%d", "%Y/%m/%d", "%Y年%m月%d日", "%Y%m%d"])
)
def test_a_date_written_out_is_that_date(day: date, form: str) -> None:
    assert as_date(day.strftime(form)) == day
    assert as_date(float((day - date(1899, 12, 30)).days)) == day


@given(st.integers(0, 10**15 - 1))
def test_a_number_that_excel_keeps_whole_has_lost_nothing(number: int) -> None:
    assert not lost_digits(float(number))
    assert as_text(float(number)) == str(number)


@given(st.integers(10**15, 10**19))
def test_a_longer_number_has_lost_digits_whatever_they_were(number: int) -> None:
    assert lost_digits(float(number))


@pytest.mark.parametrize(
    ("written", "level"),
    [
        ("高级工", SkillLevel.SENIOR),
        ("高级工/三级", SkillLevel.SENIOR),
        ("三级", SkillLevel.SENIOR),
        ("技师（二级）", SkillLevel.TECHNICIAN),
        ("高级技师", SkillLevel.SENIOR_TECHNICIAN),
        ("首席技师", SkillLevel.CHIEF_TECHNICIAN),
        ("初级", SkillLevel.JUNIOR),
    ],
)
def test_who_has_a_skill_level_works_in_a_skilled_trade(book: Path, written: str, level: SkillLevel) -> None:
    member = one_row(book, skill_level=written).member
    assert member is not None
    assert (member.skill_level, member.skilled) == (level, True)


@pytest.mark.parametrize(("written", "skilled"), [("是", True), ("√", True), (True, True), ("否", False), ("", False)])
def test_a_roster_may_say_that_a_post_is_skilled(book: Path, written: Any, skilled: bool) -> None:
    member = one_row(book, skilled=written).member
    assert member is not None
    assert member.skilled is skilled


# Privacy and sturdiness


def test_a_row_does_not_show_whom_it_is_about(book: Path) -> None:
    row = one_row(book, email="li@example.com", account=card_number("622202123456789"), head_id_number=WANG)
    shown = repr(row)
    assert row.member is not None
    assert row.member.id_number.sex is Sex.MALE
    assert not [secret for secret in ("李建国", LI, "13800000000", "li@", "6222", WANG) if secret in shown]


anything = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.integers(-(10**18), 10**18),
    st.booleans(),
    st.dates(date(1950, 1, 1), date(2050, 1, 1)),
    st.sampled_from([LI, WANG, "13800000000", CABLE, "合计", "姓名", "身份证号", "=1+1", "无"]),
    st.none(),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(anything, min_size=17, max_size=17), max_size=6))
def test_whatever_a_cell_holds_a_row_is_read_or_its_problem_is_said(book: Path, rows: list[list[Any]]) -> None:
    write_sheet(book, {1: [column.label for column in Column], **dict(enumerate(rows, start=2))})
    found = read(book)
    for row in found:
        assert (row.member is None) == bool(row.problems)
        assert all(problem.words and problem.code for problem in (*row.problems, *row.warnings))
    numbers = [row.member.id_number.number for row in found if row.member]
    assert len(numbers) == len(set(numbers))


def test_every_column_is_kept_in_a_listed_member() -> None:
    assert {column.value for column in Column} - {"sex"} == {field.name for field in fields(ListedMember)}


def encrypted_workbook() -> bytes:
    """The shell of what Excel writes for a workbook with a password: a compound file with an EncryptedPackage."""

    def entry(name: str, kind: int, child: int) -> bytes:
        title = (name + "\0").encode("utf-16-le")
        links = struct.pack("<BBIII", kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child)
        return (
            title.ljust(64, b"\0")
            + struct.pack("<H", len(title))
            + links
            + bytes(36)
            + struct.pack("<IQ", 0xFFFFFFFE, 0)
        )

    header = bytes.fromhex("D0CF11E0A1B11AE1") + bytes(16) + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIIIIIIII", 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0, 0)[:36]
    sectors = struct.pack("<I", 0) + b"\xff" * 4 * 108
    table = struct.pack("<II", 0xFFFFFFFD, 0xFFFFFFFE).ljust(512, b"\xff")
    directory = entry("Root Entry", 5, 1) + entry("EncryptedPackage", 2, 0xFFFFFFFF)
    return header + sectors + table + directory.ljust(512, b"\0")
