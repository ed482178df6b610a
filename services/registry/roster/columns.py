"""The columns of a roster, and finding its header row: unions put titles above it, merge cells, and vary the words."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.registry.identity import compact
from services.registry.roster.cells import Cell, as_text

__all__ = ["OUTCOMES", "Column", "Header", "find_header", "is_header_of"]


class Column(StrEnum):
    """What a roster may say of a member."""

    NAME = "name"
    ID_NUMBER = "id_number"
    PHONE = "phone"
    EMAIL = "email"
    SEX = "sex"
    UNION = "union"
    EMPLOYER = "employer"
    CREDIT_CODE = "credit_code"
    POST = "post"
    TRADE = "trade"
    SKILL_LEVEL = "skill_level"
    SKILLED = "skilled"
    JOINED_ON = "joined_on"
    HEAD_ID_NUMBER = "head_id_number"
    HOUSEHOLD = "household"
    ACCOUNT = "account"
    BANK = "bank"

    @property
    def label(self) -> str:
        """Its usual header, in 中文."""
        return HEADERS[self][0]


HEADERS: Final[Mapping[Column, tuple[str, ...]]] = {
    Column.NAME: ("姓名", "会员姓名", "职工姓名", "员工姓名", "名字"),
    Column.ID_NUMBER: (
        "身份证号",
        "身份证号码",
        "公民身份号码",
        "公民身份证号码",
        "居民身份证号码",
        "身份证",
        "身份号码",
        "证件号码",
        "证件号",
    ),
    Column.PHONE: ("手机号", "手机号码", "手机", "移动电话", "联系手机", "联系电话", "联系方式", "电话号码", "电话"),
    Column.EMAIL: ("邮箱", "电子邮箱", "电子邮件", "邮箱地址", "EMAIL", "E-MAIL"),
    Column.SEX: ("性别",),
    Column.UNION: ("所属工会", "工会名称", "所在工会", "基层工会", "基层工会名称", "工会组织", "所属工会组织"),
    Column.EMPLOYER: (
        "单位",
        "单位名称",
        "工作单位",
        "所在单位",
        "用人单位",
        "企业名称",
        "公司名称",
        "工作单位名称",
        "所属单位",
        "企业",
        "公司",
    ),
    Column.CREDIT_CODE: (
        "统一社会信用代码",
        "单位统一社会信用代码",
        "社会信用代码",
        "信用代码",
        "企业信用代码",
        "单位信用代码",
        "社会统一信用代码",
        "统一信用代码",
    ),
    Column.POST: ("岗位", "岗位名称", "工作岗位", "职务", "职位", "职务名称"),
    Column.TRADE: ("工种", "技术工种", "职业工种", "工种名称", "职业"),
    Column.SKILL_LEVEL: ("技能等级", "职业技能等级", "技术等级", "职业资格等级", "职业资格"),
    Column.SKILLED: ("是否技能岗位", "技能岗位", "是否技术工人", "技术工人", "是否技能人才"),
    Column.JOINED_ON: ("入会时间", "入会日期", "加入工会时间", "加入工会日期", "入会年月"),
    Column.HEAD_ID_NUMBER: ("户主身份证号", "户主身份证号码", "户主公民身份号码", "户主身份证"),
    Column.HOUSEHOLD: ("家庭编号", "户号", "户编号", "家庭户号", "户口簿编号"),
    Column.ACCOUNT: ("银行卡号", "银行账号", "银行帐号", "卡号", "工资卡号", "账号", "银行账户"),
    Column.BANK: ("开户行", "开户银行", "开户行名称", "银行名称"),
}
"""Headers by column; where a roster has several for one, the earlier here is read."""

OUTCOMES: Final = ("结果", "原因", "提示")
"""Columns that a result workbook adds: they are not read when it comes back."""

SEARCHED_ROWS: Final = 20
LONGEST: Final = 50
"""A longer text is no header."""
REQUIRED: Final = frozenset({Column.NAME, Column.ID_NUMBER})

_BY_HEADER: Final = {
    words: (column, preference) for column, variants in HEADERS.items() for preference, words in enumerate(variants)
}
_REMARK = re.compile(r"\(.*?\)|\[.*?\]|【.*?】|[*:.。]")


@dataclass(frozen=True, slots=True)
class Header:
    """Where the columns are. Rows and places count from 0, a place from the sheet's first column in use."""

    first_row: int
    last_row: int
    """Two rows where group headings stand above headers."""
    places: Mapping[Column, int]
    outcomes: frozenset[int]
    unread: tuple[str, ...]
    """Headers that are none of the columns, as they are written."""


def find_header(rows: Sequence[Sequence[Cell]]) -> Header | None:
    """The header among a sheet's first rows; None where there is no name and no identity number to a column."""
    known = [_places(row) for row in rows[:SEARCHED_ROWS]]
    for number, places in enumerate(known):
        below = known[number + 1] if number + 1 < len(known) else {}
        if places.keys() >= REQUIRED:
            kept = {places[column] for column in REQUIRED}
            more = {column: place for column, place in below.items() if column not in REQUIRED and place not in kept}
            heads_below = more and not _text(rows[number + 1], places[Column.NAME])
            return _header(rows, number, [places, more] if heads_below else [places])
        if places and not below.keys() >= REQUIRED and _merged([places, below]).keys() >= REQUIRED:
            return _header(rows, number, [places, below])
    return None


def is_header_of(row: Sequence[Cell], header: Header) -> bool:
    """Whether a row repeats the header, as at the top of a printed page."""
    return all((known := _recognised(row[header.places[column]])) and known[0] is column for column in REQUIRED)


def _header(rows: Sequence[Sequence[Cell]], first: int, known: Sequence[Mapping[Column, int]]) -> Header:
    places = _merged(known)
    last = first + len(known) - 1
    texts = [(place, cell) for row in rows[first : last + 1] for place, cell in enumerate(row) if cell]
    outcomes = frozenset(place for place, cell in texts if _words(cell) in OUTCOMES)
    read = outcomes | set(places.values())
    return Header(first, last, places, outcomes, _once(as_text(cell) for place, cell in texts if place not in read))


def _merged(known: Sequence[Mapping[Column, int]]) -> dict[Column, int]:
    """Of a row and the one below it: what stands below counts, also for the heading right above it."""
    *above, lowest = known
    return {column: place for row in above for column, place in row.items() if place not in lowest.values()} | dict(
        lowest
    )


def _places(row: Sequence[Cell]) -> dict[Column, int]:
    found: dict[Column, tuple[int, int]] = {}
    for place, cell in enumerate(row):
        known = _recognised(cell)
        if known is not None and (known[0] not in found or known[1] < found[known[0]][0]):
            found[known[0]] = (known[1], place)
    return {column: place for column, (_, place) in found.items()}


def _recognised(cell: Cell) -> tuple[Column, int] | None:
    words = _words(cell)
    return _BY_HEADER.get(words) or next(filter(None, map(_BY_HEADER.get, re.split(r"[/、或]", words))), None)


def _words(cell: Cell) -> str:
    return _REMARK.sub("", compact(cell)) if isinstance(cell, str) and len(cell) < LONGEST else ""


def _text(row: Sequence[Cell], place: int) -> str:
    return _words(row[place]) if place < len(row) else ""


def _once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))
