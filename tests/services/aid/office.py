"""The office of Dongyang where questions are asked: a real log, with what decisions make of the commands of a test, and
the read models of it and of the registry's."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from services.aid.answers import ANSWERS
from services.aid.domain.desk import fold, stream_of
from services.aid.people import Employers, Workers
from services.aid.views import VIEWS
from shared.eventsourcing.codec import Codec
from shared.eventsourcing.keyring import Keyring
from shared.eventsourcing.projector import Projector
from shared.eventsourcing.repository import Occasion, Repository, Session
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.tasks import end
from shared.eventsourcing.view_specification import MemoryLog, ViewSpecification
from shared.people import REGISTRY, Cadres
from shared.runtime.clock import Clock
from shared.runtime.envelope import Envelope
from shared.runtime.queries import Queries
from shared.runtime.read_models import ReadModels
from shared.schemas import aid
from shared.schemas.ids import EmployerId, HouseholdId, MemberId, UnionId, new_id
from shared.schemas.messages import Actor, Event, Meta, Query, Refusal, Refused, Role
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    EmployerRegistered,
    MemberRegistered,
    UnionContactAppointed,
    UnionEstablished,
    UnionKind,
    UnionPost,
)
from tests.services.aid.cases import (
    CABLE,
    CABLE_UNION,
    CHEN,
    DONGYANG,
    FACTS,
    LI,
    QIAN,
    SUN,
    TOYS,
    TOYS_UNION,
    WANG,
    ZHAO,
    Step,
    decided,
    named,
    noon,
)

ZHOU = MemberId(named("周"))
"""Acts for the union of the toy works, as Wang does for that of the cable works."""
CADRE_OF_TOYS = Actor(role=Role.CADRE, id=str(ZHOU))
OPERATOR = Actor(role=Role.OPERATOR, id="operator")
TODAY = date(2019, 1, 20)


def registered(member_id: MemberId, employer_id: EmployerId, union_id: UnionId) -> MemberRegistered:
    return MemberRegistered(
        member_id=member_id,
        household_id=HouseholdId(new_id()),
        union_id=union_id,
        employer_id=employer_id,
        name=Personal("李建国"),
        id_number=Personal("33072419800101001X"),
        phone=None,
        email=None,
        post=None,
        joined_on=date(2016, 1, 1),
    )


def _works(employer_id: EmployerId, union_id: UnionId, name: str, chair: MemberId, *others: MemberId) -> list[Event]:
    return [
        EmployerRegistered(employer_id=employer_id, federation=DONGYANG, name=name, credit_code="91330783MA2000001X"),
        UnionEstablished(
            union_id=union_id,
            federation=DONGYANG,
            name=f"{name}工会",
            kind=UnionKind.SINGLE,
            employer_ids=(employer_id,),
            credit_code=None,
        ),
        *(registered(each, employer_id, union_id) for each in (chair, *others)),
        UnionContactAppointed(union_id=union_id, member_id=chair, post=UnionPost.CHAIR),
    ]


PEOPLE = (
    *_works(CABLE, CABLE_UNION, "电缆厂", WANG, LI, CHEN, ZHAO, QIAN),
    *_works(TOYS, TOYS_UNION, "玩具厂", ZHOU, SUN),
)
"""What the registry tells: two works of Dongyang, each with a union and its cadre."""


@dataclass
class Office:
    store: EventStore
    repository: Repository
    keyring: Keyring
    read_models: ReadModels
    queries: Queries
    clock: Clock
    history: list[Event] = field(default_factory=list)
    position: int = 0

    def on(self, day: date) -> None:
        """At noon in China."""
        self.clock.move(noon(day) - datetime.now(UTC))

    async def happens(self, *steps: Step, federation: str = DONGYANG, **known: Any) -> None:
        """Commands, each decided on what went before."""
        for command, actor, day in steps:
            facts = replace(FACTS, actor=actor, now=noon(day), federation=federation, **known)
            await self.appended(decided(command, fold(self.history), facts), actor, day, federation)

    async def appended(self, events: Sequence[Event], actor: Actor, day: date, federation: str = DONGYANG) -> None:
        """Events of one commit."""

        async def work(session: Session) -> None:
            for event in events:
                session.append(*stream_of(event), [event])

        meta = Meta(federation=federation, actor=str(actor), time=noon(day), correlation=new_id(), causation=new_id())
        receipt = await self.repository.transact(Occasion(new_id(), new_id(), meta), work)
        self.history += events
        self.position = receipt.position

    async def told(self, history: Sequence[Event], day: date) -> None:
        """A history whose commands do not matter to a test."""
        await self.appended(history, Actor(role=Role.SYSTEM, id="history"), day)

    async def ask(self, query: Query[Any], actor: Actor, federation: str = DONGYANG) -> Any:
        """The answer, once everything that has happened is known."""
        head = await self.store.head()
        await self.read_models.own.reached(head)
        return await self.queries.answer(query, Envelope.fresh(actor, federation), head)

    async def refusal(self, query: Query[Any], actor: Actor, federation: str = DONGYANG) -> Refusal:
        try:
            answer = await self.ask(query, actor, federation)
        except Refused as refused:
            return refused.refusal
        raise AssertionError(f"not refused, but {answer}")

    async def tables(self) -> dict[str, list[Any]]:
        """Every read model, row by row."""
        await self.read_models.own.reached(await self.store.head())
        return {
            view.name: [
                tuple(record)
                for record in await self.store.pool.fetch(
                    f"select * from aid.{view.name} order by {', '.join(f'"{column}"' for column in view.key)}"
                )
            ]
            for view in VIEWS
        }


@asynccontextmanager
async def office(database_url: str, today: date = TODAY) -> AsyncIterator[Office]:
    views = (Workers(), Employers(), Cadres())
    people = MemoryLog(ViewSpecification(views[0], federation=DONGYANG).given(*PEOPLE).history)
    async with EventStore(database_url, "aid", Codec.of(aid)) as store:
        keyring = Keyring(store, {0: bytes(32)})
        await keyring.install()
        async with Projector(store, VIEWS) as own, Projector(store, views, log=people) as registry:
            running = [asyncio.create_task(own.run()), asyncio.create_task(registry.run())]
            try:
                await registry.reached(len(PEOPLE))
                read_models = ReadModels(store, own, {REGISTRY: registry}, {type(view): REGISTRY for view in views})
                repository, clock = Repository(store, seal=keyring.seal), Clock(timedelta())
                queries = Queries("aid", ANSWERS, clock, read_models, repository, keyring=keyring)
                here = Office(store, repository, keyring, read_models, queries, clock)
                here.on(today)
                yield here
            finally:
                for task in running:
                    await end(task)
