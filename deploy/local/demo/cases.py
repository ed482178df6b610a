"""The known cases, each a short play: what is done, what must come of it, and what came."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from deploy.local.demo.people import BANK, Cast, Person
from deploy.local.demo.stage import Stage
from shared.runtime.client import NoAnswer
from shared.schemas.ids import new_id
from shared.schemas.loan import (
    AcceptLoan,
    ApplicationId,
    ApplyForLoan,
    BankWorkAnswer,
    Borrower,
    DeclineLoan,
    DisburseDraw,
    DrawId,
    EndorseApplication,
    EndorsedApplication,
    FindLines,
    Ground,
    LineAnswer,
    LineId,
    RecommendApplication,
    RecordRepayment,
    RepaymentForm,
    RequestDrawdown,
    ShowApplication,
    ShowBankWork,
    ShowLine,
)
from shared.schemas.messages import Refused, Role
from shared.schemas.money import cny, fen

__all__ = ["CASES", "Case", "Told", "borrower", "drawn", "ended", "endorsed", "opened"]

LINE_MONTHS: Final = 36
YUAN: Final = 100


@dataclass(frozen=True, slots=True)
class Told:
    """How a case ended. `came` must equal `must`."""

    must: str
    came: str


async def ended(play: Awaitable[Told]) -> Told:
    """How a case ended; one that was cut short by a refusal, or by silence, too."""
    try:
        return await play
    except Refused as refused:
        return Told("no refusal on the way", f"{refused.refusal.code}: {refused.refusal.message}")
    except (NoAnswer, TimeoutError) as error:
        return Told("an answer in time", type(error).__name__)


@dataclass(frozen=True, slots=True)
class Case:
    title: str
    who: Callable[[Cast], tuple[Person, ...]]
    play: Callable[[Stage, Cast], Awaitable[Told]]


def borrower(purpose: str, cost: int, income: int = 9_000) -> Borrower:
    """Of a wage earner in good standing; cost and income in CNY."""
    return Borrower(
        cycle_months=1,
        standing="good",
        purpose=purpose,
        purpose_cost=cost * YUAN,
        monthly_income=income * YUAN,
    )


async def endorsed(stage: Stage, cast: Cast, person: Person, amount: int, about: Borrower) -> EndorsedApplication:
    """Apply, recommend, endorse; then as the bank finds it among its work. `amount` in CNY."""
    application_id = ApplicationId(new_id())
    apply = ApplyForLoan(
        application_id=application_id, member_id=person.member_id, amount=amount * YUAN, borrower=about
    )
    await stage.once_known("loan", person.acting(), apply, "not_a_member", "not_eligible", "no_consent")
    recommend = RecommendApplication(application_id=application_id)
    await stage.once_known("loan", cast.chair.acting(Role.CADRE), recommend, "not_your_union")
    endorse = EndorseApplication(application_id=application_id)
    sent = await stage.act("loan", cast.officer.acting(Role.OFFICER), endorse)
    work: BankWorkAnswer = await stage.ask("loan", BANK, ShowBankWork(bank=BANK.id), after=sent.position)
    (found,) = (one for one in work.to_decide if one.application_id == application_id)
    return found


async def opened(stage: Stage, approved: EndorsedApplication, limit: int) -> LineId:
    """The bank accepts at the tier's rate. `limit` in fen."""
    line_id = LineId(new_id())
    accept = AcceptLoan(
        application_id=approved.application_id,
        line_id=line_id,
        limit=limit,
        months=LINE_MONTHS,
        annual_percent=approved.rate.annual_percent,
    )
    accepted = await stage.act("loan", BANK, accept)
    await stage.ask("loan", BANK, ShowLine(line_id=line_id), after=accepted.position)
    return line_id


async def drawn(
    stage: Stage, person: Person, line_id: LineId, amount: int, months: int, form: RepaymentForm
) -> LineAnswer:
    """Ask for a draw, and the bank pays it out. `amount` in CNY."""
    draw_id = DrawId(new_id())
    request = RequestDrawdown(line_id=line_id, draw_id=draw_id, amount=amount * YUAN, months=months, form=form)
    await stage.act("loan", person.acting(), request)
    paid = await stage.act("loan", BANK, DisburseDraw(line_id=line_id, draw_id=draw_id))
    line: LineAnswer = await stage.ask("loan", person.acting(), ShowLine(line_id=line_id), after=paid.position)
    return line


def _says(line: LineAnswer, approved: EndorsedApplication) -> str:
    rate = f"{approved.rate.annual_percent.normalize():f}"
    return f"{approved.tier.value}: limit {cny(line.limit)} at {rate} %, available {cny(line.available)}"


async def _cable_worker(stage: Stage, cast: Cast) -> Told:
    person = cast.cable_worker
    approved = await endorsed(stage, cast, person, 100_000, borrower("renovation", 120_000))
    line_id = await opened(stage, approved, approved.assessed)
    line = await drawn(stage, person, line_id, 100_000, 12, RepaymentForm.EQUAL_INSTALMENTS)
    return Told("member: limit 100000.00 at 6.7925 %, available 0.00", _says(line, approved))


async def _pacesetter(stage: Stage, cast: Cast) -> Told:
    person = cast.pacesetter
    approved = await endorsed(stage, cast, person, 200_000, borrower("car", 300_000, 13_000))
    line_id = await opened(stage, approved, approved.assessed)
    line = await drawn(stage, person, line_id, 80_000, 24, RepaymentForm.EQUAL_PRINCIPAL)
    return Told("honoured_member: limit 200000.00 at 5.24875 %, available 120000.00", _says(line, approved))


