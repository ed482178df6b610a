"""What travels beside a command or a query, as message headers, and how refusals common to all programmes read."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import blake2b
from types import NoneType
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ValidationError

from shared.schemas.ids import derived_id, new_id
from shared.schemas.messages import Actor, Command, Meta, Reason, Refusal, Refused
from shared.schemas.personal import Personal

__all__ = [
    "ANSWER_TOO_LARGE",
    "AWAY",
    "BUSY",
    "COMMAND_ID_REUSED",
    "FAILED",
    "MALFORMED",
    "NOT_ALLOWED",
    "STATUS",
    "TOO_LARGE",
    "TOO_LATE",
    "UNKNOWN",
    "Envelope",
    "fingerprint",
    "parse",
]

STATUS: Final = "status"
"""Of a reply: `accepted`, `answered`, `refused`, or `away`: a server that the service needs is away, call again."""

AWAY: Final = "away"

UNKNOWN = Reason("unknown_message", "接口约定", "没有名为 {name} 的命令或查询")
MALFORMED = Reason("malformed", "接口约定", "内容不符合 {name} 的格式")
NOT_ALLOWED = Reason("not_allowed", "岗位职责", "{role} 不能办理 {name}")
COMMAND_ID_REUSED = Reason("command_id_reused", "接口约定", "命令编号已被另一条命令使用")
BUSY = Reason("busy", "接口约定", "同一事项正在被多方办理,请稍后重试")
TOO_LATE = Reason("not_yet_visible", "接口约定", "查询结果尚未更新到指定位置,请稍后重试")
TOO_LARGE = Reason("too_large", "接口约定", "内容过大,请分几次办理")
ANSWER_TOO_LARGE = Reason("answer_too_large", "接口约定", "答复过大,请缩小查询范围")
FAILED = Reason("failed", "接口约定", "系统未能处理,已记录,编号 {incident}")

FEDERATION: Final = re.compile(r"[0-9]{6}")
TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
YEARS: Final = range(1900, 3000)
"""Of dates and instants that a caller may name: at either end of the calendar, arithmetic and time zones fail."""
LARGEST_NUMBER: Final = 2**53
"""Beyond it JSON means the same number to few, and in the end no column holds it."""
MEASURELESS: Final = frozenset({str, UUID, bool, NoneType})
"""Types that most fields are of, and that need no look."""
MOST_FIELDS: Final = 20
"""Fields that a refusal names, of those that are wrong."""
LONGEST_NAME: Final = 100
"""Characters of what a refusal says of a field: the names of unknown ones are the caller's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """`id` is the command's own; `correlation` that of the whole story it belongs to."""

    id: UUID
    actor: Actor
    federation: str
    correlation: UUID
    cause: UUID | None = None
    """The event that made the sender send it."""
    sent_at: datetime | None = None
    """When the sender acted, by the sender's own clock. Only evidence: the service's clock decides."""
    trace: str | None = None

    @classmethod
    def fresh(cls, actor: Actor, federation: str, id: UUID | None = None) -> "Envelope":  # noqa: A002
        """Of a command that begins something."""
        own = id or new_id()
        return cls(id=own, actor=actor, federation=federation, correlation=own)

    @classmethod
    def received(cls, federation: str, headers: Mapping[str, str]) -> "Envelope":
        """From a message's headers. Raises Refused(malformed)."""
        if FEDERATION.fullmatch(federation) is None:
            raise MALFORMED(name="federation")
        trace = headers.get("traceparent", "")
        try:
            own = UUID(headers["command-id"]) if "command-id" in headers else new_id()
            return cls(
                id=own,
                actor=Actor.parse(headers["actor"]),
                federation=federation,
                correlation=UUID(headers["correlation"]) if "correlation" in headers else own,
                cause=UUID(headers["causation"]) if "causation" in headers else None,
                sent_at=datetime.fromisoformat(headers["sent-at"]) if "sent-at" in headers else None,
                trace=trace if TRACEPARENT.fullmatch(trace) else None,
            )
        except (KeyError, ValueError) as error:
            raise MALFORMED(name="headers") from error

    @classmethod
    def following(cls, event_id: UUID, meta: Meta, name: str, actor: Actor) -> "Envelope":
        """Of a command that follows from an event: the same event and name give the same command id, for ever."""
        return cls(
            id=derived_id(event_id, name),
            actor=actor,
            federation=meta.federation,
            correlation=meta.correlation,
            cause=event_id,
            trace=meta.trace,
        )

    def headers(self) -> dict[str, str]:
        headers = {"command-id": str(self.id), "actor": str(self.actor), "correlation": str(self.correlation)}
        if self.cause is not None:
            headers["causation"] = str(self.cause)
        if self.sent_at is not None:
            headers["sent-at"] = self.sent_at.isoformat()
        if self.trace is not None:
            headers["traceparent"] = self.trace
        return headers

    def meta(self, now: datetime, trace: str | None = None) -> Meta:
        """Of the events that the command causes; `trace` is that of the span in which it is carried out."""
        return Meta(
            federation=self.federation,
            actor=str(self.actor),
            time=now,
            correlation=self.correlation,
            causation=self.id,
            cause=self.cause,
            trace=trace or self.trace,
        )


def fingerprint(command: Command, envelope: Envelope, secret: bytes = b"") -> UUID:
    """Tells commands under one id apart: by caller, federation, kind and body. It stays beside the log, so where a body
    may name somebody it is made with a `secret`: without one, guesses could be held against it."""
    kind = type(command)
    body = kind.__pydantic_serializer__.to_json(command, context={"clear": True})
    head = f"{envelope.actor}|{envelope.federation}|{kind.__module__}.{kind.__name__}|".encode()
    return UUID(bytes=blake2b(head + body, key=secret, digest_size=16).digest())


def parse[M: BaseModel](message: type[M], body: bytes) -> M:
    """A message from its JSON. Raises Refused(malformed), naming the fields and never their content."""
    if b"\\u0000" in body:
        raise _malformed(message.__name__, {"body": "NUL is not text"})
    try:
        parsed = message.model_validate_json(body or b"{}", context={"clear": True})
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)
        fields = {
            ".".join(map(str, problem["loc"]))[:LONGEST_NAME] or "body": problem["msg"][:LONGEST_NAME]
            for problem in problems[:MOST_FIELDS]
        }
        raise _malformed(message.__name__, fields) from None
    if beyond := dict(_beyond_measure(parsed, ())):
        raise _malformed(message.__name__, beyond)
    return parsed


def _beyond_measure(value: Any, at: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Fields whose year is none of YEARS, or whose number is too large, and the words for that."""
    match value:
        case date():
            if value.year not in YEARS:
                yield ".".join(at), f"a year is one of {YEARS.start} to {YEARS.stop - 1}"
        case int():
            if abs(value) > LARGEST_NUMBER:
                yield ".".join(at), f"a number is {LARGEST_NUMBER} at most"
        case BaseModel():
            for name, inner in value.__dict__.items():
                if type(inner) not in MEASURELESS:
                    yield from _beyond_measure(inner, (*at, name))
        case tuple() | list() | frozenset():
            for inner in value:
                if type(inner) not in MEASURELESS:
                    yield from _beyond_measure(inner, at)
        case dict():
            for inner in value.values():
                yield from _beyond_measure(inner, at)
        case Personal() if value.is_clear:
            yield from _beyond_measure(value.clear, at)


def _malformed(name: str, fields: dict[str, str]) -> Refused:
    refusal = MALFORMED(name=name).refusal
    return Refused(Refusal(**{**refusal.model_dump(), "details": {"name": name, "fields": fields}}))
