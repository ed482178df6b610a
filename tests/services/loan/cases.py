"""Borrowers, officials and the bank of Nanxun in July 2019, and what they do: words for the tests beside this."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.loan.domain.deciding import decide
from services.loan.domain.desk import LoanEvent, fold
from services.loan.domain.facts import HeldTitle, LoanFacts, MemberFacts
from services.loan.domain.line import Line
from services.loan.rules import shipped
from shared.eventsourcing.decider import SHANGHAI
from shared.eventsourcing.specification import Specification
from shared.schemas.ids import HouseholdId, MemberId, UnionId, derived_id
from shared.schemas.loan import (
    AcceptLoan,
    ApplicationCommand,
    ApplicationFiled,
    ApplicationId,
    ApplyForLoan,
    Borrower,
    DisburseDraw,
    DrawId,
    EndorseApplication,
    Ground,
    HouseholdEvent,
    LineCommand,
    LineId,
    RecommendApplication,
    RecordRepayment,
    RepaymentForm,
    RepaymentId,
    RequestDrawdown,
    ReverseRepayment,
)
from shared.schemas.messages import Actor, Role
from shared.schemas.money import Fen, fen

JULY = date(2019, 7, 1)
NANXUN = "330503"


def named(name: str) -> UUID:
    return derived_id(UUID(int=0), name)


LI, WANG, CHEN, ZHAO = (MemberId(named(name)) for name in ("李", "王", "陈", "赵"))
CABLE_WORKS = UnionId(named("电缆厂工会"))
AT_HOME = HouseholdId(named("李家"))
ELSEWHERE = HouseholdId(named("别家"))
APPLICATION, LINE = ApplicationId(named("申请")), LineId(named("额度"))

BANK = Actor(role=Role.BANK, id="nxbank")
TIMER = Actor(role=Role.SYSTEM, id="timers")
CADRE = Actor(role=Role.CADRE, id=str(WANG))
OFFICER = Actor(role=Role.OFFICER, id=str(CHEN))


def member(member_id: MemberId = LI, **known: Any) -> MemberFacts:
    """A worker at the cable works, in skilled work and without a title, who lets the bank have their data."""
    usual: dict[str, Any] = {
        "union_id": CABLE_WORKS,
        "household_id": AT_HOME,
        "skilled": True,
        "shares_with": frozenset({"nxbank"}),
    }
    return MemberFacts(member_id=member_id, **(usual | known))


def title(name: str, since: date = date(2018, 5, 1), **until: date) -> tuple[HeldTitle, ...]:
    return (HeldTitle(title=name, since=since, **until),)


CRAFTSMAN = member(titles=title("南浔工匠"))
PACESETTER = member(titles=title("技术标兵"))


def noon(day: date) -> datetime:
    """Of a day in China."""
    return datetime.combine(day, time(12), SHANGHAI).astimezone(UTC)


FACTS = LoanFacts(
    now=noon(JULY),
    actor=Actor(role=Role.MEMBER, id=str(LI)),
    federation=NANXUN,
    rulebook=shipped(),
    member=member(),
    acts_for=frozenset({CABLE_WORKS}),
)


def of(member_id: MemberId) -> Actor:
    return Actor(role=Role.MEMBER, id=str(member_id))


def borrower(**known: Any) -> Borrower:
    """A wage earner who renovates for 120,000 CNY, on 20,000 CNY a month: the assessment is at the tier's cap."""
    usual: dict[str, Any] = {
        "cycle_months": 1,
        "standing": "good",
        "purpose": "renovation",
        "purpose_cost": fen(400_000),
        "monthly_income": fen(20_000),
    }
    return Borrower(**(usual | known))


FACTS = replace(FACTS, means=borrower())

loan = Specification(fold, decide, FACTS)


def apply(amount: str = "100000", member_id: MemberId = LI, **known: Any) -> ApplyForLoan:
    return ApplyForLoan(application_id=APPLICATION, member_id=member_id, amount=fen(amount), borrower=borrower(**known))


