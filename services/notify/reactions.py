"""An event of another programme calls for words: whom it is for is found out, and each message is asked for once."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from types import ModuleType
from typing import Any, Final
from uuid import UUID

from pydantic_core import from_json

from services.notify.boards import Contents, Subscribers
from services.notify.digesting import digest_id, next_time
from services.notify.domain import content_key
from services.notify.ledger import Ledger
from services.notify.refusals import DIGEST_CLOSED
from services.notify.resources import Resources
from services.notify.rules import Audience, Rule, value_at
from shared.eventsourcing.codec import Codec
from shared.eventsourcing.decider import SHANGHAI
from shared.eventsourcing.keyring import ERASED
from shared.runtime.logs import log
from shared.runtime.reactions import Handler, Reacting, Reaction
from shared.schemas import aid, lending, loan, registry
from shared.schemas.ids import UnionId
from shared.schemas.language import events_of
from shared.schemas.messages import Event, Refused
from shared.schemas.notify import AddToDigest, Channel, ForgetRecipient, Recipient, RequestNotification
from shared.schemas.registry import MemberErased, ShowFederation, ShowUnion

__all__ = ["reactions_to"]

LANGUAGES: Final[Mapping[str, ModuleType]] = {"aid": aid, "lending": lending, "loan": loan, "registry": registry}

AT_ONCE: Final = 128
"""Events heard together: their requests share a commit. They may be heard in any order, for each calls for the same."""

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
        codec = Codec.of(LANGUAGES[programme])
        reactions.append(Reaction(f"notify-on-{programme}", programme, codec, handlers, at_once=AT_ONCE))
    return tuple(reactions)


async def forget(event: MemberErased, reacting: Reacting) -> None:
    """What is kept of the person here can be read no more; whoever is to be told of it is told.

    That they are forgotten is recorded before their keys are destroyed: from then on nothing that concerns them is
    requested, and no key is made for it.
    """
    assert reacting.keyring is not None
    rows = await reacting.read_models.some(Contents, "concerns = $1", event.member_id)
    await reacting.command(ForgetRecipient(member_id=event.member_id))
    keys = {row.content_key for row in rows} | set(_content_keys(event.member_id, reacting))
    for key in (event.member_id, *keys):
        await reacting.keyring.erase(key)
    await Ledger(reacting.read_models.pool).forget(str(event.member_id))
    await request(event, reacting)


def _content_keys(member_id: UUID, reacting: Reacting) -> list[UUID]:
    """Of the months about the erasure, of which the read model may not know yet."""
    month = reacting.recorded.meta.time.astimezone(SHANGHAI).date().replace(day=1)
    near = (month - timedelta(days=1), month, month + timedelta(days=31))
    return [content_key(member_id, one) for one in near]


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
    if len(asked) == 1:  # as with most events, in bursts above all
        return await _ask(asked[0], reacting)
    outcomes = await asyncio.gather(*(_ask(one, reacting) for one in asked), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return None


def _asked(
    rule: Rule, content: Mapping[str, Any], channel: Channel, recipient: Recipient, reacting: Reacting
) -> RequestNotification | AddToDigest:
    resources: Resources = reacting.resources
    common: dict[str, Any] = {
        "cause": reacting.recorded.id,
        "cause_type": reacting.recorded.type,
        "programme": rule.programme,
        "rule": rule.id,
        "rules_version": resources.rules.version,
        "channel": channel,
        "recipient": recipient,
        "message_class": rule.message_class,
        "template": rule.template,
    }
    if rule.digest is not None:
        due_at = next_time(rule.digest, reacting.recorded.meta.time)
        own = digest_id(reacting.recorded.meta.federation, rule.id, channel, recipient, due_at)
        return AddToDigest(**common, digest_id=own, due_at=due_at)
    return RequestNotification(
        **common,
        concerns=None if rule.concerns is None else UUID(str(value_at(content, rule.concerns))),
        values=rule.values_of(content, resources.catalogue[rule.template]),
    )


async def _ask(asked: RequestNotification | AddToDigest, reacting: Reacting) -> None:
    about, resources = f"{asked.rule}/{asked.channel}/{asked.recipient}", reacting.resources
    try:
        if isinstance(asked, AddToDigest):
            await _add(asked, about, reacting)
        else:
            await resources.requesting.ask(asked, about, reacting)
    except Refused as refused:
        if refused.refusal.code != ERASED.code:
            raise
        _log.info("not requested: the person is erased", rule=asked.rule, cause=str(asked.cause))


async def _add(asked: AddToDigest, about: str, reacting: Reacting) -> None:
    """To the first digest that is not sent yet: an event may be heard late."""
    while True:
        try:
            await reacting.command(asked, f"{about}/{asked.due_at.isoformat()}")
            return
        except Refused as refused:
            if refused.refusal.code != DIGEST_CLOSED.code:
                raise
        due_at = asked.due_at + timedelta(days=1)
        own = digest_id(reacting.recorded.meta.federation, asked.rule, asked.channel, asked.recipient, due_at)
        asked = asked.model_copy(update={"digest_id": own, "due_at": due_at})


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
        case Audience.SUBSCRIBERS:
            where = "federation = $1 and list = $2 order by member_id"
            rows = await reacting.read_models.some(Subscribers, where, reacting.recorded.meta.federation, rule.list)
            return [Recipient(kind=kind, id=str(row.member_id)) for row in rows]
        case _ if named is not None:
            return [Recipient(kind=kind, id=named)]
        case _:
            return []
