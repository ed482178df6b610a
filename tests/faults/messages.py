"""What was sent to people, as the sinks have it, against what notify says that it sent."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg

from deploy.local.mail_folder import mails_in
from deploy.local.sms_log import MESSAGES
from shared.schemas.notify import DeliveryStatus

__all__ = ["sent_once"]

ARRIVED: Final = frozenset({DeliveryStatus.SENT, DeliveryStatus.DELIVERED})
NEVER: Final = frozenset({DeliveryStatus.SUPPRESSED, DeliveryStatus.EXPIRED, DeliveryStatus.FAILED})
"""Certainly not sent. A day passes in seconds here, and some words are too old when their turn comes."""


async def sent_once(connection: "asyncpg.Connection[Any]", home: Path) -> tuple[list[str], Counter[str]]:
    """What is wrong, and how many notifications ended how. A message that is sent is in its sink, once; one that isn't
    is not; of what is unconfirmed there is one at most."""
    rows = await connection.fetch("select notification_id, channel, status from notify.notifications")
    sinks: Mapping[str, Counter[UUID]] = {"sms": _texts(home), "email": _mails(home)}
    wrong = [
        f"{channel} {own} was sent {times} times"
        for channel, sink in sinks.items()
        for own, times in sink.items()
        if times > 1
    ]
    known = {(row["channel"], row["notification_id"]) for row in rows}
    wrong += [
        f"{channel} {own} was sent, and notify does not know it"
        for channel, sink in sinks.items()
        for own in sink
        if (channel, own) not in known
    ]
    for row in rows:
        status, there = DeliveryStatus(row["status"]), sinks[row["channel"]][row["notification_id"]]
        if (status in ARRIVED and not there) or (status in NEVER and there):
            wrong.append(f"{row['channel']} {row['notification_id']} is {status}, and the sink has {there}")
    return wrong, Counter(f"{row['status']} by {row['channel']}" for row in rows)


def _texts(home: Path) -> Counter[UUID]:
    lines = (home / "sms" / MESSAGES).read_text(encoding="utf-8").splitlines()
    return Counter(UUID(json.loads(line)["out_id"]) for line in lines)


def _mails(home: Path) -> Counter[UUID]:
    return Counter(UUID(mail.message_id.strip("<>").partition("@")[0]) for mail in mails_in(home / "mail"))
