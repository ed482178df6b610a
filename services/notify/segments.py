"""How many parts a text message has: as it goes over the air, and as mainland vendors count it.

Over the air a text whose every character is in GSM 03.38 has 160 septets in one part and 153 in each of several; any
other is UTF-16, 70 units in one part and 67 in each of several (3GPP TS 23.038, 23.040). What takes two septets or
two units, as € and 𠮷 do, is never divided between parts. Vendors of the mainland count characters, a letter as much
as a 汉字: 70 in one part, 67 in each of several. All of them count the signature 【…】.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import Final

__all__ = ["LONGEST", "Alphabet", "Counting", "Parts", "TooLong", "as_billed", "as_sent", "parts_of"]

LONGEST: Final = 500
"""Characters of a text with its signature, at mainland vendors."""

BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION: Final = frozenset("\f^{}\\[~]|€")
"""Behind an escape: two septets each."""
BEYOND_BMP: Final = 0x10000


class TooLong(ValueError):
    """More characters than any vendor takes; the message has their number alone."""


class Alphabet(StrEnum):
    GSM = "gsm"
    UTF16 = "utf-16"


class Counting(StrEnum):
    """How a provider counts what it charges for."""

    BILLED = "billed"  # characters, as mainland vendors do
    SENT = "sent"  # what goes over the air


@dataclass(frozen=True, slots=True)
class Parts:
    alphabet: Alphabet
    units: int
    """Septets, UTF-16 units, or the characters that a vendor counts."""
    parts: int


_IN_ONE: Final = {Alphabet.GSM: 160, Alphabet.UTF16: 70}
_IN_EACH: Final = {Alphabet.GSM: 153, Alphabet.UTF16: 67}


def as_sent(text: str) -> Parts:
    """Over the air. Raises TooLong.

    >>> as_sent("Your loan of 100{000} is approved").units
    35
    >>> as_sent("【南浔区总工会】" + "好" * 62)
    Parts(alphabet=<Alphabet.UTF16: 'utf-16'>, units=70, parts=1)
    """
    _check(text)
    if all(character in BASIC or character in EXTENSION for character in text):
        return _parts(Alphabet.GSM, [2 if character in EXTENSION else 1 for character in text])
    return _parts(Alphabet.UTF16, [2 if ord(character) >= BEYOND_BMP else 1 for character in text])


def as_billed(text: str) -> Parts:
    """By a mainland vendor. Raises TooLong.

    >>> as_billed("【南浔区总工会】" + "A" * 63).parts
    2
    """
    _check(text)
    one, each = _IN_ONE[Alphabet.UTF16], _IN_EACH[Alphabet.UTF16]
    return Parts(Alphabet.UTF16, len(text), 1 if len(text) <= one else ceil(len(text) / each))


def parts_of(text: str, counting: Counting) -> int:
    """Raises TooLong."""
    return (as_billed(text) if counting is Counting.BILLED else as_sent(text)).parts


def _check(text: str) -> None:
    if len(text) > LONGEST:
        raise TooLong(f"{len(text)} characters")


def _parts(alphabet: Alphabet, widths: Iterable[int]) -> Parts:
    widths = list(widths)
    units = sum(widths)
    if units <= _IN_ONE[alphabet]:
        return Parts(alphabet, units, 1)
    room, parts = 0, 0
    for width in widths:
        if room < width:
            room, parts = _IN_EACH[alphabet], parts + 1
        room -= width
    return Parts(alphabet, units, parts)
