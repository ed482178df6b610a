"""Sending commands and asking queries over NATS: used by services, the command line and whoever stands outside."""

import asyncio
import time
from typing import Any, Final, Protocol

import nats.errors
from nats.aio.client import Client as Connection

from shared.runtime.envelope import AWAY, STATUS, TOO_LARGE, Envelope
from shared.runtime.tracing import traceparent
from shared.schemas.messages import Accepted, Command, Query, Refusal, Refused

__all__ = ["Asking", "Client", "NoAnswer"]

PAUSE: Final = 0.2


class NoAnswer(Exception):
    """Nobody answered in time. Whether the command was carried out is unknown: send it again under the same id."""


class Asking(Protocol):
    """Asks another service."""

    async def ask(self, programme: str, query: Query[Any], envelope: Envelope, after: int = 0) -> Any: ...


class Client:
    """Calls are repeated until `patience` seconds are over: a command's id makes that safe, a query changes nothing."""

    def __init__(self, connection: Connection, timeout: float = 5.0, patience: float = 15.0) -> None:
        self._connection, self._timeout, self._patience = connection, timeout, patience

    async def send(self, programme: str, command: Command, envelope: Envelope) -> Accepted:
        """Raises Refused, NoAnswer."""
        subject = f"cmd.{envelope.federation}.{programme}.{type(command).__name__}"
        body = type(command).__pydantic_serializer__.to_json(command, context={"clear": True})
        return Accepted.model_validate_json(await self._call(subject, body, envelope.headers()))

    async def ask(self, programme: str, query: Query[Any], envelope: Envelope, after: int = 0) -> Any:
        """The answer, of the type that the query names. Raises Refused, NoAnswer."""
        subject = f"qry.{envelope.federation}.{programme}.{type(query).__name__}"
        body = type(query).__pydantic_serializer__.to_json(query, context={"clear": True})
        headers = envelope.headers() | ({"after": str(after)} if after else {})
        return query.answers().validate_json(await self._call(subject, body, headers))

    async def call(self, subject: str, body: bytes, headers: dict[str, str]) -> tuple[str, bytes]:
        """One call whose types are not known here: the reply's status and its JSON. Raises NoAnswer."""
        if (trace := traceparent()) is not None:
            headers = {**headers, "traceparent": trace}
        deadline = time.monotonic() + self._patience
        while True:
            cause: Exception | None = None
            try:
                reply = await self._connection.request(subject, body, timeout=self._timeout, headers=headers)
                status = (reply.headers or {}).get(STATUS, "")
                if status != AWAY:
                    return status, reply.data
            except nats.errors.MaxPayloadError:
                return "refused", TOO_LARGE().refusal.model_dump_json().encode()
            except (nats.errors.NoRespondersError, nats.errors.OutboundBufferLimitError, TimeoutError) as error:
                cause = error
            if time.monotonic() + PAUSE > deadline:
                raise NoAnswer(subject) from cause
            await asyncio.sleep(PAUSE)

    async def _call(self, subject: str, body: bytes, headers: dict[str, str]) -> bytes:
        status, reply = await self.call(subject, body, headers)
        if status == "refused":
            raise Refused(Refusal.model_validate_json(reply))
        return reply
