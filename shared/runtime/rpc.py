"""The door of a service: commands on `cmd.<federation>.<programme>.<Command>`, queries on `qry.…`, replies typed.

Every call is answered: with what was accepted, with the answer, or with a refusal. An error of our own is answered
as the refusal `failed`, with the number under which the log has it; while PostgreSQL is away the caller is
told to call again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from faststream.nats import NatsBroker, NatsMessage, NatsResponse
from pydantic import TypeAdapter

from shared.eventsourcing.connections import is_transient
from shared.runtime.commands import Commands
from shared.runtime.envelope import AWAY, FAILED, STATUS, UNKNOWN, Envelope, parse
from shared.runtime.logs import log
from shared.runtime.queries import Queries
from shared.schemas.ids import new_id
from shared.schemas.messages import Refused

__all__ = ["serve"]

WORKERS = 128
"""Calls under way at once; what comes beyond waits in the broker's buffer."""

_log = log(__name__)
_answers: dict[type, TypeAdapter[Any]] = {}


def serve(broker: NatsBroker, programme: str, commands: Commands, queries: Queries) -> None:
    """Subscribe, in the service's queue group: each call goes to one instance."""

    async def command(message: NatsMessage, federation: str, name: str) -> NatsResponse:
        kind = commands.by_name.get(name)
        if kind is None:
            raise UNKNOWN(name=name)
        accepted = await commands.carry_out(parse(kind, message.body), Envelope.received(federation, message.headers))
        return NatsResponse(accepted.model_dump_json().encode(), headers={STATUS: "accepted"})

    async def query(message: NatsMessage, federation: str, name: str) -> NatsResponse:
        kind = queries.by_name.get(name)
        if kind is None:
            raise UNKNOWN(name=name)
        envelope = Envelope.received(federation, message.headers)
        after = message.headers.get("after", "0")
        answer = await queries.answer(parse(kind, message.body), envelope, int(after) if after.isdecimal() else 0)
        adapter = _answers.setdefault(kind, TypeAdapter(kind.answer_type()))
        return NatsResponse(adapter.dump_json(answer, context={"clear": True}), headers={STATUS: "answered"})

    for prefix, answer in (("cmd", command), ("qry", query)):
        broker.subscriber(f"{prefix}.*.{programme}.*", queue=programme, max_workers=WORKERS, decoder=_as_it_is)(
            _answering(answer)
        )


def _answering(
    answer: Callable[[NatsMessage, str, str], Awaitable[NatsResponse]],
) -> Callable[[NatsMessage], Awaitable[NatsResponse]]:
    async def handle(message: NatsMessage) -> NatsResponse:
        _, federation, _, name = message.raw_message.subject.split(".")
        try:
            return await answer(message, federation, name)
        except Refused as refused:
            refusal = refused.refusal
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if is_transient(error):
                _log.warning("call not answered", message=name, error=type(error).__name__)
                return NatsResponse(b"{}", headers={STATUS: AWAY})
            incident = str(new_id())
            _log.error("call failed", message=name, incident=incident, error=type(error).__name__, exc_info=True)
            refusal = FAILED(incident=incident).refusal
        return NatsResponse(refusal.model_dump_json().encode(), headers={STATUS: "refused"})

    return handle


async def _as_it_is(message: NatsMessage) -> NatsMessage:
    return message
