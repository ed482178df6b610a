"""Commands of notify that a decision alone does not carry out: what it rests on, and which streams it writes to."""

import random
from collections.abc import Iterable, Mapping
from typing import Any, Final

from services.notify import approving, digesting, preferences, subscribing
from services.notify.approving import ApprovalFacts, approval, approval_key
from services.notify.digesting import digest
from services.notify.domain import decide, repeated
from services.notify.policy import NotifyFacts
from services.notify.preferences import PreferenceFacts, replies
from services.notify.refusals import CONTENT_GONE, NO_SUCH_NOTIFICATION
from services.notify.resources import Resources
from services.notify.standing import Standing, notification
from services.notify.subscribing import list_key, subscribers
from shared.eventsourcing.decider import Aggregate
from shared.runtime.commands import Context, Handler, decides
from shared.schemas.messages import Command, Event, Meta
from shared.schemas.notify import (
    AddToDigest,
    BeginSettling,
    CancelNotification,
    Channel,
    CloseDigest,
    ContentsDropped,
    DeferNotification,
    ExpireNotification,
    ForgetRecipient,
    NotificationId,
    NotificationRequested,
    OptIn,
    OptOut,
    ProviderShifted,
    RecordApproval,
    RecordContentsDropped,
    RecordFailure,
    RecordReceipt,
    RecordRefusal,
    RecordReply,
    RecordSent,
    RecordStrayReceipt,
    RecordTogether,
    RecordUnconfirmed,
    RequestNotification,
    RequestTogether,
    ResendNotification,
    ShiftProvider,
    StartSending,
    StrayReceiptReceived,
    SubmitTemplate,
    Subscribe,
    SuppressNotification,
    Unsubscribe,
    notification_id,
)

__all__ = ["COMMANDS"]


async def _facts(context: Context, *people: str) -> NotifyFacts:
    """With what is known of these people: the recipient first, then whom it concerns."""
    known: Resources = context.resources
    wishes = [await context.session.load(preferences.preferences, one, in_turn=False) for one in people if one]
    return NotifyFacts(
        now=context.now,
        actor=context.envelope.actor,
        federation=context.envelope.federation,
        retries=known.delivery.retries,
        quiet=known.delivery.hours,
        patience=known.delivery.patience,
        chance=random.random(),  # noqa: S311 - jitter, not a secret
        unwanted=wishes[0].unwanted if people and people[0] else frozenset(),
        forgotten=any(one.forgotten for one in wishes),
    )


async def _nobody(_command: Any, context: Context) -> NotifyFacts:
    return await _facts(context)


async def _asked(command: RequestNotification, context: Context) -> NotifyFacts:
    concerns = "" if command.concerns is None else str(command.concerns)
    recipient = command.recipient.member or ""
    return await _facts(context, recipient, concerns if concerns != recipient else "")


async def _starting(command: StartSending, context: Context) -> NotifyFacts:
    standing = await context.session.load(notification, command.notification_id)
    return await _facts(context, standing.recipient)


async def _request_together(command: RequestTogether, context: Context) -> None:
    requests = [asked.request for asked in command.requests]
    standings = await _standings((request.notification_id for request in requests), context)
    people = [str(one) for request in requests for one in (request.recipient.member, request.concerns) if one]
    await context.session.load_all(preferences.preferences, people, in_turn=False)
    for asked in command.requests:
        own, facts = asked.request.notification_id, await _asked(asked.request, context)
        meta = context.meta(asked.correlation, asked.request.cause, asked.trace)
        _follow(standings, own, decide(asked.request, standings[own], facts), context, meta)


async def _record_together(command: RecordTogether, context: Context) -> None:
    standings = await _standings((part.notification_id for part in command.parts), context)
    starting = [standings[part.notification_id] for part in command.parts if isinstance(part, StartSending)]
    people = [standing.recipient for standing in starting if standing.recipient]
    await context.session.load_all(preferences.preferences, people, in_turn=False)
    for part in command.parts:
        own = part.notification_id
        standing = standings[own]
        facts = await _facts(context, standing.recipient if isinstance(part, StartSending) else "")
        events = decide(part, standing, facts)
        _follow(standings, own, events, context, context.meta(standing.cause or own))


async def _standings(ids: Iterable[NotificationId], context: Context) -> dict[NotificationId, Standing]:
    known = list(dict.fromkeys(ids))
    return dict(zip(known, await context.session.load_all(notification, known), strict=True))


def _follow(
    standings: dict[NotificationId, Standing], own: NotificationId, events: list[Event], context: Context, meta: Meta
) -> None:
    """What comes later in the same command is decided on what these events make of the notification."""
    standings[own] = notification.fold(events, standings[own])
    context.session.append(notification, own, events, meta)


