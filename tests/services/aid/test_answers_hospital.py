"""What a hospital learns of its settlements: its own number and the amount, and every difference of a day; not whose
they are, and not what is left of a ceiling."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import pytest

from shared.schemas.aid import (
    DifferenceKind,
    HospitalDayAnswer,
    HospitalLine,
    ReconcileHospitalDay,
    ReconciliationAnswer,
    SettlementAnswer,
    SettlementStatus,
    ShowHospitalDay,
    ShowSettlement,
)
from shared.schemas.messages import Actor, Role
from shared.schemas.money import fen
from tests.services.aid.cases import (
    AT_THE_HOSPITAL,
    CADRE,
    CLERK,
    COVERED,
    HOSPITAL,
    JANUARY,
    JINHUA,
    JUNE,
    LI,
    OTHER_HOSPITAL,
    SETTLEMENT,
    cancel,
    confirm,
    noon,
    of,
    quote,
)
from tests.services.aid.office import OPERATOR, Office, office

ELSEWHERE = Actor(role=Role.HOSPITAL, id=OTHER_HOSPITAL)
THIS = ShowSettlement(hospital=HOSPITAL, settlement_number="S1")
NEXT_DAY = JANUARY + timedelta(days=1)


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Office]:
    async with office(database_url) as opened:
        await opened.told(COVERED, JUNE)
        yield opened


async def at_the_hospital(here: Office, *commands: Any, day: date = JANUARY) -> None:
    await here.happens(*((command, AT_THE_HOSPITAL, day) for command in commands))


def another(number: str, self_paid: str = "1000", **known: Any) -> Any:
    return quote(self_paid, number, (f"3301777{number}",), **known)


# One settlement


async def test_a_hospital_is_told_the_amount_of_its_own_number_and_nothing_else(here: Office) -> None:
    await at_the_hospital(here, quote())
    assert await here.ask(THIS, AT_THE_HOSPITAL) == SettlementAnswer(
        hospital=HOSPITAL,
        settlement_number="S1",
        claim_id=SETTLEMENT,
        status=SettlementStatus.QUOTED,
        amount=fen("17421.13"),
        words=(),
        valid_until=noon(JANUARY) + timedelta(minutes=120),
        confirmed_on=None,
    )
    await at_the_hospital(here, confirm())
    answer: SettlementAnswer = await here.ask(THIS, AT_THE_HOSPITAL)
    assert (answer.status, answer.confirmed_on, answer.valid_until) == (SettlementStatus.CONFIRMED, JANUARY, None)
    assert str(LI) not in answer.model_dump_json()


async def test_what_the_ceiling_takes_away_is_said_by_its_clause_and_not_by_what_is_left(here: Office) -> None:
    await at_the_hospital(here, another("S0", "20000"), confirm("S0"), quote("80000"))
    answer: SettlementAnswer = await here.ask(THIS, AT_THE_HOSPITAL)
    assert answer.words == ("因年度限额减付（职工医疗互助保障 第5条），明细可由本人查询",)


async def test_a_settlement_is_for_its_own_hospital_and_the_federation(here: Office) -> None:
    await at_the_hospital(here, quote())
    for actor in (AT_THE_HOSPITAL, CLERK, OPERATOR):
        assert (await here.ask(THIS, actor)).claim_id == SETTLEMENT
    for query in (
        THIS,
        ShowHospitalDay(hospital=HOSPITAL, on=JANUARY),
        ReconcileHospitalDay(hospital=HOSPITAL, on=JANUARY, lines=()),
    ):
        refusal = await here.refusal(query, ELSEWHERE)
        assert (refusal.code, refusal.clause) == ("not_your_hospital", "职工医疗互助保障 第9条")
        for actor in (of(LI), CADRE):
            assert (await here.refusal(query, actor)).code == "not_allowed"
    assert (await here.refusal(THIS, CLERK, JINHUA)).code == "unknown_settlement"
    unknown = ShowSettlement(hospital=HOSPITAL, settlement_number="S9")
    assert (await here.refusal(unknown, AT_THE_HOSPITAL)).message == "没有结算流水号为S9的结算"


# A day


async def test_a_day_lists_what_was_confirmed_and_cancelled_on_it(here: Office) -> None:
    await at_the_hospital(here, another("A"), confirm("A"), another("B"), confirm("B"), cancel("B"))
    await at_the_hospital(here, another("C"), another("D"), cancel("D"), another("E"))
    day: HospitalDayAnswer = await here.ask(ShowHospitalDay(hospital=HOSPITAL, on=JANUARY), AT_THE_HOSPITAL)
    assert [(each.settlement_number, each.status) for each in day.settlements] == [
        ("A", SettlementStatus.CONFIRMED),
        ("B", SettlementStatus.CANCELLED),
        ("D", SettlementStatus.CANCELLED),
    ]
    assert (day.confirmed, day.cancelled) == (fen(400), fen(200))


async def test_a_day_stays_as_it_was_when_a_settlement_is_cancelled_later(here: Office) -> None:
    await at_the_hospital(here, another("A"), confirm("A"))
    first = ShowHospitalDay(hospital=HOSPITAL, on=JANUARY)
    before: HospitalDayAnswer = await here.ask(first, AT_THE_HOSPITAL)
    await at_the_hospital(here, cancel("A"), day=NEXT_DAY)
    assert await here.ask(first, AT_THE_HOSPITAL) == before
    later: HospitalDayAnswer = await here.ask(ShowHospitalDay(hospital=HOSPITAL, on=NEXT_DAY), AT_THE_HOSPITAL)
    assert [(each.settlement_number, each.status) for each in later.settlements] == [("A", SettlementStatus.CANCELLED)]
    assert (later.confirmed, later.cancelled) == (0, before.confirmed)


async def test_a_day_without_settlements_is_empty(here: Office) -> None:
    day: HospitalDayAnswer = await here.ask(ShowHospitalDay(hospital=OTHER_HOSPITAL, on=JANUARY), ELSEWHERE)
    assert (day.settlements, day.confirmed, day.cancelled) == ((), 0, 0)


# Reconciliation


def line(number: str, amount: int = 200, status: SettlementStatus = SettlementStatus.CONFIRMED) -> HospitalLine:
    return HospitalLine(settlement_number=number, status=status, amount=fen(amount))


async def test_the_hospital_s_list_is_compared_with_the_fund_s_in_both_directions(here: Office) -> None:
    for number in "ABCD":
        await at_the_hospital(here, another(number), confirm(number))
    theirs = (line("A"), line("B", 201), line("C", status=SettlementStatus.CANCELLED), line("E"), line("A"))
    query = ReconcileHospitalDay(hospital=HOSPITAL, on=JANUARY, lines=theirs)
    answer: ReconciliationAnswer = await here.ask(query, AT_THE_HOSPITAL)
    assert {(each.settlement_number, each.kind) for each in answer.differences} == {
        ("A", DifferenceKind.TWICE),
        ("B", DifferenceKind.AMOUNT),
        ("C", DifferenceKind.STATUS),
        ("D", DifferenceKind.ONLY_THE_FUNDS),
        ("E", DifferenceKind.ONLY_THE_HOSPITALS),
    }
    of_b = next(each for each in answer.differences if each.settlement_number == "B")
    assert (of_b.ours, of_b.theirs) == (line("B"), line("B", 201))
    assert answer.agreed == 0


async def test_a_day_on_which_both_sides_agree_has_no_difference(here: Office) -> None:
    for number in "AB":
        await at_the_hospital(here, another(number), confirm(number))
    query = ReconcileHospitalDay(hospital=HOSPITAL, on=JANUARY, lines=(line("B"), line("A")))
    answer: ReconciliationAnswer = await here.ask(query, CLERK)
    assert (answer.agreed, answer.differences) == (2, ())
