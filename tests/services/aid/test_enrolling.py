"""Rosters, premiums and cover: nobody is covered until both parts are in, and nobody is covered twice."""

from datetime import date, timedelta
from typing import Any

import pytest

from services.aid.domain.contract import CONTRACT
from services.aid.domain.desk import fold
from services.aid.domain.membership import MEMBERSHIP, Membership
from shared.schemas.aid import (
    CoverageEnded,
    CoverageStarted,
    EmployerPremiumReceived,
    EndCoverage,
    EndOfCover,
    EnrolmentEnded,
    EnrolmentSubmitted,
    LapseEnrolment,
    LeftOut,
    LeftOutReason,
    MemberEnrolled,
    MemberReleased,
    PoolPosted,
    PostingKind,
    RenewContract,
    WithdrawEnrolment,
    contract_id,
    membership_id,
)
from shared.schemas.ids import MemberId
from shared.schemas.messages import Event
from shared.schemas.money import fen
from tests.services.aid.cases import (
    CABLE,
    CADRE,
    CHEN,
    CLERK,
    COVERED,
    DECEMBER,
    DONGYANG,
    EVERYBODY,
    JANUARY,
    JINHUA,
    JUNE,
    LAST_PERIOD,
    LI,
    NEXT_PERIOD,
    PERIOD,
    SUN,
    TIMER,
    TOYS,
    TOYS_UNION,
    WANG,
    aid,
    employer_pays,
    enrol,
    enrolment,
    file,
    insured,
    ledger_of,
    named,
    noon,
    of,
    only,
    played,
    worker,
    workers_pay,
)


def membership_of(history: tuple[Event, ...], member: MemberId = LI, period: date = PERIOD) -> Membership:
    state = fold(history).of(MEMBERSHIP, membership_id(member, period))
    assert state is not None
    return state


# Rosters


def test_a_roster_enrols_its_workers_and_says_what_each_side_owes() -> None:
    events = aid.given().when(enrol(LI, WANG), actor=CADRE, now=noon(JUNE)).events
    submitted = only(EnrolmentSubmitted, events)
    assert submitted.members == (LI, WANG)
    assert (submitted.employer_due, submitted.worker_due) == (fen(50), fen(50))
    assert (submitted.pool, submitted.county, submitted.scheme) == (DONGYANG, DONGYANG, "dongyang-1")
    assert [event.member_id for event in events if isinstance(event, MemberEnrolled)] == [LI, WANG]


def test_any_split_of_the_fee_may_be_agreed() -> None:
    submitted = only(EnrolmentSubmitted, aid.given().when(enrol(part="40"), now=noon(JUNE)).events)
    assert (submitted.employer_part, submitted.worker_part) == (fen(40), fen(10))


def test_no_employer_pays_more_than_the_fee() -> None:
    aid.given().when(enrol(part="50.01"), now=noon(JUNE)).refused("above_fee", "职工医疗互助保障 第2条")


def test_a_contract_has_one_split() -> None:
    history = played((enrol(part="40"), CLERK, JUNE))
    aid.given(*history).when(enrol(WANG, name="二", part="30"), now=noon(JUNE)).refused("other_split")
    more = only(EnrolmentSubmitted, aid.given(*history).when(enrol(WANG, name="二"), now=noon(JUNE)).events)
    assert more.employer_part == fen(40)


def test_lines_that_enrol_nobody_are_left_out_each_with_its_reason() -> None:
    stranger = MemberId(named("外人"))
    workers = {**EVERYBODY, CHEN: worker(CHEN, deceased=True, active=False)}
    history = played((enrol(WANG, name="前"), CLERK, JUNE))
    roster = enrol(LI, stranger, LI, WANG, CHEN)
    submitted = only(EnrolmentSubmitted, aid.given(*history).when(roster, now=noon(JUNE), workers=workers).events)
    assert submitted.members == (LI,)
    assert submitted.left_out == (
        LeftOut(member_id=stranger, reason=LeftOutReason.NOT_A_MEMBER),
        LeftOut(member_id=LI, reason=LeftOutReason.TWICE),
        LeftOut(member_id=WANG, reason=LeftOutReason.ENROLLED_HERE),
        LeftOut(member_id=CHEN, reason=LeftOutReason.DECEASED),
    )
    assert submitted.employer_due == fen(25)


