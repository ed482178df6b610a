"""One row of a roster: who is listed, what is wrong with it, and what is doubtful.

A row with a problem is not imported. A warning is about something that was left out, or that somebody should look
at; the row is imported. Neither repeats what was written.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache, partial
from typing import Final

from services.registry.identity import (
    MOBILE_LANDLINE,
    CreditCode,
    IdNumber,
    Sex,
    read_account,
    read_credit_code,
    read_email,
    read_id_number,
    read_mobile,
    read_name,
)
from services.registry.roster.cells import DIGITS_LOST, Cell, as_date, as_text, lost_digits
from services.registry.roster.columns import Column
from shared.schemas.messages import Reason, Refused
from shared.schemas.registry import SkillLevel

__all__ = ["ListedMember", "Problem", "RosterRow", "RowReader"]

MISSING = Reason("missing", "会员名册", "没有填写{label}")
TOO_LONG = Reason("too_long", "会员名册", "超过{limit}个字")
ID_NUMBER_REPEATED = Reason("id_number_repeated", "会员名册", "身份证号与{place}重复")
CREDIT_CODE_OF_UNION = Reason(
    "credit_code_of_union", "GB 32100", "81开头的是基层工会的统一社会信用代码，须填写单位自己的"
)

PLACE_UNKNOWN = Reason("place_unknown", "GB 11643", "身份证号码的地区码未收录，请核对")
UNDER_AGE = Reason("under_age", "劳动法 第15条", "按身份证号码未满16周岁，请核对")
SEX_DIFFERS = Reason("sex_differs", "会员名册", "性别与身份证号码不符，以身份证号码为准")
PHONE_MISSING = Reason("phone_missing", "会员名册", "没有手机号码，收不到短信")
PHONE_REPEATED = Reason("phone_repeated", "会员名册", "手机号码与{place}相同")
ACCOUNT_REPEATED = Reason("account_repeated", "会员名册", "银行账号与{place}相同")
ACCOUNT_DOUBTFUL = Reason("account_doubtful", "会员名册", "银行卡号校验位不符，请核对")
EMPLOYER_DIFFERS = Reason("employer_differs", "会员名册", "同一信用代码在{place}是另一个单位名称")
JOINED_LATER = Reason("joined_later", "会员名册", "入会时间在今天之后，未采用")
SKILL_LEVEL_UNKNOWN = Reason("skill_level_unknown", "会员名册", "技能等级无法识别，未采用")

WORKING_AGE: Final = 16

SKILL_LEVELS: Final = {
    "学徒": SkillLevel.APPRENTICE,
    "首席技师": SkillLevel.CHIEF_TECHNICIAN,
    "特级技师": SkillLevel.SPECIAL_TECHNICIAN,
    "高级技师": SkillLevel.SENIOR_TECHNICIAN,
    "技师": SkillLevel.TECHNICIAN,
    "高级工": SkillLevel.SENIOR,
    "高级技工": SkillLevel.SENIOR,
    "中级": SkillLevel.INTERMEDIATE,
    "初级": SkillLevel.JUNIOR,
    "一级": SkillLevel.SENIOR_TECHNICIAN,
    "二级": SkillLevel.TECHNICIAN,
    "三级": SkillLevel.SENIOR,
    "四级": SkillLevel.INTERMEDIATE,
    "五级": SkillLevel.JUNIOR,
}
"""By what a cell contains; the first that fits. Grades one to five are those of the vocational qualifications."""

YES: Final = frozenset({"是", "有", "√", "✓", "Y", "YES", "1"})


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong or doubtful, in a column or in the row as a whole."""

    column: Column | None
    code: str
    words: str
    """For people, in 中文."""

    @classmethod
    def of(cls, column: Column | None, refused: Refused) -> "Problem":
        return cls(column, refused.refusal.code, refused.refusal.message)


@dataclass(frozen=True, slots=True)
class ListedMember:
    """A member as a roster lists them: numbers checked and in their normal form, None for what isn't there."""

    name: str = field(repr=False)
    id_number: IdNumber
    phone: str | None = field(repr=False)
    email: str | None = field(repr=False)
    union: str | None
    employer: str | None
    credit_code: CreditCode | None
    post: str | None
    trade: str | None
    skill_level: SkillLevel | None
    skilled: bool
    joined_on: date | None
    head_id_number: str | None = field(repr=False)
    """Of the head of the household (户主)."""
    household: str | None
    """The union's own number of the household."""
    account: str | None = field(repr=False)
    bank: str | None


