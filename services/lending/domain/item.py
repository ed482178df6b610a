"""An item: where it is, who has it, what is to be done with it before the next loan."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, cast

from shared.eventsourcing.decider import Aggregate
from shared.schemas.ids import MemberId, UnionId
from shared.schemas.lending import (
    CareStep,
    Code,
    Damaged,
    Disinfected,
    Found,
    HelmetBorrowed,
    HelmetOverdue,
    HelmetReturned,
    Inspected,
    ItemEvent,
    ItemId,
    ItemPlaced,
    ItemStatus,
    Kind,
    LoanExtended,
    LoanId,
    Lost,
    OverdueEscalated,
    OverdueWithdrawn,
    PointId,
    Repaired,
    ReturnReminderDue,
    StockMoved,
    WrittenOff,
)
from shared.schemas.messages import Event

__all__ = ["ITEM", "ON_HAND", "WITH_BORROWER", "Item", "Loan", "evolve"]

ON_HAND: Final = frozenset({ItemStatus.IN, ItemStatus.IN_CARE, ItemStatus.DAMAGED})
WITH_BORROWER: Final = frozenset({ItemStatus.OUT, ItemStatus.OVERDUE})


@dataclass(frozen=True, slots=True)
class Loan:
    loan_id: LoanId
    member_id: MemberId
    union_id: UnionId
    borrowed_at: datetime
    due_at: datetime
    remind_at: datetime
    escalate_at: datetime
    reminded: bool = False
    overdue: bool = False
    """Was found overdue, and that was not withdrawn."""
    escalated: bool = False
    extensions: int = 0
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """The first state is that of a code that is no item's: its `status` is None.

    `point_id` is where the item is, or whence it was borrowed or lost; `loan` is the one under way, or else the last;
    `since` is when it was last returned, or found to be missing from its shelf: an earlier scan is of a time before.
    """

    status: ItemStatus | None = None
    item_id: ItemId | None = None
    code: Code = ""
    kind: Kind = ""
    name: str = ""
    point_id: PointId | None = None
    care: tuple[CareStep, ...] = ()
    loan: Loan | None = None
    before: Loan | None = None
    """The loan before `loan`."""
    since: datetime | None = None

    @property
    def at(self) -> PointId:
        return cast("PointId", self.point_id)

    @property
    def known(self) -> dict[str, Any]:
        """What every event of the item carries."""
        return {"item_id": self.item_id, "code": self.code, "kind": self.kind, "name": self.name}

    def of(self, loan: Loan) -> dict[str, Any]:
        """What every event of one of its loans carries."""
        return {**self.known, "loan_id": loan.loan_id, "member_id": loan.member_id, "union_id": loan.union_id}


def evolve(state: Item, event: ItemEvent) -> Item:
    match event:
        case ItemPlaced():
            return Item(ItemStatus.IN, event.item_id, event.code, event.kind, event.name, event.point_id)
        case StockMoved(point_id=point):
            return replace(state, point_id=point)
        case Inspected():
            return _cared(state, CareStep.INSPECTION)
        case Disinfected():
            return _cared(state, CareStep.DISINFECTION)
        case Damaged():
            return replace(state, status=ItemStatus.DAMAGED, care=())
        case Repaired(care=care) | Found(care=care):
            return replace(_shelved(state, care), point_id=event.point_id)
        case Lost(loan_id=loan_id, lost_at=at):
            since = state.since if loan_id is not None else at
            return replace(state, status=ItemStatus.LOST, care=(), since=since)
        case WrittenOff():
            return replace(state, status=ItemStatus.WRITTEN_OFF, care=())
        case _:
            return _of_loan(state, event)


def _of_loan(state: Item, event: Event) -> Item:
    match event:
        case HelmetBorrowed():
            return replace(state, status=ItemStatus.OUT, loan=_begun(event), before=state.loan)
        case HelmetReturned(point_id=point, care=care, returned_at=at):
            return replace(_loan(_shelved(state, care), ended_at=at), point_id=point, since=at)
        case LoanExtended(due_at=due, remind_at=remind, escalate_at=escalate):
            times = state.loan.extensions + 1 if state.loan else 0
            moved = {"due_at": due, "remind_at": remind, "escalate_at": escalate}
            return _loan(state, **moved, extensions=times, reminded=False)
        case ReturnReminderDue():
            return _loan(state, reminded=True)
        case HelmetOverdue():
            return replace(_loan(state, overdue=True), status=ItemStatus.OVERDUE)
        case OverdueEscalated():
            return _loan(state, escalated=True)
        case OverdueWithdrawn(loan_id=loan_id):
            if state.before is not None and state.before.loan_id == loan_id:
                return replace(state, before=replace(state.before, overdue=False))
            return _loan(state, overdue=False)
        case _:
            return state


def _begun(event: HelmetBorrowed) -> Loan:
    return Loan(
        loan_id=event.loan_id,
        member_id=event.member_id,
        union_id=event.union_id,
        borrowed_at=event.borrowed_at,
        due_at=event.due_at,
        remind_at=event.remind_at,
        escalate_at=event.escalate_at,
    )


def _loan(state: Item, **changes: object) -> Item:
    return state if state.loan is None else replace(state, loan=replace(state.loan, **changes))  # type: ignore[arg-type]


def _shelved(state: Item, care: tuple[CareStep, ...]) -> Item:
    return replace(state, status=ItemStatus.IN_CARE if care else ItemStatus.IN, care=care)


def _cared(state: Item, step: CareStep) -> Item:
    return _shelved(state, tuple(one for one in state.care if one is not step))


ITEM: Aggregate[Item, ItemEvent] = Aggregate("item", Item(), evolve)