def test_a_roster_that_enrols_nobody_is_refused() -> None:
    history = played((enrol(LI), CLERK, JUNE))
    refusal = aid.given(*history).when(enrol(LI, name="二"), now=noon(JUNE)).refused("nobody_to_enrol")
    assert refusal.details["left_out"] == [{"member_id": str(LI), "reason": "enrolled_here"}]


def test_a_worker_of_two_employers_is_covered_once() -> None:
    history = insured(LI)
    by_toys = enrol(LI, SUN, employer=TOYS, name="玩具")
    submitted = only(EnrolmentSubmitted, aid.given(*history).when(by_toys, now=noon(JUNE)).events)
    assert submitted.members == (SUN,)
    assert submitted.left_out == (LeftOut(member_id=LI, reason=LeftOutReason.ENROLLED_ELSEWHERE),)
    assert submitted.worker_due == fen(25)


def test_an_enrolment_has_an_id_of_its_own() -> None:
    history = played((enrol(LI), CLERK, JUNE))
    aid.given(*history).when(enrol(WANG), now=noon(JUNE)).refused("enrolment_exists")


def test_a_cadre_enrols_for_their_own_employer() -> None:
    aid.given().when(enrol(employer=TOYS), actor=CADRE, now=noon(JUNE)).refused("not_your_employer")


def test_a_period_begins_on_the_first_of_july() -> None:
    refusal = aid.given().when(enrol(period=date(2018, 8, 1)), now=noon(JUNE)).refused("not_a_period")
    assert refusal.details["first"] == "2018-07-01"


def test_a_period_that_is_over_takes_nobody() -> None:
    aid.given().when(enrol(period=LAST_PERIOD), now=noon(PERIOD)).refused("period_over")


def test_where_the_programme_does_not_run_nobody_enrols() -> None:
    aid.given().when(enrol(), federation="330503", now=noon(JUNE)).refused("no_scheme", "职工医疗互助保障 第1条")


# The two parts of the premium


def test_one_part_alone_covers_nobody() -> None:
    history = played((enrol(LI), CADRE, JUNE))
    events = aid.given(*history).when(employer_pays(), now=noon(JUNE)).events
    assert [type(event) for event in events] == [EmployerPremiumReceived, PoolPosted]
    alone = played((employer_pays(), CLERK, JUNE), after=history)
    aid.given(*alone).when(file(), actor=of(LI)).refused("not_paid_up", "职工医疗互助保障 第3条")


def test_with_the_second_part_cover_runs_from_the_beginning_of_the_period() -> None:
    history = played((enrol(LI), CADRE, JUNE), (workers_pay(), CLERK, JUNE))
    started = only(CoverageStarted, aid.given(*history).when(employer_pays(), now=noon(JUNE)).events)
    assert (started.first, started.last) == (PERIOD, date(2019, 6, 30))


def test_one_half_late_covers_from_the_day_after_it_came() -> None:
    history = played((enrol(LI), CADRE, JUNE), (employer_pays(), CLERK, JUNE))
    late = workers_pay(on=date(2018, 12, 10))
    started = only(CoverageStarted, aid.given(*history).when(late, now=noon(date(2018, 12, 12))).events)
    assert started.first == date(2018, 12, 11)
    covered = played((late, CLERK, date(2018, 12, 12)), after=history)
    aid.given(*covered).when(file(), actor=of(LI)).refused("not_covered")


def test_an_employer_that_pays_the_whole_fee_leaves_nothing_to_wait_for() -> None:
    history = played((enrol(LI, part="50"), CADRE, JUNE))
    assert only(CoverageStarted, aid.given(*history).when(employer_pays("50"), now=noon(JUNE)).events)
    aid.given(*history).when(workers_pay("0.01"), now=noon(JUNE)).refused("no_premium_due")


def test_a_part_is_paid_in_full_and_once() -> None:
    history = played((enrol(LI, WANG), CADRE, JUNE))
    refusal = aid.given(*history).when(employer_pays("25"), now=noon(JUNE)).refused("wrong_premium")
    assert refusal.details == {"due": "50.00", "amount": "25.00"}
    paid = played((employer_pays("50"), CLERK, JUNE), after=history)
    aid.given(*paid).when(employer_pays("50"), now=noon(JUNE)).refused("premium_paid")


def test_no_premium_is_received_tomorrow() -> None:
    history = played((enrol(LI), CADRE, JUNE))
    aid.given(*history).when(employer_pays(on=JUNE + timedelta(days=1)), now=noon(JUNE)).refused("after_today")


