"""Who acts for which union, folded in pieces, twice, and in one go."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from typing import Final

import pytest

from shared.eventsourcing.codec import Codec
from shared.eventsourcing.projector import Projector
from shared.eventsourcing.store import EventStore
from shared.eventsourcing.tasks import end
from shared.eventsourcing.view_specification import MemoryLog, ViewSpecification
from shared.people import REGISTRY, CadreRow, Cadres, unions_of
from shared.runtime.read_models import ReadModels
from shared.schemas import registry
from shared.schemas.ids import MemberId, UnionId, new_id
from shared.schemas.messages import Actor, Role
from shared.schemas.registry import UnionContactAppointed, UnionContactRelieved, UnionDissolved, UnionPost

CABLE_WORKS, TOY_WORKS = UnionId(new_id()), UnionId(new_id())
LI, WANG = MemberId(new_id()), MemberId(new_id())

cadres = ViewSpecification(Cadres())


def appointed(union_id: UnionId, who: MemberId, post: UnionPost = UnionPost.CADRE) -> UnionContactAppointed:
    return UnionContactAppointed(union_id=union_id, member_id=who, post=post)


APPOINTED: Final = (appointed(CABLE_WORKS, WANG), appointed(CABLE_WORKS, LI), appointed(TOY_WORKS, LI))


def test_a_union_is_acted_for_by_those_in_office() -> None:
    cadres.given(*APPOINTED).shows(CadreRow(CABLE_WORKS, WANG), CadreRow(CABLE_WORKS, LI), CadreRow(TOY_WORKS, LI))


def test_another_post_in_the_same_union_changes_nothing() -> None:
    cadres.given(appointed(CABLE_WORKS, WANG), appointed(CABLE_WORKS, WANG, UnionPost.CHAIR)).shows(
        CadreRow(CABLE_WORKS, WANG)
    )


def test_one_who_is_relieved_acts_for_that_union_no_more() -> None:
    relieved = UnionContactRelieved(union_id=CABLE_WORKS, member_id=LI, post=UnionPost.CADRE)
    cadres.given(*APPOINTED, relieved).shows(CadreRow(CABLE_WORKS, WANG), CadreRow(TOY_WORKS, LI))


def test_nobody_acts_for_a_union_that_is_dissolved() -> None:
    dissolved = UnionDissolved(union_id=CABLE_WORKS, on=date(2019, 7, 1))
    cadres.given(*APPOINTED, dissolved).shows(CadreRow(TOY_WORKS, LI))


@pytest.fixture
async def read_models(database_url: str) -> AsyncIterator[ReadModels]:
    """Of a programme that follows a registry in which all of them have been appointed."""
    log = MemoryLog(cadres.given(*APPOINTED).history)
    async with (
        EventStore(database_url, "savings", Codec.of(registry)) as store,
        Projector(store, ()) as own,
        Projector(store, (cadres.view,), log=log) as followed,
    ):
        running = asyncio.create_task(followed.run())
        try:
            await followed.reached(len(APPOINTED))
            yield ReadModels(store, own, {REGISTRY: followed}, {Cadres: REGISTRY})
        finally:
            await end(running)


async def test_only_a_cadre_acts_for_unions(read_models: ReadModels) -> None:
    assert await unions_of(Actor(role=Role.CADRE, id=str(LI)), read_models) == {CABLE_WORKS, TOY_WORKS}
    assert await unions_of(Actor(role=Role.CADRE, id=str(WANG)), read_models) == {CABLE_WORKS}
    assert await unions_of(Actor(role=Role.CADRE, id=str(new_id())), read_models) == set()
    assert await unions_of(Actor(role=Role.CADRE, id="wang"), read_models) == set()
    assert await unions_of(Actor(role=Role.MEMBER, id=str(LI)), read_models) == set()
