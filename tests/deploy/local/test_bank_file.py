"""`niangjia bank-file`: what is granted goes to the bank in a file, and what became of it is recorded once."""

import csv
import io
import stat
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest

from services.aid.banking import ResultFile, ResultLine
from services.aid.banking.csv_format import CSV
from shared.schemas.aid import (
    BatchId,
    ClaimSettled,
    OperationsAnswer,
    PaymentBatched,
    PaymentId,
    PaymentInstructed,
    PaymentReturned,
    PaymentSent,
    ReturnGround,
    ShowBatchFile,
    ShowOperations,
    payment_id,
)
from shared.schemas.messages import Refused
from shared.schemas.money import fen
from shared.schemas.registry import EraseMember, ErasureGround
from tests.deploy.local.aid_county import niangjia
from tests.services.aid.cases import CADRE, CHEN, JANUARY, JINHUA, LI, claim, decided_for
from tests.services.aid.county import County, Servers, county
from tests.waiting import until

AS = ("--as", f"officer:{CHEN}", "--bank", "dyrcb")
WRONG_CARD, RIGHT_CARD = "6222000000000001", "6222000000000019"
FIRST, SECOND = payment_id(claim(), 1), payment_id(claim(), 2)
DAY = date(2019, 1, 10)


@pytest.fixture
async def january(database_url: str, nats_url: str) -> AsyncIterator[County]:
    """On 10 January 2019; Li is granted 17,421.13, and the instruction waits."""
    async with county(Servers(database_url=database_url, nats_url=nats_url)) as here:
        await here.insures(LI, CHEN)
        await here.records_account(LI, WRONG_CARD)
        await here.on(JANUARY)
        for command, actor, _ in decided_for():
            await here.does(command, actor)
        await here.once_told(PaymentInstructed)
        yield here


def files(folder: Path) -> set[Path]:
    return set(folder.iterdir())


async def waits(county: County) -> bool:
    """Whether an instruction does, as the desk is shown it."""
    operations: OperationsAnswer = await county.asks(ShowOperations())
    return bool(operations.to_batch)


async def written(county: County, folder: Path) -> tuple[BatchId, list[list[str]]]:
    """The one file that `bank-file write` adds to a folder: its batch, and the lines of its instructions."""
    await until(lambda: waits(county))
    before = files(folder)
    done = await niangjia(county, "bank-file", "write", str(folder), *AS)
    assert done.exit_code == 0, done.output
    (path,) = files(folder) - before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    rows = list(csv.reader(io.StringIO(path.read_bytes().decode("gb18030"), newline="")))
    assert path.name == f"2019-01-10-{rows[0][2]}.csv"
    accounts = {row[3] for row in rows[2:-1]}
    assert not any(account in done.output for account in accounts)
    return BatchId(UUID(rows[0][2])), rows[2:-1]


async def told(county: County, folder: Path, batch: BatchId, *lines: ResultLine) -> str:
    """What `bank-file import` says of a bank's file of these lines."""
    (path := folder.parent / "回盘.csv").write_bytes(CSV.write_results(ResultFile(batch, lines), DAY))
    done = await niangjia(county, "bank-file", "import", str(path), *AS)
    return f"{done.exit_code} {' '.join(done.output.split())}"


def paid(payment: PaymentId, amount: str = "17421.13", number: int = 3) -> ResultLine:
    return ResultLine(number, payment, fen(amount), DAY, "20190110000117", None)


def back(payment: PaymentId, number: int = 3) -> ResultLine:
    return ResultLine(number, payment, fen("17421.13"), DAY, None, ReturnGround.ACCOUNT_UNKNOWN)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (path := tmp_path / "报盘").mkdir()
    return path