def test_a_premium_after_the_period_covers_nothing() -> None:
    history = played((enrol(LI), CADRE, JUNE), (employer_pays(), CLERK, JUNE))
    aid.given(*history).when(workers_pay(), now=noon(date(2019, 6, 30))).refused("period_over")


def test_a_premium_of_an_unknown_enrolment_is_refused() -> None:
    aid.given().when(employer_pays(), now=noon(JUNE)).refused("unknown_enrolment")


def test_premiums_are_the_countys_contribution_to_the_pool() -> None:
    posted = [event for event in insured(LI, WANG) if isinstance(event, PoolPosted)]
    assert {event.kind for event in posted} == {PostingKind.CONTRIBUTION}
    assert ledger_of(insured(LI, WANG)).balances == {"bank": fen(100), "contributions": -fen(100)}


# The waiting time


def test_a_newcomer_waits_thirty_days() -> None:
    history = insured(LI)
    in_july: dict[str, Any] = {"admitted_on": date(2018, 7, 30), "discharged_on": date(2018, 7, 31)}
    refusal = (
        aid.given(*history).when(file(**in_july), actor=of(LI)).refused("in_waiting_time", "职工医疗互助保障 第6条")
    )
    assert refusal.details["last"] == "2018-07-30"
    in_july["admitted_on"] = date(2018, 7, 31)
    assert aid.given(*history).when(file(**in_july), actor=of(LI)).refusal is None


def test_who_was_covered_to_the_end_of_the_period_before_does_not_wait() -> None:
    assert membership_of(COVERED).continuous
    first_day: dict[str, Any] = {"admitted_on": PERIOD, "discharged_on": date(2018, 7, 31)}
    assert aid.given(*COVERED).when(file(**first_day), actor=of(LI)).refusal is None


# Change of job


def test_a_change_of_job_keeps_the_cover() -> None:
    moved = worker(employer_id=TOYS, union_id=TOYS_UNION)
    assert aid.given(*COVERED).when(file(), actor=of(LI), worker=moved).refusal is None


# Renewal


def test_one_command_renews_a_whole_employer() -> None:
    history = insured(LI, WANG, SUN)
    renewal = RenewContract(employer_id=CABLE, period=NEXT_PERIOD, enrolment_id=enrolment("续"))
    events = aid.given(*history).when(renewal, actor=CADRE, now=noon(date(2019, 6, 20))).events
    submitted = only(EnrolmentSubmitted, events)
    assert submitted.members == (LI, WANG, SUN)
    assert submitted.renewal_of == contract_id(CABLE, PERIOD)
    assert (submitted.pool, submitted.county, submitted.scheme) == (JINHUA, DONGYANG, "jinhua-1")
    assert all(event.continuous for event in events if isinstance(event, MemberEnrolled))


def test_a_renewal_keeps_the_split() -> None:
    history = played(
        (enrol(LI, part="40"), CADRE, JUNE), (employer_pays("40"), CLERK, JUNE), (workers_pay("10"), CLERK, JUNE)
    )
    renewal = RenewContract(employer_id=CABLE, period=NEXT_PERIOD)
    submitted = only(EnrolmentSubmitted, aid.given(*history).when(renewal, now=noon(date(2019, 6, 20))).events)
    assert submitted.employer_part == fen(40)


def test_a_renewal_leaves_out_who_has_left() -> None:
    history = insured(LI, WANG)
    workers = {**EVERYBODY, WANG: worker(WANG, employer_id=TOYS)}
    renewal = RenewContract(employer_id=CABLE, period=NEXT_PERIOD)
    events = aid.given(*history).when(renewal, now=noon(date(2019, 6, 20)), workers=workers).events
    assert only(EnrolmentSubmitted, events).left_out == (LeftOut(member_id=WANG, reason=LeftOutReason.LEFT_EMPLOYER),)


def test_there_is_nothing_to_renew_where_nobody_was_covered() -> None:
    history = played((enrol(LI), CADRE, JUNE))
    renewal = RenewContract(employer_id=CABLE, period=NEXT_PERIOD)
    aid.given(*history).when(renewal, now=noon(date(2019, 6, 20))).refused("nothing_to_renew")


def test_before_the_first_period_there_was_nothing_to_renew() -> None:
    first = RenewContract(employer_id=CABLE, period=date(2016, 7, 1))
    aid.given().when(first, now=noon(date(2016, 7, 1))).refused("nothing_to_renew")


