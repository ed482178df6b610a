"""One-stop settlement as a hospital meets it: request and reply, by its own numbers, for patients it knows by their
identity cards."""

from datetime import date
from typing import Any

from services.aid.domain.account import ACCOUNT
from services.aid.domain.pool import POOL, pool_key
from shared.schemas.aid import (
    ClaimFiled,
    ConfirmSettlement,
    HospitalSettlementConfirmed,
    HospitalSettlementQuoted,
    LedgerAccount,
    PaymentInstructed,
    QuoteForPatient,
    QuoteSettlement,
    SettlementAnswer,
    SettlementStatus,
    ShowSettlement,
    account_id,
)
from shared.schemas.ids import EmployerId, MemberId, UnionId
from shared.schemas.messages import Actor, Role
from shared.schemas.money import fen
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    ConsentPurpose,
    FederationLevel,
    GiveConsent,
    RegisterFederation,
    WithdrawConsent,
)
from tests.services.aid.cases import (
    AT_THE_HOSPITAL,
    CLERK,
    DONGYANG,
    HOSPITAL,
    JANUARY,
    JINHUA,
    LI,
    NEXT_PERIOD,
    OTHER_HOSPITAL,
    PERIOD,
    cancel,
    confirm,
    employer_pays,
    enrol,
    named,
    of,
    quote,
    workers_pay,
)
from tests.services.aid.county import JIN, OPERATOR, County, found, number_of
from tests.services.registry.rosters import id_number

ELSEWHERE = Actor(role=Role.HOSPITAL, id=OTHER_HOSPITAL)
TOLD = ShowSettlement(hospital=HOSPITAL, settlement_number="S1")


async def shown(here: County, actor: Actor = AT_THE_HOSPITAL, federation: str = DONGYANG) -> SettlementAnswer:
    answer: SettlementAnswer = await here.asks(TOLD, actor, federation)
    return answer


def for_patient(member_id: MemberId = LI, **otherwise: Any) -> QuoteForPatient:
    told = quote().model_dump(exclude={"member_id", "bill"})
    return QuoteForPatient(**(told | {"bill": quote().bill, "id_number": Personal(number_of(member_id))} | otherwise))


def consent(member_id: MemberId = LI, hospital: str = HOSPITAL) -> GiveConsent:
    return GiveConsent(
        member_id=member_id, purpose=ConsentPurpose.SHARE_WITH_HOSPITAL, to=hospital, evidence="授权书77"
    )


async def test_a_hospital_learns_what_it_deducts_and_the_patient_leaves_with_the_benefit(january: County) -> None:
    await january.does(quote(), AT_THE_HOSPITAL)
    quoted = await shown(january)
    assert (quoted.status, quoted.amount) == (SettlementStatus.QUOTED, fen("17421.13"))
    await january.does(confirm(), AT_THE_HOSPITAL)
    confirmed = await shown(january)
    assert (confirmed.status, confirmed.amount, confirmed.confirmed_on) == (
        SettlementStatus.CONFIRMED,
        fen("17421.13"),
        JANUARY,
    )


async def test_a_message_sent_again_changes_nothing_and_another_bill_under_its_number_is_refused(
    january: County,
) -> None:
    for message in (quote(), confirm()):
        first = await january.does(message, AT_THE_HOSPITAL)
        again = await january.does(message, AT_THE_HOSPITAL)
        assert (first.changed, again.changed) == (True, False)
        assert again.stream == first.stream
    assert await january.tries(quote("700"), AT_THE_HOSPITAL) == "settlement_differs"
    for _ in range(2):
        await january.does(cancel(), AT_THE_HOSPITAL)
    assert await january.tries(confirm(), AT_THE_HOSPITAL) == "settlement_cancelled"
    assert (await shown(january)).status == SettlementStatus.CANCELLED
    account = await january.state(ACCOUNT, account_id(LI, PERIOD))
    assert account.used == 0
    for kind in (HospitalSettlementQuoted, HospitalSettlementConfirmed):
        assert len(await january.told(kind)) == 1


