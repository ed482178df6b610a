"""One message, two senders, and whatever may go wrong between them: it never arrives twice, and it comes to an end.

Each sender sees what was recorded as of its last look, may stand still at any step for as long as it likes, and may
be killed. The provider keeps whatever it is sent, or keeps a repeat once and can be asked. Replies may be lost.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import Enum, auto

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.notify.domain import Standing, decide, notification
from shared.schemas.messages import Command, Event, Refused
from shared.schemas.notify import (
    DeliveryStatus,
    FailureKind,
    ReceiptStatus,
    RecordFailure,
    RecordReceipt,
    RecordSent,
    RecordUnconfirmed,
    SendingFailed,
    StartSending,
    Suppression,
    SuppressNotification,
)
from tests.services.notify.test_domain import FACTS, GATEWAY, NOON, OWN, request

WAITING = {DeliveryStatus.REQUESTED, DeliveryStatus.WAITING}
ENDED = {
    DeliveryStatus.SENT,
    DeliveryStatus.DELIVERED,
    DeliveryStatus.UNCONFIRMED,
    DeliveryStatus.FAILED,
    DeliveryStatus.SUPPRESSED,
    DeliveryStatus.EXPIRED,
}
AFTER: dict[DeliveryStatus, set[DeliveryStatus]] = {
    DeliveryStatus.SENT: {DeliveryStatus.DELIVERED, DeliveryStatus.FAILED},
    DeliveryStatus.UNCONFIRMED: {DeliveryStatus.DELIVERED, DeliveryStatus.FAILED},
}
"""Where a receipt may still lead from an end."""


class Answer(Enum):
    """How a provider treats a message, as its sender sees it."""

    TAKEN = auto()
    TAKEN_AND_LOST = auto()
    LOST = auto()
    TEMPORARY = auto()
    PERMANENT = auto()
    TECHNICAL = auto()

    @property
    def takes(self) -> bool:
        return self in {Answer.TAKEN, Answer.TAKEN_AND_LOST}

    @property
    def is_known(self) -> bool:
        return self not in {Answer.TAKEN_AND_LOST, Answer.LOST}


@dataclass
class Sender:
    seen: Standing = field(default_factory=lambda: Standing(DeliveryStatus.REQUESTED))
    """As of its last look."""
    attempt: int = 0
    """That it has begun and not ended; 0 for none."""
    answer: Answer | None = None
    """Of the provider, to be recorded."""

    def is_killed(self) -> None:
        self.attempt, self.answer = 0, None


class OneMessage(RuleBasedStateMachine):
    senders = Bundle("senders")

    def __init__(self) -> None:
        super().__init__()
        self.keeps_once = False
        self.arrived = 0
        self.refused_for_good = False
        self.history: list[Event] = []
        self.now = NOON
        self.retry_at = NOON
        self.ends: list[DeliveryStatus] = []

    @property
    def standing(self) -> Standing:
        return notification.fold(self.history)

    def record(self, command: Command) -> bool:
        """Whether anything was recorded."""
        try:
            events = decide(command, self.standing, replace(FACTS, now=self.now))
        except Refused:
            return False
        for event in events:
            self.history.append(event)
            if isinstance(event, SendingFailed):
                self.retry_at = event.retry_at
            status = self.standing.status
            if status in ENDED and self.ends[-1:] != [status]:
                self.ends.append(status)
        return bool(events)

    def arrives(self) -> None:
        self.arrived = 1 if self.keeps_once else self.arrived + 1

    @initialize(once=st.booleans())
    def requested(self, once: bool) -> None:
        self.keeps_once = once
        assert self.record(request())

    @initialize(target=senders)
    def one(self) -> Sender:
        return Sender()

    @initialize(target=senders)
    def another(self) -> Sender:
        return Sender()

    @rule()
    def the_event_is_heard_again(self) -> None:
        assert not self.record(request())

    @rule(sender=senders)
    def looks(self, sender: Sender) -> None:
        sender.seen = self.standing

    @rule(sender=senders)
    def is_killed(self, sender: Sender) -> None:
        sender.is_killed()

    @rule(seconds=st.integers(0, 20))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(sender=senders)
    def begins(self, sender: Sender) -> None:
        if sender.attempt == 0 and sender.seen.status in WAITING and self.now >= self.retry_at:
            attempt = sender.seen.attempt + 1
            if self.record(StartSending(notification_id=OWN, attempt=attempt, provider=GATEWAY)):
                sender.attempt = attempt

    @rule(sender=senders, answer=st.sampled_from(Answer))
    def speaks(self, sender: Sender, answer: Answer) -> None:
        if sender.attempt and sender.answer is None:
            sender.answer = answer
            if answer.takes:
                self.arrives()

    @rule(sender=senders)
    def records(self, sender: Sender) -> None:
        if sender.answer is not None:
            if sender.answer.is_known:
                self.records_answer(sender.attempt, sender.answer)
            sender.is_killed()  # and begins anew

    def records_answer(self, attempt: int, answer: Answer) -> None:
        if answer is Answer.TAKEN:
            self.record(RecordSent(notification_id=OWN, attempt=attempt, provider_message_id="m-1"))
        else:
            failure = FailureKind[answer.name]
            self.record(RecordFailure(notification_id=OWN, attempt=attempt, failure=failure, reason="http"))

    @rule(sender=senders, answer=st.sampled_from(Answer))
    def settles(self, sender: Sender, answer: Answer) -> None:
        """What it did not begin itself, or what it knows no outcome of."""
        if sender.attempt or sender.seen.status is not DeliveryStatus.SENDING:
            return
        attempt = sender.seen.attempt
        if not self.keeps_once:
            self.record(RecordUnconfirmed(notification_id=OWN, attempt=attempt, reason="cannot be asked"))
        elif self.arrived:
            self.records_answer(attempt, Answer.TAKEN)
        else:
            if answer.takes:
                self.arrives()
            if answer.is_known:
                self.records_answer(attempt, answer)

    @rule(sender=senders, erased=st.sampled_from([False] * 9 + [True]))
    def has_nobody_to_send_it_to(self, sender: Sender, erased: bool) -> None:
        if erased and sender.seen.status in WAITING:
            self.record(SuppressNotification(notification_id=OWN, reason=Suppression.ERASED))

    @precondition(lambda self: self.arrived)
    @rule(status=st.sampled_from(ReceiptStatus))
    def a_receipt_comes(self, status: ReceiptStatus) -> None:
        self.refused_for_good |= status is not ReceiptStatus.DELIVERED
        kept = self.record(
            RecordReceipt(
                notification_id=OWN,
                provider=GATEWAY,
                provider_message_id="m-1",
                status=status,
                reason="code",
                reported_at=self.now,
            )
        )
        assert kept

    @invariant()
    def it_never_arrives_twice(self) -> None:
        assert self.arrived <= 1

    @invariant()
    def what_is_said_is_true(self) -> None:
        status = self.standing.status
        if status in {DeliveryStatus.SENT, DeliveryStatus.DELIVERED}:
            assert self.arrived
        if status in {DeliveryStatus.SUPPRESSED, DeliveryStatus.FAILED} and not self.keeps_once:
            assert not self.arrived or self.refused_for_good

    @invariant()
    def from_an_end_only_a_receipt_leads_on(self) -> None:
        for before, after in zip(self.ends, self.ends[1:], strict=False):
            assert after in AFTER[before]

    def teardown(self) -> None:
        """One sender left alone, in good weather, brings it to an end."""
        sender = Sender()
        for _ in range(10):
            self.looks(sender)
            if sender.seen.status in ENDED:
                break
            self.now = max(self.now, self.retry_at)
            self.begins(sender)
            self.speaks(sender, Answer.TAKEN)
            self.records(sender)
            self.settles(sender, Answer.TAKEN)
        assert not self.history or self.standing.status in ENDED
        self.it_never_arrives_twice()


TestOneMessage = OneMessage.TestCase
TestOneMessage.settings = settings(max_examples=100, stateful_step_count=40)
