"""Helmets, workers and points of Jiangbei in June 2020, and what is done with them: words for the tests beside this."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from services.lending.domain.deciding import decide
from services.lending.domain.desk import Desk, folded
from services.lending.domain.facts import LendingFacts, MemberFacts
from services.lending.domain.stock import Point
from shared.eventsourcing.specification import Specification
from shared.schemas.ids import MemberId, UnionId, derived_id
from shared.schemas.lending import (
    BorrowerBound,
    BorrowerFreed,
    BorrowItem,
    CampaignId,
    CareStep,
    HelmetBorrowed,
    HelmetOverdue,
    HelmetReturned,
    ItemPlaced,
    LoanId,
    OverdueEscalated,
    PointId,
    ReturnItem,
    item_id,
)
from shared.schemas.messages import Actor, Event, Role

JIANGBEI: Final = "330205"
NOON: Final = datetime(2020, 6, 1, 4, 0, tzinfo=UTC)
DUE: Final = NOON + timedelta(hours=48)
MS: Final = timedelta(milliseconds=1)
HOUR: Final = timedelta(hours=1)
CODE: Final = "JB-0001"
CARE: Final = (CareStep.INSPECTION, CareStep.DISINFECTION)


def named(name: str) -> UUID:
    return derived_id(UUID(int=0), name)


LI, WANG = (MemberId(named(name)) for name in ("李", "王"))
WORKS, OTHER_WORKS = (UnionId(named(name)) for name in ("机械厂工会", "电子厂工会"))
GATE, CANTEEN = (PointId(named(name)) for name in ("大门", "食堂"))
FIRST, SECOND = (LoanId(named(name)) for name in ("一", "二"))

OFFICER = Actor(role=Role.OFFICER, id="zhou")
CADRE = Actor(role=Role.CADRE, id=str(WANG))
TIMER = Actor(role=Role.SYSTEM, id="lending-timers")


def of(member_id: MemberId) -> Actor:
    return Actor(role=Role.MEMBER, id=str(member_id))


FACTS = LendingFacts(
    now=NOON,
    actor=of(LI),
    federation=JIANGBEI,
    member=MemberFacts(member_id=LI, union_id=WORKS),
    acts_for=frozenset({WORKS}),
)

HELMET: Final[dict[str, Any]] = {
    "item_id": item_id(JIANGBEI, CODE),
    "code": CODE,
    "kind": "helmet",
    "name": "共享头盔",
}


def fold(history: Iterable[Event]) -> Desk:
    """Both points are of the works' union."""
    return folded(history, Desk(here=Point(WORKS, "大门"), there=Point(WORKS, "食堂")))


lending = Specification(fold, decide, FACTS)


def loan(loan_id: LoanId = FIRST, member_id: MemberId = LI) -> dict[str, Any]:
    return {**HELMET, "loan_id": loan_id, "member_id": member_id, "union_id": WORKS}


PLACED = ItemPlaced(**HELMET, campaign_id=CampaignId(named("首批")), point_id=GATE)


def borrow(loan_id: LoanId = FIRST, member_id: MemberId = LI, at: datetime | None = None) -> BorrowItem:
    return BorrowItem(code=CODE, member_id=member_id, loan_id=loan_id, scanned_at=at)


def give_back(at: datetime | None = None) -> ReturnItem:
    return ReturnItem(code=CODE, point_id=CANTEEN, scanned_at=at)


def borrowed(loan_id: LoanId = FIRST, member_id: MemberId = LI, at: datetime = NOON, from_: PointId = GATE) -> Event:
    due = at + 48 * HOUR
    return HelmetBorrowed(
        **loan(loan_id, member_id),
        point_id=from_,
        borrowed_at=at,
        due_at=due,
        remind_at=due - 6 * HOUR,
        escalate_at=due + 24 * HOUR,
    )


def bound(loan_id: LoanId = FIRST, member_id: MemberId = LI) -> BorrowerBound:
    return BorrowerBound(member_id=member_id, kind="helmet", loan_id=loan_id, item_id=HELMET["item_id"], code=CODE)


def freed(loan_id: LoanId = FIRST, member_id: MemberId = LI) -> BorrowerFreed:
    return BorrowerFreed(member_id=member_id, kind="helmet", loan_id=loan_id)


def returned(at: datetime, due: datetime = DUE, care: tuple[CareStep, ...] = CARE) -> HelmetReturned:
    return HelmetReturned(
        **loan(),
        from_point_id=GATE,
        point_id=CANTEEN,
        borrowed_at=due - 48 * HOUR,
        due_at=due,
        returned_at=at,
        late=at > due,
        care=care,
    )


OUT: Final = (PLACED, borrowed(), bound())
OVERDUE: Final = (*OUT, HelmetOverdue(**loan(), due_at=DUE))
NEXT_NINE: Final = datetime(2020, 6, 5, 1, 0, tzinfo=UTC)
ESCALATED: Final = (*OVERDUE, OverdueEscalated(**loan(), due_at=DUE, digest_at=NEXT_NINE))


def facts_of(member_id: MemberId, **known: Any) -> LendingFacts:
    member = MemberFacts(member_id=member_id, union_id=WORKS)
    return replace(FACTS, actor=of(member_id), member=member, **known)
