"""An event as a NATS message: CloudEvents 1.0 in binary mode, attributes as `ce-*` headers, the stored JSON as body.

Subjects are `evt.<federation>.<programme>.<EventType>`, with one more token, the addressee's, for an event that
goes to an outside party. Ids stand in headers alone. Attribute values outside of visible ASCII are percent-encoded,
as the HTTP and NATS bindings of CloudEvents ask.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Final, NamedTuple
from urllib.parse import quote, unquote
from uuid import UUID

from pydantic_core import from_json

from shared.eventsourcing.codec import Codec, UnknownEvent
from shared.eventsourcing.recorded import Recorded
from shared.schemas.messages import Meta

__all__ = ["Encoder", "Message", "Unpublishable", "received", "stream_name", "subjects"]

TOKEN: Final = re.compile(r"[A-Za-z0-9_-]+")
UNQUOTED: Final = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')


class Unpublishable(Exception):
    """An event has no subject: its federation or addressee is no token. The message says where it stands."""


class Message(NamedTuple):
    subject: str
    headers: dict[str, str]
    body: bytes


def stream_name(programme: str) -> str:
    """Of the JetStream stream that holds a programme's events."""
    return programme.upper()


def subjects(programme: str) -> str:
    """All subjects of a programme's events."""
    return f"evt.*.{_token(programme)}.>"


class Encoder:
    """Makes the messages of one programme."""

    def __init__(self, programme: str, codec: Codec) -> None:
        self.programme = _token(programme)
        self._source = f"niangjia/{programme}"
        self._addressed = {name: event.addressed_to for name, event in codec.events.items()}
        self._heads: dict[tuple[str, str], str] = {}

    def message(self, recorded: Recorded) -> Message:
        """Raises UnknownEvent, since only an event's class tells whom it is addressed to; Unpublishable."""
        meta: dict[str, str | None] = from_json(recorded.meta_json)
        subject = self._subject(recorded, meta["federation"] or "")
        headers = {
            "ce-specversion": "1.0",
            "ce-id": str(recorded.id),
            "ce-source": self._source,
            "ce-type": recorded.type,
            "ce-subject": recorded.stream,
            "ce-time": meta["time"] or "",
            "ce-federation": meta["federation"] or "",
            "ce-correlation": meta["correlation"] or "",
            "ce-causation": meta["causation"] or "",
            "ce-position": str(recorded.position),
            "ce-version": str(recorded.version),
            "ce-schema": str(recorded.schema),
            "ce-actor": meta["actor"] or "",
            "content-type": "application/json",
        }
        if cause := meta.get("cause"):
            headers["ce-cause"] = cause
        if recorded.recorded_at is not None:
            headers["ce-recordedat"] = recorded.recorded_at.isoformat().replace("+00:00", "Z")
        if trace := meta.get("trace"):
            headers["traceparent"] = trace
        if not _is_plain("".join(headers.values())):
            headers = {name: quote(value, safe=UNQUOTED) for name, value in headers.items()}
        data = recorded.data
        return Message(subject, headers, data.encode() if isinstance(data, str) else data)

    def _subject(self, recorded: Recorded, federation: str) -> str:
        kind = recorded.type
        head = self._heads.get((federation, kind))
        if head is None:
            if kind not in self._addressed:
                raise UnknownEvent(f"{kind} at position {recorded.position}: not of this code's language")
            if not TOKEN.fullmatch(federation):
                raise Unpublishable(f"position {recorded.position}: its federation is no token")
            head = self._heads[federation, kind] = f"evt.{federation}.{self.programme}.{kind}"
        field = self._addressed[kind]
        if field is None:
            return head
        addressee = getattr(recorded.event, field)
        if addressee is None:
            return head
        if not TOKEN.fullmatch(str(addressee)):
            raise Unpublishable(f"position {recorded.position}: its {field} is no token")
        return f"{head}.{addressee}"


def received(headers: Mapping[str, str], body: bytes, codec: Codec, position: int | None = None) -> Recorded:
    """The event of a message; content and meta are decoded when first asked for.

    `position` is where the event stands for its reader, its own service's position where it is not given.
    Raises KeyError or ValueError for what is not one of our messages.
    """
    return _Received(codec, headers, body, position)


class _Received(Recorded):
    def __init__(self, codec: Codec, headers: Mapping[str, str], body: bytes, position: int | None) -> None:
        super().__init__(
            codec,
            int(headers["ce-position"]) if position is None else position,
            _unquoted(headers["ce-subject"]),
            int(headers["ce-version"]),
            UUID(headers["ce-id"]),
            headers["ce-type"],
            int(headers["ce-schema"]),
            body,
            b"",
            datetime.fromisoformat(recorded_at) if (recorded_at := headers.get("ce-recordedat")) else None,
        )
        self._headers = headers

    @cached_property
    def meta(self) -> Meta:
        headers = self._headers
        return Meta(
            federation=_unquoted(headers["ce-federation"]),
            actor=_unquoted(headers["ce-actor"]),
            time=datetime.fromisoformat(headers["ce-time"]),
            correlation=UUID(headers["ce-correlation"]),
            causation=UUID(headers["ce-causation"]),
            cause=UUID(cause) if (cause := headers.get("ce-cause")) else None,
            trace=headers.get("traceparent"),
        )

    @property
    def meta_json(self) -> str | bytes:
        return self.meta.model_dump_json()


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and not (" " in text or '"' in text or "%" in text)


def _unquoted(value: str) -> str:
    return unquote(value) if "%" in value else value


def _token(programme: str) -> str:
    if not TOKEN.fullmatch(programme):
        raise ValueError(f"a programme's name is a token of subjects, not {programme!r}")
    return programme
