"""What became of the messages: waiting until nobody is left to be told anything, and showing what people were told."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final

import httpx
from nats.js import JetStreamContext
from rich.table import Table
from rich.text import Text

from deploy.local.demo.people import OPERATOR, Person
from deploy.local.demo.stage import Stage
from deploy.local.system import LocalSystem
from deploy.local.terminal import out
from shared.eventsourcing.wire import stream_name
from shared.schemas.notify import DeliveryBoard, DeliveryStatus, ShowDeliveryBoard

__all__ = ["ARRIVED", "quiet", "show_board", "show_texts", "texts_to"]

QUIET_LIMIT: Final = 60.0
ENDED: Final = frozenset(
    {DeliveryStatus.SENT, DeliveryStatus.DELIVERED, DeliveryStatus.UNCONFIRMED}
    | {DeliveryStatus.FAILED, DeliveryStatus.EXPIRED, DeliveryStatus.SUPPRESSED}
)
ARRIVED: Final = frozenset({DeliveryStatus.SENT, DeliveryStatus.DELIVERED})
LISTENED_TO: Final = ("aid", "lending", "loan", "registry")
"""The programmes of whose events notify tells people."""


async def quiet(stage: Stage, js: JetStreamContext, seconds: float = QUIET_LIMIT) -> DeliveryBoard:
    """The delivery board, once nobody is left to be told anything. Raises TimeoutError, which says what is left, where
    nothing has changed for so many seconds."""
    left, loop = ["no answer"], asyncio.get_running_loop()
    moved = loop.time()
    while loop.time() - moved < seconds:
        try:
            async with asyncio.timeout_at(moved + seconds):
                board, now_left = await _left(stage, js)
        except TimeoutError:
            break
        if not now_left:
            return board
        if now_left != left:
            left, moved = now_left, loop.time()
        await asyncio.sleep(0.1)
    raise TimeoutError(f"still to be told: {', '.join(left)}")


async def _left(stage: Stage, js: JetStreamContext) -> tuple[DeliveryBoard, list[str]]:
    heard = {one: await js.consumer_info(stream_name(one), f"notify-on-{one}") for one in LISTENED_TO}
    board: DeliveryBoard = await stage.ask("notify", OPERATOR, ShowDeliveryBoard(federation=stage.federation))
    unheard = [
        f"{one.num_pending + one.num_ack_pending} events of {name}"
        for name, one in heard.items()
        if one.num_pending or one.num_ack_pending
    ]
    unsent = [
        f"{row.count} {row.template.id} {row.status} by {row.channel}" for row in board.rows if row.status not in ENDED
    ]
    return board, unheard + unsent


async def texts_to(system: LocalSystem, person: Person) -> list[str]:
    """What the SMS sink took for a person, the newest first."""
    place = system.run.place("sms")
    assert place is not None
    async with httpx.AsyncClient(trust_env=False) as http:
        reply = await http.get(f"{place.where.rstrip('/')}/messages", params={"to": person.phone, "limit": 50})
        return [str(message["text"]) for message in reply.raise_for_status().json()["messages"]]


def show_texts(title: str, texts: Sequence[str]) -> None:
    shown = Table(title=title, title_justify="left")
    shown.add_column("短信", overflow="fold")
    for text in texts:
        shown.add_row(text)
    out.print(shown)


def show_board(board: DeliveryBoard, recipients: str) -> None:
    """How many messages there are, by what became of them."""
    by_status: Counter[str] = Counter()
    for row in board.rows:
        by_status[row.status.value] += row.count
    summary = ", ".join(f"{count} {status}" for status, count in sorted(by_status.items()))
    out.print(Text(f"messages in all, to {recipients}: {summary}", "dim"))
