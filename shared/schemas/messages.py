"""Commands, events and queries: the shapes that every programme's language is made of."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, ClassVar, get_args, get_origin
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints, TypeAdapter

from shared.schemas.personal import Personal

__all__ = [
    "Accepted",
    "Actor",
    "Command",
    "Event",
    "Federation",
    "Instant",
    "Meta",
    "Query",
    "Reason",
    "Refusal",
    "Refused",
    "Role",
    "Text",
    "in_ascii",
]


def _in_utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("an instant lies between the years 1 and 9999 in UTC") from None


type Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""An aware instant, UTC on the wire."""


def in_ascii(digits: str) -> str:
    """Refuses the digits of other scripts, which pydantic takes for `\\d`. Raises ValueError."""
    if not digits.isascii():
        raise ValueError("digits are 0 to 9")
    return digits


type Federation = Annotated[str, StringConstraints(pattern=r"^\d{6}$"), AfterValidator(in_ascii)]
"""A federation's administrative division code (GB/T 2260), such as 330503."""

type Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class Event(BaseModel):
    """What has happened. The class name and `schema_version` are its stored name: never rename one.

    `subject` names the field that holds the id of the person whose data the `Personal[...]` fields are.
    `addressed_to` names the field that holds the token of an outside party, such as a bank's code: the event
    is then published where that party, and no other, can read it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, defer_build=True)

    schema_version: ClassVar[int] = 1
    subject: ClassVar[str | None] = None
    addressed_to: ClassVar[str | None] = None
    personal_fields: ClassVar[Mapping[str, TypeAdapter[Any]]] = {}

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.personal_fields = {
            name: TypeAdapter(inner)
            for name, field in cls.model_fields.items()
            if (inner := _personal_type(field.annotation)) is not None
        }
        if cls.personal_fields and cls.subject not in cls.model_fields:
            raise TypeError(f"{cls.__name__} has personal fields: `subject` must name the person's id field")


def _personal_type(annotation: Any) -> Any:
    """The T of `Personal[T]` or `Personal[T] | None`; None for another type."""
    for candidate in (annotation, *get_args(annotation)):
        if get_origin(candidate) is Personal:
            return get_args(candidate)[0]
    return None


class Role(StrEnum):
    """In what capacity somebody acts."""

    MEMBER = "member"  # 职工, 会员
    CADRE = "cadre"  # 工会干部, of a grassroots union
    OFFICER = "officer"  # of the federation
    BANK = "bank"
    HOSPITAL = "hospital"
    OPERATOR = "operator"  # runs the system
    SYSTEM = "system"  # a timer, or a reaction to another service's event


class Actor(BaseModel):
    """Who acts. On the wire `role:id`, such as `bank:nxbank` or `member:0198…`."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    role: Role
    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]

    @classmethod
    def parse(cls, text: str) -> "Actor":
        role, _, name = text.partition(":")
        return cls(role=Role(role), id=name)

    def __str__(self) -> str:
        return f"{self.role}:{self.id}"


class Command(BaseModel):
    """What somebody wants done. `roles` may ask for it; an unknown field is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)

    roles: ClassVar[frozenset[Role]] = frozenset(Role)


class Query[Answer](BaseModel):
    """What somebody wants to know: `class ShowLine(Query[LineAnswer])`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)

    roles: ClassVar[frozenset[Role]] = frozenset(Role)

    @classmethod
    def answer_type(cls) -> Any:
        for base in cls.__mro__:
            metadata = getattr(base, "__pydantic_generic_metadata__", None)
            if metadata and metadata["origin"] is Query:
                return metadata["args"][0]
        raise TypeError(f"{cls.__name__} does not say what answers it")

    @classmethod
    @cache
    def answers(cls) -> TypeAdapter[Any]:
        """Reads and writes its answers. Made once: that takes longer than a whole call."""
        return TypeAdapter(cls.answer_type())


class Meta(BaseModel):
    """What is known of an event beside its content: kept with it, and sent as its headers."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    federation: str
    actor: str
    time: datetime
    correlation: UUID
    causation: UUID
    """The id of the command that caused the event."""
    cause: UUID | None = None
    """The id of the event that caused the command, where one did."""
    trace: str | None = None
    """W3C traceparent of the command."""


class Accepted(BaseModel):
    """The reply to a command that was carried out, or had been already."""

    stream: str
    version: int
    position: int
    """Pass it as `after` to a query, to read your own write."""
    duplicate: bool = False
    changed: bool = True
    """False where all was as the command would have it: nothing was appended."""


class Refusal(BaseModel):
    """The reply to a command or query that was refused."""

    code: str
    clause: str
    message: str
    """Words for a person, in 中文."""
    details: dict[str, Any] = {}


class Refused(Exception):
    """A command was refused."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"{refusal.code} ({refusal.clause}): {refusal.message}")
        self.refusal = refusal

    def __reduce__(self) -> Any:
        return (Refused, (self.refusal,))


class Reason:
    """A ground for refusal: its code, the clause that refuses, and words with places for details.

    >>> ABOVE_CAP = Reason("above_cap", "匠心贷 第3条", "额度不得超过{cap}元")
    >>> raise ABOVE_CAP(cap="100000.00")
    Traceback (most recent call last):
    shared.schemas.messages.Refused: above_cap (匠心贷 第3条): 额度不得超过100000.00元
    """

    __slots__ = ("clause", "code", "words")

    def __init__(self, code: str, clause: str, words: str) -> None:
        self.code, self.clause, self.words = code, clause, words

    def __call__(self, **details: Any) -> Refused:
        return Refused(
            Refusal(code=self.code, clause=self.clause, message=self.words.format(**details), details=details)
        )
