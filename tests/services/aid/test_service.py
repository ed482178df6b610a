"""Mutual aid as its users meet it, from the roster to the bank: whole services on real servers, with a set clock."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest

from services.aid.domain.account import ACCOUNT
from services.aid.domain.membership import MEMBERSHIP
from services.aid.domain.pool import POOL, pool_key
from services.aid.rules import shipped
from shared.schemas.aid import (
    BookAppointment,
    CancelAppointment,
    ClaimAssessed,
    ClaimFiled,
    ClaimSettled,
    Document,
    EndCoverage,
    EndOfCover,
    LedgerAccount,
    OpenSlot,
    PaymentInstructed,
    PublishScheme,
    RejectClaim,
    RejectionGround,
    RenewContract,
    ReopenClaim,
    ReopenGround,
    ReversalGround,
    ReverseClaim,
    SchemeTerms,
    ShowCover,
    SupplyDocuments,
    WithdrawClaim,
    WithdrawEnrolment,
    account_id,
    membership_id,
)
from shared.schemas.ids import EmployerId, MemberId, new_id
from shared.schemas.messages import Actor, Command, Refused, Role
from shared.schemas.money import fen
from shared.schemas.registry import ConsentPurpose, GiveConsent, MoveMember, WithdrawConsent
from tests.services.aid.cases import (
    AT_THE_HOSPITAL,
    CABLE,
    CADRE,
    CHEN,
    CLERK,
    DONGYANG,
    JANUARY,
    JUNE,
    LI,
    NEXT_PERIOD,
    PERIOD,
    REVIEWER,
    SUN,
    TOYS,
    TOYS_UNION,
    WANG,
    ZHAO,
    assess,
    batch,
    claim,
    decided_for,
    employer_pays,
    enrol,
    enrolment,
    file,
    noon,
    of,
    quote,
    sent,
    workers_pay,
)
from tests.services.aid.county import ZHOU, County

NANXUN = "330503"
CADRE_OF_TOYS = Actor(role=Role.CADRE, id=str(ZHOU))


async def test_a_workers_stay_goes_from_the_roster_to_the_bank_and_each_fen_is_accounted_for(dongyang: County) -> None:
    await dongyang.does(enrol(LI, CHEN), CADRE)
    await dongyang.does(employer_pays("50"))
    half = await dongyang.asks(ShowCover(member_id=LI, period=PERIOD), of(LI))
    assert half.status == "enrolled"
    await dongyang.does(workers_pay("50"))
    await dongyang.records_account()
    await dongyang.on(JANUARY)
    for command, actor, _ in decided_for():
        await dongyang.does(command, actor)
    (instructed,) = await dongyang.once_told(PaymentInstructed)
    assert instructed.account is not None
    assert instructed.account.clear.model_dump() == {
        "holder": "李建国",
        "number": "6222000000000001",
        "bank": "农业银行",
    }
    await dongyang.does(batch())
    await dongyang.does(sent())
    (settled,) = await dongyang.told(ClaimSettled)
    assert settled.amount == fen("17421.13")
    cover = await dongyang.asks(ShowCover(member_id=LI, period=PERIOD), of(LI))
    assert (cover.status, cover.settled, cover.left) == ("covered", fen("17421.13"), fen("12578.87"))
    ledger = await dongyang.state(POOL, pool_key(DONGYANG, PERIOD))
    assert ledger[LedgerAccount.BANK] == fen("100") - fen("17421.13")
    assert ledger[LedgerAccount.PAYABLE] == 0


async def test_a_cadre_files_for_a_worker_who_consents_and_for_nobody_else(january: County) -> None:
    january_claim = file(documents=(Document.INVOICE,))
    assert await january.tries(january_claim, CADRE) == "no_consent"
    consent = GiveConsent(member_id=LI, purpose=ConsentPurpose.ACT_ON_BEHALF, to=str(WANG), evidence="委托书")
    await january.tells(consent, of(LI))
    assert await january.tries(january_claim, CADRE_OF_TOYS) == "not_your_union"
    await january.does(january_claim, CADRE)
    (filed,) = await january.told(ClaimFiled)
    assert (filed.channel, filed.filed_by, filed.consent) == ("proxy", str(WANG), str(consent.consent_id))
    assert (filed.diagnosis.clear, filed.hospital and filed.hospital.clear) == ("肝硬化", "东阳市人民医院")
    await january.tells(WithdrawConsent(member_id=LI, consent_id=consent.consent_id), of(LI))
    assert await january.tries(file(name="二", invoices=("33011234567899",)), CADRE) == "no_consent"


async def test_a_consent_counts_on_the_days_that_it_is_given_for(january: County) -> None:
    consent = GiveConsent(
        member_id=LI, purpose=ConsentPurpose.ACT_ON_BEHALF, to=str(WANG), evidence="委托书", on=JUNE, until=JANUARY
    )
    await january.tells(consent, of(LI))
    await january.on(JANUARY + timedelta(days=1))
    assert await january.tries(file(), CADRE) == "no_consent"
    await january.on(JANUARY)
    await january.does(file(), CADRE)


async def test_rejected_reopened_and_reversed_at_the_desk(january: County) -> None:
    await january.does(file(), of(LI))
    await january.does(RejectClaim(claim_id=claim(), ground=RejectionGround.UNTRUE))
    await january.does(ReopenClaim(claim_id=claim(), ground=ReopenGround.NEW_EVIDENCE))
    for command, actor, _ in decided_for()[1:]:
        await january.does(command, actor)
    await january.does(ReverseClaim(claim_id=claim(), ground=ReversalGround.MISTAKE))
    account = await january.state(ACCOUNT, account_id(LI, PERIOD))
    assert account.used == 0
    ledger = await january.state(POOL, pool_key(DONGYANG, PERIOD))
    assert (ledger[LedgerAccount.BENEFITS], ledger[LedgerAccount.PAYABLE]) == (0, 0)


async def test_a_version_that_is_published_judges_the_stays_that_begin_from_its_day_on(january: County) -> None:
    terms = _raised(JANUARY + timedelta(days=1))
    await january.does(PublishScheme(terms=terms))
    assert await january.tries(PublishScheme(terms=terms)) == "scheme_exists"
    await january.on(JANUARY + timedelta(days=9))
    old = file("90000", "旧", ("33011111111111",))
    new = file("90000", "新", ("33012222222222",), admitted_on=terms.effective_from, discharged_on=terms.effective_from)
    for filed in (old, new):
        await january.does(filed, of(LI))
    (before, after) = await january.told(ClaimFiled)
    assert (before.scheme, after.scheme) == ("dongyang-1", "dongyang-2")
    await january.does(assess("旧"))
    await january.does(assess("新"))
    assessed = [one.assessment for one in await january.told(ClaimAssessed)]
    assert [(one.ceiling, one.amount) for one in assessed] == [(fen(30_000), fen(30_000)), (fen(40_000), fen(10_000))]


async def test_a_version_published_by_one_instance_is_what_another_decides_by(january: County) -> None:
    await january.another()
    terms = _raised(JANUARY + timedelta(days=1))
    await january.does(PublishScheme(terms=terms))
    await january.on(JANUARY + timedelta(days=9))
    for number in range(8):  # calls go to either instance
        stay = {"admitted_on": terms.effective_from, "discharged_on": terms.effective_from}
        await january.does(file("700", str(number), (f"3301222222{number:04d}",), **stay), of(LI))
    assert {one.scheme for one in await january.told(ClaimFiled)} == {"dongyang-2"}


def _raised(first: date) -> SchemeTerms:
    """The county's version with a ceiling of 40,000."""
    terms = shipped().at(DONGYANG, PERIOD)
    return terms.model_copy(update={"version": "dongyang-2", "effective_from": first, "ceiling": fen(40_000)})


