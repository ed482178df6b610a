"""What waits for whom: for the clerk in the morning, and for whoever runs the system. It names nobody."""

from collections.abc import Mapping
from typing import Any, Final

from services.aid.answers.claims import under_way
from services.aid.answers.concerned import rules_of
from services.aid.queues import Queues
from services.aid.views import PaymentRow, Payments
from shared.runtime.queries import Asked
from shared.schemas.aid import BatchAnswer, OperationsAnswer, PaymentAnswer, ShowOperations, WaitingAnswer, Waits

__all__ = ["show_operations"]

SHOWN: Final = 1000
"""Instructions of each list, as many as a message holds."""

PREMIUMS: Final = """
    select count(*) as count, min(submitted_at) as oldest, coalesce(sum(
        case when employer_paid_on is null then employer_due else 0 end
        + case when worker_paid_on is null then worker_due else 0 end), 0)::bigint as amount
    from aid.enrolments where $1 in (county, pool) and not ended
    and (employer_paid_on is null and employer_due > 0 or worker_paid_on is null and worker_due > 0)
"""
PAYMENTS: Final = """
    select count(*) as count, min(instructed_at) as oldest, coalesce(sum(amount), 0)::bigint as amount
    from aid.payments where $1 in (county, pool) and status = $2
"""
OVERPAID: Final = """
    select count(*) as count, min(filed_at) as oldest, coalesce(sum(owed_back), 0)::bigint as amount
    from aid.claims where $1 in (county, pool) and owed_back > 0
"""
BATCHES: Final = """
    select b.batch_id, b.drawn_up_at, b.payments, b.total, count(*) as without_result,
        sum(p.amount)::bigint as open_amount
    from aid.payments p join aid.batches b on b.batch_id = p.batch_id
    where p.status = 'at_the_bank' and $1 in (p.county, p.pool)
    group by b.batch_id order by b.drawn_up_at, b.batch_id
"""
RETURNED: Final = f"""
    status = 'returned' and $1 in (county, pool) and exists (
        select from aid.claims c where c.claim_id = payments.claim_id and c.live is null and c.granted > c.paid
    ) and not exists (
        select from aid.payments later where later.claim_id = payments.claim_id
        and later.instructed_at > payments.instructed_at
    ) order by "on", payment_id limit {SHOWN}
"""


async def show_operations(_query: ShowOperations, asked: Asked) -> OperationsAnswer:
    here, models = asked.federation, asked.read_models
    to_batch = await models.some(
        Payments,
        f"status = 'waiting' and $1 in (county, pool) order by instructed_at, payment_id limit {SHOWN}",
        here,
    )
    batches = await models.pool.fetch(BATCHES, here)
    return OperationsAnswer(
        waiting=tuple(await _waiting(asked)),
        to_batch=tuple(_payment(row) for row in to_batch),
        batches_without_result=tuple(BatchAnswer.model_validate(dict(record)) for record in batches),
        returned=tuple(_payment(row) for row in await models.some(Payments, RETURNED, here)),
    )


async def _waiting(asked: Asked) -> list[WaitingAnswer]:
    here, fetch = asked.federation, asked.read_models.pool.fetch
    sums: dict[Waits, Mapping[str, Any]] = {}
    [sums[Waits.PREMIUMS]] = await fetch(PREMIUMS, here)
    [sums[Waits.BATCH]] = await fetch(PAYMENTS, here, "waiting")
    [sums[Waits.BANK]] = await fetch(PAYMENTS, here, "at_the_bank")
    [sums[Waits.RECOVERY]] = await fetch(OVERPAID, here)
    for waits, rows in Queues(await rules_of(asked), await under_way(asked)).by.items():
        sums[waits] = {
            "count": len(rows),
            "amount": sum(row.due or row.amount for row in rows),
            "oldest": min(row.filed_at for row in rows),
        }
    return [
        WaitingAnswer(waits_for=waits, **dict(sums[waits])) for waits in Waits if waits in sums and sums[waits]["count"]
    ]


def _payment(row: PaymentRow) -> PaymentAnswer:
    return PaymentAnswer(
        payment_id=row.payment_id,
        claim_id=row.claim_id,
        amount=row.amount,
        payee=row.payee,
        hospital=row.hospital,
        status=row.status,
        recalled=row.recalled,
        batch_id=row.batch_id,
        instructed_at=row.instructed_at,
        on=row.on,
        ground=row.ground,
    )