@dataclass(frozen=True, slots=True)
class RosterRow:
    """A row as it was read. `member` is None where there are problems."""

    sheet: str
    number: int
    """As Excel shows it."""
    cells: tuple[Cell, ...] = field(repr=False)
    listed: ListedMember
    """As far as they could be read."""
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]

    @property
    def member(self) -> ListedMember | None:
        return None if self.problems else self.listed


class RowReader:
    """Reads the rows of one workbook, and knows what earlier ones said."""

    def __init__(self, today: date) -> None:
        self.today = today
        self._seen: dict[tuple[Column, str], tuple[str, int]] = {}
        self._employers: dict[str, tuple[str, tuple[str, int]]] = {}

    def read(self, sheet: str, number: int, cells: tuple[Cell, ...], places: Mapping[Column, int]) -> RosterRow:
        row = _Row(cells, places)
        member = self._member(row, (sheet, number))
        return RosterRow(sheet, number, cells, member, tuple(row.problems), tuple(row.warnings))

    def _member(self, row: "_Row", here: tuple[str, int]) -> ListedMember:
        name = row.required(Column.NAME, read_name)
        own = row.required(Column.ID_NUMBER, partial(read_id_number, today=self.today))
        employer = row.strict(Column.EMPLOYER, partial(_short, limit=100))
        code = row.strict(Column.CREDIT_CODE, _employers_code)
        head = row.strict(Column.HEAD_ID_NUMBER, partial(read_id_number, today=self.today))
        level = row.lenient(Column.SKILL_LEVEL, _skill_level)
        listed = ListedMember(
            name=name or "",
            id_number=own or NOBODY,
            phone=self._phone(row),
            email=row.lenient(Column.EMAIL, read_email),
            union=row.lenient(Column.UNION, partial(_short, limit=100)),
            employer=employer,
            credit_code=code,
            post=row.lenient(Column.POST, partial(_short, limit=500)),
            trade=row.lenient(Column.TRADE, partial(_short, limit=500)),
            skill_level=level,
            skilled=level is not None or row.text(Column.SKILLED).upper() in YES,
            joined_on=self._joined_on(row),
            head_id_number=head.number if head else None,
            household=row.lenient(Column.HOUSEHOLD, partial(_short, limit=100)),
            account=self._account(row),
            bank=row.lenient(Column.BANK, partial(_short, limit=100)),
        )
        if own is not None:
            self._compare_with_id_number(row, own)
        self._compare_with_earlier_rows(row, listed, here)
        return listed

    def _phone(self, row: "_Row") -> str | None:
        if not row.text(Column.PHONE) and row.has(Column.PHONE):
            row.warn(Column.PHONE, PHONE_MISSING())
        try:
            return row.read(Column.PHONE, read_mobile)
        except Refused as refused:
            is_landline = refused.refusal.code == MOBILE_LANDLINE.code
            (row.warnings if is_landline else row.problems).append(Problem.of(Column.PHONE, refused))
            return None

    def _account(self, row: "_Row") -> str | None:
        account = row.lenient(Column.ACCOUNT, read_account)
        if account is not None and not account.check_holds:
            row.warn(Column.ACCOUNT, ACCOUNT_DOUBTFUL())
        return account.number if account else None

    def _joined_on(self, row: "_Row") -> date | None:
        if not row.text(Column.JOINED_ON):
            return None
        try:
            joined_on = as_date(row.cell(Column.JOINED_ON))
            if joined_on > self.today:
                raise JOINED_LATER()
        except Refused as refused:
            row.warn(Column.JOINED_ON, refused)
            return None
        return joined_on

    def _compare_with_id_number(self, row: "_Row", own: IdNumber) -> None:
        if not own.place_known:
            row.warn(Column.ID_NUMBER, PLACE_UNKNOWN())
        if own.age(self.today) < WORKING_AGE:
            row.warn(Column.ID_NUMBER, UNDER_AGE())
        sex = row.text(Column.SEX)
        if (sex == "男" and own.sex is not Sex.MALE) or (sex == "女" and own.sex is not Sex.FEMALE):
            row.warn(Column.SEX, SEX_DIFFERS())

    def _compare_with_earlier_rows(self, row: "_Row", listed: ListedMember, here: tuple[str, int]) -> None:
        if listed.id_number is not NOBODY:
            earlier = self._seen.setdefault((Column.ID_NUMBER, listed.id_number.number), here)
            if earlier != here:
                row.problems.append(Problem.of(Column.ID_NUMBER, ID_NUMBER_REPEATED(place=_place(earlier, here))))
                return
        for column, value, reason in (
            (Column.PHONE, listed.phone, PHONE_REPEATED),
            (Column.ACCOUNT, listed.account, ACCOUNT_REPEATED),
        ):
            if value is not None and (earlier := self._seen.setdefault((column, value), here)) != here:
                row.warn(column, reason(place=_place(earlier, here)))
        if listed.credit_code is not None and listed.employer is not None:
            employer, earlier = self._employers.setdefault(listed.credit_code.code, (listed.employer, here))
            if employer != listed.employer:
                row.warn(Column.EMPLOYER, EMPLOYER_DIFFERS(place=_place(earlier, here)))


