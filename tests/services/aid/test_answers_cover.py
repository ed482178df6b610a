"""Who learns what of cover and rosters: the worker what is left, the cadre whom nobody has enrolled."""

from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest

from services.aid.domain.facts import end_of
from shared.schemas.aid import (
    ContractAnswer,
    CoverAnswer,
    CoverStatus,
    EndCoverage,
    EndOfCover,
    EnrolmentStatus,
    ShowContract,
    ShowCover,
    WithdrawEnrolment,
)
from shared.schemas.messages import Actor, Role
from shared.schemas.money import fen
from tests.services.aid.cases import (
    CABLE,
    CADRE,
    CHEN,
    CLERK,
    COVERED,
    JANUARY,
    JINHUA,
    JUNE,
    LI,
    PERIOD,
    QIAN,
    SUN,
    TIMER,
    TOYS,
    WANG,
    ZHAO,
    assess,
    decided_for,
    employer_pays,
    enrol,
    enrolment,
    file,
    named,
    of,
    workers_pay,
)
from tests.services.aid.office import CADRE_OF_TOYS, OPERATOR, Office, office

MINE = ShowCover(member_id=LI)
LAST = date(2019, 6, 30)


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Office]:
    async with office(database_url) as opened:
        yield opened


# The worker's cover


async def test_whoever_is_not_enrolled_is_told_so_with_the_ceiling_there_would_be(here: Office) -> None:
    assert await here.ask(MINE, of(LI)) == CoverAnswer(
        member_id=LI,
        period=PERIOD,
        status=CoverStatus.NONE,
        employer_id=None,
        first=None,
        last=None,
        benefits_from=None,
        ceiling=fen(30_000),
        settled=0,
        reserved=0,
        left=fen(30_000),
    )


async def test_cover_is_enrolled_then_paid_up_then_over(here: Office) -> None:
    await here.happens((enrol(), CADRE, JUNE))
    answer: CoverAnswer = await here.ask(MINE, of(LI))
    assert (answer.status, answer.employer_id, answer.first) == (CoverStatus.ENROLLED, CABLE, None)
    await here.happens((employer_pays(), CLERK, JUNE), (workers_pay(), CLERK, JUNE))
    answer = await here.ask(MINE, of(LI))
    assert (answer.status, answer.first, answer.last) == (CoverStatus.COVERED, PERIOD, LAST)
    assert answer.benefits_from == PERIOD + timedelta(days=30)
    died = EndCoverage(member_id=LI, period=PERIOD, ground=EndOfCover.DECEASED, on=JANUARY)
    await here.happens((died, TIMER, JANUARY))
    answer = await here.ask(MINE, CADRE)
    assert (answer.status, answer.last) == (CoverStatus.ENDED, JANUARY)


async def test_what_is_left_is_the_ceiling_less_what_is_granted_and_what_is_held(here: Office) -> None:
    await here.told(COVERED, JUNE)
    await here.happens(*decided_for("5000"))
    await here.happens((file("20000", "二", ("33011234567891",)), of(LI), JANUARY), (assess("二"), CLERK, JANUARY))
    answer: CoverAnswer = await here.ask(MINE, of(LI))
    assert (answer.settled, answer.reserved, answer.left) == (fen(1_800), fen(9_300), fen(18_900))
    assert answer.settled + answer.reserved + answer.left == answer.ceiling


async def test_a_period_goes_by_its_first_day_and_another_is_an_account_of_its_own(here: Office) -> None:
    await here.told(COVERED, JUNE)
    await here.happens(*decided_for())
    before: CoverAnswer = await here.ask(ShowCover(member_id=LI, period=date(2017, 7, 1)), of(LI))
    assert (before.status, before.left) == (CoverStatus.ENDED, fen(30_000))
    refusal = await here.refusal(ShowCover(member_id=LI, period=date(2018, 8, 1)), of(LI))
    assert (refusal.code, refusal.clause) == ("not_a_period", "职工医疗互助保障 第1条")


async def test_cover_is_for_the_worker_the_cadre_of_the_union_and_the_federation(here: Office) -> None:
    for actor in (of(LI), CADRE, CLERK, OPERATOR, Actor(role=Role.SYSTEM, id="notify")):
        assert (await here.ask(MINE, actor)).member_id == LI
    for actor in (of(SUN), CADRE_OF_TOYS):
        refusal = await here.refusal(MINE, actor)
        assert (refusal.code, refusal.clause) == ("not_concerned", "岗位职责")
        assert refusal.message == "只有本人、所在基层工会和总工会可以查询"
    for role in (Role.HOSPITAL, Role.BANK):
        assert (await here.refusal(MINE, Actor(role=role, id="dyrmyy"))).code == "not_allowed"


