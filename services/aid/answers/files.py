"""For a file's sake: what became of a roster's lines, and a batch as it goes to the bank. Both stand in the log alone,
and accounts are opened for nobody but the officer who takes them to the bank."""

import asyncio
from itertools import batched
from typing import Final

from services.aid import refusals
from services.aid.answers.concerned import rules_of
from services.aid.answers.covers import must_be_in_charge
from services.aid.domain.contract import CONTRACT
from services.aid.domain.payment import BATCH, PAYMENT
from services.aid.rules import Rulebook
from shared.eventsourcing.decider import SHANGHAI
from shared.runtime.queries import Asked
from shared.schemas.aid import (
    BankAccount,
    BatchDrawnUp,
    BatchFileAnswer,
    BatchLine,
    EnrolmentLinesAnswer,
    EnrolmentSubmitted,
    PaymentId,
    PaymentInstructed,
    ShowBatchFile,
    ShowEnrolmentLines,
    contract_id,
)
from shared.schemas.personal import Personal

__all__ = ["show_batch_file", "show_enrolment_lines"]

AT_ONCE: Final = 50
"""Instructions that are opened at once."""


async def show_enrolment_lines(query: ShowEnrolmentLines, asked: Asked) -> EnrolmentLinesAnswer:
    await must_be_in_charge(query.employer_id, asked)
    for recorded in await asked.repository.recorded(CONTRACT, contract_id(query.employer_id, query.period)):
        event = recorded.event
        if isinstance(event, EnrolmentSubmitted) and event.enrolment_id == query.enrolment_id:
            return EnrolmentLinesAnswer(
                enrolment_id=event.enrolment_id,
                members=event.members,
                left_out=event.left_out,
                employer_due=event.employer_due,
                worker_due=event.worker_due,
            )
    raise refusals.UNKNOWN_ENROLMENT()


async def show_batch_file(query: ShowBatchFile, asked: Asked) -> BatchFileAnswer:
    """Refused (`unknown_batch`) to a federation that could not have drawn it up."""
    recorded = await asked.repository.recorded(BATCH, query.batch_id)
    drawn_up = recorded[0].event if recorded else None
    if not isinstance(drawn_up, BatchDrawnUp):
        raise refusals.UNKNOWN_BATCH()
    rules = await rules_of(asked)
    lines: list[BatchLine] = []
    for some in batched(drawn_up.payments, AT_ONCE):
        lines += await asyncio.gather(*(_line(payment, query.in_clear, rules, asked) for payment in some))
    return BatchFileAnswer(
        batch_id=query.batch_id,
        drawn_up_on=recorded[0].meta.time.astimezone(SHANGHAI).date(),
        lines=tuple(lines),
        total=drawn_up.total,
    )


async def _line(payment: PaymentId, in_clear: bool, rules: Rulebook, asked: Asked) -> BatchLine:
    instructed = (await asked.repository.recorded(PAYMENT, payment))[0].event
    assert isinstance(instructed, PaymentInstructed)
    if asked.federation not in {instructed.pool, instructed.county}:
        raise refusals.UNKNOWN_BATCH()
    account = await _account(instructed, rules, asked) if in_clear else None
    return BatchLine(payment_id=payment, amount=instructed.amount, payee=instructed.payee, account=account)


async def _account(instructed: PaymentInstructed, rules: Rulebook, asked: Asked) -> Personal[BankAccount] | None:
    if instructed.hospital is not None:
        hospital = rules.hospital(instructed.hospital)
        return None if hospital is None else Personal(hospital.account)
    opened = (await asked.opened(PAYMENT, instructed.payment_id))[0]
    assert isinstance(opened, PaymentInstructed)
    return opened.account
