"""Commands carried out on a real store: several streams in one commit; ceiling and invoice under concurrency."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

import pytest

from services.aid.domain.account import ACCOUNT
from services.aid.domain.claim import CLAIM
from services.aid.domain.contract import CONTRACT
from services.aid.domain.desk import stream_of
from services.aid.domain.facts import AidFacts, Concerned, Worker
from services.aid.domain.membership import MEMBERSHIP
from services.aid.domain.pool import POOL, pool_key
from services.aid.handling import carry_out
from services.aid.rules import shipped
from shared.eventsourcing.codec import Codec
from shared.eventsourcing.repository import Occasion, Repository, Session
from shared.eventsourcing.store import EventStore
from shared.schemas import aid as language
from shared.schemas.aid import (
    ApproveClaim,
    AssessClaim,
    LedgerAccount,
    RenewContract,
    ReviewClaim,
    SettlementCommand,
    SubmitEnrolment,
    account_id,
    contract_id,
    membership_id,
    settlement_claim,
)
from shared.schemas.ids import MemberId, derived_id, new_id
from shared.schemas.language import events_of
from shared.schemas.messages import Actor, Command, Event, Meta, Refused
from shared.schemas.money import fen
from shared.schemas.personal import Personal
from tests.services.aid.cases import (
    AT_THE_HOSPITAL,
    CABLE,
    CADRE,
    CLERK,
    COVERED,
    DONGYANG,
    EVERYBODY,
    FACTS,
    HEAD,
    JANUARY,
    JUNE,
    LI,
    NEXT_PERIOD,
    PERIOD,
    REVIEWER,
    TOYS,
    cancel,
    claim,
    confirm,
    employer_pays,
    enrol,
    enrolment,
    file,
    named,
    noon,
    of,
    quote,
    worker,
    workers_pay,
)

CODEC = Codec(events_of(language).values())


async def blank(ids: Sequence[UUID], events: Sequence[Event]) -> Sequence[Event]:
    """Personal fields sealed with nobody's key: what is sealed is not what is tested here."""
    return [
        event.model_copy(
            update={
                name: Personal.from_sealed("sealed")
                for name in event.personal_fields
                if getattr(event, name) is not None
            }
        )
        for event in events
    ]


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[EventStore]:
    async with EventStore(database_url, "aid", CODEC) as store:
        yield store


class Instance:
    """Takes commands as one instance of the service does."""

    def __init__(self, store: EventStore) -> None:
        self.repository = Repository(store, seal=blank)

    async def takes(self, command: Command, actor: Actor, at: datetime | None = None) -> None:
        at = at or noon(JANUARY)

        async def known(concerned: Concerned) -> AidFacts:
            return replace(FACTS, actor=actor, now=at, workers={**EVERYBODY, **_crew(concerned)})

        async def work(session: Session) -> None:
            await carry_out(command, session, shipped(), DONGYANG, known)

        command_id = new_id()
        meta = Meta(federation=DONGYANG, actor=str(actor), time=at, correlation=command_id, causation=command_id)
        await self.repository.transact(Occasion(command_id, command_id, meta), work)

    async def tried(self, command: Command, actor: Actor) -> str:
        """`done`, or the code of the refusal."""
        try:
            await self.takes(command, actor)
        except Refused as refused:
            return refused.refusal.code
        return "done"

    async def has(self, events: Sequence[Event]) -> None:
        """Put a history into the log."""

        async def work(session: Session) -> None:
            for event in events:
                aggregate, key = stream_of(event)
                session.append(aggregate, key, [event])

        command_id = new_id()
        meta = Meta(
            federation=DONGYANG, actor="system:test", time=noon(JUNE), correlation=command_id, causation=command_id
        )
        await self.repository.transact(Occasion(command_id, command_id, meta), work)

    async def used(self) -> int:
        return (await self.repository.state(ACCOUNT, account_id(LI, PERIOD))).used


def _crew(concerned: Concerned) -> dict[MemberId, Worker]:
    return {member: worker(member) for member in concerned.roster}


async def test_a_confirmation_is_one_commit_over_claim_account_and_pool(store: EventStore) -> None:
    instance = Instance(store)
    await instance.has(COVERED)
    await instance.takes(quote(), AT_THE_HOSPITAL)
    before = await store.head()
    await instance.takes(confirm(), AT_THE_HOSPITAL)
    assert await store.head() == before + 4
    commits = set()
    for stream in (
        CLAIM.stream(settlement_claim("dyrmyy", "S1")),
        ACCOUNT.stream(account_id(LI, PERIOD)),
        POOL.stream(pool_key(DONGYANG, PERIOD)),
    ):
        commits.add((await store.stream(stream))[-1].meta.causation)
    assert len(commits) == 1


async def test_many_claims_at_once_end_at_the_ceiling_exactly(store: EventStore) -> None:
    """Each would pay 4,300; six fit, the seventh is reduced, and there is nothing left for the others."""
    instances = [Instance(store), Instance(store)]
    await instances[0].has(COVERED)
    commands = [quote("10000", f"S{number}", (f"3301000000{number:04d}",)) for number in range(24)]
    answers = await asyncio.gather(
        *(instances[number % 2].tried(command, AT_THE_HOSPITAL) for number, command in enumerate(commands))
    )
    assert sorted(answers) == ["done"] * 7 + ["nothing_to_pay"] * 17
    assert await instances[0].used() == await instances[1].used() == fen(30_000)


