"""What a vendor approved: signatures by its names for them, and templates by its codes.

A vendor sends its own approved words with our values put in. So the words that it approved stand in the settings, and
a text is taken apart by them: what they do not give back, letter for letter, is not sent through that vendor. Of a
template whose words depend on a value, the vendor approves one for each case, and the one that fits is taken.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, StringConstraints, field_validator

from services.notify.channels import NotServed, Sms

__all__ = ["Approvals", "Approved", "Worded"]

SIGNED: Final = re.compile(r"【([^【】]{1,30})】(.*)", re.DOTALL)
VARIABLE: Final = re.compile(r"\$\{([A-Za-z]\w*)\}|\{(\d+)\}")


class Approved(BaseModel):
    """A template as a vendor approved it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: Annotated[str, StringConstraints(min_length=1, max_length=50)]
    words: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    """Without the signature; variables as `${name}` (Aliyun) or `{1}` (Tencent Cloud)."""
    longest: PositiveInt = 35
    """Characters of a value, at most."""

    @field_validator("words")
    @classmethod
    def _no_variables_side_by_side(cls, words: str) -> str:
        if re.search(rf"({VARIABLE.pattern})({VARIABLE.pattern})", words):
            raise ValueError("variables stand side by side: vendors refuse that")
        return words

    def values(self, text: str) -> dict[str, str] | None:
        """By variable, in the order of the words; None where the text is not these words.

        >>> Approved(code="SMS_1", words="${name}您好，额度${limit}。").values("张建国您好，额度100,000元。")
        {'name': '张建国', 'limit': '100,000元'}
        """
        match = _pattern(self.words, self.longest).fullmatch(text)
        return {name[1:]: value for name, value in match.groupdict().items()} if match else None


@dataclass(frozen=True, slots=True)
class Worded:
    """A text, as a vendor is told it."""

    signature: str
    code: str
    values: dict[str, str]

    def __repr__(self) -> str:
        return f"Worded({self.code})"


class Approvals(BaseModel):
    """Of one vendor, for every federation that uses it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    signatures: dict[str, str] = {}
    """The vendor's name for a signature, by the signature that stands in our texts."""
    templates: dict[str, Annotated[tuple[Approved, ...], Field(min_length=1)]] = {}
    """By template, such as `loan-accepted@1`."""

    def worded(self, message: Sms) -> Worded:
        """Raises NotServed where nothing that the vendor approved gives back the text."""
        signed = SIGNED.fullmatch(message.text)
        if signed is None or signed[1] not in self.signatures:
            raise NotServed("signature not approved")
        if message.template not in self.templates:
            raise NotServed("template not approved")
        for approved in self.templates[message.template]:
            if (values := approved.values(signed[2])) is not None:
                return Worded(self.signatures[signed[1]], approved.code, values)
        raise NotServed("words not approved")


@cache
def _pattern(words: str, longest: int) -> re.Pattern[str]:
    """Of a text made with these words. Names have a letter before them, since a group's name is no number."""
    pattern, seen, place = "", set[str](), 0
    for variable in VARIABLE.finditer(words):
        name = f"v{variable[1] or variable[2]}"
        pattern += re.escape(words[place : variable.start()])
        pattern += f"(?P={name})" if name in seen else f"(?P<{name}>.{{1,{longest}}}?)"
        seen.add(name)
        place = variable.end()
    return re.compile(pattern + re.escape(words[place:]), re.DOTALL)
