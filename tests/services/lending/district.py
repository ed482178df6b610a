"""A district at work for lending's tests: registry and lending as whole services in this process, on real servers."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import count
from typing import Any
from uuid import UUID

import nats
import pytest
from pydantic import BaseModel

from services.lending.members import Members
from services.lending.service import service as lending_service
from services.registry.service import service as registry_service
from shared.people import Cadres
from shared.runtime.client import Client
from shared.runtime.clock import set_offset
from shared.runtime.envelope import Envelope
from shared.runtime.service import Running
from shared.runtime.settings import Settings
from shared.schemas.ids import EmployerId, HouseholdId, MemberId, UnionId, new_id
from shared.schemas.lending import (
    BorrowItem,
    CareStep,
    LaunchCampaign,
    OpenPoint,
    PointId,
    RecordCare,
    ReturnItem,
    ShowTable,
    TableAnswer,
    item_id,
)
from shared.schemas.messages import Accepted, Actor, Command, Event, Query, Refused, Role
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    AppointUnionContact,
    EstablishUnion,
    FederationLevel,
    RegisterEmployer,
    RegisterFederation,
    RegisterMember,
    UnionKind,
    UnionPost,
)
from tests.services.registry.rosters import credit_code, id_number
from tests.waiting import until

JIANGBEI = "330205"
NOON = datetime(2020, 6, 1, 4, 0, tzinfo=UTC)
"""Twelve o'clock of 1 June 2020 in China."""
OPERATOR = Actor(role=Role.OPERATOR, id="operator")
OFFICER = Actor(role=Role.OFFICER, id="officer-zhou")


@dataclass(frozen=True, slots=True)
class Worker:
    member_id: MemberId

    @property
    def actor(self) -> Actor:
        return Actor(role=Role.MEMBER, id=str(self.member_id))

    @property
    def cadre(self) -> Actor:
        return Actor(role=Role.CADRE, id=str(self.member_id))


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


