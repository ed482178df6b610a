"""What vendors' codes mean, and what they approved."""

from string import Template as Placeholders

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.channels import OutcomeUnknown, Permanent, Technical
from services.notify.providers.codes import codes_of
from services.notify.providers.wording import Approved
from shared.schemas.notify import FailureKind

VENDORS = ("aliyun", "tencent", "kannel", "smpp")
SHOWN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="$"), min_size=1, max_size=12)


def test_the_longest_entry_that_fits_counts() -> None:
    aliyun = codes_of("aliyun")
    assert type(aliyun.answered("isv.MOBILE_NUMBER_ILLEGAL")) is Permanent
    assert type(aliyun.answered("isv.SOMETHING_ELSE")) is Technical
    assert type(aliyun.answered("isp.RAM_PERMISSION_DENY")) is Technical
    assert type(aliyun.answered("isp.SOMETHING_ELSE")) is OutcomeUnknown


@pytest.mark.parametrize("vendor", VENDORS)
@given(code=st.text(max_size=80))
def test_every_code_means_something_and_a_reason_holds_nothing_but_a_code(vendor: str, code: str) -> None:
    codes = codes_of(vendor)
    for reason in (codes.answered(code, code).reason, codes.failed(code).reason):
        assert reason.isascii()
        assert len(reason) <= 100
        assert reason in {f"{vendor} {code}", f"{vendor} code not understood"}


@pytest.mark.parametrize("vendor", ["aliyun", "tencent"])
@given(code=st.from_regex(r"[A-Z][A-Za-z.]{3,20}", fullmatch=True))
def test_an_answer_that_nobody_knows_is_never_taken_for_a_refusal(vendor: str, code: str) -> None:
    codes = codes_of(vendor)
    if not any(code == entry or (entry.endswith("*") and code.startswith(entry[:-1])) for entry in codes.answers):
        assert type(codes.answered(code)) is OutcomeUnknown
    assert codes.failed("nobody-knows").kind is FailureKind.TEMPORARY


@given(st.lists(SHOWN, min_size=2, max_size=7), st.data())
def test_a_text_is_taken_apart_into_values_that_give_it_back(literals: list[str], data: st.DataObject) -> None:
    names = [f"v{number}" for number in range(len(literals) - 1)]
    words = "".join(f"{literal}${{{name}}}" for literal, name in zip(literals, names, strict=False)) + literals[-1]
    given_values = {name: data.draw(SHOWN) for name in names}
    text = Placeholders(words).substitute(given_values)
    values = Approved(code="SMS_1", words=words).values(text)
    assert values is not None
    assert Placeholders(words).substitute(values) == text


def test_a_variable_has_one_value_wherever_it_stands_and_no_longer_a_one_than_the_vendor_takes() -> None:
    approved = Approved(code="1", words="{1}您好，{1}的额度{2}。", longest=5)
    assert approved.values("张建国您好，张建国的额度1元。") == {"1": "张建国", "2": "1元"}
    assert approved.values("张建国您好，李四的额度1元。") is None
    assert approved.values("张建国您好，张建国的额度1000元整。") is None
