"""Atomic batches (nats-server 2.14 and newer): messages enter a stream together and at given sequences, or not at all.

They are encoded here: nats-py takes 30 µs for a message with fifteen headers, more than everything else that a
relay does with one. The end of a batch goes by nats-py, which hands back the acknowledgement of it all.
"""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Final
from uuid import uuid4

import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext

from shared.eventsourcing.wire import Message, Unpublishable

__all__ = ["FEW", "MOST_MESSAGES", "Batch", "NotConnected", "OutOfStep", "batches"]

MOST_MESSAGES: Final = 1000
"""The server's own limit."""
FEW: Final = 8
"""Messages that go plainly, one after the other. Synced to disk, an atomic batch takes some milliseconds, however small
it is; a message by itself less than one."""
MOST_BYTES: Final = 2 * 1024 * 1024
"""Far below the 128 MB that the server lets wait for a stream, whoever sends it."""


class NotConnected(nats.errors.Error):
    """The broker is away; nothing was sent."""


class OutOfStep(nats.errors.Error):
    """The stream took a message at another sequence than it was meant for."""


class Batch:
    """Messages for the sequences from `first` to `end`, each told from all others as `<name>-<sequence>`."""

    def __init__(self, name: str, first: int) -> None:
        self.first, self.end = first, first - 1
        self._name, self._id = name, uuid4().hex
        self._encoded: list[bytes] = []
        self._size = 0
        self._messages: list[Message] = []
        """The first few."""

    def __len__(self) -> int:
        return self.end - self.first + 1

    @property
    def full(self) -> bool:
        return len(self) == MOST_MESSAGES or self._size > MOST_BYTES

    def add(self, message: Message, max_payload: int) -> None:
        """Raises Unpublishable where it is larger than `max_payload` bytes."""
        self.end += 1
        number = len(self)
        expected = f"Nats-Expected-Last-Sequence: {self.first - 1}\r\n" if number == 1 else ""
        headers = (
            f"NATS/1.0\r\nNats-Batch-Id: {self._id}\r\nNats-Batch-Sequence: {number}\r\n"
            f"Nats-Msg-Id: {self._name}-{self.end}\r\n{expected}{message.head}\r\n"
        )
        size = len(headers) + len(message.body)
        if size > max_payload:
            raise Unpublishable(f"position {self.end}: {size} bytes, where the broker takes {max_payload}")
        head = f"HPUB {message.subject} {len(headers)} {size}\r\n{headers}".encode("ascii")
        self._encoded += (head, message.body, b"\r\n")
        self._size += size
        if number <= FEW:
            self._messages.append(message)

    async def publish(self, nc: Client, js: JetStreamContext, stream: str, limit: float) -> None:
        """Until the stream has it, `limit` seconds at most for each acknowledgement.

        Raises NotConnected, and what nats-py raises; then the stream holds the whole batch, or will, or nothing of it;
        of a few messages, any number of the first.
        """
        if not nc.is_connected:
            raise NotConnected
        if len(self) <= FEW:
            for sequence, message in enumerate(self._messages, self.first):
                own = {"Nats-Msg-Id": f"{self._name}-{sequence}", "Nats-Expected-Last-Sequence": str(sequence - 1)}
                headers = own | message.headers
                ack = await js.publish(message.subject, message.body, timeout=limit, stream=stream, headers=headers)
                self._check(ack.seq, sequence)
            return
        await nc._send_command(b"".join(self._encoded))
        if (task := asyncio.current_task()) is not None and task.cancelling():
            raise asyncio.CancelledError  # nats-py keeps it to itself while it flushes
        own = {
            "Nats-Batch-Id": self._id,
            "Nats-Batch-Sequence": str(len(self) + 1),
            "Nats-Batch-Commit": "eob",
        }
        ack = await js.publish(self._messages[0].subject, timeout=limit, headers=own)
        self._check(ack.seq, self.end)

    def _check(self, sequence: int, meant: int) -> None:
        if sequence != meant:
            raise OutOfStep(f"{self._name}-{meant} is at sequence {sequence}")


def batches(messages: Iterable[Message], name: str, after: int, max_payload: int) -> Iterator[Batch]:
    """Messages for the sequence `after + 1` and those that follow. Raises Unpublishable."""
    batch = Batch(name, after + 1)
    for message in messages:
        batch.add(message, max_payload)
        if batch.full:
            yield batch
            batch = Batch(name, batch.end + 1)
    if len(batch):
        yield batch
