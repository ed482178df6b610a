"""What is granted is paid, by itself: to the account of that moment, to the hospital, to a successor, never twice."""

from datetime import timedelta

from services.aid.domain.claim import CLAIM
from services.aid.domain.membership import MEMBERSHIP
from services.aid.domain.payment import PAYMENT, PaymentStage
from shared.schemas.aid import (
    BankAccount,
    ClaimFiled,
    ClaimSettled,
    ClaimUpheld,
    CoverageEnded,
    NameSuccessor,
    Payee,
    PayeeDied,
    PaymentInstructed,
    PaymentWithdrawn,
    RejectClaim,
    RejectionGround,
    ReopenClaim,
    ReopenGround,
    ReturnGround,
    membership_id,
    payment_id,
)
from shared.schemas.personal import Personal
from shared.schemas.registry import (
    EndMembership,
    EndOfMembership,
    EraseMember,
    ErasureGround,
    RemoveBankAccount,
)
from tests.services.aid.cases import (
    AT_THE_HOSPITAL,
    JANUARY,
    LI,
    PERIOD,
    SETTLEMENT,
    batch,
    claim,
    confirm,
    decided_for,
    file,
    of,
    pay,
    quote,
    returned,
    sent,
)
from tests.services.aid.county import County
from tests.waiting import until

SUCCESSOR = BankAccount(holder="李明", number="6222000000000009")


async def grants(here: County) -> None:
    for command, actor, _ in decided_for():
        await here.does(command, actor)


async def accounts(here: County, times: int) -> list[str]:
    """Those that were instructed so far, in order."""
    instructed = await here.once_told(PaymentInstructed, times)
    return [one.account.clear.number for one in instructed if one.account is not None]


async def test_what_is_granted_waits_for_an_account_and_is_instructed_once_there_is_one(january: County) -> None:
    await grants(january)
    await january.reacted()
    assert await january.told(PaymentInstructed) == []
    assert await january.tries(pay()) == "no_account"
    await january.records_account()
    assert await accounts(january, 1) == ["6222000000000001"]
    assert await january.tries(pay()) == "payment_under_way"


async def test_an_account_that_was_removed_is_paid_no_more(january: County) -> None:
    await january.records_account()
    await january.tells(RemoveBankAccount(member_id=LI))
    await grants(january)
    await january.reacted()
    assert await january.tries(pay()) == "no_account"


async def test_a_payment_that_came_back_waits_for_a_corrected_account_and_is_paid_once(january: County) -> None:
    await january.records_account()
    await grants(january)
    await accounts(january, 1)
    await january.does(batch())
    await january.does(returned(ReturnGround.ACCOUNT_CLOSED))
    await january.reacted()
    assert await january.tries(pay()) == "account_not_corrected"
    await january.on(JANUARY + timedelta(days=1))
    await january.records_account(number="6222000000000002")
    assert await accounts(january, 2) == ["6222000000000001", "6222000000000002"]
    await january.does(batch(number=2, name="二"))
    await january.does(sent(number=2))
    assert not (await january.does(returned(ReturnGround.ACCOUNT_CLOSED))).changed
    await january.reacted()
    assert len(await january.told(ClaimSettled)) == 1
    assert len(await january.told(PaymentInstructed)) == 2


async def test_what_the_bank_could_not_do_for_its_own_reasons_is_instructed_again(january: County) -> None:
    await january.records_account()
    await grants(january)
    await accounts(january, 1)
    await january.does(batch())
    await january.does(returned(ReturnGround.TECHNICAL))
    assert await accounts(january, 2) == ["6222000000000001"] * 2


async def test_what_stands_after_a_reopening_is_paid(january: County) -> None:
    await grants(january)
    await january.reacted()
    await january.does(ReopenClaim(claim_id=claim(), ground=ReopenGround.MISTAKE))
    await january.records_account()
    await january.reacted()
    assert await january.told(PaymentInstructed) == []
    await january.does(RejectClaim(claim_id=claim(), ground=RejectionGround.UNTRUE))
    assert len(await january.told(ClaimUpheld)) == 1
    assert await accounts(january, 1) == ["6222000000000001"]


async def test_a_hospital_is_paid_to_its_own_account_whatever_the_worker_has(january: County) -> None:
    await january.does(quote(), AT_THE_HOSPITAL)
    await january.does(confirm(), AT_THE_HOSPITAL)
    (instructed,) = await january.once_told(PaymentInstructed)
    assert (instructed.payee, instructed.hospital, instructed.account) == (Payee.HOSPITAL, "dyrmyy", None)
    assert instructed.payment_id == payment_id(SETTLEMENT, 1)


async def test_the_death_of_a_worker_ends_the_cover_and_what_is_due_goes_to_the_successor(january: County) -> None:
    await january.records_account()
    await grants(january)
    await accounts(january, 1)
    await january.tells(EndMembership(member_id=LI, ground=EndOfMembership.DECEASED, on=JANUARY))
    (ended,) = await january.once_told(CoverageEnded)
    assert ended.last == JANUARY
    await january.once_told(PaymentWithdrawn)
    await january.reacted()
    assert await january.tries(pay()) == "successor_needed"
    await january.does(NameSuccessor(claim_id=claim(), account=Personal(SUCCESSOR), evidence="公证书3"))
    assert await accounts(january, 2) == ["6222000000000001", SUCCESSOR.number]
    state = await january.state(PAYMENT, payment_id(claim(), 2))
    assert state is not None
    assert (state.payee, state.stage) == (Payee.SUCCESSOR, PaymentStage.WAITING)


async def test_whoever_leaves_the_union_is_covered_and_paid_as_before(january: County) -> None:
    await january.records_account()
    await grants(january)
    await accounts(january, 1)
    await january.tells(EndMembership(member_id=LI, ground=EndOfMembership.RETIRED))
    await january.reacted()
    assert await january.told(PayeeDied) == []
    membership = await january.state(MEMBERSHIP, membership_id(LI, PERIOD))
    assert membership is not None
    assert membership.cover is not None
    assert membership.cover.last.isoformat() == "2019-06-30"


async def test_whoever_is_erased_is_forgotten_here_too(january: County) -> None:
    await january.does(file(), of(LI))
    await january.tells(EraseMember(member_id=LI, ground=ErasureGround.UNLAWFUL))

    async def gone() -> bool:
        keyring = january.aid.keyring
        assert keyring is not None
        (filed, *_) = await keyring.open(await january.aid.store.stream(CLAIM.stream(claim())))
        return isinstance(filed, ClaimFiled) and filed.diagnosis.is_erased

    assert await until(gone)
