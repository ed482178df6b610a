"""What a recipient wants to be told: opting out by class, and in again; the evidence stays."""

from dataclasses import dataclass, field, replace

from services.notify.refusals import CANNOT_REFUSE, NOT_YOURS
from shared.eventsourcing.decider import Aggregate, Facts
from shared.schemas.ids import MemberId
from shared.schemas.messages import Command, Event, Role
from shared.schemas.notify import (
    ForgetRecipient,
    MessageClass,
    OptedIn,
    OptedOut,
    OptIn,
    OptOut,
    Preference,
    RecipientForgotten,
    RecordReply,
    ReplyReceived,
    Source,
    Written,
)
from shared.schemas.personal import Personal

__all__ = ["PreferenceFacts", "Wishes", "Words", "decide", "preferences", "replied", "replies"]


@dataclass(frozen=True, slots=True)
class Words:
    """What a reply says that asks for no more messages, or for messages again; letters in capitals."""

    opt_out: frozenset[str]
    opt_in: frozenset[str]

    def asks_for(self, text: str) -> Preference | None:
        said = "".join(text.split()).strip("。.!！").upper()
        if said in self.opt_out:
            return Preference.OPT_OUT
        return Preference.OPT_IN if said in self.opt_in else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceFacts(Facts):
    refusable: tuple[MessageClass, ...]
    """Classes that may be refused."""


@dataclass(frozen=True, slots=True)
class Wishes:
    unwanted: frozenset[MessageClass] = field(default_factory=frozenset)
    forgotten: bool = False


def decide(command: Command, state: Wishes, facts: PreferenceFacts) -> list[Event]:
    match command:
        case OptOut(member_id=member_id, classes=classes) | OptIn(member_id=member_id, classes=classes):
            if facts.actor.role is Role.MEMBER and facts.actor.id != str(member_id):
                raise NOT_YOURS()
            if wrong := sorted(set(classes) - set(facts.refusable)):
                raise CANNOT_REFUSE(classes="、".join(wrong))
            source = Source.ONESELF if facts.actor.role is Role.MEMBER else Source.OFFICE
            change = Preference.OPT_OUT if isinstance(command, OptOut) else Preference.OPT_IN
            return _changed(change, member_id, classes or facts.refusable, state, source, None, facts)
        case ForgetRecipient(member_id=member_id):
            return [] if state.forgotten else [RecipientForgotten(member_id=member_id)]
        case _:
            raise TypeError(type(command).__name__)


def replied(command: RecordReply, state: Wishes, words: Words, facts: PreferenceFacts) -> tuple[Event, list[Event]]:
    """The reply, and what changes of its writer's preferences."""
    written: Written = command.written.clear
    asks_for = words.asks_for(written.text)
    known = command.member_id if command.member_id is not None and not state.forgotten else None
    received = ReplyReceived(
        reply_id=command.reply_id,
        provider=command.provider,
        member_id=known,
        concerns=known or command.reply_id,
        written=command.written,
        asks_for=asks_for,
        at=command.at,
    )
    if known is None or asks_for is None:
        return received, []
    return received, _changed(asks_for, known, facts.refusable, state, Source.REPLY, command.written, facts)


def _changed(
    change: Preference,
    member_id: MemberId,
    classes: tuple[MessageClass, ...],
    state: Wishes,
    source: Source,
    evidence: Personal[Written] | None,
    facts: PreferenceFacts,
) -> list[Event]:
    """Nothing where all was as asked for: the first evidence counts."""
    out = change is Preference.OPT_OUT
    fresh = tuple(one for one in classes if (one in state.unwanted) is not out)
    if not fresh or state.forgotten:
        return []
    kind = OptedOut if out else OptedIn
    return [kind(member_id=member_id, classes=fresh, source=source, evidence=evidence, at=facts.now)]


def evolve(state: Wishes, event: Event) -> Wishes:
    match event:
        case OptedOut(classes=classes):
            return replace(state, unwanted=state.unwanted | set(classes))
        case OptedIn(classes=classes):
            return replace(state, unwanted=state.unwanted - set(classes))
        case RecipientForgotten():
            return Wishes(forgotten=True)
        case _:
            return state


preferences: Aggregate[Wishes, Event] = Aggregate("preferences", Wishes(), evolve)


def _heard(_was: bool, _event: Event) -> bool:
    return True


replies: Aggregate[bool, Event] = Aggregate("reply", False, _heard)
"""Whether a reply was recorded: providers report again."""
