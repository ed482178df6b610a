"""A line's statement of account (对账单) over any days, from its entries."""

from datetime import date, timedelta

from services.loan.domain.ledger import CreditUse, Disbursement, Entry, Posting, Refund, Repayment
from services.loan.domain.line import Line
from shared.schemas.loan import StatementAnswer, StatementEntry, StatementKind
from shared.schemas.money import Fen

__all__ = ["statement"]


def statement(line: Line, since: date, until: date) -> StatementAnswer:
    """Both days included. What is owed beyond principal is counted to `until`, which may lie ahead: then as if nothing
    were paid until then."""
    before, after = line.ledger(since - timedelta(days=1)), line.ledger(until)
    balance, credit = before.principal, before.credit
    entries: list[StatementEntry] = []
    for entry in sorted(line.entries, key=lambda entry: entry.on):
        if since <= entry.on <= until:
            posting = after.postings[entry.entry_id]
            balance += _lent(entry) - posting.principal
            credit += posting.credit
            entries.append(_entry(entry, posting, balance, credit))
    return StatementAnswer(
        line_id=line.line_id,
        since=since,
        until=until,
        opening=before.principal,
        opening_credit=before.credit,
        entries=tuple(entries),
        disbursed=_total(entries, StatementKind.DISBURSEMENT),
        repaid=_total(entries, StatementKind.REPAYMENT),
        principal_repaid=sum(entry.principal for entry in entries),
        interest_paid=sum(entry.interest for entry in entries),
        penalty_paid=sum(entry.penalty for entry in entries),
        refunded=_total(entries, StatementKind.REFUND),
        closing=after.principal,
        closing_credit=after.credit,
        interest_owed=after.interest,
        penalty_owed=after.penalty,
    )


def _lent(entry: Entry) -> Fen:
    return entry.amount if isinstance(entry, Disbursement) else 0


def _total(entries: list[StatementEntry], kind: StatementKind) -> Fen:
    return sum(entry.amount for entry in entries if entry.kind is kind)


def _entry(entry: Entry, posting: Posting, balance: Fen, credit: Fen) -> StatementEntry:
    kind, amount = _kind(entry, posting)
    return StatementEntry(
        entry_id=entry.entry_id,
        on=entry.on,
        kind=kind,
        amount=amount,
        penalty=sum(allocation.penalty for allocation in posting.allocations),
        interest=sum(allocation.interest for allocation in posting.allocations),
        principal=posting.principal,
        credit=posting.credit,
        balance=balance,
        credit_balance=credit,
    )


def _kind(entry: Entry, posting: Posting) -> tuple[StatementKind, Fen]:
    match entry:
        case Disbursement(amount=amount):
            return StatementKind.DISBURSEMENT, amount
        case Repayment(amount=amount):
            return StatementKind.REPAYMENT, amount
        case Refund(amount=amount):
            return StatementKind.REFUND, amount
        case CreditUse():
            return StatementKind.CREDIT_APPLIED, -posting.credit
