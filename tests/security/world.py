"""The whole system at work, with something of each programme going on in it: what hostile calls can refer to."""

import json
from collections import defaultdict
from datetime import date
from typing import Any, Final

import asyncpg
from nats.aio.client import Client as Connection

from deploy.local.demo.aid import desk_of
from deploy.local.demo.aid_cover import cover
from deploy.local.demo.aid_desk import PERIOD, Desk, bill
from deploy.local.demo.cases import borrower, drawn, endorsed, opened
from deploy.local.demo.district import JIANGBEI, District, district, enter_district
from deploy.local.demo.dongyang import County, county, enter_county
from deploy.local.demo.fortnight import BATCH, EACH
from deploy.local.demo.people import FEDERATION, Cast, cast
from deploy.local.demo.playing import FIRST_DAY
from deploy.local.demo.stage import Stage, set_up
from deploy.local.system import LocalSystem
from shared.runtime.client import Client
from shared.schemas.ids import new_id
from shared.schemas.lending import BorrowItem, LaunchCampaign, code_of
from shared.schemas.loan import ApplicationId, ApplyForLoan, LineId, RepaymentForm
from shared.schemas.messages import Role

__all__ = ["PROGRAMMES", "enliven", "known_in"]

PROGRAMMES: Final = ("registry", "loan", "lending", "aid", "notify")
STAY: Final = date(2019, 6, 3), date(2019, 6, 11)
COVERED_ON: Final = date(2018, 6, 12)


async def enliven(connection: Connection) -> None:
    """Members are covered, ill, lent to and lent helmets, in three federations."""
    desk, here = desk_of(connection), county()
    await _cover(desk, here)
    await desk.on(FIRST_DAY.date())
    await _claims(desk, here)
    actors = cast()
    stage = Stage(Client(connection), desk.stage.advance, FEDERATION)
    await set_up(stage, actors)
    await _lines(stage, actors)
    jiangbei = district((2,))
    lending = Stage(Client(connection), desk.stage.advance, JIANGBEI)
    await enter_district(lending, jiangbei)
    await _helmets(lending, jiangbei)


async def _cover(desk: Desk, here: County) -> None:
    await desk.on(COVERED_ON)
    await enter_county(desk.stage, here)
    await cover(desk, here, PERIOD)


async def _claims(desk: Desk, here: County) -> None:
    await desk.settle(here.discharged, STAY, bill("600.00"), "JS1")
    for person in (here.cirrhosis, here.careless, here.bedridden):
        claim_id = await desk.file(person.acting(), person, STAY, bill("600.00"), "肺炎")
        if person is not here.bedridden:
            await desk.decide(claim_id)
        if person is here.cirrhosis:
            await desk.pay(claim_id)


async def _lines(stage: Stage, actors: Cast) -> None:
    for person in (actors.cable_worker, actors.model_worker):
        approved = await endorsed(stage, actors, person, 100_000, borrower("renovation", 120_000, 18_000))
        line_id: LineId = await opened(stage, approved, min(approved.assessed, 10_000_000))
        await drawn(stage, person, line_id, 20_000, 12, RepaymentForm.EQUAL_INSTALMENTS)
    await endorsed(stage, actors, actors.declined, 60_000, borrower("renovation", 80_000))
    apply = ApplyForLoan(
        application_id=ApplicationId(new_id()),
        member_id=actors.craftsman.member_id,
        amount=10_000_000,
        borrower=borrower("car", 300_000, 18_000),
    )
    await stage.once_known("loan", actors.craftsman.acting(), apply, "not_a_member", "not_eligible", "no_consent")


async def _helmets(stage: Stage, here: District) -> None:
    (works,) = here.works
    campaign = LaunchCampaign(batch=BATCH, name="首批", kind="helmet", each=EACH, point_ids=(works.point_id,))
    await stage.act("lending", here.officer.acting(Role.OFFICER), campaign)
    for number, worker in enumerate(works.workers, 1):
        borrow = BorrowItem(code=code_of(BATCH, number), member_id=worker.member_id)
        await stage.once_known(
            "lending", worker.acting(), borrow, "not_a_member", "unknown_item", "unknown_code", "unknown_borrower"
        )


async def known_in(system: LocalSystem) -> dict[str, list[Any]]:
    """What stands in the events of all programmes, by the name of the field; `federation` and `actor` of their meta."""
    found: dict[str, set[str]] = defaultdict(set)
    admin = await asyncpg.connect(system.run.database_url)
    try:
        for programme in PROGRAMMES:
            for data, meta in await admin.fetch(f"select data::text, meta::text from {programme}.events"):
                _gather(json.loads(data), "", found)
                about = json.loads(meta)
                found["federation"].add(json.dumps(about["federation"]))
                found["actor"].add(json.dumps(about["actor"]))
    finally:
        await admin.close()
    return {name: [json.loads(value) for value in sorted(values)] for name, values in found.items()}


def _gather(value: Any, name: str, found: dict[str, set[str]]) -> None:
    match value:
        case {"sealed": _}:
            return
        case dict():
            for field, inner in value.items():
                _gather(inner, field, found)
        case list():
            for inner in value:
                _gather(inner, name, found)
        case None:
            return
        case _:
            found[name].add(json.dumps(value, ensure_ascii=False))
