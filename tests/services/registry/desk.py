"""A counter at which the registry is used as its users do: over NATS, in one capacity or another."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from shared.runtime.client import Client
from shared.runtime.envelope import Envelope
from shared.runtime.service import Running
from shared.schemas.ids import EmployerId, HouseholdId, MemberId, UnionId, new_id
from shared.schemas.messages import Accepted, Actor, Command, Event, Query, Refusal, Refused, Role
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    AppointUnionContact,
    EnterRosterRow,
    EstablishUnion,
    FederationLevel,
    MemberAnswer,
    RegisterEmployer,
    RegisterFederation,
    RegisterMember,
    ShowMember,
    UnionKind,
    UnionPost,
)
from tests.services.registry.rosters import credit_code, id_number

NANXUN, DONGYANG, HUZHOU = "330503", "330783", "330500"
OPERATOR = Actor(role=Role.OPERATOR, id="cli")
OFFICER = Actor(role=Role.OFFICER, id="zhou")
SYSTEM = Actor(role=Role.SYSTEM, id="notify")
BANK = Actor(role=Role.BANK, id="nxbank")
HOSPITAL = Actor(role=Role.HOSPITAL, id="nxhospital")


def cadre(member_id: MemberId) -> Actor:
    return Actor(role=Role.CADRE, id=str(member_id))


def oneself(member_id: MemberId) -> Actor:
    return Actor(role=Role.MEMBER, id=str(member_id))


def number(sequence: int) -> str:
    """An identity number of somebody; different for different sequences up to 999."""
    return id_number("330503", date(1980, 1, 1), sequence)


def company(sequence: int) -> str:
    """A credit code of an employer."""
    return credit_code(f"91330503MA3{sequence:06d}")


class Desk:
    """In `federation`, whose own officer acts where nobody else is named. Queries see what was sent before."""

    def __init__(self, client: Client, registry: Running, federation: str = NANXUN) -> None:
        self.client, self.registry, self.federation = client, registry, federation
        self.position = 0
        self._sequence = 0

    def elsewhere(self, federation: str) -> "Desk":
        other = Desk(self.client, self.registry, federation)
        other._sequence = self._sequence + 500
        return other

    async def send(self, command: Command, actor: Actor = OFFICER, id: UUID | None = None) -> Accepted:  # noqa: A002
        accepted = await self.client.send("registry", command, Envelope.fresh(actor, self.federation, id))
        self.position = max(self.position, accepted.position)
        return accepted

    async def ask(self, query: Query[Any], actor: Actor = OFFICER) -> Any:
        return await self.client.ask("registry", query, Envelope.fresh(actor, self.federation), self.position)

    async def refusal(self, message: Command | Query[Any], actor: Actor = OFFICER) -> Refusal:
        try:
            if isinstance(message, Command):
                answer: Any = await self.send(message, actor)
            else:
                answer = await self.ask(message, actor)
        except Refused as refused:
            return refused.refusal
        raise AssertionError(f"not refused, but {answer}")

    async def refused(self, message: Command | Query[Any], actor: Actor = OFFICER) -> str:
        """The code of the refusal."""
        return (await self.refusal(message, actor)).code

    async def events(self, stream: str) -> list[Event]:
        """As the log holds them: personal fields are sealed."""
        return [recorded.event for recorded in await self.registry.store.stream(stream)]

    async def opened(self, member_id: MemberId) -> list[Event]:
        """A member's events, personal fields in clear or erased."""
        assert self.registry.keyring is not None
        return await self.registry.keyring.open(await self.registry.store.stream(f"member-{member_id}"))

    async def kinds(self, stream: str) -> list[str]:
        return [type(event).__name__ for event in await self.events(stream)]

    async def shown(self, member_id: MemberId, actor: Actor = OFFICER) -> MemberAnswer:
        answer: MemberAnswer = await self.ask(ShowMember(member_id=member_id, in_clear=True), actor)
        return answer

    # What a test begins with

    async def opens(self, level: FederationLevel = FederationLevel.COUNTY, parent: str | None = None) -> None:
        command = RegisterFederation(code=self.federation, name="总工会", level=level, parent=parent)
        await self.send(command, OPERATOR)

    async def employer(self, code: str | None = None) -> EmployerId:
        employer_id = EmployerId(new_id())
        self._sequence += 1
        await self.send(
            RegisterEmployer(
                employer_id=employer_id,
                name=f"南浔第{self._sequence}电缆有限公司",
                credit_code=code or company(self._sequence),
            )
        )
        return employer_id

    async def union(self, *employer_ids: EmployerId, kind: UnionKind = UnionKind.JOINT) -> UnionId:
        union_id = UnionId(new_id())
        await self.send(EstablishUnion(union_id=union_id, name="基层工会", kind=kind, employer_ids=employer_ids))
        return union_id

    def somebody(self, union_id: UnionId, employer_id: EmployerId, **known: Any) -> RegisterMember:
        """Another person each time, unless `known` says who."""
        return RegisterMember(union_id=union_id, employer_id=employer_id, **self._person(known))

    def row(self, union_id: UnionId, employer_id: EmployerId, **known: Any) -> EnterRosterRow:
        return EnterRosterRow(union_id=union_id, employer_id=employer_id, **self._person(known))

    def _person(self, known: dict[str, Any]) -> dict[str, Any]:
        self._sequence += 1
        personal = {"name", "id_number", "phone", "email", "account", "bank"}
        told = {"name": "李建国", "id_number": number(self._sequence)} | known
        return {key: Personal(value) if key in personal else value for key, value in told.items()}

    async def member(self, union_id: UnionId, employer_id: EmployerId, **known: Any) -> MemberId:
        member_id = MemberId(new_id())
        await self.send(self.somebody(union_id, employer_id, member_id=member_id, **known))
        return member_id

    async def cadre(self, union_id: UnionId, employer_id: EmployerId, post: UnionPost = UnionPost.CADRE) -> Actor:
        """A member who acts for the union."""
        member_id = await self.member(union_id, employer_id, name="王芳")
        await self.send(AppointUnionContact(union_id=union_id, member_id=member_id, post=post))
        return cadre(member_id)

    async def small_union(self) -> tuple[UnionId, EmployerId]:
        """A joint union of one employer so far."""
        employer_id = await self.employer()
        return await self.union(employer_id), employer_id

    async def household_of(self, member_id: MemberId) -> HouseholdId:
        return (await self.shown(member_id)).household_id


def kinds(events: Sequence[Event]) -> list[str]:
    return [type(event).__name__ for event in events]
