"""Decisions that undo: a benefit is reversed, an overpayment comes back.

A reversal gives the ceiling its room and the invoices their freedom at once. Money is another matter: what waits is
withdrawn, what is at the bank is recalled, what was paid is an overpayment to be asked back.
"""

from services.aid import refusals
from services.aid.domain.assessing import taken_back
from services.aid.domain.claim import Claim
from services.aid.domain.desk import AidEvent, Desk
from services.aid.domain.facts import AidFacts
from services.aid.domain.filing import let_go
from services.aid.domain.payment import PAYMENT, Payment, PaymentStage
from shared.schemas.aid import (
    ClaimReversed,
    OverpaymentRecovered,
    Payee,
    PaymentRecalled,
    PaymentWithdrawn,
    PayoutFailed,
    PostingKind,
    RecoverOverpayment,
    ReversalGround,
    ReverseClaim,
)
from shared.schemas.money import cny

__all__ = ["recover", "reversal", "reverse", "stopped"]


def reverse(command: ReverseClaim, claim: Claim, desk: Desk, facts: AidFacts) -> list[AidEvent]:
    if facts.actor.id == str(claim.member_id):
        raise refusals.OWN_CLAIM()
    if claim.granted == 0:
        raise refusals.NOT_AT_THIS_STAGE(stage=claim.stage.value)
    return reversal(claim, command.ground, desk, facts)


def reversal(claim: Claim, ground: ReversalGround, desk: Desk, facts: AidFacts) -> list[AidEvent]:
    """Of all that is granted on a claim, and of what it holds beside."""
    reversed_ = ClaimReversed(
        claim_id=claim.claim_id,
        member_id=claim.member_id,
        amount=claim.granted,
        ground=ground,
        by=facts.actor.id,
    )
    return [
        reversed_,
        *claim.holder.reverse(claim.granted),
        *let_go(claim, desk),
        *taken_back(claim, claim.granted, claim.paid_to or Payee.MEMBER, facts),
        *(stopped(claim, desk) if claim.live is not None else []),
    ]


def stopped(claim: Claim, desk: Desk) -> list[AidEvent]:
    """The claim's live instruction: withdrawn while it waits, recalled once it is at the bank."""
    assert claim.live is not None
    payment = desk.of(PAYMENT, claim.live)
    match payment:
        case Payment(stage=PaymentStage.WAITING):
            return [
                PaymentWithdrawn(payment_id=claim.live, claim_id=claim.claim_id),
                PayoutFailed(
                    claim_id=claim.claim_id,
                    member_id=claim.member_id,
                    payment_id=claim.live,
                    amount=claim.live_amount,
                    ground=None,
                ),
            ]
        case Payment(stage=PaymentStage.AT_THE_BANK, recalled=False):
            return [PaymentRecalled(payment_id=claim.live, claim_id=claim.claim_id)]
        case _:
            return []


def recover(command: RecoverOverpayment, claim: Claim, facts: AidFacts) -> list[AidEvent]:
    if command.amount > claim.owed_back:
        raise refusals.NOTHING_OWED_BACK(owed=cny(claim.owed_back), amount=cny(command.amount))
    on = facts.day(command.on)
    recovered = OverpaymentRecovered(
        claim_id=claim.claim_id,
        member_id=claim.member_id,
        amount=command.amount,
        left=claim.owed_back - command.amount,
        on=on,
        reference=command.reference,
    )
    return [
        recovered,
        *claim.share.post(PostingKind.RECOVERY, command.amount, on, claim_id=claim.claim_id),
    ]
