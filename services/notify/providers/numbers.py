"""Telephone numbers: the registry keeps mainland ones bare, and others with a plus and their country."""

import re
from typing import Final

from services.notify.channels import Permanent

__all__ = ["bare", "with_country"]

MAINLAND: Final = re.compile(r"(?:\+?86|0086)?(1\d{10})")
ABROAD: Final = re.compile(r"\+\d{6,15}")


def bare(number: str) -> str:
    """As the registry has it; what is no mainland mobile number stays as it is.

    >>> bare("+8613867201234"), bare("13867201234"), bare("+85251234567")
    ('13867201234', '13867201234', '+85251234567')
    """
    match = MAINLAND.fullmatch(number)
    return match[1] if match else number


def with_country(number: str) -> str:
    """`+8613867201234`. Raises Permanent where it is no mobile number of the mainland and no international one."""
    if match := MAINLAND.fullmatch(number):
        return f"+86{match[1]}"
    if ABROAD.fullmatch(number):
        return number
    raise Permanent("not a telephone number")
