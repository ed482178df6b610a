"""A bank's results weighed against the batch that they are of."""

from dataclasses import replace
from datetime import date

from services.aid.banking import BadLine, ResultFile, ResultLine, weigh
from shared.schemas.aid import BatchId, PaymentId, ReturnGround
from shared.schemas.ids import new_id
from shared.schemas.messages import Refusal

DAY = date(2019, 4, 2)
FIRST, SECOND, STRANGER = (PaymentId(new_id()) for _ in range(3))
BATCH = {FIRST: 1_742_113, SECOND: 50_000}
PAID = ResultLine(3, FIRST, 1_742_113, DAY, "117", None)
BACK = ResultLine(4, SECOND, 50_000, DAY, None, ReturnGround.NAME_MISMATCH)


def weighed(*lines: ResultLine | BadLine) -> dict[int, str]:
    """Words by the number of the line; those that are taken are not here."""
    taken = weigh(ResultFile(BatchId(new_id()), lines), BATCH)
    assert [line.number for line in taken] == [line.number for line in lines]
    return {line.number: line.refusal.message for line in taken if isinstance(line, BadLine)}


def test_lines_that_fit_the_batch_are_taken() -> None:
    assert weighed(PAID, BACK) == {}


def test_an_instruction_of_another_batch_is_left_out() -> None:
    assert weighed(replace(PAID, payment_id=STRANGER), BACK) == {3: "这笔支付不在该批次内"}


def test_another_amount_is_left_out() -> None:
    assert weighed(replace(PAID, amount=1_742_114), BACK) == {3: "金额17421.14元，应为17421.13元"}


def test_of_lines_that_say_the_same_the_first_counts() -> None:
    assert weighed(PAID, BACK, replace(PAID, number=5)) == {5: "与第3行重复"}


def test_where_the_bank_says_both_nothing_is_taken() -> None:
    both = replace(PAID, number=5, reference=None, ground=ReturnGround.TECHNICAL)
    words = "同一笔支付在第3、5行有不同结果，请向银行核实"
    assert weighed(PAID, BACK, both) == {3: words, 5: words}


def test_what_could_not_be_read_stays_so() -> None:
    bad = BadLine(5, Refusal(code="bank_line_unreadable", clause="", message="金额无法识别"))
    assert weighed(PAID, bad) == {5: "金额无法识别"}