async def test_a_whole_employer_is_renewed_and_who_left_it_is_left_out(january: County) -> None:
    await january.tells(MoveMember(member_id=CHEN, union_id=TOYS_UNION, employer_id=TOYS))
    await january.on(date(2019, 6, 20))
    renewal = RenewContract(employer_id=CABLE, period=NEXT_PERIOD, enrolment_id=enrolment("续"))
    await january.does(renewal, CADRE)
    assert await january.state(MEMBERSHIP, membership_id(LI, NEXT_PERIOD)) is not None
    assert await january.state(MEMBERSHIP, membership_id(CHEN, NEXT_PERIOD)) is None


async def test_a_change_of_job_keeps_the_cover(january: County) -> None:
    await january.tells(MoveMember(member_id=LI, union_id=TOYS_UNION, employer_id=TOYS))
    await january.does(file(), of(LI))
    cover = await january.asks(ShowCover(member_id=LI, period=PERIOD), of(LI))
    assert (cover.status, cover.employer_id) == ("covered", CABLE)


async def test_one_member_on_two_rosters_is_covered_once(dongyang: County) -> None:
    await dongyang.does(enrol(LI, CHEN), CADRE)
    await dongyang.does(enrol(LI, SUN, employer=TOYS, name="二"), CADRE_OF_TOYS)
    membership = await dongyang.state(MEMBERSHIP, membership_id(LI, PERIOD))
    assert membership is not None
    assert membership.employer_id == CABLE


