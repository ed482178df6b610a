"""A county at work for the loan's tests: registry and loan as whole services in this process, on real servers, and
the people who use them."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

import nats
import pytest
from pydantic import BaseModel

from services.loan.borrowers import Borrowers
from services.loan.service import service as loan_service
from services.registry.service import service as registry_service
from shared.eventsourcing.decider import SHANGHAI
from shared.runtime.client import Client
from shared.runtime.clock import set_offset
from shared.runtime.envelope import Envelope
from shared.runtime.service import Running
from shared.runtime.settings import Settings
from shared.schemas.ids import EmployerId, HouseholdId, MemberId, UnionId, new_id
from shared.schemas.loan import (
    AcceptLoan,
    ApplicationId,
    ApplyForLoan,
    Borrower,
    CloseLine,
    DisburseDraw,
    DrawId,
    EndorseApplication,
    LineAnswer,
    LineId,
    RecommendApplication,
    RecordRepayment,
    RepaymentForm,
    RepaymentId,
    RequestDrawdown,
    ShowLine,
)
from shared.schemas.messages import Accepted, Actor, Command, Query, Refusal, Refused, Role
from shared.schemas.money import Fen, fen
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    AppointUnionContact,
    ConsentId,
    ConsentPurpose,
    EstablishUnion,
    FederationLevel,
    GiveConsent,
    GrantHonour,
    HonourId,
    HonourLevel,
    JoinHousehold,
    RegisterEmployer,
    RegisterFederation,
    RegisterMember,
    UnionKind,
    UnionPost,
)
from tests.services.registry.rosters import credit_code, id_number
from tests.waiting import until

NANXUN = "330503"
JULY = date(2019, 7, 1)
OPERATOR = Actor(role=Role.OPERATOR, id="operator")
OFFICER = Actor(role=Role.OFFICER, id="officer-zhou")
BANK = Actor(role=Role.BANK, id="nxbank")

CABLE_WORKS = credit_code("91330503MA2000001")

MEMBER_RATE = Decimal("6.7925")
"""The bank's own 6.175 % for over one year × 1.10."""
SHORT_RATE = Decimal("6.2205")
"""Of terms up to one year: 5.655 % × 1.10."""
PACESETTER_RATE, BENCHMARK = Decimal("5.24875"), Decimal("4.75")


@dataclass(frozen=True, slots=True)
class Worker:
    member_id: MemberId
    household_id: HouseholdId
    honours: tuple[HonourId, ...] = ()
    consent_id: ConsentId | None = None

    @property
    def actor(self) -> Actor:
        return Actor(role=Role.MEMBER, id=str(self.member_id))


