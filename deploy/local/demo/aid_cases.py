"""The cases of mutual aid, each a short play: what is done, what must come of it, and what came."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

from deploy.local.demo.aid_cover import renew
from deploy.local.demo.aid_desk import ALL, PERIOD, Desk, bill, file_claim
from deploy.local.demo.cases import Told
from deploy.local.demo.dongyang import CLERK, HOSPITAL, County
from shared.schemas.aid import (
    BankAccount,
    CancelSettlement,
    ClaimStatus,
    Document,
    NameSuccessor,
    RecoverOverpayment,
    ReopenClaim,
    ReopenGround,
    ReturnGround,
    SupplyDocuments,
)
from shared.schemas.messages import Role
from shared.schemas.money import cny
from shared.schemas.personal import Personal
from shared.schemas.registry import EndMembership, GiveConsent, RecordBankAccount
from shared.schemas.registry.values import ConsentPurpose, EndOfMembership

__all__ = ["CASES", "AidCase"]

NEXT_PERIOD: Final = date(2019, 7, 1)


@dataclass(frozen=True, slots=True)
class AidCase:
    title: str
    who: str
    """Which of the county's people."""
    play: Callable[[Desk, County], Awaitable[Told]]
    texts: tuple[str, ...]
    """The templates by which the worker must be told of it, each as often as it stands here."""


def _december(first: int, last: int) -> tuple[date, date]:
    return date(2018, 12, first), date(2018, 12, last)


async def _cirrhosis(desk: Desk, here: County) -> Told:
    """Two years in the scheme, in hospital the year before: the known case."""
    person = here.cirrhosis
    stay = date(2018, 11, 6), date(2018, 12, 3)
    claim_id = await desk.file(person.acting(), person, stay, bill("33535.22"), "肝硬化")
    await desk.decide(claim_id)
    claim = await desk.pay(claim_id)
    assert claim.bill is not None
    return Told("settled: 17421.13 of 33535.22", f"{claim.status}: {cny(claim.paid)} of {cny(claim.bill.self_paid)}")


async def _one_stop(desk: Desk, here: County) -> Told:
    """The worker leaves the hospital with the benefit deducted, and makes no trip; the fund pays the hospital."""
    number = "JS20190110001"
    claim_id = await desk.settle(here.discharged, _december(20, 28), bill("6000.00"), number)
    settled = await desk.settlement(number)
    claim = await desk.pay(claim_id)
    return Told(
        "confirmed: 2300.00 deducted; the hospital has 2300.00",
        f"{settled.status}: {cny(settled.amount)} deducted; the hospital has {cny(claim.paid)}",
    )


async def _on_behalf(desk: Desk, here: County) -> Told:
    """A cadre files for a worker who can't: only once they have consented."""
    person, cadre = here.bedridden, here.chair.acting(Role.CADRE)
    documents = (*ALL, Document.PROXY_FORM)
    stay, of = _december(1, 24), bill("8000.00")
    refusal = await desk.stage.refusal("aid", cadre, file_claim(person, stay, of, "股骨骨折", documents))
    consent = GiveConsent(
        member_id=person.member_id,
        purpose=ConsentPurpose.ACT_ON_BEHALF,
        to=str(here.chair.member_id),
        evidence="委托书2019-1",
    )
    await desk.stage.act("registry", person.acting(), consent)
    claim_id = await desk.file(cadre, person, stay, of, "股骨骨折", documents, "no_consent")
    await desk.decide(claim_id)
    claim = await desk.pay(claim_id)
    return Told(
        "no_consent; then proxy, settled: 3300.00",
        f"{refusal}; then {claim.channel}, {claim.status}: {cny(claim.paid)}",
    )


async def _supplied(desk: Desk, here: County) -> Told:
    """容缺: the claim is taken though the invoice is missing, which follows."""
    person = here.forgetful
    claim_id = await desk.file(person.acting(), person, _december(10, 18), bill("5000.00"), "肺炎", ALL[1:])
    missing = (await desk.claim(claim_id)).missing
    await desk.later(10)
    await desk.act(person.acting(), SupplyDocuments(claim_id=claim_id, documents=missing))
    await desk.decide(claim_id)
    claim = await desk.pay(claim_id)
    came = f"{'、'.join(document.term for document in missing)} missing, then {claim.status}: {cny(claim.paid)}"
    return Told("医疗收费票据 missing, then settled: 1800.00", came)


