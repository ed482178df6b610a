"""`niangjia enrol`: workbooks as unions keep them, of one employer and of many."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from shared.schemas.aid import EnrolmentSubmitted, MemberEnrolled
from tests.deploy.local.aid_county import niangjia
from tests.services.aid.cases import CHEN, LI, QIAN, SUN, WANG, ZHAO
from tests.services.aid.county import ZHOU, County, Servers, county, number_of
from tests.services.registry.rosters import credit_code, write_sheet

CABLE_CODE, TOYS_CODE = credit_code("91330783MA2000001"), credit_code("91330783MA2000007")
UNION_CODE = credit_code("81330783MC2000001")
AS = ("--as", "officer:li", "--period", "2018-07-01")


@pytest.fixture
async def dongyang(database_url: str, nats_url: str) -> AsyncIterator[County]:
    async with county(Servers(database_url=database_url, nats_url=nats_url)) as here:
        yield here


def roster(path: Path, people: Sequence[Sequence[Any]], *above: str) -> Path:
    """With columns 序号, 姓名, 身份证号, 手机号 and 统一社会信用代码; rows from the line below them."""
    titles = {number: [title] for number, title in enumerate(above, 1)}
    first = len(above) + 1
    header = ["序号", "姓名", "身份证号", "手机号", "统一社会信用代码"]
    rows = {first + number: [number, *row] for number, row in enumerate(people, 1)}
    return write_sheet(path, {**titles, first: header, **rows})


def outcomes(path: Path) -> list[list[str]]:
    """结果, 原因 and 提示 of each row that has any."""
    rows = CalamineWorkbook.from_path(path).get_sheet_by_index(1).to_python()
    at = next(row.index("结果") for row in rows if "结果" in row)
    found = [[str(cell) for cell in row[at:]] for row in rows]
    return [row for row in found if row[0] not in ("", "结果")]


async def test_an_employers_roster_is_enrolled_and_given_back_line_by_line(dongyang: County, tmp_path: Path) -> None:
    book = roster(
        tmp_path / "电缆厂参保名单.xlsx",
        [
            ("李建国", number_of(LI), "电话没有", ""),
            ("陈大文", number_of(CHEN), "", ""),
            ("李建国", number_of(ZHAO)[:-1], "", ""),
            ("李建国", number_of(LI), "", ""),
            ("李建国", number_of(QIAN), "", TOYS_CODE),
        ],
        "东阳电缆厂2018年度职工医疗互助参保名单",
    )
    done = await niangjia(dongyang, "enrol", str(book), "--employer", CABLE_CODE, *AS)
    assert done.exit_code == 2, done.output
    result = tmp_path / "电缆厂参保名单-参保结果.xlsx"
    assert outcomes(result) == [
        ["已参保", "", ""],
        ["未参保", "姓名与会员名册中这个身份证号的姓名不符，请核对", ""],
        ["未参保", "身份证号码须为18位，这里是17位", ""],
        ["未参保", "身份证号与第3行重复", ""],
        ["未参保", "统一社会信用代码不是正在参保的单位", ""],
    ]
    (submitted,) = await dongyang.told(EnrolmentSubmitted)
    assert submitted.members == (LI,)


async def test_a_folder_of_many_employers_is_enrolled_at_once_and_again_changes_nothing(
    dongyang: County, tmp_path: Path
) -> None:
    folder, results = tmp_path / "名单", tmp_path / "结果"
    folder.mkdir()
    results.mkdir()
    titles = (f"工会代码：{UNION_CODE}　单位代码：{CABLE_CODE}", "参保名单")
    roster(folder / "电缆厂.xlsx", [("李建国", number_of(LI), "", "")], *titles)
    roster(folder / f"{TOYS_CODE}.xlsx", [("李建国", number_of(SUN), "", ""), ("李建国", number_of(LI), "", "")])
    roster(
        folder / "汇总.xlsx",
        [("李建国", number_of(CHEN), "", CABLE_CODE), ("李建国", number_of(ZHAO), "", "")],
    )
    done = await niangjia(dongyang, "enrol", str(folder), "--results", str(results), *AS)
    assert done.exit_code == 2, done.output
    assert outcomes(results / "电缆厂-参保结果.xlsx") == [["已参保", "", ""]]
    assert outcomes(results / f"{TOYS_CODE}-参保结果.xlsx") == [
        ["已参保", "", ""],
        ["未参保", "与电缆厂.xlsx 第4行重复", "会员名册中登记的是另一个单位，请核对"],
    ]
    assert outcomes(results / "汇总-参保结果.xlsx") == [
        ["已参保", "", ""],
        ["未参保", "没有单位的统一社会信用代码：可以写在本行、表头上方或文件名里", ""],
    ]
    enrolled = [event.member_id for event in await dongyang.told(MemberEnrolled)]
    assert sorted(enrolled) == sorted([LI, CHEN, SUN])
    (due,) = results.glob("参保结果-应缴-*.xlsx")
    headings, *lines = CalamineWorkbook.from_path(due).get_sheet_by_index(0).to_python()
    assert headings[3:] == ["人数", "单位应缴", "个人应缴"]
    assert sorted((row[0], row[3:]) for row in lines) == sorted(
        [(CABLE_CODE, [2.0, "50.00", "50.00"]), (TOYS_CODE, [1.0, "25.00", "25.00"])]
    )
    again = await niangjia(dongyang, "enrol", str(folder), "--results", str(results), *AS)
    assert again.exit_code == 2, again.output
    assert outcomes(results / "电缆厂-参保结果.xlsx") == [["无变化", "", ""]]
    assert len(await dongyang.told(MemberEnrolled)) == 3


async def test_what_cannot_be_done_is_told_before_anything_is(dongyang: County, tmp_path: Path) -> None:
    book = roster(tmp_path / "名单.xlsx", [("李建国", number_of(WANG), "", CABLE_CODE)])
    (other := tmp_path / "另外").mkdir()
    roster(other / "名单.xlsx", [("李建国", number_of(ZHOU), "", TOYS_CODE)])
    (tmp_path / "不是.xlsx").write_text("不是工作簿")
    for arguments, words in (
        ((str(tmp_path),), "不是.xlsx：这不是Excel工作簿"),
        ((str(book), "--employer-part", "二十"), "--employer-part"),
        ((str(book), "--results", str(tmp_path / "没有")), "is no folder"),
        ((str(book), str(other), "--results", str(tmp_path)), "more than one roster"),
        ((str(tmp_path / "没有.xlsx"),), "cannot read or write"),
        ((str(book), "--employer", CABLE_CODE[:-1] + "?"), "统一社会信用代码"),
    ):
        done = await niangjia(dongyang, "enrol", *arguments, *AS)
        assert done.exit_code != 0
        assert words in done.output, done.output
    empty = await niangjia(dongyang, "enrol", str(book), "--as", "officer:li", "--period", "2018-08-01")
    assert "保障期自" in empty.output
    assert await dongyang.told(EnrolmentSubmitted) == []
