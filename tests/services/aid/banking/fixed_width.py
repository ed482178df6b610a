"""A second bank's format, which nobody but its entry in a list of banks knows of: lines of columns in fixed places."""

from datetime import date
from typing import Final
from uuid import UUID
from zlib import crc32

from services.aid.banking import BankFile, ResultFile, ResultLine
from services.aid.banking.formats import CHECKSUM_WRONG
from shared.schemas.aid import BatchId, PaymentId, ReturnGround

CODES: Final = {"0000": None, "1001": ReturnGround.ACCOUNT_UNKNOWN, "9999": ReturnGround.TECHNICAL}


class FixedWidth:
    suffix: Final = ".txt"

    def write(self, file: BankFile) -> bytes:
        lines = [f"{line.payment_id.hex}{line.amount:015d}{line.account.number:<32}" for line in file.lines]
        body = "\n".join([f"{file.batch_id.hex}{len(file.lines):06d}{file.total:015d}", *lines])
        return f"{body}\n{crc32(body.encode()):08x}".encode()

    def read(self, content: bytes) -> ResultFile:
        body, _, checksum = content.decode().rpartition("\n")
        if f"{crc32(body.encode()):08x}" != checksum:
            raise CHECKSUM_WRONG()
        head, *lines = body.split("\n")
        return ResultFile(BatchId(UUID(head[:32])), tuple(_line(number, line) for number, line in enumerate(lines, 2)))


def _line(number: int, line: str) -> ResultLine:
    payment, amount, day, code, reference = line[:32], line[32:47], line[47:55], line[55:59], line[59:].strip()
    on = date(int(day[:4]), int(day[4:6]), int(day[6:]))
    return ResultLine(number, PaymentId(UUID(payment)), int(amount), on, reference or None, CODES[code])


FIXED = FixedWidth()
