"""`niangjia play-union`: the union's side of a loan in the running system, for whoever builds a bank's.

A member applies, the union recommends and endorses; the bank, a program of its own, is waited for. Once it has opened
a line the member draws, and the bank is waited for again. Everybody is made up anew each time.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from deploy.local.demo.cases import borrower
from deploy.local.demo.people import FEDERATION, OPERATOR, Cast, Employer, Person, cast
from deploy.local.demo.stage import Stage, enter
from deploy.local.reach import connection
from deploy.local.terminal import NO_ANSWER, REFUSED, out, wrong
from shared.runtime.client import Client, NoAnswer
from shared.schemas.ids import UnionId, new_id
from shared.schemas.loan import (
    ApplicationAnswer,
    ApplicationId,
    ApplicationStatus,
    ApplyForLoan,
    DrawAnswer,
    DrawStatus,
    EndorseApplication,
    LineAnswer,
    LineId,
    RecommendApplication,
    RepaymentForm,
    RequestDrawdown,
    ShowApplication,
    ShowLine,
)
from shared.schemas.messages import Refused, Role
from shared.schemas.money import cny
from shared.schemas.registry import (
    AppointFederationContact,
    AppointUnionContact,
    EstablishUnion,
    RegisterFederation,
)
from shared.schemas.registry.values import FederationLevel, UnionKind, UnionPost

__all__ = ["anew", "borrow", "endorsed", "found", "play_union", "somebody_else"]

AMOUNT: Final = 60_000
DRAW: Final = 20_000
YUAN: Final = 100
HEARD: Final = "not_a_member", "not_eligible", "no_consent", "not_your_union"
"""Refusals of a service that has yet to hear of what the registry was told."""


def play_union(
    times: Annotated[int, typer.Option(min=1, help="how many members apply, one after the other")] = 1,
    patience: Annotated[float, typer.Option(help="seconds that the bank is waited for")] = 120.0,
) -> None:
    """Let a member apply and draw in the running system; the bank's answers are waited for."""
    try:
        asyncio.run(_play(times, patience))
    except Refused as refused:
        wrong(str(refused), REFUSED)
    except (NoAnswer, TimeoutError) as error:
        wrong(f"{'nobody' if isinstance(error, NoAnswer) else 'the bank has not'} answered in time", NO_ANSWER)


async def _play(times: int, patience: float) -> None:
    async with connection() as broker:
        stage = Stage(Client(broker), _no_time_passes)
        people = somebody_else()
        await found(stage, people)
        for _ in range(times):
            await borrow(stage, people, anew(people.cable_worker), patience, _say)


async def found(stage: Stage, people: Cast) -> None:
    """A union in the federation, with its chair and an officer."""
    federation = RegisterFederation(code=FEDERATION, name="南浔区总工会", level=FederationLevel.COUNTY)
    if (code := await stage.refusal("registry", OPERATOR, federation)) not in ("accepted", "federation_exists"):
        wrong(f"the federation is refused: {code}", REFUSED)
    officer, (employer,) = people.officer.acting(Role.OFFICER), people.employers
    await stage.act("registry", officer, employer.registration)
    union = EstablishUnion(
        union_id=people.union_id, name="南浔示例工会", kind=UnionKind.SINGLE, employer_ids=(employer.employer_id,)
    )
    await stage.act("registry", officer, union)
    for person in (people.chair, people.officer):
        await enter(stage, people, person)
    chair = AppointUnionContact(union_id=people.union_id, member_id=people.chair.member_id, post=UnionPost.CHAIR)
    await stage.act("registry", officer, chair)
    contact = AppointFederationContact(code=FEDERATION, member_id=people.officer.member_id)
    await stage.act("registry", officer, contact)


async def borrow(
    stage: Stage, people: Cast, person: Person, patience: float, say: Callable[[str], None]
) -> tuple[LineId, DrawAnswer] | None:
    """The line and the draw; None where the bank declines. Raises TimeoutError where it does not answer."""
    application_id, position = await endorsed(stage, people, person)
    say(f"application {application_id} of {cny(AMOUNT * YUAN)} is endorsed at position {position}: the bank decides")
    application = await answered(stage, person, application_id, position, patience)
    if application.line_id is None:
        say(f"the bank declined: {application.ground}")
        return None
    say(f"the bank opened line {application.line_id}; the member asks for {cny(DRAW * YUAN)}")
    draw = await drawn(stage, person, application.line_id, patience)
    say(f"draw {draw.draw_id} is {draw.status}: {cny(draw.principal)} owed, last due on {draw.last_due}")
    return application.line_id, draw


async def endorsed(stage: Stage, people: Cast, person: Person) -> tuple[ApplicationId, int]:
    """A member enters and applies; the union recommends, the federation endorses. With the loan's position."""
    await enter(stage, people, person)
    application_id = ApplicationId(new_id())
    about = borrower("renovation", AMOUNT)
    apply = ApplyForLoan(
        application_id=application_id, member_id=person.member_id, amount=AMOUNT * YUAN, borrower=about
    )
    await stage.once_known("loan", person.acting(), apply, *HEARD)
    recommend = RecommendApplication(application_id=application_id)
    await stage.once_known("loan", people.chair.acting(Role.CADRE), recommend, *HEARD)
    endorse = EndorseApplication(application_id=application_id)
    sent = await stage.act("loan", people.officer.acting(Role.OFFICER), endorse)
    return application_id, sent.position


async def answered(
    stage: Stage, person: Person, application_id: ApplicationId, after: int, patience: float
) -> ApplicationAnswer:
    async def ended() -> ApplicationAnswer | None:
        show = ShowApplication(application_id=application_id)
        found: ApplicationAnswer = await stage.ask("loan", person.acting(), show, after)
        return found if found.status in (ApplicationStatus.ACCEPTED, ApplicationStatus.DECLINED) else None

    return await stage.until(ended, patience)


async def drawn(stage: Stage, person: Person, line_id: LineId, patience: float) -> DrawAnswer:
    request = RequestDrawdown(line_id=line_id, amount=DRAW * YUAN, months=12, form=RepaymentForm.EQUAL_INSTALMENTS)
    asked = await stage.act("loan", person.acting(), request)

    async def ended() -> DrawAnswer | None:
        line: LineAnswer = await stage.ask("loan", person.acting(), ShowLine(line_id=line_id), after=asked.position)
        (draw,) = line.draws
        return draw if draw.status is not DrawStatus.REQUESTED else None

    return await stage.until(ended, patience)


def somebody_else() -> Cast:
    """A cast in which nobody has been before, of one employer."""
    usual, number = cast(), random.randrange(100_000)  # noqa: S311 - a made-up company
    return replace(
        usual,
        union_id=UnionId(new_id()),
        employers=(Employer(f"湖州南浔示例企业{number:05d}", number),),
        chair=anew(usual.chair),
        officer=anew(usual.officer),
    )


def anew(person: Person) -> Person:
    chance = random.Random()  # noqa: S311 - made-up people
    born = date(1965, 1, 1) + timedelta(days=chance.randrange(10_000))
    return Person(
        person.name, f"{born:%Y%m%d}", person.post, person.skilled, person.titles, number=chance.randrange(1, 1000)
    )


async def _no_time_passes(*_: Any) -> None:
    raise NotImplementedError("the running system's clock is its own")


def _say(line: str) -> None:
    out.print(Text(line), soft_wrap=True)
