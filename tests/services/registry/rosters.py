"""Synthetic people, employers and roster workbooks. Numbers keep their standards, and belong to nobody on purpose."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import xlsxwriter
from stdnum import luhn
from stdnum.cn import ric, uscc

HEADERS = (
    "序号",
    "姓名",
    "性别",
    "身份证号",
    "手机号",
    "单位",
    "统一社会信用代码",
    "岗位",
    "工种",
    "技能等级",
    "入会时间",
    "户主身份证号",
    "开户行",
    "银行卡号",
    "邮箱",
)

SURNAMES = (
    "李王张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许邓冯韩曹曾彭萧蔡潘田董袁于余叶蒋杜苏魏程吕丁沈任姚卢傅钟姜崔谭廖范"
    "汪陆金石戴贾韦夏邱方侯邹熊孟秦白江阎薛尹段雷黎史龙陶贺顾毛郝龚邵万钱严赖覃洪武莫孔"
)
GIVEN = (
    "建国伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀兰霞平刚桂英华文辉力志鹏飞红玲晨宇欣怡梓涵浩然子轩雨泽一诺思远嘉豪佳琪天佑"
    "海燕春梅秋菊冬生夏荷立新卫东"
)
TRADES = (
    ("电缆工", "电线电缆制造工", "高级工"),
    ("维修电工", "电工", "技师"),
    ("质检员", "", ""),
    ("仓管员", "", ""),
    ("焊工", "焊工", "中级工"),
    ("行政专员", "", ""),
    ("木地板工", "木材加工", "初级工"),
    ("电梯安装", "电梯安装维修工", "高级技师"),
)
BANKS = ("湖州银行南浔支行", "南浔银行练市支行", "中国工商银行南浔支行")
PLACES = ("330501", "330502", "330503", "330521", "330522", "330523", "330302", "340103", "411527", "520123")


def id_number(place: str, born: date, sequence: int) -> str:
    """A GB 11643 number; odd sequences are men's."""
    body = f"{place}{born:%Y%m%d}{sequence:03d}"
    return body + ric.calc_check_digit(body + "0")


def credit_code(body: str) -> str:
    """A GB 32100 code from its first 17 characters."""
    return body + uscc.calc_check_digit(body)


def card_number(body: str) -> str:
    return body + luhn.calc_check_digit(body)


@dataclass(frozen=True, slots=True)
class Person:
    """One row of a roster, by column."""

    name: str
    sex: str
    id_number: str
    phone: str
    employer: str
    credit_code: str
    post: str
    trade: str
    skill_level: str
    joined_on: date
    head: str
    bank: str
    account: str
    email: str

    def cells(self, number: int) -> tuple[Any, ...]:
        return (
            number,
            self.name,
            self.sex,
            self.id_number,
            self.phone,
            self.employer,
            self.credit_code,
            self.post,
            self.trade,
            self.skill_level,
            self.joined_on,
            self.head,
            self.bank,
            self.account,
            self.email,
        )


def employers(count: int) -> list[tuple[str, str]]:
    """Names and credit codes."""
    trades = ("电缆", "木业", "电机", "纺织", "家居", "电梯")
    return [
        (f"湖州南浔第{number}{trades[number % len(trades)]}有限公司", credit_code(f"91330503MA2{number:06d}"))
        for number in range(1, count + 1)
    ]


def people(count: int, seed: int = 330503) -> Iterator[Person]:
    """Different people, about fifty to an employer; every fourth lives in the household of the one before."""
    chance = Random(seed)
    firms = employers(max(1, count // 50))
    head = ""
    for number in range(count):
        born = date(1965, 1, 1) + timedelta(days=number * 37 % 12_000)
        own = id_number(PLACES[number % len(PLACES)], born, 1 + number // 12_000 * 7 + number % 7)
        head = head if number % 4 == 3 else own
        firm, code = firms[number % len(firms)]
        post, trade, level = TRADES[number % len(TRADES)]
        yield Person(
            name=chance.choice(SURNAMES) + "".join(chance.choices(GIVEN, k=chance.choice((1, 2, 2)))),
            sex="男" if int(own[16]) % 2 else "女",
            id_number=own,
            phone=f"1{3 + number % 7}{100_000_000 + number}",
            employer=firm,
            credit_code=code,
            post=post,
            trade=trade,
            skill_level=level,
            joined_on=date(2008, 1, 1) + timedelta(days=number % 3650),
            head=head,
            bank=BANKS[number % len(BANKS)],
            account=card_number(f"622{number % 10}88{number:012d}"),
            email=f"worker{number}@example.com" if number % 3 == 0 else "",
        )


def write_roster(path: Path, persons: Sequence[Person] | Iterator[Person], title: str = "工会会员花名册") -> Path:
    """A tidy roster as unions keep it: a title over all columns, headers in the third row, numbers as text."""
    with xlsxwriter.Workbook(path, {"constant_memory": True, "default_date_format": "yyyy-mm-dd"}) as book:
        sheet = book.add_worksheet("会员名册")
        sheet.merge_range(0, 0, 0, len(HEADERS) - 1, title)
        sheet.write_row(2, 0, HEADERS)
        for number, person in enumerate(persons, start=1):
            for column, value in enumerate(person.cells(number)):
                if isinstance(value, date):
                    sheet.write_datetime(number + 2, column, value)
                elif isinstance(value, int):
                    sheet.write_number(number + 2, column, value)
                elif value:
                    sheet.write_string(number + 2, column, value)
    return path


def write_sheet(path: Path, rows: Mapping[int, Sequence[Any]], column: int = 0, sheet_name: str = "Sheet1") -> Path:
    """A workbook of one sheet with the given rows, numbered as Excel shows them."""
    with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd", "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet(sheet_name)
        for number, cells in rows.items():
            sheet.write_row(number - 1, column, cells)
    return path
