"""Three ways: what the log sent to a bank on a day, what the bank took of it, and what it answered.

All differences of a day, in both directions. An event that asks the bank for something (a question) is settled by the
bank's answer, or by what took the question back; until then it waits, which is no difference before its time is over.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

__all__ = [
    "ANSWERS",
    "QUESTIONS",
    "TAKEN_BACK",
    "Difference",
    "DifferenceKind",
    "Ending",
    "Held",
    "Reconciled",
    "Sent",
    "reconcile",
]

QUESTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "LoanEndorsed": ("application_id", "answer_by"),
    "DrawdownRequested": ("draw_id", "disburse_by"),
}
"""Events that ask the bank for something: the field of what they are about, and of the time by which it answers."""
ANSWERS: Final[Mapping[str, str]] = {
    "LoanAccepted": "application_id",
    "LoanDeclined": "application_id",
    "DrawDisbursed": "draw_id",
    "DrawdownRefused": "draw_id",
}
"""The bank's, with the field of what they are about."""
TAKEN_BACK: Final[Mapping[str, str]] = {
    "EndorsementWithdrawn": "application_id",
    "ApplicationLapsed": "application_id",
    "DrawdownCancelled": "draw_id",
    "DrawdownExpired": "draw_id",
}
"""What ends a question without the bank."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An event that the log addresses to the bank."""

    position: int
    id: UUID
    type: str
    data: Mapping[str, Any]

    @property
    def about(self) -> str | None:
        """Of a question: the application or draw; None of an event that asks for nothing."""
        question = QUESTIONS.get(self.type)
        return str(self.data[question[0]]) if question else None

    @property
    def answer_by(self) -> datetime | None:
        question = QUESTIONS.get(self.type)
        return datetime.fromisoformat(self.data[question[1]]) if question else None


@dataclass(frozen=True, slots=True)
class Held:
    """A message of the bank's stream."""

    sequence: int
    id: UUID
    type: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ending:
    """An answer of the bank's, or what took a question back."""

    position: int
    type: str
    about: str


class DifferenceKind(StrEnum):
    NOT_IN_STREAM = "not_in_stream"  # 已发出，未进入银行的流
    NOT_IN_LOG = "not_in_log"  # 流中有，日志中没有
    OTHER_CONTENT = "other_content"  # 内容不同
    OUT_OF_ORDER = "out_of_order"  # 顺序不同
    NOT_TAKEN = "not_taken"  # 银行尚未接收
    ANSWERED_UNTAKEN = "answered_untaken"  # 未确认接收，却已答复
    NOT_ANSWERED = "not_answered"  # 逾期未答复
    NOT_ASKED = "not_asked"  # 未曾请求，却有答复
    ANSWERED_TWICE = "answered_twice"  # 重复答复

    @property
    def term(self) -> str:
        """For people, in 中文."""
        return TERMS[self]


TERMS: Final = {
    DifferenceKind.NOT_IN_STREAM: "已发出，未进入银行的流",
    DifferenceKind.NOT_IN_LOG: "流中有，日志中没有",
    DifferenceKind.OTHER_CONTENT: "内容不同",
    DifferenceKind.OUT_OF_ORDER: "顺序不同",
    DifferenceKind.NOT_TAKEN: "银行尚未接收",
    DifferenceKind.ANSWERED_UNTAKEN: "未确认接收，却已答复",
    DifferenceKind.NOT_ANSWERED: "逾期未答复",
    DifferenceKind.NOT_ASKED: "未曾请求，却有答复",
    DifferenceKind.ANSWERED_TWICE: "重复答复",
}


@dataclass(frozen=True, slots=True)
class Difference:
    kind: DifferenceKind
    what: str
    """The type of the event that it is about."""
    where: str
    """Its position in the loan's log, or its sequence in the bank's stream."""
    about: str | None


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Of a bank and a day. Of `sent`, `taken` are acknowledged; of `questions`, `waiting` may yet be answered."""

    sent: int
    taken: int
    questions: int
    answered: int
    taken_back: int
    waiting: int
    differences: tuple[Difference, ...]


def reconcile(
    sent: Sequence[Sent],
    held: Sequence[Held],
    acknowledged: int,
    endings: Sequence[Ending],
    asked_before: Iterable[str],
    now: datetime,
) -> Reconciled:
    """`sent` of the day, in the log's order; `held`, of the same day, in the stream's. `acknowledged` is the sequence
    up to which the bank has taken all. `endings` are those of the day's questions, whenever they came, and the answers
    that the bank gave on the day; `asked_before` is what earlier questions to this bank were about.
    """
    by_id = {message.id: message for message in held}
    taken = {event.id for event in sent if event.id in by_id and by_id[event.id].sequence <= acknowledged}
    questions = {event.about: event for event in sent if event.about is not None}
    answers: dict[str, list[Ending]] = {}
    for ending in endings:
        if ending.type in ANSWERS:
            answers.setdefault(ending.about, []).append(ending)
    back = {ending.about for ending in endings if ending.type in TAKEN_BACK} - answers.keys()
    open_ = [event for about, event in questions.items() if about not in answers and about not in back]
    late = [event for event in open_ if event.answer_by is not None and event.answer_by < now]
    differences = (
        *_between_log_and_stream(sent, held),
        *(_of(DifferenceKind.NOT_TAKEN, event) for event in sent if event.id in by_id and event.id not in taken),
        *(
            _of(DifferenceKind.ANSWERED_UNTAKEN, event)
            for about, event in questions.items()
            if about in answers and event.id not in taken
        ),
        *(_of(DifferenceKind.NOT_ANSWERED, event) for event in late),
        *_unasked(answers, {*questions, *asked_before}),
    )
    return Reconciled(
        sent=len(sent),
        taken=len(taken),
        questions=len(questions),
        answered=len(questions.keys() & answers.keys()),
        taken_back=len(questions.keys() & back),
        waiting=len(open_) - len(late),
        differences=differences,
    )


def _between_log_and_stream(sent: Sequence[Sent], held: Sequence[Held]) -> Iterable[Difference]:
    by_id, known = {message.id: message for message in held}, {event.id for event in sent}
    highest = 0
    for event in sent:
        message = by_id.get(event.id)
        if message is None:
            yield _of(DifferenceKind.NOT_IN_STREAM, event)
            continue
        if (message.type, message.data) != (event.type, event.data):
            yield _of(DifferenceKind.OTHER_CONTENT, event)
        if message.sequence < highest:
            yield _of(DifferenceKind.OUT_OF_ORDER, event)
        highest = max(highest, message.sequence)
    for message in held:
        if message.id not in known:
            yield Difference(DifferenceKind.NOT_IN_LOG, message.type, f"sequence {message.sequence}", None)


def _unasked(answers: Mapping[str, Sequence[Ending]], asked: set[str]) -> Iterable[Difference]:
    for about, given in answers.items():
        first, *more = given
        if about not in asked:
            yield Difference(DifferenceKind.NOT_ASKED, first.type, f"position {first.position}", about)
        for again in more:
            yield Difference(DifferenceKind.ANSWERED_TWICE, again.type, f"position {again.position}", about)


def _of(kind: DifferenceKind, event: Sent) -> Difference:
    return Difference(kind, event.type, f"position {event.position}", event.about)