async def test_by_hand_and_at_the_hospital_at_once_the_ceiling_holds(store: EventStore) -> None:
    here, there = Instance(store), Instance(store)
    await here.has(COVERED)
    for number in range(4):
        await here.takes(file("20000", str(number), (f"3301000001{number:04d}",)), of(LI))
    await asyncio.gather(
        *(here.tried(AssessClaim(claim_id=claim(str(number))), CLERK) for number in range(4)),
        *(there.tried(quote("20000", f"S{n}", (f"3301000000{n:04d}",)), AT_THE_HOSPITAL) for n in range(4)),
    )
    assert await here.used() == await there.used() == fen(30_000)


async def test_an_invoice_that_arrives_twice_at_once_counts_once(store: EventStore) -> None:
    instances = [Instance(store), Instance(store)]
    await instances[0].has(COVERED)
    commands = [quote("1000", f"S{number}") for number in range(8)]
    answers = await asyncio.gather(
        *(instances[number % 2].tried(command, AT_THE_HOSPITAL) for number, command in enumerate(commands))
    )
    assert sorted(answers) == ["done"] + ["invoice_counted"] * 7


async def test_a_confirmation_and_a_cancellation_at_once_leave_no_half(store: EventStore) -> None:
    here, there = Instance(store), Instance(store)
    await here.has(COVERED)
    await here.takes(quote(), AT_THE_HOSPITAL)
    commands: list[SettlementCommand] = [confirm(), cancel()]
    answers = await asyncio.gather(
        *(instance.tried(command, AT_THE_HOSPITAL) for instance, command in zip((here, there), commands, strict=True))
    )
    assert answers in (["done", "done"], ["settlement_cancelled", "done"])
    ledger = await here.repository.state(POOL, pool_key(DONGYANG, PERIOD))
    assert (await here.used(), ledger[LedgerAccount.BENEFITS], ledger[LedgerAccount.PAYABLE]) == (0, 0, 0)


async def test_claims_of_different_workers_do_not_wait_for_each_other_over_the_pool(store: EventStore) -> None:
    """The pool's stream is not loaded, so that no version of it is expected."""
    instance = Instance(store)
    await instance.has(COVERED)
    loaded: list[str] = []

    async def work(session: Session) -> None:
        async def known(_: Concerned) -> AidFacts:
            return replace(FACTS, actor=AT_THE_HOSPITAL)

        await carry_out(quote(), session, shipped(), DONGYANG, known)
        loaded.extend(session.loaded)

    command_id = new_id()
    meta = Meta(federation=DONGYANG, actor="x", time=noon(JANUARY), correlation=command_id, causation=command_id)
    await instance.repository.transact(Occasion(command_id, command_id, meta), work)
    assert not [stream for stream in loaded if stream.startswith("pool-")]


async def test_a_manual_claim_goes_through_the_desk(store: EventStore) -> None:
    instance = Instance(store)
    await instance.has(COVERED)
    await instance.takes(file(), of(LI))
    await instance.takes(AssessClaim(claim_id=claim()), CLERK)
    await instance.takes(ReviewClaim(claim_id=claim()), REVIEWER)
    await instance.takes(ApproveClaim(claim_id=claim()), HEAD)
    assert await instance.used() == fen("17421.13")


async def test_two_employers_enrol_one_worker_at_once_and_one_of_them_does(store: EventStore) -> None:
    instances = [Instance(store), Instance(store)]
    rosters = [enrol(LI, employer=CABLE, name="甲"), enrol(LI, employer=TOYS, name="乙")]
    answers = await asyncio.gather(
        *(instance.tried(roster, CLERK) for instance, roster in zip(instances, rosters, strict=True))
    )
    assert sorted(answers) == ["done", "nobody_to_enrol"]


async def test_a_large_employer_enrols_pays_and_renews_in_single_commands(store: EventStore) -> None:
    instance = Instance(store)
    crew = tuple(MemberId(derived_id(named("大厂"), str(number))) for number in range(400))
    roster = SubmitEnrolment(employer_id=CABLE, period=PERIOD, enrolment_id=enrolment(), members=crew)
    await instance.takes(roster, CADRE, noon(JUNE))
    await instance.takes(employer_pays("10000"), CLERK, noon(JUNE))
    await instance.takes(workers_pay("10000"), CLERK, noon(JUNE))
    renewal = RenewContract(employer_id=CABLE, period=NEXT_PERIOD, enrolment_id=enrolment("续"))
    await instance.takes(renewal, CADRE, noon(date(2019, 6, 20)))
    contract = await instance.repository.state(CONTRACT, contract_id(CABLE, NEXT_PERIOD))
    assert contract.enrolments[enrolment("续")].members == crew
    for member in (crew[0], crew[-1]):
        membership = await instance.repository.state(MEMBERSHIP, membership_id(member, PERIOD))
        assert membership is not None
        assert membership.cover is not None
        assert membership.cover.last == date(2019, 6, 30)