# Enrolments that end


def withdraw() -> WithdrawEnrolment:
    return WithdrawEnrolment(employer_id=CABLE, period=PERIOD, enrolment_id=enrolment())


NANXUN = "330503"
LAPSE = LapseEnrolment(employer_id=CABLE, period=PERIOD, enrolment_id=enrolment())


def test_an_enrolment_that_is_withdrawn_leaves_its_members_to_others() -> None:
    history = played((enrol(LI), CADRE, JUNE))
    events = aid.given(*history).when(withdraw(), actor=CADRE, now=noon(JUNE)).events
    assert [type(event) for event in events] == [EnrolmentEnded, MemberReleased]
    free = played((withdraw(), CADRE, JUNE), after=history)
    assert aid.given(*free).when(enrol(LI, employer=TOYS, name="二"), now=noon(JUNE)).refusal is None
    aid.given(*free).when(employer_pays(), now=noon(JUNE)).refused("enrolment_ended")


def test_an_enrolment_with_money_in_it_is_not_withdrawn_and_does_not_lapse() -> None:
    history = played((enrol(LI), CADRE, JUNE), (employer_pays(), CLERK, JUNE))
    aid.given(*history).when(withdraw(), actor=CADRE, now=noon(JUNE)).refused("partly_paid")
    aid.given(*history).when(LAPSE, actor=TIMER, now=noon(JANUARY)).nothing()


def test_an_enrolment_that_nobody_pays_lapses_after_sixty_days() -> None:
    history = played((enrol(LI), CADRE, JUNE))
    aid.given(*history).when(LAPSE, actor=TIMER, now=noon(JUNE + timedelta(days=60))).nothing()
    events = aid.given(*history).when(LAPSE, actor=TIMER, now=noon(JUNE + timedelta(days=61))).events
    assert only(EnrolmentEnded, events).lapsed
    gone = played((LAPSE, TIMER, JUNE + timedelta(days=61)), after=history)
    aid.given(*gone).when(LAPSE, actor=TIMER, now=noon(JANUARY)).nothing()
    assert fold(gone).of(CONTRACT, contract_id(CABLE, PERIOD)).employer_part is None


# The end of cover


def test_cover_ends_with_the_workers_death_and_holds_for_stays_before_it() -> None:
    died = EndCoverage(member_id=LI, period=PERIOD, ground=EndOfCover.DECEASED, on=date(2018, 12, 20))
    ended = only(CoverageEnded, aid.given(*COVERED).when(died, actor=TIMER).events)
    assert ended.last == date(2018, 12, 20)
    history = played((died, TIMER, JANUARY), after=COVERED)
    assert aid.given(*history).when(file(), actor=CLERK).refusal is None
    after: dict[str, Any] = {"admitted_on": date(2018, 12, 21), "discharged_on": date(2018, 12, 22)}
    aid.given(*history).when(file(**after), actor=CLERK).refused("not_covered")
    aid.given(*history).when(died, actor=TIMER).nothing()


def test_there_is_no_cover_to_end_where_nobody_is_covered() -> None:
    died = EndCoverage(member_id=LI, period=PERIOD, ground=EndOfCover.DECEASED, on=DECEMBER)
    aid.given().when(died, actor=TIMER).nothing()
    aid.given().when(died, actor=CLERK).refused("no_cover_to_end")


def test_no_other_federation_touches_a_countys_enrolments_and_cover() -> None:
    history = played((enrol(LI), CADRE, JUNE))
    for command in (employer_pays(), workers_pay(), withdraw()):
        aid.given(*history).when(command, federation=NANXUN, now=noon(JUNE)).refused("unknown_enrolment")
    died = EndCoverage(member_id=LI, period=PERIOD, ground=EndOfCover.DECEASED, on=DECEMBER)
    aid.given(*COVERED).when(died, federation=NANXUN).refused("no_cover_to_end")


@pytest.mark.parametrize("day", [date(2018, 6, 30), date(2019, 7, 1)])
def test_a_stay_that_begins_outside_the_period_is_another_periods(day: date) -> None:
    stay: dict[str, Any] = {"admitted_on": day, "discharged_on": date(2019, 7, 2)}
    history = insured(LI)
    aid.given(*history).when(file(**stay), actor=of(LI), now=noon(date(2019, 7, 3))).refused("not_covered")
