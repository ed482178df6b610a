"""Fields that name or describe a person.

An event's `Personal[...]` field is sealed with the person's own key before it reaches a table or the wire
(see `shared.eventsourcing.keyring`). Once the key is destroyed, the field reads as erased.
"""

from typing import Any, Final, Self, get_args

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

__all__ = ["NotReadable", "Personal"]

_ERASED: Final = object()


class NotReadable(Exception):
    """The clear value of a field was asked for that is sealed, or erased."""


class Personal[T]:
    """One person's datum: clear in the hands of its owner, sealed everywhere else, erased in the end.

    Its text form never shows the value, so that it cannot slip into a log.
    """

    __slots__ = ("_sealed", "_value")

    def __init__(self, value: T) -> None:
        self._value: Any = value
        self._sealed: str | None = None

    @classmethod
    def from_sealed(cls, token: str) -> Self:
        personal = cls.__new__(cls)
        personal._value, personal._sealed = None, token
        return personal

    @classmethod
    def erased(cls) -> Self:
        personal = cls.__new__(cls)
        personal._value, personal._sealed = _ERASED, None
        return personal

    @property
    def clear(self) -> T:
        """The value. Raises NotReadable where it is sealed or erased."""
        if not self.is_clear:
            raise NotReadable("erased" if self.is_erased else "sealed")
        value: T = self._value
        return value

    @property
    def token(self) -> str:
        """The sealed form. Raises NotReadable where there is none."""
        if self._sealed is None:
            raise NotReadable("not sealed")
        return self._sealed

    @property
    def is_clear(self) -> bool:
        return self._sealed is None and self._value is not _ERASED

    @property
    def is_erased(self) -> bool:
        return self._value is _ERASED

    def __repr__(self) -> str:
        return "Personal(…)" if not self.is_erased else "Personal(erased)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Personal) and self._value == other._value and self._sealed == other._sealed

    def __hash__(self) -> int:
        return hash((Personal, self._sealed)) if self._sealed else hash((Personal, self._value))

    @classmethod
    def _not_in_clear(cls, form: Any, info: core_schema.ValidationInfo[Any]) -> Self:
        """Who calls a service says what they know: only an event, out of a log, is sealed or erased."""
        if info.context is not None and info.context.get("clear"):
            raise ValueError("personal data is said in clear")
        return cls.erased() if form["sealed"] is None else cls.from_sealed(form["sealed"])

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        (inner,) = get_args(source) or (Any,)
        clear = core_schema.no_info_after_validator_function(cls, handler(inner))
        sealed = core_schema.with_info_after_validator_function(
            cls._not_in_clear,
            core_schema.typed_dict_schema(
                {"sealed": core_schema.typed_dict_field(core_schema.nullable_schema(core_schema.str_schema()))},
                extra_behavior="forbid",
            ),
        )
        from_wire = core_schema.union_schema([sealed, clear], mode="left_to_right")
        return core_schema.json_or_python_schema(
            json_schema=from_wire,
            python_schema=core_schema.union_schema(
                [core_schema.is_instance_schema(Personal), from_wire], mode="left_to_right"
            ),
            serialization=core_schema.plain_serializer_function_ser_schema(
                _on_the_wire, info_arg=True, when_used="json"
            ),
        )


def _on_the_wire(personal: Personal[Any], info: core_schema.SerializationInfo) -> Any:
    if personal.is_erased:
        return {"sealed": None}
    if not personal.is_clear:
        return {"sealed": personal.token}
    if info.context is not None and info.context.get("clear"):
        return personal.clear
    raise NotReadable("personal data would leave in clear")
