"""Decisions on payment: instructions, batches for the bank, its results, and payees who have died.

A claim has one live instruction at most, under an id that follows from the claim and the count of its instructions:
so that nothing is paid twice. One that came back leaves its amount due again.
"""

from collections.abc import Sequence
from datetime import date

from services.aid import refusals
from services.aid.domain.claim import CLAIM, Claim, Stage
from services.aid.domain.desk import AidEvent, Desk
from services.aid.domain.facts import AccountOnRecord, AidFacts
from services.aid.domain.payment import BATCH, PAYMENT, Payment, PaymentStage
from services.aid.domain.reversing import stopped
from shared.schemas.aid import (
    BatchDrawnUp,
    Channel,
    ClaimSettled,
    DrawUpBatch,
    NameSuccessor,
    OverpaymentRecorded,
    OverpaymentRecovered,
    Payee,
    PayeeDied,
    PaymentBatched,
    PaymentCommand,
    PaymentInstructed,
    PaymentReturned,
    PaymentSent,
    PayoutFailed,
    PayoutOrdered,
    PostingKind,
    RecordPaymentReturned,
    RecordPaymentSent,
    SuccessorNamed,
    payment_id,
)
from shared.schemas.messages import Role

__all__ = ["draw_up", "instruct", "name_successor", "note_death", "payable", "payee_of", "result"]


# Instructions


def instruct(claim: Claim, desk: Desk, facts: AidFacts) -> list[AidEvent]:
    """What is due on a claim, to whom it is due. Asked by the system, it changes nothing where nothing is due."""
    by_system = facts.actor.role is Role.SYSTEM
    if claim.live is not None:
        if by_system:
            return []
        raise refusals.PAYMENT_UNDER_WAY()
    if not payable(claim):
        if by_system:
            return []
        raise refusals.NOTHING_DUE()
    if contested := [number for number, held_by in facts.not_admitted.items() if held_by is not None]:
        raise refusals.COUNTED_IN_THE_CITY(numbers="、".join(contested))
    if facts.not_admitted:
        raise refusals.AWAITS_CITY(numbers="、".join(facts.not_admitted))
    payee = payee_of(claim, facts)
    account = None if payee is Payee.HOSPITAL else _account(claim, payee, desk, facts)
    number = payment_id(claim.claim_id, claim.instructions + 1)
    instructed = PaymentInstructed(
        payment_id=number,
        claim_id=claim.claim_id,
        member_id=claim.member_id,
        pool=claim.pool,
        county=claim.county,
        amount=claim.due,
        payee=payee,
        hospital=claim.hospital if payee is Payee.HOSPITAL else None,
        account=account.account if account else None,
        account_as_of=account.recorded_at if account else None,
    )
    return [PayoutOrdered(claim_id=claim.claim_id, payment_id=number, amount=claim.due), instructed]


def payable(claim: Claim) -> bool:
    """Whether an instruction can be given: something is due, and none is under way."""
    return claim.live is None and claim.stage is Stage.APPROVED and claim.due > 0


def payee_of(claim: Claim, facts: AidFacts) -> Payee:
    """The hospital for what it has deducted; the worker, or whoever succeeds them, for all else."""
    if claim.channel is Channel.HOSPITAL and not claim.reopened:
        return Payee.HOSPITAL
    died = claim.payee_died or (facts.worker is not None and facts.worker.deceased)
    return Payee.SUCCESSOR if died else Payee.MEMBER


def _account(claim: Claim, payee: Payee, desk: Desk, facts: AidFacts) -> AccountOnRecord:
    """Corrected since the bank sent a payment back for its sake."""
    if payee is Payee.SUCCESSOR and claim.successor_at is None:
        raise refusals.SUCCESSOR_NEEDED()
    if facts.account is None:
        raise refusals.NO_ACCOUNT()
    last = desk.of(PAYMENT, payment_id(claim.claim_id, claim.instructions)) if claim.instructions else None
    if (
        last is not None
        and last.stage is PaymentStage.RETURNED
        and last.about_account
        and last.account_as_of is not None
        and facts.account.recorded_at <= last.account_as_of
    ):
        raise refusals.ACCOUNT_NOT_CORRECTED()
    return facts.account


def draw_up(command: DrawUpBatch, desk: Desk, facts: AidFacts) -> list[AidEvent]:
    """Of the instructions named, those of this federation that wait."""
    if desk.of(BATCH, command.batch_id):
        raise refusals.BATCH_EXISTS()
    waiting: dict[str, Payment] = {}
    for number in command.payments:
        payment = desk.of(PAYMENT, number)
        if payment is not None and payment.stage is PaymentStage.WAITING and _handles(payment, facts):
            waiting[str(number)] = payment
    if not waiting:
        raise refusals.NOTHING_TO_BATCH()
    batch: Sequence[Payment] = list(waiting.values())
    drawn_up = BatchDrawnUp(
        batch_id=command.batch_id,
        payments=tuple(payment.payment_id for payment in batch),
        total=sum(payment.amount for payment in batch),
        by=facts.actor.id,
    )
    return [
        drawn_up,
        *(
            PaymentBatched(payment_id=payment.payment_id, claim_id=payment.claim_id, batch_id=command.batch_id)
            for payment in batch
        ),
    ]


def _handles(payment: Payment, facts: AidFacts) -> bool:
    return facts.federation in {payment.pool, payment.county}


# What the bank says


