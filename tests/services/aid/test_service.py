"""Mutual aid as its users meet it: whole services on real servers, with a clock that is set."""

from services.aid.domain.membership import MEMBERSHIP
from shared.schemas.aid import (
    ShowCover,
    membership_id,
)
from shared.schemas.money import fen
from tests.services.aid.cases import (
    CADRE,
    CHEN,
    LI,
    PERIOD,
    employer_pays,
    enrol,
    of,
    workers_pay,
)
from tests.services.aid.county import County


async def test_a_workers_stay_goes_from_the_roster_to_the_bank(dongyang: County) -> None:
    await dongyang.does(enrol(LI, CHEN), CADRE)
    await dongyang.does(employer_pays("50"))
    membership = await dongyang.state(MEMBERSHIP, membership_id(LI, PERIOD))
    assert membership is not None
    assert membership.cover is None
    await dongyang.does(workers_pay("50"))
    cover = await dongyang.asks(ShowCover(member_id=LI, period=PERIOD), of(LI))
    assert (cover.status, cover.left) == ("covered", fen(30_000))
