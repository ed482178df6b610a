"""Rules: which event calls for which words."""

from datetime import date
from pathlib import Path
from typing import Any, ClassVar, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel

from services.notify import rules, senders, templates
from services.notify.rules import Audience, BadRules, Rulebook, check_rules
from services.notify.templates import Addressee
from shared.schemas import aid, lending, loan, registry
from shared.schemas.ids import MemberId, new_id
from shared.schemas.language import events_of
from shared.schemas.loan import ApplicationId, LineId, LoanAccepted
from shared.schemas.messages import Event
from shared.schemas.money import Fen
from shared.schemas.notify import RecipientKind
from shared.schemas.personal import Personal

LANGUAGES = {
    "aid": events_of(aid),
    "lending": events_of(lending),
    "loan": events_of(loan),
    "registry": events_of(registry),
}


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


class Tag(BaseModel):
    words: str


class CaseDecided(Event):
    subject: ClassVar[str | None] = "member_id"

    member_id: UUID
    terms: Terms
    note: Personal[str] | None = None
    ground: Literal["late", "early"] | None = None
    tags: tuple[Tag, ...] = ()


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
CASES = {"cases": {"CaseDecided": CaseDecided}}
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
    return check_rules(*book(folder, rule), CASES)


def test_a_value_may_stand_deep_in_an_event_be_missing_or_be_personal(tmp_path: Path) -> None:
    assert problems(tmp_path, RULE) == []
    found, catalogue = book(tmp_path, RULE)
    template = catalogue[found.rules[0].template]
    event: dict[str, Any] = {"member_id": str(new_id()), "terms": {"limit": "5.00", "until": None}, "note": None}
    assert found.rules[0].values_of(event, template) == {"limit": "5.00", "until": None, "note": None}


def test_a_rule_may_ask_for_one_of_several_codes(tmp_path: Path) -> None:
    asking = RULE.replace("class =", 'when = { ground = ["late"] }\nclass =')
    assert problems(tmp_path, asking) == []
    (rule,) = book(tmp_path, asking)[0].rules
    assert [rule.applies_to({"ground": ground}) for ground in ("late", "early", None)] == [True, False, False]


def test_a_place_asked_about_is_not_missing(tmp_path: Path) -> None:
    reading = 'ground = "word:ground-1"'
    (tmp_path / "vocabulary.toml").write_text('[ground-1]\nlate = "迟"\nearly = "早"')
    (tmp_path / "greeting.1.toml").write_text(
        GREETING.replace('note = "text?"', reading).replace("{% if note %}{{ note }}{% endif %}", "{{ ground }}")
    )
    catalogue = templates.Catalogue.load(tmp_path)

    def found(rule: str) -> list[str]:
        (tmp_path / "rules.toml").write_text(rule)
        return check_rules(Rulebook.load(tmp_path / "rules.toml", catalogue), catalogue, CASES)

    assert found(RULE.replace("class =", 'when = { ground = ["late"] }\nclass =')) == []
    assert found(RULE) == ["greet: CaseDecided.ground may be {'type': 'null'}, which is no ground (word)"]


def test_several_values_are_named_and_none_are_none(tmp_path: Path) -> None:
    (tmp_path / "vocabulary.toml").touch()
    (tmp_path / "greeting.1.toml").write_text(GREETING.replace("text?", "text*"))
    (tmp_path / "rules.toml").write_text(RULE.replace('"terms.until" }', '"terms.until", note = "tags.words" }'))
    catalogue = templates.Catalogue.load(tmp_path)
    listing = Rulebook.load(tmp_path / "rules.toml", catalogue)
    assert check_rules(listing, catalogue, CASES) == []
    (template,) = catalogue.templates.values()

    def text(*words: str) -> str:
        event: dict[str, Any] = {"terms": {"limit": "5.00", "until": None}, "tags": [{"words": one} for one in words]}
        return template.sms_text(
            Addressee("某", senders.shipped()["330503"]), listing.rules[0].values_of(event, template)
        )

    assert text() == "【南浔区总工会】5元"
    assert text("甲", "乙") == "【南浔区总工会】5元甲；乙"
    assert text(*"一二三四五六") == "【南浔区总工会】5元一；二；三；四；五等6项"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"CaseDecided"', '"CaseClosed"', "greet: cases has no event CaseClosed"),
        ('"terms.limit"', '"terms.cap"', "greet: CaseDecided has no terms.cap"),
        ('"terms.limit"', '"member_id"', "which is no limit (money)"),
        ('"terms.until"', '"terms.limit"', "which is no until (date)"),
        ("class =", 'when = { ground = ["lost"] }\nclass =', "greet: CaseDecided.ground is never lost"),
        ("class =", 'when = { verdict = ["late"] }\nclass =', "greet: CaseDecided.verdict is never late"),
        ('until = "terms.until"', 'until = "terms.until", note = "tags.words"', "which is no note (text)"),
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
