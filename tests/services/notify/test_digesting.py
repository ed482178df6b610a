"""Digests: each event counts once, and each is told of."""

from datetime import UTC, datetime, time
from uuid import UUID

from services.notify.digesting import Digest, decide, digest, digest_id, next_time, told
from shared.eventsourcing.decider import Facts
from shared.eventsourcing.specification import Specification
from shared.schemas.ids import new_id
from shared.schemas.messages import Actor, Command, Event, Role
from shared.schemas.notify import (
    AddToDigest,
    Channel,
    CloseDigest,
    DigestClosed,
    DigestItemAdded,
    MessageClass,
    Recipient,
    TemplateRef,
)

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
SIX = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
OFFICER = Recipient.parse("officer:01985b5e-3f00-7000-8000-000000000002")
OWN = digest_id("330503", "discrepancies", Channel.EMAIL, OFFICER, SIX)
FACTS = Facts(now=NOON, actor=Actor(role=Role.SYSTEM, id="notify"), federation="330503")

specification: Specification[Command, Digest, Event, Facts] = Specification(digest.fold, decide, FACTS)
given = specification.given


def add(cause: UUID) -> AddToDigest:
    return AddToDigest(
        digest_id=OWN,
        programme="lending",
        rule="discrepancies",
        rules_version="1",
        channel=Channel.EMAIL,
        recipient=OFFICER,
        message_class=MessageClass.PROGRESS,
        template=TemplateRef(id="discrepancies", version=1),
        cause=cause,
        cause_type="StockDiscrepancyFound",
        due_at=SIX,
    )


def added(cause: UUID) -> DigestItemAdded:
    return DigestItemAdded.model_validate(add(cause).model_dump())


FIRST, SECOND = new_id(), new_id()
closed = DigestClosed(digest_id=OWN, count=2)


def test_an_event_heard_twice_counts_once() -> None:
    given().when(add(FIRST)).then(added(FIRST))
    given(added(FIRST)).when(add(FIRST)).nothing()
    given(added(FIRST)).when(add(SECOND)).then(added(SECOND))


def test_a_digest_is_closed_once() -> None:
    given(added(FIRST), added(SECOND)).when(CloseDigest(digest_id=OWN)).then(closed)
    given(added(FIRST), added(SECOND), closed).when(CloseDigest(digest_id=OWN)).nothing()
    given().when(CloseDigest(digest_id=OWN)).nothing()


def test_what_comes_after_it_is_closed_goes_to_the_next_and_not_to_both() -> None:
    given(added(FIRST), closed).when(add(SECOND)).refused("digest_closed", "通知 第12条")
    given(added(FIRST), closed).when(add(FIRST)).nothing()


def test_its_message_says_how_many_and_follows_from_it() -> None:
    asked = told(digest.fold([added(FIRST), added(SECOND)]))
    assert (asked.values, asked.cause, asked.recipient, asked.concerns) == ({"count": 2}, OWN, OFFICER, None)


def test_it_is_due_at_the_next_such_time_of_day() -> None:
    assert next_time(time(18), NOON) == SIX
    assert next_time(time(18), SIX) == datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
    assert next_time(time(8), NOON) == datetime(2026, 11, 25, 0, 0, tzinfo=UTC)
