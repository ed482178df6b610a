"""What the loan does on the registry's events: lines are brought up to date with titles, trades, households and
memberships, mostly without a change; whoever is erased is forgotten."""

from collections.abc import Iterable, Mapping

from services.loan.borrowers import Borrowers
from services.loan.views import Lines
from shared.eventsourcing.codec import Codec
from shared.people import REGISTRY, REGISTRY_CODEC
from shared.runtime.envelope import BUSY
from shared.runtime.reactions import Handler, Reacting, Reaction
from shared.schemas.ids import HouseholdId, MemberId
from shared.schemas.loan import LineId, LineOpened, RefreshLine
from shared.schemas.messages import Event
from shared.schemas.registry import (
    ConsentWithdrawn,
    HonourGranted,
    HonourRevoked,
    HouseholdJoined,
    HouseholdLeft,
    MemberErased,
    MemberMoved,
    MembershipEnded,
    TradeRecorded,
)

__all__ = ["reactions"]

LINES_WAIT = 5.0
"""Seconds that a reaction waits for the lines' read model to have what the log has."""

type OfAMember = (
    HonourGranted | HonourRevoked | TradeRecorded | MembershipEnded | MemberMoved | MemberErased | ConsentWithdrawn
)


async def on_member(event: OfAMember, reacting: Reacting) -> None:
    await _registry_known(reacting)
    await _refresh(await _lines(reacting, event.member_id), reacting)


async def on_erased(event: MemberErased, reacting: Reacting) -> None:
    """What they told of their means can be read no more; what they owe goes on."""
    assert reacting.keyring is not None
    await reacting.keyring.erase(event.member_id)
    await on_member(event, reacting)


async def on_household(event: HouseholdJoined | HouseholdLeft, reacting: Reacting) -> None:
    """The member's line moves; then those whom they left, or came to, may find other room under the cap."""
    await _registry_known(reacting)
    own = await _lines(reacting, event.member_id)
    others = await _lines(reacting, event.member_id, (event.from_household_id, event.household_id))
    await _refresh(dict.fromkeys((*own, *others)), reacting)


async def on_line_opened(event: LineOpened, reacting: Reacting) -> None:
    """The registry may have changed after the bank's acceptance was decided and before the line could be found."""
    await reacting.command(RefreshLine(line_id=event.line_id))


async def _registry_known(reacting: Reacting) -> None:
    """Until the borrowers' read model has the event that is reacted to."""
    await reacting.read_models.followed(REGISTRY, reacting.recorded.position, Borrowers)


async def _lines(reacting: Reacting, member_id: MemberId, households: tuple[HouseholdId, ...] = ()) -> list[LineId]:
    """Lines that are not closed, of a member or in households."""
    if not await reacting.read_models.caught_up(LINES_WAIT):
        raise BUSY()
    rows = await reacting.read_models.some(
        Lines,
        "(member_id = $1 or household_id = any($2)) and status <> 'closed' order by line_id",
        member_id,
        list(households),
    )
    return [row.line_id for row in rows]


async def _refresh(lines: Iterable[LineId], reacting: Reacting) -> None:
    for line_id in lines:
        await reacting.command(RefreshLine(line_id=line_id), f"RefreshLine {line_id}")


ON_REGISTRY: Mapping[type[Event], Handler] = {
    HonourGranted: on_member,
    HonourRevoked: on_member,
    TradeRecorded: on_member,
    MembershipEnded: on_member,
    MemberMoved: on_member,
    MemberErased: on_erased,
    ConsentWithdrawn: on_member,
    HouseholdJoined: on_household,
    HouseholdLeft: on_household,
}


def reactions(own: Codec) -> tuple[Reaction, ...]:
    """`own` is the codec of the loan's own events."""
    return (
        Reaction("loan-on-registry", REGISTRY, REGISTRY_CODEC, ON_REGISTRY),
        Reaction("loan-on-loan", "loan", own, {LineOpened: on_line_opened}),
    )
