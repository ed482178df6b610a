"""The stage: commands sent and queries asked as each player would."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

from deploy.local.demo.people import FEDERATION, OPERATOR, Cast, Person
from shared.runtime.client import Client
from shared.runtime.envelope import Envelope
from shared.schemas.messages import Accepted, Actor, Command, Query, Refused, Role
from shared.schemas.registry import (
    AdmitEmployer,
    AppointFederationContact,
    AppointUnionContact,
    EstablishUnion,
    GiveConsent,
    GrantHonour,
    JoinHousehold,
    RegisterFederation,
)
from shared.schemas.registry.values import ConsentPurpose, FederationLevel, UnionKind, UnionPost

__all__ = ["Stage", "enter", "set_up"]

PATIENCE: Final = 30.0
"""Seconds that the slowest part may take to hear of something."""


class Stage:
    def __init__(
        self,
        client: Client,
        advance: Callable[[timedelta], Awaitable[None]],
        federation: str = FEDERATION,
        patience: float = PATIENCE,
    ) -> None:
        self._client, self.federation, self._patience = client, federation, patience
        self.advance = advance
        """Move the clock of every service forward."""

    async def act(self, programme: str, actor: Actor, command: Command) -> Accepted:
        """Raises Refused."""
        return await self._client.send(programme, command, Envelope.fresh(actor, self.federation))

    async def refusal(self, programme: str, actor: Actor, command: Command) -> str:
        """The code under which a command is refused; "accepted" where it isn't."""
        try:
            await self.act(programme, actor, command)
        except Refused as refused:
            return refused.refusal.code
        return "accepted"

    async def once_known(self, programme: str, actor: Actor, command: Command, *not_yet: str) -> Accepted:
        """Act, as soon as the service has heard what the command rests on: `not_yet` are its refusals until then."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return await self.act(programme, actor, command)
            except Refused as refused:
                if refused.refusal.code not in not_yet or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.05)

    async def until[T](self, condition: Callable[[], Awaitable[T | None]], patience: float = PATIENCE) -> T:
        """The condition's first answer. Raises TimeoutError, which names the condition."""
        try:
            async with asyncio.timeout(patience):
                while True:
                    answer = await condition()
                    if answer is not None:
                        return answer
                    await asyncio.sleep(0.05)
        except TimeoutError:
            what = getattr(condition, "__qualname__", repr(condition))
            raise TimeoutError(f"{what} brought nothing in {patience:g} s") from None

    async def ask(self, programme: str, actor: Actor, query: Query[Any], after: int = 0) -> Any:
        return await self._client.ask(programme, query, Envelope.fresh(actor, self.federation), after)


async def set_up(stage: Stage, cast: Cast) -> None:
    """Enter the federation, its union and its members, each with a consent to share with the bank."""
    officer, employer = cast.officer.acting(Role.OFFICER), cast.employers[0]
    federation = RegisterFederation(code=FEDERATION, name="南浔区总工会", level=FederationLevel.COUNTY)
    await stage.act("registry", OPERATOR, federation)
    for one in cast.employers:
        await stage.act("registry", officer, one.registration)
    union = EstablishUnion(
        union_id=cast.union_id,
        name="南浔示例联合工会",
        kind=UnionKind.JOINT,
        employer_ids=(employer.employer_id,),
    )
    await stage.act("registry", officer, union)
    for other in cast.employers[1:]:
        await stage.act("registry", officer, AdmitEmployer(union_id=cast.union_id, employer_id=other.employer_id))
    for person in cast.people:
        await enter(stage, cast, person)
    move_in = JoinHousehold(member_id=cast.wife.member_id, household_id=cast.husband.household_id)
    await stage.once_known("registry", officer, move_in, "no_such_household")
    chair = AppointUnionContact(union_id=cast.union_id, member_id=cast.chair.member_id, post=UnionPost.CHAIR)
    await stage.act("registry", officer, chair)
    contact = AppointFederationContact(code=FEDERATION, member_id=cast.officer.member_id)
    await stage.act("registry", officer, contact)


async def enter(stage: Stage, cast: Cast, person: Person) -> None:
    """A member of the union, with their titles and a consent to share with the bank."""
    officer = cast.officer.acting(Role.OFFICER)
    await stage.act("registry", officer, person.registration(cast.union_id, cast.employers[0].employer_id))
    for title, level in person.titles:
        await stage.act("registry", officer, GrantHonour(member_id=person.member_id, title=title, level=level))
    consent = GiveConsent(
        member_id=person.member_id,
        purpose=ConsentPurpose.SHARE_WITH_BANK,
        to="nxbank",
        evidence=f"示例档案-{person.number:03d}",
    )
    await stage.act("registry", person.acting(), consent)
