"""What a cell of a workbook says: as text, as a date, or that digits were lost."""

import re
from datetime import date, datetime, time, timedelta
from typing import Final

from services.registry.identity import tidy
from shared.schemas.messages import Reason

__all__ = ["DATE_UNREADABLE", "DIGITS_LOST", "Cell", "as_date", "as_text", "lost_digits"]

type Cell = int | float | str | bool | time | date | datetime | timedelta
"""As python-calamine gives it: an empty cell is ``""``, every number a float, a date what is formatted as one."""

DATE_UNREADABLE = Reason("date_unreadable", "会员名册", "日期无法识别，请写成2018-07-01的样子")
DIGITS_LOST = Reason("digits_lost", "会员名册", "号码以数字格式存储，第15位以后已经丢失，请设为文本格式后重新填写")

EXACT_DIGITS: Final = 10**15
"""Excel keeps 15 significant digits of a number: of a longer one the rest are zeros."""

BLANKS: Final = frozenset({"-", "--", "/", "\\", "无", "暂无", "没有", "N/A", "NULL", "n/a"})
"""What people write into a cell to say that there is nothing."""

DAY_ZERO: Final = date(1899, 12, 30)
FIRST_SERIAL, LAST_SERIAL = 10_000, 73_050
"""1927-05-18 and 2099-12-31: whole numbers between are taken for Excel's dates."""

_SCIENTIFIC = re.compile(r"[0-9](\.[0-9]+)?[Ee]\+[0-9]{2}")
_DATE = re.compile(r"([12][0-9]{3})\D{1,2}([0-9]{1,2})(?:\D{1,2}([0-9]{1,2}))?\D?(?:\s+[0-9:.]+)?")
_DIGITS = re.compile(r"([12][0-9]{3})([0-9]{2})([0-9]{2})?")


def as_text(cell: Cell) -> str:
    """Tidy text; empty for what says that there is nothing. A whole number has no point, a date is as in ISO 8601."""
    match cell:
        case str():
            text = tidy(cell)
            return "" if text in BLANKS else text
        case bool():
            return "是" if cell else "否"
        case float() if cell.is_integer():
            return str(int(cell))
        case datetime() if cell.time() == time.min:
            return cell.date().isoformat()
        case _:
            return str(cell)


def lost_digits(cell: Cell) -> bool:
    """Whether the cell holds a number too long for Excel, or the text that is left of one (3.30503E+17)."""
    if isinstance(cell, str):
        return "+" in cell and _SCIENTIFIC.fullmatch(tidy(cell)) is not None
    return isinstance(cell, float | int) and abs(cell) >= EXACT_DIGITS


def as_date(cell: Cell) -> date:
    """A date from a date, Excel's serial number, or text: 2018-07-01, 2018.7.1, 2018年7月, 201807, 20180701.

    A month alone is its first day. Raises Refused. A number with a point, such as 2018.1, is refused: it may have
    been 2018.10.
    """
    match cell:
        case datetime():
            return cell.date()
        case date():
            return cell
        case float() if cell.is_integer() and FIRST_SERIAL <= cell <= LAST_SERIAL:
            return DAY_ZERO + timedelta(days=int(cell))
        case float() if not cell.is_integer():
            raise DATE_UNREADABLE()
    text = as_text(cell)
    found = _DATE.fullmatch(text) or _DIGITS.fullmatch(text)
    if found is None:
        raise DATE_UNREADABLE()
    year, month, day = found.groups()
    try:
        return date(int(year), int(month), int(day or 1))
    except ValueError:
        raise DATE_UNREADABLE() from None