class _Row:
    """A row's cells by column, and what was found wrong with them."""

    def __init__(self, cells: tuple[Cell, ...], places: Mapping[Column, int]) -> None:
        self._cells = {column: cells[place] for column, place in places.items()}
        self._texts = {column: as_text(cell) for column, cell in self._cells.items()}
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def has(self, column: Column) -> bool:
        return column in self._cells

    def cell(self, column: Column) -> Cell:
        return self._cells.get(column, "")

    def text(self, column: Column) -> str:
        return self._texts.get(column, "")

    def warn(self, column: Column, refused: Refused) -> None:
        self.warnings.append(Problem.of(column, refused))

    def read[T](self, column: Column, reader: Callable[[str], T]) -> T | None:
        """What a cell says, None where it says nothing. Raises Refused."""
        text = self.text(column)
        if not text:
            return None
        if column in LONG_NUMBERS and lost_digits(self.cell(column)):
            raise DIGITS_LOST()
        return reader(text)

    def required[T](self, column: Column, reader: Callable[[str], T]) -> T | None:
        """As `read`; a wrong cell or an empty one is a problem."""
        if not self.text(column):
            self.problems.append(Problem.of(column, MISSING(label=column.label)))
            return None
        return self.strict(column, reader)

    def strict[T](self, column: Column, reader: Callable[[str], T]) -> T | None:
        """As `read`; a wrong cell is a problem."""
        try:
            return self.read(column, reader)
        except Refused as refused:
            self.problems.append(Problem.of(column, refused))
            return None

    def lenient[T](self, column: Column, reader: Callable[[str], T]) -> T | None:
        """As `read`; a wrong cell is left out with a warning."""
        try:
            return self.read(column, reader)
        except Refused as refused:
            self.warn(column, refused)
            return None


NOBODY: Final = IdNumber("", date.min, Sex.MALE, place_known=False)
"""In place of an identity number that couldn't be read: its row has a problem, and its member goes nowhere."""

LONG_NUMBERS: Final = frozenset({Column.ID_NUMBER, Column.CREDIT_CODE, Column.HEAD_ID_NUMBER, Column.ACCOUNT})


def _short(text: str, limit: int) -> str:
    if len(text) > limit:
        raise TOO_LONG(limit=limit)
    return text


@lru_cache(maxsize=4096)
def _employers_code(text: str) -> CreditCode:
    code = read_credit_code(text)
    if code.is_of_a_grassroots_union:
        raise CREDIT_CODE_OF_UNION()
    return code


@lru_cache(maxsize=256)
def _skill_level(text: str) -> SkillLevel:
    for words, level in SKILL_LEVELS.items():
        if words in text:
            return level
    raise SKILL_LEVEL_UNKNOWN()


def _place(earlier: tuple[str, int], here: tuple[str, int]) -> str:
    sheet, number = earlier
    return f"第{number}行" if sheet == here[0] else f"工作表“{sheet}”第{number}行"
