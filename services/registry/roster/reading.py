"""Reading the workbook (.xlsx) that a union keeps of its members."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from services.registry.identity import compact
from services.registry.roster.cells import Cell, as_text
from services.registry.roster.columns import SEARCHED_ROWS, Column, Header, find_header, is_header_of
from services.registry.roster.rows import RosterRow, RowReader
from services.registry.roster.unpacking import LARGEST, is_too_large
from shared.schemas.messages import Reason

__all__ = ["NO_HEADER", "PROTECTED", "TOO_LARGE", "UNREADABLE", "Roster", "RosterSheet", "open_roster"]

UNREADABLE = Reason("roster_unreadable", "会员名册", "这不是Excel工作簿（.xlsx），或者文件已经损坏")
TOO_LARGE = Reason("roster_too_large", "会员名册", "工作簿展开后超过{most}MB，请分成几个文件导入")
PROTECTED = Reason("roster_protected", "会员名册", "工作簿有打开密码，请取消密码后再导入")
NO_HEADER = Reason("roster_no_header", "会员名册", "各工作表前{rows}行里都没有找到“姓名”和“身份证号”的表头")

OF_ONE_PERSON: Final = frozenset(
    {Column.NAME, Column.ID_NUMBER, Column.PHONE, Column.EMAIL, Column.ACCOUNT, Column.SEX}
)
"""Never carried down a merged cell."""

ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
"""Names the part of a compound file that holds a workbook with a password."""

_CLOSING = re.compile(
    r"(合计|总计|小计|共计|累计|共[0-9]+人).*|(备注|说明|注|(填表|制表|填报|审核|经办|负责|联系)(人|日期|单位)?)(:.*)?"
)


@dataclass(frozen=True, slots=True)
class RosterSheet:
    """A sheet with a roster on it."""

    name: str
    header: Header
    first_column: int
    """Of the sheet's columns in use, from 0."""
    opening: tuple[tuple[Cell, ...], ...] = field(repr=False)
    """Its rows up to the header's last."""
    content: CalamineSheet = field(repr=False)

    @property
    def last_row(self) -> int:
        """As Excel shows it."""
        return (self.content.end or (0, 0))[0] + 1

    def rows(self) -> Iterator[tuple[int, list[Cell]]]:
        """Rows below the header that tell of somebody, numbered as Excel shows them, with what a cell merged over
        several of them says in each."""
        carried = self._merged_down()
        filling: dict[int, tuple[int, Cell]] = {}
        for index, row in enumerate(self.content.iter_rows()):
            for place, last in carried.get(index, ()):
                filling[place] = (last, row[place])
            for place, (last, value) in list(filling.items()):
                if index > last:
                    del filling[place]
                else:
                    row[place] = value
            if index > self.header.last_row and self._tells_of_somebody(row):
                yield index + 1, row

    def _merged_down(self) -> dict[int, list[tuple[int, int]]]:
        """By first row, the places and last rows of cells merged over rows of a column that may be carried down."""
        carried = {place for column, place in self.header.places.items() if column not in OF_ONE_PERSON}
        spans: dict[int, list[tuple[int, int]]] = {}
        for (first, left), (last, right) in self.content.merged_cell_ranges or ():
            place = left - self.first_column
            if first > self.header.last_row and left == right and place in carried:
                spans.setdefault(first, []).append((place, last))
        return spans

    def _tells_of_somebody(self, row: list[Cell]) -> bool:
        places = self.header.places
        if as_text(row[places[Column.ID_NUMBER]]):
            return not is_header_of(row, self.header)
        if not any(as_text(row[place]) for column, place in places.items() if column in OF_ONE_PERSON):
            return False
        first = next(cell for cell in row if cell != "")
        return not any(_CLOSING.fullmatch(compact(as_text(cell))) for cell in (first, row[places[Column.NAME]]))


class Roster:
    """A workbook with rosters: those of all its visible sheets, read as one."""

    def __init__(self, workbook: CalamineWorkbook) -> None:
        """Raises Refused where no sheet is a roster."""
        self.sheets: list[RosterSheet] = []
        self.skipped: list[str] = []
        """Names of visible sheets that are no rosters."""
        for about in workbook.sheets_metadata:
            if about.typ is not SheetTypeEnum.WorkSheet or about.visible is not SheetVisibleEnum.Visible:
                continue
            content = workbook.get_sheet_by_name(about.name)
            opening = [tuple(row) for row in islice(content.iter_rows(), SEARCHED_ROWS + 1)]
            header = find_header(opening)
            if header is None or content.start is None:
                self.skipped.append(about.name)
            else:
                above = tuple(opening[: header.last_row + 1])
                self.sheets.append(RosterSheet(about.name, header, content.start[1], above, content))
        if not self.sheets:
            raise NO_HEADER(rows=SEARCHED_ROWS)

    @property
    def size(self) -> int:
        """At most so many members."""
        return sum(sheet.last_row - sheet.header.last_row - 1 for sheet in self.sheets)

    def rows(self, today: date) -> Iterator[RosterRow]:
        """Every row of every sheet, read and checked as of a date in China."""
        reader = RowReader(today)
        for sheet in self.sheets:
            for number, cells in sheet.rows():
                yield reader.read(sheet.name, number, tuple(cells), sheet.header.places)


def open_roster(source: Path | BinaryIO) -> Roster:
    """A roster from a file, or from one that is open. What it is shows in its content, whatever it is called.

    Raises Refused where it can't be read or is none, OSError for a file that isn't there.
    """
    content = source.read_bytes() if isinstance(source, Path) else source.read()
    if is_too_large(content):
        raise TOO_LARGE(most=LARGEST // 1024**2)
    try:
        return Roster(CalamineWorkbook.from_filelike(BytesIO(content)))
    except CalamineError:
        raise (PROTECTED if ENCRYPTED in content else UNREADABLE)() from None