async def _never_supplied(desk: Desk, here: County) -> Told:
    """When the time for what is missing is over, the claim is turned down by itself."""
    person = here.careless
    claim_id = await desk.file(person.acting(), person, _december(3, 9), bill("3000.00"), "肋骨骨折", ALL[1:])
    await desk.later(31)

    async def turned_down() -> ClaimStatus | None:
        status = (await desk.claim(claim_id)).status
        return status if status is ClaimStatus.REJECTED else None

    status = await desk.stage.until(turned_down)
    claim = await desk.claim(claim_id)
    return Told("rejected: documents, 职工医疗互助保障 第7条", f"{status}: {claim.ground}, {claim.clause}")


async def _ceiling(desk: Desk, here: County) -> Told:
    """A second claim meets the ceiling. When the first one's bill is settled anew for less, the second stays as it was
    granted, until it is reopened."""
    person = here.twice_ill
    first = await desk.file(person.acting(), person, _december(1, 12), bill("50000.00"), "冠心病")
    await desk.decide(first)
    await desk.pay(first)
    second = await desk.file(person.acting(), person, _december(15, 30), bill("20000.00"), "冠心病")
    await desk.decide(second)
    reduced = await desk.pay(second)
    assert reduced.assessment is not None
    anew = ReopenClaim(claim_id=first, ground=ReopenGround.RESETTLED, bill=bill("40000.00"))
    await desk.act(CLERK, anew)
    await desk.decide(first)
    back = RecoverOverpayment(claim_id=first, amount=6_000_00, reference="退款2019-1")
    await desk.act(CLERK, back)
    before = (await desk.claim(second)).granted
    room = await desk.left(person, PERIOD)
    await desk.act(CLERK, ReopenClaim(claim_id=second, ground=ReopenGround.ROOM_FREED))
    await desk.decide(second)
    topped_up = await desk.pay(second, 2)
    steps = " → ".join(cny(amount) for amount in (reduced.paid, before, topped_up.paid))
    by_table = cny(reduced.assessment.benefit)
    return Told(
        "of 9300.00: 2700.00 → 2700.00 → 8700.00, 6000.00 had become free",
        f"of {by_table}: {steps}, {cny(room)} had become free",
    )


async def _returned(desk: Desk, here: County) -> Told:
    """The account is closed: a new one, a new instruction, and it is paid once."""
    person = here.moved_bank
    claim_id = await desk.file(person.acting(), person, _december(5, 11), bill("4000.00"), "胆囊结石")
    await desk.decide(claim_id)
    await desk.come_back(claim_id, ReturnGround.ACCOUNT_CLOSED)
    due = await desk.claim(claim_id)
    account = RecordBankAccount(member_id=person.member_id, account=Personal("6228480100000000317"))
    await desk.stage.act("registry", person.acting(), account)
    claim = await desk.pay(claim_id, 2)
    return Told(
        "0.00 of 1400.00 paid, then 1400.00", f"{cny(due.paid)} of {cny(due.granted)} paid, then {cny(claim.paid)}"
    )


async def _cancelled(desk: Desk, here: County) -> Told:
    """The hospital cancels what the fund has paid: it owes it back, the ceiling is as it was, and the invoice is free
    to be settled under another number."""
    person, of = here.cancelled, bill("12000.00")
    before = await desk.left(person, PERIOD)
    claim_id = await desk.settle(person, _december(22, 29), of, "JS20190110002")
    await desk.pay(claim_id)
    cancel = CancelSettlement(hospital=HOSPITAL.id, settlement_number="JS20190110002")
    await desk.act(HOSPITAL, cancel)
    owed = (await desk.claim(claim_id)).owed_back
    restored = await desk.left(person, PERIOD) == before
    back = RecoverOverpayment(claim_id=claim_id, amount=owed, reference="退款2019-2")
    await desk.act(CLERK, back)
    again = await desk.settle(person, _december(22, 29), of, "JS20190110003")
    claim = await desk.claim(again)
    return Told(
        "the hospital owes 5300.00, ceiling restored, settled anew: 5300.00",
        f"the hospital owes {cny(owed)}, ceiling {'restored' if restored else 'not restored'}, "
        f"settled anew: {cny(claim.granted)}",
    )


