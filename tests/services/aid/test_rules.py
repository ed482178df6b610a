"""Scheme versions: which holds where and when, what a rules file must be, and how a version is published."""

from datetime import date
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from services.aid.domain.desk import fold
from services.aid.domain.publication import SCHEME, PublishedSchemes
from services.aid.rules import SHIPPED, BadRules, Rulebook, city_of, shipped
from shared.schemas.aid import BenefitBand, BenefitTable, Care, ClaimAssessed, Document, PublishScheme, SchemeTerms
from shared.schemas.messages import Refused
from shared.schemas.money import fen
from tests.services.aid.cases import (
    CLERK,
    COVERED,
    DONGYANG,
    FACTS,
    JANUARY,
    JINHUA,
    LI,
    aid,
    assess,
    file,
    insured,
    noon,
    of,
    only,
    played,
)

CURRENT = shipped().at(DONGYANG, JANUARY)


def test_the_city_pools_dongyang_from_the_first_of_july_2019() -> None:
    before, after = shipped().at(DONGYANG, date(2019, 6, 30)), shipped().at(DONGYANG, date(2019, 7, 1))
    assert (before.pool, before.version) == (DONGYANG, "dongyang-1")
    assert (after.pool, after.version) == (JINHUA, "jinhua-1")


def test_the_figures_of_the_programme() -> None:
    for terms in shipped().schemes:
        assert (terms.fee, terms.employer_part, terms.ceiling) == (fen(50), fen(25), fen(30_000))
        assert terms.care == (Care.INPATIENT, Care.SPECIAL_OUTPATIENT)
        assert terms.period(date(2019, 6, 30)).first == date(2018, 7, 1)
        assert terms.period(date(2019, 7, 1)).last == date(2020, 6, 30)


def test_each_kind_of_care_has_its_documents() -> None:
    assert Document.DISCHARGE_SUMMARY in CURRENT.required(Care.INPATIENT)
    assert Document.DISCHARGE_SUMMARY not in CURRENT.required(Care.SPECIAL_OUTPATIENT)


def test_a_county_is_of_its_city() -> None:
    assert city_of(DONGYANG) == city_of(JINHUA) == JINHUA


def test_before_the_first_period_there_is_none() -> None:
    assert shipped().period_before(DONGYANG, date(2016, 7, 1)) is None
    assert shipped().period_before(DONGYANG, date(2019, 7, 1)) == date(2018, 7, 1)


def test_a_hospital_takes_part_from_a_day_on() -> None:
    hospital = shipped().hospital("jhzxyy")
    assert hospital is not None
    assert hospital.has_joined(date(2019, 7, 1))
    assert not hospital.has_joined(date(2019, 6, 30))
    assert shipped().hospital("nowhere") is None


# Rules files


def changed(tmp_path: Path, name: str, old: str, new: str) -> Path:
    folder = tmp_path / "rules"
    copytree(SHIPPED, folder)
    path = folder / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    return folder


def test_a_county_changes_its_benefits_in_one_file(tmp_path: Path) -> None:
    folder = changed(tmp_path, "benefit-default.toml", "percent = 60", "percent = 70")
    assert Rulebook.load(folder).at(DONGYANG, JANUARY).benefit.bands[-1].percent == 70


@pytest.mark.parametrize(
    ("name", "old", "new", "complaint"),
    [
        ("benefit-default.toml", "    { percent = 60 },\n", "", "the last band has no up_to"),
        ("benefit-default.toml", "up_to = 20000.00", "up_to = 5000.00", "bands ascend"),
        ("benefit-default.toml", "deductible = 500.00", "deductible = 5000.00", "first band ends above"),
        ("hospitals-3307.toml", 'kind = "hospitals"', 'kind = "prices"', "no such kind"),
        ("benefit-default.toml", "deductible = 500.00", "deductible = ", "benefit-default.toml"),
        ("330783-dongyang.toml", 'benefit = "default"', 'benefit = "other"', "no benefit table named other"),
        ("330783-dongyang.toml", "employer_part = 25.00", "employer_part = 50.01", "above the fee"),
        ("330783-dongyang.toml", '["330783"]', '["330503"]', "of one city"),
        ("330783-dongyang.toml", "filing_days = 180", "filing_day = 180", "filing_day"),
        ("330783-dongyang.toml", "effective_from = 2016-07-01", "effective_from = 2019-07-01", "two schemes from"),
        ("hospitals-3307.toml", 'code = "dyzyy"', 'code = "dyrmyy"', "stands twice"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, name: str, old: str, new: str, complaint: str) -> None:
    with pytest.raises(BadRules, match=complaint):
        Rulebook.load(changed(tmp_path, name, old, new))


# Publication


def version(name: str = "dongyang-2", since: date = date(2019, 1, 11), **changes: object) -> SchemeTerms:
    return CURRENT.model_copy(update={"version": name, "effective_from": since, **changes})


GENEROUS = BenefitTable(deductible=0, bands=(BenefitBand(percent=100),))


def test_a_version_is_in_force_from_its_day_on() -> None:
    history = played((PublishScheme(terms=version()), CLERK, JANUARY))
    book = fold(history).of(SCHEME, JINHUA).on_top_of(shipped())
    assert book.at(DONGYANG, JANUARY).version == "dongyang-1"
    assert book.at(DONGYANG, date(2019, 1, 11)).version == "dongyang-2"
    assert book.at(DONGYANG, date(2019, 7, 1)).version == "jinhua-1"
    assert PublishedSchemes((CURRENT,)).on_top_of(shipped()) is shipped()


def test_no_version_begins_before_tomorrow() -> None:
    aid.given().when(PublishScheme(terms=version(since=JANUARY))).refused("scheme_in_past")


def test_a_version_is_published_once_and_by_the_federation_whose_fund_it_is() -> None:
    aid.given().when(PublishScheme(terms=version("dongyang-1"))).refused("scheme_exists")
    aid.given().when(PublishScheme(terms=version()), federation=JINHUA).refused("not_your_pool")


def test_a_price_list_published_after_the_filing_changes_nothing() -> None:
    filed = played((file("1000"), of(LI), JANUARY), after=COVERED)
    later = FACTS.rulebook.published(version(benefit=GENEROUS))
    before = only(ClaimAssessed, aid.given(*filed).when(assess()).events)
    after = only(ClaimAssessed, aid.given(*filed).when(assess(), rulebook=later, now=noon(date(2019, 2, 1))).events)
    assert before == after
    assert after.assessment.scheme == "dongyang-1"


def test_a_stay_is_judged_by_the_version_of_its_admission() -> None:
    later = FACTS.rulebook.published(version(benefit=GENEROUS))
    history = insured(LI)
    stay: dict[str, Any] = {"admitted_on": date(2019, 1, 11), "discharged_on": date(2019, 1, 12)}
    filed = played((file("1000", **stay), of(LI), date(2019, 2, 1)), after=history, rulebook=later)
    assessed = only(ClaimAssessed, aid.given(*filed).when(assess(), rulebook=later).events)
    assert (assessed.assessment.scheme, assessed.assessment.amount) == ("dongyang-2", fen(1_000))


def test_an_unknown_version_is_a_fault_and_no_refusal() -> None:
    with pytest.raises(KeyError):
        shipped().version(DONGYANG, "dongyang-9")
    with pytest.raises(Refused):
        shipped().at("330503", JANUARY)
