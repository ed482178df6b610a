"""What goes to a bank in a file and what comes back in one, whatever the file looks like; and what a format offers."""

from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from services.aid.refusals import PAYING
from shared.schemas.aid import BankAccount, BatchId, PaymentId, ReturnGround
from shared.schemas.messages import Reason, Refusal
from shared.schemas.money import Fen

__all__ = [
    "CHECKSUM_WRONG",
    "FILE_UNREADABLE",
    "LINE_UNREADABLE",
    "TOTALS_WRONG",
    "BadLine",
    "BankFile",
    "BankFormat",
    "PaymentLine",
    "ResultFile",
    "ResultLine",
]

FILE_UNREADABLE = Reason("bank_file_unreadable", PAYING, "不是约定格式的回盘文件：{why}")
CHECKSUM_WRONG = Reason("bank_file_checksum", PAYING, "回盘文件校验码不符，文件不完整或被改动，整个文件未导入")
TOTALS_WRONG = Reason(
    "bank_file_totals", PAYING, "回盘文件尾行为{said_count}笔{said}元，明细为{count}笔{total}元，整个文件未导入"
)
LINE_UNREADABLE = Reason("bank_line_unreadable", PAYING, "{what}无法识别")


@dataclass(frozen=True, slots=True)
class PaymentLine:
    """One instruction, and where the money goes."""

    payment_id: PaymentId
    amount: Fen
    account: BankAccount = field(repr=False)


@dataclass(frozen=True, slots=True)
class BankFile:
    """A batch, as it goes to the bank."""

    batch_id: BatchId
    drawn_up_on: date
    """In China."""
    lines: tuple[PaymentLine, ...]

    @property
    def total(self) -> Fen:
        return sum(line.amount for line in self.lines)


@dataclass(frozen=True, slots=True)
class ResultLine:
    """What the bank says of one instruction: paid, under its own reference, or sent back on a ground."""

    number: int
    """Of the line in its file, from 1."""
    payment_id: PaymentId
    amount: Fen
    on: date
    reference: str | None
    """None where it was sent back."""
    ground: ReturnGround | None
    """None where it was paid."""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be read."""

    number: int
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class ResultFile:
    """Whole, by its own totals and checksum."""

    batch_id: BatchId
    lines: tuple[ResultLine | BadLine, ...]


class BankFormat(Protocol):
    """How a bank writes. Both ways are pure: the same batch is the same bytes."""

    @property
    def suffix(self) -> str:
        """Of its files' names: `.csv`."""

    def write(self, file: BankFile) -> bytes: ...

    def read(self, content: bytes) -> ResultFile:
        """Raises Refused for a file that is none of this format, or is not whole by its totals and checksum."""
