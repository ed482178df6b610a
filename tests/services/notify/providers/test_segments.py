"""How many parts a text message has, and what they cost."""

from collections.abc import Callable
from datetime import date
from math import ceil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.prices import Price, Prices, shipped
from services.notify.segments import LONGEST, Alphabet, Counting, Parts, TooLong, as_billed, as_sent, parts_of

SIGNATURE = "【南浔区总工会】"
GSM = st.text(st.sampled_from("abcXYZ 0123456789@£èΔΩ~^{}[]€|\\"), max_size=LONGEST)
ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=LONGEST)


@pytest.mark.parametrize(
    ("text", "alphabet", "units", "parts"),
    [
        ("a" * 160, Alphabet.GSM, 160, 1),
        ("a" * 161, Alphabet.GSM, 161, 2),
        ("a" * 306, Alphabet.GSM, 306, 2),
        ("a" * 307, Alphabet.GSM, 307, 3),
        ("€" * 80, Alphabet.GSM, 160, 1),
        ("€" * 81, Alphabet.GSM, 162, 2),
        ("a" * 152 + "€" + "a" * 152, Alphabet.GSM, 306, 3),  # the € begins the second part, and a letter is left over
        ("好" * 70, Alphabet.UTF16, 70, 1),
        ("好" * 71, Alphabet.UTF16, 71, 2),
        ("好" * 134, Alphabet.UTF16, 134, 2),
        ("好" * 135, Alphabet.UTF16, 135, 3),
        ("a" * 70 + "好", Alphabet.UTF16, 71, 2),
        ("𠮷" * 35, Alphabet.UTF16, 70, 1),
        ("𠮷" * 36, Alphabet.UTF16, 72, 2),
        ("𠮷" * 67, Alphabet.UTF16, 134, 3),  # 33 in each of two parts, and one more
        ("", Alphabet.GSM, 0, 1),
    ],
)
def test_over_the_air_a_text_is_counted_in_septets_or_in_utf16(
    text: str, alphabet: Alphabet, units: int, parts: int
) -> None:
    counted = as_sent(text)
    assert (counted.alphabet, counted.units, counted.parts) == (alphabet, units, parts)


@pytest.mark.parametrize(("characters", "parts"), [(70, 1), (71, 2), (134, 2), (135, 3), (201, 3), (202, 4), (500, 8)])
def test_a_vendor_counts_every_character_once_and_the_signature_with_them(characters: int, parts: int) -> None:
    for filling in "好a€":
        assert as_billed(SIGNATURE + filling * (characters - len(SIGNATURE))).parts == parts
    assert as_billed("𠮷" * 70).parts == 1


@pytest.mark.parametrize("count", [as_billed, as_sent])
def test_no_text_has_more_than_500_characters(count: Callable[[str], Parts]) -> None:
    count("好" * 500)
    with pytest.raises(TooLong, match=r"^501 characters$"):
        count("好" * 501)


@given(ANY)
def test_utf16_counts_as_python_encodes_it(text: str) -> None:
    text = "好" + text[: LONGEST - 1]
    assert as_sent(text).units == len(text.encode("utf-16-be")) // 2


@given(GSM | ANY)
def test_parts_hold_the_text_and_none_is_empty(text: str) -> None:
    counted = as_sent(text)
    room = 153 if counted.alphabet is Alphabet.GSM else 67
    one = 160 if counted.alphabet is Alphabet.GSM else 70
    if counted.parts == 1:
        assert counted.units <= one
    else:
        assert counted.units > one
        # At most one unit of a part is left empty by what may not be divided.
        assert ceil(counted.units / room) <= counted.parts <= ceil(counted.units / (room - 1))


@given(ANY, st.characters(exclude_categories=["Cs"]))
def test_a_longer_text_never_has_fewer_parts_in_the_same_alphabet(text: str, more: str) -> None:
    text = text[: LONGEST - 1]
    before, after = as_sent(text), as_sent(text + more)
    if before.alphabet is after.alphabet:
        assert before.parts <= after.parts <= before.parts + 1
    assert as_billed(text).parts <= as_billed(text + more).parts


@given(ANY)
def test_a_vendor_never_counts_more_than_goes_over_the_air_as_utf16(text: str) -> None:
    if as_sent(text).alphabet is Alphabet.UTF16:
        assert as_billed(text).parts <= as_sent(text).parts


def test_a_price_counts_from_its_day_until_the_next(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(
        '[[aliyun]]\nsince = 2026-03-01\nli = 40\ncounting = "billed"\n'
        '[[aliyun]]\nsince = 2026-01-01\nli = 45\ncounting = "billed"\n'
    )
    prices = Prices.load(path)

    def li(day: date) -> int | None:
        price = prices.on(day, "aliyun")
        return price.li if price is not None else None

    assert li(date(2025, 12, 31)) is None
    assert li(date(2026, 1, 1)) == li(date(2026, 2, 28)) == 45
    assert li(date(2026, 3, 1)) == li(date(2027, 1, 1)) == 40
    assert prices.on(date(2026, 3, 1), "nobody") is None


def test_parts_are_added_up_before_they_are_rounded_to_a_fen() -> None:
    price = Price(since=date(2026, 1, 1), li=45, counting=Counting.BILLED)
    assert price.parts(SIGNATURE + "好" * 63) == 2
    assert [price.of(parts) for parts in (0, 1, 2, 3, 1000)] == [0, 5, 9, 14, 4500]


def test_the_shipped_prices_say_how_each_provider_counts() -> None:
    text = SIGNATURE + "𠮷" * 60
    counted = {name: parts_of(text, prices[-1].counting) for name, prices in shipped().prices.items()}
    assert counted == {"aliyun": 1, "tencent": 1, "kannel": 2, "smpp": 2, "sms-gateway": 1}
