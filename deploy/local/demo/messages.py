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
    """The delivery board, once nobody is left to be told anything. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            heard = [await js.consumer_info(stream_name(one), f"notify-on-{one}") for one in LISTENED_TO]
            board: DeliveryBoard = await stage.ask("notify", OPERATOR, ShowDeliveryBoard(federation=stage.federation))
            if all(not one.num_pending and not one.num_ack_pending for one in heard) and all(
                row.status in ENDED for row in board.rows
            ):
                return board
            await asyncio.sleep(0.1)