async def _death(desk: Desk, here: County) -> Told:
    """The worker dies before the payment goes out: it is stopped, and made to a successor named with evidence."""
    person = here.late
    claim_id = await desk.file(person.acting(), person, _december(2, 27), bill("15000.00"), "恶性肿瘤")
    await desk.decide(claim_id)
    await desk.instructed(claim_id)
    died = EndMembership(member_id=person.member_id, ground=EndOfMembership.DECEASED)
    await desk.stage.act("registry", here.officer.acting(Role.OFFICER), died)
    account = BankAccount(holder="徐小明", number="6228480200000000320", bank="示例银行东阳支行")
    named = NameSuccessor(claim_id=claim_id, account=Personal(account), evidence="继承公证书2019-1")
    await desk.act(CLERK, named, "payee_alive")
    claim = await desk.pay(claim_id, 2)
    return Told("settled: 6800.00 to successor", f"{claim.status}: {cny(claim.paid)} to successor")


async def _over_midsummer(desk: Desk, here: County) -> Told:
    """A stay across two periods belongs to that of its admission, wholly: to its ceiling and its fund."""
    person = here.over_midsummer
    await desk.on(date(2019, 6, 12))
    await renew(desk, here, NEXT_PERIOD)
    await desk.on(date(2019, 7, 10))
    claim_id = await desk.settle(person, (date(2019, 6, 20), date(2019, 7, 8)), bill("9000.00"), "JS20190710001")
    claim = await desk.pay(claim_id)
    left = [cny(await desk.left(person, period)) for period in (PERIOD, NEXT_PERIOD)]
    return Told(
        "3800.00 of the period from 2018-07-01; left 26200.00 and 30000.00",
        f"{cny(claim.paid)} of the period from {claim.period}; left {' and '.join(left)}",
    )


FILED, GRANTED, PAID, AT_THE_HOSPITAL = "claim-filed", "claim-approved", "claim-paid", "claim-settled-at-hospital"
REOPENED, MISSING = "claim-reopened", "claim-documents-missing"

CASES: Final = (
    AidCase("肝硬化：参保两年，17,421.13元", "cirrhosis", _cirrhosis, (FILED, GRANTED, PAID)),
    AidCase("一站式：出院即结，零次跑", "discharged", _one_stop, (AT_THE_HOSPITAL,)),
    AidCase("代办：工会主席代职工申报", "bedridden", _on_behalf, ("claim-filed-on-behalf", GRANTED, PAID)),
    AidCase(
        "年度限额：减付，重新审核后补付",
        "twice_ill",
        _ceiling,
        (*(FILED, GRANTED, PAID) * 2, REOPENED, GRANTED, "claim-overpaid", REOPENED, GRANTED, PAID),
    ),
    AidCase("退汇：更正账户后重付", "moved_bank", _returned, (FILED, GRANTED, "claim-payment-returned", PAID)),
    AidCase("医院在支付后撤销", "cancelled", _cancelled, (AT_THE_HOSPITAL, "claim-reversed", AT_THE_HOSPITAL)),
    AidCase(
        "容缺：先受理，后补材料",
        "forgetful",
        _supplied,
        (FILED, MISSING, "claim-documents-supplied", GRANTED, PAID),
    ),
    AidCase("容缺：逾期未补，自动退件", "careless", _never_supplied, (FILED, MISSING, "claim-rejected")),
    AidCase("职工去世：付给继承人", "late", _death, (FILED, GRANTED)),
    AidCase("跨保障期住院", "over_midsummer", _over_midsummer, (AT_THE_HOSPITAL,)),
)
