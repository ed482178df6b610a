"""Which timers an event sets and takes back, and that each fires a command that is still in time."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from services.loan.deadlines import deadlines
from services.loan.domain.deciding import decide
from services.loan.domain.desk import LoanEvent, fold, stream_of
from services.loan.domain.facts import end_of
from shared.eventsourcing.codec import Codec
from shared.eventsourcing.recorded import Recorded
from shared.eventsourcing.timers import Cancel, Schedule
from shared.schemas import loan as language
from shared.schemas.loan import (
    CancelDrawdown,
    CloseLine,
    DeclineLoan,
    DrawdownExpired,
    ExpireDrawdown,
    ExpireLine,
    Ground,
    InstalmentFellDue,
    InstalmentOverdue,
    LapseApplication,
    LineCommand,
    LineExpired,
    RefuseDrawdown,
    RejectApplication,
    RepaymentForm,
    ReviewLine,
    Stage,
    WithdrawApplication,
)
from shared.schemas.messages import Meta
from tests.services.loan.cases import (
    APPLICATION,
    BANK,
    CADRE,
    ENDORSE,
    FACTS,
    JULY,
    LI,
    LINE,
    OFFICER,
    RECOMMEND,
    TIMER,
    accept,
    apply,
    draw,
    drawn,
    of,
    of_households,
    opened,
    played,
    request,
)

CODEC = Codec.of(language)


def recorded(event: LoanEvent) -> Recorded:
    aggregate, key = stream_of(event)
    meta = Meta(
        federation="330503", actor=str(BANK), time=datetime(2019, 7, 1, tzinfo=UTC), correlation=key, causation=key
    )
    kind = type(event)
    return Recorded(
        CODEC,
        1,
        aggregate.stream(key),
        1,
        UUID(int=1),
        kind.__name__,
        kind.schema_version,
        event.model_dump_json(context={"clear": True}),
        meta,
        None,
    )


def set_by(events: Iterable[LoanEvent]) -> dict[str, Schedule]:
    """The timers that stand after a history."""
    standing: dict[str, Schedule] = {}
    for event in events:
        for timer in deadlines(recorded(event)):
            match timer:
                case Schedule(key=key):
                    standing[key] = timer
                case Cancel(key=key):
                    standing.pop(key, None)
    return standing


def commands(events: Iterable[LoanEvent]) -> list[object]:
    return [timer.command for timer in set_by(events).values()]


def fire(history: tuple[LoanEvent, ...], timer: Schedule) -> list[LoanEvent]:
    """What the timer does when it goes off at its instant."""
    assert isinstance(timer.command, LapseApplication | LineCommand)
    return decide(timer.command, fold(history), replace(FACTS, actor=TIMER, now=timer.due))


FILED = played((apply(), of(LI), JULY))
RECOMMENDED = played((RECOMMEND, CADRE, JULY), after=FILED)
ENDORSED = played((ENDORSE, OFFICER, JULY), after=RECOMMENDED)


def test_each_stage_of_an_application_has_its_deadline_and_takes_back_the_one_before() -> None:
    def lapses(stage: Stage) -> LapseApplication:
        return LapseApplication(application_id=APPLICATION, stage=stage)

    assert commands(FILED) == [lapses(Stage.RECOMMENDATION)]
    assert commands(RECOMMENDED) == [lapses(Stage.ENDORSEMENT)]
    assert commands(ENDORSED) == [lapses(Stage.BANK_ANSWER)]


def test_a_deadline_is_the_end_of_the_last_day_in_china_and_lapses_what_still_waits() -> None:
    for history, last_day in [
        (FILED, date(2019, 7, 8)),
        (RECOMMENDED, date(2019, 7, 8)),
        (ENDORSED, date(2019, 7, 11)),
    ]:
        (timer,) = set_by(history).values()
        assert timer.due == end_of(last_day)
        lapsed = fire(history, timer)
        assert type(lapsed[0]).__name__ == "ApplicationLapsed"
        assert commands((*history, *lapsed)) == []


def test_an_application_that_ended_has_no_deadline() -> None:
    for history, command, actor in [
        (FILED, RejectApplication(application_id=APPLICATION, ground=Ground.OTHER), CADRE),
        (FILED, WithdrawApplication(application_id=APPLICATION), of(LI)),
        (ENDORSED, WithdrawApplication(application_id=APPLICATION), of(LI)),
        (ENDORSED, DeclineLoan(application_id=APPLICATION, ground=Ground.OTHER), BANK),
    ]:
        assert commands(played((command, actor, JULY), after=history)) == []


def test_a_line_expires_at_the_end_of_its_last_day() -> None:
    (timer,) = set_by(played((accept(), BANK, JULY), after=ENDORSED)).values()
    assert (timer.command, timer.due) == (ExpireLine(line_id=LINE), end_of(date(2022, 7, 1)))
    assert isinstance(fire(opened(), timer)[0], LineExpired)


def test_a_closed_line_expires_no_more() -> None:
    assert commands(played((CloseLine(line_id=LINE), BANK, JULY), after=opened())) == []


def test_a_request_expires_unless_the_bank_answers_or_the_member_cancels() -> None:
    asked = played((request("1000"), of(LI), JULY), after=opened())
    timer = set_by(asked)[f"draw {draw()} expiry"]
    assert (timer.command, timer.due) == (ExpireDrawdown(line_id=LINE, draw_id=draw()), end_of(date(2019, 7, 4)))
    expired = fire(asked, timer)
    assert isinstance(expired[0], DrawdownExpired)
    answers = [
        (RefuseDrawdown(line_id=LINE, draw_id=draw(), ground=Ground.OTHER), BANK),
        (CancelDrawdown(line_id=LINE, draw_id=draw()), of(LI)),
    ]
    for history in [(*asked, *expired), *(played((*answer, JULY), after=asked) for answer in answers), drawn("1000")]:
        assert f"draw {draw()} expiry" not in set_by(history)


def test_every_instalment_is_looked_at_on_its_due_date_and_when_that_is_over() -> None:
    history = drawn("3000", months=3, form=RepaymentForm.EQUAL_PRINCIPAL)
    reviews = sorted(
        (timer for timer in set_by(history).values() if isinstance(timer.command, ReviewLine)),
        key=lambda timer: timer.due,
    )
    dues = [date(2019, 8, 1), date(2019, 9, 1), date(2019, 10, 1)]
    assert [timer.due for timer in reviews] == [
        instant for due in dues for instant in (end_of(due - timedelta(days=1)), end_of(due))
    ]


def test_the_reviews_note_what_is_due_and_then_what_is_overdue() -> None:
    history = drawn("3000", months=3, form=RepaymentForm.EQUAL_PRINCIPAL)
    for timer in sorted(set_by(history).values(), key=lambda timer: timer.due):
        history = (*history, *fire(history, timer))
    noted = [
        (type(event).__name__, event.number)
        for event in history
        if isinstance(event, InstalmentFellDue | InstalmentOverdue)
    ]
    assert noted == [(kind, number) for number in (1, 2, 3) for kind in ("InstalmentFellDue", "InstalmentOverdue")]


def test_a_timer_fired_twice_changes_nothing_the_second_time() -> None:
    history = drawn("3000", months=3, form=RepaymentForm.EQUAL_PRINCIPAL)
    for timer in sorted(set_by(history).values(), key=lambda timer: timer.due):
        history = (*history, *fire(history, timer))
        assert fire(history, timer) == []


def test_a_households_events_set_no_timer() -> None:
    assert set_by(of_households(opened())) == {}
