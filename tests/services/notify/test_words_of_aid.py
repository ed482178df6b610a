"""What a worker is told of mutual aid, as the shipped rules and templates have it."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from services.notify import rules, senders, templates
from services.notify.templates import Addressee
from shared.schemas import aid
from shared.schemas.ids import MemberId, new_id
from shared.schemas.language import events_of
from shared.schemas.messages import Event
from shared.schemas.personal import Personal

CLAIM, MEMBER = aid.ClaimId(UUID("01985b5e-3f00-7000-8000-00003f2a91bc")), MemberId(new_id())
CEILING = aid.Finding(clause="职工医疗互助保障 第5条", words="待遇40000.00元减为30000.00元", amount=1_000_000)


def texts(event: Event) -> list[str]:
    """The text messages that an event of mutual aid calls for."""
    content: dict[str, Any] = event.model_dump(mode="json", exclude=set(event.personal_fields))
    to = Addressee("张建国", senders.shipped()["330783"])
    called = [rule for rule in rules.shipped().of("aid", type(event).__name__) if rule.applies_to(content)]
    named = [(templates.shipped()[rule.template], rule) for rule in called]
    return [template.sms_text(to, rule.values_of(content, template)) for template, rule in named]


def approved(channel: aid.Channel, amount: int, was: int = 0, *reductions: aid.Finding) -> aid.ClaimApproved:
    return aid.ClaimApproved(
        claim_id=CLAIM,
        member_id=MEMBER,
        amount=amount,
        was=was,
        by="li",
        channel=channel,
        reductions=reductions,
    )


def test_the_worker_is_told_what_was_granted_and_why_it_is_not_more() -> None:
    (text,) = texts(approved(aid.Channel.COUNTER, 1_742_113))
    assert text == "【东阳市总工会】张建国您好，您的医疗互助申请（编号3F2A91BC）已审批，核定互助金17,421.13元。"
    (text,) = texts(approved(aid.Channel.PROXY, 3_000_000, 1_742_113, CEILING))
    assert "核定互助金30,000元（原核定17,421.13元），已按规定核减：待遇40000.00元减为30000.00元。" in text


def test_who_leaves_the_hospital_is_told_what_was_settled_there() -> None:
    (text,) = texts(approved(aid.Channel.HOSPITAL, 1_742_113))
    assert "您的医疗互助金17,421.13元已在医院一站式结算" in text


def test_the_worker_is_told_of_what_is_paid_to_them_and_not_to_the_hospital() -> None:
    paid = aid.ClaimSettled(
        claim_id=CLAIM,
        member_id=MEMBER,
        payee=aid.Payee.MEMBER,
        payment_id=aid.payment_id(CLAIM, 1),
        amount=1_742_113,
        paid=1_742_113,
        on=date(2019, 4, 2),
    )
    (text,) = texts(paid)
    assert "医疗互助金17,421.13元已于2019年4月2日付到您登记的银行账户" in text
    assert texts(paid.model_copy(update={"payee": aid.Payee.HOSPITAL})) == []


def test_missing_documents_are_named_with_their_deadline() -> None:
    missing = aid.DocumentMissingNoted(
        claim_id=CLAIM,
        member_id=MEMBER,
        documents=(aid.Document.INVOICE, aid.Document.PROXY_FORM),
        supply_by=datetime(2019, 4, 30, 16, tzinfo=UTC),
    )
    (text,) = texts(missing)
    assert "还缺少材料：医疗收费票据、代办委托书，请于2019年5月1日 00:00前补交" in text


def returned(ground: aid.ReturnGround | None) -> aid.PayoutFailed:
    payment = aid.payment_id(CLAIM, 1)
    return aid.PayoutFailed(claim_id=CLAIM, member_id=MEMBER, payment_id=payment, amount=5_00, ground=ground)


def test_a_payment_that_came_back_calls_for_words_only_where_the_worker_can_mend_it() -> None:
    (text,) = texts(returned(aid.ReturnGround.NAME_MISMATCH))
    assert "互助金5元被银行退回，原因：户名与账号不符" in text
    assert texts(returned(aid.ReturnGround.TECHNICAL)) == texts(returned(None)) == []


def filed(channel: aid.Channel) -> aid.ClaimFiled:
    bill = aid.Bill(invoices=("330120190001",), total=5_000_000, insurance_paid=1_000_000)
    return aid.ClaimFiled(
        claim_id=CLAIM,
        member_id=MEMBER,
        channel=channel,
        filed_by="li",
        consent=None,
        filed_in="330783",
        county="330783",
        pool="330783",
        scheme="1",
        period=date(2018, 7, 1),
        care=aid.Care.INPATIENT,
        admitted_on=date(2019, 3, 1),
        discharged_on=date(2019, 3, 20),
        bill=bill,
        diagnosis=Personal("肝硬化"),
        hospital=Personal("东阳市人民医院"),
        hospital_code=None,
        settlement_number=None,
        documents=(),
        conflicts=(),
    )


def test_the_worker_is_told_who_filed_the_claim() -> None:
    (own,), (by_cadre,) = texts(filed(aid.Channel.ONLINE)), texts(filed(aid.Channel.PROXY))
    assert "您2019年3月1日至2019年3月20日住院的医疗互助申请已受理，编号3F2A91BC" in own
    assert "工会干部按您的委托，已代您提交" in by_cadre
    assert texts(filed(aid.Channel.HOSPITAL)) == []


def test_no_message_says_what_is_personal() -> None:
    """A text message lies open on a telephone: neither illness, hospital nor account are in any."""
    kinds = events_of(aid)
    for rule in rules.shipped().rules:
        if rule.programme == "aid":
            places = {rule.place_of(name) for name in templates.shipped()[rule.template].variables}
            assert places.isdisjoint(kinds[rule.event].personal_fields), rule.id
