"""What people want to be told: opting out and in again, and the evidence of it."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.notify.preferences import PreferenceFacts, Wishes, Words, decide, preferences, replied
from shared.eventsourcing.specification import Specification
from shared.schemas.ids import MemberId
from shared.schemas.messages import Actor, Command, Event, Role
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

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
LI = MemberId(UUID("01985b5e-3f00-7000-8000-000000000002"))
REPLY = UUID("01985b5e-3f00-7000-8000-00000000000b")
SERVICE, PAYMENT = MessageClass.SERVICE, MessageClass.PAYMENT
ONESELF, OFFICER = Actor(role=Role.MEMBER, id=str(LI)), Actor(role=Role.OFFICER, id="zhang")
FACTS = PreferenceFacts(now=NOON, actor=ONESELF, federation="330503", refusable=(SERVICE,))
WORDS = Words(frozenset({"退订", "TD", "R"}), frozenset({"恢复"}))

specification: Specification[Command, Wishes, Event, PreferenceFacts] = Specification(preferences.fold, decide, FACTS)
given = specification.given


def out(source: Source = Source.ONESELF, evidence: Personal[Written] | None = None) -> OptedOut:
    return OptedOut(member_id=LI, classes=(SERVICE,), source=source, evidence=evidence, at=NOON)


def back(source: Source = Source.ONESELF, evidence: Personal[Written] | None = None) -> OptedIn:
    return OptedIn(member_id=LI, classes=(SERVICE,), source=source, evidence=evidence, at=NOON)


def test_a_member_opts_out_of_all_that_can_be_refused_and_in_again() -> None:
    given().when(OptOut(member_id=LI)).then(out())
    given(out()).when(OptOut(member_id=LI)).nothing()
    given(out()).when(OptIn(member_id=LI)).then(back())
    given(out(), back()).when(OptOut(member_id=LI)).then(out())


def test_the_federation_records_what_it_was_told() -> None:
    given().when(OptOut(member_id=LI), actor=OFFICER).then(out(Source.OFFICE))


def test_what_is_due_or_paid_cannot_be_refused() -> None:
    given().when(OptOut(member_id=LI, classes=(SERVICE, PAYMENT))).refused("cannot_refuse", "通知 第9条")


def test_nobody_opts_out_for_another() -> None:
    given().when(OptOut(member_id=LI), actor=Actor(role=Role.MEMBER, id=str(REPLY))).refused("not_yours", "通知 第3条")


def test_who_is_erased_is_forgotten_once() -> None:
    forgotten = RecipientForgotten(member_id=LI)
    given(out()).when(ForgetRecipient(member_id=LI)).then(forgotten)
    given(out(), forgotten).when(ForgetRecipient(member_id=LI)).nothing()
    given(out(), forgotten).when(OptIn(member_id=LI)).nothing()


@pytest.mark.parametrize(
    ("text", "asks_for"),
    [
        ("退订", Preference.OPT_OUT),
        (" td ", Preference.OPT_OUT),
        ("R。", Preference.OPT_OUT),
        ("退 订！", Preference.OPT_OUT),
        ("恢复", Preference.OPT_IN),
        ("不要退订", None),
        ("谢谢", None),
        ("", None),
    ],
)
def test_a_reply_asks_for_what_it_says_and_nothing_else(text: str, asks_for: Preference | None) -> None:
    assert WORDS.asks_for(text) is asks_for


def reply(text: str, member_id: MemberId | None = LI) -> RecordReply:
    written = Personal(Written(number="13800000001", text=text))
    return RecordReply(reply_id=REPLY, provider="aliyun", member_id=member_id, written=written, at=NOON)


def heard(command: RecordReply, *history: Event) -> tuple[ReplyReceived, list[Event]]:
    received, changes = replied(command, preferences.fold(history), WORDS, FACTS)
    assert isinstance(received, ReplyReceived)
    return received, changes


def test_a_reply_that_opts_out_is_the_evidence_of_it() -> None:
    command = reply("TD")
    received, changes = heard(command)
    assert (received.asks_for, received.member_id, received.concerns) == (Preference.OPT_OUT, LI, LI)
    assert changes == [out(Source.REPLY, command.written)]
    assert heard(command, out())[1] == []
    again = reply("恢复")
    assert heard(again, out())[1] == [back(Source.REPLY, again.written)]


@pytest.mark.parametrize("command", [reply("谢谢"), reply("TD", None)])
def test_other_replies_and_those_of_strangers_are_kept_and_change_nothing(command: RecordReply) -> None:
    received, changes = heard(command)
    assert changes == []
    assert received.concerns == (command.member_id or REPLY)


def test_a_reply_of_who_was_erased_is_a_strangers() -> None:
    received, changes = heard(reply("TD"), RecipientForgotten(member_id=LI))
    assert (received.member_id, received.concerns, changes) == (None, REPLY, [])