async def test_another_city_is_told_nothing(here: Office) -> None:
    refusal = await here.refusal(MINE, CLERK, federation="330503")
    assert (refusal.code, refusal.message) == ("not_a_member", "职工不在会员名册中")
    assert (await here.refusal(ShowContract(employer_id=CABLE, period=PERIOD), CLERK, JINHUA)).code == (
        "unknown_employer"
    )


# The employer's rosters


ROSTERS = ShowContract(employer_id=CABLE, period=PERIOD)


async def test_before_any_roster_everybody_at_the_employer_is_a_gap(here: Office) -> None:
    answer: ContractAnswer = await here.ask(ROSTERS, CADRE)
    assert set(answer.gaps) == {LI, WANG, CHEN, ZHAO, QIAN}
    assert (answer.enrolments, answer.covered, answer.waiting) == ((), 0, ())
    assert (answer.employer_part, answer.worker_part) == (fen(25), fen(25))


async def test_a_roster_shows_what_is_paid_of_it_and_whom_it_leaves_out(here: Office) -> None:
    await here.happens((enrol(LI, WANG, part="40"), CADRE, JUNE))
    answer: ContractAnswer = await here.ask(ROSTERS, CADRE)
    assert set(answer.gaps) == {CHEN, ZHAO, QIAN}
    assert (set(answer.waiting), answer.covered) == ({LI, WANG}, 0)
    assert (answer.employer_part, answer.worker_part) == (fen(40), fen(10))
    (shown,) = answer.enrolments
    assert (shown.status, shown.members) == (EnrolmentStatus.UNPAID, 2)
    assert (shown.employer_due, shown.worker_due) == (fen(80), fen(20))
    assert shown.pay_by == end_of(JUNE + timedelta(days=60))
    await here.happens((employer_pays("80"), CLERK, JUNE))
    (shown,) = (await here.ask(ROSTERS, CADRE)).enrolments
    assert (shown.status, shown.employer_paid_on, shown.worker_paid_on) == (EnrolmentStatus.HALF_PAID, JUNE, None)
    await here.happens((workers_pay("20"), CLERK, JANUARY))
    answer = await here.ask(ROSTERS, CADRE)
    assert answer.enrolments[0].status is EnrolmentStatus.COVERED
    assert (answer.covered, answer.waiting) == (2, ())


async def test_an_employer_that_pays_the_whole_fee_waits_for_no_worker(here: Office) -> None:
    await here.happens((enrol(part="50"), CADRE, JUNE), (employer_pays("50"), CLERK, JUNE))
    answer: ContractAnswer = await here.ask(ROSTERS, CADRE)
    assert (answer.enrolments[0].status, answer.covered) == (EnrolmentStatus.COVERED, 1)


async def test_a_withdrawn_roster_leaves_gaps_and_the_scheme_s_own_split(here: Office) -> None:
    withdraw = WithdrawEnrolment(employer_id=CABLE, period=PERIOD, enrolment_id=enrolment())
    await here.happens((enrol(LI, part="40"), CADRE, JUNE), (withdraw, CADRE, JUNE))
    answer: ContractAnswer = await here.ask(ROSTERS, CADRE)
    assert LI in answer.gaps
    assert (answer.enrolments[0].status, answer.employer_part) == (EnrolmentStatus.ENDED, fen(25))


async def test_whom_another_employer_has_enrolled_is_no_gap(here: Office) -> None:
    """Sun has come to the toy works, and brings cover along."""
    await here.happens((enrol(SUN), CADRE, JUNE))
    answer: ContractAnswer = await here.ask(ShowContract(employer_id=TOYS, period=PERIOD), CADRE_OF_TOYS)
    assert set(answer.gaps) == {named("周")}


async def test_rosters_are_for_the_union_of_the_employer_and_the_federation(here: Office) -> None:
    for actor in (CADRE, CLERK, OPERATOR):
        assert (await here.ask(ROSTERS, actor)).employer_id == CABLE
    refusal = await here.refusal(ROSTERS, CADRE_OF_TOYS)
    assert (refusal.code, refusal.clause) == ("not_your_employer", "职工医疗互助保障 第2条")
    assert (await here.refusal(ROSTERS, of(LI))).code == "not_allowed"
    unknown = ShowContract(employer_id=named("无"), period=PERIOD)
    assert (await here.refusal(unknown, CLERK)).message == "没有这个单位"
