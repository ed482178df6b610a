"""One-stop settlements, as the hospital may know them: its own number, the amount, and by which clause it is not more.
Neither whose it is, nor what is left of a ceiling."""

from datetime import date

from services.aid import refusals
from services.aid.answers.concerned import must_be_the_hospital, pools_of, rules_of
from services.aid.reconciliation import Settled, reconcile
from services.aid.views import SettlementRow, Settlements
from shared.runtime.queries import Asked
from shared.schemas.aid import (
    DifferenceAnswer,
    HospitalCode,
    HospitalDayAnswer,
    HospitalLine,
    ReconcileHospitalDay,
    ReconciliationAnswer,
    SettlementAnswer,
    SettlementStatus,
    ShowHospitalDay,
    ShowSettlement,
    settlement_claim,
)

__all__ = ["reconcile_hospital_day", "show_hospital_day", "show_settlement"]


async def show_settlement(query: ShowSettlement, asked: Asked) -> SettlementAnswer:
    must_be_the_hospital(query.hospital, asked)
    key = settlement_claim(query.hospital, query.settlement_number)
    row = await asked.read_models.one(Settlements, key)
    if row is None or row.pool not in pools_of(await rules_of(asked), asked.federation):
        raise refusals.UNKNOWN_SETTLEMENT(number=query.settlement_number)
    return _answer(row)


async def show_hospital_day(query: ShowHospitalDay, asked: Asked) -> HospitalDayAnswer:
    rows = await _of_the_day(query.hospital, query.on, asked)
    return HospitalDayAnswer(
        hospital=query.hospital,
        on=query.on,
        settlements=tuple(_answer(row) for row in rows),
        confirmed=sum(row.amount for row in rows if row.confirmed_on == query.on),
        cancelled=sum(row.amount for row in rows if row.cancelled_on == query.on and row.confirmed_on is not None),
    )


async def reconcile_hospital_day(query: ReconcileHospitalDay, asked: Asked) -> ReconciliationAnswer:
    rows = await _of_the_day(query.hospital, query.on, asked)
    ours = [Settled(row.settlement_number, row.status, row.amount) for row in rows]
    theirs = [Settled(line.settlement_number, line.status, line.amount) for line in query.lines]
    differences = reconcile(ours, theirs)
    return ReconciliationAnswer(
        hospital=query.hospital,
        on=query.on,
        agreed=len(
            {line.settlement_number for line in (*ours, *theirs)} - {each.settlement_number for each in differences}
        ),
        differences=tuple(
            DifferenceAnswer(
                kind=each.kind,
                settlement_number=each.settlement_number,
                ours=_line(each.ours),
                theirs=_line(each.theirs),
            )
            for each in differences
        ),
    )


def _line(line: Settled | None) -> HospitalLine | None:
    if line is None:
        return None
    return HospitalLine(settlement_number=line.settlement_number, status=line.status, amount=line.amount)


async def _of_the_day(hospital: HospitalCode, on: date, asked: Asked) -> list[SettlementRow]:
    """Each as it stood at the end of the day, so that a day can be reconciled later; by number."""
    must_be_the_hospital(hospital, asked)
    rows = await asked.read_models.some(
        Settlements,
        "hospital = $1 and $2 in (confirmed_on, cancelled_on) and pool = any($3) order by settlement_number",
        hospital,
        on,
        pools_of(await rules_of(asked), asked.federation),
    )
    for row in rows:
        if row.cancelled_on is not None and row.cancelled_on > on:
            row.status, row.cancelled_on = SettlementStatus.CONFIRMED, None
    return rows


def _answer(row: SettlementRow) -> SettlementAnswer:
    return SettlementAnswer(
        hospital=row.hospital,
        settlement_number=row.settlement_number,
        claim_id=row.claim_id,
        status=row.status,
        amount=row.amount,
        words=tuple(_words(clause) for clause in row.clauses),
        valid_until=row.valid_until,
        confirmed_on=row.confirmed_on,
    )


def _words(clause: str) -> str:
    """For the patient at the hospital's desk, without what only the patient may know."""
    return f"因{'年度限额' if clause == refusals.CEILING else '部分费用不计入'}减付（{clause}），明细可由本人查询"
