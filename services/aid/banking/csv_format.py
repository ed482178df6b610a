"""The batch as CSV: a head, the columns' names, a line for each instruction, and a tail with totals and a checksum.

    H,niangjia-aid-pay-1,<batch>,<drawn up on>,CNY
    序号,支付编号,户名,账号,开户行,金额,用途
    1,<payment>,张建国,6228480402564890018,东阳农商银行,17421.13,职工医疗互助金
    T,1,17421.13,<SHA-256 of all bytes before this line, in hexadecimal>

The results come back in the same manner, under `niangjia-aid-result-1`:

    序号,支付编号,金额,结果,日期,银行流水号,原因
    1,<payment>,17421.13,成功,2019-04-02,20190402000117,
    2,<payment>,500.00,退回,2019-04-02,,户名不符

GB 18030, which is what counters' programs in China read, with CRLF. A line of the file is one instruction: no cell
holds a line break.
"""

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final
from uuid import UUID

from services.aid.banking.formats import (
    CHECKSUM_WRONG,
    FILE_UNREADABLE,
    LINE_UNREADABLE,
    TOTALS_WRONG,
    BadLine,
    BankFile,
    PaymentLine,
    ResultFile,
    ResultLine,
)
from shared.schemas.aid import BatchId, PaymentId, ReturnGround
from shared.schemas.messages import Refused
from shared.schemas.money import Fen, cny, fen

__all__ = ["CSV", "CsvFormat"]

ENCODING: Final = "gb18030"
OUT, BACK = "niangjia-aid-pay-1", "niangjia-aid-result-1"
OUT_COLUMNS: Final = ("序号", "支付编号", "户名", "账号", "开户行", "金额", "用途")
BACK_COLUMNS: Final = ("序号", "支付编号", "金额", "结果", "日期", "银行流水号", "原因")
PURPOSE: Final = "职工医疗互助金"
PAID, RETURNED = "成功", "退回"
GROUNDS: Final = {
    "账号不存在": ReturnGround.ACCOUNT_UNKNOWN,
    "户名不符": ReturnGround.NAME_MISMATCH,
    "账户已销户": ReturnGround.ACCOUNT_CLOSED,
    "银行系统原因": ReturnGround.TECHNICAL,
}
WORDS: Final = {ground: words for words, ground in GROUNDS.items()}


class CsvFormat:
    suffix: Final = ".csv"

    def write(self, file: BankFile) -> bytes:
        head = ("H", OUT, str(file.batch_id), file.drawn_up_on.isoformat(), "CNY")
        details = [_instruction(number, line) for number, line in enumerate(file.lines, 1)]
        return _closed([head, OUT_COLUMNS, *details], len(file.lines), file.total)

    def read(self, content: bytes) -> ResultFile:
        body, tail = _parted(content)
        rows = list(_rows(body))
        batch = _batch(rows[0] if rows else [])
        if len(rows) < 2 or tuple(rows[1]) != BACK_COLUMNS:
            raise FILE_UNREADABLE(why="第2行应为栏目名称")
        lines = [_result(number, row) for number, row in enumerate(rows[2:], 3)]
        _must_add_up(rows[2:], tail)
        return ResultFile(batch, tuple(lines))

    def write_results(self, file: ResultFile, on: date) -> bytes:
        """As a bank does: for demonstrations and tests. Raises ValueError for a line that could not be read."""
        head = ("H", BACK, str(file.batch_id), on.isoformat(), "CNY")
        lines = [_readable(line) for line in file.lines]
        details = [_told(number, line) for number, line in enumerate(lines, 1)]
        return _closed([head, BACK_COLUMNS, *details], len(lines), sum(line.amount for line in lines))


CSV: Final = CsvFormat()


# Out


def _instruction(number: int, line: PaymentLine) -> Sequence[str]:
    account = line.account
    cells = (str(line.payment_id), account.holder, account.number, account.bank or "", cny(line.amount), PURPOSE)
    return (str(number), *(" ".join(cell.split()) for cell in cells))


