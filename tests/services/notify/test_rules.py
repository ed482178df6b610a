"""Rules: which event calls for which words."""

from datetime import date
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import pytest
from pydantic import BaseModel

from services.notify import rules, senders, templates
from services.notify.rules import Audience, BadRules, Rulebook, check_rules
from services.notify.templates import Addressee
from shared.schemas import lending, loan, registry
from shared.schemas.ids import MemberId, new_id
from shared.schemas.language import events_of
from shared.schemas.loan import ApplicationId, LineId, LoanAccepted
from shared.schemas.messages import Event
from shared.schemas.money import Fen
from shared.schemas.notify import RecipientKind
from shared.schemas.personal import Personal

LANGUAGES = {"lending": events_of(lending), "loan": events_of(loan), "registry": events_of(registry)}


def test_every_shipped_rule_fits_the_events_of_its_programme() -> None:
    book = rules.shipped()
    assert {rule.programme for rule in book.rules} == LANGUAGES.keys()
    assert check_rules(book, templates.shipped(), LANGUAGES) == []


def test_every_shipped_template_is_called_for() -> None:
    assert {rule.template for rule in rules.shipped().rules} == templates.shipped().templates.keys()


def test_an_event_becomes_words() -> None:
    accepted = LoanAccepted(
        application_id=ApplicationId(new_id()),
        member_id=MemberId(new_id()),
        bank="nxbank",
        line_id=LineId(new_id()),
        limit=10_000_000,
        months=36,
        annual_percent="5.742",
    )
    event: dict[str, Any] = accepted.model_dump(mode="json")
    (rule,) = rules.shipped().of("loan", "LoanAccepted")
    template = templates.shipped()[rule.template]
    text = template.sms_text(Addressee("张建国", senders.shipped()["330503"]), rule.values_of(event, template))
    assert "额度100,000元，期限36个月，年利率5.742%" in text
    assert (rule.audience.kind, rule.place_of_audience) == (RecipientKind.MEMBER, "member_id")


def test_nobody_but_the_member_is_written_a_name_or_a_number_of_a_person() -> None:
    for rule in rules.shipped().rules:
        if rule.audience is not Audience.MEMBER:
            event = LANGUAGES[rule.programme][rule.event]
            places = {rule.place_of(name) for name in templates.shipped()[rule.template].variables}
            assert places.isdisjoint(event.personal_fields), rule.id


class Terms(BaseModel):
    limit: Fen
    until: date | None = None


class CaseDecided(Event):
    subject: ClassVar[str | None] = "member_id"

    member_id: UUID
    terms: Terms
    note: Personal[str] | None = None


GREETING = """
id = "greeting"
version = 1
about = "问候"
[variables]
limit = "money"
until = "date?"
note = "text?"
[sms]
text = "{{ limit }}{% if until %}{{ until }}{% endif %}{% if note %}{{ note }}{% endif %}"
"""
RULE = """
version = "7"
[[rules]]
id = "greet"
programme = "cases"
event = "CaseDecided"
class = "progress"
template = "greeting@1"
channels = ["sms"]
values = { limit = "terms.limit", until = "terms.until" }
"""


def book(folder: Path, rule: str) -> tuple[Rulebook, templates.Catalogue]:
    (folder / "vocabulary.toml").touch()
    (folder / "greeting.1.toml").write_text(GREETING)
    (folder / "rules.toml").write_text(rule)
    catalogue = templates.Catalogue.load(folder)
    return Rulebook.load(folder / "rules.toml", catalogue), catalogue


def problems(folder: Path, rule: str) -> list[str]:
    return check_rules(*book(folder, rule), {"cases": {"CaseDecided": CaseDecided}})


def test_a_value_may_stand_deep_in_an_event_be_missing_or_be_personal(tmp_path: Path) -> None:
    assert problems(tmp_path, RULE) == []
    found, catalogue = book(tmp_path, RULE)
    template = catalogue[found.rules[0].template]
    event: dict[str, Any] = {"member_id": str(new_id()), "terms": {"limit": "5.00", "until": None}, "note": None}
    assert found.rules[0].values_of(event, template) == {"limit": "5.00", "until": None, "note": None}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"CaseDecided"', '"CaseClosed"', "greet: cases has no event CaseClosed"),
        ('"terms.limit"', '"terms.cap"', "greet: CaseDecided has no terms.cap"),
        ('"terms.limit"', '"member_id"', "which is no limit (money)"),
        ('"terms.until"', '"terms.limit"', "which is no until (date)"),
        ("class =", 'who = "cadre_id"\nclass =', "greet: CaseDecided has no cadre_id"),
        ("class =", 'concerns = "person_id"\nclass =', "greet: CaseDecided has no person_id"),
    ],
)
def test_a_rule_that_does_not_fit_its_event_is_told(tmp_path: Path, old: str, new: str, problem: str) -> None:
    (found,) = problems(tmp_path, RULE.replace(old, new))
    assert found.endswith(problem)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("greeting@1", "greeting@2", "there is no template greeting@2"),
        ('["sms"]', '["email"]', "has no words for email"),
        ("{ limit", "{ amount", "has no variable amount"),
        ('["sms"]', "[]", "channels"),
        ('class = "progress"', 'class = "gossip"', "class"),
        ("[[rules]]", RULE.partition('"7"')[2] + "[[rules]]", "more than one rule named greet"),
    ],
)
def test_rules_that_could_fail_later_are_refused_when_they_are_loaded(
    tmp_path: Path, old: str, new: str, why: str
) -> None:
    with pytest.raises(BadRules, match=why):
        book(tmp_path, RULE.replace(old, new))
