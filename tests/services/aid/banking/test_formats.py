"""Files for a bank and from it: what they hold, and which of them are refused whole."""

import csv
import hashlib
import io
from dataclasses import replace
from datetime import date
from pathlib import Path
from uuid import UUID
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.aid.banking import BadLine, BankFile, PaymentLine, ResultFile, ResultLine, banks
from services.aid.banking.banks import BadBanks
from services.aid.banking.csv_format import CSV
from shared.schemas.aid import BankAccount, BatchId, PaymentId, ReturnGround
from shared.schemas.ids import new_id
from shared.schemas.messages import Refused

DAY = date(2019, 4, 2)
BATCH = BatchId(UUID("01985b5e-3f00-7000-8000-000000000001"))
FIRST, SECOND = (PaymentId(UUID(int=BATCH.int + number)) for number in (1, 2))
ZHANG = PaymentLine(FIRST, 1_742_113, BankAccount(holder="张建国", number="6228480402564890018", bank="东阳农商银行"))
LI = PaymentLine(SECOND, 50_000, BankAccount(holder="李𬭎, “小名”", number="0012300", bank=None))
FILE = BankFile(BATCH, DAY, (ZHANG, LI))
PAID = ResultLine(3, FIRST, 1_742_113, DAY, "20190402000117", None)
BACK = ResultLine(4, SECOND, 50_000, DAY, None, ReturnGround.NAME_MISMATCH)

HOLDERS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50).filter(str.strip)


def rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("gb18030"), newline="")))


def returned(*lines: ResultLine) -> bytes:
    return CSV.write_results(ResultFile(BATCH, lines), DAY)


def with_checksum(content: bytes) -> bytes:
    """As a bank that has made the same mistake in the lines and in the sum over them."""
    body = content[: content.rindex(b"T,")]
    count, total = content[len(body) :].split(b",")[1:3]
    return body + b",".join([b"T", count, total, hashlib.sha256(body).hexdigest().encode()]) + b"\r\n"


def refusal(content: bytes) -> str:
    with pytest.raises(Refused) as refused:
        CSV.read(content)
    return refused.value.refusal.code


def test_a_batch_goes_to_the_bank_with_totals_and_a_checksum() -> None:
    content = CSV.write(FILE)
    head, columns, zhang, li, tail = rows(content)
    assert head == ["H", "niangjia-aid-pay-1", str(BATCH), "2019-04-02", "CNY"]
    assert columns == ["序号", "支付编号", "户名", "账号", "开户行", "金额", "用途"]
    where = ["张建国", "6228480402564890018", "东阳农商银行"]
    assert zhang == ["1", str(FIRST), *where, "17421.13", "职工医疗互助金"]
    assert li[2:4] == ["李𬭎, “小名”", "0012300"]
    body = content[: content.rindex(b"T,")]
    assert tail == ["T", "2", "17921.13", hashlib.sha256(body).hexdigest()]


def test_the_same_batch_is_the_same_file() -> None:
    assert CSV.write(FILE) == CSV.write(replace(FILE))


@given(
    st.lists(
        st.builds(
            PaymentLine,
            st.builds(lambda: PaymentId(new_id())),
            st.integers(min_value=1, max_value=3_000_000),
            st.builds(BankAccount, holder=HOLDERS, number=st.just("62")),
        ),
        max_size=20,
    )
)
def test_whatever_a_holder_is_called_a_line_is_one_instruction_and_the_sum_is_theirs(lines: list[PaymentLine]) -> None:
    content = CSV.write(BankFile(BATCH, DAY, tuple(lines)))
    details = content.split(b"\r\n")[2:-2]
    assert len(details) == len(lines)
    assert rows(content)[-1][1] == str(len(lines))


def test_what_the_bank_says_is_read_back() -> None:
    assert CSV.read(returned(PAID, BACK)) == ResultFile(BATCH, (PAID, BACK))
    assert CSV.read(returned(PAID, BACK) + b"\r\n\r\n") == ResultFile(BATCH, (PAID, BACK))