def _told(number: int, line: ResultLine) -> Sequence[str]:
    said = RETURNED if line.ground else PAID
    why = WORDS[line.ground] if line.ground else ""
    cells = (str(line.payment_id), cny(line.amount), said, line.on.isoformat(), line.reference or "", why)
    return (str(number), *cells)


def _readable(line: ResultLine | BadLine) -> ResultLine:
    if isinstance(line, BadLine):
        raise ValueError(f"line {line.number} could not be read")
    return line


def _closed(rows: Sequence[Sequence[str]], count: int, total: Fen) -> bytes:
    body = _encoded(rows)
    return body + _encoded([("T", str(count), cny(total), _checksum(body))])


def _encoded(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode(ENCODING)


def _checksum(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


# Back


def _parted(content: bytes) -> tuple[bytes, list[str]]:
    """All before the tail, and the tail's cells. Raises Refused where the checksum is another."""
    lines = content.rstrip(b"\r\n\x1a").splitlines(keepends=True)
    tail = next(_rows(lines[-1]), []) if lines else []
    if len(tail) != 4 or tail[0] != "T":
        raise FILE_UNREADABLE(why="没有尾行，文件可能不完整")
    body = b"".join(lines[:-1])
    if tail[3].lower() != _checksum(body):
        raise CHECKSUM_WRONG()
    return body, tail


def _rows(content: bytes) -> Iterator[list[str]]:
    try:
        yield from csv.reader(io.StringIO(content.decode(ENCODING), newline=""), strict=True)
    except (UnicodeDecodeError, csv.Error):
        raise FILE_UNREADABLE(why="不是GB18030编码的CSV") from None


def _batch(head: Sequence[str]) -> BatchId:
    if len(head) != 5 or head[:2] != ["H", BACK]:
        raise FILE_UNREADABLE(why=f"首行应为H,{BACK}")
    try:
        return BatchId(UUID(head[2]))
    except ValueError:
        raise FILE_UNREADABLE(why="首行的批次号") from None


def _must_add_up(rows: Sequence[Sequence[str]], tail: Sequence[str]) -> None:
    """Of all lines, readable or not: a line that cannot be read counts with its amount, where that can be."""
    total = sum(_amount(row[2]) or 0 for row in rows if len(row) > 2)
    if (tail[1], _amount(tail[2])) != (str(len(rows)), total):
        raise TOTALS_WRONG(said_count=tail[1], said=tail[2], count=len(rows), total=cny(total))


def _amount(text: str) -> Fen | None:
    try:
        return fen(text)
    except ValueError:
        return None


def _result(number: int, row: Sequence[str]) -> ResultLine | BadLine:
    try:
        return _read(number, row)
    except Refused as refused:
        return BadLine(number, refused.refusal)


def _read(number: int, row: Sequence[str]) -> ResultLine:
    if len(row) != len(BACK_COLUMNS):
        raise LINE_UNREADABLE(what="栏目数")
    _, payment, amount, said, on, reference, why = (cell.strip() for cell in row)
    paid = _amount(amount)
    if paid is None or paid <= 0:
        raise LINE_UNREADABLE(what="金额")
    if said not in {PAID, RETURNED}:
        raise LINE_UNREADABLE(what="结果")
    if said == PAID and not 1 <= len(reference) <= 64:
        raise LINE_UNREADABLE(what="银行流水号")
    if said == RETURNED and why not in GROUNDS:
        raise LINE_UNREADABLE(what="退回原因")
    ground = GROUNDS[why] if said == RETURNED else None
    return ResultLine(number, _payment(payment), paid, _day(on), None if ground else reference, ground)


def _payment(text: str) -> PaymentId:
    try:
        return PaymentId(UUID(text))
    except ValueError:
        raise LINE_UNREADABLE(what="支付编号") from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise LINE_UNREADABLE(what="日期") from None
