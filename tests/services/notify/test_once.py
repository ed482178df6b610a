"""One message, two senders, two providers, and whatever may go wrong between them: it never arrives twice, it comes to
an end, and nobody is disturbed at night.

Each sender sees what was recorded as of its last look, may stand still at any step for as long as it likes, and may
be killed. It takes either provider for an attempt. A provider keeps whatever it is sent, or keeps a repeat once and
can be asked. Replies may be lost. Messages are deferred, cancelled, and grow old.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import Enum, auto

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.notify.domain import decide
from services.notify.standing import Standing, notification
from shared.eventsourcing.decider import SHANGHAI
from shared.schemas.messages import Command, Event, Refused
from shared.schemas.notify import (
    BeginSettling,
    CancelNotification,
    DeferNotification,
    Deferral,
    DeliveryStatus,
    ExpireNotification,
    FailureKind,
    MessageClass,
    NotificationDeferred,
    ReceiptStatus,
    RecordFailure,
    RecordReceipt,
    RecordSent,
    RecordUnconfirmed,
    SendingFailed,
    SendingStarted,
    StartSending,
    Suppression,
    SuppressNotification,
)
from tests.services.notify.test_domain import FACTS, GATEWAY, NOON, OTHER, OWN, request

WAITING = {DeliveryStatus.REQUESTED, DeliveryStatus.DEFERRED, DeliveryStatus.WAITING}
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
    provider: str = ""
    """Of that attempt."""
    answer: Answer | None = None
    """Of the provider, to be recorded."""
    in_doubt: bool = False
    """Whether it is about to ask what became of the attempt that it saw."""

    def is_killed(self) -> None:
        self.attempt, self.provider, self.answer, self.in_doubt = 0, "", None, False


class OneMessage(RuleBasedStateMachine):
    senders = Bundle("senders")

    def __init__(self) -> None:
        super().__init__()
        self.keeps_once = self.gossip = False
        self.arrivals: dict[str, int] = {GATEWAY: 0, OTHER: 0}
        self.refused_for_good = False
        self.history: list[Event] = []
        self.now = NOON
        self.retry_at = NOON
        self.ends: list[DeliveryStatus] = []

    @property
    def standing(self) -> Standing:
        return notification.fold(self.history)

    @property
    def arrived(self) -> int:
        return sum(self.arrivals.values())

    @property
    def at_night(self) -> bool:
        return not 8 <= self.now.astimezone(SHANGHAI).hour < 22

    def may(self, command: Command) -> bool:
        """Whether it is not refused."""
        try:
            self.history += decide(command, self.standing, replace(FACTS, now=self.now))
        except Refused:
            return False
        return True

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
            if isinstance(event, NotificationDeferred):
                self.retry_at = event.until
            if isinstance(event, SendingStarted):
                assert not (self.at_night and self.gossip), "somebody is disturbed"
            status = self.standing.status
            if status in ENDED and self.ends[-1:] != [status]:
                self.ends.append(status)
        return bool(events)

    def arrives(self, provider: str) -> None:
        self.arrivals[provider] = 1 if self.keeps_once else self.arrivals[provider] + 1

    @initialize(once=st.booleans(), gossip=st.booleans(), hour=st.integers(0, 23))
    def requested(self, once: bool, gossip: bool, hour: int) -> None:
        self.keeps_once, self.gossip = once, gossip
        self.now = self.retry_at = NOON.replace(hour=hour)
        assert self.record(self.request())

    def request(self) -> Command:
        return request(message_class=MessageClass.SERVICE if self.gossip else MessageClass.PAYMENT)

    @initialize(target=senders)
    def one(self) -> Sender:
        return Sender()

    @initialize(target=senders)
    def another(self) -> Sender:
        return Sender()

    @rule()
    def the_event_is_heard_again(self) -> None:
        assert not self.record(self.request())

    @rule(sender=senders)
    def looks(self, sender: Sender) -> None:
        if not sender.in_doubt:
            sender.seen = self.standing

    @rule(sender=senders)
    def is_killed(self, sender: Sender) -> None:
        sender.is_killed()

    @rule(seconds=st.one_of(st.integers(0, 20), st.integers(0, 8 * 3600)))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(hours=st.integers(1, 48))
    def a_budget_is_spent(self, hours: int) -> None:
        until = self.now + timedelta(hours=hours)
        self.record(DeferNotification(notification_id=OWN, until=until, why=Deferral.BUDGET))

    @rule()
    def it_is_looked_at_whether_it_is_too_old(self) -> None:
        self.record(ExpireNotification(notification_id=OWN))

    @rule(cancelled=st.sampled_from([False] * 9 + [True]))
    def an_operator_cancels(self, cancelled: bool) -> None:
        if cancelled:
            self.record(CancelNotification(notification_id=OWN))

    @rule(sender=senders, provider=st.sampled_from([GATEWAY, OTHER]))
    def begins(self, sender: Sender, provider: str) -> None:
        if sender.attempt == 0 and sender.seen.status in WAITING and self.now >= self.retry_at:
            attempt = sender.seen.attempt + 1
            if self.record(StartSending(notification_id=OWN, attempt=attempt, provider=provider)):
                sender.attempt, sender.provider = attempt, provider

    @rule(sender=senders, answer=st.sampled_from(Answer))
    def speaks(self, sender: Sender, answer: Answer) -> None:
        if sender.attempt and sender.answer is None:
            sender.answer = answer
            if answer.takes:
                self.arrives(sender.provider)

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
        attempt, provider = sender.seen.attempt, sender.seen.provider  # no other is spoken to
        if not sender.in_doubt:
            sender.in_doubt = self.may(BeginSettling(notification_id=OWN, attempt=attempt))
            return  # it may stand still now
        sender.in_doubt = False
        if not self.keeps_once:
            self.record(RecordUnconfirmed(notification_id=OWN, attempt=attempt, reason="cannot be asked"))
        elif self.arrivals[provider]:
            self.records_answer(attempt, Answer.TAKEN)
        else:
            if answer.takes:
                self.arrives(provider)
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
                provider=next(name for name, count in self.arrivals.items() if count),
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
        if status in {DeliveryStatus.SUPPRESSED, DeliveryStatus.FAILED, DeliveryStatus.EXPIRED} and not self.keeps_once:
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
            if self.at_night and self.gossip:
                self.now = self.now.astimezone(SHANGHAI).replace(hour=8) + timedelta(days=1)
            if self.record(ExpireNotification(notification_id=OWN)):
                continue
            self.begins(sender, self.standing.bound or OTHER)
            self.speaks(sender, Answer.TAKEN)
            self.records(sender)
            self.settles(sender, Answer.TAKEN)
            self.settles(sender, Answer.TAKEN)
        assert not self.history or self.standing.status in ENDED
        self.it_never_arrives_twice()


TestOneMessage = OneMessage.TestCase
TestOneMessage.settings = settings(max_examples=100, stateful_step_count=40)
