"""Dongyang at work: registry and mutual aid as whole services in this process, on real servers, with a set clock.

Everything is asked of them over NATS, as their users do. The people are those of `cases`.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import nats
from pydantic import BaseModel

from services.aid.people import Employers, Workers
from services.aid.service import service as aid_service
from services.registry.service import service as registry_service
from shared.eventsourcing.decider import Aggregate
from shared.eventsourcing.wire import stream_name
from shared.people import Cadres
from shared.runtime.client import Client
from shared.runtime.clock import set_offset
from shared.runtime.envelope import Envelope
from shared.runtime.service import Running
from shared.runtime.settings import Settings
from shared.schemas.ids import EmployerId, HouseholdId, MemberId, UnionId, new_id
from shared.schemas.messages import Accepted, Actor, Command, Event, Query, Refusal, Refused, Role
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    AppointUnionContact,
    EstablishUnion,
    FederationLevel,
    RecordBankAccount,
    RegisterEmployer,
    RegisterFederation,
    RegisterMember,
    UnionKind,
    UnionPost,
)
from tests.services.aid.cases import (
    CABLE,
    CABLE_UNION,
    CHEN,
    CLERK,
    DONGYANG,
    JUNE,
    LI,
    PERIOD,
    QIAN,
    SUN,
    TOYS,
    TOYS_UNION,
    WANG,
    ZHAO,
    employer_pays,
    enrol,
    named,
    noon,
    workers_pay,
)
from tests.services.registry.rosters import credit_code, id_number
from tests.waiting import until

ZHOU: Final = MemberId(named("周"))
"""Acts for the union of the toy works, as Wang does for that of the cable works."""
OPERATOR: Final = Actor(role=Role.OPERATOR, id="operator")
JIN: Final = MemberId(named("金"))
"""Works in the city of Jinhua."""
CARDS: Final = {member: number for number, member in enumerate((WANG, LI, CHEN, ZHAO, QIAN, SUN, ZHOU, JIN), 1)}


def number_of(member_id: MemberId) -> str:
    """The identity number of one of the people here."""
    return id_number(DONGYANG, date(1980, 1, 1), CARDS[member_id])


class Servers(BaseModel):
    database_url: str
    nats_url: str
    nats_creds_file: Path | None = None
    nats_ca_file: Path | None = None

    def settings(self) -> Settings:
        return Settings.model_validate(
            {
                **self.model_dump(),
                "clock": "settable",
                "master_key": "c3VjaC1hLXNlY3JldC1vZi0zMi1ieXRlcy1pbi10ZXM=",
            }
        )


@dataclass
class County:
    client: Client
    registry: Running
    aid: Running
    servers: Servers
    stack: AsyncExitStack
    last: int = 0
    """Position of the last command that mutual aid accepted."""
    running: list[Running] = field(default_factory=list)

    async def another(self) -> Running:
        """One more instance of mutual aid, to which calls may go as well."""
        instance = await self.stack.enter_async_context(aid_service.running(self.servers.settings()))
        self.running.append(instance)
        return instance

    async def on(self, instant: date | datetime) -> None:
        """At noon in China, or at an instant: for every service that runs, and those that start later."""
        at = instant if isinstance(instant, datetime) else noon(instant)
        await set_offset(self.registry.connection.jetstream(), at - datetime.now(UTC))
        await until(lambda: all(abs((one.clock.now() - at).total_seconds()) < 60 for one in self.running))

    # Calls

    async def does(
        self,
        command: Command,
        actor: Actor = CLERK,
        id: UUID | None = None,  # noqa: A002
        federation: str = DONGYANG,
    ) -> Accepted:
        programme = "registry" if "registry" in type(command).__module__ else "aid"
        accepted = await self.client.send(programme, command, Envelope.fresh(actor, federation, id))
        if programme == "aid":
            self.last = max(self.last, accepted.position)
        return accepted

    async def tells(self, command: Command, actor: Actor = CLERK, federation: str = DONGYANG) -> Accepted:
        """A command of the registry, of which mutual aid has heard afterwards."""
        accepted = await self.does(command, actor, federation=federation)
        await self.known(accepted.position)
        return accepted

    async def known(self, position: int) -> None:
        """Until mutual aid has heard what the registry has said so far."""
        for instance in self.running[1:]:
            await instance.read_models.followed("registry", position, Workers, Employers, Cadres)

    async def refusal(self, command: Command, actor: Actor = CLERK, federation: str = DONGYANG) -> Refusal:
        try:
            answer = await self.does(command, actor, federation=federation)
        except Refused as refused:
            return refused.refusal
        raise AssertionError(f"not refused, but {answer}")

    async def tries(self, command: Command, actor: Actor = CLERK, federation: str = DONGYANG) -> str:
        """`done`, or the code of the refusal."""
        try:
            await self.does(command, actor, federation=federation)
        except Refused as refused:
            return refused.refusal.code
        return "done"

    async def asks(self, query: Query[Any], actor: Actor = CLERK, federation: str = DONGYANG) -> Any:
        return await self.client.ask("aid", query, Envelope.fresh(actor, federation), self.last)

    # What the log has

    async def told[E: Event](self, kind: type[E]) -> list[E]:
        """All events of a kind, personal fields in clear or erased."""
        assert self.aid.keyring is not None
        found = [one async for page in self.aid.store.all() for one in page if isinstance(one.event, kind)]
        return [event for event in await self.aid.keyring.open(found) if isinstance(event, kind)]

    async def once_told[E: Event](self, kind: type[E], times: int = 1) -> list[E]:
        """Once there are so many."""

        async def there() -> list[E]:
            found = await self.told(kind)
            return found if len(found) >= times else []

        return await until(there)

    async def state[S, E: Event](self, aggregate: Aggregate[S, E], key: UUID | str) -> S:
        return await self.aid.repository.state(aggregate, key)

    async def reacted(self) -> None:
        """Until the reactions have heard all that has been said so far."""
        js = self.registry.connection.jetstream()
        for programme, instance in (("registry", self.registry), ("aid", self.aid)):
            head = await instance.store.head()
            await until(lambda instance=instance, head=head: instance.relay.published >= head)  # type: ignore[misc]
            consumer = f"aid-on-{programme}"

            async def heard(programme: str = programme, consumer: str = consumer) -> bool:
                info = await js.consumer_info(stream_name(programme), consumer)
                return not info.num_pending and not info.num_ack_pending

            await until(heard)

    # People

    async def registers(
        self, *members: MemberId, employer: EmployerId = CABLE, union: UnionId = CABLE_UNION, federation: str = DONGYANG
    ) -> None:
        commands = [
            RegisterMember(
                member_id=member_id,
                household_id=HouseholdId(new_id()),
                union_id=union,
                employer_id=employer,
                name=Personal("李建国"),
                id_number=Personal(number_of(member_id)),
            )
            for member_id in members
        ]
        accepted = await asyncio.gather(*(self.does(command, federation=federation) for command in commands))
        await self.known(max(one.position for one in accepted))

    async def records_account(self, member_id: MemberId = LI, number: str = "6222000000000001") -> None:
        await self.tells(RecordBankAccount(member_id=member_id, account=Personal(number), bank=Personal("农业银行")))

    async def insures(self, *members: MemberId, period: date = PERIOD, employer: EmployerId = CABLE) -> None:
        """Both parts in, on the day that it is."""
        half = str(25 * len(members))
        name = f"{employer} {period}"
        await self.does(enrol(*members, employer=employer, period=period, name=name), CLERK)
        await self.does(employer_pays(half, employer, period, name))
        await self.does(workers_pay(half, employer, period, name))


@asynccontextmanager
async def county(servers: Servers) -> AsyncIterator[County]:
    """On 20 June 2018: two works with their unions, their cadres Wang and Zhou; nobody is insured."""
    connection = await nats.connect(servers.nats_url)
    try:
        async with registry_service.running(servers.settings()) as registry, AsyncExitStack() as stack:
            aid = await stack.enter_async_context(aid_service.running(servers.settings()))
            await until(aid.reacting.is_set)
            here = County(Client(connection, timeout=10), registry, aid, servers, stack, running=[registry, aid])
            await here.on(JUNE)
            await here.does(
                RegisterFederation(code=DONGYANG, name="东阳市总工会", level=FederationLevel.COUNTY), OPERATOR
            )
            await asyncio.gather(
                found(here, CABLE, CABLE_UNION, "电缆厂", WANG, (LI, CHEN, ZHAO, QIAN)),
                found(here, TOYS, TOYS_UNION, "玩具厂", ZHOU, (SUN,)),
            )
            yield here
    finally:
        await connection.close()


async def found(
    here: County,
    employer: EmployerId,
    union: UnionId,
    name: str,
    chair: MemberId,
    others: Sequence[MemberId] = (),
    federation: str = DONGYANG,
) -> None:
    """A works with a union, whose chair and members work there."""
    code = credit_code(f"91{federation}MA200000{CARDS[chair]}")
    await here.does(RegisterEmployer(employer_id=employer, name=name, credit_code=code), federation=federation)
    established = EstablishUnion(union_id=union, name=f"{name}工会", kind=UnionKind.SINGLE, employer_ids=(employer,))
    await here.does(established, federation=federation)
    await here.registers(chair, *others, employer=employer, union=union, federation=federation)
    appointed = AppointUnionContact(union_id=union, member_id=chair, post=UnionPost.CHAIR)
    await here.tells(appointed, federation=federation)