async def test_no_hospital_acts_or_looks_for_another(january: County) -> None:
    await january.does(quote(), AT_THE_HOSPITAL)
    for command in (quote(), for_patient(), confirm(), cancel()):
        assert await january.tries(command, ELSEWHERE) == "not_your_hospital"
        for nobody in (CLERK, of(LI), Actor(role=Role.SYSTEM, id="x")):
            assert await january.tries(command, nobody) == "not_allowed"
    refusal = await january.refusal(ConfirmSettlement(hospital=HOSPITAL, settlement_number="S9"), AT_THE_HOSPITAL)
    assert (refusal.code, refusal.clause) == ("unknown_settlement", "职工医疗互助保障 第9条")
    stranger = Actor(role=Role.HOSPITAL, id="nowhere")
    unjoined = QuoteSettlement.model_validate(quote().model_dump() | {"hospital": "nowhere", "bill": quote().bill})
    assert await january.tries(unjoined, stranger) == "hospital_not_joined"


async def test_a_patient_is_known_by_their_identity_number_once_they_consent(january: County) -> None:
    refusal = await january.refusal(for_patient(), AT_THE_HOSPITAL)
    assert (refusal.code, refusal.clause) == ("unknown_patient", "个人信息保护法 第23条")
    await january.tells(consent(), of(LI))
    await january.does(for_patient(), AT_THE_HOSPITAL)
    (filed,) = await january.told(ClaimFiled)
    assert filed.member_id == LI
    assert not (await january.does(for_patient(), AT_THE_HOSPITAL)).changed
    await january.does(confirm(), AT_THE_HOSPITAL)


async def test_who_is_no_member_and_who_has_not_consented_look_alike(january: County) -> None:
    await january.tells(consent(hospital=OTHER_HOSPITAL), of(LI))
    assert await january.tries(for_patient(), AT_THE_HOSPITAL) == "unknown_patient"
    given = consent()
    await january.tells(given, of(LI))
    await january.tells(WithdrawConsent(member_id=LI, consent_id=given.consent_id), of(LI))
    withdrawn = await january.refusal(for_patient(), AT_THE_HOSPITAL)
    nobodys = id_number(DONGYANG, date(1980, 1, 1), 999)
    nobody = await january.refusal(for_patient(id_number=Personal(nobodys)), AT_THE_HOSPITAL)
    assert withdrawn == nobody


async def test_a_number_that_cannot_be_one_is_refused_by_its_standard(january: County) -> None:
    wrong = number_of(LI)[:-1] + ("1" if number_of(LI)[-1] != "1" else "2")
    refusal = await january.refusal(for_patient(id_number=Personal(wrong)), AT_THE_HOSPITAL)
    assert (refusal.code, refusal.clause) == ("id_number_check", "GB 11643")


async def test_in_a_pool_a_hospital_of_one_county_settles_for_a_worker_of_another(dongyang: County) -> None:
    city = RegisterFederation(code=JINHUA, name="金华市总工会", level=FederationLevel.CITY)
    await dongyang.does(city, OPERATOR, federation=JINHUA)
    works, union = EmployerId(named("金华厂")), UnionId(named("金华厂工会"))
    await found(dongyang, works, union, "金华厂", JIN, federation=JINHUA)
    await dongyang.tells(consent(JIN), of(JIN), federation=JINHUA)
    await dongyang.on(date(2019, 6, 20))
    for command in (
        enrol(JIN, employer=works, period=NEXT_PERIOD),
        employer_pays(employer=works, period=NEXT_PERIOD),
        workers_pay(employer=works, period=NEXT_PERIOD),
    ):
        await dongyang.does(command, federation=JINHUA)
    autumn = date(2019, 9, 20)
    await dongyang.on(autumn)
    await dongyang.does(for_patient(JIN, admitted_on=autumn, discharged_on=autumn), AT_THE_HOSPITAL)
    await dongyang.does(confirm(), AT_THE_HOSPITAL)
    (filed,) = await dongyang.told(ClaimFiled)
    assert (filed.member_id, filed.filed_in, filed.county, filed.pool) == (JIN, DONGYANG, JINHUA, JINHUA)
    ledger = await dongyang.state(POOL, pool_key(JINHUA, NEXT_PERIOD))
    assert ledger[LedgerAccount.BENEFITS] == fen("17421.13")
    (instructed,) = await dongyang.once_told(PaymentInstructed)
    assert (instructed.pool, instructed.county) == (JINHUA, JINHUA)
