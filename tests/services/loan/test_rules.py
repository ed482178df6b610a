"""The craftsman loan's rules, as Nanxun has them, and what a rates table must be to be published."""

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.loan.assessment import LimitInput, LimitInputs
from services.loan.interest import DayCount
from services.loan.rates import Band, Entry
from services.loan.rules import SHIPPED, BadRules, Policy, Rulebook, shipped
from services.loan.schedule import RepaymentForm
from services.loan.terms import Component, Tier
from shared.schemas.messages import Refused

JULY = date(2019, 7, 1)
NANXUN = Policy.at("330503", JULY)

percents = st.decimals(0, 24, places=4)


def inputs(
    *,
    cycle_months: int = 1,
    standing: str = "good",
    purpose: str = "renovation",
    purpose_cost: int = 12_000_000,
    monthly_income: int = 650_000,
    monthly_obligations: int = 0,
) -> LimitInputs:
    """A wage earner who renovates for 120,000 CNY, on 6,500 CNY a month."""
    return LimitInputs(
        cycle_months=cycle_months,
        standing=standing,
        purpose=purpose,
        purpose_cost=purpose_cost,
        monthly_income=monthly_income,
        monthly_obligations=monthly_obligations,
    )


def bank_rates(*percents: str, since: date = JULY, version: str = "2019-07") -> Entry:
    """Up to one year, up to five, longer."""
    one_year, five_years, longer = (Decimal(percent) for percent in percents)
    return Entry(
        version=version,
        effective_from=since,
        bands=(
            Band(up_to_months=12, annual_percent=one_year),
            Band(up_to_months=60, annual_percent=five_years),
            Band(annual_percent=longer),
        ),
    )


UP_TO_A_YEAR = Entry(version="1", effective_from=JULY, bands=(Band(up_to_months=12, annual_percent=Decimal(5)),))


# Who


@pytest.mark.parametrize(
    ("titles", "skilled", "tier"),
    [
        ([], True, Tier.MEMBER),
        ([], False, None),
        (["优秀工会干部"], False, None),
        (["技术标兵"], False, Tier.HONOURED_MEMBER),
        (["首席技工"], True, Tier.HONOURED_MEMBER),
        (["南浔工匠"], False, Tier.CRAFTSMAN),
        (["南太湖工匠"], True, Tier.CRAFTSMAN),
        (["浙江工匠"], True, Tier.CRAFTSMAN),
        (["大国工匠"], True, Tier.CRAFTSMAN),
        (["劳动模范"], False, Tier.MODEL_WORKER),
        (["湖州市劳动模范"], True, Tier.MODEL_WORKER),
        (["全国劳动模范", "技术标兵"], True, Tier.MODEL_WORKER),
        (["浙江工匠", "首席技工"], True, Tier.CRAFTSMAN),
        (["劳动模范提名奖"], False, None),
    ],
)
def test_the_highest_title_makes_the_tier(titles: list[str], skilled: bool, tier: Tier | None) -> None:
    assert NANXUN.tier_of(titles, skilled) is tier


# How much


@pytest.mark.parametrize(
    ("tier", "cap"),
    [
        (Tier.MEMBER, 10_000_000),
        (Tier.HONOURED_MEMBER, 20_000_000),
        (Tier.CRAFTSMAN, 30_000_000),
        (Tier.MODEL_WORKER, 30_000_000),
    ],
)
def test_the_caps_of_the_tiers(tier: Tier, cap: int) -> None:
    assert NANXUN.cap(tier) == cap


def test_the_cable_factory_worker_may_borrow_100_000_for_renovation_at_the_member_tier() -> None:
    # standing: 100 000 × 1; purpose: 120 000 × 1; ability: 6 500 × 50 % × 36 = 117 000; cycle of a wage earner × 1
    tier = NANXUN.tier_of([], skilled=True)
    assert tier is Tier.MEMBER
    assessed = NANXUN.assess(tier, inputs())
    assert (assessed.limit, assessed.decisive) == (10_000_000, None)
    # the bank's own 5.655 % for one year × 1.10
    assert NANXUN.rate(tier, 12, JULY).annual_percent == Decimal("6.2205")


