"""An event as the log holds it."""

from datetime import datetime
from functools import cached_property
from uuid import UUID

from shared.eventsourcing.codec import Codec
from shared.schemas.messages import Event, Meta

__all__ = ["Recorded"]


class Recorded:
    """An event with its place in the log. Content and meta are decoded when first asked for.

    `position` counts from 1 without gaps over the service's log, and is the sequence of its JetStream stream too;
    `version` counts from 1 within `stream`; `recorded_at` is the database's time, `meta.time` the programme's.
    """

    def __init__(
        self,
        codec: Codec,
        position: int,
        stream: str,
        version: int,
        id: UUID,  # noqa: A002
        type: str,  # noqa: A002
        schema: int,
        data: str | bytes,
        meta: str | bytes | Meta,
        recorded_at: datetime | None,
    ) -> None:
        self._codec = codec
        self.position = position
        self.stream = stream
        self.version = version
        self.id = id
        self.type = type
        self.schema = schema
        self.data = data
        self._meta = meta
        self.recorded_at = recorded_at

    @cached_property
    def event(self) -> Event:
        return self._codec.decode(self.type, self.schema, self.data)

    @cached_property
    def meta(self) -> Meta:
        return self._meta if isinstance(self._meta, Meta) else Meta.model_validate_json(self._meta)

    @property
    def meta_json(self) -> str | bytes:
        return self._meta.model_dump_json() if isinstance(self._meta, Meta) else self._meta

    def __repr__(self) -> str:
        return f"{self.position}: {self.stream}@{self.version} {self.type}"
