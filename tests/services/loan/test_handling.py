"""Commands carried out on a real store: several streams in one commit, and a household's cap under concurrency."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from services.loan.domain.application import APPLICATION as APPLICATIONS
from services.loan.domain.facts import LoanFacts
from services.loan.domain.household import HOUSEHOLD
from services.loan.domain.line import LINE as LINES
from services.loan.domain.line import Line
from services.loan.handling import carry_out
from shared.eventsourcing.codec import Codec
from shared.eventsourcing.keyring import Keyring
from shared.eventsourcing.repository import Occasion, Repository, Session
from shared.eventsourcing.store import EventStore
from shared.schemas import loan as language
from shared.schemas.ids import MemberId, new_id
from shared.schemas.loan import (
    AcceptLoan,
    ApplicationCommand,
    ApplicationFiled,
    ApplicationId,
    ApplyForLoan,
    Borrower,
    ChangeLimit,
    CloseLine,
    DeclineLoan,
    EndorseApplication,
    Ground,
    LineCommand,
    LineId,
    RecommendApplication,
    RejectApplication,
    RequestDrawdown,
)
from shared.schemas.messages import Actor, Meta, Refused
from shared.schemas.money import fen
from tests.services.loan.cases import (
    APPLICATION,
    AT_HOME,
    BANK,
    CADRE,
    FACTS,
    JULY,
    NANXUN,
    OFFICER,
    apply,
    borrower,
    member,
    named,
    noon,
    of,
    request,
)

CODEC = Codec.of(language)
FAMILY = [MemberId(named(f"家人{number}")) for number in range(6)]


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[EventStore]:
    async with EventStore(database_url, "loan", CODEC) as store:
        await Keyring(store, {0: bytes(32)}).install()
        yield store


class Instance:
    """Takes commands as one instance of the service does; all are of one household, and in skilled work."""

    def __init__(self, store: EventStore) -> None:
        self.keyring = Keyring(store, {0: bytes(32)})
        self.repository = Repository(store, self.keyring.seal)

    async def takes(self, command: ApplicationCommand | LineCommand, actor: Actor, on: date = JULY) -> None:
        async def known(member_id: MemberId | None, assessed_anew: ApplicationId | None) -> LoanFacts:
            their = member(member_id) if member_id is not None else None
            means = None if assessed_anew is None else await self.told(assessed_anew)
            return replace(FACTS, actor=actor, now=noon(on), member=their, means=means)

        async def work(session: Session) -> None:
            await carry_out(command, session, known)

        command_id = new_id()
        meta = Meta(federation=NANXUN, actor=str(actor), time=noon(on), correlation=command_id, causation=command_id)
        await self.repository.transact(Occasion(command_id, command_id, meta), work)

    async def told(self, application_id: ApplicationId) -> Borrower | None:
        filed, *_ = await self.keyring.open(await self.repository.recorded(APPLICATIONS, application_id))
        assert isinstance(filed, ApplicationFiled)
        return filed.borrower.clear if filed.borrower.is_clear else None

    async def tried(self, command: ApplicationCommand | LineCommand, actor: Actor) -> str:
        """`done`, or the code of the refusal."""
        try:
            await self.takes(command, actor)
        except Refused as refused:
            return refused.refusal.code
        return "done"

    async def line(self, line_id: LineId) -> Line:
        line = await self.repository.state(LINES, line_id)
        assert isinstance(line, Line)
        return line

    async def reserved(self) -> int:
        household = await self.repository.state(HOUSEHOLD, AT_HOME)
        return sum(reservation.amount for reservation in household.lines.values())


def application(member_id: MemberId) -> ApplicationId:
    return ApplicationId(named(f"{member_id}的申请"))


def line(member_id: MemberId) -> LineId:
    return LineId(named(f"{member_id}的额度"))


def accepted(member_id: MemberId, amount: str) -> AcceptLoan:
    return AcceptLoan(
        application_id=application(member_id),
        line_id=line(member_id),
        limit=fen(amount),
        months=36,
        annual_percent=Decimal("6.7925"),
    )


async def endorsed(instance: Instance, member_id: MemberId, amount: str = "40000") -> None:
    asked = ApplyForLoan(
        application_id=application(member_id), member_id=member_id, amount=fen(amount), borrower=borrower()
    )
    await instance.takes(asked, of(member_id))
    await instance.takes(RecommendApplication(application_id=application(member_id)), CADRE)
    await instance.takes(EndorseApplication(application_id=application(member_id)), OFFICER)


async def test_an_acceptance_is_one_commit_over_application_line_and_household(store: EventStore) -> None:
    instance, li = Instance(store), FAMILY[0]
    await endorsed(instance, li)
    before = await store.head()
    await instance.takes(accepted(li, "40000"), BANK)
    written = await store.stream(LINES.stream(line(li)))
    household = await store.stream(HOUSEHOLD.stream(AT_HOME))
    assert [event.type for event in written] == ["LineOpened"]
    assert [event.type for event in household] == ["ApplicationNoted", "ApplicationEnded", "CapReserved"]
    assert await store.head() == before + 4
    assert {event.meta.causation for event in (*written, *household[1:])} == {written[0].meta.causation}


async def test_a_family_that_is_accepted_all_at_once_stays_within_its_cap(store: EventStore) -> None:
    instances = [Instance(store), Instance(store)]
    for member_id in FAMILY:
        await endorsed(instances[0], member_id)
    answers = await asyncio.gather(
        *(instances[number % 2].tried(accepted(member_id, "40000"), BANK) for number, member_id in enumerate(FAMILY))
    )
    assert sorted(answers) == ["done"] * 2 + ["household_cap"] * 4
    assert await instances[0].reserved() == await instances[1].reserved() == fen(80_000)


async def test_a_member_who_applies_many_times_at_once_has_one_application(store: EventStore) -> None:
    instances, li = [Instance(store), Instance(store)], FAMILY[0]
    asked = [
        ApplyForLoan(member_id=li, amount=fen(1_000), borrower=borrower())  # each with an id of its own
        for _ in range(6)
    ]
    answers = await asyncio.gather(
        *(instances[number % 2].tried(command, of(li)) for number, command in enumerate(asked))
    )
    assert sorted(answers) == ["application_under_way"] * 5 + ["done"]


async def test_draws_asked_for_at_once_stay_within_the_limit(store: EventStore) -> None:
    instances, li = [Instance(store), Instance(store)], FAMILY[0]
    await endorsed(instances[0], li)
    await instances[0].takes(accepted(li, "40000"), BANK)
    asked = [RequestDrawdown(line_id=line(li), amount=fen(15_000), months=12, form=request("1").form) for _ in range(6)]
    answers = await asyncio.gather(
        *(instances[number % 2].tried(command, of(li)) for number, command in enumerate(asked))
    )
    assert sorted(answers) == ["above_available"] * 4 + ["done"] * 2
    assert (await instances[1].line(line(li))).available == fen(10_000)


async def test_what_a_closed_line_frees_another_instance_gives_to_the_next_of_the_family(store: EventStore) -> None:
    here, there = Instance(store), Instance(store)
    li, wang = FAMILY[:2]
    await endorsed(here, li, "100000")
    await endorsed(there, wang, "50000")
    await here.takes(accepted(li, "100000"), BANK)
    assert await there.tried(accepted(wang, "50000"), BANK) == "household_cap"
    await here.takes(CloseLine(line_id=line(li)), of(li))
    assert await there.tried(accepted(wang, "50000"), BANK) == "done"


async def test_a_limit_is_raised_on_what_the_member_told_when_filing(store: EventStore) -> None:
    instance, li = Instance(store), FAMILY[0]
    await endorsed(instance, li)
    await instance.takes(accepted(li, "30000"), BANK)
    assert await instance.tried(ChangeLimit(line_id=line(li), limit=fen(100_000)), BANK) == "done"
    await instance.keyring.erase(li)
    await instance.takes(ChangeLimit(line_id=line(li), limit=fen(50_000)), BANK)  # a lower one rests on nothing
    assert await instance.tried(ChangeLimit(line_id=line(li), limit=fen(60_000)), BANK) == "means_erased"
    assert (await instance.line(line(li))).limit == fen(50_000)


async def test_an_application_of_one_who_was_erased_is_endorsed_no_more_and_can_still_end(store: EventStore) -> None:
    instance, li = Instance(store), FAMILY[0]
    await instance.takes(apply(member_id=li), of(li))
    await instance.takes(RecommendApplication(application_id=APPLICATION), CADRE)
    await instance.keyring.erase(li)
    assert await instance.tried(EndorseApplication(application_id=APPLICATION), OFFICER) == "means_erased"
    assert await instance.tried(apply(member_id=li).model_copy(update={"application_id": new_id()}), of(li)) in (
        "application_under_way",
        "person_erased",
    )
    reject = RejectApplication(application_id=APPLICATION, ground=Ground.OTHER)
    assert await instance.tried(reject, OFFICER) == "done"


async def test_commands_about_what_there_is_not_are_refused(store: EventStore) -> None:
    instance, li = Instance(store), FAMILY[0]
    declined = DeclineLoan(application_id=application(li), ground=Ground.OTHER)
    assert await instance.tried(declined, BANK) == "unknown_application"
    assert await instance.tried(CloseLine(line_id=line(li)), of(li)) == "unknown_line"
    assert await store.head() == 0
