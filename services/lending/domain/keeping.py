"""Keeping items: care after a loan, damage and repair, loss, finding, writing off."""

from services.lending import refusals
from services.lending.domain.borrowing import STEP_WORDS
from services.lending.domain.desk import Desk
from services.lending.domain.facts import LendingFacts
from services.lending.domain.item import ON_HAND, WITH_BORROWER
from shared.schemas.lending import (
    BorrowerFreed,
    CareStep,
    Damaged,
    DeclareFound,
    DeclareLost,
    Disinfected,
    Found,
    Inspected,
    ItemCommand,
    ItemStatus,
    Lost,
    RecordCare,
    Repaired,
    RepairItem,
    ReportDamage,
    WriteOff,
    WrittenOff,
)
from shared.schemas.messages import Event

__all__ = ["keep"]


def keep(command: ItemCommand, desk: Desk, facts: LendingFacts) -> list[Event]:
    item, code = desk.item, command.code
    if item.status is None:
        raise refusals.UNKNOWN_CODE(code=code)
    if item.status is ItemStatus.WRITTEN_OFF:
        raise refusals.WRITTEN_OFF(code=code)
    borrowers = [item.loan.union_id] if item.status in WITH_BORROWER and item.loan else []
    if not isinstance(command, DeclareFound):
        facts.must_keep(desk.here.keeper, *borrowers)
    match command:
        case RecordCare(step=step) if step not in item.care:
            raise refusals.NO_CARE_DUE(code=code, step=STEP_WORDS[step])
        case RecordCare(step=CareStep.INSPECTION):
            return [Inspected(**item.known, point_id=item.at)]
        case RecordCare():
            return [Disinfected(**item.known, point_id=item.at)]
        case ReportDamage() if item.status is ItemStatus.DAMAGED:
            return []
        case ReportDamage() if item.status not in ON_HAND:
            raise refusals.NOT_ON_HAND(code=code)
        case ReportDamage(note=note):
            return [Damaged(**item.known, point_id=item.at, note=note)]
        case RepairItem() if item.status is not ItemStatus.DAMAGED:
            raise refusals.NOT_DAMAGED(code=code)
        case RepairItem():
            return [Repaired(**item.known, point_id=item.at, care=facts.terms(item.kind).care)]
        case _:
            return _gone(command, desk, facts)


def _gone(command: ItemCommand, desk: Desk, facts: LendingFacts) -> list[Event]:
    item, code = desk.item, command.code
    match command:
        case DeclareLost() if item.status is ItemStatus.LOST:
            return []
        case DeclareLost() if item.status in WITH_BORROWER and item.loan is not None:
            loan = item.loan
            lost = Lost(
                **item.known, point_id=item.at, loan_id=loan.loan_id, member_id=loan.member_id, lost_at=facts.now
            )
            return [lost, BorrowerFreed(member_id=loan.member_id, kind=item.kind, loan_id=loan.loan_id)]
        case DeclareLost():
            return [Lost(**item.known, point_id=item.at, loan_id=None, member_id=None, lost_at=facts.now)]
        case DeclareFound() if item.status is not ItemStatus.LOST:
            raise refusals.NOT_LOST(code=code)
        case DeclareFound(point_id=point_id):
            facts.must_keep(desk.there.keeper)
            care = facts.terms(item.kind).care
            return [Found(**item.known, from_point_id=item.at, point_id=point_id, care=care)]
        case WriteOff() if item.status not in (ItemStatus.DAMAGED, ItemStatus.LOST):
            raise refusals.NOT_GONE(code=code)
        case WriteOff(note=note):
            return [WrittenOff(**item.known, point_id=item.at, note=note)]
        case _:
            raise TypeError(type(command).__name__)
