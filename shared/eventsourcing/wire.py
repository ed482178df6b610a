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
    head: str
    """Its headers as they go out: a line each, with its end."""
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        return dict(line.split(": ", 1) for line in self.head.splitlines())


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
        self._addressed = {name: event.addressed_to for name, event in codec.events.items()}
        self._heads: dict[tuple[str, str], tuple[str, str]] = {}

    def message(self, recorded: Recorded) -> Message:
        """Raises UnknownEvent, since only an event's class tells whom it is addressed to; Unpublishable."""
        meta: dict[str, str | None] = from_json(recorded.meta_json)
        subject, head = self._head(recorded, meta["federation"] or "")
        stream, actor, time = recorded.stream, meta["actor"] or "", meta["time"] or ""
        correlation, causation = meta["correlation"] or "", meta["causation"] or ""
        cause, trace = meta.get("cause") or "", meta.get("trace") or ""
        if not _is_plain(f"{stream}{actor}{time}{correlation}{causation}{cause}{trace}"):
            stream, actor, time, correlation, causation, cause, trace = (
                quote(value, safe=UNQUOTED) for value in (stream, actor, time, correlation, causation, cause, trace)
            )
        head = (
            f"{head}ce-id: {recorded.id}\r\nce-subject: {stream}\r\nce-time: {time}\r\n"
            f"ce-correlation: {correlation}\r\nce-causation: {causation}\r\nce-position: {recorded.position}\r\n"
            f"ce-version: {recorded.version}\r\nce-schema: {recorded.schema}\r\nce-actor: {actor}\r\n"
        )
        if cause:
            head += f"ce-cause: {cause}\r\n"
        if recorded.recorded_at is not None:
            head += f"ce-recordedat: {recorded.recorded_at.isoformat().replace('+00:00', 'Z')}\r\n"
        if trace:
            head += f"traceparent: {trace}\r\n"
        data = recorded.data
        return Message(subject, head, data.encode() if isinstance(data, str) else data)

    def _head(self, recorded: Recorded, federation: str) -> tuple[str, str]:
        """The subject, and the headers that all events of this kind and federation share."""
        kind = recorded.type
        shared = self._heads.get((federation, kind))
        if shared is None:
            shared = self._heads[federation, kind] = self._shared(recorded, federation)
        field = self._addressed[kind]
        if field is None:
            return shared
        addressee = getattr(recorded.event, field)
        if addressee is None:
            return shared
        if not TOKEN.fullmatch(str(addressee)):
            raise Unpublishable(f"position {recorded.position}: its {field} is no token")
        subject, head = shared
        return f"{subject}.{addressee}", head

    def _shared(self, recorded: Recorded, federation: str) -> tuple[str, str]:
        kind = recorded.type
        if kind not in self._addressed:
            raise UnknownEvent(f"{kind} at position {recorded.position}: not of this code's language")
        if not TOKEN.fullmatch(federation):
            raise Unpublishable(f"position {recorded.position}: its federation is no token")
        return f"evt.{federation}.{self.programme}.{kind}", (
            f"ce-specversion: 1.0\r\nce-source: niangjia/{self.programme}\r\nce-type: {kind}\r\n"
            f"ce-federation: {federation}\r\ncontent-type: application/json\r\n"
        )


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
