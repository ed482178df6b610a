"""Rates published beyond those shipped: by whom, from when, and never so that a higher title pays more."""

from datetime import date
from decimal import Decimal

import pytest

from services.loan.domain.publication import RATES, decide
from services.loan.rules import shipped
from shared.eventsourcing.specification import Specification
from shared.schemas.loan import PublishRates, RateBand, RatesPublished, Tier
from shared.schemas.messages import Actor, Role
from tests.services.loan.cases import BANK, FACTS, JULY, NANXUN, OFFICER

rates = Specification(RATES.fold, decide, FACTS)


def bands(*percents: str) -> tuple[RateBand, ...]:
    one_year, five_years, longer = (Decimal(percent) for percent in percents)
    return (
        RateBand(up_to_months=12, annual_percent=one_year),
        RateBand(up_to_months=60, annual_percent=five_years),
        RateBand(annual_percent=longer),
    )


def publish(
    *percents: str, table: str = "nxbank_own", since: date = date(2019, 8, 1), version: str = "2019-08"
) -> PublishRates:
    return PublishRates(table=table, version=version, effective_from=since, bands=bands(*percents))


LOWER = publish("5.5", "6.0", "6.2")


def test_a_bank_publishes_its_own_rates_and_they_hold_from_their_day() -> None:
    events = rates.given().when(LOWER, actor=BANK).events
    assert events == (
        RatesPublished(
            table="nxbank_own",
            version="2019-08",
            effective_from=date(2019, 8, 1),
            bands=bands("5.5", "6.0", "6.2"),
        ),
    )
    book = RATES.fold(events).on_top_of(shipped())
    eve, day = date(2019, 7, 31), date(2019, 8, 1)
    assert book.at(NANXUN, eve).rate(Tier.MEMBER, 12, eve).annual_percent == Decimal("6.2205")
    assert book.at(NANXUN, day).rate(Tier.MEMBER, 12, day).annual_percent == Decimal("6.05")


def test_the_federation_publishes_reference_rates_and_no_banks_own() -> None:
    benchmark = publish("4.0", "4.5", "4.7", table="pboc_benchmark")
    assert rates.given().when(benchmark, actor=OFFICER).refusal is None
    refusal = rates.given().when(benchmark, actor=BANK).refused("not_your_rates", "匠心贷 第4条")
    assert refusal.message == "利率表人民银行贷款基准利率由总工会公布"
    refusal = rates.given().when(LOWER, actor=OFFICER).refused("not_your_rates")
    assert refusal.message == "利率表南浔银行同档次利率由nxbank公布"
    rates.given().when(LOWER, actor=Actor(role=Role.BANK, id="otherbank")).refused("not_your_rates")


def test_rates_under_which_a_higher_title_pays_more_are_refused() -> None:
    # a member at 3.9 × 1.10 = 4.29 would pay less than a craftsman at the benchmark's 4.35
    too_low = publish("3.9", "6.0", "6.2")
    rates.given().when(too_low, actor=BANK).refused("rates_not_monotone", "匠心贷 第4条")


def test_rates_are_not_published_for_days_that_are_over() -> None:
    rates.given().when(publish("5.5", "6.0", "6.2", since=date(2019, 6, 30)), actor=BANK).refused("rates_in_past")
    assert rates.given().when(publish("5.5", "6.0", "6.2", since=JULY), actor=BANK).refusal is None


def test_bands_stand_in_order() -> None:
    jumbled = LOWER.model_copy(update={"bands": LOWER.bands[::-1]})
    rates.given().when(jumbled, actor=BANK).refused("malformed_bands", "匠心贷 第4条")


def test_a_table_that_nobody_knows_is_refused() -> None:
    rates.given().when(publish("5", "5", "5", table="shibor"), actor=OFFICER).refused("unknown_rate_table")


def test_a_version_and_a_day_are_used_once() -> None:
    published = rates.given().when(LOWER, actor=BANK).events
    book = RATES.fold(published).on_top_of(shipped())
    rates.given(*published).when(LOWER, actor=BANK, rulebook=book).refused("rate_table_exists")


@pytest.mark.parametrize("change", [{}, {"version": "another"}, {"effective_from": date(2019, 8, 2)}])
def test_what_is_shipped_by_now_counts_once(change: dict[str, object]) -> None:
    (published,) = rates.given().when(LOWER, actor=BANK).events
    book = RATES.fold([published]).on_top_of(shipped())
    again = RATES.fold([published.model_copy(update=change)])
    assert again.on_top_of(book) == book


def test_a_table_that_is_no_longer_shipped_is_passed_over() -> None:
    gone = RatesPublished(table="gone", version="1", effective_from=JULY, bands=bands("1", "1", "1"))
    assert RATES.fold([gone]).on_top_of(shipped()) == shipped()
