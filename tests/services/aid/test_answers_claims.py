"""Who learns what of a claim: the worker all of it and why each fen, the cadre where it stands, the desk what assessing
needs; and what waits at the desk."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.aid.domain.facts import end_of
from shared.schemas.aid import (
    Channel,
    ClaimAnswer,
    ClaimStatus,
    DeskAnswer,
    Document,
    Exclusion,
    ExclusionGround,
    FindClaims,
    RejectClaim,
    RejectionGround,
    ReviewClaim,
    ShowClaim,
    ShowDesk,
)
from shared.schemas.messages import Actor, Role
from shared.schemas.money import fen
from shared.schemas.personal import Personal
from tests.services.aid.cases import (
    ALL_DOCUMENTS,
    AT_THE_HOSPITAL,
    CABLE_UNION,
    CADRE,
    CLERK,
    COVERED,
    HEAD,
    JANUARY,
    JINHUA,
    JUNE,
    LI,
    PERIOD,
    REVIEWER,
    SETTLEMENT,
    SUN,
    TOYS_UNION,
    WANG,
    approve,
    assess,
    batch,
    claim,
    decided_for,
    employer_pays,
    enrol,
    file,
    of,
    pay,
    quote,
    sent,
    workers_pay,
)
from tests.services.aid.office import CADRE_OF_TOYS, OPERATOR, Office, office

THIS = ShowClaim(claim_id=claim())
SYSTEM = Actor(role=Role.SYSTEM, id="notify")


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Office]:
    async with office(database_url) as opened:
        await opened.told(COVERED, JUNE)
        yield opened


# One claim


async def test_the_worker_sees_the_whole_claim_and_why_each_fen(here: Office) -> None:
    await here.happens(*decided_for())
    answer: ClaimAnswer = await here.ask(THIS, of(LI))
    assert (answer.status, answer.granted, answer.paid) == (ClaimStatus.APPROVED, fen("17421.13"), 0)
    assert (answer.diagnosis, answer.hospital) == (Personal("肝硬化"), Personal("东阳市人民医院"))
    assert answer.bill is not None
    assert answer.bill.self_paid == fen("33535.22")
    assert answer.why == (
        "医保结算后自付33535.22元",
        "起付线500.00元以内不付（职工医疗互助保障 第4条）",
        "500.00元至5000.00元部分4500.00元，按40%付1800.00元（职工医疗互助保障 第4条）",
        "5000.00元至20000.00元部分15000.00元，按50%付7500.00元（职工医疗互助保障 第4条）",
        "超过20000.00元部分13535.22元，按60%付8121.132元（职工医疗互助保障 第4条）",
        "合计17421.13元（四舍六入五成双到分，职工医疗互助保障 第4条）",
    )
    await here.happens((pay(), CLERK, JANUARY), (batch(), CLERK, JANUARY), (sent(), CLERK, JANUARY))
    answer = await here.ask(THIS, of(LI))
    assert (answer.status, answer.paid, answer.paid_on) == (ClaimStatus.SETTLED, fen("17421.13"), JANUARY)


async def test_what_does_not_count_and_what_the_ceiling_takes_away_is_said_with_its_clause(here: Office) -> None:
    excluded = (Exclusion(amount=fen(1_000), ground=ExclusionGround.OTHER_COMPENSATION),)
    await here.happens((file("61000"), of(LI), JANUARY), (assess(exclusions=excluded), CLERK, JANUARY))
    why = (await here.ask(THIS, of(LI))).why
    assert why[0] == "医保结算后自付61000.00元"
    assert why[1] == "其中1000.00元不计入，计入60000.00元"
    assert "第三方已赔付的费用1000.00元不计入（职工医疗互助保障 第4条）" in why
    assert why[-2].startswith("年度限额30000.00元，本期尚余30000.00元，待遇33300.00元减为30000.00元")
    assert why[-2].endswith("（职工医疗互助保障 第5条）")
    assert why[-1] == "实付待遇30000.00元"


async def test_a_claim_that_was_turned_down_says_why_to_everybody_who_may_see_it(here: Office) -> None:
    turned_down = RejectClaim(claim_id=claim(), ground=RejectionGround.INVOICE_COUNTED)
    await here.happens((file(), of(LI), JANUARY), (turned_down, HEAD, JANUARY))
    for actor in (of(LI), CADRE, CLERK):
        answer: ClaimAnswer = await here.ask(THIS, actor)
        assert (answer.status, answer.ground, answer.clause) == (
            ClaimStatus.REJECTED,
            RejectionGround.INVOICE_COUNTED,
            "职工医疗互助保障 第10条",
        )
        assert answer.why == ("票据已报销（职工医疗互助保障 第10条）",)


async def test_the_desk_sees_what_assessing_needs(here: Office) -> None:
    await here.happens((file(), of(LI), JANUARY))
    answer: ClaimAnswer = await here.ask(THIS, CLERK)
    assert (answer.diagnosis, answer.hospital) == (Personal("肝硬化"), Personal("东阳市人民医院"))
    assert answer.bill is not None


async def test_a_cadre_sees_where_it_stands_and_neither_the_illness_nor_the_hospital_nor_the_bill(
    here: Office,
) -> None:
    await here.happens(*decided_for())
    answer: ClaimAnswer = await here.ask(THIS, CADRE)
    assert (answer.status, answer.granted) == (ClaimStatus.APPROVED, fen("17421.13"))
    assert (answer.diagnosis, answer.hospital, answer.bill, answer.assessment) == (None, None, None, None)
    assert answer.why == ()


async def test_the_cadre_who_filed_on_behalf_sees_the_bill_and_not_the_illness(here: Office) -> None:
    await here.happens(
        (file(documents=(*ALL_DOCUMENTS, Document.PROXY_FORM)), CADRE, JANUARY), (assess(), CLERK, JANUARY)
    )
    answer: ClaimAnswer = await here.ask(THIS, CADRE)
    assert (answer.channel, answer.diagnosis, answer.hospital) == (Channel.PROXY, None, None)
    assert answer.bill is not None
    assert answer.assessment is not None
    assert answer.why


async def test_a_cadre_s_own_claim_is_a_worker_s_claim(here: Office) -> None:
    await here.happens(
        (enrol(WANG, name="王"), CADRE, JUNE),
        (employer_pays(name="王"), CLERK, JUNE),
        (workers_pay(name="王"), CLERK, JUNE),
        (file(member_id=WANG, name="王", invoices=("33011234567899",)), CADRE, JANUARY),
    )
    answer: ClaimAnswer = await here.ask(ShowClaim(claim_id=claim("王")), CADRE)
    assert answer.diagnosis == Personal("肝硬化")


@pytest.mark.parametrize("actor", [OPERATOR, SYSTEM], ids=["operator", "system"])
async def test_whoever_runs_the_system_sees_no_illness(here: Office, actor: Actor) -> None:
    await here.happens(*decided_for())
    answer: ClaimAnswer = await here.ask(THIS, actor)
    assert (answer.status, answer.diagnosis, answer.hospital, answer.bill) == (ClaimStatus.APPROVED, None, None, None)


async def test_the_claim_of_a_one_stop_settlement_names_the_hospital_that_joined(here: Office) -> None:
    await here.happens((quote(), AT_THE_HOSPITAL, JANUARY))
    answer: ClaimAnswer = await here.ask(ShowClaim(claim_id=SETTLEMENT), of(LI))
    assert (answer.status, answer.channel) == (ClaimStatus.QUOTED, Channel.HOSPITAL)
    assert (answer.diagnosis, answer.hospital) == (Personal("肝硬化"), Personal("东阳市人民医院"))


async def test_of_a_worker_who_was_erased_the_amounts_stay_and_the_illness_is_gone(here: Office) -> None:
    await here.happens(*decided_for())
    await here.keyring.erase(LI)
    answer: ClaimAnswer = await here.ask(THIS, CLERK)
    assert (answer.granted, answer.diagnosis, answer.hospital) == (fen("17421.13"), None, None)


async def test_a_claim_is_nobody_else_s_business(here: Office) -> None:
    await here.happens((file(), of(LI), JANUARY))
    for actor in (of(SUN), CADRE_OF_TOYS):
        refusal = await here.refusal(THIS, actor)
        assert (refusal.code, refusal.clause) == ("not_concerned", "岗位职责")
    for role in (Role.HOSPITAL, Role.BANK):
        assert (await here.refusal(THIS, Actor(role=role, id="dyrmyy"))).code == "not_allowed"
    for federation in (JINHUA, "330503"):
        refusal = await here.refusal(THIS, CLERK, federation)
        assert (refusal.code, refusal.message) == ("unknown_claim", "没有这笔申请")
    assert (await here.refusal(ShowClaim(claim_id=claim("无")), of(LI))).code == "unknown_claim"


# Lists


async def test_claims_are_listed_newest_first_and_name_no_illness(here: Office) -> None:
    await here.happens((file(), of(LI), JANUARY))
    await here.happens((file(name="二", invoices=("33011234567891",)), CADRE, JANUARY + timedelta(days=1)))
    for actor, query in (
        (of(LI), FindClaims()),
        (of(LI), FindClaims(member_id=LI)),
        (CADRE, FindClaims()),
        (CADRE, FindClaims(union_id=CABLE_UNION)),
        (CADRE, FindClaims(member_id=LI)),
        (CLERK, FindClaims(member_id=LI)),
        (CLERK, FindClaims(union_id=CABLE_UNION)),
    ):
        found = await here.ask(query, actor)
        assert [each.claim_id for each in found] == [claim("二"), claim()]
        assert {(each.diagnosis, each.hospital) for each in found} == {(None, None)}


async def test_a_long_list_comes_in_pages(here: Office) -> None:
    for day in range(5):
        filed = file(name=str(day), invoices=(f"33011234567{day}",))
        await here.happens((filed, of(LI), JANUARY + timedelta(days=day // 2)))
    whole = await here.ask(FindClaims(), of(LI))
    first = await here.ask(FindClaims(limit=2), of(LI))
    second = await here.ask(FindClaims(limit=2, beyond=first[-1].claim_id), of(LI))
    third = await here.ask(FindClaims(limit=2, beyond=second[-1].claim_id), of(LI))
    assert (*first, *second, *third) == whole
    assert [len(page) for page in (first, second, third)] == [2, 2, 1]


async def test_a_list_is_refused_to_whom_it_does_not_concern(here: Office) -> None:
    await here.happens((file(), of(LI), JANUARY))
    for actor, query in (
        (of(SUN), FindClaims(member_id=LI)),
        (of(LI), FindClaims(union_id=CABLE_UNION)),
        (CADRE_OF_TOYS, FindClaims(union_id=CABLE_UNION)),
        (CADRE_OF_TOYS, FindClaims(member_id=LI)),
        (Actor(role=Role.MEMBER, id="somebody"), FindClaims()),
    ):
        assert (await here.refusal(query, actor)).code == "not_concerned"
    refusal = await here.refusal(FindClaims(), CLERK)
    assert (refusal.code, refusal.message) == ("whose_claims", "请指明职工或基层工会")
    assert await here.ask(FindClaims(union_id=TOYS_UNION), CADRE_OF_TOYS) == ()
    assert await here.ask(FindClaims(union_id=CABLE_UNION), CLERK, JINHUA) == ()


# The desk


async def test_the_desk_has_each_claim_where_it_waits(here: Office) -> None:
    few = ALL_DOCUMENTS[:2]
    await here.happens(
        (file("3000", "缺", ("330112345670",), documents=few), of(LI), JANUARY),
        (file("3000", "待", ("330112345671",)), of(LI), JANUARY),
        (file("3000", "小", ("330112345672",)), of(LI), JANUARY),
        (assess("小"), CLERK, JANUARY),
        (file("30000", "大", ("330112345673",)), of(LI), JANUARY),
        (assess("大"), CLERK, JANUARY),
        (quote("1000"), AT_THE_HOSPITAL, JANUARY),
    )
    desk: DeskAnswer = await here.ask(ShowDesk(), CLERK)
    assert desk.waiting == 4
    waiting = [desk.to_complete, desk.to_assess, desk.to_review, desk.to_approve, desk.to_pay]
    assert [[each.claim_id for each in queue] for queue in waiting] == [
        [claim("缺")],
        [claim("待")],
        [claim("大")],
        [claim("小")],
        [],
    ]
    (incomplete,) = desk.to_complete
    assert incomplete.missing == (Document.DISCHARGE_SUMMARY, Document.IDENTITY)
    assert incomplete.supply_by == end_of(JANUARY + timedelta(days=30))
    await here.happens((ReviewClaim(claim_id=claim("大")), REVIEWER, JANUARY), (approve("小"), HEAD, JANUARY))
    desk = await here.ask(ShowDesk(), CLERK)
    assert ([*desk.to_review], [each.claim_id for each in desk.to_approve]) == ([], [claim("大")])
    assert [each.claim_id for each in desk.to_pay] == [claim("小")]
    await here.happens((pay("小"), CLERK, JANUARY))
    assert (await here.ask(ShowDesk(), CLERK)).to_pay == ()


async def test_waivers_are_in_the_order_in_which_they_fall_due(here: Office) -> None:
    for name, day in (("后", JANUARY), ("先", JANUARY - timedelta(days=5))):
        await here.happens((file(name=name, invoices=(f"33{day:%Y%m%d}",), documents=()), of(LI), day))
    desk: DeskAnswer = await here.ask(ShowDesk(), CLERK)
    assert [each.claim_id for each in desk.to_complete] == [claim("先"), claim("后")]


async def test_an_invoice_that_counts_for_another_claim_is_noted_for_the_desk_alone(here: Office) -> None:
    await here.happens((file(), of(LI), JANUARY), (file(name="二"), of(LI), JANUARY))
    desk: DeskAnswer = await here.ask(ShowDesk(), CLERK)
    noted = {each.claim_id: each.conflicts for each in desk.to_assess}
    assert noted == {claim(): (), claim("二"): ("33011234567890",)}
    assert (await here.ask(ShowClaim(claim_id=claim("二")), of(LI))).conflicts == ()


async def test_the_desk_is_the_county_s_own(here: Office) -> None:
    await here.happens((file(), of(LI), JANUARY))
    assert await here.ask(ShowDesk(), CLERK, JINHUA) == DeskAnswer(
        waiting=0, to_complete=(), to_assess=(), to_review=(), to_approve=(), to_pay=()
    )
    for actor in (of(LI), CADRE):
        refusal = await here.refusal(ShowDesk(), actor)
        assert refusal.code == "not_allowed"
    (shown,) = (await here.ask(ShowDesk(), OPERATOR)).to_assess
    assert (shown.bill, shown.period) == (None, PERIOD)
