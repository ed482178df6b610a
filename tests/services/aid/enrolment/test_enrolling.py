"""Rosters enrolled over real services: every line is enrolled, or says why not."""

from collections.abc import Callable, Sequence
from datetime import date

import pytest

from services.aid.enrolment import Enrolled, Line, Outcome, Stage, enrol
from services.aid.enrolment import enrolling as engine
from shared.runtime.calling import Caller
from shared.schemas.aid import EnrolmentSubmitted, MemberEnrolled, RecordEmployerPremium, RecordWorkerPremium
from shared.schemas.ids import HouseholdId, MemberId, new_id
from shared.schemas.messages import Actor, Refused, Role
from shared.schemas.money import fen
from shared.schemas.personal import Personal
from shared.schemas.registry import EndMembership, EndOfMembership, RegisterMember
from tests.services.aid.cases import CABLE, CABLE_UNION, CHEN, CLERK, DONGYANG, LI, PERIOD, QIAN, SUN, TOYS, WANG, ZHAO
from tests.services.aid.county import CARDS, ZHOU, County, number_of
from tests.services.registry.rosters import credit_code, id_number

STRANGER = id_number(DONGYANG, date(1990, 5, 5), 7)


def code_of(chair: MemberId) -> str:
    """Of the employer whose union somebody chairs."""
    return credit_code(f"91330783MA200000{CARDS[chair]}")


CABLE_CODE, TOYS_CODE = code_of(WANG), code_of(ZHOU)


def line(number: int, member: MemberId | str, employer: str = CABLE_CODE, name: str = "李建国") -> Line:
    own = member if isinstance(member, str) else number_of(member)
    return Line(f"第{number}行", Personal(name), Personal(own), employer)


async def enrolled(
    county: County,
    lines: Sequence[Line],
    actor: Actor = CLERK,
    employer_part: int | None = None,
    registry_at: int = 0,
    progress: Callable[[Stage, int, int], None] = lambda stage, done, total: None,
) -> Enrolled:
    registry, aid = (
        Caller(client=county.client, programme=programme, actor=actor, federation=DONGYANG, position=seen)
        for programme, seen in (("registry", registry_at), ("aid", 0))
    )
    return await enrol(lines, PERIOD, registry, aid, employer_part, progress)


def words(done: Enrolled) -> list[str]:
    return [entry.refusal.message if entry.refusal else entry.outcome.value for entry in done.entries]


async def test_every_line_is_enrolled_or_says_why_not(dongyang: County) -> None:
    await dongyang.tells(EndMembership(member_id=QIAN, ground=EndOfMembership.RETIRED))
    done = await enrolled(
        dongyang,
        [
            line(3, LI),
            line(4, STRANGER),
            line(5, CHEN, name="陈大文"),
            line(6, QIAN),
            line(7, LI),
            line(8, SUN, employer=credit_code("91330783MA2999999")),
            line(9, ZHAO),
        ],
    )
    assert words(done) == [
        "已参保",
        "会员名册中没有这个身份证号，请核对，或先登记入会",
        "姓名与会员名册中这个身份证号的姓名不符，请核对",
        "会籍已终止",
        "与第3行重复",
        "单位没有登记，请核对统一社会信用代码",
        "已参保",
    ]
    (submitted,) = await dongyang.told(EnrolmentSubmitted)
    assert submitted.members == (LI, ZHAO)
    (due,) = done.premiums
    assert (due.employer, due.members, due.employer_due, due.worker_due) == (CABLE_CODE, 2, fen(50), fen(50))


