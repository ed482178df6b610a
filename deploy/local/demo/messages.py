"""What became of the messages: waiting until nobody is left to be told anything."""

import asyncio
from typing import Final

from nats.js import JetStreamContext

from deploy.local.demo.people import OPERATOR
from deploy.local.demo.stage import Stage
from shared.eventsourcing.wire import stream_name
from shared.schemas.notify import DeliveryBoard, DeliveryStatus, ShowDeliveryBoard

__all__ = ["ARRIVED", "quiet"]

QUIET_LIMIT: Final = 60.0
ENDED: Final = frozenset(
    {DeliveryStatus.SENT, DeliveryStatus.DELIVERED, DeliveryStatus.UNCONFIRMED}
    | {DeliveryStatus.FAILED, DeliveryStatus.EXPIRED, DeliveryStatus.SUPPRESSED}
)
ARRIVED: Final = frozenset({DeliveryStatus.SENT, DeliveryStatus.DELIVERED})
LISTENED_TO: Final = ("aid", "lending", "loan", "registry")
"""The programmes of whose events notify tells people."""


async def quiet(stage: Stage, js: JetStreamContext, seconds: float = QUIET_LIMIT) -> DeliveryBoard:
    """The delivery board, once nobody is left to be told anything. Raises TimeoutError, which says what is left."""
    left = ["no answer"]
    try:
        async with asyncio.timeout(seconds):
            while True:
                heard = {one: await js.consumer_info(stream_name(one), f"notify-on-{one}") for one in LISTENED_TO}
                query = ShowDeliveryBoard(federation=stage.federation)
                board: DeliveryBoard = await stage.ask("notify", OPERATOR, query)
                left = [
                    f"{one.num_pending + one.num_ack_pending} events of {name}"
                    for name, one in heard.items()
                    if one.num_pending or one.num_ack_pending
                ]
                left += [
                    f"{row.count} {row.template.id} {row.status} by {row.channel}"
                    for row in board.rows
                    if row.status not in ENDED
                ]
                if not left:
                    return board
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise TimeoutError(f"still to be told: {', '.join(left)}") from None
