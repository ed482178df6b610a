"""A bank's day, three ways: what was sent, what was taken, what was answered; and every difference between them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from deploy.nats.reconciliation import (
    ANSWERS,
    QUESTIONS,
    TAKEN_BACK,
    DifferenceKind,
    Ending,
    Held,
    Reconciled,
    Sent,
    reconcile,
)
from shared.schemas import loan
from shared.schemas.language import events_of

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SOON, LONG_AGO = (NOW + timedelta(days=1)).isoformat(), (NOW - timedelta(days=1)).isoformat()


def endorsed(number: int, answer_by: str = SOON) -> Sent:
    data = {"application_id": f"application-{number}", "answer_by": answer_by}
    return Sent(number * 10, UUID(int=number), "LoanEndorsed", data)


def requested(number: int, disburse_by: str = SOON) -> Sent:
    data = {"draw_id": f"draw-{number}", "disburse_by": disburse_by}
    return Sent(number * 10, UUID(int=number), "DrawdownRequested", data)


def told(number: int) -> Sent:
    """What asks for nothing."""
    return Sent(number * 10, UUID(int=number), "LineClosed", {"line_id": f"line-{number}"})


def held(*events: Sent, first: int = 1) -> list[Held]:
    return [Held(first + n, event.id, event.type, event.data) for n, event in enumerate(events)]


def ending(kind: str, about: str | None, position: int = 99) -> Ending:
    assert about is not None
    return Ending(position, kind, about)


def kinds(reconciled: Reconciled) -> list[DifferenceKind]:
    return [difference.kind for difference in reconciled.differences]


def test_a_day_on_which_all_was_taken_and_answered_has_no_difference() -> None:
    day = [endorsed(1), told(2), requested(3)]
    endings = [ending("LoanAccepted", day[0].about), ending("DrawDisbursed", day[2].about)]
    reconciled = reconcile(day, held(*day), 3, endings, [], NOW)
    assert reconciled == Reconciled(sent=3, taken=3, questions=2, answered=2, taken_back=0, waiting=0, differences=())


def test_what_did_not_come_into_the_bank_s_stream() -> None:
    day = [told(1), told(2)]
    reconciled = reconcile(day, held(day[0]), 1, [], [], NOW)
    assert [(one.kind, one.where) for one in reconciled.differences] == [(DifferenceKind.NOT_IN_STREAM, "position 20")]


def test_what_is_in_the_stream_and_was_never_sent() -> None:
    day = [told(1)]
    reconciled = reconcile(day, held(day[0], told(2)), 2, [], [], NOW)
    assert [(one.kind, one.where) for one in reconciled.differences] == [(DifferenceKind.NOT_IN_LOG, "sequence 2")]


def test_what_reads_otherwise_in_the_stream() -> None:
    day = [told(1)]
    altered = replace(held(day[0])[0], data={"line_id": "another"})
    assert kinds(reconcile(day, [altered], 1, [], [], NOW)) == [DifferenceKind.OTHER_CONTENT]


def test_what_stands_in_another_order_in_the_stream() -> None:
    day = [told(1), told(2)]
    assert kinds(reconcile(day, held(day[1], day[0]), 2, [], [], NOW)) == [DifferenceKind.OUT_OF_ORDER]


def test_what_the_bank_has_not_taken_yet() -> None:
    day = [told(1), told(2)]
    reconciled = reconcile(day, held(*day, first=7), 7, [], [], NOW)
    assert (kinds(reconciled), reconciled.taken) == ([DifferenceKind.NOT_TAKEN], 1)


def test_an_answer_to_what_was_not_acknowledged() -> None:
    day = [endorsed(1)]
    reconciled = reconcile(day, held(*day), 0, [ending("LoanDeclined", day[0].about)], [], NOW)
    assert kinds(reconciled) == [DifferenceKind.NOT_TAKEN, DifferenceKind.ANSWERED_UNTAKEN]


def test_a_question_waits_until_its_time_is_over() -> None:
    day = [endorsed(1), requested(2, LONG_AGO)]
    reconciled = reconcile(day, held(*day), 2, [], [], NOW)
    assert (reconciled.waiting, kinds(reconciled)) == (1, [DifferenceKind.NOT_ANSWERED])
    assert reconciled.differences[0].about == "draw-2"


def test_a_question_that_was_taken_back_needs_no_answer() -> None:
    day = [endorsed(1, LONG_AGO), requested(2, LONG_AGO)]
    endings = [ending("EndorsementWithdrawn", day[0].about), ending("DrawdownCancelled", day[1].about)]
    reconciled = reconcile(day, held(*day), 2, endings, [], NOW)
    assert (reconciled.taken_back, reconciled.waiting, kinds(reconciled)) == (2, 0, [])


def test_an_answer_that_nobody_asked_for() -> None:
    reconciled = reconcile([], [], 0, [ending("DrawDisbursed", "draw-9", 77)], [], NOW)
    assert [(one.kind, one.where, one.about) for one in reconciled.differences] == [
        (DifferenceKind.NOT_ASKED, "position 77", "draw-9")
    ]


def test_an_answer_of_today_to_a_question_of_yesterday_is_asked_for() -> None:
    assert kinds(reconcile([], [], 0, [ending("DrawDisbursed", "draw-9")], ["draw-9"], NOW)) == []


def test_a_second_answer() -> None:
    day = [requested(1)]
    endings = [ending("DrawDisbursed", day[0].about, 11), ending("DrawdownRefused", day[0].about, 12)]
    reconciled = reconcile(day, held(*day), 1, endings, [], NOW)
    assert [(one.kind, one.where) for one in reconciled.differences] == [(DifferenceKind.ANSWERED_TWICE, "position 12")]


@given(st.data(), st.integers(0, 12))
def test_every_question_is_answered_taken_back_waiting_or_late_and_nothing_else(data: st.DataObject, n: int) -> None:
    day = [data.draw(st.sampled_from([endorsed, requested]))(number) for number in range(1, n + 1)]
    endings = [
        ending(data.draw(st.sampled_from(sorted(kind for kind in {**ANSWERS, **TAKEN_BACK}))), event.about)
        for event in day
        if data.draw(st.booleans())
    ]
    acknowledged = data.draw(st.integers(0, n))
    now = data.draw(st.sampled_from([NOW, NOW + timedelta(days=2)]))
    reconciled = reconcile(day, held(*day), acknowledged, endings, [], now)
    late = kinds(reconciled).count(DifferenceKind.NOT_ANSWERED)
    assert reconciled.questions == reconciled.answered + reconciled.taken_back + reconciled.waiting + late
    assert reconciled.taken + kinds(reconciled).count(DifferenceKind.NOT_TAKEN) == reconciled.sent == n


def test_the_language_has_every_event_that_is_reconciled() -> None:
    events = events_of(loan)
    for name, (about, until) in QUESTIONS.items():
        assert events[name].addressed_to == "bank"
        assert {about, until, "bank"} <= set(events[name].model_fields)
    for name, about in {**ANSWERS, **TAKEN_BACK}.items():
        assert about in events[name].model_fields