async def test_appointments_are_booked_as_far_as_there_is_room(january: County) -> None:
    slot = OpenSlot(place="服务中心", starts_at=noon(JANUARY) + timedelta(hours=30), minutes=30, capacity=1)
    await january.does(slot)
    await january.does(BookAppointment(slot_id=slot.slot_id, member_id=LI), of(LI))
    assert await january.tries(BookAppointment(slot_id=slot.slot_id, member_id=CHEN), of(CHEN)) == "slot_full"
    assert await january.tries(CancelAppointment(slot_id=slot.slot_id, member_id=LI), of(CHEN)) == "not_yours"
    await january.does(CancelAppointment(slot_id=slot.slot_id, member_id=LI), CADRE)
    await january.does(BookAppointment(slot_id=slot.slot_id, member_id=CHEN), of(CHEN))


NOWHERE = EmployerId(new_id())
STRANGER = MemberId(new_id())
REFUSED: list[tuple[str, str, Command, Actor]] = [
    ("unknown_employer", "第2条", enrol(LI, employer=NOWHERE), CLERK),
    ("unknown_employer", "第2条", RenewContract(employer_id=NOWHERE, period=NEXT_PERIOD), CLERK),
    ("not_your_employer", "第2条", enrol(SUN, employer=TOYS), CADRE),
    ("nobody_to_enrol", "第2条", enrol(STRANGER, name="二"), CADRE),
    ("nothing_to_renew", "第2条", RenewContract(employer_id=TOYS, period=NEXT_PERIOD), CLERK),
    ("unknown_enrolment", "第2条", employer_pays(name="没有"), CLERK),
    (
        "unknown_enrolment",
        "第2条",
        WithdrawEnrolment(employer_id=CABLE, period=PERIOD, enrolment_id=enrolment("没有")),
        CADRE,
    ),
    ("not_covered", "第3条", file(member_id=SUN), of(SUN)),
    ("not_yours", "第7条", file(), of(CHEN)),
    ("unknown_claim", "第7条", SupplyDocuments(claim_id=claim(), documents=(Document.INVOICE,)), of(LI)),
    ("unknown_claim", "第7条", WithdrawClaim(claim_id=claim()), of(LI)),
    ("unknown_claim", "第7条", assess(), CLERK),
    ("unknown_payment", "第11条", sent(), CLERK),
    ("nothing_to_batch", "第11条", batch(), CLERK),
    ("not_your_pool", "第1条", PublishScheme(terms=shipped().at("330700", date(2020, 1, 1))), CLERK),
    ("not_allowed", "岗位职责", assess(), AT_THE_HOSPITAL),
    ("not_allowed", "岗位职责", quote(), CLERK),
]


async def test_each_family_of_commands_refuses_by_its_clause(january: County) -> None:
    head = await january.aid.store.head()
    for code, clause, command, actor in REFUSED:
        refusal = await january.refusal(command, actor)
        assert (refusal.code, refusal.clause.removeprefix("职工医疗互助保障 ")) == (code, clause), command
        assert refusal.message
    assert await january.aid.store.head() == head


async def test_what_is_of_one_county_another_pool_does_not_know(january: County) -> None:
    await january.does(file(), of(LI))
    await january.does(enrol(ZHAO, name="二"))
    died = EndCoverage(member_id=LI, period=PERIOD, ground=EndOfCover.DECEASED, on=JANUARY)
    for command, code in (
        (assess(), "unknown_claim"),
        (enrol(LI, name="三"), "unknown_employer"),
        (employer_pays(name="二"), "unknown_enrolment"),
        (died, "no_cover_to_end"),
    ):
        assert await january.tries(command, federation=NANXUN) == code
    slot = OpenSlot(place="服务中心", starts_at=noon(JANUARY) + timedelta(hours=30), minutes=30, capacity=1)
    await january.does(slot)
    booking = BookAppointment(slot_id=slot.slot_id, member_id=LI)
    assert await january.tries(booking, CLERK, federation=NANXUN) == "unknown_slot"
    stranger = BookAppointment(slot_id=slot.slot_id, member_id=STRANGER)
    assert await january.tries(stranger, CLERK) == "not_a_member"


async def test_a_command_sent_again_changes_nothing_and_another_under_its_id_is_refused(
    january: County,
) -> None:
    again = new_id()
    first = await january.does(file(), of(LI), again)
    second = await january.does(file(), of(LI), again)
    assert (first.duplicate, second.duplicate, second.position) == (False, True, first.position)
    with pytest.raises(Refused, match="command_id_reused"):
        await january.does(file("700"), of(LI), again)
    kinds: Counter[Any] = Counter(type(event) for event in await january.told(ClaimFiled))
    assert kinds == {ClaimFiled: 1}


async def test_a_reviewer_is_another_than_who_assessed(january: County) -> None:
    for command, actor, _ in decided_for()[:2]:
        await january.does(command, actor)
    review, approve = (command for command, _, _ in decided_for()[2:])
    assert await january.tries(review, CLERK) == "same_person_twice"
    assert await january.tries(approve, REVIEWER) == "not_reviewed"