async def _resend(command: ResendNotification, context: Context) -> None:
    assert context.keyring is not None
    rows = await context.repository.recorded(notification, command.notification_id)
    if not rows or rows[0].meta.federation != context.envelope.federation:
        raise NO_SUCH_NOTIFICATION()
    original = rows[0].event
    assert isinstance(original, NotificationRequested)
    source = (
        rows if original.content_of is None else await context.repository.recorded(notification, original.content_of)
    )
    (content,) = await context.keyring.open(source[:1])
    assert isinstance(content, NotificationRequested)
    standing = await context.session.load(notification, command.notification_id)
    facts = await _facts(context, original.recipient.member or "", str(original.concerns))
    if facts.forgotten or content.values.is_erased:
        raise CONTENT_GONE()
    own = notification_id(command.resend_id, original.rule, original.channel, original.recipient)
    if (await context.session.load(notification, own)).status is None:
        context.session.append(notification, own, repeated(original, standing, command.resend_id, facts))


def _wishing(context: Context) -> PreferenceFacts:
    known: Resources = context.resources
    return PreferenceFacts(
        now=context.now,
        actor=context.envelope.actor,
        federation=context.envelope.federation,
        refusable=known.delivery.refusable,
    )


async def _wishes(_command: Command, context: Context) -> PreferenceFacts:
    return _wishing(context)


async def _reply(command: RecordReply, context: Context) -> None:
    known: Resources = context.resources
    if await context.session.load(replies, command.reply_id):
        context.session.append(replies, command.reply_id, [])
        return
    key = command.member_id or command.reply_id
    state = await context.session.load(preferences.preferences, key)
    received, changes = preferences.replied(command, state, known.delivery.words, _wishing(context))
    context.session.append(replies, command.reply_id, [received])
    context.session.append(preferences.preferences, key, changes)


async def _approve(command: Any, context: Context) -> None:
    known: Resources = context.resources
    facts = ApprovalFacts(
        now=context.now,
        actor=context.envelope.actor,
        federation=context.envelope.federation,
        templates=frozenset(
            ref for ref, template in known.catalogue.templates.items() if Channel.SMS in template.channels
        ),
    )
    key = approval_key(command.provider, command.template)
    state = await context.session.load(approval, key)
    context.session.append(approval, key, approving.decide(command, state, facts))


async def _subscribe(command: Subscribe | Unsubscribe, context: Context) -> None:
    key = list_key(context.envelope.federation, command.list)
    state = await context.session.load(subscribers, key)
    context.session.append(subscribers, key, subscribing.decide(command, state, context.facts()))


async def _close_digest(command: CloseDigest, context: Context) -> None:
    """The digest and its message are written together."""
    state = await context.session.load(digest, command.digest_id)
    closed = digesting.decide(command, state, context.facts())
    context.session.append(digest, command.digest_id, closed)
    if closed:
        asked = digesting.told(state)
        facts = await _asked(asked, context)
        standing = await context.session.load(notification, asked.notification_id)
        context.session.append(notification, asked.notification_id, decide(asked, standing, facts))


# Streams of which nothing is decided but that the same is recorded once.


def _count(was: int, _event: Event) -> int:
    return was + 1


receipts: Final[Aggregate[int, Event]] = Aggregate("receipt", 0, _count)
providers: Final[Aggregate[int, Event]] = Aggregate("provider", 0, _count)
contents: Final[Aggregate[int, Event]] = Aggregate("contents", 0, _count)


async def _stray(command: RecordStrayReceipt, context: Context) -> None:
    seen = await context.session.load(receipts, command.receipt_id)
    event = StrayReceiptReceived.model_validate(command.model_dump())
    context.session.append(receipts, command.receipt_id, [] if seen else [event])


async def _shift(command: ShiftProvider, context: Context) -> None:
    context.session.append(providers, command.provider, [ProviderShifted.model_validate(command.model_dump())])


async def _dropped(command: RecordContentsDropped, context: Context) -> None:
    context.session.append(contents, command.month, [ContentsDropped(month=command.month)])


_recorded: Final[Handler] = decides(notification, decide, by="notification_id", facts=_nobody)
_preferred: Final[Handler] = decides(preferences.preferences, preferences.decide, by="member_id", facts=_wishes)

COMMANDS: Final[Mapping[type[Command], Handler]] = {
    RequestNotification: decides(notification, decide, by="notification_id", facts=_asked),
    StartSending: decides(notification, decide, by="notification_id", facts=_starting),
    **dict.fromkeys(
        (
            SuppressNotification,
            DeferNotification,
            ExpireNotification,
            CancelNotification,
            BeginSettling,
            RecordSent,
            RecordFailure,
            RecordUnconfirmed,
            RecordReceipt,
        ),
        _recorded,
    ),
    RequestTogether: _request_together,
    RecordTogether: _record_together,
    ResendNotification: _resend,
    **dict.fromkeys((OptOut, OptIn, ForgetRecipient), _preferred),
    RecordReply: _reply,
    **dict.fromkeys((SubmitTemplate, RecordApproval, RecordRefusal), _approve),
    **dict.fromkeys((Subscribe, Unsubscribe), _subscribe),
    AddToDigest: decides(digest, digesting.decide, by="digest_id"),
    CloseDigest: _close_digest,
    RecordStrayReceipt: _stray,
    ShiftProvider: _shift,
    RecordContentsDropped: _dropped,
}