@dataclass
class County:
    """`registry` and `loan` are running; everything is asked of them over NATS, as their users do."""

    client: Client
    registry: Running
    loan: Running
    union_id: UnionId
    employer_id: EmployerId
    cadre: Actor
    numbers: Iterator[int]
    federation: str = NANXUN
    last: Accepted = field(default_factory=lambda: Accepted(stream="", version=0, position=0))
    """The reply to the last command to the loan."""
    _servers: "Servers | None" = None
    _loan_stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def database_url(self) -> str:
        assert self._servers is not None
        return self._servers.database_url

    # The loan service

    async def stop_loan(self) -> None:
        await self._loan_stack.aclose()

    async def start_loan(self) -> None:
        assert self._servers is not None
        self.loan = await self._loan_stack.enter_async_context(loan_service.running(self._servers.settings()))

    async def restart_loan(self, while_down: date) -> None:
        """It is another day when the service comes back."""
        await self.stop_loan()
        await self.set_day(while_down, of=(self.registry,))
        await self.start_loan()

    @asynccontextmanager
    async def another_loan(self) -> AsyncIterator[Running]:
        """A second instance of the service beside the first."""
        assert self._servers is not None
        async with loan_service.running(self._servers.settings()) as running:
            yield running

    # The clock

    async def set_day(self, day: date, hour: int = 12, of: Sequence[Running] = ()) -> None:
        """Have it be noon, or another hour, of a day in China; for both services."""
        instant = datetime.combine(day, time(hour), SHANGHAI)
        await set_offset(self.registry.connection.jetstream(), instant - datetime.now(SHANGHAI))
        await until(lambda: all(self._today(running, day) for running in of or (self.registry, self.loan)))

    @staticmethod
    def _today(running: Running, day: date) -> bool:
        return running.clock.now().astimezone(SHANGHAI).date() == day

    @property
    def today(self) -> date:
        return self.loan.clock.now().astimezone(SHANGHAI).date()

    def days_on(self, days: int) -> date:
        return self.today + timedelta(days=days)

    # Calls

    async def does(self, actor: Actor, command: Command, id: UUID | None = None) -> Accepted:  # noqa: A002
        programme = "registry" if "registry" in type(command).__module__ else "loan"
        accepted = await self.client.send(programme, command, Envelope.fresh(actor, self.federation, id))
        if programme == "loan":
            self.last = accepted
        return accepted

    async def tries(self, actor: Actor, command: Command) -> str:
        """`done`, or the code of the refusal."""
        try:
            await self.does(actor, command)
        except Refused as refused:
            return refused.refusal.code
        return "done"

    async def refusal(self, actor: Actor, message: Command | Query[Any]) -> Refusal:
        with pytest.raises(Refused) as refused:
            await (self.does(actor, message) if isinstance(message, Command) else self.asks(actor, message))
        return refused.value.refusal

    async def asks(self, actor: Actor, query: Query[Any], after: int = 0) -> Any:
        programme = "registry" if "registry" in type(query).__module__ else "loan"
        return await self.client.ask(programme, query, Envelope.fresh(actor, self.federation), after)

    async def until_line(self, line: LineId, condition: Callable[[LineAnswer], bool]) -> LineAnswer:
        """The line, once it is as a condition says."""

        async def met() -> LineAnswer | None:
            shown = await self.shows(line)
            return shown if condition(shown) else None

        shown = await until(met)
        assert shown is not None
        return shown

    # People
    async def worker(
        self, skilled: bool = True, titles: Sequence[str] = (), household: Worker | None = None, consent: bool = True
    ) -> Worker:
        """A member at the cable works whom the loan knows of."""
        number = next(self.numbers)
        worker = Worker(MemberId(new_id()), HouseholdId(new_id()))
        registered = RegisterMember(
            member_id=worker.member_id,
            household_id=worker.household_id,
            union_id=self.union_id,
            employer_id=self.employer_id,
            name=Personal("李建国"),
            id_number=Personal(id_number("330503", date(1980, 1, 1), number)),
            skilled=skilled,
        )
        last = await self.does(OFFICER, registered)
        honours = []
        for title in titles:
            honour = HonourId(new_id())
            last = await self.does(OFFICER, granted(worker, title, honour))
            honours.append(honour)
        if household is not None:
            last = await self.does(
                OFFICER, JoinHousehold(member_id=worker.member_id, household_id=household.household_id)
            )
        given = ConsentId(new_id())
        if consent:
            last = await self.does(worker.actor, consents(worker, given))
        await self.known(last)
        household_id = worker.household_id if household is None else household.household_id
        return Worker(worker.member_id, household_id, tuple(honours), given if consent else None)

    async def known(self, accepted: Accepted) -> None:
        """Until the loan knows what the registry accepted."""
        await self.loan.read_models.followed("registry", accepted.position, Borrowers)

    # The way to a line, and along it

    async def applies(self, worker: Worker, amount: str = "100000", **known: Any) -> ApplicationId:
        application = ApplicationId(new_id())
        await self.does(worker.actor, application_of(worker, amount, application, **known))
        return application

    async def endorsed(self, worker: Worker, amount: str = "100000", **known: Any) -> ApplicationId:
        application = await self.applies(worker, amount, **known)
        await self.does(self.cadre, RecommendApplication(application_id=application))
        await self.does(OFFICER, EndorseApplication(application_id=application))
        return application

    async def line(
        self, worker: Worker, amount: str = "100000", rate: Decimal = MEMBER_RATE, months: int = 36, **known: Any
    ) -> LineId:
        application = await self.endorsed(worker, amount, **known)
        line = LineId(new_id())
        await self.does(BANK, accepting(application, amount, rate, line, months))
        return line

    async def requests(
        self,
        worker: Worker,
        line: LineId,
        amount: str,
        months: int = 12,
        form: RepaymentForm = RepaymentForm.ON_DEMAND,
    ) -> DrawId:
        command = self.request(line, amount, months, form)
        await self.does(worker.actor, command)
        return command.draw_id

    @staticmethod
    def request(
        line: LineId, amount: str, months: int = 12, form: RepaymentForm = RepaymentForm.ON_DEMAND
    ) -> RequestDrawdown:
        return RequestDrawdown(line_id=line, amount=fen(amount), months=months, form=form)

    @staticmethod
    def repayment(line: LineId, amount: Fen) -> RecordRepayment:
        return RecordRepayment(line_id=line, amount=amount)

    @staticmethod
    def close(line: LineId) -> CloseLine:
        return CloseLine(line_id=line)

    async def draws(
        self,
        worker: Worker,
        line: LineId,
        amount: str,
        months: int = 12,
        form: RepaymentForm = RepaymentForm.ON_DEMAND,
    ) -> DrawId:
        """Requested, and paid out by the bank."""
        draw = await self.requests(worker, line, amount, months, form)
        await self.does(BANK, DisburseDraw(line_id=line, draw_id=draw))
        return draw

    async def repays(self, line: LineId, amount: str, on: date | None = None) -> RepaymentId:
        repayment = RepaymentId(new_id())
        await self.does(BANK, RecordRepayment(line_id=line, repayment_id=repayment, amount=fen(amount), on=on))
        return repayment

    async def shows(self, line: LineId, actor: Actor = OFFICER, after: int = 0) -> LineAnswer:
        answer: LineAnswer = await self.asks(actor, ShowLine(line_id=line), after)
        return answer