RECOMMEND = RecommendApplication(application_id=APPLICATION)
ENDORSE = EndorseApplication(application_id=APPLICATION)


def accept(limit: str = "100000", months: int = 36, rate: str = "6.7925", line_id: LineId = LINE) -> AcceptLoan:
    """6.7925 % is the bank's own 6.175 % for over one year × 1.10."""
    return AcceptLoan(
        application_id=APPLICATION, line_id=line_id, limit=fen(limit), months=months, annual_percent=Decimal(rate)
    )


type Step = tuple[ApplicationCommand | LineCommand, Actor, date]
"""Who does what, and when."""


def played(*steps: Step, after: Sequence[LoanEvent] = (), borrower: MemberFacts | None = None) -> tuple[LoanEvent, ...]:
    """The history that follows from these commands, each carried out."""
    history = list(after)
    for command, actor, day in steps:
        facts = replace(FACTS, actor=actor, now=noon(day), member=borrower or FACTS.member, means=told(history))
        history += decide(command, fold(history), facts)
    return tuple(history)


def told(history: Sequence[LoanEvent]) -> Borrower | None:
    """What the member told when filing."""
    return next((event.borrower.clear for event in history if isinstance(event, ApplicationFiled)), None)


def opened(
    limit: str = "100000", months: int = 36, rate: str = "6.7925", borrower: MemberFacts | None = None, on: date = JULY
) -> tuple[LoanEvent, ...]:
    """A line of `limit`, opened on a day."""
    return played(
        (apply(limit), of(LI), on),
        (RECOMMEND, CADRE, on),
        (ENDORSE, OFFICER, on),
        (accept(limit, months, rate), BANK, on),
        borrower=borrower,
    )


def draw(name: str = "一") -> DrawId:
    return DrawId(named(f"借{name}"))


def repayment(name: str = "一") -> RepaymentId:
    return RepaymentId(named(f"还{name}"))


def request(
    amount: str, name: str = "一", months: int = 12, form: RepaymentForm = RepaymentForm.ON_DEMAND
) -> RequestDrawdown:
    return RequestDrawdown(line_id=LINE, draw_id=draw(name), amount=fen(amount), months=months, form=form)


def disburse(name: str = "一", on: date | None = None) -> DisburseDraw:
    return DisburseDraw(line_id=LINE, draw_id=draw(name), on=on)


def drawn(
    amount: str,
    name: str = "一",
    on: date = JULY,
    after: Sequence[LoanEvent] | None = None,
    months: int = 12,
    form: RepaymentForm = RepaymentForm.ON_DEMAND,
) -> tuple[LoanEvent, ...]:
    """A draw requested and paid out on one day, after what happened before: a line that was opened."""
    before = opened() if after is None else after
    return played((request(amount, name, months, form), of(LI), on), (disburse(name), BANK, on), after=before)


def pay(amount: str, name: str = "一", on: date | None = None, toward: str | None = None) -> RecordRepayment:
    return RecordRepayment(
        line_id=LINE,
        repayment_id=repayment(name),
        amount=fen(amount),
        on=on,
        toward=draw(toward) if toward else None,
    )


def reverse(name: str = "一") -> ReverseRepayment:
    return ReverseRepayment(line_id=LINE, repayment_id=repayment(name), ground=Ground.OTHER)


def line_of(history: Sequence[LoanEvent]) -> Line:
    """The open line that a history leaves."""
    line = fold(history).line
    assert isinstance(line, Line)
    return line


def of_households(history: Sequence[LoanEvent]) -> tuple[HouseholdEvent, ...]:
    """What others of a household find: its own events, without the application and line that they came with."""
    return tuple(event for event in history if isinstance(event, HouseholdEvent))


def owed(history: Sequence[LoanEvent], on: date) -> Fen:
    return line_of(history).ledger(on).owed