@pytest.mark.parametrize(
    ("borrower", "limit", "decisive"),
    [
        # 100 000 × 60 %
        (inputs(standing="fair"), 6_000_000, LimitInput.CREDIT_STANDING),
        (inputs(standing="poor"), 0, LimitInput.CREDIT_STANDING),
        # 90 000 × 80 %
        (inputs(purpose="car", purpose_cost=9_000_000), 7_200_000, LimitInput.PURPOSE),
        # (6 500 × 50 % − 1 000) × 36 = 81 000
        (inputs(monthly_obligations=100_000), 8_100_000, LimitInput.ABILITY_TO_REPAY),
        # half the income does not cover the other debts
        (inputs(monthly_obligations=400_000), 0, LimitInput.ABILITY_TO_REPAY),
        # 117 000 × 80 % = 93 600, in whole thousands
        (inputs(cycle_months=12), 9_300_000, LimitInput.PRODUCTION_CYCLE),
        # 117 000 × 60 % = 70 200, in whole thousands
        (inputs(cycle_months=13), 7_000_000, LimitInput.PRODUCTION_CYCLE),
    ],
)
def test_each_input_can_be_what_decides_the_limit(borrower: LimitInputs, limit: int, decisive: LimitInput) -> None:
    assessed = NANXUN.assess(Tier.MEMBER, borrower)
    assert (assessed.limit, assessed.decisive) == (limit, decisive)


def test_an_assessment_gives_a_reason_for_each_of_the_four_inputs() -> None:
    assessed = NANXUN.assess(Tier.MEMBER, inputs(cycle_months=6))
    assert {finding.input: finding.words for finding in assessed.findings} == {
        LimitInput.CREDIT_STANDING: "信用状况良好：档位上限100000.00元×100%，可核100000.00元",
        LimitInput.PURPOSE: "用途装修：所需120000.00元×100%，可核120000.00元",
        LimitInput.ABILITY_TO_REPAY: "偿还能力：月收入6500.00元×50%，扣除月负债0.00元，36个月可核117000.00元",
        LimitInput.PRODUCTION_CYCLE: "生产周期6个月：偿还能力×90%，可核105300.00元",
    }


@given(
    tier=st.sampled_from(Tier),
    borrower=st.builds(
        LimitInputs,
        cycle_months=st.integers(0, 60),
        standing=st.sampled_from(["excellent", "good", "fair", "poor"]),
        purpose=st.sampled_from(["start_up", "production", "renovation", "car", "consumption"]),
        purpose_cost=st.integers(0, 10**9),
        monthly_income=st.integers(0, 10**8),
        monthly_obligations=st.integers(0, 10**7),
    ),
)
def test_no_limit_is_above_the_cap_or_above_what_any_input_allows(tier: Tier, borrower: LimitInputs) -> None:
    assessed = NANXUN.assess(tier, borrower)
    assert 0 <= assessed.limit <= NANXUN.cap(tier)
    assert assessed.limit % 100_000 == 0
    assert len(assessed.findings) == len(LimitInput)
    assert all(assessed.limit <= finding.allows for finding in assessed.findings)


@pytest.mark.parametrize(
    ("borrower", "code"),
    [(inputs(purpose="speculation"), "unknown_purpose"), (inputs(standing="AAA"), "unknown_standing")],
)
def test_a_purpose_or_standing_that_the_rules_do_not_know_is_refused(borrower: LimitInputs, code: str) -> None:
    with pytest.raises(Refused) as refused:
        NANXUN.assess(Tier.MEMBER, borrower)
    assert refused.value.refusal.code == code


def test_no_input_is_negative() -> None:
    with pytest.raises(ValueError, match="negative"):
        inputs(monthly_income=-1)


# At what rate


@pytest.mark.parametrize(
    ("tier", "months", "percent"),
    [
        (Tier.MEMBER, 12, "6.2205"),  # 5.655 × 1.10
        (Tier.MEMBER, 13, "6.7925"),  # 6.175 × 1.10
        (Tier.HONOURED_MEMBER, 12, "4.80675"),  # 5.655 × 0.85
        (Tier.HONOURED_MEMBER, 36, "5.24875"),  # 6.175 × 0.85
        (Tier.CRAFTSMAN, 12, "4.35"),
        (Tier.CRAFTSMAN, 13, "4.75"),
        (Tier.MODEL_WORKER, 36, "4.75"),
    ],
)
def test_the_rate_of_each_tier_and_term(tier: Tier, months: int, percent: str) -> None:
    assert NANXUN.rate(tier, months, JULY).annual_percent == Decimal(percent)