def granted(worker: Worker, title: str, honour: HonourId, **until: date) -> GrantHonour:
    return GrantHonour(
        member_id=worker.member_id,
        honour_id=honour,
        title=title,
        level=HonourLevel.DISTRICT,
        **until,
    )


def consents(worker: Worker, consent: ConsentId) -> GiveConsent:
    return GiveConsent(
        member_id=worker.member_id,
        consent_id=consent,
        purpose=ConsentPurpose.SHARE_WITH_BANK,
        to="nxbank",
        evidence="档案 2026-001",
    )


def application_of(worker: Worker, amount: str, application: ApplicationId | None = None, **known: Any) -> ApplyForLoan:
    """For renovation, by a wage earner whose income bears 360,000 CNY."""
    usual: dict[str, Any] = {
        "cycle_months": 1,
        "standing": "good",
        "purpose": "renovation",
        "purpose_cost": fen(400_000),
        "monthly_income": fen(20_000),
    }
    return ApplyForLoan(
        application_id=application or ApplicationId(new_id()),
        member_id=worker.member_id,
        amount=fen(amount),
        borrower=Borrower(**(usual | known)),
    )


def accepting(
    application: ApplicationId, amount: str, rate: Decimal, line: LineId | None = None, months: int = 36
) -> AcceptLoan:
    return AcceptLoan(
        application_id=application,
        line_id=line or LineId(new_id()),
        limit=fen(amount),
        months=months,
        annual_percent=rate,
    )


@pytest.fixture
def servers(database_url: str, nats_url: str) -> "Servers":
    return Servers(database_url=database_url, nats_url=nats_url)


@pytest.fixture
async def nanxun(servers: "Servers") -> AsyncIterator[County]:
    """The county, at noon of 1 July 2019."""
    async with county(servers) as here:
        yield here


class Servers(BaseModel):
    database_url: str
    nats_url: str

    def settings(self) -> Settings:
        return Settings.model_validate(
            {
                **self.model_dump(),
                "clock": "settable",
                "master_key": "c3VjaC1hLXNlY3JldC1vZi0zMi1ieXRlcy1pbi10ZXM=",
            }
        )


@asynccontextmanager
async def county(servers: Servers) -> AsyncIterator[County]:
    """Nanxun, with a cable works and its union; both services ready."""
    connection = await nats.connect(servers.nats_url)
    loans = AsyncExitStack()
    try:
        async with registry_service.running(servers.settings()) as registry, loans:
            loan = await loans.enter_async_context(loan_service.running(servers.settings()))
            await until(loan.reacting.is_set)
            here = await _founded(Client(connection, timeout=10), registry, loan)
            here._servers, here._loan_stack = servers, loans
            yield here
    finally:
        await connection.close()


async def _founded(client: Client, registry: Running, loan: Running) -> County:
    employer_id, union_id = EmployerId(new_id()), UnionId(new_id())
    chair = Worker(MemberId(new_id()), HouseholdId(new_id()))
    cadre = Actor(role=Role.CADRE, id=str(chair.member_id))
    here = County(client, registry, loan, union_id, employer_id, cadre, count(1))
    await here.set_day(JULY)
    await here.does(OPERATOR, RegisterFederation(code=NANXUN, name="南浔区总工会", level=FederationLevel.COUNTY))
    await here.does(
        OFFICER,
        RegisterEmployer(employer_id=employer_id, name="南浔电缆厂", credit_code=CABLE_WORKS),
    )
    await here.does(
        OFFICER,
        EstablishUnion(union_id=union_id, name="南浔电缆厂工会", kind=UnionKind.SINGLE, employer_ids=(employer_id,)),
    )
    await here.does(
        OFFICER,
        RegisterMember(
            member_id=chair.member_id,
            household_id=chair.household_id,
            union_id=union_id,
            employer_id=employer_id,
            name=Personal("王芳"),
            id_number=Personal(id_number("330503", date(1970, 1, 1), 1)),
        ),
    )
    last = await here.does(
        OFFICER, AppointUnionContact(union_id=union_id, member_id=chair.member_id, post=UnionPost.CHAIR)
    )
    await here.known(last)
    return here
