"""An event of another programme calls for words: whom it is for is found out, and each message is asked for once."""

import asyncio
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final
from uuid import UUID

from pydantic_core import from_json

from services.notify.resources import Resources
from services.notify.rules import Audience, Rule, value_at
from shared.eventsourcing.codec import Codec
from shared.eventsourcing.keyring import ERASED
from shared.runtime.logs import log
from shared.runtime.reactions import Handler, Reacting, Reaction
from shared.schemas import aid, lending, loan, registry
from shared.schemas.ids import UnionId
from shared.schemas.language import events_of
from shared.schemas.messages import Event, Refused
from shared.schemas.notify import Channel, Recipient, RequestNotification
from shared.schemas.registry import MemberErased, ShowFederation, ShowUnion

__all__ = ["reactions_to"]

LANGUAGES: Final[Mapping[str, ModuleType]] = {"aid": aid, "lending": lending, "loan": loan, "registry": registry}

_log = log(__name__)


def reactions_to(events: frozenset[tuple[str, str]]) -> tuple[Reaction, ...]:
    """One consumer for each programme whose events (programme, type) call for anything."""
    reactions = []
    for programme in sorted({programme for programme, _ in events}):
        known = events_of(LANGUAGES[programme])
        kinds = [known[name] for name in sorted(name for whose, name in events if whose == programme)]
        handlers: dict[type[Event], Handler] = dict.fromkeys(kinds, request)
        if programme == "registry":
            handlers[MemberErased] = forget
        reactions.append(Reaction(f"notify-on-{programme}", programme, Codec.of(LANGUAGES[programme]), handlers))
    return tuple(reactions)


async def forget(event: MemberErased, reacting: Reacting) -> None:
    """What is kept of the person here can be read no more; whoever is to be told of it is told."""
    assert reacting.keyring is not None
    await reacting.keyring.erase(event.member_id)
    await request(event, reacting)


async def request(event: Event, reacting: Reacting) -> None:
    """Ask for every message that an event calls for, side by side. Raises what kept one of them from it."""
    resources: Resources = reacting.resources
    content: dict[str, Any] = from_json(reacting.recorded.data)
    asked = [
        _asked(rule, content, channel, recipient, reacting)
        for rule in resources.rules.of(reacting.source, type(event).__name__)
        if rule.applies_to(content)
        for recipient in await recipients(rule, content, reacting)
        for channel in rule.channels
    ]
    outcomes = await asyncio.gather(*(_ask(one, reacting) for one in asked), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome


def _asked(
    rule: Rule, content: Mapping[str, Any], channel: Channel, recipient: Recipient, reacting: Reacting
) -> RequestNotification:
    resources: Resources = reacting.resources
    return RequestNotification(
        cause=reacting.recorded.id,
        cause_type=reacting.recorded.type,
        programme=rule.programme,
        rule=rule.id,
        rules_version=resources.rules.version,
        channel=channel,
        recipient=recipient,
        message_class=rule.message_class,
        template=rule.template,
        concerns=None if rule.concerns is None else UUID(str(value_at(content, rule.concerns))),
        values=rule.values_of(content, resources.catalogue[rule.template]),
    )


async def _ask(asked: RequestNotification, reacting: Reacting) -> None:
    try:
        await reacting.command(asked, f"{asked.rule}/{asked.channel}/{asked.recipient}")
    except Refused as refused:
        if refused.refusal.code != ERASED.code:
            raise
        _log.info("not requested: the person is erased", rule=asked.rule, cause=str(asked.cause))


async def recipients(rule: Rule, content: Mapping[str, Any], reacting: Reacting) -> list[Recipient]:
    """Whom a rule's words are for, as the registry has it now."""
    named = None if rule.place_of_audience is None else str(value_at(content, rule.place_of_audience))
    kind = rule.audience.kind
    envelope = reacting.envelope(f"audience of {rule.id}")
    match rule.audience:
        case Audience.CADRES if named is not None:
            union = await reacting.client.ask("registry", ShowUnion(union_id=UnionId(UUID(named))), envelope)
            return [Recipient(kind=kind, id=str(contact.member_id)) for contact in union.contacts]
        case Audience.OFFICERS:
            code = reacting.recorded.meta.federation
            federation = await reacting.client.ask("registry", ShowFederation(code=code), envelope)
            return [Recipient(kind=kind, id=str(member_id)) for member_id in federation.contacts]
        case _ if named is not None:
            return [Recipient(kind=kind, id=named)]
        case _:
            return []