async def test_a_payment_that_came_back_is_sent_to_the_corrected_account_and_paid_once(
    january: County, folder: Path
) -> None:
    batch, ((_, payment, holder, account, _, amount, _),) = await written(january, folder)
    assert (payment, holder, account, amount) == (str(FIRST), "李建国", WRONG_CARD, "17421.13")
    none_left = await niangjia(january, "bank-file", "write", str(folder), *AS)
    assert none_left.output.strip() == "nothing waits to be paid"

    assert "0 已登记支付 0 0.00 已登记退回 1 17421.13" in await told(january, folder, batch, back(FIRST))
    assert "无变化 1" in await told(january, folder, batch, back(FIRST))
    assert len(await january.told(PaymentReturned)) == 1

    await january.records_account(LI, RIGHT_CARD)
    await january.once_told(PaymentInstructed, 2)
    again, ((_, payment, _, account, *_),) = await written(january, folder)
    assert (payment, account) == (str(SECOND), RIGHT_CARD)
    assert "0 已登记支付 1 17421.13" in await told(january, folder, again, paid(SECOND))
    assert "无变化 1" in await told(january, folder, again, paid(SECOND))
    late = await told(january, folder, batch, paid(FIRST))
    assert "2 第几行" in late
    assert "支付指令已退回，不能登记银行结果" in late
    assert [event.payment_id for event in await january.told(PaymentSent)] == [SECOND]
    assert [event.paid for event in await january.told(ClaimSettled)] == [fen("17421.13")]


async def test_a_result_that_does_not_fit_is_told_and_records_nothing(january: County, folder: Path) -> None:
    batch, _ = await written(january, folder)
    done = await told(january, folder, batch, paid(FIRST, "17421.14"), paid(SECOND, number=4))
    assert done.startswith("2 ")
    assert "金额17421.14元，应为17421.13元" in done
    assert "这笔支付不在该批次内" in done
    assert "银行未回复 1" in done
    broken = CSV.write_results(ResultFile(batch, (paid(FIRST),)), DAY).replace(b"17421.13", b"27421.13", 1)
    (path := folder.parent / "回盘.csv").write_bytes(broken)
    refused = await niangjia(january, "bank-file", "import", str(path), *AS)
    assert refused.exit_code == 2
    assert "回盘文件校验码不符" in refused.output
    stranger = await told(january, folder, BatchId(UUID(int=7)), paid(FIRST))
    assert "没有这个批次" in stranger
    assert await january.told(PaymentSent) == []


async def test_the_file_of_a_batch_is_for_whoever_could_have_drawn_it_up_and_the_same_each_time(
    january: County, folder: Path
) -> None:
    batch, _ = await written(january, folder)
    (path,) = files(folder)
    content = path.read_bytes()
    path.unlink()
    done = await niangjia(january, "bank-file", "write", str(folder), "--batch", str(batch), *AS)
    assert done.exit_code == 0, done.output
    assert path.read_bytes() == content
    assert len(await january.told(PaymentBatched)) == 1
    asked = ShowBatchFile(batch_id=batch, in_clear=True)
    with pytest.raises(Refused, match="not_allowed"):
        await january.asks(asked, CADRE)
    with pytest.raises(Refused, match="unknown_batch"):
        await january.asks(asked, federation=JINHUA)
    (line,) = (await january.asks(ShowBatchFile(batch_id=batch))).lines
    assert (line.amount, line.account) == (fen("17421.13"), None)

    for arguments, words in (
        (("write", str(folder / "没有"), *AS), "is no folder"),
        (("write", str(folder), "--bank", "icbc"), "no bank is named 'icbc': dyrcb"),
        (("write", str(folder), "--bank", "dyrcb", "--batch", str(batch)), "not_allowed"),
        (("import", str(folder / "没有.csv"), *AS), "cannot read"),
    ):
        done = await niangjia(january, "bank-file", *arguments)
        assert done.exit_code != 0
        assert words in done.output, done.output
    assert files(folder) == {path}

    await january.tells(EraseMember(member_id=LI, ground=ErasureGround.UNLAWFUL))
    await january.reacted()
    done = await niangjia(january, "bank-file", "write", str(folder), "--batch", str(batch), *AS)
    assert done.exit_code == 2
    assert f"no account is left of {FIRST}" in " ".join(done.output.split())
    assert b"T,0,0.00," in path.read_bytes()
