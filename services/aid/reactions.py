"""What mutual aid does on its own events and on the registry's: what is granted is paid; the dead are covered no more,
nor paid; whoever is erased is forgotten."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from services.aid import refusals
from services.aid.city import CITY, CITY_CODEC, Admissions
from services.aid.people import Workers
from services.aid.views import Claims, Memberships
from shared.eventsourcing.codec import Codec
from shared.people import REGISTRY, REGISTRY_CODEC
from shared.runtime.envelope import BUSY
from shared.runtime.reactions import Handler, Reacting, Reaction
from shared.schemas.aid import (
    ClaimApproved,
    ClaimId,
    ClaimUpheld,
    EndCoverage,
    EndOfCover,
    InstructPayment,
    NotePayeeDeath,
    PayoutFailed,
    SuccessorNamed,
)
from shared.schemas.city import InvoiceAdmitted
from shared.schemas.ids import MemberId
from shared.schemas.messages import Event, Federation, Refused
from shared.schemas.registry import BankAccountRecorded, EndOfMembership, MemberErased, MembershipEnded

__all__ = ["on_city", "reactions"]

SETTLED: Final = 5.0
"""Seconds that a reaction waits for the claims' read model to have what the log has."""

WAITS: Final = frozenset(
    {
        refusals.NO_ACCOUNT.code,
        refusals.ACCOUNT_NOT_CORRECTED.code,
        refusals.SUCCESSOR_NEEDED.code,
        refusals.AWAITS_CITY.code,
        refusals.COUNTED_IN_THE_CITY.code,
    }
)
"""Refusals of a payment that wait for an event, which then has it instructed again."""


async def on_due(event: ClaimApproved | ClaimUpheld | PayoutFailed | SuccessorNamed, reacting: Reacting) -> None:
    """Something may be due; where it isn't, or can't be paid yet, nothing changes."""
    await _pay([event.claim_id], reacting)


async def on_account(event: BankAccountRecorded, reacting: Reacting) -> None:
    """What waited for an account, or for a corrected one."""
    await _registry_known(reacting)
    await _pay(await _claims(event.member_id, reacting), reacting)


async def on_admitted(event: InvoiceAdmitted, reacting: Reacting) -> None:
    """What waited for the city: in the county whose claim it is, whoever let the invoice go."""
    await reacting.read_models.followed(CITY, reacting.recorded.position, Admissions)
    await _pay([event.claim_id], reacting, event.county)


async def on_death(event: MembershipEnded, reacting: Reacting) -> None:
    """Cover ends on the day; what is due goes to a successor. A change of job or of union changes nothing."""
    if event.ground is not EndOfMembership.DECEASED:
        return
    await _registry_known(reacting)
    claims = await _claims(event.member_id, reacting)
    covered = await reacting.read_models.some(Memberships, "member_id = $1 order by period", event.member_id)
    for membership in covered:
        period = membership.period
        end = EndCoverage(member_id=event.member_id, period=period, ground=EndOfCover.DECEASED, on=event.on)
        await reacting.command(end, f"EndCoverage {period}")
    for claim_id in claims:
        await reacting.command(NotePayeeDeath(claim_id=claim_id), f"NotePayeeDeath {claim_id}")


async def forget(event: MemberErased, reacting: Reacting) -> None:
    """What is kept of the person here can be read no more."""
    assert reacting.keyring is not None
    await reacting.keyring.erase(event.member_id)


async def _pay(claims: Iterable[ClaimId], reacting: Reacting, federation: Federation | None = None) -> None:
    for claim_id in claims:
        envelope = reacting.envelope(f"InstructPayment {claim_id}")
        try:
            await reacting.carry_out(
                InstructPayment(claim_id=claim_id), replace(envelope, federation=federation or envelope.federation)
            )
        except Refused as refused:
            if refused.refusal.code not in WAITS:
                raise


async def _registry_known(reacting: Reacting) -> None:
    """Until the workers' read model has the event that is reacted to."""
    await reacting.read_models.followed(REGISTRY, reacting.recorded.position, Workers)


async def _claims(member_id: MemberId, reacting: Reacting) -> list[ClaimId]:
    if not await reacting.read_models.caught_up(SETTLED):
        raise BUSY()
    rows = await reacting.read_models.some(Claims, "member_id = $1 order by claim_id", member_id)
    return [row.claim_id for row in rows]


ON_ITSELF: Final[Mapping[type[Event], Handler]] = {
    ClaimApproved: on_due,
    ClaimUpheld: on_due,
    PayoutFailed: on_due,
    SuccessorNamed: on_due,
}
ON_REGISTRY: Final[Mapping[type[Event], Handler]] = {
    BankAccountRecorded: on_account,
    MembershipEnded: on_death,
    MemberErased: forget,
}


def on_city() -> Reaction:
    """Where the county has a city: see `services.aid.pooled`."""
    return Reaction("aid-on-city", CITY, CITY_CODEC, {InvoiceAdmitted: on_admitted})


def reactions(own: Codec) -> tuple[Reaction, ...]:
    """`own` is the codec of mutual aid's own events."""
    return (
        Reaction("aid-on-aid", "aid", own, ON_ITSELF),
        Reaction("aid-on-registry", REGISTRY, REGISTRY_CODEC, ON_REGISTRY),
    )