@dataclass
class District:
    """Everything is asked of the services over NATS, as their users do. `points` are two, of one union."""

    client: Client
    registry: Running
    lending: Running
    servers: Servers
    stack: AsyncExitStack
    union_id: UnionId = field(default_factory=lambda: UnionId(new_id()))
    employer_id: EmployerId = field(default_factory=lambda: EmployerId(new_id()))
    points: list[PointId] = field(default_factory=list)
    chair: Worker = field(default_factory=lambda: Worker(MemberId(new_id())))
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    last: Accepted = field(default_factory=lambda: Accepted(stream="", version=0, position=0))

    # The service and the clock

    async def stop_lending(self) -> None:
        await self.stack.aclose()

    async def start_lending(self) -> None:
        self.lending = await self.stack.enter_async_context(lending_service.running(self.servers.settings()))

    async def set_time(self, instant: datetime) -> None:
        """For every service that runs, and those that start later."""
        await set_offset(self.registry.connection.jetstream(), instant - datetime.now(UTC))
        running = [self.registry, self.lending] if self.lending.connection.is_connected else [self.registry]

        def there() -> bool:
            return all(abs((one.clock.now() - instant).total_seconds()) < 60 for one in running)

        await until(there)

    # Calls

    async def does(self, actor: Actor, command: Command, id: UUID | None = None) -> Accepted:  # noqa: A002
        programme = "registry" if "registry" in type(command).__module__ else "lending"
        accepted = await self.client.send(programme, command, Envelope.fresh(actor, JIANGBEI, id))
        if programme == "lending":
            self.last = accepted
        return accepted

    async def tries(self, actor: Actor, command: Command) -> str:
        """`done`, or the code of the refusal."""
        try:
            await self.does(actor, command)
        except Refused as refused:
            return refused.refusal.code
        return "done"

    async def asks(self, actor: Actor, query: Query[Any], federation: str = JIANGBEI) -> Any:
        return await self.client.ask("lending", query, Envelope.fresh(actor, federation), self.last.position)

    async def table(self) -> TableAnswer:
        answer: TableAnswer = await self.asks(OFFICER, ShowTable(kind="helmet"))
        return answer

    async def told[E: Event](self, code: str, kind: type[E]) -> list[E]:
        """What an item's stream tells of one kind."""
        recorded = await self.lending.store.stream(f"item-{item_id(JIANGBEI, code)}")
        return [one.event for one in recorded if isinstance(one.event, kind)]

    async def until_table(self, condition: Callable[[TableAnswer], bool]) -> TableAnswer:
        async def met() -> TableAnswer | None:
            table = await self.table()
            return table if condition(table) else None

        found = await until(met)
        assert found is not None
        return found

    # People and things

    async def worker(self, worker: Worker | None = None) -> Worker:
        """A member whom lending knows of."""
        worker = worker or Worker(MemberId(new_id()))
        registered = RegisterMember(
            member_id=worker.member_id,
            household_id=HouseholdId(new_id()),
            union_id=self.union_id,
            employer_id=self.employer_id,
            name=Personal("李建国"),
            id_number=Personal(id_number("330205", date(1980, 1, 1), next(self.numbers))),
        )
        accepted = await self.does(OFFICER, registered)
        await self.lending.read_models.followed("registry", accepted.position, Members)
        return worker

    async def campaign(self, batch: str = "JB", each: int = 2, points: Sequence[PointId] = ()) -> None:
        """Launched, and placed at its points."""
        to = tuple(points or self.points)
        before = (await self.table()).allocated
        launch = LaunchCampaign(batch=batch, name="共享头盔", kind="helmet", each=each, point_ids=to)
        await self.does(OFFICER, launch)
        await self.until_table(lambda table: table.allocated == table.total.total == before + each * len(to))

    async def borrows(self, worker: Worker, code: str, at: datetime | None = None) -> None:
        await self.does(worker.actor, BorrowItem(code=code, member_id=worker.member_id, scanned_at=at))

    async def returns(
        self, worker: Worker, code: str, at: datetime | None = None, point: PointId | None = None
    ) -> Accepted:
        return await self.does(worker.actor, ReturnItem(code=code, point_id=point or self.points[0], scanned_at=at))

    async def cares(self, code: str) -> None:
        for step in CareStep:
            await self.does(OFFICER, RecordCare(code=code, step=step))


@pytest.fixture
def servers(database_url: str, nats_url: str) -> Servers:
    return Servers(database_url=database_url, nats_url=nats_url)


@pytest.fixture
async def jiangbei(servers: Servers) -> AsyncIterator[District]:
    """The district at noon of 1 June 2020, with two points of one union and no items."""
    async with district(servers) as here:
        yield here


@asynccontextmanager
async def district(servers: Servers) -> AsyncIterator[District]:
    connection = await nats.connect(servers.nats_url)
    lendings = AsyncExitStack()
    try:
        async with registry_service.running(servers.settings()) as registry, lendings:
            lending = await lendings.enter_async_context(lending_service.running(servers.settings()))
            await until(lending.reacting.is_set)
            here = District(Client(connection, timeout=10), registry, lending, servers, lendings)
            await _found(here)
            yield here
    finally:
        await connection.close()


async def _found(here: District) -> None:
    await here.set_time(NOON)
    await here.does(OPERATOR, RegisterFederation(code=JIANGBEI, name="江北区总工会", level=FederationLevel.COUNTY))
    code = credit_code("91330205MA2000001")
    await here.does(OFFICER, RegisterEmployer(employer_id=here.employer_id, name="江北机械厂", credit_code=code))
    union = EstablishUnion(
        union_id=here.union_id, name="江北机械厂工会", kind=UnionKind.SINGLE, employer_ids=(here.employer_id,)
    )
    await here.does(OFFICER, union)
    await here.worker(here.chair)
    chair = AppointUnionContact(union_id=here.union_id, member_id=here.chair.member_id, post=UnionPost.CHAIR)
    appointed = await here.does(OFFICER, chair)
    await here.lending.read_models.followed("registry", appointed.position, Cadres)
    for name in ("一号门", "二号门"):
        point = OpenPoint(name=name, union_id=here.union_id)
        await here.does(OFFICER, point)
        here.points.append(point.point_id)