def test_a_rate_says_where_it_comes_from() -> None:
    rate = NANXUN.rate(Tier.HONOURED_MEMBER, 12, JULY)
    assert (rate.table, rate.table_version, rate.basis_percent, rate.factor) == (
        "nxbank_own",
        "demo-1",
        Decimal("5.655"),
        Decimal("0.85"),
    )
    assert (rate.floor_table, rate.floor_percent) == ("pboc_benchmark", Decimal("4.35"))
    assert rate.words == "会员贷（荣誉会员）：南浔银行同档次利率5.655%×0.85，即4.80675%"


def test_a_rate_is_rounded_to_six_places_half_to_even() -> None:
    # 5.000015 × 1.10 = 5.5000165; × 0.85 = 4.25001275, floored at 4.35
    policy = shipped().published("nxbank_own", bank_rates("5.000015", "5.5", "6")).at("330503", JULY)
    assert policy.rate(Tier.MEMBER, 12, JULY).annual_percent == Decimal("5.500016")


def test_the_pacesetters_rate_does_not_go_below_the_benchmark() -> None:
    # 4.5 × 0.85 = 3.825 < 4.35
    policy = shipped().published("nxbank_own", bank_rates("4.5", "5", "5.5")).at("330503", JULY)
    rate = policy.rate(Tier.HONOURED_MEMBER, 12, JULY)
    assert rate.annual_percent == Decimal("4.35")
    assert (
        rate.words == "会员贷（荣誉会员）：南浔银行同档次利率4.5%×0.85，即3.825%，低于人民银行贷款基准利率，按4.35%执行"
    )


@pytest.mark.parametrize("months", [0, 37])
def test_a_term_that_is_not_on_offer_is_refused(months: int) -> None:
    with pytest.raises(Refused) as refused:
        NANXUN.rate(Tier.MEMBER, months, JULY)
    assert refused.value.refusal.code == "term_not_offered"


def test_a_bank_rate_below_the_benchmark_is_refused_when_published() -> None:
    # 3.9 × 1.10 = 4.29: a member would pay less than a craftsman
    with pytest.raises(Refused) as refused:
        shipped().published("nxbank_own", bank_rates("3.9", "5", "5.5"))
    refusal = refused.value.refusal
    assert (refusal.code, refusal.clause) == ("rates_not_monotone", "匠心贷 第4条")
    assert refusal.message == (
        "利率表不能发布：2019-07-01起12个月期限，会员贷（荣誉会员）年利率4.350000%高于会员贷的4.290000%"
    )


def test_a_higher_benchmark_is_refused_where_a_banks_rates_would_fall_below_it() -> None:
    # the member's 6.2205 % against a benchmark of 6.5 %, from 2021 on
    benchmark = bank_rates("6.5", "6.6", "6.7", since=date(2021, 1, 1), version="2021-01-01")
    with pytest.raises(Refused) as refused:
        shipped().published("pboc_benchmark", benchmark)
    assert refused.value.refusal.details["on"] == "2021-01-01"


def test_a_rate_beyond_the_terms_on_offer_is_not_judged() -> None:
    # over five years, below the benchmark; no draw is longer than 36 months
    book = shipped().published("nxbank_own", bank_rates("5", "5", "1"))
    assert book.at("330503", JULY).rate(Tier.MEMBER, 36, JULY).annual_percent == Decimal("5.5")


def test_a_new_entry_holds_from_its_day_and_leaves_earlier_days_alone() -> None:
    policy = shipped().published("nxbank_own", bank_rates("5", "5.5", "6")).at("330503", JULY)
    assert policy.rate(Tier.MEMBER, 12, date(2019, 6, 30)).annual_percent == Decimal("6.2205")
    assert policy.rate(Tier.MEMBER, 12, JULY).annual_percent == Decimal("5.5")