def result(command: PaymentCommand, desk: Desk, facts: AidFacts) -> list[AidEvent]:
    """A result that is told again changes nothing."""
    payment = desk.of(PAYMENT, command.payment_id)
    if payment is None or not _handles(payment, facts):
        raise refusals.UNKNOWN_PAYMENT()
    claim = desk.of(CLAIM, payment.claim_id)
    assert claim is not None
    match command:
        case RecordPaymentSent():
            return _sent(command, payment, claim, facts)
        case RecordPaymentReturned():
            return _returned(command, payment, claim, facts)
        case _:
            raise TypeError(f"nobody decides on {type(command).__name__}")


def _sent(command: RecordPaymentSent, payment: Payment, claim: Claim, facts: AidFacts) -> list[AidEvent]:
    if payment.stage is PaymentStage.SENT:
        return []
    if payment.stage is not PaymentStage.AT_THE_BANK:
        raise refusals.NOT_AT_THE_BANK(state=payment.stage.value)
    on, amount = facts.day(command.on), payment.amount
    sent = PaymentSent(
        payment_id=payment.payment_id, claim_id=claim.claim_id, amount=amount, on=on, reference=command.reference
    )
    if payment.recalled:
        overpaid = OverpaymentRecorded(
            claim_id=claim.claim_id,
            member_id=claim.member_id,
            payee=payment.payee,
            hospital=claim.hospital if payment.payee is Payee.HOSPITAL else None,
            amount=amount,
            payment_id=payment.payment_id,
        )
        return [sent, overpaid, *_posted(PostingKind.STRAY_PAYMENT, payment, claim, on)]
    settled = ClaimSettled(
        claim_id=claim.claim_id,
        member_id=claim.member_id,
        payee=payment.payee,
        payment_id=payment.payment_id,
        amount=amount,
        paid=claim.paid + amount,
        on=on,
    )
    return [sent, settled, *_posted(PostingKind.PAYMENT, payment, claim, on)]


def _returned(command: RecordPaymentReturned, payment: Payment, claim: Claim, facts: AidFacts) -> list[AidEvent]:
    """Also of what was paid before: it is due again, or, where it was paid too much, an overpayment has come back.
    Refused where the worker has given back the same money already: somebody must look into it."""
    if payment.stage is PaymentStage.RETURNED:
        return []
    if payment.stage not in {PaymentStage.AT_THE_BANK, PaymentStage.SENT}:
        raise refusals.NOT_AT_THE_BANK(state=payment.stage.value)
    on, amount = facts.day(command.on), payment.amount
    returned = PaymentReturned(
        payment_id=payment.payment_id, claim_id=claim.claim_id, amount=amount, ground=command.ground, on=on
    )
    failed = PayoutFailed(
        claim_id=claim.claim_id,
        member_id=claim.member_id,
        payment_id=payment.payment_id,
        amount=amount,
        ground=command.ground,
    )
    if payment.stage is PaymentStage.AT_THE_BANK:
        return [returned, failed]
    owed_back = min(amount, claim.owed_back)
    if amount - owed_back > claim.paid:
        raise refusals.RECOVERED_ALREADY()
    events: list[AidEvent] = [returned]
    if owed_back:
        events += [
            OverpaymentRecovered(
                claim_id=claim.claim_id,
                member_id=claim.member_id,
                amount=owed_back,
                left=claim.owed_back - owed_back,
                on=on,
                reference=str(payment.payment_id),
            ),
            *claim.share.post(
                PostingKind.RECOVERY, owed_back, on, claim_id=claim.claim_id, payment_id=payment.payment_id
            ),
        ]
    if due_again := amount - owed_back:
        events += [
            failed.model_copy(update={"amount": due_again}),
            *claim.share.post(
                PostingKind.RETURN, due_again, on, claim_id=claim.claim_id, payment_id=payment.payment_id
            ),
        ]
    return events


def _posted(kind: PostingKind, payment: Payment, claim: Claim, on: date) -> list[AidEvent]:
    return [*claim.share.post(kind, payment.amount, on, claim_id=claim.claim_id, payment_id=payment.payment_id)]


# The payee has died


def note_death(claim: Claim, desk: Desk, facts: AidFacts) -> list[AidEvent]:
    """Nothing more goes to the worker's account: an instruction that waits is withdrawn. One that is at the bank takes
    its course: paid, it is part of the estate; sent back, it waits for a successor. A hospital is paid all the same."""
    if claim.payee_died or payee_of(claim, facts) is Payee.HOSPITAL:
        return []
    died = PayeeDied(claim_id=claim.claim_id, member_id=claim.member_id)
    live = desk.of(PAYMENT, claim.live) if claim.live is not None else None
    waits = live is not None and live.stage is PaymentStage.WAITING
    return [died, *(stopped(claim, desk) if waits else [])]


def name_successor(command: NameSuccessor, claim: Claim, desk: Desk, facts: AidFacts) -> list[AidEvent]:
    """The last one named counts. Of a death that is not noted yet, all that follows from it happens first."""
    if not claim.payee_died and not (facts.worker is not None and facts.worker.deceased):
        raise refusals.PAYEE_ALIVE()
    named = SuccessorNamed(
        claim_id=claim.claim_id,
        member_id=claim.member_id,
        account=command.account,
        evidence=command.evidence,
        at=facts.now,
    )
    return [*note_death(claim, desk, facts), named]
