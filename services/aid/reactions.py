"""What mutual aid does on its own events and the registry's: what is granted is paid, and people are forgotten."""

from services.aid import refusals
from services.aid.people import REGISTRY, REGISTRY_CODEC
from shared.eventsourcing.codec import Codec
from shared.runtime.reactions import Reacting, Reaction
from shared.schemas.aid import ClaimApproved, InstructPayment
from shared.schemas.messages import Refused
from shared.schemas.registry import MemberErased

__all__ = ["reactions"]

WAITS = {refusals.NO_ACCOUNT.code, refusals.ACCOUNT_NOT_CORRECTED.code, refusals.SUCCESSOR_NEEDED.code}
"""Refusals of a payment that end by themselves: the event that ends them has it instructed again."""


async def on_due(event: ClaimApproved, reacting: Reacting) -> None:
    try:
        await reacting.command(InstructPayment(claim_id=event.claim_id))
    except Refused as refused:
        if refused.refusal.code not in WAITS:
            raise


async def forget(event: MemberErased, reacting: Reacting) -> None:
    """What is kept of the person here can be read no more."""
    assert reacting.keyring is not None
    await reacting.keyring.erase(event.member_id)


def reactions(own: Codec) -> tuple[Reaction, ...]:
    """`own` is the codec of mutual aid's own events."""
    return (
        Reaction("aid-on-aid", "aid", own, {ClaimApproved: on_due}),
        Reaction("aid-on-registry", REGISTRY, REGISTRY_CODEC, {MemberErased: forget}),
    )