@pytest.mark.parametrize("place", [0, 40, 120, 200, -10])
def test_a_file_of_which_a_byte_has_changed_is_refused_whole(place: int) -> None:
    content = bytearray(returned(PAID, BACK))
    content[place] ^= 1
    assert refusal(bytes(content)) in {"bank_file_checksum", "bank_file_unreadable"}


def test_a_file_cut_short_is_refused_whole() -> None:
    assert refusal(returned(PAID, BACK)[:-70]) in {"bank_file_unreadable", "bank_file_checksum"}
    assert refusal(b"") == "bank_file_unreadable"
    assert refusal(CSV.write(FILE)) == "bank_file_unreadable"
    assert refusal("姓名,张三\r\n".encode("utf-16")) == "bank_file_unreadable"


def test_totals_other_than_the_lines_are_refused_whole() -> None:
    fewer = with_checksum(returned(PAID, BACK).replace(b"\r\nT,2,", b"\r\nT,3,"))
    assert refusal(fewer) == "bank_file_totals"
    more = with_checksum(returned(PAID, BACK).replace(b",17921.13,", b",17921.14,"))
    assert refusal(more) == "bank_file_totals"


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("成功", "受理中", "结果"),
        ("20190402000117", "", "银行流水号"),
        ("户名不符", "客户不在家", "退回原因"),
        ("17421.13,成功", "壹万,成功", "金额"),
        (str(FIRST), "0001", "支付编号"),
        ("成功,2019-04-02", "成功,04/02", "日期"),
        ("成功,", "成功,多,", "栏目数"),
    ],
)
def test_a_line_that_cannot_be_read_spoils_no_other(old: str, new: str, what: str) -> None:
    changed = returned(PAID, BACK).replace(old.encode("gb18030"), new.encode("gb18030"))
    if what == "金额":
        changed = changed.replace(b"T,2,17921.13", b"T,2,500.00")
    file = CSV.read(with_checksum(changed))
    (bad,) = [line for line in file.lines if isinstance(line, BadLine)]
    assert bad.refusal.message == f"{what}无法识别"
    assert [line for line in file.lines if line in (PAID, BACK)] == [BACK if bad.number == 3 else PAID]


def test_every_bank_that_is_shipped_has_its_format() -> None:
    for bank in banks().values():
        assert bank.format.write(FILE)


def listed(folder: Path, place: str) -> Path:
    (path := folder / "banks.toml").write_text(f'[icbc]\nname = "工商银行"\nformat = "{place}"\n')
    return path


def test_another_format_takes_an_entry_and_nothing_else(tmp_path: Path) -> None:
    bank = banks(listed(tmp_path, "tests.services.aid.banking.fixed_width:FIXED"))["icbc"]
    head, zhang, *_ = bank.format.write(FILE).decode().split("\n")
    assert head == f"{BATCH.hex}000002000000001792113"
    assert zhang == f"{FIRST.hex}0000000017421136228480402564890018             "
    body = f"{BATCH.hex}\n{FIRST.hex}000000001742113201904020000{PAID.reference}"
    assert bank.format.read(f"{body}\n{crc32(body.encode()):08x}".encode()).lines == (replace(PAID, number=2),)


@pytest.mark.parametrize("place", ["nowhere:FIXED", "services.aid.banking.csv_format:NOTHING", "json:dumps"])
def test_a_format_that_is_none_is_told_by_its_bank(tmp_path: Path, place: str) -> None:
    with pytest.raises(BadBanks, match="工商银行"):
        _ = banks(listed(tmp_path, place))["icbc"].format


@pytest.mark.parametrize("content", ["[icbc]\nname = 1", "[", '[icbc]\nname = "x"\nformat = "rm -rf"'])
def test_a_list_of_banks_that_cannot_be_read_is_refused(tmp_path: Path, content: str) -> None:
    (path := tmp_path / "banks.toml").write_text(content)
    with pytest.raises(BadBanks, match=r"banks\.toml"):
        banks(path)
