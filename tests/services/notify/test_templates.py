"""The words of messages."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from services.notify import senders, templates
from services.notify.senders import Sender
from services.notify.templates import Addressee, BadTemplate, BadValues, Catalogue, Template
from services.notify.wording import Kind, Variable
from shared.schemas.money import cny
from shared.schemas.notify import Channel, TemplateRef

NANXUN = senders.shipped()["330503"]
ZHANG = Addressee("张建国", NANXUN)

EXAMPLES: dict[Kind, JsonValue] = {
    Kind.TEXT: "南太湖工匠",
    Kind.MONEY: "300000.00",
    Kind.DATE: "2026-11-24",
    Kind.INSTANT: "2026-11-30T16:00:00Z",
    Kind.PERCENT: "4.785000",
    Kind.MONTHS: 36,
    Kind.DAYS: 7,
    Kind.COUNT: 3,
    Kind.REFERENCE: "01985b5e-3f00-7000-8000-00003f2a91bc",
}
EVERY = sorted(templates.shipped().templates.values(), key=lambda template: template.id)


def template(name: str) -> Template:
    return templates.shipped()[TemplateRef(id=name, version=1)]


def examples(of: Template) -> dict[str, JsonValue]:
    return {name: example(variable) for name, variable in of.variables.items()}


def example(variable: Variable) -> JsonValue:
    one = variable.words[0][0] if variable.words else EXAMPLES[variable.kind]
    return [one, one] if variable.several else one


@pytest.mark.parametrize(
    ("kind", "value", "written"),
    [
        (Kind.MONEY, "100000.00", "100,000元"),
        (Kind.MONEY, "17421.13", "17,421.13元"),
        (Kind.MONEY, "-0.50", "-0.50元"),
        (Kind.MONEY, "0.00", "0元"),
        (Kind.DATE, "2026-11-04", "2026年11月4日"),
        (Kind.INSTANT, "2026-11-24T16:05:00Z", "2026年11月25日 00:05"),
        (Kind.PERCENT, "4.350000", "4.35%"),
        (Kind.PERCENT, "10", "10%"),
        (Kind.MONTHS, 12, "12个月"),
        (Kind.DAYS, 7, "7天"),
        (Kind.REFERENCE, "01985b5e-3f00-7000-8000-00003f2a91bc", "3F2A91BC"),
        (Kind.TEXT, "  【假冒】\n的 话 ", "（假冒） 的 话"),
    ],
)
def test_values_are_written_as_people_write_them(kind: Kind, value: JsonValue, written: str) -> None:
    assert Variable(kind).written(value) == written


@given(st.integers(min_value=-(10**12), max_value=10**12))
def test_an_amount_that_is_written_can_be_read_back(amount: int) -> None:
    written = Variable(Kind.MONEY).written(cny(amount))
    assert written is not None
    yuan, _, cents = written.removesuffix("元").replace(",", "").partition(".")
    assert int(f"{yuan}{cents or '00'}") == amount


@pytest.mark.parametrize("each", EVERY, ids=lambda each: each.id)
def test_every_text_message_is_signed_and_fits_and_every_mail_says_the_same_twice(each: Template) -> None:
    values = examples(each)
    if Channel.SMS in each.channels:
        text = each.sms_text(ZHANG, values)
        assert text.startswith("【南浔区总工会】张建国您好，")
        assert text.count("【") == 1
        assert len(text) <= 140
    if Channel.EMAIL in each.channels:
        mail = each.email_words(ZHANG, values)
        assert mail.text.startswith("张建国，您好：")
        written = [variable.written(values[name]) for name, variable in each.variables.items()]
        for value in written:
            assert (value in mail.text) == (value in mail.html)  # type: ignore[operator]
        assert mail.subject in mail.html
        assert "12351" in mail.text


def test_an_approved_loan_reads_as_a_cadre_would_write_it() -> None:
    text = template("loan-accepted").sms_text(ZHANG, {"limit": "100000.00", "months": 12, "annual_percent": "4.785000"})
    assert text == (
        "【南浔区总工会】张建国您好，您的匠心贷已获银行批准：额度100,000元，期限12个月，年利率4.785%。"
        "随借随还，用多少借多少。"
    )


def test_a_fact_that_is_not_there_leaves_no_line() -> None:
    values: dict[str, JsonValue] = {"purpose": "share_with_bank", "on": "2026-11-24", "until": None}
    mail = template("consent-given").email_words(ZHANG, values)
    assert "有效期" not in mail.text
    assert "有效期" not in mail.html


def test_what_people_are_named_is_no_markup_and_no_program() -> None:
    wild = Addressee("<img src=x>{{ 7*7 }}", NANXUN)
    mail = template("loan-recommended").email_words(wild, {"endorse_by": "2026-11-30T16:00:00Z"})
    assert "<img" not in mail.html
    assert "&lt;img src=x&gt;{{ 7*7 }}" in mail.html


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"limit": "100000.00", "months": 12}, "annual_percent"),
        ({"limit": "100000.00", "months": 12, "annual_percent": "4.35", "secret": 1}, "secret"),
        ({"limit": "13867201234元", "months": 12, "annual_percent": "4.35"}, "limit is no money"),
        ({"limit": None, "months": 12, "annual_percent": "4.35"}, "limit is no money"),
    ],
)
def test_wrong_values_are_named_without_being_told(values: dict[str, JsonValue], named: str) -> None:
    with pytest.raises(BadValues, match=named) as refused:
        template("loan-accepted").sms_text(ZHANG, values)
    assert "13867201234" not in str(refused.value)


def test_a_text_message_never_grows_beyond_what_vendors_take() -> None:
    with pytest.raises(BadValues, match="characters"):
        template("honour-granted").sms_text(Addressee("长" * 500, NANXUN), {"title": "工匠", "on": "2026-11-24"})


def test_nobody_signs_with_brackets() -> None:
    with pytest.raises(ValueError, match="name"):
        Sender(name="总工会】【银行", hotline="12351")


def written(folder: Path, content: str, name: str = "greeting.1.toml") -> Path:
    (folder / "vocabulary.toml").write_text('[mood-1]\ngood = "好"\n')
    (folder / name).write_text(content)
    return folder


GREETING = 'id = "greeting"\nversion = 1\nabout = "问候"\n'


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (GREETING, "neither"),
        (GREETING + '[sms]\ntext = "{{ amount }}"', "not declared: amount"),
        (GREETING + '[variables]\namount = "money"\n[sms]\ntext = "您好"', "no words use: amount"),
        (GREETING + '[variables]\nname = "text"\n[sms]\ntext = "{{ name }}"', "declared again: name"),
        (GREETING + '[variables]\nday = "date?"\n[sms]\ntext = "{{ day }}"', "without asking"),
        (GREETING + '[variables]\nday = "day"\n[sms]\ntext = "{{ day }}"', "day"),
        (GREETING + '[variables]\nmood = "word:mood-2"\n[sms]\ntext = "{{ mood }}"', "no mood-2"),
        (GREETING + '[sms]\ntext = "{{ name"', "unexpected end"),
        (GREETING + '[sms]\ntext = "{{ name.__class__.__mro__ }}"', "unsafe"),
        (GREETING + "[sms]\ntext = \"{% include '../../secret' %}\"", "secret"),
        (GREETING + f'[sms]\ntext = "{"长" * 500}"', "500|51[0-9]"),
        (GREETING + '[sms]\ntext = "您好"\nsignature = "别人"', "signature"),
        (GREETING.replace("1", "2") + '[sms]\ntext = "您好"', "holds greeting@2"),
    ],
)
def test_a_template_that_could_fail_later_is_refused_when_it_is_loaded(tmp_path: Path, content: str, why: str) -> None:
    with pytest.raises(BadTemplate, match=why) as refused:
        Catalogue.load(written(tmp_path, content))
    assert str(refused.value).startswith("greeting.1.toml: ")


def test_an_old_version_stays_beside_the_new_one(tmp_path: Path) -> None:
    written(tmp_path, GREETING + '[sms]\ntext = "{{ name }}您好"')
    second = GREETING.replace("version = 1", "version = 2")
    written(
        tmp_path,
        second + '[variables]\nmood = "word:mood-1"\n[sms]\ntext = "{{ name }}心情{{ mood }}"',
        "greeting.2.toml",
    )
    catalogue = Catalogue.load(tmp_path)
    assert catalogue[TemplateRef(id="greeting", version=1)].sms_text(ZHANG, {}).endswith("张建国您好")
    assert catalogue[TemplateRef(id="greeting", version=2)].sms_text(ZHANG, {"mood": "good"}).endswith("张建国心情好")
