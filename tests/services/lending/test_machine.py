"""Whatever people, devices and timers do, in whatever order: an item has one borrower, a worker one item, nothing is
chased after its return or twice, and no item is lost from the count."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.lending.domain.borrower import BORROWER, Borrower
from services.lending.domain.deciding import decide
from services.lending.domain.desk import Desk
from services.lending.domain.facts import LendingFacts, MemberFacts
from services.lending.domain.item import ITEM, WITH_BORROWER, Item
from services.lending.domain.stock import Point
from services.lending.views import ItemRow, Items
from shared.eventsourcing.timers import Schedule
from shared.eventsourcing.view_specification import ViewSpecification, happened
from shared.schemas.ids import MemberId
from shared.schemas.lending import (
    BorrowerEvent,
    BorrowItem,
    CampaignId,
    CareStep,
    DeclareLost,
    ExtendLoan,
    HelmetBorrowed,
    HelmetOverdue,
    HelmetReturned,
    ItemCommand,
    ItemEvent,
    ItemPlaced,
    LoanId,
    OverdueEscalated,
    OverdueWithdrawn,
    PointId,
    RecordCare,
    RepairItem,
    ReportDamage,
    ReturnItem,
    ReturnReminderDue,
    WriteOff,
    item_id,
)
from shared.schemas.messages import Actor, Event, Refused
from tests.services.lending.cases import CANTEEN, GATE, JIANGBEI, NOON, OFFICER, TIMER, WORKS, named
from tests.services.lending.test_chasing import of as scheduled_by

CODES = ("JB-0001", "JB-0002")
PEOPLE = tuple(MemberId(named(name)) for name in ("甲", "乙", "丙"))
POINTS: dict[PointId, Point] = {GATE: Point(WORKS, "大门"), CANTEEN: Point(WORKS, "食堂")}

codes, people, points = st.sampled_from(CODES), st.sampled_from(PEOPLE), st.sampled_from(tuple(POINTS))
hours = st.integers(0, 60)


class District(RuleBasedStateMachine):
    """Two helmets, three workers; timers fire late, early or twice, scans arrive in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.items: dict[str, Item] = {}
        self.borrowers: dict[MemberId, Borrower] = dict.fromkeys(PEOPLE, Borrower())
        self.log: list[Event] = []
        self.timers: dict[str, Schedule] = {}
        self.loans = 0
        for code in CODES:
            self.record(
                ItemPlaced(
                    item_id=item_id(JIANGBEI, code),
                    code=code,
                    kind="helmet",
                    name="共享头盔",
                    campaign_id=CampaignId(named("首批")),
                    point_id=GATE,
                )
            )

    def record(self, event: Event) -> None:
        self.log.append(event)
        match event:
            case ItemEvent(code=code):
                self.items[code] = ITEM.evolve(self.items.get(code, Item()), event)
            case BorrowerEvent(member_id=member_id):
                self.borrowers[member_id] = BORROWER.evolve(self.borrowers[member_id], event)
        for change in scheduled_by(event):
            if isinstance(change, Schedule):
                self.timers[change.key] = change
            else:
                self.timers.pop(change.key, None)

    def does(self, command: ItemCommand, actor: Actor = OFFICER, **known: Any) -> None:
        item = self.items[command.code]
        member_id = getattr(command, "member_id", None)
        desk = Desk(
            item=item,
            borrower=self.borrowers[member_id] if member_id else Borrower(),
            here=POINTS[item.at],
            there=POINTS[getattr(command, "point_id", GATE)],
        )
        member = MemberFacts(member_id=member_id, union_id=WORKS) if member_id else None
        facts = LendingFacts(now=self.now, actor=actor, federation=JIANGBEI, member=member)
        try:
            events = decide(command, desk, replace(facts, **known))
        except Refused:
            return
        for event in events:
            self.record(event)

    def ago(self, back: int) -> datetime | None:
        return self.now - timedelta(hours=back) if back else None

    @rule(span=hours)
    def time_passes(self, span: int) -> None:
        self.now += timedelta(hours=span)

    @rule(code=codes, member_id=people, back=st.integers(0, 20))
    def borrows(self, code: str, member_id: MemberId, back: int) -> None:
        self.loans += 1
        loan_id = LoanId(named(f"第{self.loans}次"))
        self.does(BorrowItem(code=code, member_id=member_id, loan_id=loan_id, scanned_at=self.ago(back)))

    @rule(code=codes, point_id=points, back=hours)
    def returns(self, code: str, point_id: PointId, back: int) -> None:
        self.does(ReturnItem(code=code, point_id=point_id, scanned_at=self.ago(back)))

    @rule(code=codes)
    def returns_twice(self, code: str) -> None:
        self.does(ReturnItem(code=code, point_id=GATE))
        before = len(self.log)
        self.does(ReturnItem(code=code, point_id=CANTEEN))
        assert len(self.log) == before

    @rule(code=codes, steps=st.sampled_from([(CareStep.INSPECTION,), tuple(CareStep)]))
    def cares(self, code: str, steps: tuple[CareStep, ...]) -> None:
        for step in steps:
            self.does(RecordCare(code=code, step=step))

    @rule(
        command=st.sampled_from(
            [
                *(ExtendLoan(code=code) for code in CODES),
                *(DeclareLost(code=code) for code in CODES),
                *(ReportDamage(code=code, note="裂") for code in CODES),
                *(RepairItem(code=code) for code in CODES),
                WriteOff(code=CODES[0], note="旧"),
            ]
        )
    )
    def keeps(self, command: ItemCommand) -> None:
        self.does(command)

    @rule(which=st.integers(0, 10), twice=st.booleans())
    def a_timer_fires(self, which: int, twice: bool) -> None:
        """Now, due or not: as after a clock that was set, or by a second worker."""
        loans = [timer for timer in self.timers.values() if timer.key.startswith("loan")]
        if loans:
            command = loans[which % len(loans)].command
            assert isinstance(command, ItemCommand)
            for _ in range(1 + twice):
                self.does(command, TIMER)

    @invariant()
    def an_item_has_one_borrower_and_a_worker_one_item(self) -> None:
        out = {
            item.loan.member_id: item.loan.loan_id
            for item in self.items.values()
            if item.status in WITH_BORROWER and item.loan
        }
        assert len(out) == sum(item.status in WITH_BORROWER for item in self.items.values())
        assert out == {who: has.loan_id for who, has in self.borrowers.items() if has.loan_id is not None}

    @invariant()
    def loans_of_an_item_follow_each_other(self) -> None:
        for code in CODES:
            open_loan: LoanId | None = None
            for event in self.log:
                match event:
                    case HelmetBorrowed() if event.code == code:
                        assert self.ended(event.code, open_loan)
                        open_loan = event.loan_id
                    case HelmetReturned() if event.code == code:
                        assert event.loan_id == open_loan
                        assert event.late == (event.returned_at > event.due_at)

    def ended(self, code: str, loan_id: LoanId | None) -> bool:
        ends = [event for event in self.log if getattr(event, "loan_id", None) == loan_id]
        return loan_id is None or any(type(event).__name__ in {"HelmetReturned", "Lost"} for event in ends)

    @invariant()
    def nobody_is_chased_twice_or_after_the_end(self) -> None:
        said: Counter[tuple[type[Event], LoanId]] = Counter()
        over: set[LoanId] = set()
        for event in self.log:
            match event:
                case HelmetReturned(loan_id=loan_id):
                    over.add(loan_id)
                case ReturnReminderDue() | HelmetOverdue() | OverdueEscalated():
                    assert event.loan_id not in over
                    said[type(event), event.loan_id] += 1
                case OverdueWithdrawn():
                    assert said[HelmetOverdue, event.loan_id] == 1
                    assert event.returned_at <= event.due_at
                    said[type(event), event.loan_id] += 1
        once = {key: number for key, number in said.items() if key[0] is not ReturnReminderDue}
        assert not once or max(once.values()) == 1
        extended = sum(type(event).__name__ == "LoanExtended" for event in self.log)
        assert all(number <= 1 + extended for number in said.values())

    @invariant()
    def timers_wait_for_open_loans_alone(self) -> None:
        under_way = {
            str(item.loan.loan_id) for item in self.items.values() if item.status in WITH_BORROWER and item.loan
        }
        assert {key.split()[1] for key in self.timers if key.startswith("loan")} == under_way

    def teardown(self) -> None:
        """The read model says of every item what its stream says."""
        spec: ViewSpecification[ItemRow] = ViewSpecification(Items(), federation=JIANGBEI)
        rows = {row.code: row for row in spec.given(*(happened(event) for event in self.log)).rows}
        assert len(rows) == len(CODES)
        for code, item in self.items.items():
            row = rows[code]
            assert (row.status, row.point_id) == (item.status, item.point_id)
            assert row.care == [step.value for step in item.care]
            if item.status in WITH_BORROWER and item.loan:
                assert (row.loan_id, row.member_id) == (item.loan.loan_id, item.loan.member_id)
                assert row.due_at == item.loan.due_at
            else:
                assert (row.loan_id, row.member_id, row.due_at) == (None, None, None)


TestDistrict = District.TestCase
TestDistrict.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