async def test_lines_again_change_nothing_new_ones_keep_the_split_and_what_is_due_can_be_paid(
    dongyang: County,
) -> None:
    await enrolled(dongyang, [line(3, LI), line(4, CHEN)])
    again = await enrolled(dongyang, [line(3, LI), line(4, CHEN)])
    assert [entry.outcome for entry in again.entries] == [Outcome.UNCHANGED] * 2
    assert again.premiums == []
    assert len(await dongyang.told(EnrolmentSubmitted)) == 1
    more = await enrolled(dongyang, [line(3, LI), line(4, ZHAO)])
    assert [entry.outcome for entry in more.entries] == [Outcome.UNCHANGED, Outcome.ENROLLED]
    assert [event.member_id for event in await dongyang.told(MemberEnrolled)] == [LI, CHEN, ZHAO]

    split = await enrolled(dongyang, [line(3, QIAN), line(4, SUN, TOYS_CODE)], employer_part=fen(20))
    assert words(split) == ["本单位本期已约定单位缴费每人25.00元，不能改为20.00元", "已参保"]
    (due,) = split.premiums
    assert (due.employer, due.employer_due, due.worker_due) == (TOYS_CODE, fen(20), fen(30))
    part = {"employer_id": TOYS, "period": PERIOD, "enrolment_id": due.enrolment_id}
    await dongyang.does(RecordEmployerPremium(**part, amount=due.employer_due, reference="0117"))
    await dongyang.does(RecordWorkerPremium(**part, amount=due.worker_due, reference="0118"))


async def test_a_worker_of_two_employers_is_covered_once(dongyang: County) -> None:
    together = await enrolled(dongyang, [line(3, LI), line(3, LI, TOYS_CODE), line(4, SUN, TOYS_CODE)])
    assert words(together) == ["已参保", "与第3行重复", "已参保"]
    later = await enrolled(dongyang, [line(3, LI, TOYS_CODE), line(4, CHEN, TOYS_CODE)])
    assert words(later) == ["其他单位已为其参保", "已参保"]
    assert [entry.doubt and entry.doubt.message for entry in later.entries] == [
        "会员名册中登记的是另一个单位，请核对"
    ] * 2


async def test_more_lines_than_a_command_takes_go_in_several(dongyang: County, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "SUBMITTED", 2)
    monkeypatch.setattr(engine, "SOUGHT", 2)
    told: list[tuple[Stage, int, int]] = []
    lines = [line(3, LI), line(4, CHEN), line(5, ZHAO), line(6, SUN, TOYS_CODE), line(7, STRANGER)]
    done = await enrolled(dongyang, lines, progress=lambda *step: told.append(step))
    assert [entry.outcome for entry in done.entries] == [Outcome.ENROLLED] * 4 + [Outcome.LEFT_OUT]
    assert sorted(len(event.members) for event in await dongyang.told(EnrolmentSubmitted)) == [1, 1, 2]
    assert told[-1] == (Stage.SUBMITTING, 4, 4)
    assert (Stage.FINDING, 5, 5) in told


async def test_what_no_line_could_escape_ends_it_and_a_cadre_enrols_for_their_own_employer(dongyang: County) -> None:
    with pytest.raises(Refused, match="above_fee"):
        await enrolled(dongyang, [line(3, LI)], employer_part=fen(51))
    with pytest.raises(Refused, match="not_allowed"):
        await enrolled(dongyang, [line(3, LI)], Actor(role=Role.MEMBER, id=str(LI)))

    wang = Actor(role=Role.CADRE, id=str(WANG))
    done = await enrolled(dongyang, [line(3, LI), line(4, SUN, TOYS_CODE)], wang)
    assert words(done) == ["已参保", "由本单位工会办理参保"]


async def test_who_was_registered_a_moment_ago_is_enrolled_once_mutual_aid_has_heard(dongyang: County) -> None:
    newcomers = [MemberId(new_id()) for _ in range(20)]
    numbers = [id_number(DONGYANG, date(1991, 1, 1), sequence) for sequence in range(1, 21)]
    for member, number in zip(newcomers, numbers, strict=True):
        register = RegisterMember(
            member_id=member,
            household_id=HouseholdId(new_id()),
            union_id=CABLE_UNION,
            employer_id=CABLE,
            name=Personal("李建国"),
            id_number=Personal(number),
        )
        seen = await dongyang.does(register)
    done = await enrolled(dongyang, [line(3, number) for number in numbers], registry_at=seen.position)
    assert {entry.outcome for entry in done.entries} == {Outcome.ENROLLED}
