"""Identity numbers (GB 11643), credit codes (GB 32100), mobile numbers, accounts: normalised, checked, masked.

A `read_…` function takes what somebody wrote, with full-width digits, spaces, invisible marks and all, and gives
the normal form, or raises Refused with the clause that a wrong one breaks. A refusal never repeats what was written.
"""

import re
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cache
from typing import Final

from stdnum import luhn, numdb
from stdnum.cn import ric, uscc

from shared.schemas.messages import Reason

__all__ = [
    "Account",
    "CreditCode",
    "IdNumber",
    "Sex",
    "compact",
    "mask_account",
    "mask_email",
    "mask_id_number",
    "mask_mobile",
    "mask_name",
    "read_account",
    "read_credit_code",
    "read_email",
    "read_id_number",
    "read_mobile",
    "read_name",
    "tidy",
]

NAME_MALFORMED = Reason("name_malformed", "GB 11643", "姓名须为两个以上的文字，不能有数字、括号等符号")
ID_NUMBER_MASKED = Reason("id_number_masked", "GB 11643", "身份证号码有遮盖，须填写完整的号码")
ID_NUMBER_FIRST_GENERATION = Reason(
    "id_number_first_generation", "GB 11643", "15位的一代身份证号码已停用，须填写18位号码"
)
ID_NUMBER_LENGTH = Reason("id_number_length", "GB 11643", "身份证号码须为18位，这里是{length}位")
ID_NUMBER_CHARACTERS = Reason("id_number_characters", "GB 11643", "身份证号码前17位须为数字，末位为数字或X")
ID_NUMBER_BIRTH = Reason("id_number_birth", "GB 11643", "身份证号码中的出生日期不存在")
ID_NUMBER_FUTURE = Reason("id_number_future", "GB 11643", "身份证号码中的出生日期在今天之后")
ID_NUMBER_CHECK = Reason("id_number_check", "GB 11643", "身份证号码校验码不符，请核对每一位")

CREDIT_CODE_OLD = Reason(
    "credit_code_old", "GB 32100", "这是{length}位的注册号或组织机构代码，须填写18位统一社会信用代码"
)
CREDIT_CODE_LENGTH = Reason("credit_code_length", "GB 32100", "统一社会信用代码须为18位，这里是{length}位")
CREDIT_CODE_CHARACTERS = Reason(
    "credit_code_characters", "GB 32100", "统一社会信用代码第3至8位须为数字，其余为数字或大写字母，不用I、O、S、V、Z"
)
CREDIT_CODE_CHECK = Reason("credit_code_check", "GB 32100", "统一社会信用代码校验码不符，请核对每一位")

MOBILE_MALFORMED = Reason("mobile_malformed", "手机号码", "手机号码须为1开头的11位数字")
MOBILE_LANDLINE = Reason("mobile_landline", "手机号码", "这是固定电话，收不到短信，须填写手机号码")
EMAIL_MALFORMED = Reason("email_malformed", "电子邮箱", "电子邮箱地址格式不对")
ACCOUNT_MALFORMED = Reason("account_malformed", "银行账号", "银行账号须为8至30位数字")

NUMBER_LENGTH: Final = 18
HONG_KONG_MACAU_TAIWAN: Final = frozenset({"81", "82", "83"})
"""Residence permits of people from there have GB 11643 numbers too, whose place codes python-stdnum does not know."""

_TO_PLAIN = {
    **{0xFF01 + step: 0x21 + step for step in range(94)},
    **dict.fromkeys([0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF]),
    **dict.fromkeys([0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2212], ord("-")),
    **dict.fromkeys([0x2018, 0x2019, 0x0060], ord("'")),
}
"""Full-width forms, dashes and quotes to plain ones; marks that nobody sees, such as those a phone puts around a
number that is copied, to nothing."""

_TIDY = re.compile(r"[0-9A-Za-z\u4E00-\u9FFF]*")
_CREDIT_CODE = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_LANDLINE = re.compile(r"(0[0-9]{2,3})?[2-8][0-9]{6,7}([转#][0-9]{1,6})?")
_EMAIL = re.compile(r"[^@\s<>,;:\"'()\[\]\\]+@([A-Za-z0-9-]+\.)+[A-Za-z0-9-]{2,}")
_ACCOUNT = re.compile(r"[0-9]{8,30}")
_PADDING, _DOT = (
    re.compile(rf"(?<=[^\x00-\u024F]){between}(?=[^\x00-\u024F])") for between in (r"\s+", r"\s*[·•・‧∙.]\s*")
)
"""Between letters that are not Latin."""


class Sex(StrEnum):
    MALE = "male"  # 男
    FEMALE = "female"  # 女


@dataclass(frozen=True, slots=True)
class IdNumber:
    """A citizen identity number that keeps GB 11643, and what it says of the person."""

    number: str = field(repr=False)
    born: date = field(repr=False)
    sex: Sex = field(repr=False)
    place_known: bool
    """Whether its place code ever was one. Numbers with unknown codes are in lawful use: a warning, no more."""

    def age(self, on: date) -> int:
        """Full years on a day in China."""
        return on.year - self.born.year - ((on.month, on.day) < (self.born.month, self.born.day))


@dataclass(frozen=True, slots=True)
class CreditCode:
    """A unified social credit code that keeps GB 32100."""

    code: str

    @property
    def is_of_a_union(self) -> bool:
        """Registered by the trade unions (机构类别 8)."""
        return self.code.startswith("8")

    @property
    def is_of_a_grassroots_union(self) -> bool:
        return self.code.startswith("81")


@dataclass(frozen=True, slots=True)
class Account:
    """A bank account number."""

    number: str = field(repr=False)
    check_holds: bool
    """False where it looks like a UnionPay card but its Luhn digit is wrong. Passbooks have none: a mere warning."""


