"""Numbers that people and organisations go by: what is read, what is refused and under which clause."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from services.registry.identity import (
    Sex,
    compact,
    mask_account,
    mask_email,
    mask_id_number,
    mask_mobile,
    mask_name,
    read_account,
    read_credit_code,
    read_email,
    read_id_number,
    read_mobile,
    read_name,
    tidy,
)
from shared.schemas.messages import Refused
from tests.services.registry.rosters import card_number, credit_code, id_number

TODAY = date(2019, 7, 1)
LI = id_number("330503", date(1990, 1, 1), 123)
CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
CREDIT_WEIGHTS = [3**place % 31 for place in range(17)]

id_numbers = st.builds(
    id_number,
    st.from_regex(r"[1-6][0-9]{5}", fullmatch=True),
    st.dates(date(1900, 1, 1), TODAY),
    st.integers(0, 999),
)
credit_bodies = st.from_regex(r"[1-9AGNY][1-9][0-9]{6}[0-9A-HJ-NPQRTUWXY]{9}", fullmatch=True)


def refusal(call: Callable[..., Any], *arguments: Any) -> tuple[str, str]:
    with pytest.raises(Refused) as refused:
        call(*arguments)
    return refused.value.refusal.code, refused.value.refusal.clause


# Identity numbers


def test_an_identity_number_says_when_somebody_was_born_and_whether_a_man_or_a_woman() -> None:
    li = read_id_number(LI, TODAY)
    assert (li.number, li.born, li.sex, li.place_known) == (LI, date(1990, 1, 1), Sex.MALE, True)
    assert read_id_number(id_number("330503", date(1990, 1, 1), 124), TODAY).sex is Sex.FEMALE


def test_the_standards_own_examples_are_read() -> None:
    assert read_id_number("11010519491231002X", TODAY).sex is Sex.FEMALE
    assert read_id_number("440524188001010014", TODAY).born == date(1880, 1, 1)


@given(id_numbers)
@example(id_number("330503", date(1904, 2, 29), 0))
def test_every_number_that_keeps_the_standard_is_read(number: str) -> None:
    assert read_id_number(number, TODAY).number == number


@given(id_numbers, st.integers(0, 17), st.sampled_from("0123456789X"))
def test_any_single_wrong_character_is_refused(number: str, place: int, wrong: str) -> None:
    assume(number[place] != wrong)
    with pytest.raises(Refused):
        read_id_number(number[:place] + wrong + number[place + 1 :], TODAY)


@given(id_numbers, st.integers(0, 16))
def test_two_neighbouring_digits_in_the_wrong_order_are_refused(number: str, place: int) -> None:
    assume(number[place] != number[place + 1])
    with pytest.raises(Refused):
        read_id_number(number[:place] + number[place + 1] + number[place] + number[place + 2 :], TODAY)


@pytest.mark.parametrize(
    "written",
    [
        "11010519491231002x",
        "１１０１０５１９４９１２３１００２Ｘ",
        " 110105 19491231 002X ",
        "110105\u00a019491231\u3000002X",
        "\u202d11010519491231002X\u202c",
        "'11010519491231002X",
        "‘11010519491231002X",
        "110105-19491231-002X",
        "11010519491231002×",
        "11010519\u200b491231002X\n",
    ],
)
def test_a_number_is_read_however_it_was_typed_or_pasted(written: str) -> None:
    assert read_id_number(written, TODAY).number == "11010519491231002X"


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("", "id_number_length"),
        (LI[:-1], "id_number_length"),
        (LI + "0", "id_number_length"),
        ("330503900101123", "id_number_first_generation"),
        ("330503********1232", "id_number_masked"),
        ("3305O3199001011232", "id_number_characters"),
        ("33050319900101123Y", "id_number_characters"),
        ("330503199001011²32", "id_number_characters"),
        ("٣٣٠٥٠٣١٩٩٠٠١٠١١٢٣٢", "id_number_characters"),
        ("330503199002301232", "id_number_birth"),
        ("330503190002291239", "id_number_birth"),
        ("330503000001011239", "id_number_birth"),
        (LI[:-1] + "3", "id_number_check"),
        (id_number("330503", date(2019, 7, 2), 123), "id_number_future"),
    ],
)
def test_what_is_wrong_with_an_identity_number_is_said_under_its_standard(written: str, code: str) -> None:
    assert refusal(read_id_number, written, TODAY) == (code, "GB 11643")


def test_somebody_born_today_has_a_number() -> None:
    assert read_id_number(id_number("330503", TODAY, 123), TODAY).age(TODAY) == 0


@pytest.mark.parametrize(
    ("place", "known"),
    [
        ("330503", True),  # Nanxun is a district since 2003: of somebody born before, the code is as good
        ("110104", True),  # 宣武区, until 2010
        ("810000", True),  # a residence permit of somebody from Hong Kong
        ("333300", False),
        ("999999", False),
    ],
)
def test_an_unknown_place_is_no_ground_for_refusal(place: str, known: bool) -> None:
    assert read_id_number(id_number(place, date(1990, 1, 1), 123), TODAY).place_known is known


@pytest.mark.parametrize(("on", "years"), [(date(2006, 1, 1), 16), (date(2005, 12, 31), 15), (date(2019, 7, 1), 29)])
def test_age_is_in_full_years(on: date, years: int) -> None:
    assert read_id_number(LI, TODAY).age(on) == years


def test_a_leap_days_child_comes_of_age_on_the_first_of_march() -> None:
    leap = read_id_number(id_number("330503", date(2000, 2, 29), 123), TODAY)
    assert (leap.age(date(2018, 2, 28)), leap.age(date(2018, 3, 1))) == (17, 18)


def test_neither_a_refusal_nor_a_read_number_shows_the_number() -> None:
    with pytest.raises(Refused) as refused:
        read_id_number(LI[:-1] + "3", TODAY)
    assert LI[:-1] not in str(refused.value)
    assert LI not in repr(read_id_number(LI, TODAY))
    assert "6222" not in repr(read_account(card_number("622202123456789")))


# Credit codes


@given(credit_bodies)
def test_every_code_that_keeps_the_standard_is_read(body: str) -> None:
    remainder = (
        sum(CREDIT_ALPHABET.index(sign) * weight for sign, weight in zip(body, CREDIT_WEIGHTS, strict=True)) % 31
    )
    code = body + CREDIT_ALPHABET[-remainder % 31]
    assert read_credit_code(code).code == code


@given(credit_bodies.map(credit_code), st.integers(0, 17), st.sampled_from(CREDIT_ALPHABET))
def test_any_single_wrong_character_of_a_code_is_refused(code: str, place: int, wrong: str) -> None:
    assume(code[place] != wrong)
    with pytest.raises(Refused):
        read_credit_code(code[:place] + wrong + code[place + 1 :])


def test_a_remainder_of_zero_gives_check_zero() -> None:
    assert read_credit_code("81330503MC00000240").code == "81330503MC00000240"


@pytest.mark.parametrize(
    ("body", "of_a_union", "grassroots"),
    [
        ("81330503MC1234567", True, True),
        ("89330503MC1234567", True, False),
        ("91330503MA1234567", False, False),
        ("N2330503MF1234567", False, False),  # 农村集体经济组织
        ("A1330503MC1234567", False, False),
    ],
)
def test_codes_that_begin_with_8_are_unions_and_with_81_grassroots_unions(
    body: str, of_a_union: bool, grassroots: bool
) -> None:
    code = read_credit_code(credit_code(body))
    assert (code.is_of_a_union, code.is_of_a_grassroots_union) == (of_a_union, grassroots)


def test_a_code_is_read_in_small_and_full_width_letters() -> None:
    code = credit_code("91330503MA1234567")
    assert read_credit_code(f" {code.lower()} ").code == code
    assert read_credit_code("９１" + code[2:8] + " " + code[8:]).code == code


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("330503000012345", "credit_code_old"),
        ("14693123-4", "credit_code_old"),
        ("91330503", "credit_code_length"),
        ("91330503MAI2345670", "credit_code_characters"),
        ("9133O503MA12345670", "credit_code_characters"),
        (credit_code("91330503MA1234567")[:-1] + "0", "credit_code_check"),
    ],
)
def test_what_is_wrong_with_a_code_is_said_under_its_standard(written: str, code: str) -> None:
    assert refusal(read_credit_code, written) == (code, "GB 32100")


# Names, telephones, addresses, accounts


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("张 三", "张三"),
        ("张\u3000三", "张三"),
        ("阿卜杜拉•买买提", "阿卜杜拉·买买提"),
        ("阿卜杜拉 · 买买提", "阿卜杜拉·买买提"),
        ("𠮷田", "𠮷田"),
        ("John  Smith", "John Smith"),
        ("J. O'Neill", "J. O'Neill"),
    ],
)
def test_a_name_is_read_without_its_padding(written: str, name: str) -> None:
    assert read_name(written) == name


@pytest.mark.parametrize("written", ["", "张", "张三1", "张三（退休）", "=1+1", "13800000000", "张" * 51])
def test_what_is_no_name_is_refused(written: str) -> None:
    assert refusal(read_name, written)[0] == "name_malformed"


@pytest.mark.parametrize(
    "written",
    [
        "13800000000",
        "+8613800000000",
        "0086 138 0000 0000",
        "86-138-0000-0000",
        "１３８００００００００",
        "\u202d13800000000\u202c",
    ],
)
def test_a_mobile_number_is_read_however_it_is_written(written: str) -> None:
    assert read_mobile(written) == "13800000000"


@pytest.mark.parametrize("written", ["0572-3912345", "3912345", "057283912345", "(0572)3912345", "0572-3912345转801"])
def test_a_landline_is_told_from_a_wrong_number(written: str) -> None:
    assert refusal(read_mobile, written)[0] == "mobile_landline"


@pytest.mark.parametrize(
    "written", ["", "1380000000", "138000000000", "12800000000", "1380000000a", "13800000000/13900000000"]
)
def test_a_wrong_mobile_number_is_refused(written: str) -> None:
    assert refusal(read_mobile, written)[0] == "mobile_malformed"


def test_an_address_that_could_carry_a_second_header_is_refused() -> None:
    assert read_email(" worker＠example.com ") == "worker@example.com"
    for written in [
        "worker",
        "a@b",
        "a@b.cn\nBcc: c@d.cn",
        "a b@c.cn",
        "<a@b.cn>",
        "a@b.cn,c@d.cn",
        "a@@b.cn",
        "a@-.",
        "a@b..cn",
    ]:
        assert refusal(read_email, written)[0] == "email_malformed"


def test_a_card_with_a_wrong_digit_is_doubtful_and_a_passbook_is_not() -> None:
    card = card_number("622202123456789")
    assert read_account(f"{card[:4]} {card[4:]}").check_holds
    assert not read_account(card[:-1] + str((int(card[-1]) + 1) % 10)).check_holds
    assert read_account("1205220101109876543").check_holds
    assert refusal(read_account, "6222O2123456")[0] == "account_malformed"


# Masking


def test_masked_numbers_let_nobody_but_their_owner_recognise_them() -> None:
    assert mask_id_number("330302199001011234") == "3303**********1234"
    assert mask_mobile("13800000000") == "138****0000"
    assert mask_name("李建国") == "李**"
    assert mask_account("6222021234567890") == "************7890"
    assert mask_email("jianguo@example.com") == "j***@example.com"


@given(st.text("0123456789", max_size=30))
def test_a_short_number_is_masked_whole(number: str) -> None:
    for mask, shown in ((mask_id_number, 8), (mask_mobile, 7), (mask_account, 4)):
        masked = mask(number)
        assert len(masked) == len(number)
        assert len(masked.replace("*", "")) == (shown if len(number) > shown else 0)


@given(st.text())
def test_tidying_twice_changes_nothing_more(text: str) -> None:
    assert tidy(tidy(text)) == tidy(text)
    assert " " not in compact(text)
