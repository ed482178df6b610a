"""What lending does on its own events: a campaign that was launched is placed, point by point."""

from shared.eventsourcing.codec import Codec
from shared.runtime.reactions import Reacting, Reaction
from shared.schemas.lending import AllocateItems, CampaignLaunched

__all__ = ["reactions"]


async def on_campaign(event: CampaignLaunched, reacting: Reacting) -> None:
    for point_id in event.point_ids:
        allocate = AllocateItems(batch=event.batch, point_id=point_id)
        await reacting.command(allocate, f"AllocateItems {point_id}")


def reactions(own: Codec) -> tuple[Reaction, ...]:
    """`own` is the codec of lending's own events."""
    return (Reaction("lending-on-lending", "lending", own, {CampaignLaunched: on_campaign}),)
