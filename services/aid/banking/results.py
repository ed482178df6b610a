"""What a bank says became of a batch: weighed line by line against the batch, and recorded.

    told = await record(weigh(file, batch), caller)

A line that does not fit is left out and told of, the others are recorded. A file that is read again changes nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.aid.banking.formats import BadLine, ResultFile, ResultLine
from services.aid.refusals import PAYING
from shared.runtime.calling import Caller, side_by_side
from shared.schemas.aid import PaymentId, RecordPaymentReturned, RecordPaymentSent
from shared.schemas.messages import Reason, Refusal, Refused
from shared.schemas.money import Fen, cny

__all__ = ["Outcome", "Told", "record", "weigh"]

NOT_IN_BATCH = Reason("result_not_in_batch", PAYING, "这笔支付不在该批次内")
AMOUNT_DIFFERS = Reason("result_amount", PAYING, "金额{said}元，应为{amount}元")
REPEATED = Reason("result_repeated", PAYING, "与第{line}行重复")
CONTRADICTED = Reason("result_contradicted", PAYING, "同一笔支付在第{lines}行有不同结果，请向银行核实")


class Outcome(StrEnum):
    PAID = "已登记支付"
    RETURNED = "已登记退回"
    UNCHANGED = "无变化"
    REFUSED = "未登记"


@dataclass(frozen=True, slots=True)
class Told:
    """A line of the bank's, and what came of it. It holds no account."""

    number: int
    payment_id: PaymentId | None
    amount: Fen | None
    outcome: Outcome
    refusal: Refusal | None = None


def weigh(file: ResultFile, batch: Mapping[PaymentId, Fen]) -> tuple[ResultLine | BadLine, ...]:
    """The file's lines; bad are also those that do not fit a batch, given as amounts by instruction.

    Of lines that say the same the first counts. Where the bank says both that it paid and that it did not, nothing is
    taken.
    """
    readable = [line for line in file.lines if isinstance(line, ResultLine)]
    sayings: dict[PaymentId, list[ResultLine]] = {}
    for line in readable:
        sayings.setdefault(line.payment_id, []).append(line)
    return tuple(
        line
        if isinstance(line, BadLine) or (refused := _unfit(line, sayings[line.payment_id], batch)) is None
        else BadLine(line.number, refused.refusal)
        for line in file.lines
    )


def _unfit(line: ResultLine, said: Sequence[ResultLine], batch: Mapping[PaymentId, Fen]) -> Refused | None:
    amount = batch.get(line.payment_id)
    if amount is None:
        return NOT_IN_BATCH()
    if line.amount != amount:
        return AMOUNT_DIFFERS(said=cny(line.amount), amount=cny(amount))
    if any((one.ground, one.reference, one.on) != (line.ground, line.reference, line.on) for one in said):
        return CONTRADICTED(lines="、".join(str(one.number) for one in said))
    if said[0] is not line:
        return REPEATED(line=said[0].number)
    return None


async def record(
    lines: Sequence[ResultLine | BadLine], caller: Caller, done: Callable[[int], None] = lambda count: None
) -> list[Told]:
    """What came of each line, in their order. `done` is told how many are through. Raises NoAnswer: what is recorded
    by then stays, and the file may be imported again."""
    told: dict[int, Told] = {}

    async def work(line: ResultLine | BadLine) -> None:
        told[line.number] = (
            Told(line.number, None, None, Outcome.REFUSED, line.refusal)
            if isinstance(line, BadLine)
            else await _recorded(line, caller)
        )
        done(len(told))

    await side_by_side(lines, work)
    return [told[line.number] for line in lines]


async def _recorded(line: ResultLine, caller: Caller) -> Told:
    outcome = Outcome.RETURNED if line.ground is not None else Outcome.PAID
    try:
        accepted = await caller.send(_command(line), str(line.payment_id))
    except Refused as refused:
        return Told(line.number, line.payment_id, line.amount, Outcome.REFUSED, refused.refusal)
    return Told(line.number, line.payment_id, line.amount, outcome if accepted.changed else Outcome.UNCHANGED)


def _command(line: ResultLine) -> RecordPaymentSent | RecordPaymentReturned:
    if line.ground is not None:
        return RecordPaymentReturned(payment_id=line.payment_id, ground=line.ground, on=line.on)
    assert line.reference is not None
    return RecordPaymentSent(payment_id=line.payment_id, on=line.on, reference=line.reference)