@pytest.mark.parametrize(
    ("table", "entry", "code"),
    [
        ("no_such_bank", bank_rates("5", "5.5", "6"), "unknown_rate_table"),
        ("nxbank_own", bank_rates("5", "5.5", "6", version="demo-1"), "rate_table_exists"),
        ("nxbank_own", bank_rates("5", "5.5", "6", since=date(2015, 10, 24)), "rate_table_exists"),
        ("nxbank_own", UP_TO_A_YEAR, "no_rate"),
    ],
)  # fmt: skip
def test_an_entry_that_does_not_fit_is_refused(table: str, entry: Entry, code: str) -> None:
    with pytest.raises(Refused) as refused:
        shipped().published(table, entry)
    assert refused.value.refusal.code == code


@given(one_year=percents, five_years=percents, since=st.dates(date(2015, 10, 25), date(2025, 1, 1)))
def test_whatever_a_bank_publishes_no_higher_title_pays_more(
    one_year: Decimal, five_years: Decimal, since: date
) -> None:
    entry = bank_rates(str(one_year), str(five_years), "9", since=since)
    # refused is exactly what would let a member pay less than the benchmark
    if one_year * Decimal("1.1") < Decimal("4.35") or five_years * Decimal("1.1") < Decimal("4.75"):
        with pytest.raises(Refused, match="rates_not_monotone"):
            shipped().published("nxbank_own", entry)
        return
    policy = shipped().published("nxbank_own", entry).at("330503", since)
    for months in range(1, 37):
        percents = {tier: policy.rate(tier, months, since).annual_percent for tier in Tier}
        assert percents[Tier.CRAFTSMAN] == percents[Tier.MODEL_WORKER] <= percents[Tier.HONOURED_MEMBER]
        assert percents[Tier.HONOURED_MEMBER] <= percents[Tier.MEMBER]


# When


@pytest.mark.parametrize(
    ("on", "one_year", "five_years"),
    [
        (date(2019, 8, 20), "4.25", "4.85"),
        (date(2019, 9, 19), "4.25", "4.85"),
        (date(2019, 9, 20), "4.20", "4.85"),
        (date(2019, 11, 20), "4.15", "4.80"),
        (date(2020, 2, 20), "4.05", "4.75"),
        (date(2020, 4, 20), "3.85", "4.65"),
    ],
)
def test_lpr_is_a_series_in_time(on: date, one_year: str, five_years: str) -> None:
    lpr = shipped().tables["lpr"]
    assert lpr.quote(12, on).annual_percent == Decimal(one_year)
    assert lpr.quote(61, on).annual_percent == Decimal(five_years)


def test_before_a_series_begins_there_is_no_rate() -> None:
    with pytest.raises(Refused) as refused:
        shipped().tables["lpr"].quote(12, date(2019, 8, 19))
    assert refused.value.refusal.code == "no_rate"


@pytest.mark.parametrize(("federation", "on"), [("330783", JULY), ("330503", date(2015, 10, 23))])
def test_where_no_rules_are_in_force_nobody_borrows(federation: str, on: date) -> None:
    with pytest.raises(Refused) as refused:
        Policy.at(federation, on)
    assert refused.value.refusal.code == "no_policy"


def test_the_terms_of_a_draw_in_nanxun() -> None:
    product = NANXUN.terms.product
    assert product.day_count is DayCount.ACT_360
    assert product.repayment_forms == frozenset(RepaymentForm)
    assert product.allocation == (Component.PENALTY, Component.INTEREST, Component.PRINCIPAL)


# Rules files


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A copy of the shipped rules, to be spoiled."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "rules"))


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_next_version_of_the_rules_holds_from_its_day(rules: Path) -> None:
    later = rules / "330503-nanxun-2020.toml"
    shutil.copy(rules / "330503-nanxun.toml", later)
    edit(later, 'version = "nanxun-1"', 'version = "nanxun-2"')
    edit(later, "effective_from = 2015-10-24", "effective_from = 2020-01-01")
    edit(later, "cap = 100000.00", "cap = 150000.00")
    book = Rulebook.load(rules)
    assert book.at("330503", date(2019, 12, 31)).cap(Tier.MEMBER) == 10_000_000
    assert book.at("330503", date(2020, 1, 1)).cap(Tier.MEMBER) == 15_000_000


