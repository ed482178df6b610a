"""What benefits come to by the end of a period: by the log alone."""

from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from services.aid.solvency import Experience, Outlook, outlook, ratio
from shared.schemas.aid import Period, ProjectionBasis
from shared.schemas.money import Fen, fen

FIRST, LAST = date(2018, 7, 1), date(2019, 6, 30)
PERIOD = Period(first=FIRST, last=LAST)
BEFORE = Period(first=date(2017, 7, 1), last=date(2018, 6, 30))
HALF = date(2018, 12, 30)
"""183 of 365 days have passed."""


def experience(benefits: Mapping[date, Fen], insured: int = 100, period: Period = PERIOD) -> Experience:
    """Everybody covered for the whole period; 5,000.00 contributed before it."""
    covers = {period.first: insured, period.last + timedelta(days=1): -insured}
    return Experience(period, {period.first - timedelta(days=10): fen(5_000)}, benefits, covers)


def ahead(benefits: Mapping[date, Fen], on: date, *earlier: Experience) -> Outlook:
    return outlook(experience(benefits), earlier, on)


def test_insured_days_count_both_ends_and_whoever_joins_or_dies_in_between() -> None:
    whole = experience({}, insured=2)
    assert whole.insured_days(FIRST) == 2
    assert whole.insured_days(LAST) == 2 * 365
    joins_and_dies = Experience(PERIOD, {}, {}, {date(2018, 7, 11): 1, date(2018, 7, 21): -1})
    assert joins_and_dies.insured_days(date(2018, 7, 10)) == 0
    assert joins_and_dies.insured_days(date(2018, 7, 11)) == 1
    assert joins_and_dies.insured_days(LAST) == 10


def test_without_earlier_periods_benefits_arise_evenly_over_insured_days() -> None:
    found = ahead({date(2018, 9, 1): fen(1_830)}, HALF)
    assert (found.benefits, found.basis) == (fen(3_650), ProjectionBasis.EXPOSURE)


def test_who_joins_later_counts_for_the_days_that_are_left_to_them() -> None:
    """100 from the beginning, 100 more from January: a third of the insured days are over by the end of December."""
    covers = {FIRST: 100, date(2018, 12, 31): 100, date(2019, 7, 1): -200}
    found = outlook(Experience(PERIOD, {}, {date(2018, 9, 1): fen(1_830)}, covers), (), HALF)
    assert found.benefits == round(Fraction(183_000) * (100 * 183 + 200 * 182) / (100 * 183))


def test_earlier_periods_lend_their_course_and_their_cost_of_an_insured_day() -> None:
    """Three quarters of what they paid they paid in the second half; an insured day cost them 0.20. By half-time 800.00
    are granted: g = 1/4, U₀ = 100 × 365 × 0.20 = 7,300; U = 800 + 3/4·(800 + 3/4·7,300)."""
    earlier = experience({date(2017, 9, 1): fen(3_650), date(2018, 3, 1): fen(10_950)}, 200, BEFORE)
    found = ahead({date(2018, 9, 1): fen(800)}, HALF, earlier)
    assert (found.benefits, found.basis) == (fen("5506.25"), ProjectionBasis.EARLIER_PERIODS)


def test_before_anything_is_granted_what_one_would_expect_is_projected() -> None:
    earlier = experience({date(2017, 9, 1): fen(3_650), date(2018, 3, 1): fen(10_950)}, 200, BEFORE)
    assert ahead({}, FIRST - timedelta(days=1), earlier).benefits == fen(7_300)
    assert ahead({}, FIRST - timedelta(days=1)).benefits is None
    assert ahead({}, HALF).benefits is None


def test_a_period_that_is_not_over_teaches_nothing() -> None:
    later = experience({FIRST: fen(1)}, 200, PERIOD)
    assert ahead({date(2018, 9, 1): fen(1_830)}, HALF, later).basis is ProjectionBasis.EXPOSURE


def test_at_the_end_the_projection_is_what_was_granted_and_what_follows_is_not_projected() -> None:
    benefits = {date(2018, 9, 1): fen(800), LAST + timedelta(days=20): fen(50)}
    earlier = experience({date(2017, 9, 1): fen(3_650)}, 200, BEFORE)
    assert ahead(benefits, LAST, earlier).benefits == fen(800)
    over = ahead(benefits, LAST + timedelta(days=100))
    assert (over.benefits, over.basis) == (fen(800), None)


def test_months_tell_what_was_and_then_what_is_expected() -> None:
    months = ahead({date(2018, 9, 1): fen(1_830)}, HALF).months
    assert [month.until for month in months][:2] == [date(2018, 7, 31), date(2018, 8, 31)]
    assert len(months) == 12
    assert [month.projected for month in months] == [False] * 5 + [True] * 7
    assert (months[1].benefits, months[2].benefits) == (0, fen(1_830))
    assert months[-1].benefits == fen(3_650)
    assert {month.contributions for month in months} == {fen(5_000)}


def test_the_day_on_which_the_money_is_spent_is_told_whether_it_has_come_or_not() -> None:
    assert ahead({date(2018, 9, 1): fen(1_830)}, HALF).exhausted_on is None
    assert ahead({date(2018, 9, 1): fen(5_001)}, HALF).exhausted_on == date(2018, 9, 1)
    half_of_it = ahead({date(2018, 9, 1): fen(4_000)}, HALF).exhausted_on
    assert half_of_it is not None
    assert HALF < half_of_it < LAST


def test_without_anybody_insured_nothing_is_projected() -> None:
    nobody = Experience(PERIOD, {}, {}, {})
    assert outlook(nobody, (), HALF) == Outlook(None, None, None, outlook(nobody, (), HALF).months)
    assert len(outlook(nobody, (), HALF).months) == 5


def test_a_ratio_is_to_four_places_and_none_without_contributions() -> None:
    assert ratio(fen(1), fen(3)) == 0.3333
    assert ratio(fen(1), 0) is None


days = st.dates(FIRST, LAST)
amounts = st.integers(0, fen(30_000))


@given(st.dictionaries(days, amounts, max_size=5), st.dictionaries(days, amounts, max_size=5), days)
def test_no_projection_is_below_what_is_granted_and_its_course_never_falls(
    benefits: dict[date, Fen], before: dict[date, Fen], on: date
) -> None:
    a_year_ago = {day - timedelta(days=365): amount for day, amount in before.items()}
    found = ahead(benefits, on, experience(a_year_ago, 150, BEFORE))
    granted = sum(amount for day, amount in benefits.items() if day <= on)
    if found.benefits is None:
        assert granted == sum(before.values()) == 0
        return
    assert found.benefits >= granted
    course = [month.benefits for month in found.months]
    assert course == sorted(course)
    assert course[-1] == found.benefits
