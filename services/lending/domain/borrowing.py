"""Borrowing and returning: by scans, which may arrive late and in any order, and count from when they were made."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from services.lending import refusals
from services.lending.domain.desk import Desk
from services.lending.domain.facts import LendingFacts
from services.lending.domain.item import WITH_BORROWER, Item, Loan
from shared.schemas.lending import (
    BorrowerBound,
    BorrowerFreed,
    BorrowItem,
    CareStep,
    ExtendLoan,
    Found,
    HelmetBorrowed,
    HelmetReturned,
    ItemStatus,
    LoanExtended,
    OverdueWithdrawn,
    ReturnItem,
)
from shared.schemas.messages import Event, Role

__all__ = ["STATUS_WORDS", "STEP_WORDS", "borrow", "extend", "give_back"]

STEP_WORDS: Final = {CareStep.INSPECTION: "检查", CareStep.DISINFECTION: "消毒"}
STATUS_WORDS: Final = {ItemStatus.DAMAGED: "已损坏", ItemStatus.LOST: "已登记遗失", ItemStatus.WRITTEN_OFF: "已核销"}


def borrow(command: BorrowItem, desk: Desk, facts: LendingFacts) -> list[Event]:
    item, code, at = desk.item, command.code, facts.scanned(command.scanned_at)
    if facts.member is None:
        raise refusals.NOT_A_MEMBER()
    if facts.actor.role is Role.MEMBER and facts.actor.id != str(command.member_id):
        raise refusals.NOT_YOURS()
    _must_be_lendable(item, code)
    if desk.borrower.loan_id is not None:
        raise refusals.ONE_EACH(name=item.name, code=desk.borrower.code)
    if item.since is not None and at < item.since:
        raise refusals.SCAN_OUT_OF_ORDER(code=code)
    terms = facts.terms(item.kind)
    due = at + terms.lent_for
    borrowed = HelmetBorrowed(
        **item.known,
        loan_id=command.loan_id,
        member_id=command.member_id,
        union_id=facts.member.union_id,
        point_id=item.at,
        borrowed_at=at,
        due_at=due,
        remind_at=terms.remind_at(due),
        escalate_at=terms.escalate_at(due),
    )
    bound = BorrowerBound.model_validate(borrowed, from_attributes=True)
    return [borrowed, bound]


def _must_be_lendable(item: Item, code: str) -> None:
    match item.status:
        case None:
            raise refusals.UNKNOWN_CODE(code=code)
        case ItemStatus.OUT | ItemStatus.OVERDUE:
            raise refusals.ITEM_OUT(code=code)
        case ItemStatus.IN_CARE:
            raise refusals.NOT_READY(code=code, steps="、".join(STEP_WORDS[step] for step in item.care))
        case ItemStatus.IN:
            return
        case gone:
            raise refusals.NOT_LENDABLE(code=code, status=STATUS_WORDS[gone])


def give_back(command: ReturnItem, desk: Desk, facts: LendingFacts) -> list[Event]:
    """A scan is of the loan that was under way when it was made. What ended that loan already stands."""
    item, code, at = desk.item, command.code, facts.scanned(command.scanned_at)
    if item.status is None:
        raise refusals.UNKNOWN_CODE(code=code)
    desk.there.keeper  # noqa: B018 - refuses
    loan = item.loan
    match item.status:
        case ItemStatus.WRITTEN_OFF:
            raise refusals.WRITTEN_OFF(code=code)
        case ItemStatus.LOST if _turns_up(item, at):
            care = facts.terms(item.kind).care
            found = Found(**item.known, from_point_id=item.at, point_id=command.point_id, care=care)
            return [found, *_withdrawn(item, at)]
        case ItemStatus.IN | ItemStatus.IN_CARE | ItemStatus.DAMAGED if loan is None:
            raise refusals.NOT_OUT(code=code)
        case ItemStatus.OUT | ItemStatus.OVERDUE if loan is not None and at >= loan.borrowed_at:
            return [*_returned(command, item, loan, at, facts), *_withdrawn(item, at)]
        case _:
            return list(_withdrawn(item, at))


def _turns_up(item: Item, at: datetime) -> bool:
    """Whether a scan shows that a lost item is there again, and is not of a return before it was lost."""
    begun = item.loan.borrowed_at if item.loan is not None else at
    return at >= begun and (item.since is None or at > item.since)


def _returned(command: ReturnItem, item: Item, loan: Loan, at: datetime, facts: LendingFacts) -> list[Event]:
    returned = HelmetReturned(
        **item.of(loan),
        from_point_id=item.at,
        point_id=command.point_id,
        borrowed_at=loan.borrowed_at,
        due_at=loan.due_at,
        returned_at=at,
        late=at > loan.due_at,
        care=facts.terms(item.kind).care,
    )
    return [returned, BorrowerFreed(member_id=loan.member_id, kind=item.kind, loan_id=loan.loan_id)]


def _withdrawn(item: Item, at: datetime) -> Iterator[OverdueWithdrawn]:
    """Where a scan was of a loan that is held to be overdue, and was in time."""
    for loan in (item.loan, item.before):
        if loan is not None and loan.borrowed_at <= at:
            if loan.overdue and at <= loan.due_at:
                yield OverdueWithdrawn(**item.of(loan), due_at=loan.due_at, returned_at=at)
            return


def extend(command: ExtendLoan, desk: Desk, facts: LendingFacts) -> list[Event]:
    item, code = desk.item, command.code
    if item.status is None:
        raise refusals.UNKNOWN_CODE(code=code)
    if item.status not in WITH_BORROWER or item.loan is None:
        raise refusals.NOT_OUT(code=code)
    loan, terms = item.loan, facts.terms(item.kind)
    facts.must_keep(loan.union_id, desk.here.keeper)
    if item.status is ItemStatus.OVERDUE or facts.now > loan.due_at:
        raise refusals.ALREADY_OVERDUE(code=code)
    if loan.extensions >= terms.extensions:
        raise refusals.EXTENDED_ENOUGH(code=code, times=loan.extensions)
    due = loan.due_at + terms.extended_by
    return [
        LoanExtended(**item.of(loan), due_at=due, remind_at=terms.remind_at(due), escalate_at=terms.escalate_at(due))
    ]
