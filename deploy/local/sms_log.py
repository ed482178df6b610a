"""Text messages in a folder: `messages.jsonl`, one a line, and `messages.txt` for people."""

import asyncio
import errno
import os
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from deploy.local.folder import hold, put
from shared.eventsourcing.decider import SHANGHAI

__all__ = ["Message", "Posted", "SmsLog"]

MESSAGES = "messages.jsonl"
READABLE = "messages.txt"
REPEATS = ".repeats"


class Posted(BaseModel):
    """What a sender posts. As at a vendor, a text begins with its signature 【…】 and has 500 characters at most."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    out_id: UUID
    to: Annotated[str, StringConstraints(pattern=r"^\+?\d{5,15}$")]
    text: Annotated[str, StringConstraints(pattern=r"^【[^【】]{2,16}】", max_length=500)]
    template: Annotated[str, Field(max_length=100)] = ""
    at: AwareDatetime | None = None


class Message(Posted):
    message_id: str
    received_at: AwareDatetime

    @property
    def shown_at(self) -> datetime:
        return (self.at or self.received_at).astimezone(SHANGHAI)


class SmsLog:
    """A folder of text messages, kept by one process: a message whose `out_id` is there already is counted, not kept.

    In memory there are places in the file alone. Raises FolderBusy.
    """

    def __init__(self, folder: Path) -> None:
        self._lock = hold(folder)
        self._path = folder / MESSAGES
        self._readable = folder / READABLE
        self._repeats = folder / REPEATS
        self._places: dict[UUID, int] = {}
        self._pending: list[Message] = []
        self._next: asyncio.Task[dict[UUID, Message]] | None = None
        self._turn = asyncio.Lock()
        self._repeats.touch()
        self.repeats = Counter(UUID(line) for line in self._repeats.read_text().split())
        self._file = self._path.open("a+b", buffering=0)
        self._load()

    def __len__(self) -> int:
        return len(self._places)

    async def keep(self, message: Message) -> Message:
        """What is kept under this `out_id`: this message, or one before it. When this returns it is on disk.

        Whatever waits meanwhile shares one fsync. Raises OSError.
        """
        self._pending.append(message)
        if self._next is None:
            self._next = asyncio.create_task(self._flush())
        kept = await asyncio.shield(self._next)  # others wait for it too
        return kept[message.out_id]

    def find(self, out_id: UUID) -> Message | None:
        place = self._places.get(out_id)
        return None if place is None else self._read(place)

    def newest_first(self) -> Iterator[Message]:
        for place in reversed(list(self._places.values())):
            yield self._read(place)

    def close(self) -> None:
        self._file.close()
        os.close(self._lock)

    def _load(self) -> None:
        place = 0
        readable: list[str] = []
        with self._path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break  # cut short in the writing, and never acknowledged
                message = Message.model_validate_json(line)
                self._places[message.out_id] = place
                readable.append(_readable(message))
                place += len(line)
        self._file.truncate(place)
        put(self._readable, "".join(readable).encode())

    async def _flush(self) -> dict[UUID, Message]:
        async with self._turn:
            batch, self._pending, self._next = self._pending, [], None
            return await asyncio.to_thread(self._append, batch)

    def _append(self, messages: list[Message]) -> dict[UUID, Message]:
        """What is kept under the `out_id` of each."""
        new: dict[UUID, Message] = {}
        for message in messages:
            if message.out_id in self._places or message.out_id in new:
                self._count(message.out_id)
            else:
                new[message.out_id] = message
        end = place = self._file.seek(0, os.SEEK_END)
        lines = [message.model_dump_json().encode() + b"\n" for message in new.values()]
        try:
            if self._file.write(b"".join(lines)) != sum(map(len, lines)):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(end)
            raise
        for out_id, line in zip(new, lines, strict=True):
            self._places[out_id] = place
            place += len(line)
        with self._readable.open("a") as file:
            file.writelines(_readable(message) for message in new.values())
        ids = {message.out_id for message in messages}
        return {out_id: new.get(out_id) or self._read(self._places[out_id]) for out_id in ids}

    def _read(self, place: int) -> Message:
        with self._path.open("rb") as file:
            file.seek(place)
            return Message.model_validate_json(file.readline())

    def _count(self, out_id: UUID) -> None:
        self.repeats[out_id] += 1
        with self._repeats.open("a") as file:
            file.write(f"{out_id}\n")


def _readable(message: Message) -> str:
    return f"{message.shown_at:%Y-%m-%d %H:%M:%S}  {message.to}\n{message.text}\n\n"