def tidy(text: str) -> str:
    """Plain characters for full-width ones, no invisible marks, single spaces, no quote in front.

    >>> tidy(" Ｌｉ　Ｊｉａｎｇｕｏ ")
    'Li Jianguo'
    """
    if _TIDY.fullmatch(text):
        return text
    return " ".join(text.translate(_TO_PLAIN).split()).lstrip("'").strip()


def compact(text: str) -> str:
    """Tidy, without any space, in capitals.

    >>> compact(" 330503 １９９００１０１ 123ｘ ")
    '33050319900101123X'
    """
    return tidy(text).replace(" ", "").upper()


def read_name(text: str) -> str:
    """A person's name. Spaces that pad a Chinese name go; the dots of minority names become one kind. Raises Refused.

    >>> read_name("李 国"), read_name("阿卜杜拉•买买提")
    ('李国', '阿卜杜拉·买买提')
    """
    name = _PADDING.sub("", _DOT.sub("·", tidy(text)))
    letters = re.sub(r"[·.\s'-]", "", name)
    if len(letters) < 2 or not letters.isalpha() or len(name) > 50:
        raise NAME_MALFORMED()
    return name


def read_id_number(text: str, today: date) -> IdNumber:
    """A citizen identity number of somebody born by `today`, a date in China. Raises Refused."""
    number = compact(text).replace("-", "")
    if "*" in number:
        raise ID_NUMBER_MASKED()
    if len(number) == 15 and _is_digits(number):
        raise ID_NUMBER_FIRST_GENERATION()
    if len(number) != NUMBER_LENGTH:
        raise ID_NUMBER_LENGTH(length=len(number))
    body, check = number[:-1], number[-1].replace("×", "X")
    if not _is_digits(body) or not (check == "X" or _is_digits(check)):
        raise ID_NUMBER_CHARACTERS()
    try:
        born = date(int(body[6:10]), int(body[10:12]), int(body[12:14]))
    except ValueError:
        raise ID_NUMBER_BIRTH() from None
    if ric.calc_check_digit(body + check) != check:
        raise ID_NUMBER_CHECK()
    if born > today:
        raise ID_NUMBER_FUTURE()
    sex = Sex.MALE if int(body[-1]) % 2 else Sex.FEMALE
    return IdNumber(body + check, born, sex, _is_place(body[:6]))


def read_credit_code(text: str) -> CreditCode:
    """A unified social credit code, of whatever registering authority. Raises Refused."""
    code = compact(text).replace("-", "")
    if len(code) in (9, 13, 15):
        raise CREDIT_CODE_OLD(length=len(code))
    if len(code) != NUMBER_LENGTH:
        raise CREDIT_CODE_LENGTH(length=len(code))
    # python-stdnum's own check of the form refuses the authorities that are letters (A, N, Y).
    if not _CREDIT_CODE.fullmatch(code):
        raise CREDIT_CODE_CHARACTERS()
    if uscc.calc_check_digit(code[:-1]) != code[-1]:
        raise CREDIT_CODE_CHECK()
    return CreditCode(code)


def read_mobile(text: str) -> str:
    """A mainland mobile number, without +86. Raises Refused.

    >>> read_mobile("+86 138-0000-0000")
    '13800000000'
    """
    number = re.sub(r"[-()]", "", compact(text))
    number = re.sub(r"^(\+|00)?86(?=1[0-9]{10}$)", "", number)
    if _MOBILE.fullmatch(number):
        return number
    raise (MOBILE_LANDLINE if _LANDLINE.fullmatch(number) else MOBILE_MALFORMED)()


def read_email(text: str) -> str:
    """An email address as people have them; not all that RFC 5321 allows. Raises Refused."""
    address = tidy(text)
    if len(address) > 254 or not _EMAIL.fullmatch(address):
        raise EMAIL_MALFORMED()
    return address


def read_account(text: str) -> Account:
    """The number of a bank card or passbook. Raises Refused."""
    number = compact(text).replace("-", "")
    if not _ACCOUNT.fullmatch(number):
        raise ACCOUNT_MALFORMED()
    is_card = number.startswith("62") and 16 <= len(number) <= 19
    return Account(number, check_holds=not is_card or luhn.is_valid(number))


def mask_name(name: str) -> str:
    """The first character, and a star for each other.

    >>> mask_name("李建国")
    '李**'
    """
    return name[:1] + "*" * (len(name) - 1)


def mask_id_number(number: str) -> str:
    """The first four and the last four.

    >>> mask_id_number("330302199001011234")
    '3303**********1234'
    """
    return _masked(number, 4, 4)


def mask_mobile(number: str) -> str:
    """The first three and the last four.

    >>> mask_mobile("13800000000")
    '138****0000'
    """
    return _masked(number, 3, 4)


def mask_account(number: str) -> str:
    """The last four.

    >>> mask_account("6222021234567890")
    '************7890'
    """
    return _masked(number, 0, 4)


def mask_email(address: str) -> str:
    """The first character and the domain.

    >>> mask_email("jianguo@example.com")
    'j***@example.com'
    """
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}***@{domain}"


def _masked(text: str, head: int, tail: int) -> str:
    if len(text) <= head + tail:
        return "*" * len(text)
    return text[:head] + "*" * (len(text) - head - tail) + text[-tail:]


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


@cache
def _is_place(code: str) -> bool:
    """Whether a division code is or was in use. python-stdnum's own check also refuses the codes of those who were
    born before theirs was made: it is not in people's numbers from birth."""
    if code[:2] in HONG_KONG_MACAU_TAIWAN:
        return True
    return any("county" in properties for _, properties in numdb.get("cn/loc").info(code))
