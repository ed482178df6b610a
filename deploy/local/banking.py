"""Files for a bank and from it, as a terminal writes and shows them. An account stands in the file alone: it is neither
printed nor logged."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from uuid import UUID

from rich.table import Table
from rich.text import Text

from deploy.local.reach import carried_out, connection
from deploy.local.terminal import REFUSED, err, out, wrong
from services.aid.banking import Bank, BankFile, Outcome, PaymentLine, Told, banks, record, weigh
from shared.runtime.calling import Caller
from shared.runtime.client import Client
from shared.schemas.aid import (
    BatchFileAnswer,
    BatchId,
    DrawUpBatch,
    OperationsAnswer,
    PaymentId,
    ShowBatchFile,
    ShowOperations,
)
from shared.schemas.ids import new_id
from shared.schemas.messages import Actor
from shared.schemas.money import cny

__all__ = ["import_file", "write_files"]

PATIENCE: Final = 60.0
"""Seconds for which the service may be away, such as while it is started anew."""
ONLY_ITS_OWNER: Final = 0o600
STAYS: Final = "What is recorded stays; do it again"

type Written = tuple[Path, BankFile, list[PaymentId]]
"""A file, what it holds, and the payments of its batch that it leaves out."""


def write_files(folder: Path, bank: str, batch: UUID | None, actor: Actor, federation: str) -> int:
    written = carried_out(_write(folder, _bank(bank), batch, actor, federation), STAYS)
    if not written:
        out.print("nothing waits to be paid")
    for path, file, left_out in written:
        line = (f"{len(file.lines):,} payments, {cny(file.total)} CNY, batch {file.batch_id}: ", str(path))
        out.print(Text.assemble((line[0], "dim"), line[1]), soft_wrap=True)
        for payment in left_out:
            err.print(f"[red]✗[/] no account is left of {payment}: its payee was erased; record it as sent back")
    return REFUSED if any(left_out for _, _, left_out in written) else 0


def import_file(file: Path, bank: str, actor: Actor, federation: str) -> int:
    try:
        content = file.read_bytes()
    except OSError as error:
        wrong(f"cannot read {file}: {error.strerror}")
    told, silent = carried_out(_import(content, _bank(bank), actor, federation), STAYS)
    _show(told, silent)
    return REFUSED if any(one.outcome is Outcome.REFUSED for one in told) else 0


def _bank(code: str) -> Bank:
    known = banks()
    if code not in known:
        wrong(f"no bank is named {code!r}: {', '.join(sorted(known))}")
    return known[code]


# Out


async def _write(folder: Path, bank: Bank, batch: UUID | None, actor: Actor, federation: str) -> list[Written]:
    written = []
    async with connection() as broker:
        caller = _caller(Client(broker, patience=PATIENCE), actor, federation)
        if batch is not None:
            return [await _written(folder, bank, BatchId(batch), caller)]
        while (drawn_up := await _draw_up(caller)) is not None:
            written.append(await _written(folder, bank, drawn_up, caller))
    return written


async def _draw_up(caller: Caller) -> BatchId | None:
    """A batch of what waits, as much as one takes; None where nothing does."""
    operations: OperationsAnswer = await caller.ask(ShowOperations())
    if not operations.to_batch:
        return None
    batch = BatchId(new_id())
    payments = tuple(payment.payment_id for payment in operations.to_batch)
    await caller.send(DrawUpBatch(batch_id=batch, payments=payments), str(batch))
    return batch


async def _written(folder: Path, bank: Bank, batch: BatchId, caller: Caller) -> Written:
    answer: BatchFileAnswer = await caller.ask(ShowBatchFile(batch_id=batch, in_clear=True))
    file, left_out = _in_clear(answer)
    path = folder / f"{file.drawn_up_on.isoformat()}-{batch}{bank.format.suffix}"
    _keep(path, bank.format.write(file))
    return path, file, left_out


def _in_clear(answer: BatchFileAnswer) -> tuple[BankFile, list[PaymentId]]:
    """The file's content; whose payee was erased is left out of it, and given beside."""
    readable = [(line, line.account) for line in answer.lines if line.account is not None and line.account.is_clear]
    lines = tuple(PaymentLine(line.payment_id, line.amount, account.clear) for line, account in readable)
    taken = {line.payment_id for line in lines}
    left_out = [line.payment_id for line in answer.lines if line.payment_id not in taken]
    return BankFile(answer.batch_id, answer.drawn_up_on, lines), left_out


def _keep(path: Path, content: bytes) -> None:
    """Whole or not at all, and at no moment for others to read."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, ONLY_ITS_OWNER)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


# Back


async def _import(content: bytes, bank: Bank, actor: Actor, federation: str) -> tuple[list[Told], int]:
    """What came of each line, and of how many payments of the batch the bank says nothing."""
    results = bank.format.read(content)
    async with connection() as broker:
        caller = _caller(Client(broker, patience=PATIENCE), actor, federation)
        batch: BatchFileAnswer = await caller.ask(ShowBatchFile(batch_id=results.batch_id))
        amounts = {line.payment_id: line.amount for line in batch.lines}
        told = await record(weigh(results, amounts), caller)
    return told, len(amounts.keys() - {one.payment_id for one in told})


def _caller(client: Client, actor: Actor, federation: str) -> Caller:
    return Caller(client=client, programme="aid", actor=actor, federation=federation)


def _show(told: Sequence[Told], silent: int) -> None:
    refused = [one for one in told if one.refusal is not None]
    if refused:
        lines = Table("第几行", "支付编号", "原因", box=None, header_style="dim")
        for one in refused:
            assert one.refusal is not None
            lines.add_row(str(one.number), str(one.payment_id or ""), f"{one.refusal.message} ({one.refusal.code})")
        out.print(lines)
    counts, sums = Counter(one.outcome for one in told), Counter[Outcome]()
    for one in told:
        sums[one.outcome] += one.amount or 0
    table = Table.grid(padding=(0, 2, 0, 0))
    for outcome in Outcome:
        bad = outcome is Outcome.REFUSED and counts[outcome]
        table.add_row(
            Text(outcome.value, "dim"), Text(f"{counts[outcome]:,}", "bold red" if bad else "bold"), cny(sums[outcome])
        )
    table.add_row(Text("银行未回复", "dim"), f"{silent:,}", "")
    out.print(table)