def test_a_rates_table_is_judged_only_while_the_rules_rest_on_it(rules: Path) -> None:
    later = rules / "330503-nanxun-2020.toml"
    shutil.copy(rules / "330503-nanxun.toml", later)
    edit(later, 'version = "nanxun-1"', 'version = "nanxun-2"')
    edit(later, "effective_from = 2015-10-24", "effective_from = 2020-01-01")
    for _ in (Tier.MEMBER, Tier.HONOURED_MEMBER):
        edit(later, 'basis = "nxbank_own"', 'basis = "pboc_benchmark"')
    edit(later, "factor = 0.85", "factor = 1.05")
    book = Rulebook.load(rules).published("nxbank_own", bank_rates("1", "1", "1", since=date(2020, 1, 1)))
    assert book.at("330503", JULY).rate(Tier.MEMBER, 12, date(2019, 12, 31)).annual_percent == Decimal("6.2205")
    assert book.at("330503", date(2020, 1, 1)).rate(Tier.MEMBER, 12, date(2020, 1, 1)).table == "pboc_benchmark"


def test_titles_of_equal_rank_may_pay_different_rates(rules: Path) -> None:
    # craftsman 4.35 × 1.02 = 4.437, model worker 4.35, pacesetter 4.80675
    edit(rules / "330503-nanxun.toml", 'basis = "pboc_benchmark"\n', 'basis = "pboc_benchmark"\nfactor = 1.02\n')
    policy = Rulebook.load(rules).at("330503", JULY)
    assert policy.rate(Tier.CRAFTSMAN, 12, JULY).annual_percent == Decimal("4.437")


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("330503-nanxun.toml", 'bank = "nxbank"', "bank =", "330503-nanxun.toml: Invalid value"),
        ("330503-nanxun.toml", "cap = 200000.00", "cap = 50000.00", "a higher title has no lower cap"),
        ("330503-nanxun.toml", "cap = 100000.00", "cap = 100000.005", "at most two places"),
        ("330503-nanxun.toml", "rank = 1", "rank = 9", "tiers stand lowest first"),
        ("330503-nanxun.toml", 'tier = "craftsman"', 'tier = "model_worker"', "each tier stands once"),
        ("330503-nanxun.toml", 'basis = "nxbank_own"', 'basis = "other"', "no rates table named other"),
        ("330503-nanxun.toml", "factor = 0.85", "factor = 1.15", "rates_not_monotone"),
        ("330503-nanxun.toml", "factor = 0.85", "facter = 0.85", "facter"),
        ("330503-nanxun.toml", '"penalty", "interest"', '"interest"', "the order of allocation"),
        ("330503-nanxun.toml", "shortest_months = 1", "shortest_months = 48", "above the longest"),
        ("330503-nanxun.toml", 'day_count = "act/360"', 'day_count = "act/act"', "day_count"),
        ("330503-nanxun.toml", "up_to_months = 6\n", "up_to_months = 3\n", "production cycles ascend"),
        ("330503-nanxun.toml", "effective_from = 2015-10-24", "effective_from = 2010-01-01", "no_rate"),
        ("nxbank.toml", "up_to_months = 60", "up_to_months = 12", "bands ascend"),
        ("nxbank.toml", "up_to_months = 12, ", "", "only the last band"),
        ("nxbank.toml", 'name = "nxbank_own"', 'name = "lpr"', "stands in another file"),
        ("lpr.toml", "effective_from = 2019-09-20", "effective_from = 2019-08-20", "follow each other in time"),
        ("lpr.toml", 'version = "2019-09-20"', 'version = "2019-08-20"', "a version of its own"),
        ("lpr.toml", 'kind = "rates"', 'kind = "other"', "kind"),
    ],
)  # fmt: skip
def test_a_bad_rules_file_is_refused_and_says_what_is_wrong(
    rules: Path, file: str, old: str, new: str, said: str
) -> None:
    edit(rules / file, old, new)
    with pytest.raises(BadRules, match=said):
        Rulebook.load(rules)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('version = "nanxun-1"', 'version = "nanxun-2"', "two versions from 2015-10-24"),
        ("effective_from = 2015-10-24", "effective_from = 2020-01-01", "two policies of one version"),
    ],
)
def test_two_versions_of_a_federations_rules_differ_in_day_and_name(rules: Path, old: str, new: str, said: str) -> None:
    later = rules / "330503-nanxun-2020.toml"
    shutil.copy(rules / "330503-nanxun.toml", later)
    edit(later, old, new)
    with pytest.raises(BadRules, match=said):
        Rulebook.load(rules)