async def _craftsman(stage: Stage, cast: Cast) -> Told:
    person = cast.craftsman
    approved = await endorsed(stage, cast, person, 300_000, borrower("start_up", 400_000, 18_000))
    line_id = await opened(stage, approved, approved.assessed)
    line = await drawn(stage, person, line_id, 120_000, 36, RepaymentForm.INTEREST_FIRST)
    return Told("craftsman: limit 300000.00 at 4.75 %, available 180000.00", _says(line, approved))


async def _model_worker(stage: Stage, cast: Cast) -> Told:
    """Draws 200,000; what is repaid can be drawn again."""
    person = cast.model_worker
    approved = await endorsed(stage, cast, person, 300_000, borrower("production", 400_000, 18_000))
    line_id = await opened(stage, approved, approved.assessed)
    line = await drawn(stage, person, line_id, 200_000, 12, RepaymentForm.ON_DEMAND)
    left = line.available
    repaid = await stage.act("loan", BANK, RecordRepayment(line_id=line_id, amount=150_000 * YUAN))
    line = await stage.ask("loan", person.acting(), ShowLine(line_id=line_id), after=repaid.position)
    restored = line.available
    line = await drawn(stage, person, line_id, 100_000, 12, RepaymentForm.ON_DEMAND)
    steps = " → ".join(cny(amount) for amount in (left, restored, line.available))
    return Told(
        "model_worker: available 100000.00 → 250000.00 → 150000.00", f"{approved.tier.value}: available {steps}"
    )


async def _a_month_later(stage: Stage, cast: Cast) -> Told:
    """The cable worker's first instalment falls due and is forgotten; the money comes, and all is well again."""
    person = cast.cable_worker
    (summary,) = await stage.ask("loan", person.acting(), FindLines(member_id=person.member_id))
    show = ShowLine(line_id=summary.line_id)
    await stage.advance(timedelta(days=33))

    async def overdue() -> LineAnswer | None:
        line: LineAnswer = await stage.ask("loan", person.acting(), show)
        return line if line.overdue_since is not None else None

    line = await stage.until(overdue)
    repay = RecordRepayment(line_id=line.line_id, amount=line.to_cure)
    repaid = await stage.act("loan", BANK, repay)
    cured: LineAnswer = await stage.ask("loan", person.acting(), show, after=repaid.position)
    since = line.overdue_since.isoformat() if line.overdue_since else "never"
    came = f"overdue since {since}, then {'well' if cured.overdue_since is None else 'still overdue'}"
    return Told("overdue since 2019-08-01, then well", came)


async def _household(stage: Stage, cast: Cast) -> Told:
    """Two of one household: the second gets what the cap leaves, and no more."""
    first = await endorsed(stage, cast, cast.husband, 80_000, borrower("renovation", 90_000))
    await opened(stage, first, 80_000 * YUAN)
    car = borrower("car", 100_000)
    too_much = ApplyForLoan(member_id=cast.wife.member_id, amount=50_000 * YUAN, borrower=car)
    refusal = await stage.refusal("loan", cast.wife.acting(), too_much)
    second = await endorsed(stage, cast, cast.wife, 20_000, car)
    line_id = await opened(stage, second, 20_000 * YUAN)
    line: LineAnswer = await stage.ask("loan", cast.wife.acting(), ShowLine(line_id=line_id))
    return Told("80000.00 + 50000.00 household_cap, + 20000.00", f"80000.00 + 50000.00 {refusal}, + {cny(line.limit)}")


async def _clerk(stage: Stage, cast: Cast) -> Told:
    apply = ApplyForLoan(
        member_id=cast.clerk.member_id, amount=fen("50000.00"), borrower=borrower("consumption", 60_000)
    )
    return Told("not_eligible", await stage.refusal("loan", cast.clerk.acting(), apply))


async def _declined(stage: Stage, cast: Cast) -> Told:
    person = cast.declined
    approved = await endorsed(stage, cast, person, 60_000, borrower("renovation", 80_000))
    decline = DeclineLoan(application_id=approved.application_id, ground=Ground.CREDIT_RECORD)
    declined = await stage.act("loan", BANK, decline)
    show = ShowApplication(application_id=approved.application_id)
    application = await stage.ask("loan", person.acting(), show, after=declined.position)
    return Told("declined: credit_record", f"{application.status.value}: {application.ground.value}")


def _alone(name: str) -> Callable[[Cast], tuple[Person, ...]]:
    def of(cast: Cast) -> tuple[Person, ...]:
        person: Person = getattr(cast, name)
        return (person,)

    return of


CASES: Final = (
    Case("会员贷：线缆工人，装修 100,000 元", _alone("cable_worker"), _cable_worker),
    Case("会员贷（荣誉会员）：技术标兵，买车", _alone("pacesetter"), _pacesetter),
    Case("工匠贷：南太湖工匠，创业", _alone("craftsman"), _craftsman),
    Case("劳模贷：市级劳模，支用、还款、再支用", _alone("model_worker"), _model_worker),
    Case("单户上限：夫妻二人", lambda cast: (cast.husband, cast.wife), _household),
    Case("不符合条件：非技能岗位", _alone("clerk"), _clerk),
    Case("银行不予批准", _alone("declined"), _declined),
    Case("一个月后：到期、逾期、还清", _alone("cable_worker"), _a_month_later),
)
