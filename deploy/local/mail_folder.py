"""Mail in a folder: each message as `<received>-<key>.eml`, with a `.txt` beside it for people."""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from deploy.local.folder import hold, put
from shared.eventsourcing.decider import SHANGHAI

__all__ = ["Mail", "MailFolder", "mails_in"]

NAME = re.compile(r"^\d{8}T\d{6}\.\d{6}Z-(?P<key>[0-9a-f]{32})$")
REPEATS = ".repeats"
_parser = BytesParser(EmailMessage, policy=policy.default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A message as people read it. `to` is the envelope's recipient; times are UTC."""

    key: str
    message_id: str
    sender: str
    to: str
    addressee: str
    subject: str
    date: datetime
    received_at: datetime
    text: str
    html: str


class MailFolder:
    """A folder of mail, kept by one process: a message whose `Message-ID` is there already is counted, not kept.

    A message without `Message-ID` goes by its content.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = hold(folder)
        self._keys = {key for path in folder.glob("*.eml") if (key := _key_of(path)) is not None}
        repeats = folder / REPEATS
        self.repeats = Counter(repeats.read_text().split()) if repeats.exists() else Counter[str]()
        for path in folder.glob("*.eml"):
            if not path.with_suffix(".txt").exists():
                _write_text(path)

    def __len__(self) -> int:
        return len(self._keys)

    def keep(self, content: bytes, sender: str, to: list[str], at: datetime) -> bool:
        """Whether the message is a new one. When this returns it is on disk."""
        identity = _parser.parsebytes(content, headersonly=True)["Message-ID"]
        key = hashlib.sha256(str(identity).strip().encode() if identity else content).hexdigest()[:32]
        if key in self._keys:
            self._count(key)
            return False
        trace = "".join([f"Return-Path: <{sender}>\r\n", *(f"Delivered-To: {address}\r\n" for address in to)])
        path = self.folder / f"{at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}-{key}.eml"
        put(path, trace.encode() + content)
        self._keys.add(key)
        _write_text(path)
        return True

    def close(self) -> None:
        os.close(self._lock)

    def _count(self, key: str) -> None:
        self.repeats[key] += 1
        with (self.folder / REPEATS).open("a") as file:
            file.write(f"{key}\n")


def mails_in(folder: Path) -> Iterator[Mail]:
    """The messages of a folder, newest first; whoever keeps it."""
    for path in sorted(folder.glob("*.eml"), reverse=True):
        if _key_of(path) is not None:
            yield _read(path)


def _key_of(path: Path) -> str | None:
    match = NAME.match(path.stem)
    return match["key"] if match else None


def _read(path: Path) -> Mail:
    message = _parser.parsebytes(path.read_bytes())
    received = datetime.strptime(path.stem.partition("-")[0], "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
    date = (message["Date"].datetime if message["Date"] else None) or received
    return Mail(
        key=_key_of(path) or "",
        message_id=str(message["Message-ID"] or ""),
        sender=str(message["From"] or message["Return-Path"]),
        to=", ".join(str(address) for address in message.get_all("Delivered-To", [])),
        addressee=str(message["To"] or ""),
        subject=str(message["Subject"] or ""),
        date=date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC),
        received_at=received,
        text=_part(message, "plain"),
        html=_part(message, "html"),
    )


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()).replace("\r\n", "\n") if part is not None else ""


def _write_text(path: Path) -> None:
    mail = _read(path)
    head = f"主题: {mail.subject}\n发件人: {mail.sender}\n收件人: {mail.addressee}\n"
    sent = f"时间: {mail.date.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}\n\n"
    put(path.with_suffix(".txt"), (head + sent + mail.text).encode())
